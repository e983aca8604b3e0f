"""`/Bulk`: many operations in one request (RFC 7644 §3.7).

Each is a request of its own, with a transaction of its own: one that fails undoes nothing of
the others. What names a `bulkId` waits for the operation that makes it, in whatever order
they come.
"""

import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django_scim.exceptions import SCIMException

from identity.resources.refusals import InvalidSyntax, InvalidValue
from identity.scim.door import Answer, Door
from identity.scim.log import Told

MOST_OPERATIONS = 1_000
_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_REFERENCE = re.compile(r"bulkId:([^/\s\"]+)")
_FIRST_ERROR = 400


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
        while waiting:
            later = []
            for place, operation in waiting:
                if most_errors and errors >= most_errors:
                    break
                if _lacks(operation, made, waiting):
                    later.append((place, operation))
                    continue
                results[place] = self._one(operation, made)
                errors += int(results[place]["status"]) >= _FIRST_ERROR
            else:
                if len(later) == len(waiting):
                    # They wait for each other, or for one that failed.
                    for place, operation in later:
                        results[place] = _result(operation, 409, _circular())
                    later = []
                waiting = later
                continue
            break
        answered = [results[place] for place in sorted(results)]
        told = Told("bulk", "Bulk", name=f"{len(answered)} operations")
        return Answer({"schemas": [_RESPONSE], "Operations": answered}, told=told)

    def _one(self, operation: Mapping[str, Any], made: dict[str, str]) -> dict[str, Any]:
        method = str(operation["method"]).upper()
        path = _named(str(operation["path"]), made)
        data = operation.get("data")
        raw = b"" if data is None else _named(json.dumps(data), made).encode()
        response = self._asked(method, path, raw, str(operation.get("version") or ""))
        location = response.headers.get("Location", "")
        if method == "POST" and response.status_code < _FIRST_ERROR and operation.get("bulkId"):
            made[str(operation["bulkId"])] = location.rpartition("/")[2]
        result = _result(operation, response.status_code, None)
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
        try:
            match = resolve(place.partition("?")[0])
        except Resolver404:
            match = None
        view = getattr(match.func, "view_class", None) if match else None
        if match is None or view is None or not issubclass(view, Door) or view is BulkView:
            raise_for = SCIMException(f"“{path}” is nothing to work on.", status=404)
            return _as_response(raise_for)
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


def _read(body: Any) -> tuple[list[dict[str, Any]], int]:
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
    return [_operation(one, seen) for one in listed], most


def _operation(given: Any, seen: set[str]) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise InvalidSyntax("Each operation has to be an object.")
    names = {"bulkid": "bulkId"}
    operation = {names.get(str(k).lower(), str(k).lower()): v for k, v in given.items()}
    method, path = operation.get("method"), operation.get("path")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise InvalidSyntax("“method” has to be POST, PUT, PATCH or DELETE.")
    if not isinstance(path, str) or not path.startswith("/"):
        raise InvalidSyntax("“path” has to begin with a slash, as in “/Users”.")
    bulk_id = operation.get("bulkId")
    if method.upper() == "POST" and not bulk_id:
        raise InvalidSyntax("An operation POST needs a “bulkId”.")
    if bulk_id is not None:
        if not isinstance(bulk_id, str) or bulk_id in seen:
            raise InvalidValue("Each “bulkId” is a text of its own.")
        seen.add(bulk_id)
    return operation


def _references(operation: Mapping[str, Any]) -> set[str]:
    text = json.dumps(operation.get("data")) + str(operation.get("path"))
    return set(_REFERENCE.findall(text))


def _lacks(
    operation: Mapping[str, Any], made: Mapping[str, str], waiting: list[tuple[int, Any]]
) -> bool:
    """Whether an operation names what is not made yet, and may still be."""
    coming = {one.get("bulkId") for _place, one in waiting}
    return any(name not in made and name in coming for name in _references(operation))


def _named(text: str, made: Mapping[str, str]) -> str:
    return _REFERENCE.sub(lambda found: made.get(found.group(1), found.group(0)), text)


def _result(operation: Mapping[str, Any], status: int, failure: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"method": str(operation["method"]).upper()}
    if operation.get("bulkId"):
        result["bulkId"] = operation["bulkId"]
    result["status"] = str(status)
    if failure is not None:
        result["response"] = failure
    return result


def _circular() -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "detail": "It waits for a bulkId that is never made.",
        "status": "409",
    }


def _as_response(exc: SCIMException) -> HttpResponse:
    document = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "detail": exc.detail,
        "status": str(exc.status),
    }
    return HttpResponse(json.dumps(document), status=int(exc.status))
