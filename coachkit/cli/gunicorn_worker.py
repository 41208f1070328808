"""gunicorn's threaded worker, with CoachKit's manners for what never reaches the application.

A request that gunicorn cannot read is answered with problem details like any other, and logged without the address,
the query and the client that gunicorn would write down.
"""

from __future__ import annotations

import socket
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from coachkit.api.problems import UNEXPECTED, problem
from coachkit.errors import BadRequest, Refusal


class UriTooLong(Refusal):
    """The request line is longer than is read."""

    status, slug, title = 414, "uri-too-long", "The address is too long"


class HeadersTooLarge(Refusal):
    """There are more headers, or longer ones, than are read."""

    status, slug, title = 431, "headers-too-large", "The headers are too large"


class Worker(ThreadWorker):
    """Answers what cannot be read with a problem, and logs no more of it than its kind."""

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
