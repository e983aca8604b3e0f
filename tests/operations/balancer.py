"""A small TCP balancer: new connections go to whoever serves, old ones end where they are."""

import contextlib
import itertools
import socket
import threading
from collections import Counter
from typing import Self


class Balancer:
    """Forwards connections in turn to the ports that serve at the moment."""

    def __init__(self, *ports: int) -> None:
        self._ports = ports
        self._turn = itertools.count()
        self._open: Counter[int] = Counter()
        self._counting = threading.Lock()
        self.served: Counter[int] = Counter()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        # A plain close would leave the thread in its accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def send_to(self, *ports: int) -> None:
        """Let these ports serve from now on."""
        self._ports = ports

    def is_drained(self, port: int) -> bool:
        """Whether no connection to a port is left."""
        return port not in self._ports and not self._open[port]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._counting:
                ports = self._ports
                port = ports[next(self._turn) % len(ports)]
                self._open[port] += 1
                self.served[port] += 1
            threading.Thread(target=self._carry, args=(client, port), daemon=True).start()

    def _carry(self, client: socket.socket, port: int) -> None:
        try:
            with client, socket.create_connection(("127.0.0.1", port), timeout=10) as server:
                server.settimeout(None)
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()
        except OSError:
            # The client sees its connection end, and counts it as a failure.
            pass
        finally:
            with self._counting:
                self._open[port] -= 1


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
