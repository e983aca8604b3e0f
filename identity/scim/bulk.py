"""`/Bulk`: many operations in one request (RFC 7644 §3.7).

Each is a request of its own, with a transaction of its own: one that fails undoes nothing of
the others. What names a `bulkId` waits for the operation that makes it, in whatever order
they come.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django_scim.exceptions import SCIMException

from identity.resources.refusals import InvalidSyntax, InvalidValue
from identity.scim.door import Answer, Door
from identity.scim.log import Told

MOST_OPERATIONS = 1_000
_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_REFERENCE = re.compile(r"bulkId:([^/\s\"]+)")
# No id begins with a dot: `/.search` is no resource, and would be run for nothing.
_PATH = re.compile(r"/(Users|Groups|Roles)(/[^/?#.\s][^/?#\s]*)?")
_FIRST_ERROR = 400


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation; `names` are the bulkIds of others that it needs."""

    method: str
    path: str
    bulk_id: str
    data: Any
    version: str
    names: frozenset[str] = frozenset()


class BulkView(Door):
    """Many operations."""

    http_method_names: ClassVar[list[str]] = ["post"]

    def on_post(self) -> Answer:
        """Do them, each by itself, until too many have failed."""
        body = self.body()
        operations, most_errors = _read(body)
        made: dict[str, str] = {}
        results: dict[int, dict[str, Any]] = {}
        waiting = list(enumerate(operations))
        errors = 0
        while waiting and not (most_errors and errors >= most_errors):
            coming = {operation.bulk_id for _, operation in waiting}
            later = []
            for place, operation in waiting:
                if most_errors and errors >= most_errors:
                    break
                if operation.names & coming:
                    later.append((place, operation))
                    continue
                results[place] = self._one(operation, made)
                coming.discard(operation.bulk_id)
                errors += int(results[place]["status"]) >= _FIRST_ERROR
            if len(later) == len(waiting):
                for place, operation in later:
                    results[place] = _refused(operation, "It waits for a bulkId that waits for it.")
                break
            waiting = later
        answered = [results[place] for place in sorted(results)]
        told = Told("bulk", "Bulk", name=f"{len(answered)} operations")
        return Answer({"schemas": [_RESPONSE], "Operations": answered}, told=told)

    def _one(self, operation: "_Operation", made: dict[str, str]) -> dict[str, Any]:
        lacking = sorted(operation.names - made.keys())
        if lacking:
            return _refused(operation, f"The operation “{lacking[0]}” that it needs has failed.")
        method, path = operation.method, _named(operation.path, made)
        raw = b"" if operation.data is None else json.dumps(_named(operation.data, made)).encode()
        response = self._asked(method, path, raw, operation.version)
        location = response.headers.get("Location", "")
        if method == "POST" and response.status_code < _FIRST_ERROR and operation.bulk_id:
            made[operation.bulk_id] = location.rpartition("/")[2]
        result = _result(operation, response.status_code)
        if location:
            result["location"] = location
        elif method != "POST":
            result["location"] = f"{self.base}{path}"
        if tag := response.headers.get("ETag"):
            result["version"] = tag
        if response.status_code >= _FIRST_ERROR:
            result["response"] = json.loads(response.content)
        return result

    def _asked(self, method: str, path: str, raw: bytes, version: str) -> HttpResponse:
        """Ask our own endpoint, as the client would have."""
        place = f"{self.mount}{path}"
        if not _PATH.fullmatch(path):
            return _as_response(SCIMException(f"“{path}” is nothing to work on.", status=404))
        match = resolve(place)
        inner = HttpRequest()
        inner.method, inner.path = method, place
        inner.path_info = place
        inner.META = {
            **self.request.META,
            "REQUEST_METHOD": method,
            "PATH_INFO": place,
            "QUERY_STRING": "",
            "CONTENT_LENGTH": str(len(raw)),
            "CONTENT_TYPE": "application/scim+json",
        }
        inner.META.pop("HTTP_IF_MATCH", None)
        inner.META.pop("HTTP_IF_NONE_MATCH", None)
        if version:
            inner.META["HTTP_IF_MATCH"] = version
        inner.origin = getattr(self.request, "origin", None)  # type: ignore[attr-defined] # ours
        inner._stream = BytesIO(raw)
        response: HttpResponse = match.func(inner, *match.args, **match.kwargs)
        return response


def _read(body: Any) -> tuple[list[_Operation], int]:
    if not isinstance(body, Mapping):
        raise InvalidSyntax("The body has to be a JSON object.")
    parts = {str(name).lower(): value for name, value in body.items()}
    listed = parts.get("operations")
    if not isinstance(listed, list) or not listed:
        raise InvalidSyntax("“Operations” has to be a list with one operation at least.")
    if len(listed) > MOST_OPERATIONS:
        raise SCIMException(f"More than {MOST_OPERATIONS:,} operations.", status=413)
    most = parts.get("failonerrors", 0)
    if isinstance(most, bool) or not isinstance(most, int) or most < 0:
        raise InvalidValue("“failOnErrors” has to be a whole number.")
    seen: set[str] = set()
    operations = [_operation(one, seen) for one in listed]
    return [replace(one, names=_names(one, seen)) for one in operations], most


def _operation(given: Any, seen: set[str]) -> "_Operation":
    if not isinstance(given, Mapping):
        raise InvalidSyntax("Each operation has to be an object.")
    parts = {str(name).lower(): value for name, value in given.items()}
    method, path, bulk_id = parts.get("method"), parts.get("path"), parts.get("bulkid")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise InvalidSyntax("“method” has to be POST, PUT, PATCH or DELETE.")
    if not isinstance(path, str) or not path.startswith("/"):
        raise InvalidSyntax("“path” has to begin with a slash, as in “/Users”.")
    if method.upper() == "POST" and not bulk_id:
        raise InvalidSyntax("An operation POST needs a “bulkId”.")
    if bulk_id is not None:
        if not isinstance(bulk_id, str) or bulk_id in seen:
            raise InvalidValue("Each “bulkId” is a text of its own.")
        seen.add(bulk_id)
    return _Operation(
        method.upper(), path, bulk_id or "", parts.get("data"), str(parts.get("version") or "")
    )


def _names(operation: "_Operation", known: set[str]) -> frozenset[str]:
    """Return the bulkIds of this request that an operation names, wherever it does."""
    found: set[str] = set()

    def note(name: str) -> None:
        if name in known:
            found.add(name)

    _each_name([operation.path, operation.data], note)
    return frozenset(found)


def _each_name(value: Any, note: Callable[[str], None]) -> None:
    if isinstance(value, str):
        for name in _REFERENCE.findall(value):
            note(name)
    elif isinstance(value, Mapping):
        for inner in value.values():
            _each_name(inner, note)
    elif isinstance(value, list):
        for inner in value:
            _each_name(inner, note)


def _named(value: Any, made: Mapping[str, str]) -> Any:
    """Return a value with the ids of what was made in the place of its bulkIds."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: made.get(found.group(1), found.group(0)), value)
    if isinstance(value, Mapping):
        return {name: _named(inner, made) for name, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, made) for inner in value]
    return value


def _result(operation: "_Operation", status: int, failure: Any = None) -> dict[str, Any]:
    result: dict[str, Any] = {"method": operation.method}
    if operation.bulk_id:
        result["bulkId"] = operation.bulk_id
    result["status"] = str(status)
    if failure is not None:
        result["response"] = failure
    return result


def _refused(operation: "_Operation", detail: str) -> dict[str, Any]:
    document = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "detail": detail,
        "status": "409",
    }
    return _result(operation, 409, document)


def _as_response(exc: SCIMException) -> HttpResponse:
    document = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "detail": exc.detail,
        "status": str(exc.status),
    }
    return HttpResponse(json.dumps(document), status=int(exc.status))
