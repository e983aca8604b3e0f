"""A SCIM client as small as an identity provider's, over Django's test client."""

import base64
import json
from typing import Any

from django.test import Client as DjangoClient

from identity.directory import written

MEDIA_TYPE = "application/scim+json"

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ROLE = "urn:ietf:params:scim:schemas:core:2.0:Role"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
STEWARD = "urn:ietf:params:scim:schemas:extension:steward:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def bearer(token: str) -> str:
    """Return the header's value that carries a token."""
    return f"Bearer {token}"


def basic(username: str, key: str) -> str:
    """Return the header's value that carries a user name and a key."""
    return "Basic " + base64.b64encode(f"{username}:{key}".encode()).decode()


def patch_of(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a PATCH."""
    return {"schemas": [PATCH], "Operations": list(operations)}


class Answer:
    """A response that says with one call whether it is what was expected."""

    def __init__(self, response: Any, request: str) -> None:
        self.response = response
        self.request = request
        self.status_code: int = response.status_code
        self.headers = response.headers
        self.content: bytes = response.content

    def json(self) -> Any:
        """Return the body."""
        return json.loads(self.content)

    def expect(self, status: int, scim_type: str | None = None) -> Any:
        """Return the body after looking at status, media type and, of errors, the form.

        Errors: RFC 7644 §3.12. A 204 and a 304 have neither a body nor a content type.
        """
        said = self.content.decode(errors="replace")[:2_000]
        assert self.status_code == status, f"{self.request} → {self.status_code}: {said}"
        if status in (204, 304):
            assert self.content == b"", f"{self.request} → {said}"
            return None
        kind = self.headers.get("Content-Type", "")
        assert kind.split(";")[0] == MEDIA_TYPE, f"{self.request} → {kind}: {said}"
        body = self.json()
        if status >= 400:
            assert body["schemas"] == [ERROR], said
            assert body["status"] == str(status), said
            assert body.get("detail"), said
        if scim_type is not None:
            assert body.get("scimType") == scim_type, f"{self.request} → {said}"
        return body


class Client:
    """Calls below a base path with one authorization.

    Keyword arguments are parameters of the query; `headers`, `kind` (the body's
    content type) and `environ` (of WSGI) are not.
    """

    def __init__(self, authorization: str | None, *, base: str = "/scim/v2") -> None:
        self.base = base
        self._authorization = authorization
        self._http = DjangoClient(raise_request_exception=True)

    def at(self, base: str) -> "Client":
        """Return the same client below another base path."""
        return Client(self._authorization, base=base)

    def get(self, path: str, body: Any = None, **params: Any) -> Answer:
        """GET; it has no body."""
        return self.call("GET", path, body, params)

    def post(self, path: str, body: Any = None, **params: Any) -> Answer:
        """POST."""
        return self.call("POST", path, body, params)

    def put(self, path: str, body: Any = None, **params: Any) -> Answer:
        """PUT."""
        return self.call("PUT", path, body, params)

    def patch(self, path: str, body: Any = None, **params: Any) -> Answer:
        """PATCH."""
        return self.call("PATCH", path, body, params)

    def delete(self, path: str, body: Any = None, **params: Any) -> Answer:
        """DELETE."""
        return self.call("DELETE", path, body, params)

    def call(self, method: str, path: str, body: Any = None, params: Any = None) -> Answer:
        """Make a call by any method."""
        params = dict(params or {})
        headers = {"Accept": MEDIA_TYPE, **params.pop("headers", {})}
        kind = params.pop("kind", MEDIA_TYPE)
        environ = params.pop("environ", {})
        if self._authorization is not None:
            headers.setdefault("Authorization", self._authorization)
        data = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        response = self._http.generic(
            method,
            self.base + path,
            data,
            kind,
            query_params=params or None,
            headers=headers,
            **environ,
        )
        # As a few seconds later: the next answers are made of what this one was made of.
        written.made.flush()
        return Answer(response, f"{method} {self.base}{path} {params or ''} {data[:1_000]}")

    def change(self, path: str, *operations: dict[str, Any]) -> Any:
        """PATCH with these operations and return the resource as it is then.

        The answer may be 200 with the resource or 204 (RFC 7644 §3.5.2).
        """
        answer = self.patch(path, patch_of(*operations))
        assert answer.status_code in (200, 204), f"{answer.request} → {answer.content!r}"
        answer.expect(answer.status_code)
        return self.read(path)

    def read(self, path: str) -> Any:
        """Return a resource that is there."""
        return self.get(path).expect(200)

    def find(self, path: str, **params: Any) -> list[Any]:
        """Return the resources of a list, whose form is looked at (RFC 7644 §3.4.2)."""
        return listed(self.get(path, **params))["Resources"]

    def user(self, user_name: str, **changes: Any) -> Any:
        """Create a user like any provider does, and return it."""
        body = {
            "schemas": [USER],
            "userName": user_name,
            "name": {"givenName": "A", "familyName": "B"},
            "emails": [{"primary": True, "value": user_name, "type": "work"}],
            "displayName": "A B",
            "active": True,
        }
        return self.post("/Users", {**body, **changes}).expect(201)

    def group(self, name: str, *member_ids: str, **changes: Any) -> Any:
        """Create a group with members, and return it."""
        body = {
            "schemas": [GROUP],
            "displayName": name,
            "members": [{"value": one} for one in member_ids],
        }
        return self.post("/Groups", {**body, **changes}).expect(201)

    def members_of(self, group_id: str) -> set[str]:
        """Return the ids of a group's members."""
        group = self.read(f"/Groups/{group_id}")
        return {member["value"] for member in group.get("members") or []}

    def ids(self, question: str, path: str = "/Users") -> set[str]:
        """Return the ids of what a filter finds, of at most 200."""
        return {one["id"] for one in self.find(path, filter=question, count="200")}

    def put_in(self, user: Any, *operations: dict[str, Any]) -> Any:
        """PATCH a user and return the answer, which has to be 200 with the user."""
        return self.patch(f"/Users/{user['id']}", patch_of(*operations)).expect(200)

    def id_of(self, email: str) -> str:
        """Return the id of the member with an address."""
        [user] = self.find("/Users", filter=f'emails.value eq "{email}"')
        found: str = user["id"]
        return found


def listed(answer: Answer) -> Any:
    """Return a ListResponse whose numbers are true of what it holds."""
    body = answer.expect(200)
    assert body["schemas"] == [LIST]
    assert isinstance(body["Resources"], list)
    assert isinstance(body["totalResults"], int)
    assert body["itemsPerPage"] == len(body["Resources"])
    assert body["startIndex"] >= 1
    return body
