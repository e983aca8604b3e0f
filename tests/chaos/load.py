"""The load generator: threads that change things over HTTP and write all of it in the ledger.

Each operation carries its id as Idempotency-Key, as request id (which its event keeps) and in
the name of what it makes, so that the verdict can find its effects. Connections are kept alive
as a proxy in front of the service would keep them.
"""

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.house import House
from tests.chaos.ledger import Ledger, Operation, Outcome

CLIENT_SECONDS = 30.0
_MOST_KEYS = 4
_SETTLERS = 4
_BACKS_OFF_SECONDS = 0.3
ALL_KINDS = ("invite", "team", "project", "key", "place", "revoke", "displace")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request met: when it was sent (monotonic), how long it took, and the status.

    `fault` says what is wrong with the answer itself; a 503 that says when to come back has
    none. `status` 0 is a connection that ended, or the client's own time-out.
    """

    at: float
    seconds: float
    status: int
    kind: str
    fault: str = ""


class Load:
    """Sends operations of the chosen kinds from several threads until it is stopped.

    `pause_seconds` is each thread's rest between two operations. With `resends` an operation
    of unknown outcome is sent again at once, under the same key, up to so many times.
    """

    def __init__(
        self,
        house: House,
        ledger: Ledger,
        *,
        threads: int = 4,
        kinds: Sequence[str] = ALL_KINDS,
        pause_seconds: float = 0.02,
        resends: int = 0,
    ) -> None:
        self.house, self.ledger = house, ledger
        self.answers: list[Answer] = []
        self.operations: list[Operation] = []
        self._pause, self._resends = pause_seconds, resends
        self._kinds = itertools.cycle(kinds)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._teams: deque[str] = deque(maxlen=200)
        self._keys: deque[str] = deque()
        self._places: deque[tuple[str, str]] = deque()
        self._members = itertools.cycle(house.members)
        self._threads = [
            threading.Thread(target=self._loop, name=f"load-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> "Load":
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Let each thread finish its operation."""
        self._ending.set()
        for thread in self._threads:
            thread.join(CLIENT_SECONDS + 5)
            assert not thread.is_alive(), "an operation never ended"

    @contextlib.contextmanager
    def running(self) -> Iterator["Load"]:
        """Send operations as long as the block runs."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def count(self, outcome: Outcome) -> int:
        """Return how many operations stand at an outcome."""
        return sum(operation.outcome == outcome for operation in list(self.operations))

    def acked_since(self, moment: float) -> int:
        """Return how many 2xx came to requests sent after a moment."""
        return sum(a.at >= moment and 200 <= a.status < 300 for a in list(self.answers))

    def between(self, start: float, end: float) -> list[Answer]:
        """Return the answers to requests sent in a span, by time."""
        return sorted((a for a in self.answers if start <= a.at < end), key=lambda a: a.at)

    def settle(self, *, seconds: float = 30) -> None:
        """Send what is of unknown outcome again until each is acked or refused."""
        until = time.monotonic() + seconds
        unknown = deque(o for o in self.operations if o.outcome == Outcome.UNKNOWN)
        settlers = [
            threading.Thread(target=self._settle, args=(unknown, until)) for _ in range(_SETTLERS)
        ]
        for settler in settlers:
            settler.start()
        for settler in settlers:
            settler.join()

    def _settle(self, unknown: deque[Operation], until: float) -> None:
        with contextlib.closing(Caller(self.house)) as caller:
            while unknown and time.monotonic() < until:
                try:
                    operation = unknown.popleft()
                except IndexError:
                    return
                while operation.outcome == Outcome.UNKNOWN and time.monotonic() < until:
                    self.ledger.begin_again(operation)
                    self._send(caller, operation)
                    if operation.outcome == Outcome.UNKNOWN:
                        time.sleep(0.1)

    def _loop(self) -> None:
        with contextlib.closing(Caller(self.house)) as caller:
            while not self._ending.is_set():
                is_known = self._one(caller)
                # A client that is told to come back later does not do so at once.
                self._ending.wait(self._pause if is_known else _BACKS_OFF_SECONDS)

    def _one(self, caller: "Caller") -> bool:
        with self._lock:
            kind, arguments = self._choose(next(self._kinds))
            operation = self.ledger.begin(kind, **arguments)
            self.operations.append(operation)
        self._send(caller, operation)
        for _ in range(self._resends):
            if operation.outcome != Outcome.UNKNOWN or self._ending.is_set():
                break
            self.ledger.begin_again(operation)
            self._send(caller, operation)
        return operation.outcome != Outcome.UNKNOWN

    def _choose(self, kind: str) -> tuple[str, dict[str, Any]]:
        """Return a kind with its arguments; what needs an object makes one first.

        A person's keys are limited in number, so some are revoked whatever the kinds are.
        """
        if kind == "key" and len(self._keys) >= _MOST_KEYS:
            kind = "revoke"
        if kind == "place":
            if not self._teams or not self.house.members:
                return "team", {}
            return kind, {"team": self._teams.popleft(), "member": next(self._members)}
        if kind == "displace":
            if not self._places:
                return "team", {}
            team, member = self._places.popleft()
            return kind, {"team": team, "member": member}
        if kind == "revoke":
            return (kind, {"key": self._keys.popleft()}) if self._keys else ("key", {})
        return kind, {}

    def _send(self, caller: "Caller", operation: Operation) -> None:
        method, path, body = request_of(operation)
        began = time.monotonic()
        status, content, fault = caller.send(method, path, body, operation.id)
        seconds = time.monotonic() - began
        outcome = _outcome(status, content, operation, method)
        self.ledger.end(operation, outcome, status, seconds)
        self.answers.append(Answer(began, seconds, status, operation.kind, fault))
        if outcome == Outcome.ACKED:
            self._remember(operation, content)

    def _remember(self, operation: Operation, content: Any) -> None:
        """Keep what was made for operations that need some."""
        match operation.kind:
            case "team":
                self._teams.append(operation.id)
            case "key":
                self._keys.append(content["id"])
            case "place":
                self._places.append((operation.arguments["team"], operation.arguments["member"]))


def request_of(operation: Operation) -> tuple[str, str, Any]:
    """Return method, path under the organization, and body of an operation."""
    given: Any = operation.arguments
    requests: dict[str, Callable[[], tuple[str, str, Any]]] = {
        "invite": lambda: ("POST", "invitations", {"addresses": [address_of(operation)]}),
        "team": lambda: ("POST", "teams", {"name": operation.id}),
        "project": lambda: ("POST", "projects", {"team": "base", "name": operation.id}),
        "key": lambda: ("POST", "api-keys", {"name": operation.id}),
        "revoke": lambda: ("DELETE", f"api-keys/{given['key']}", None),
        "place": lambda: ("POST", f"teams/{given['team']}/members", {"member": given["member"]}),
        "displace": lambda: ("DELETE", f"teams/{given['team']}/members/{given['member']}", None),
    }
    return requests[operation.kind]()


def address_of(operation: Operation) -> str:
    """Return the address that an invitation goes to."""
    return f"{operation.id}@example.com"


class Caller:
    """One kept-alive connection to the web server, opened again when it ended."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._connection: http.client.HTTPConnection | None = None

    def send(
        self, method: str, path: str, body: Any = None, operation_id: str = ""
    ) -> tuple[int, Any, str]:
        """Return status (0: none), content and what is wrong with the answer as such.

        A path that begins with a slash is taken as it is; others lie in the organization.
        """
        if not path.startswith("/"):
            path = f"/api/v1/organizations/{self._house.slug}/{path}"
        headers = {"Authorization": f"Bearer {self._house.key}"}
        if operation_id:
            headers |= {"Idempotency-Key": operation_id, "X-Request-Id": operation_id}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            answer = self._request(method, path, data, headers).getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return 0, None, f"no answer: {type(error).__name__}"
        fault = ""
        if answer.status == 503:
            fault = "" if answer.headers["Retry-After"] else "503 without Retry-After"
        elif answer.status >= 500:
            fault = f"bare {answer.status}"
        try:
            return answer.status, json.loads(content) if content else None, fault
        except json.JSONDecodeError:
            return answer.status, None, fault or "an answer that is not JSON"

    def _request(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPConnection:
        """Send a request, on a fresh connection if the kept one was closed meanwhile.

        A server may close a connection after any answer (one that it gave before it had read
        the body, say), and clients have to expect it (RFC 9112 §9.3.1, §9.5).
        """
        if self._connection is not None:
            try:
                self._connection.request(method, path, data, headers)
            except (BrokenPipeError, ConnectionResetError):
                self.close()
            else:
                return self._connection
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", self._house.web_port, timeout=CLIENT_SECONDS
        )
        self._connection.request(method, path, data, headers)
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _outcome(status: int, content: Any, operation: Operation, method: str) -> Outcome:
    if 200 <= status < 300:
        if operation.kind == "invite":
            verdicts = {outcome["verdict"] for outcome in content["outcomes"]}
            return Outcome.ACKED if verdicts == {"invited"} else Outcome.REFUSED
        return Outcome.ACKED
    if not 400 <= status < 500:
        return Outcome.UNKNOWN
    code = content.get("code") if isinstance(content, dict) else None
    if code == "idempotency_in_progress":
        return Outcome.UNKNOWN
    # A second DELETE that finds nothing does not tell whether the first one had its effect.
    repeated = operation.sent > 1 and method == "DELETE"
    return Outcome.UNKNOWN if repeated else Outcome.REFUSED
