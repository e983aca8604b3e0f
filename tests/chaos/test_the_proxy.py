"""The fault proxy does what its modes say, and a healed one lets everything pass."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.house import wait_until
from tests.chaos.proxy import Proxy


class Shout(socketserver.BaseRequestHandler):
    """Answers each line with the same in capitals, and remembers it."""

    def handle(self) -> None:
        while line := self.request.recv(65_536):
            self.server.heard += line
            self.request.sendall(line.upper())


class Upstream(socketserver.ThreadingTCPServer):
    """The server behind the proxy."""

    daemon_threads = True
    heard = b""

    def handle_error(self, request, client_address) -> None:
        """Say nothing of connections that were reset: that is what the tests are about."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream(("127.0.0.1", 0), Shout) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


@pytest.fixture
def proxy(upstream) -> Iterator[Proxy]:
    made = Proxy(upstream.server_address[1])
    yield made
    made.stop()


@pytest.fixture
def client(proxy) -> Iterator[socket.socket]:
    with connect(proxy) as made:
        yield made


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def ask(client: socket.socket, what: bytes = b"hello") -> bytes:
    client.sendall(what)
    got = b""
    while len(got) < len(what):
        piece = client.recv(65_536)
        if not piece:
            raise ConnectionResetError
        got += piece
    return got


def receive_until_reset(client: socket.socket) -> None:
    assert client.recv(100) == b"GOO"
    client.recv(100)


def is_healed(proxy: Proxy) -> bool:
    proxy.heal()
    with connect(proxy) as fresh:
        return ask(fresh) == b"HELLO"


def test_it_passes_on_both_ways(proxy, client):
    assert ask(client) == b"HELLO"
    assert ask(client, b"x" * 300_000) == b"X" * 300_000
    assert proxy.accepted == 1


def test_delay_makes_each_piece_late(proxy, client):
    proxy.set("delay", seconds=0.1, jitter=0.0)
    began = time.monotonic()
    assert ask(client) == b"HELLO"
    assert time.monotonic() - began >= 0.2
    assert is_healed(proxy)


def test_rate_bounds_the_bytes_of_a_second(proxy, client):
    proxy.set("rate", bytes_per_second=4_000)
    began = time.monotonic()
    assert ask(client, b"x" * 1_000) == b"X" * 1_000
    assert time.monotonic() - began >= 0.25
    assert is_healed(proxy)


def test_a_black_hole_takes_everything_and_gives_nothing_back(proxy, upstream, client):
    assert ask(client) == b"HELLO"
    proxy.set("blackhole")
    client.settimeout(0.2)
    client.sendall(b"lost")
    with pytest.raises(TimeoutError):
        client.recv(10)
    with connect(proxy) as fresh:
        fresh.settimeout(0.2)
        fresh.sendall(b"lost")
        with pytest.raises(TimeoutError):
            fresh.recv(10)
    assert is_healed(proxy)
    with pytest.raises(TimeoutError):
        client.recv(10)
    assert upstream.heard == b"hellohello"


def test_refuse_ends_connections_and_takes_no_new_ones(proxy, client):
    assert ask(client) == b"HELLO"
    proxy.set("refuse")
    with pytest.raises(ConnectionResetError):
        ask(client)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    port = proxy.port
    assert is_healed(proxy)
    assert proxy.port == port


def test_reset_resets_old_and_new_connections(proxy, client):
    assert ask(client) == b"HELLO"
    proxy.set("reset")
    with pytest.raises(ConnectionResetError):
        ask(client)
    with connect(proxy) as fresh, pytest.raises(ConnectionResetError):
        ask(fresh)
    assert is_healed(proxy)


def test_cut_ends_a_connection_in_the_middle_of_an_answer(proxy, client):
    proxy.set("cut", after_bytes=8)
    assert ask(client) == b"HELLO"
    client.sendall(b"goodbye")
    # A reset may overtake what came before it.
    with pytest.raises(ConnectionResetError):
        receive_until_reset(client)
    assert is_healed(proxy)


def test_half_lets_requests_pass_and_swallows_the_answers(proxy, upstream, client):
    proxy.set("half")
    client.settimeout(0.3)
    client.sendall(b"done?")
    wait_until("the server hears it", lambda: upstream.heard == b"done?", seconds=5)
    with pytest.raises(TimeoutError):
        client.recv(10)
    assert is_healed(proxy)


def test_it_counts_what_its_fault_touched(proxy, client):
    assert ask(client) == b"HELLO"
    assert proxy.touched == 0
    proxy.set("delay", seconds=0.0, jitter=0.0)
    assert ask(client) == b"HELLO"
    assert proxy.touched == 2
