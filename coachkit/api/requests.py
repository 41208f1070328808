"""What is the same for every request, from outside of everything: its id, its line in the log, its headers.

A WSGI layer around the whole application, the fast lane included. It learns what a request was about from the
environ, and reads no path: `coachkit.route` (a route's template), `coachkit.organisation` (a slug that exists)
and `coachkit.cache` (hit, or miss for what was looked up and made).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import flask

from coachkit import process
from coachkit.api.logs import say
from coachkit.api.metrics import HITS, NOT_LOOKED_UP, count_request, method_label
from coachkit.api.problems import UNEXPECTED as FAULT
from coachkit.api.problems import Headers, instance_of, log_fault, problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ID: Final = "coachkit.request_id"
ROUTE: Final = "coachkit.route"
ORGANISATION: Final = "coachkit.organisation"
CACHE: Final = "coachkit.cache"
COUNT: Final = "coachkit.count"
"""In place of those three, for a whole answer from the process's own store: what counts it."""
COMPLETE: Final = "coachkit.complete"
"""There once an answer's headers need nothing but the request's id."""

POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
"""The content security policy of what is no page: nothing may come of opening it."""
PAGE_POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""That of HTML without one of its own, when it is opened and not fetched: its images and inline styles show."""

POLICY_NAME: Final = "Content-Security-Policy"
FOR_ANY_READER: Final = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
_POLICY_HEADER: Final = (POLICY_NAME, POLICY)
_PAGE_POLICY_HEADER: Final = (POLICY_NAME, PAGE_POLICY)

_IDS: Final = 256
"""How many ids are fetched at once: whoever waits for the system lets other threads in between."""


class Ids:
    """Ids of requests: 128 random bits in hexadecimal, the system's own. A forked child has none of its parent's."""

    def __init__(self) -> None:
        self._left: list[str] = []
        self.drawn = self._left.pop
        """One that nobody has had; IndexError where none is left, and then `draw` has one."""
        process.tell(self)

    def forked(self) -> None:
        """Called in a forked child: what is left was drawn for its parent."""
        self._left.clear()

    def draw(self) -> str:
        """One that nobody has had, and many for later."""
        drawn = os.urandom(16 * _IDS).hex()
        self._left += [drawn[at : at + 32] for at in range(32, len(drawn), 32)]
        return drawn[:32]


def register(app: flask.Flask) -> None:
    """Let the app say which of its routes a request came to."""
    app.after_request(_note_route)


def concerns(organisation: str) -> None:
    """Say that the current request is about this organisation, which exists: its slug may stand in the log."""
    flask.request.environ[ORGANISATION] = organisation


def watch(app: WSGIApplication, *, log_hits: bool = False) -> WSGIApplication:
    """The application with an id on every request, counted, logged (hits only if asked) and safe headers.

    An exception that leaves the application is answered with a problem; HEAD gets no body whatever it makes.
    """
    ids = Ids()
    drawn = ids.drawn

    def watched(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = perf_counter()
        try:
            request_id = drawn()
        except IndexError:
            request_id = ids.draw()
        environ[ID] = request_id
        answered = False

        def start(status: str, headers: Headers, exc_info: Any = None, /) -> Callable[[bytes], object]:
            nonlocal answered
            count = environ.get(COUNT)
            if count is not None:
                count(perf_counter() - began)
            else:
                if not answered:
                    _account(environ, int(status[:3]), perf_counter() - began, log_hits=log_hits)
                if COMPLETE not in environ:
                    headers = guarded(status, headers)
            answered = True
            headers.append(("CoachKit-Request-Id", request_id))
            return start_response(status, headers, exc_info)

        try:
            body = app(environ, start)
        except Exception as error:  # noqa: BLE001  # the last that can answer
            environ.pop(COMPLETE, None)
            environ.pop(COUNT, None)
            body = _fault(error, environ, start)
        return _without_body(body) if environ["REQUEST_METHOD"] == "HEAD" else body

    return watched


def _account(environ: WSGIEnvironment, status: int, seconds: float, *, log_hits: bool) -> None:
    method = environ["REQUEST_METHOD"]
    route = environ.get(ROUTE, "unknown")
    found = environ.get(CACHE, NOT_LOOKED_UP)
    count_request(method, route, status, found, seconds)
    if log_hits or found not in HITS:
        say(
            "request",
            method=method_label(method),
            route=route,
            organisation=environ.get(ORGANISATION),
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=environ[ID],
        )


def guarded(status: str, headers: Headers) -> Headers:
    """The headers with those that every answer has; a 304 keeps the policy that was stored with the body."""
    given = dict(headers)
    policy = () if status.startswith("304") or POLICY_NAME in given else (policy_for(given.get("Content-Type", "")),)
    return [*headers, *FOR_ANY_READER, *policy]


def policy_for(media_type: str) -> tuple[str, str]:
    """The content security policy of an answer that has none of its own."""
    return _PAGE_POLICY_HEADER if media_type.startswith("text/html") else _POLICY_HEADER


def _fault(error: Exception, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    log_fault(error, environ)
    status, headers, body = problem(FAULT, instance_of(environ))
    start(f"{status} INTERNAL SERVER ERROR", headers, sys.exc_info())
    return [body]


def _without_body(body: Iterable[bytes]) -> Iterable[bytes]:
    close = getattr(body, "close", None)
    if close is not None:
        close()
    return ()


def _note_route(response: flask.Response) -> flask.Response:
    rule = flask.request.url_rule
    if rule is not None:
        flask.request.environ[ROUTE] = rule.rule
    return response
