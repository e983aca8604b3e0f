"""The OpenAPI document: what endpoints declare, in the words of OpenAPI 3.1.

An endpoint says what it takes, gives and refuses (`kernel.api.endpoint`); the manners
that all have in common (problems, versions, replays, limits) are added here.
"""

import inspect
import json
from collections.abc import Mapping
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiParameter

from kernel import errors
from kernel.api.body import Body
from kernel.api.endpoint import Endpoint
from kernel.api.exceptions import status_of
from kernel.api.idempotency import (
    HEADER,
    REPLAYED_HEADER,
    IdempotencyInProgress,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
)
from kernel.api.problem import CONTENT_TYPE
from kernel.errors import DomainError
from kernel.pagination import InvalidCursor, InvalidLimit

Json = dict[str, Any]

SECURITY: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key or access token: `Authorization: Bearer stw_…`.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "An API key as the password; the user name may be anything.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key in a header of its own.",
    },
}

_HEADERS: Json = {
    "RateLimit-Policy": (
        "string",
        "The limit that counts here and its window in seconds.",
        '"default";q=600;w=60',
    ),
    "RateLimit": (
        "string",
        "What is left of it, and when it is full again.",
        '"default";r=599;t=42',
    ),
    "X-RateLimit-Limit": ("integer", "The limit, for older clients.", 600),
    "X-RateLimit-Remaining": ("integer", "What is left of it.", 599),
    "X-RateLimit-Reset": ("integer", "Seconds until it is full again.", 42),
    "X-Request-Id": ("string", "Names this request in logs and in the audit trail.", "0f3c9a…"),
    "ETag": ("string", "The version of the object as it is shown.", '"3-5d41402abc4b2a76"'),
    "Location": ("string", "Where the new object is.", "/api/v1/organizations/acme"),
    "Link": ("string", "The pages beside this one (RFC 8288).", '<…>; rel="next"'),
    "Retry-After": ("integer", "Seconds to wait before the next attempt.", 17),
    "WWW-Authenticate": ("string", "How to prove who you are.", 'Bearer realm="steward"'),
    REPLAYED_HEADER: ("string", "`true` if the answer is that of an earlier request.", "true"),
}
_EVERYWHERE = (
    "RateLimit-Policy",
    "RateLimit",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
)
_PHRASES = {
    400: "The request is malformed",
    401: "Authentication is needed",
    402: "A limit is reached that money or an admin can lift",
    403: "The principal may not do this",
    404: "There is nothing here that the caller can see",
    406: "The Accept header asks for something else than JSON",
    409: "It conflicts with the current state",
    410: "It has ended for good",
    412: "It was changed since the version that If-Match names",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "Some values are not valid",
    429: "Too many requests",
    503: "Something that is needed does not answer now",
}
_KEY_CODES = (
    ("not_authenticated", "No credential was sent"),
    ("two_credentials", "More than one credential was sent"),
    ("unknown_scheme", "The scheme is neither Bearer nor Basic"),
    ("malformed_credentials", "The Basic credentials cannot be read"),
    ("key_unknown", "No such key"),
    ("key_revoked", "The key was revoked"),
    ("key_expired", "The key has expired"),
    ("key_rotated_out", "The key was rotated and its overlap has ended"),
    ("principal_inactive", "The key's owner is deactivated"),
    ("address_not_allowed", "The key may not be used from this address"),
)


class Schema(AutoSchema):
    """Describes one method of an endpoint."""

    view: Any
    method: str
    path: str

    def is_excluded(self) -> bool:
        """Leave out whatever is not an endpoint of ours."""
        return not isinstance(self.view, Endpoint)

    def get_operation_id(self) -> str:
        """Return noun and verb; stable, for clients are generated from it."""
        return f"{self.view.noun}_{self.view.verb(self.method)}"

    def get_tags(self) -> list[str]:
        """Return the noun."""
        return [self.view.noun]

    def get_summary(self) -> str | None:
        """Return the first line of the method's docstring."""
        return self._doc()[0]

    def get_description(self) -> str:  # type: ignore[override] # spectacular's own signature
        """Return the rest of the docstring, and which permission is needed."""
        text = self._doc()[1]
        permission = getattr(self.view, "permissions", {}).get(self.method)
        if permission:
            text = f"{text}\n\nNeeds `{permission}`."
            if self.method in self.view.partial:
                text += " Without it you reach what is your own, or your team's."
        return text.strip()

    def get_auth(self) -> list[Json]:
        """Return nothing: the document's own requirement holds, unless the view is public."""
        return [] if self.view.authentication_classes else [{}]

    def get_request_serializer(self) -> Any:
        """Return the body that the method declares."""
        return self.view.bodies.get(self.method)

    def get_response_serializers(self) -> Any:
        """Return the representation by the status of success."""
        shape = self.view.shape(self.method)
        status = self.view.success(self.method)
        if self.method == "DELETE" or shape is None:
            return {status: None}
        return {status: shape(many=True) if self._lists() else shape}

    def get_override_parameters(self) -> list[Any]:
        """Return the query's parameters, and the headers of our manners."""
        declared = self.view.parameters.get(self.method)
        found: list[Any] = [declared] if declared else []
        if self.method == "POST":
            found.append(
                _header(
                    HEADER,
                    "Repeat a request with the same key and it has one effect and one answer, "
                    "for 24 hours.",
                    pattern=r"^[\x21-\x7e]{1,255}$",
                )
            )
        if self.method in self.view.versioned:
            found.append(_header("If-Match", "The ETag that was read; 412 if it has changed."))
        if self._gives_one():
            found.append(_header("If-None-Match", "The ETag that you have; 304 if it still is."))
        return found

    def _process_override_parameters(self, direction: str = "request") -> Any:
        found: Any = super()._process_override_parameters(direction)  # type: ignore[no-untyped-call]
        for variable, text in _PATH_WORDS.items():
            if "{" + variable + "}" in self.path:
                found[variable, "path"] = {
                    "in": "path",
                    "name": variable,
                    "required": True,
                    "description": text,
                    "schema": {"type": "string"},
                }
        return found

    def get_serializer_name(self, serializer: Any, direction: Direction) -> str:
        """Return a component's name: what the class describes."""
        name: str = super().get_serializer_name(serializer, direction)
        return name.removesuffix("Shape").removesuffix("Body")

    def _get_paginator(self) -> Any:
        return self.view.pagination_class() if self._lists() else None

    def _get_pagination_parameters(self) -> list[Json]:
        found: list[Json] = super()._get_pagination_parameters()  # type: ignore[no-untyped-call]
        return found if self.view.is_paged else []

    def _map_serializer(self, serializer: Any, *args: Any, **kwargs: Any) -> Json:
        schema: Json = super()._map_serializer(serializer, *args, **kwargs)  # type: ignore[no-untyped-call]
        kind = serializer if isinstance(serializer, type) else type(serializer)
        if issubclass(kind, Body):
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Direction = "response") -> Json:
        found: Json = super()._get_response_bodies(direction)
        status = str(self.view.success(self.method))
        names = list(_EVERYWHERE)
        if self._gives_one() or self.method in {"PATCH", "PUT"} or status == "201":
            names.append("ETag")
        if status == "201":
            names.append("Location")
        if self._lists() and self.view.is_paged:
            names.append("Link")
        if self.method == "POST":
            names.append(REPLAYED_HEADER)
        found[status]["headers"] = _refs(names)
        found[status]["description"] = _SUCCESS[self.view.success(self.method)]
        if self._gives_one():
            found["304"] = {"description": "You have it already", "headers": _refs(["ETag"])}
        for code, problems in sorted(self._problems().items()):
            found[str(code)] = _problem_response(code, problems)
        return found

    def _problems(self) -> dict[int, dict[str, str]]:
        """Return by status the codes that the method may answer with, and their titles."""
        found: dict[int, dict[str, str]] = {
            401: dict(_KEY_CODES),
            406: {"not_acceptable": "Not Acceptable"},
        }
        raised: list[type[DomainError]] = [
            errors.BadParameter,
            errors.Throttled,
            errors.Unavailable,
        ]
        if "{" in self.path:
            raised.append(errors.Missing)
        if getattr(self.view, "permissions", {}):
            raised.append(errors.Denied)
        if self._lists() and self.view.is_paged:
            raised += [InvalidCursor, InvalidLimit]
        if self.method in self.view.versioned:
            raised.append(errors.Stale)
        if self.method == "POST":
            raised += [IdempotencyKeyInvalid, IdempotencyKeyReused, IdempotencyInProgress]
        if self.method in self.view.bodies:
            raised.append(errors.Invalid)
            found[400] = {"malformed_request": "The request is malformed"}
            found[415] = {"unsupported_media_type": "Unsupported Media Type"}
        if self.method in self.view.bodies or self.method == "POST":
            # A POST's key is bound to its body, so the body is read even where none is taken.
            found[413] = {"body_too_large": "The body is too large"}
        if not self.view.authentication_classes:
            del found[401]
        raised += self.view.refusals.get(self.method, ())
        for error in raised:
            found.setdefault(status_of(error), {})[error.code] = str(error.title)
        return found

    def _lists(self) -> bool:
        return bool(self.view.is_list and self.method == "GET")

    def _gives_one(self) -> bool:
        return self.method == "GET" and not self.view.is_list

    def _doc(self) -> tuple[str, str]:
        handler = getattr(self.view, self.method.lower())
        text = inspect.cleandoc(handler.__doc__ or type(self.view).__doc__ or "")
        first, _, rest = text.partition("\n")
        return first.rstrip("."), rest.strip()


def finish(result: Json, **_kwargs: Any) -> Json:
    """Add what the document has once: problems, headers, security (a spectacular hook)."""
    components = result.setdefault("components", {})
    components["responses"] = _share_problems(result["paths"])
    _forget(result, "x-spec-enum-id")
    components.setdefault("schemas", {}).update(_PROBLEM_SCHEMAS)
    components["headers"] = {
        name: {"description": text, "schema": {"type": kind}, "example": example}
        for name, (kind, text, example) in _HEADERS.items()
    }
    components["securitySchemes"] = SECURITY
    result["security"] = [{name: []} for name in SECURITY]
    result["servers"] = [{"url": "/", "description": "This installation"}]
    nouns = sorted(
        {
            tag
            for path in result["paths"].values()
            for operation in path.values()
            for tag in operation.get("tags", [])
        }
    )
    result["tags"] = [{"name": noun, "description": noun.replace("_", " ")} for noun in nouns]
    return result


def _forget(part: Any, name: str) -> None:
    """Take a member out wherever it stands: a mark of the generator's own."""
    if isinstance(part, dict):
        part.pop(name, None)
        for inner in part.values():
            _forget(inner, name)
    elif isinstance(part, list):
        for inner in part:
            _forget(inner, name)


def _share_problems(paths: Json) -> Json:
    """Keep each problem's response once and refer to it; return them by name."""
    shared: Json = {}
    names: dict[str, str] = {}
    for path in paths.values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if CONTENT_TYPE not in response.get("content", {}):
                    continue
                text = json.dumps(response, sort_keys=True)
                if text not in names:
                    number = sum(name.startswith(f"Problem{status}") for name in shared)
                    names[text] = f"Problem{status}" + (f"_{number + 1}" if number else "")
                    shared[names[text]] = response
                operation["responses"][status] = {
                    "$ref": f"#/components/responses/{names[text]}"
                }
    return shared


def _header(name: str, description: str, **kwargs: Any) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, required=False, description=description, **kwargs
    )


def _refs(names: list[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problem_response(status: int, problems: Mapping[str, str]) -> Json:
    codes = "\n".join(f"- `{code}`: {title}" for code, title in problems.items())
    headers = list(_EVERYWHERE)
    if status == 401:
        headers.append("WWW-Authenticate")
    if status in {429, 503}:
        headers.append("Retry-After")
    code, title = next(iter(problems.items()))
    example = {
        "type": f"https://steward.example/docs/errors/{code}",
        "title": title,
        "status": status,
        "detail": title,
        "code": code,
        "instance": "urn:steward:request:0f3c9a6d2b1e4c5f8a7b6c5d4e3f2a1b",
    }
    return {
        "description": f"{_PHRASES[status]}\n\n{codes}",
        "headers": _refs(headers),
        "content": {
            CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        },
    }


_SUCCESS = {200: "Done", 201: "Created", 204: "Done; nothing to show"}
_PATH_WORDS = {
    "organization": "The organization's slug or id (`org_…`).",
    "team": "The team's name or id (`team_…`).",
    "member": "The member's id (`mem_…`).",
    "role": "The custom role's id (`role_…`).",
    "grant": "The grant's id (`grant_…`).",
    "wish": "The access request's id (`req_…`).",
    "invitation": "The invitation's id (`inv_…`).",
    "account": "The service account's id (`sa_…`).",
    "key": "The key's id (`key_…`).",
    "project": "The project's id (`proj_…`).",
    "collaborator": "The id of the member (`mem_…`) or service account (`sa_…`).",
    "event": "The event's id (`evt_…`).",
    "feature": "The feature's name.",
    "session": "The session's id.",
}
_PROBLEM_SCHEMAS: Json = {
    "Problem": {
        "type": "object",
        "description": "A problem document (RFC 9457). `code` is stable for ever.",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri", "description": "A page that explains it."},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What happened, why, and what to do."},
            "code": {"type": "string"},
            "instance": {"type": "string", "description": "The request, as logs name it."},
            "permission": {"type": "string", "description": "The permission that lacks."},
            "reason": {"type": "string", "description": "Why the decision was made."},
            "parameter": {"type": "string", "description": "The parameter that was refused."},
            "upgrade_url": {"type": "string", "description": "Where the limit can be lifted."},
            "errors": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/FieldProblem"},
            },
        },
    },
    "FieldProblem": {
        "type": "object",
        "required": ["pointer", "code", "detail"],
        "properties": {
            "pointer": {"type": "string", "description": "Where in the body (RFC 6901)."},
            "code": {"type": "string"},
            "detail": {"type": "string"},
        },
    },
}
