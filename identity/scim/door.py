"""The door of SCIM: who asks, what comes in, what goes out, and a line in the log of each.

A view names what it does by method (`on_get`, `on_post`, …); each returns an `Answer` or
raises. django-scim2's view is the base; its own check of authentication passes everything
through (`identity.scim.unchecked`), because who asks is decided here, with the organization.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri
from django.utils.http import parse_etags
from django_scim.constants import SCIM_CONTENT_TYPE
from django_scim.exceptions import SCIMException
from django_scim.views import SCIMView

from identity.directory.represent import encode_json
from identity.resources.refusals import InvalidSyntax
from identity.scim import asked, log
from identity.scim.caller import Caller, recognised
from identity.scim.errors import Failure, failure_of
from kernel.api.body import read_json
from kernel.limits import SCIM_BODY_BYTES
from kernel.transient import again_if_undone
from orgs.permissions import Permission

RFC, WANDB = "rfc", "wandb"
_DIALECT = re.compile(r"dialect\s*=\s*\"?(rfc|wandb)\"?", re.IGNORECASE)
_VERSION = re.compile(r'(?:W/)?"(\d{1,9})"')
_NEVER = 0
_TOO_MANY = 429


@dataclass(slots=True)
class Answer:
    """What is answered. `told` is for the log: what was done to what, and what it changed."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    told: log.Told = field(default_factory=log.Told)


class Door(SCIMView):  # type: ignore[misc] # django-scim2 has no types
    """A SCIM endpoint. `is_public` ones answer without a token."""

    http_method_names: ClassVar[list[str]] = ["get", "head", "post", "put", "patch", "delete"]
    is_public: ClassVar[bool] = False
    resource_type: ClassVar[str] = ""
    needs: ClassVar[tuple[Permission, ...]] = (Permission.MEMBER_READ,)
    request: HttpRequest
    kwargs: dict[str, Any]

    def _serve(self, request: HttpRequest, **_path: str) -> HttpResponse:
        started = time.monotonic()
        self.caller: Caller | None = None
        self._raw = b""
        answer: Answer | None = None
        failure: Failure | None = None
        try:
            self._raw = _read(request)
            self.caller = None if self.is_public else recognised(request, self._slug, self.needs)
            asked.require_one_choice(request.GET)
            method = "get" if request.method == "HEAD" else str(request.method).lower()
            act: Callable[[], Answer] = getattr(self, f"on_{method}", self._not_allowed)
            answer = again_if_undone(act)
            response = self._success(answer)
        except Exception as exc:  # noqa: BLE001 - every failure is answered in SCIM's form
            failure = failure_of(exc)
            response = _failed(failure)
        who: log.Who | None = getattr(request, "scim_who", None)
        # Whoever asks too often does not fill the log with it.
        if who is not None and response.status_code != _TOO_MANY:
            told = answer.told if answer is not None else log.Told(kind=self.resource_type)
            log.note(
                who=who,
                request=request,
                raw=self._raw,
                response=response,
                told=told,
                failure=failure,
                spent_seconds=time.monotonic() - started,
            )
        return response

    get = post = put = patch = delete = _serve

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Serve as django-scim2 does, without decorators that are made for every request."""
        try:
            answer: HttpResponse = super(SCIMView, self).dispatch(request, *args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - every failure is answered in SCIM's form
            return _failed(failure_of(exc))
        return answer

    # ast-grep-ignore: no-csrf-exemption - keys count here and no cookie; the library has it too
    dispatch.csrf_exempt = True  # type: ignore[attr-defined] # what Django looks for

    @property
    def asker(self) -> Caller:
        """Return who asks; for endpoints that are not public."""
        assert self.caller is not None  # noqa: S101 - recognised before the handler runs
        return self.caller

    @property
    def _slug(self) -> str:
        return str(self.kwargs.get("organization", ""))

    @property
    def dialect(self) -> str:
        """Return the form of the answer: by the credential, unless `Accept` names one."""
        named = _DIALECT.search(self.request.headers.get("Accept", ""))
        if named:
            return named.group(1).lower()
        return RFC if self.caller is None or self.caller.is_provider else WANDB

    @property
    def mount(self) -> str:
        """Return the path below which the client asks."""
        return str(self.kwargs["mount"]).format(organization=self._slug)

    @property
    def base(self) -> str:
        """Return the address below which the client asks, without a slash at the end."""
        prefix = iri_to_uri(self.request.META.get("SCRIPT_NAME", "")).rstrip("/")
        return f"{self.request.scheme}://{self.request.get_host()}{prefix}{self.mount}"

    def body(self) -> Any:
        """Return the body as JSON; raise `InvalidSyntax` for none and for another thing."""
        if not self._raw.strip():
            raise InvalidSyntax("A JSON body is missing.")
        return read_json(self._raw)

    def expected_version(self) -> int | None:
        """Return the version that If-Match names, None if any is right."""
        given = self.request.headers.get("If-Match", "").strip()
        if not given or given == "*":
            return None
        versions = {int(found) for found in _VERSION.findall(given)}
        return versions.pop() if len(versions) == 1 else _NEVER

    def is_known(self, version: int) -> bool:
        """Whether the client has this version already (If-None-Match)."""
        given = self.request.headers.get("If-None-Match", "")
        known = {tag.removeprefix("W/") for tag in parse_etags(given)} if given else set()
        return f'"{version}"' in known or "*" in known

    def _not_allowed(self) -> Answer:
        allowed = [m.upper() for m in self.http_method_names if hasattr(self, f"on_{m}")]
        raise SCIMException(f"Here one can {', '.join(allowed)}.", status=405)

    def http_method_not_allowed(self, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Answer methods that SCIM does not know."""
        return _failed(failure_of(SCIMException("SCIM has no such method.", status=405)))

    def _success(self, answer: Answer) -> HttpResponse:
        if answer.body is None:
            response = HttpResponse(status=answer.status)
            del response.headers["Content-Type"]
        else:
            response = HttpResponse(
                encode_json(answer.body), status=answer.status, content_type=SCIM_CONTENT_TYPE
            )
        response.headers["Cache-Control"] = "no-store"
        response.headers["Vary"] = "Accept, Authorization"
        for name, value in answer.headers.items():
            response.headers[name] = value
        return response


def _read(request: HttpRequest) -> bytes:
    """Read the body, of which SCIM's may be larger than others."""
    raw = request.read(SCIM_BODY_BYTES + 1)
    if len(raw) > SCIM_BODY_BYTES:
        raise RequestDataTooBig
    return bytes(raw)


def _failed(failure: Failure) -> HttpResponse:
    response = HttpResponse(
        encode_json(failure.document()), status=failure.status, content_type=SCIM_CONTENT_TYPE
    )
    response.headers["Cache-Control"] = "no-store"
    for name, value in failure.headers.items():
        response.headers[name] = value
    return response


def versioned(resource: Mapping[str, Any], version: int) -> dict[str, str]:
    """Return the header fields that tell where a resource is, and which version."""
    return {"Location": resource["meta"]["location"], "ETag": f'W/"{version}"'}
