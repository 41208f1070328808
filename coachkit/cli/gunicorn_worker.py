"""gunicorn's threaded worker, with CoachKit's manners for what never reaches the application.

A request that gunicorn cannot read is answered with problem details like any other, and logged without the address,
the query and the client that gunicorn would write down. A connection that is over is closed without holding up
others: gunicorn's own worker waits up to two seconds for the client to close it too, and serves nobody meanwhile.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any, ClassVar, Final, TypeVar

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from coachkit.api.problems import UNEXPECTED, problem
from coachkit.errors import BadRequest, Refusal

K = TypeVar("K")
V = TypeVar("V")

CHECKED: Final = 8_192
"""Headers that a process remembers to have checked."""
BLOCKS: Final = 2_048
"""Blocks of headers that it remembers, of about 2 KB each."""
AT_ONCE: Final = 65_536
"""Bytes of a body that is sent together with its headers."""
LINGER: Final = 2.0
"""Seconds that a client has to read its last answer before the connection is closed under it (RFC 9112, 9.6)."""


class UriTooLong(Refusal):
    """The request line is longer than is read."""

    status, slug, title = 414, "uri-too-long", "The address is too long"


class HeadersTooLarge(Refusal):
    """There are more headers, or longer ones, than are read."""

    status, slug, title = 431, "headers-too-large", "The headers are too large"


@dataclass(frozen=True)
class _Block:
    """Headers that were checked: as gunicorn lists them, as it writes them, and the length of a body they told."""

    listed: tuple[tuple[str, str], ...]
    written: str
    length: int | None


class Response(wsgi.Response):
    """gunicorn's response, which checks and writes headers that it has sent before no second time.

    Of the sixteen headers of a kept answer only the last is new, the request's id. What comes before is remembered as
    one block if it comes again; where it is not known, what it begins with may be, which many answers have alike. Of
    other headers each is remembered by itself. To check and to write them is much of what gunicorn does for such an
    answer.
    """

    headers: list[tuple[str, str]]
    _checked: ClassVar[dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {}
    """Header → what gunicorn sends for it: itself, or nothing where it is the server's own to send."""
    _blocks: ClassVar[dict[tuple[tuple[str, str], ...], _Block]] = {}
    _met: ClassVar[dict[int, None]] = {}
    """The hashes of headers that may become a block when they come again."""
    _written: list[str] | None = None
    """`headers` as they are written, where that is known."""
    _head: bytes = b""
    """The status line and the headers, while they wait for the body."""

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Called by gunicorn with the application's headers. Raises as its own does."""
        given = tuple(headers)
        if self.headers:
            self._process(given)
            self._written = None
            return
        first = given[:-1]
        block = self._blocks.get(first)
        written = self._anew(first) if block is None else self._again(block)
        before = len(self.headers)
        self._process(given[-1:])
        self._written = [*written, *_lines(self.headers[before:])]

    def _again(self, block: _Block) -> list[str]:
        """Take a block of headers that is remembered. How it is written."""
        self.headers += block.listed
        self.response_length = block.length
        return [block.written]

    def _anew(self, headers: tuple[tuple[str, str], ...]) -> list[str]:
        """Take headers that are not remembered together. How they are written."""
        own = len(headers)
        while own and headers[own - 1][0] in _OF_ONE:
            own -= 1
        alike = headers[:own]
        block = self._blocks.get(alike)
        if block is None:
            self._process(alike)
            written = _lines(self.headers)
            self._remember(alike, written)
        else:
            written = self._again(block)
        before = len(self.headers)
        self._process(headers[own:])
        written += _lines(self.headers[before:])
        self._remember(headers, written)
        return written

    def _process(self, headers: tuple[tuple[str, str], ...]) -> None:
        """Check those headers that were not met before, but for those of which a look is enough."""
        for header in headers:
            if header[0] in _OURS and _PLAIN.fullmatch(header[1]):
                self.headers.append(header)
            elif known := self._checked.get(header):
                self.headers.extend(known)
            else:
                self._check(header)

    def _remember(self, headers: tuple[tuple[str, str], ...], written: list[str]) -> None:
        """Remember all headers until now as a block, if they were met before: most never are again."""
        if not headers or self.upgrade:
            return
        met = hash(headers)
        if met in self._met:
            block = _Block(tuple(self.headers), "".join(written), self.response_length)
            _bounded(self._blocks, BLOCKS)[headers] = block
        else:
            _bounded(self._met, CHECKED)[met] = None

    def _check(self, header: tuple[str, str]) -> None:
        before = len(self.headers)
        super().process_headers([header])
        if header[0].lower() not in _ALWAYS_ANEW:
            _bounded(self._checked, CHECKED)[header] = tuple(self.headers[before:])

    def send_headers(self) -> None:
        """Called by gunicorn before the body's first byte, perhaps more than once: they go with that byte."""
        if self.headers_sent or self._head:
            return
        written = self._written if self.status_code in _SENT_AS_GIVEN else None
        if written is None:
            written = _lines(self.headers)
        self._head = "".join([*self.default_headers(), *written, "\r\n"]).encode("latin-1")

    def _emit_body(self, data: bytes) -> None:
        """Called by gunicorn with a part of the body. A short one goes out together with the headers."""
        if self._head and not self.chunked and len(data) <= AT_ONCE:
            data, self._head = self._head + data, b""
            self.headers_sent = True
        self._send_head()
        util.write(self.sock, data, self.chunked)

    def _send_head(self) -> None:
        if self._head:
            util.write(self.sock, self._head)
            self._head = b""
            self.headers_sent = True

    def sendfile(self, respiter: Any) -> bool:
        """Called by gunicorn for a file, which it sends past this class."""
        self.send_headers()
        self._send_head()
        return super().sendfile(respiter)

    def close(self) -> None:
        """Called by gunicorn when there is no more of the body."""
        self.send_headers()
        self._send_head()
        super().close()


def _lines(headers: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name}: {value}\r\n" for name, value in headers]


def _bounded(remembered: dict[K, V], size: int) -> dict[K, V]:
    """What is remembered, with room for one more: emptied where it is full."""
    if len(remembered) >= size:
        remembered.clear()
    return remembered


_OURS: Final = frozenset(
    {"CoachKit-Edition", "CoachKit-Request-Id", "Deprecation", "ETag", "Link", "Sunset", "Surrogate-Key"}
)
"""Of these each answer has others, so that none is worth remembering by itself."""
_OF_ONE: Final = _OURS | {"Content-Length"}
"""What they say is of one answer."""
_PLAIN: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""What breaks out of nothing, and what gunicorn takes nothing off."""
_ALWAYS_ANEW: Final = frozenset({"content-length", "connection", "upgrade"})
"""They do more to a response than stand in it."""
_SENT_AS_GIVEN: Final = frozenset({200, 304})
"""For other statuses gunicorn may leave headers out."""

wsgi.Response = Response  # type: ignore[misc] # gunicorn's threaded worker asks for it by this name alone


class _Clock:
    """The date as answers tell it, written once a second."""

    def __init__(self) -> None:
        self._now = (-1, "")

    def __call__(self, timestamp: float | None = None) -> str:
        second = int(time.time() if timestamp is None else timestamp)
        known, date = self._now
        if known != second:
            date = formatdate(second, usegmt=True)
            self._now = (second, date)
        return date


util.http_date = _Clock()  # gunicorn asks for it at every answer, and by this name alone


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
