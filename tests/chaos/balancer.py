"""A tiny balancer: new connections go, in turn, to the backends whose `/readyz` says 200.

It looks ten times a second, as a balancer in production looks every few seconds. A backend
that refuses a connection is passed over; bytes are passed on as they are.
"""

import contextlib
import http.client
import itertools
import selectors
import socket
import socketserver
import threading
from collections.abc import Sequence

_LOOK_SECONDS = 0.1


class Balancer:
    """Listens on `port` in front of backends on this machine."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self._ready: list[int] = []
        self._turn = itertools.count()
        self._ending = threading.Event()
        balancer = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                balancer._relay(self.request)

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 128

        self._listener = Listener(("127.0.0.1", 0), Connection)
        self.port = int(self._listener.server_address[1])
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        self._looking = [
            threading.Thread(target=self._look, args=(port,), daemon=True) for port in ports
        ]
        for thread in self._looking:
            thread.start()

    def is_ready(self, port: int) -> bool:
        """Whether a backend gets new connections."""
        return port in self._ready

    def stop(self) -> None:
        """Stop listening."""
        self._ending.set()
        self._listener.shutdown()
        self._listener.server_close()
        for thread in self._looking:
            thread.join(10)

    def _look(self, port: int) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            ready = _says_ready(port)
            if ready and port not in self._ready:
                self._ready.append(port)
            elif not ready and port in self._ready:
                self._ready.remove(port)

    def _relay(self, client: socket.socket) -> None:
        backend = self._connect()
        if backend is None:
            return
        with backend, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
            selector.register(client, selectors.EVENT_READ, backend)
            selector.register(backend, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    source, sink = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    data = source.recv(65_536)
                    if not data:
                        return
                    sink.sendall(data)

    def _connect(self) -> socket.socket | None:
        ready = list(self._ready)
        start = next(self._turn)
        for step in range(len(ready)):
            port = ready[(start + step) % len(ready)]
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", port), timeout=30)
        return None


def _says_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
