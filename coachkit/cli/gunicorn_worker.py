"""gunicorn's threaded worker, with CoachKit's manners for what never reaches the application.

A request that gunicorn cannot read is answered with problem details like any other, and logged without the address,
the query and the client that gunicorn would write down. A connection that is over is closed without holding up
others: gunicorn's own worker waits up to two seconds for the client to close it too, and serves nobody meanwhile.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any, ClassVar, Final

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from coachkit.api.problems import UNEXPECTED, problem
from coachkit.errors import BadRequest, Refusal

CHECKED: Final = 8_192
"""Headers that a process remembers to have checked."""
LINGER: Final = 2.0
"""Seconds that a client has to read its last answer before the connection is closed under it (RFC 9112, 9.6)."""


class UriTooLong(Refusal):
    """The request line is longer than is read."""

    status, slug, title = 414, "uri-too-long", "The address is too long"


class HeadersTooLarge(Refusal):
    """There are more headers, or longer ones, than are read."""

    status, slug, title = 431, "headers-too-large", "The headers are too large"


class Response(wsgi.Response):
    """gunicorn's response, which checks a header that it has checked before no second time.

    Of the fifteen headers of a kept answer one is new: to check the others is much of what gunicorn does for it.
    """

    headers: list[tuple[str, str]]
    _checked: ClassVar[dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {}
    """Header → what gunicorn sends for it: itself, or nothing where it is the server's own to send."""

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Called by gunicorn with the application's headers. Raises as its own does."""
        for header in headers:
            known = self._checked.get(header)
            if known is None:
                self._check(header)
            else:
                self.headers.extend(known)

    def _check(self, header: tuple[str, str]) -> None:
        before = len(self.headers)
        super().process_headers([header])
        if header[0].lower() not in _ALWAYS_ANEW:
            if len(self._checked) >= CHECKED:
                self._checked.clear()
            self._checked[header] = tuple(self.headers[before:])


_ALWAYS_ANEW: Final = frozenset({"coachkit-request-id", "content-length", "connection", "upgrade"})
"""No two answers share the first, and the others do more to a response than stand in it."""

wsgi.Response = Response  # type: ignore[misc] # gunicorn's threaded worker asks for it by this name alone


class Worker(ThreadWorker):
    """Answers what cannot be read with a problem, logs no more of it than its kind, and waits for no client to close.

    A connection that is over stays in the poller for its last seconds, and counts as one of the worker's until then.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lingering: dict[TConn, float] = {}  # until when, on the monotonic clock; the earliest first

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Called by gunicorn in the main thread when an answer is written; a false result says it was the last one."""
        if fs.cancelled() or fs.exception() is not None or fs.result():
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.settimeout(0)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError):  # the client had gone, or it is closed already
            self._release(conn)
        else:
            self._lingering[conn] = time.monotonic() + LINGER

    def murder_pending(self) -> None:
        """Called by gunicorn in every round: close what waits for too long."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn, until in self._lingering.items() if until <= now]:
            self._forget(conn)

    def _drain(self, conn: TConn, client: socket.socket) -> None:
        """Drop what the client still sends, until it closes."""
        try:
            over = not client.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            over = True
        if over:
            self._forget(conn)

    def _forget(self, conn: TConn) -> None:
        del self._lingering[conn]
        self.poller.unregister(conn.sock)
        self._release(conn)

    def _release(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Called by gunicorn for a request that did not get as far as the application, or broke on the way back."""
        del req, addr
        if isinstance(exc, ParseException):
            self.log.warning("A request could not be read: %s", type(exc).__name__)
        else:
            self.log.error("A request failed outside the application", exc_info=exc)
        try:
            util.write_nonblock(client, written(refusal_for(exc)))
        except OSError:
            self.log.debug("The client had gone")


def refusal_for(exc: BaseException) -> Refusal:
    """What a request is refused with that gunicorn gave up on."""
    if isinstance(exc, LimitRequestLine):
        return UriTooLong("The request line is longer than is read here.")
    if isinstance(exc, LimitRequestHeaders):
        return HeadersTooLarge("There are more headers, or longer ones, than are read here.")
    if isinstance(exc, ParseException):
        return BadRequest("The request is not HTTP that can be read.")
    return UNEXPECTED


def written(refusal: Refusal) -> bytes:
    """A whole answer, after which the connection is closed."""
    status, headers, body = problem(refusal, None)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
