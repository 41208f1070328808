"""The load: connections kept alive with one request under way on each, and every answer counted and looked at.

A Python process on a core of its own takes more answers than any server here gives from another. It knows of servers
only that they answer HTTP/1.1 with a Content-Length.
"""

from __future__ import annotations

import gc
import re
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

CONNECTIONS = 16
ANSWER_WITHIN = 10.0
"""Seconds without any answer after which a server counts as hung."""
_LARGEST = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_HIT = b"CoachKit; hit"


class LoadError(Exception):
    """A server did not answer as it should; the message has what it said."""


@dataclass
class Loaded:
    """What came of a load: answers within `seconds`, and how many of them CoachKit's store gave."""

    answers: int = 0
    hits: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def request(path: str, key: str | None = None) -> bytes:
    """A GET as a reader's program sends it, with the token of a key if it has one."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: coachkit-bench",
        "Accept: application/json",
        "Accept-Language: en-GB,en;q=0.8",
        *([f"Authorization: Bearer {key}"] if key else []),
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


def load(port: int, requests: Sequence[bytes], seconds: float, connections: int = CONNECTIONS) -> Loaded:
    """Send the requests in turn, over and over, for so long. Raises LoadError for any answer but a whole 200."""
    return _run(port, cycle(requests), seconds, connections)


def each_once(port: int, requests: Sequence[bytes], connections: int = CONNECTIONS) -> Loaded:
    """Send each request once. Raises LoadError for any answer but a whole 200."""
    return _run(port, iter(requests), float("inf"), connections)


def answer(port: int, path: str) -> tuple[bytes, bytes]:
    """The head and the body of one answer. Raises LoadError for any answer but a whole 200."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN) as sock:
        one = _Connection(sock)
        sock.sendall(request(path))
        while not one.take(sock.recv(_LARGEST)):
            pass
    head, _, body = one.last.partition(b"\r\n\r\n")
    return head, body


@dataclass
class _Connection:
    """A connection and what has come of the answer under way."""

    sock: socket.socket
    received: bytes = b""
    last: bytes = field(default=b"", repr=False)

    def take(self, data: bytes) -> bool:
        """Whether the answer is whole with this data; it is `last` then."""
        if not data:
            raise LoadError(f"the server hung up after {self.received[:200]!r}")
        given = self.received + data if self.received else data
        head = given.find(b"\r\n\r\n")
        if head >= 0:
            if not given.startswith(b"HTTP/1.1 200"):
                raise LoadError(f"the server answered {given[:400]!r}")
            length = _LENGTH.search(given, 0, head + 2)
            if length is None:
                raise LoadError(f"the answer has no Content-Length: {given[:head]!r}")
            if len(given) == head + 4 + int(length[1]):
                self.received, self.last = b"", given
                return True
        self.received = given
        return False


def _run(port: int, requests: Iterator[bytes], seconds: float, connections: int) -> Loaded:
    done = Loaded()
    with selectors.DefaultSelector() as selector, _without_gc():
        open_ = _opened(port, connections, selector)
        try:
            began = time.perf_counter()
            until = began + seconds
            busy = 0
            for one in open_:
                busy += _send(one, requests)
            while busy:
                ready = selector.select(ANSWER_WITHIN)
                if not ready:
                    raise LoadError(f"no answer within {ANSWER_WITHIN:g} s")
                going_on = time.perf_counter() < until
                for key, _ in ready:
                    one = key.data
                    if one.take(one.sock.recv(_LARGEST)):
                        done.answers += 1
                        done.hits += _HIT in one.last
                        busy -= 1
                        if going_on:
                            busy += _send(one, requests)
            done.seconds = time.perf_counter() - began
        finally:
            for one in open_:
                one.sock.close()
    return done


def _opened(port: int, connections: int, selector: selectors.BaseSelector) -> list[_Connection]:
    open_ = [_Connection(socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN)) for _ in range(connections)]
    for one in open_:
        one.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(one.sock, selectors.EVENT_READ, one)
    return open_


def _send(one: _Connection, requests: Iterator[bytes]) -> bool:
    """Whether there was another request to send."""
    following = next(requests, None)
    if following is not None:
        one.sock.sendall(following)
    return following is not None


@contextmanager
def _without_gc() -> Iterator[None]:
    """No pause of this process's own while it counts a server's answers."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
