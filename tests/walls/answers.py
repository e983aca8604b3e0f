"""What an answer tells: its status, headers and body, without what every answer has its own."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.test import RequestFactory
from django.test.client import ClientHandler

from tests.walls.routes import Route
from tests.walls.town import OUTSIDE, Caller
from tests.wire.table import TABLE

# A REST endpoint's body that is good enough to be read; the paths name the rows.
BODIES = {(line.method, line.route): line.body for line in TABLE if line.body}
QUERIES = {(line.method, line.route): line.query for line in TABLE if line.query}

# A form that is good enough for most pages, so that no refusal of a field comes first.
TYPED = {
    "name": "typed",
    "display_name": "Typed",
    "description": "typed",
    "reason": "typed",
    "role": "viewer",
    "seat": "viewer",
    "visibility": "team",
    "overlap": "0",
    "overlap_seconds": "0",
    "version": "1",
    "confirmation": "rival-core",
    "act": "deactivate",
    "answer": "typed",
    "lifetime": "90",
    "reach": "all",
    "team": "acme-core",
}

_OWN = (
    (re.compile(r"urn:steward:request:\w+"), "urn"),
    (re.compile(r"/\d+/(?=remove|end\b)"), "/N/"),  # a number in a path is what was asked for
    (re.compile(r'name="csrfmiddlewaretoken" value="\w+"'), "csrf"),
    (re.compile(r'"X-CSRFToken": "\w+"'), "csrf"),
    (re.compile(r'(?<=">)[^<]*(?=</time>)'), "then"),  # how long ago; the moment stands beside it
    (re.compile(r"request-of-[0-9a-f]+|\b[0-9a-f]{32}\b(?=</code>)"), "request"),
)
Answer = tuple[int, dict[str, str], str]

_UNTOLD = frozenset({"X-Request-Id"})
_STANDING = re.compile(r"(X-)?RateLimit|X-RateLimit|Retry-After")


_FACTORY = RequestFactory(REMOTE_ADDR=OUTSIDE)


@cache
def _house() -> ClientHandler:
    """Return the house with its middleware: the test client would load it anew each time."""
    handler = ClientHandler(enforce_csrf_checks=False)
    handler.load_middleware()
    return handler


def ask(
    caller: Caller,
    route: Route,
    method: str,
    ids: dict[str, str],
    *,
    data: Any = None,
    query: str = "",
) -> Any:
    """Send one request to a route, as this caller would."""
    url, name = route.url(ids), route.name.split(":")[-1]
    if route.kind != "api":
        form = TYPED if data is None and method == "POST" else data
        return send(caller, method, f"{url}?{query}" if query else url, form=form)
    query = query or QUERIES.get((method, name), "")
    body = BODIES.get((method, name)) if data is None else data
    text = "" if body is None else json.dumps(body)
    for part in ("outsider", "team"):
        text = text.replace("{" + part + "}", ids.get(part, ""))
    return send(caller, method, f"{url}?{query}" if query else url, text=text)


def send(
    caller: Caller,
    method: str,
    url: str,
    *,
    text: str | None = None,
    form: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Send one request: JSON by the caller's key, or a form from the caller's browser."""
    if text is None:
        body = urlencode(form or {}, doseq=True)
        kind = "application/x-www-form-urlencoded"
        given = {"Cookie": f"sessionid={caller.session}"} if caller.session else {}
    else:
        body, kind, given = text, "application/json", caller.headers
    request = _FACTORY.generic(
        method, url, body, content_type=kind, headers={**given, **(headers or {})}
    )
    response = _house()(request.environ)
    response.json = lambda: json.loads(response.content)
    return response


def body_of(response: Any) -> str:
    """Return the body as text, also of an answer that is streamed."""
    raw = b"".join(response.streaming_content) if response.streaming else response.content
    return raw.decode("utf-8", "replace")


def headers_of(response: Any) -> dict[str, str]:
    """Return the headers that may tell something; the rate's counter goes on by itself."""
    found = {
        name: text
        for name, text in response.headers.items()
        if name not in _UNTOLD and not _STANDING.match(name)
    }
    for name, morsel in response.cookies.items():
        found[f"Set-Cookie {name}"] = f"{morsel['path']} {_lasting(morsel['max-age'])}"
    return found


def _lasting(seconds: Any) -> str:
    """Return how a cookie lasts: a session's has a second less in each later answer."""
    if seconds == "":
        return "until the browser ends"
    return "for a time" if int(seconds) > 0 else "no longer"


def told(response: Any) -> Answer:
    """Return all that a caller could learn from an answer."""
    headers = {name: _without_own(text) for name, text in headers_of(response).items()}
    body = body_of(response)
    if "</time>" in body:
        # “9 minutes ago” is shorter than “10 minutes ago”.
        headers.pop("Content-Length", None)
    return response.status_code, headers, _without_own(body)


def _without_own(text: str) -> str:
    for pattern, word in _OWN:
        text = pattern.sub(word, text)
    return text


def difference(left: Answer, right: Answer) -> str:
    """Say in one line where two answers differ; empty if they tell the same."""
    if left[0] != right[0]:
        return f"status {left[0]} and {right[0]}"
    for name in sorted(left[1].keys() | right[1].keys()):
        if left[1].get(name) != right[1].get(name):
            return f"header {name}: {left[1].get(name)!r} and {right[1].get(name)!r}"
    if left[2] != right[2]:
        at = next(
            (n for n, (a, b) in enumerate(zip(left[2], right[2], strict=False)) if a != b),
            min(len(left[2]), len(right[2])),
        )
        spot = slice(max(0, at - 40), at + 60)
        return f"body at {at}: …{left[2][spot]!r} and …{right[2][spot]!r}"
    return ""
