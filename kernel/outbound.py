"""The one guarded HTTP client: every request to an address that somebody else chose.

SSO providers, issuers of job tokens and webhook receivers are typed in by customers,
so their addresses are attacks until shown otherwise. The guard (OWASP, "Server-Side
Request Forgery Prevention"): https only, no userinfo, ports 443 and 8443; the name is
resolved once, refused unless *all* its addresses are public, and the connection goes
to those very addresses, so that a second DNS answer is never asked for; the
certificate is verified for the name; redirects are handed back, not followed; one
deadline covers everything from DNS to the last byte; the body is bounded before and
after decompression. Which addresses count as public is in `kernel/addresses.py`.

`STEWARD_OUTBOUND_ALLOW_LOOPBACK` (development) permits http and any port to names that
resolve to loopback only. `STEWARD_OUTBOUND_ALLOWED_NETWORKS` lists private networks
that a self-hoster's own services live in. Proxy variables of the environment are not
obeyed: a proxy would resolve the name again.
"""

import json as json_module
import math
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import httpcore
import httpx
from django.conf import settings

from kernel.addresses import is_loopback, is_public, is_within, looks_numeric
from kernel.commitment import require_committed
from kernel.errors import Invalid, Unavailable

CONNECT_SECONDS = 2.0
_HTTPS_PORTS = frozenset({443, 8443})
_MAX_ADDRESSES = 4
_MAX_JSON_DEPTH = 32
_PIECE_BYTES = 65_536
_MAX_PENDING_LOOKUPS = 32
_pending_lookups = threading.BoundedSemaphore(_MAX_PENDING_LOOKUPS)


class OutboundRefused(Invalid):
    """The address is one that we do not call."""

    code = "outbound_refused"
    title = "This address cannot be called"


class OutboundFailed(Unavailable):
    """The far end did not answer, or not in a way that can be used."""

    code = "outbound_failed"
    title = "The other side did not answer properly"


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """An answer, read wholly. A status of 3xx is an answer like any other."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: str

    def json(self) -> Any:
        """Parse the body as strict JSON of bounded depth, or raise `OutboundFailed`."""
        return parse_json(self.body)


def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    json: Any = None,
    timeout_seconds: float = 5,
    max_bytes: int = 1_000_000,
) -> OutboundResponse:
    """Send one request and return the whole answer, whatever its status.

    Raises `OutboundRefused` before anything is sent if the address is not allowed, and
    `OutboundFailed` for everything that goes wrong after that. Refuses to run within a
    transaction (`SentTooEarly`).
    """
    require_committed("An outbound request")
    deadline = _Deadline(timeout_seconds)
    target = _parse(url)
    sent_headers = {
        "User-Agent": "Steward",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        **(headers or {}),
    }
    if json is not None:
        body = json_module.dumps(json).encode()
        sent_headers.setdefault("Content-Type", "application/json")
    try:
        addresses = _allowed_addresses(target, deadline)
        with (
            httpcore.ConnectionPool(
                ssl_context=_tls(), network_backend=_PinnedBackend(addresses, deadline)
            ) as pool,
            pool.stream(
                method,
                _core_url(target),
                headers=[("Host", target.netloc.decode("ascii")), *sent_headers.items()],
                content=body,
            ) as answer,
        ):
            received = httpx.Headers(answer.headers)
            content = _read(answer.iter_stream(), received, max_bytes)
            return OutboundResponse(answer.status, received, content, str(target))
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        reason = str(error) or type(error).__name__
        raise OutboundFailed(f"{target.host} did not answer properly ({reason}).") from error


def fetch_json(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    json: Any = None,
    timeout_seconds: float = 5,
    max_bytes: int = 1_000_000,
) -> Any:
    """Send one request and return the JSON of its 2xx answer, or raise `OutboundFailed`."""
    answer = fetch(
        method,
        url,
        headers={"Accept": "application/json", **(headers or {})},
        body=body,
        json=json,
        timeout_seconds=timeout_seconds,
        max_bytes=max_bytes,
    )
    if not httpx.codes.is_success(answer.status):
        raise OutboundFailed(f"{httpx.URL(url).host} answered with status {answer.status}.")
    return answer.json()


def parse_json(body: bytes, *, max_depth: int = _MAX_JSON_DEPTH) -> Any:
    """Parse JSON strictly: bounded depth, no key twice, no NaN. Raises `OutboundFailed`.

    A key that stands twice is refused because parsers differ in which one wins, and a
    check made by one party would then not hold for the other.
    """
    try:
        value = json_module.loads(
            body,
            object_pairs_hook=_without_twins,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise OutboundFailed("The other side's answer is not valid JSON.") from error
    if _is_deeper(value, max_depth):
        raise OutboundFailed(f"The other side's JSON is nested deeper than {max_depth} levels.")
    return value


class _Deadline:
    """One moment by which everything has to be done."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds left; raise when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is up")
        return left


def _parse(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise OutboundRefused("This is not a URL.") from None
    if target.scheme not in {"https", "http"} or not target.host:
        raise OutboundRefused("The address must begin with https:// and name a host.")
    if target.userinfo:
        raise OutboundRefused("The address must not hold a user name or password.")
    if looks_numeric(target.host):
        raise OutboundRefused("Write the host as a name or as a plain IP address.")
    return target.copy_with(fragment=None)


def _allowed_addresses(target: httpx.URL, deadline: _Deadline) -> list[str]:
    """Resolve the host once and return its addresses, or refuse."""
    port = target.port or (443 if target.scheme == "https" else 80)
    addresses = _lookup(target.raw_host.decode("ascii"), port, deadline)
    if settings.STEWARD_OUTBOUND_ALLOW_LOOPBACK and all(map(is_loopback, addresses)):
        return addresses
    if target.scheme != "https":
        raise OutboundRefused("The address must begin with https://.")
    if port not in _HTTPS_PORTS:
        raise OutboundRefused("Only the ports 443 and 8443 can be called.")
    allowed: list[str] = getattr(settings, "STEWARD_OUTBOUND_ALLOWED_NETWORKS", [])
    if not all(is_public(address) or is_within(address, allowed) for address in addresses):
        raise OutboundRefused(f"{target.host} does not stand for a public address.")
    return addresses


def _lookup(host: str, port: int, deadline: _Deadline) -> list[str]:
    """Resolve with a time limit, which `getaddrinfo` itself does not have.

    The lookup runs in a thread of its own that is left behind when it hangs; a bound on
    how many there are keeps a dead resolver from eating all threads.
    """
    found: list[str] = []
    failure: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            found.extend(_resolve(host, port))
        except (OSError, UnicodeError) as error:
            failure.append(error)
        finally:
            _pending_lookups.release()

    if not _pending_lookups.acquire(blocking=False):
        raise OutboundFailed("Too many names are being looked up; the resolver seems to hang.")
    thread = threading.Thread(target=look_up, name="outbound-lookup", daemon=True)
    thread.start()
    thread.join(deadline.remaining())
    if failure or not found:
        raise OutboundFailed(f"The name {host} could not be resolved.")
    return found


def _resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver; the one function that tests replace."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Return the verifying context; honours SSL_CERT_FILE for a self-hoster's own CA."""
    return httpx.create_ssl_context()


def _core_url(target: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=target.raw_scheme,
        host=target.raw_host,
        port=target.port,
        target=target.raw_path,
    )


class _PinnedBackend(httpcore.SyncBackend):
    """Connects to addresses that were decided before, whatever name it is given.

    The name stays in the Host header, in the server name indication and in the check of
    the certificate, all of which httpcore takes from the URL.
    """

    def __init__(self, addresses: list[str], deadline: _Deadline) -> None:
        self._addresses = addresses[:_MAX_ADDRESSES]
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the pinned addresses stand for it
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline rules
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Try the addresses in turn."""
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            limit = min(CONNECT_SECONDS, self._deadline.remaining())
            try:
                stream = super().connect_tcp(address, port, limit, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _DeadlineStream(stream, self._deadline)
        raise failure


class _DeadlineStream(httpcore.NetworkStream):
    """A stream each of whose steps ends by the deadline.

    Time-outs of single reads do not bound an answer that drips one byte a second,
    headers included; this does.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what is there, or wait until the deadline."""
        return self._stream.read(max_bytes, self._deadline.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write piece by piece: a receiver that reads slowly is cut off as well."""
        for start in range(0, len(buffer), _PIECE_BYTES):
            piece = buffer[start : start + _PIECE_BYTES]
            self._stream.write(piece, self._deadline.remaining())

    def close(self) -> None:
        """Close the socket."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Shake hands within what is left of the time."""
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.remaining())
        return _DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Pass httpcore's questions on."""
        return self._stream.get_extra_info(info)


def _read(pieces: Iterable[bytes], headers: httpx.Headers, max_bytes: int) -> bytes:
    """Read and unpack a body, bounded at both ends: a gzip bomb is cut off as it unfolds."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip"}:
        raise OutboundFailed(f"The other side sent an encoding that was not asked for: {encoding}.")
    unpack = None if encoding == "identity" else zlib.decompressobj(wbits=31)
    body, received = bytearray(), 0
    for piece in pieces:
        received += len(piece)
        room = max_bytes - len(body) + 1
        try:
            body += piece if unpack is None else unpack.decompress(piece, room)
        except zlib.error as error:
            raise OutboundFailed("The other side's answer is not valid gzip.") from error
        if len(body) > max_bytes or received > max_bytes:
            raise OutboundFailed(f"The other side's answer is larger than {max_bytes} bytes.")
    if unpack is not None and received and not unpack.eof:
        raise OutboundFailed("The other side's answer ended too early.")
    return bytes(body)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether arrays and objects are nested in more than so many levels."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for holder in layer
            if isinstance(holder, dict | list)
            for inner in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return any(isinstance(rest, dict | list) for rest in layer)
