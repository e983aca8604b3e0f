"""Problem documents (RFC 9457): the one shape of every error of the API."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from kernel.errors import FieldProblem

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong. `code` is stable for ever and leads to a page of the docs."""

    code: str
    title: str
    status: int
    detail: str = ""
    request_id: str = ""
    errors: Sequence[FieldProblem] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the members of the document; further ones never replace the standard's."""
        document: dict[str, Any] = {
            "type": f"{settings.STEWARD_BASE_URL.rstrip('/')}/docs/errors/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
            "code": self.code,
        }
        if self.request_id:
            document["instance"] = f"urn:steward:request:{self.request_id}"
        if self.errors:
            document["errors"] = [dict(error) for error in self.errors]
        return {**self.extra, **document}

    def response(self) -> HttpResponse:
        """Return the document as a response."""
        return HttpResponse(
            # What is quoted from a request may hold a lone surrogate, which UTF-8 has not.
            json.dumps(self.body(), default=str, ensure_ascii=False).encode(errors="replace"),
            status=self.status,
            content_type=CONTENT_TYPE,
            headers={"Cache-Control": "no-store", **self.headers},
        )
