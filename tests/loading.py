"""Asks a service on loopback without pause from several clients, and tells what became of every request.

A request that is not answered as it should be has failed. One exception, which RFC 9112 (9.3.1) makes too: if a
connection that has answered before is closed without a byte of an answer, it was idle when the server closed it. Such
a GET or HEAD is asked once more, on a new connection, and counted as `repeated`; nothing else may be, so it has failed.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

TIMEOUT = 10.0
"""Seconds after which an answer that has not come has failed."""
PAUSE = 0.002
"""Seconds between a client's requests: a few clients then leave a core to the service."""

REPEATABLE = {"GET", "HEAD"}


@dataclass(frozen=True)
class Ask:
    """What is asked, and the status that answers it."""

    path: str
    method: str = "GET"
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200


@dataclass
class Tally:
    """What became of the requests so far."""

    answered: int = 0
    repeated: int = 0
    failed: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def share(self) -> float:
        """The part of all requests that was answered as it should be."""
        return self.answered / max(1, self.answered + len(self.failed))


@contextmanager
def under_load(port: int, *asks: Ask, clients: int = 3, fresh: bool = False) -> Iterator[Tally]:
    """Ask for `asks` in turn from each of several clients while the block runs.

    A client keeps its connection as long as the service does, or with `fresh` opens one for each request.
    """
    tally, ended = Tally(), threading.Event()
    threads = [
        threading.Thread(target=_Client(port, fresh, tally).ask_until, args=(ended, asks)) for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield tally
    finally:
        ended.set()
        for thread in threads:
            thread.join(2 * TIMEOUT)


def patiently(holds: Callable[[], object], seconds: float = 30) -> None:
    """Wait for what may take long on a busy machine, such as a worker's last answers."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it has not come to pass"
        time.sleep(0.02)


@dataclass
class _Client:
    port: int
    fresh: bool
    tally: Tally
    connection: http.client.HTTPConnection | None = None

    def ask_until(self, ended: threading.Event, asks: tuple[Ask, ...]) -> None:
        for ask in cycle(asks):
            if ended.wait(PAUSE):
                break
            self.note(ask, self.outcome(ask))
        self.close()

    def outcome(self, ask: Ask) -> str | None:
        """How a request failed, None if it did not."""
        reused = self.connection is not None
        try:
            response = self.answer(ask)
        except ConnectionError as error:  # which http.client's RemoteDisconnected is
            self.close()
            if not reused or ask.method not in REPEATABLE:
                return repr(error)
            with self.tally.lock:
                self.tally.repeated += 1
            return self.outcome(ask)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return repr(error)
        return self.rest(response, ask)

    def answer(self, ask: Ask) -> http.client.HTTPResponse:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        self.connection.request(ask.method, ask.path, body=ask.body, headers=dict(ask.headers))
        return self.connection.getresponse()

    def rest(self, response: http.client.HTTPResponse, ask: Ask) -> str | None:
        try:
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return f"cut off: {error!r}"
        if self.fresh or response.will_close:
            self.close()
        return None if response.status == ask.status else str(response.status)

    def note(self, ask: Ask, failed: str | None) -> None:
        with self.tally.lock:
            if failed is None:
                self.tally.answered += 1
            else:
                self.tally.failed.append(f"{ask.method} {ask.path}: {failed}")

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
