"""Sockets that keep a server waiting, in the three ways there are: sending a head, sending a body, taking an answer.

Each gives or takes a byte a second. One that the server closes is opened again, so that there are always as many.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle

BEAT = 1.0
"""Seconds between two bytes."""


@dataclass(frozen=True)
class Way:
    """What a slow socket says at once, and what it then does at each beat."""

    opening: bytes
    beat: Callable[[socket.socket], object]


def ways(read: str, post: str) -> tuple[Way, ...]:
    """Slow heads, slow bodies posted to one path, and slow readers of another, who ask for it many times over."""
    posting = f"POST {post} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{{"
    return (
        Way(f"GET {read} HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode(), lambda client: client.send(b"a")),
        Way(posting.encode(), lambda client: client.send(b" ")),
        Way(f"GET {read} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 50, lambda client: client.recv(1)),
    )


@contextmanager
def slow_sockets(port: int, number: int, kinds: tuple[Way, ...]) -> Iterator[None]:
    """So many slow sockets, of each kind in turn, while the block runs. They are all open when it begins."""
    chosen = cycle(kinds)
    clients = [_Client(port, next(chosen)) for _ in range(number)]
    for client in clients:
        client.open()
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(clients, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for client in clients:
            client.close()


@dataclass
class _Client:
    port: int
    way: Way
    socket: socket.socket | None = None

    def open(self) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)  # so that an answer does not fit
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", self.port))
        self.socket.sendall(self.way.opening)
        self.socket.settimeout(0)

    def go_on(self) -> None:
        try:
            if self.socket is not None and self.way.beat(self.socket) not in {0, b""}:
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.close()
        with suppress(OSError):
            self.open()

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _beat(clients: list[_Client], ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        for client in clients:
            client.go_on()
