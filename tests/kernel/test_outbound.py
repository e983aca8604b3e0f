"""The guarded client: what it refuses to call, and what it does not let an answer do."""

import contextlib
import datetime as dt
import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kernel import outbound
from kernel.outbound import OutboundFailed, OutboundRefused, fetch, fetch_json, parse_json


class Handler(BaseHTTPRequestHandler):
    """Answers as the test's function says."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.server.seen.append(self)
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.server.reply(self)

    do_GET = do_POST = answer  # noqa: N815 - the server's names

    def log_message(self, *_args) -> None:
        pass

    def send(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class Far(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args) -> None:
        pass


@pytest.fixture
def far() -> Iterator[Callable[..., str]]:
    """Start a real server on loopback that replies by a function; return its URL."""
    servers = []

    def start(reply: Callable[[Handler], None]) -> str:
        server = Far(("127.0.0.1", 0), Handler)
        server.reply, server.seen = reply, []
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        start.seen = server.seen
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def names(monkeypatch) -> dict[str, list[str]]:
    """Answer name look-ups from a table, as a resolver that an attacker owns would."""
    table: dict[str, list[str]] = {}
    asked = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        if host in table:
            return table[host]
        with contextlib.suppress(OSError):
            socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
            return [host]
        raise socket.gaierror(f"{host} is not known")

    monkeypatch.setattr(outbound, "_resolve", resolve)
    table["asked"] = asked
    return table


@pytest.fixture
def strict(settings):
    settings.STEWARD_OUTBOUND_ALLOW_LOOPBACK = False
    return settings


def test_an_answer_is_handed_over_whole(far):
    url = far(lambda h: h.send(b'{"a": 1}', content_type="application/json", x_y="z"))
    answer = fetch("POST", f"{url}/path?q=1#part", json={"b": 2}, headers={"X-Mine": "yes"})
    assert (answer.status, answer.json(), answer.headers["x-y"]) == (200, {"a": 1}, "z")
    assert answer.url == f"{url}/path?q=1"
    (seen,) = far.seen
    assert seen.path == "/path?q=1"
    assert seen.body == b'{"b": 2}'
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["X-Mine"] == "yes"
    assert seen.headers["User-Agent"] == "Steward"
    assert seen.headers["Host"] == url.removeprefix("http://")


def test_a_body_of_bytes_is_sent_as_it_is(far):
    fetch("POST", far(lambda h: h.send()), body=b"raw")
    assert far.seen[0].body == b"raw"


def test_an_error_status_is_an_answer_but_no_json(far):
    url = far(lambda h: h.send(b"{}", status=500))
    assert fetch("GET", url).status == 500
    with pytest.raises(OutboundFailed, match="status 500"):
        fetch_json("GET", url)


def test_json_is_asked_for_and_parsed(far):
    url = far(lambda h: h.send(b"[1, 2]"))
    assert fetch_json("GET", url) == [1, 2]
    assert far.seen[0].headers["Accept"] == "application/json"


def test_a_redirect_is_not_followed(far):
    url = far(lambda h: h.send(status=302, location="http://169.254.169.254/latest/meta-data"))
    answer = fetch("GET", url)
    assert (answer.status, len(far.seen)) == (302, 1)
    with pytest.raises(OutboundFailed, match="status 302"):
        fetch_json("GET", url)


# --- what is refused before anything is sent -------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::169.254.169.254]/",
        "https://[64:ff9b:1::a00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://[::127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.100.100.200/",
        "https://192.0.0.192/",
        "https://168.63.129.16/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "https:///path",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com:22/",
        "https://example.com:6379/",
        "https://example.com:80/",
        "not a url",
        "",
        "https://example.com:99999/",
    ],
)
def test_an_address_that_leads_elsewhere_is_refused(strict, names, url):
    names["example.com"] = ["93.184.215.14"]
    with pytest.raises(OutboundRefused):
        fetch("GET", url)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::1", "93.184.215.14"], ["169.254.169.254"]],
)
def test_a_name_counts_only_if_all_its_addresses_are_public(strict, names, addresses):
    names["inner.example.com"] = addresses
    with pytest.raises(OutboundRefused, match="public"):
        fetch("GET", "https://inner.example.com/")


def test_something_else_than_a_text_is_refused(strict):
    with pytest.raises(OutboundRefused, match="not a URL"):
        fetch("GET", None)


def test_loopback_over_http_needs_the_development_setting(far, strict):
    url = far(lambda h: h.send())
    with pytest.raises(OutboundRefused):
        fetch("GET", url)
    strict.STEWARD_OUTBOUND_ALLOW_LOOPBACK = True
    assert fetch("GET", url).status == 200


def test_the_development_setting_opens_no_other_network(settings, names):
    settings.STEWARD_OUTBOUND_ALLOW_LOOPBACK = True
    names["mixed.example.com"] = ["127.0.0.1", "10.0.0.1"]
    for url in ("http://10.0.0.1/", "https://10.0.0.1/", "https://mixed.example.com/"):
        with pytest.raises(OutboundRefused):
            fetch("GET", url)


def test_a_self_hosters_own_network_is_allowed_by_name(strict, names):
    strict.STEWARD_OUTBOUND_ALLOWED_NETWORKS = ["10.1.0.0/16"]
    names["idp.corp"] = ["10.1.2.3"]
    names["db.corp"] = ["10.2.2.3"]
    target = outbound._parse("https://idp.corp/")
    assert outbound._allowed_addresses(target, outbound._Deadline(5)) == ["10.1.2.3"]
    with pytest.raises(OutboundRefused):
        fetch("GET", "https://db.corp/")


def test_a_name_is_asked_for_once_so_a_second_answer_changes_nothing(far, settings, names):
    """Rebinding: the second answer would lead home; it is never asked for."""
    port = far(lambda h: h.send(b"ok")).rsplit(":", 1)[1]
    names["rebind.example.com"] = ["127.0.0.1"]
    answer = fetch("GET", f"http://rebind.example.com:{port}/")
    assert answer.body == b"ok"
    assert names["asked"] == ["rebind.example.com"]
    assert far.seen[0].headers["Host"] == f"rebind.example.com:{port}"


def test_the_next_address_is_tried_when_one_does_not_answer(far, names):
    port = far(lambda h: h.send(b"ok")).rsplit(":", 1)[1]
    names["two.example.com"] = ["::1", "127.0.0.1"]
    assert fetch("GET", f"http://two.example.com:{port}/").body == b"ok"


def test_an_unknown_name_is_a_failure(names):
    with pytest.raises(OutboundFailed, match="could not be resolved"):
        fetch("GET", "https://nowhere.example.com/")


@pytest.mark.parametrize("host", ["a" * 70 + ".example.com", "exa mple.com"])
def test_a_name_that_no_resolver_takes_fails(strict, host):
    with pytest.raises(OutboundFailed, match="resolved"):
        fetch("GET", f"https://{host}/")


def test_a_resolver_that_hangs_holds_nobody_past_the_deadline(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(outbound, "_resolve", lambda *_: over.wait(20) and [])
    started = time.monotonic()
    with pytest.raises(OutboundFailed, match="resolved"):
        fetch("GET", "https://slow.example.com/", timeout_seconds=0.3)
    assert time.monotonic() - started < 2
    held = [outbound._pending_lookups.acquire(blocking=False) for _ in range(40)]
    with pytest.raises(OutboundFailed, match="Too many names"):
        fetch("GET", "https://slow.example.com/")
    for taken in held:
        if taken:
            outbound._pending_lookups.release()
    over.set()


def test_without_any_time_nothing_is_sent(far):
    url = far(lambda h: h.send())
    with pytest.raises(OutboundFailed, match="time is up"):
        fetch("GET", url, timeout_seconds=-1)
    assert far.seen == []


# --- what an answer may not do ---------------------------------------------------------------


def drip_body(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.1)


def drip_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        handler.wfile.write(f"X-{number}: y\r\n".encode())
        time.sleep(0.1)


@pytest.mark.parametrize("reply", [drip_body, drip_headers])
def test_an_answer_that_drips_is_cut_off_at_the_deadline(far, reply):
    url = far(reply)
    started = time.monotonic()
    with pytest.raises(OutboundFailed):
        fetch("GET", url, timeout_seconds=0.6)
    assert time.monotonic() - started < 1.5


def test_a_server_that_says_nothing_is_left_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(OutboundFailed):
            fetch("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_seconds=0.4)
    assert time.monotonic() - started < 1.5


def test_a_receiver_that_reads_nothing_is_left_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(OutboundFailed):
            fetch("POST", url, body=b"x" * 30_000_000, timeout_seconds=0.4)


def test_a_server_that_is_away_fails():
    with pytest.raises(OutboundFailed, match=r"127\.0\.0\.1"):
        fetch("GET", "http://127.0.0.1:1/")


def test_something_else_than_http_fails(far):
    url = far(lambda h: h.wfile.write(b"SSH-2.0-OpenSSH\r\n"))
    with pytest.raises(OutboundFailed):
        fetch("GET", url, timeout_seconds=1)


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(1_000):
        handler.wfile.write(b"x" * 1_000_000)


def test_a_body_without_end_is_cut_off_and_not_kept(far):
    url = far(endless)
    tracemalloc.start()
    with pytest.raises(OutboundFailed, match="larger than 1000000"):
        fetch("GET", url, timeout_seconds=20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_body_of_exactly_the_limit_passes(far):
    assert len(fetch("GET", far(lambda h: h.send(b"x" * 100)), max_bytes=100).body) == 100
    with pytest.raises(OutboundFailed):
        fetch("GET", far(lambda h: h.send(b"x" * 101)), max_bytes=100)


def test_a_packed_body_is_unpacked(far):
    packed = gzip.compress(b"hello" * 100)
    url = far(lambda h: h.send(packed, content_encoding="gzip"))
    assert fetch("GET", url).body == b"hello" * 100


def test_a_packed_bomb_is_cut_off_as_it_unfolds(far):
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    assert len(bomb) < 1_000_000
    url = far(lambda h: h.send(bomb, content_encoding="gzip"))
    tracemalloc.start()
    with pytest.raises(OutboundFailed, match="larger"):
        fetch("GET", url, timeout_seconds=20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("body", "encoding", "why"),
    [
        (b"plain", "gzip", "not valid gzip"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "gzip", "ended too early"),
        (b"x", "br", "not asked for"),
    ],
)
def test_a_body_that_is_packed_wrongly_fails(far, body, encoding, why):
    url = far(lambda h: h.send(body, content_encoding=encoding))
    with pytest.raises(OutboundFailed, match=why):
        fetch("GET", url)


def test_an_empty_body_may_call_itself_packed(far):
    assert fetch("GET", far(lambda h: h.send(content_encoding="gzip"))).body == b""


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    moment = dt.datetime.now(dt.UTC)  # noqa: TID251 - a certificate of this very day
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment - dt.timedelta(days=1))
        .not_valid_after(moment + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = Far(("127.0.0.1", 0), Handler)
    server.reply, server.seen = lambda h: h.send(b"secret"), []
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with pytest.raises(OutboundFailed, match=r"(?i)certificate"):
            fetch("GET", f"https://localhost:{server.server_address[1]}/")
        assert server.seen == []
    finally:
        server.shutdown()
        server.server_close()


# --- strict JSON -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"NaN", b"[Infinity]", b'{"a": 1, "a": 2}', b"\xff\xfe", b"[" * 100_000],
)
def test_what_is_not_strict_json_fails(text):
    with pytest.raises(OutboundFailed, match="not valid JSON"):
        parse_json(text)


def test_json_may_be_as_deep_as_the_bound_and_no_deeper():
    assert parse_json(b"[" * 32 + b"]" * 32)
    with pytest.raises(OutboundFailed, match="deeper than 32"):
        parse_json(b"[" * 33 + b"]" * 33)
    with pytest.raises(OutboundFailed, match="deeper than 2"):
        parse_json(b'{"a": {"b": {"c": 1}}}', max_depth=2)
    assert parse_json(b'{"a": {"b": 1}}', max_depth=2) == {"a": {"b": 1}}
