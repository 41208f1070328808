"""A TCP proxy on loopback that misbehaves on demand, for tests of what a network and a server can do to a client.

    with FaultyProxy(("127.0.0.1", redis_port)) as proxy:    # or the path of a Unix socket
        client = connect(proxy.port)
        proxy.blackhole()                                    # from now on, for open and for new connections
        ...
        proxy.forward()

One fault at a time; each takes effect before its method returns. It is made for protocols in which the client speaks
first: the target is connected to when there is something to say. It knows no protocol: a *request* is what was read
from the client at once, an *answer* what came from the target at once.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

Target = tuple[str, int] | str | Path
"""A host and a port, or the path of a Unix socket."""
T = TypeVar("T")

_AT_ONCE = 65_536
_PATIENCE = 5.0
"""Seconds after which what the proxy is told, and has not done, is a failure of the test."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class FaultyProxy:
    """A proxy to a target, on a free port of 127.0.0.1 from `with` on; its connections and its thread end with it.

    `connections` were accepted so far, `open_connections` of them are there now; `asked` and `answered` are bytes
    read from and written to clients.
    """

    def __init__(self, target: Target) -> None:
        self.port = 0
        self.connections = 0
        self.asked = 0
        self.answered = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty-proxy", daemon=True)
        self._keeper = socket.socket()  # bound and not listening: the port stays ours while the listener is closed
        self._listener: asyncio.Server | None = None
        self._fault = _Fault()
        self._changed = asyncio.Event()
        self._lines: dict[_Line, asyncio.Task[None]] = {}

    def __enter__(self) -> Self:
        self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._keeper.bind(("127.0.0.1", 0))
        self.port = self._keeper.getsockname()[1]
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE)
            self._keeper.close()
        assert not self._thread.is_alive(), "the proxy's thread does not end"
        self._loop.close()

    @property
    def open_connections(self) -> int:
        """How many clients are connected now."""
        return len(self._lines)

    # --- what it can do -------------------------------------------------------------------------

    def forward(self) -> None:
        """Pass everything on unchanged, as it does from the start.

        A connection that lost a request or an answer to `blackhole` stays dumb, as one that a firewall forgot.
        """
        self._change(_Fault())

    def refuse(self) -> None:
        """Reset what is connected, and let nobody connect."""
        self._run(self._refuse())

    def cut(self) -> None:
        """Reset what is connected, now and once; whoever comes later meets the fault that was set before."""
        self._run(self._cut())

    def blackhole(self) -> None:
        """Accept and read, and never answer; connections that were open hang as well."""
        self._change(_Fault(request=_lose, answer=_lose))

    def slow(self, seconds: float) -> None:
        """Begin each answer that much later."""
        self._change(_Fault(answer=partial(_delay, seconds)))

    def dribble(self, seconds: float = 0.002) -> None:
        """Answer byte by byte, with that time before each."""
        self._change(_Fault(answer=partial(_dribble, seconds)))

    def truncate(self) -> None:
        """Send the first half of an answer and close."""
        self._change(_Fault(answer=_truncate))

    def flip(self, every: int = 7) -> None:
        """Flip the lowest bit of each `every`-th byte of a connection's answers, however they come in pieces."""
        self._change(_Fault(answer=partial(_flip, every)))

    def reply(self, answer: bytes) -> None:
        """Answer each request with these bytes; the target hears nothing, and what it says is lost."""
        self._change(_Fault(request=partial(_reply, answer), answer=_ignore))

    def rewrite(self, change: Callable[[bytes], bytes]) -> None:
        """Send what `change` makes of each answer; it is called in the proxy's thread and must not wait."""
        self._change(_Fault(answer=partial(_rewrite, change)))

    # --- how -------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    def _change(self, fault: _Fault) -> None:
        self._run(self._set(fault))

    async def _set(self, fault: _Fault) -> None:
        self._fault = fault
        self._changed.set()
        self._changed = asyncio.Event()
        await self._listen()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._accept, "127.0.0.1", self.port, reuse_address=True, backlog=512
            )

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        line = _Line(self, reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._lines[line] = task
        try:
            await line.serve()
        except (OSError, asyncio.CancelledError):
            pass  # either end is gone, or was told to go
        finally:
            line.reset()
            del self._lines[line]

    async def _refuse(self) -> None:
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.close()
        await self._cut()

    async def _cut(self) -> None:
        tasks = list(self._lines.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self) -> None:
        await self._refuse()
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:  # accepted a moment ago
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were aborted close their sockets in the loop's next turn

    # --- what its connections ask of it ------------------------------------------------------------

    @property
    def fault(self) -> _Fault:
        """What it does now."""
        return self._fault

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection to the target."""
        if isinstance(self._target, tuple):
            return await asyncio.open_connection(*self._target)
        return await asyncio.open_unix_connection(self._target)

    async def changes_within(self, seconds: float) -> bool:
        """Wait that long, but no longer than until the fault is changed; whether it was."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
            return True
        return False


@dataclass(eq=False)
class _Line:
    """One client's connection, and the one made to the target for it."""

    proxy: FaultyProxy
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    target: asyncio.StreamWriter | None = None
    waiting: bool = False
    """Whether nothing has been answered to the last request yet."""
    dumb: bool = False
    sent: int = 0
    answers: asyncio.Task[None] | None = field(default=None, repr=False)

    async def serve(self) -> None:
        """Carry requests and answers until either end has no more."""
        while data := await self.reader.read(_AT_ONCE):
            self.proxy.asked += len(data)
            self.waiting = True
            await self.request(data)
        if self.answers is not None and self.target is not None and not self.dumb:
            self.target.write_eof()
            await self.answers

    async def request(self, data: bytes) -> None:
        """Do with a request what the proxy does now."""
        if not self.dumb:
            await self.proxy.fault.request(self, data)

    async def answer(self, data: bytes) -> None:
        """Do with an answer what the proxy does now."""
        if not self.dumb:
            await self.proxy.fault.answer(self, data)

    async def to_target(self, data: bytes) -> None:
        """Pass a request on."""
        if self.target is None:
            reader, self.target = await self.proxy.connect()
            self.answers = asyncio.create_task(self._carry_answers(reader))
        self.target.write(data)
        await self.target.drain()

    async def to_client(self, data: bytes) -> None:
        """Write an answer, or a part of one."""
        self.waiting = False
        self.proxy.answered += len(data)
        self.sent += len(data)
        self.writer.write(data)
        await self.writer.drain()

    async def close(self) -> None:
        """Close the client's end in order, with everything sent that was written."""
        self.writer.close()
        await self.writer.wait_closed()

    def reset(self) -> None:
        """Drop both ends, whatever is under way."""
        if self.answers is not None:
            self.answers.cancel()
        for writer in (self.writer, self.target):
            if writer is not None and not writer.is_closing():
                opened: socket.socket = writer.get_extra_info("socket")
                if opened.family != socket.AF_UNIX:
                    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                writer.transport.abort()

    async def _carry_answers(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(_AT_ONCE):
                await self.answer(data)
            if not self.dumb:
                await self.close()


Act = Callable[[_Line, bytes], Awaitable[None]]


@dataclass(frozen=True)
class _Fault:
    """What is done with each request and each answer."""

    request: Act = _Line.to_target
    answer: Act = _Line.to_client


async def _lose(line: _Line, data: bytes) -> None:
    del data
    line.dumb = True


async def _ignore(line: _Line, data: bytes) -> None:
    del line, data


async def _delay(seconds: float, line: _Line, data: bytes) -> None:
    if line.waiting and await line.proxy.changes_within(seconds):
        await line.answer(data)
    else:
        await line.to_client(data)


async def _dribble(seconds: float, line: _Line, data: bytes) -> None:
    for at in range(len(data)):
        if await line.proxy.changes_within(seconds):
            await line.answer(data[at:])
            return
        await line.to_client(data[at : at + 1])


async def _truncate(line: _Line, data: bytes) -> None:
    await line.to_client(data[: len(data) // 2])
    await line.close()


async def _flip(every: int, line: _Line, data: bytes) -> None:
    changed = bytearray(data)
    for at in range(every - 1 - line.sent % every, len(changed), every):
        changed[at] ^= 1
    await line.to_client(bytes(changed))


async def _reply(answer: bytes, line: _Line, data: bytes) -> None:
    del data
    await line.to_client(answer)


async def _rewrite(change: Callable[[bytes], bytes], line: _Line, data: bytes) -> None:
    await line.to_client(change(data))
