"""A TCP proxy that fails on command: what lies between a service and what it depends on.

It runs in a thread of its own and is told what to do by method calls. Whatever a connection
lost in a mode that swallows stays lost: such a connection never recovers, as behind a firewall
that forgot it, and only a time-out of the client's own ends it.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_CHUNK = 65_536
_START_SECONDS = 10


class Mode(StrEnum):
    """What happens to bytes and connections."""

    PASS = "pass"
    DELAY = "delay"
    """Each piece comes `seconds` late, give or take `jitter`."""
    RATE = "rate"
    """`bytes_per_second` in each direction of each connection."""
    BLACKHOLE = "blackhole"
    """Connections are accepted, and nothing passes: the hung peer."""
    REFUSE = "refuse"
    """Nobody listens; connections that stood are reset."""
    RESET = "reset"
    """Connections that stood are reset, and new ones with their first bytes."""
    CUT = "cut"
    """After `after_bytes` of answers a connection is reset, in the middle of a message."""
    HALF = "half"
    """Requests pass and answers are swallowed: done, and not acknowledged."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A mode with its figures."""

    mode: Mode = Mode.PASS
    seconds: float = 0.1
    jitter: float = 0.05
    bytes_per_second: int = 2_000
    after_bytes: int = 2_000


@dataclass(slots=True, eq=False)
class _Link:
    """One client's connection, and ours to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    lost: set[bool] = field(default_factory=set)
    """Directions in which bytes were swallowed; True is that of the answers."""
    answered: int = 0
    """Bytes of answers since the present mode began."""

    def reset(self) -> None:
        for writer in (self.client, self.server):
            if writer is not None:
                _reset(writer)


class Proxy:
    """Listens on a port of 127.0.0.1 and forwards to another one."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.port = 0
        self.accepted = 0
        """Connections taken since the start."""
        self.touched = 0
        """How often the present fault did something to somebody."""
        self._fault = Fault()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._listen())

    @property
    def fault(self) -> Fault:
        """Return what it does now."""
        return self._fault

    def set(self, mode: Mode | str, **figures: Any) -> None:
        """Change what happens from now on, to connections that stand as well."""
        self._do(self._change(Fault(Mode(mode), **figures)))

    def heal(self) -> None:
        """Let everything pass again."""
        self.set(Mode.PASS)

    def drop(self) -> None:
        """Reset the connections that stand, and change nothing else."""
        self._do(self._reset_all())

    def stop(self) -> None:
        """Stop listening and end all connections."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS)
        self._loop.close()

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(_START_SECONDS)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._take, "127.0.0.1", self.port, reuse_address=True, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _change(self, fault: Fault) -> None:
        self._fault, self.touched = fault, 0
        for link in self._links:
            link.answered = 0
        if fault.mode == Mode.REFUSE and self._server is not None:
            self._server.close()
            self._server = None
        if fault.mode in (Mode.REFUSE, Mode.RESET):
            await self._reset_all()
        if fault.mode != Mode.REFUSE and self._server is None:
            await self._listen()

    async def _reset_all(self) -> None:
        for link in list(self._links):
            self.touched += 1
            link.reset()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = _Link(client=writer)
        self._links.add(link)
        self.accepted += 1
        try:
            await self._join(link, reader)
        except (OSError, asyncio.CancelledError):
            link.reset()
        finally:
            for end in (link.client, link.server):
                if end is not None:
                    end.close()
            self._links.discard(link)
            self._tasks.discard(task)

    async def _join(self, link: _Link, reader: asyncio.StreamReader) -> None:
        """Pump both ways until either side ends."""
        if self._fault.mode == Mode.BLACKHOLE:
            self.touched += 1
            link.lost |= {True, False}
        upstream, link.server = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        ways = [
            asyncio.ensure_future(self._pump(link, reader, link.server, answers=False)),
            asyncio.ensure_future(self._pump(link, upstream, link.client, answers=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(
        self, link: _Link, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while chunk := await source.read(_CHUNK):
            fault = self._fault
            if fault.mode != Mode.PASS:
                self.touched += 1
            if fault.mode == Mode.RESET:
                link.reset()
                return
            if fault.mode == Mode.BLACKHOLE or (fault.mode == Mode.HALF and answers):
                link.lost.add(answers)
            if answers in link.lost:
                continue
            if fault.mode == Mode.CUT and answers:
                left = fault.after_bytes - link.answered
                link.answered += len(chunk)
                if len(chunk) > left:
                    to.write(chunk[: max(0, left)])
                    await to.drain()
                    link.reset()
                    return
            await self._forward(fault, chunk, to)
        # The end of one side is passed on, unless it was to be swallowed.
        if answers in link.lost:
            await asyncio.Event().wait()

    async def _forward(self, fault: Fault, chunk: bytes, to: asyncio.StreamWriter) -> None:
        if fault.mode == Mode.DELAY:
            await asyncio.sleep(
                max(0.0, fault.seconds + random.uniform(-fault.jitter, fault.jitter))
            )
        if fault.mode == Mode.RATE:
            piece = max(1, fault.bytes_per_second // 20)
            while chunk and self._fault == fault:
                await asyncio.sleep(len(chunk[:piece]) / fault.bytes_per_second)
                to.write(chunk[:piece])
                await to.drain()
                chunk = chunk[piece:]
        to.write(chunk)
        await to.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN: what was in flight is gone for both."""
    peer = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
