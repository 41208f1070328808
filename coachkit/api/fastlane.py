"""The fast lane: answers GET and HEAD of cacheable routes from the store, in front of Flask.

It knows no route by name: a route takes part by declaring itself `cacheable`. What it cannot answer goes on to
Flask, whose 200 answers it keeps. A kept answer is the same for every reader: what differs from request to request is
added after the look-up, on hits and misses by one function.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_etags
from werkzeug.routing import Map, MapAdapter, RoutingException

from coachkit.api.access import FOR_ANY_PAGE
from coachkit.api.parsing import Query, read_query
from coachkit.api.reading import FAILED, LIVE, READING, Cacheable, Reader, Reading
from coachkit.api.requests import CACHE, COMPLETE, FOR_ANY_READER, ORGANISATION, POLICY_NAME, ROUTE, policy_for
from coachkit.cache.flight import Flight
from coachkit.cache.frames import Frame, shared
from coachkit.cache.store import MemoryStore
from coachkit.errors import CoachKitError, Unavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from coachkit.api.answers import Answer
    from coachkit.cache.shared import Errand, SharedStore

Headers = list[tuple[str, str]]
Authorise = Callable[["WSGIEnvironment", str], bool]
Plainly = Callable[[Cacheable, Reading, Mapping[str, Any], str | None], "Answer | None"]

KEPT = (
    "Content-Type",
    "Content-Language",
    "ETag",
    "Vary",
    "Link",
    "Cache-Control",
    "Surrogate-Key",
    "CoachKit-Edition",
    "Content-Security-Policy",
    "Deprecation",
    "Sunset",
)
"""The headers of an answer that are the same for every reader, and so are kept with it."""
NOT_ON_304 = frozenset({"Content-Type", "Content-Language", "Link", "Content-Security-Policy"})
LONGEST_REQUEST = 2_048
"""Characters of path, query and negotiating headers: longer requests are none that readers send."""
TURNS = 2
"""How often a caller lets another go first: who has the answer already gets 304, and leaves nothing for the others."""
PLANS = 8_192
KNOWN = 4_096
"""Ends of paths that are remembered to be matched."""
_OF_ORGANISATION = "<slug:organisation>"
_FOR_ALL = (*FOR_ANY_PAGE, *FOR_ANY_READER)
"""The headers that all answers have."""
_CACHE_STATUS = {
    "memory": "CoachKit; hit; detail=memory",
    "redis": "CoachKit; hit; detail=redis",
    "miss": "CoachKit; fwd=miss",
}
_STATUS = {200: "200 OK", 304: "304 NOT MODIFIED"}
_Asked = tuple[str, str, str | None, str | None]
"""Path, query, Accept and Accept-Language: what of a request decides which answer it gets, beside who asks."""


@dataclass(frozen=True)
class Route:
    """A cacheable route: the rule's own text, what it declared, and the query parameters that it takes."""

    rule: str
    declared: Cacheable
    query: Query


class Routes:
    """The cacheable routes of an application, matched without entering Flask."""

    def __init__(self, app: flask.Flask, queries: Mapping[tuple[str, str], Query]) -> None:
        """Collect every route of the app whose view declared itself; routes added later are not seen."""
        self._routes: dict[str, Route] = {}
        self._known: dict[str, tuple[Route, Mapping[str, Any]]] = {}
        self._slug = re.compile(app.url_map.converters["slug"].regex)
        rules = Map(merge_slashes=False, converters=app.url_map.converters)
        for rule in app.url_map.iter_rules():
            declared = getattr(_view(app, rule.endpoint), "__cacheable__", None)
            if declared is not None:
                self._routes[rule.endpoint] = Route(rule.rule, declared, queries.get((rule.endpoint, "GET"), Query()))
                rules.add(rule.empty())
        before = {route.rule.partition(_OF_ORGANISATION)[0] for route in self._routes.values()}
        self._before = before.pop() if len(before) == 1 else None
        self._match: MapAdapter = rules.bind("")

    def match(self, path: str) -> tuple[Route, Mapping[str, Any]] | None:
        """The route of a path and the values in it; None if no cacheable route has that path.

        What comes after the organisation is the same for many: that is matched once, as long as it is remembered.
        """
        organisation, rest = self._parted(path)
        known = self._known.get(rest)
        if organisation and known:
            route, values = known
            return route, {"organisation": organisation, **values}
        matched = self._matched(path)
        if organisation and matched:
            if len(self._known) >= KNOWN:
                self._known.clear()
            route, values = matched
            self._known[rest] = route, {name: value for name, value in values.items() if name != "organisation"}
        return matched

    def _parted(self, path: str) -> tuple[str, str]:
        """An organisation's slug and what comes after it; twice nothing where there is no slug."""
        if self._before is not None and path.startswith(self._before):
            organisation, slash, rest = path[len(self._before) :].partition("/")
            if self._slug.fullmatch(organisation):
                return organisation, slash + rest
        return "", ""

    def _matched(self, path: str) -> tuple[Route, Mapping[str, Any]] | None:
        try:
            endpoint, values = self._match.match(path, "GET")
        except (HTTPException, RoutingException):
            return None
        return self._routes[endpoint], values


def _view(app: flask.Flask, endpoint: str) -> Any:
    """The function that was declared, below what flask-smorest wrapped around it."""
    view: Any = app.view_functions.get(endpoint)
    while view is not None and not hasattr(view, "__cacheable__") and hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    return view


@dataclass(slots=True)
class _Plan:
    """What requests with the same path, query and negotiating headers come to, while they lead to one edition."""

    asked: _Asked
    route: str
    declared: Cacheable
    values: Mapping[str, Any]
    channel: str
    reading: Reading
    organisation: str
    key: str
    moves: object
    """The state of the pointers in which it held last."""
    remembered: bool = False

    @property
    def family(self) -> str:
        """What its answer is like: the same of other organisations, in this locale and format."""
        reading, path = self.reading, self.asked[0]
        return sys.intern(f"{reading.locale}\n{reading.format.name}\n{path.replace(self.organisation, '', 1)}")


class Fastlane:
    """The WSGI application in front of Flask's."""

    def __init__(
        self,
        app: WSGIApplication,
        routes: Routes,
        reader: Reader,
        store: MemoryStore,
        authorise: Authorise,
        *,
        plainly: Plainly,
        shared: SharedStore | None = None,
    ) -> None:
        """`authorise(environ, organisation)` says whether a caller may have the kept answers of an organisation.

        `plainly(declared, reading, path_values, if_none_match)` answers without Flask where a route can, and gives None
        where Flask is to. `shared` is where workers find what another has made, below the process's own `store`.
        """
        self._plainly = plainly
        self._app = app
        self._routes = routes
        self._reader = reader
        self._store = store
        self._authorise = authorise
        self._shared = shared
        self._flight = Flight()
        self._plans: dict[_Asked, _Plan] = {}
        self._plans_before: dict[_Asked, _Plan] = {}

    @property
    def plans(self) -> int:
        """How many requests are remembered, at most PLANS."""
        return len(self._plans) + len(self._plans_before)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from the store, or pass on and keep what comes back."""
        plan = self._settle(environ)
        if plan is None:
            return self._app(environ, start_response)
        frame = self._store.get(plan.key)
        if frame is None:
            return self._not_here(plan, environ, start_response)
        if not plan.remembered:
            self._remember(plan)
        return self._from_store(frame, "memory", environ, start_response)

    def _not_here(self, plan: _Plan, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with what another worker has made, or is making, and else let the first who asks for it make it."""
        shared = None if plan.reading.variant else self._shared
        errand = shared.errand(plan.key, plan.organisation) if shared else None
        if errand and (frame := errand.get()):
            return self._fetched(plan, frame, environ, start_response)
        if errand is None and not self._store.keeps:
            return self._from_app(plan, None, environ, start_response)  # nothing comes of waiting for another
        for turn in range(TURNS):
            with self._flight.key(plan.key) as first:
                if frame := self._store.get(plan.key):
                    self._remember(plan)
                    return self._from_store(frame, "memory", environ, start_response)
                if first or turn == TURNS - 1:
                    if errand and (frame := errand.wait()):
                        return self._fetched(plan, frame, environ, start_response)
                    return self._from_app(plan, errand, environ, start_response)
        raise AssertionError("the last turn answers")

    def _fetched(
        self, plan: _Plan, frame: Frame, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        self._store.put(replace(frame, family=plan.family), variant=plan.reading.variant)
        self._remember(plan)
        return self._from_store(frame, "redis", environ, start_response)

    def _settle(self, environ: WSGIEnvironment) -> _Plan | None:
        """What the request comes to; None for anything that Flask must answer itself."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return None
        given = environ.get
        asked = (given("PATH_INFO", ""), given("QUERY_STRING", ""), given("HTTP_ACCEPT"), given("HTTP_ACCEPT_LANGUAGE"))
        plan = self._plans.get(asked) or self._remembered_before(asked)
        try:
            if plan is None or (plan.moves is not self._reader.moves and not self._holds_still(plan)):
                if sum(len(each) for each in asked if each) > LONGEST_REQUEST:
                    return None
                plan = self._planned(environ, asked)
        except Unavailable as error:
            environ[FAILED] = error  # so that nobody waits for the same again
            return None
        except CoachKitError:
            return None  # Flask meets the same and answers with the problem
        if plan is None or not self._authorise(environ, plan.organisation):
            return None
        environ[ROUTE] = plan.route
        environ[ORGANISATION] = plan.organisation
        return plan

    def _holds_still(self, plan: _Plan) -> bool:
        """Whether a plan leads where it did although pointers, perhaps of others, moved. Raises what Flask will say."""
        moves = self._reader.moves
        if self._reader.served(plan.values, plan.channel) is not plan.reading.served:
            return False
        plan.moves = moves
        return True

    def _planned(self, environ: WSGIEnvironment, asked: _Asked) -> _Plan | None:
        """Work out a request; None if its path is no cacheable route's. Raises what Flask will say."""
        path = asked[0]
        matched = self._routes.match(path)
        if matched is None:
            return None
        route, values = matched
        moves = self._reader.moves
        query = read_query(environ.get("QUERY_STRING", ""))
        route.query.check(query)
        reading = self._reader.settle(route.declared, values, query, environ)
        channel = dict(query).get("channel", LIVE)
        return _Plan(
            asked, route.rule, route.declared, values, channel, reading, reading.organisation, reading.key(path), moves
        )

    def _remembered_before(self, asked: _Asked) -> _Plan | None:
        plan = self._plans_before.get(asked)
        if plan is not None:
            self._remember(plan)
        return plan

    def _remember(self, plan: _Plan) -> None:
        """Keep the plan of a request that was answered, for the next one with the same texts.

        The plans used least recently are forgotten by halves.
        """
        plan.remembered = True
        if self._plans.get(plan.asked) is plan:
            return
        if len(self._plans) >= PLANS // 2:
            self._plans, self._plans_before = {}, self._plans
        self._plans[plan.asked] = plan

    def _from_store(
        self, frame: Frame, where: Literal["memory", "redis"], environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        environ[CACHE] = where
        asked_with = environ.get("HTTP_IF_NONE_MATCH")
        if asked_with and holds(asked_with, next((value for name, value in frame.headers if name == "ETag"), None)):
            kept = [(name, value) for name, value in frame.headers if name not in NOT_ON_304]
            return self._answer("304 NOT MODIFIED", kept, b"", environ, start_response)
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else frame.body
        if where == "redis" or self._reader.stale:
            return self._answer("200 OK", _measured(frame.headers, frame.body), body, environ, start_response)
        if not frame.prepared:
            frame.prepared[:] = _whole(_measured(frame.headers, frame.body), _CACHE_STATUS[where])
        environ[COMPLETE] = True
        start_response("200 OK", frame.prepared)
        return [body] if body else []

    def _from_app(
        self, plan: _Plan, errand: Errand | None, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Let Flask answer; keep a 200 and finish it as a hit would be; anything else goes out as it came."""
        environ[CACHE] = "miss"
        head = environ["REQUEST_METHOD"] == "HEAD"
        try:
            status, headers, body = self._made(plan, environ)
            if status.startswith("200"):
                self._keep(plan, headers, body, errand)
        finally:
            if errand:
                errand.leave()
        if status.startswith("304"):
            kept = [(name, value) for name, value in headers if name not in NOT_ON_304]
            return self._answer(status, kept, b"", environ, start_response)
        if not status.startswith("200"):
            start_response(status, headers)
            return [] if head else [body]
        return self._answer(status, _measured(headers, body), b"" if head else body, environ, start_response)

    def _keep(self, plan: _Plan, headers: Headers, body: bytes, errand: Errand | None) -> None:
        """Keep a 200 where there is anything to keep it in."""
        self._remember(plan)
        if errand or self._store.keeps:
            body = bytes(memoryview(body))  # orjson's own keeps three times the memory that it needs
            kept = tuple(shared(*header) for header in headers)
            frame = Frame(plan.key, plan.organisation, 200, kept, body, plan.family)
            self._store.put(frame, variant=plan.reading.variant)
            if errand:
                errand.put(frame)

    def _made(self, plan: _Plan, environ: WSGIEnvironment) -> tuple[str, Headers, bytes]:
        """Status, headers and body, from the route's own hand where it can answer plainly and else from Flask.

        Of a 200 and a 304, only the headers that are kept.
        """
        try:
            answered = self._plainly(plan.declared, plan.reading, plan.values, environ.get("HTTP_IF_NONE_MATCH"))
        except Unavailable as error:
            environ[FAILED] = error
            answered = None
        except Exception:  # noqa: BLE001  # Flask meets the same: it answers with the problem, and the log says why
            answered = None
        if answered is None:
            status, headers, body = _called(self._app, {**environ, READING: plan.reading, "REQUEST_METHOD": "GET"})
            return status, _kept(headers) if status.startswith(("200", "304")) else headers, body
        return _STATUS[answered.status], _guarded(answered.headers), answered.body

    def _answer(
        self,
        status: str,
        headers: Headers,
        body: bytes,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Send an answer with what differs from request to request, on hits and misses alike."""
        cache_status = _CACHE_STATUS[environ[CACHE]]
        if self._reader.stale:
            cache_status += "; stale"
        environ[COMPLETE] = True
        start_response(status, _whole(headers, cache_status))
        return [body] if body else []


def _measured(headers: Iterable[tuple[str, str]], body: bytes) -> Headers:
    return [*headers, ("Content-Length", str(len(body)))]


def _whole(headers: Headers, cache_status: str) -> Headers:
    """All headers of an answer but the request's id."""
    return [*headers, ("Cache-Status", cache_status), *_FOR_ALL]


def _kept(headers: Iterable[tuple[str, str]]) -> Headers:
    given = {name.lower(): value for name, value in headers}
    return _guarded({name: given[name.lower()] for name in KEPT if name.lower() in given})


def _guarded(headers: Mapping[str, str]) -> Headers:
    """The headers with the policy that an answer gets which has none of its own."""
    policy = () if POLICY_NAME in headers else (policy_for(headers.get("Content-Type", "")),)
    return [*headers.items(), *policy]


def _called(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, Headers, bytes]:
    """Status, headers and whole body of an application's answer."""
    answer: list[tuple[str, Headers]] = []
    written: list[bytes] = []

    def start(status: str, headers: Headers, exc_info: object = None, /) -> Callable[[bytes], object]:
        del exc_info
        answer.append((status, headers))
        return written.append

    parts = app(environ, start)
    try:
        written.extend(parts)
    finally:
        if close := getattr(parts, "close", None):
            close()
    status, headers = answer[-1]
    return status, headers, b"".join(written)


def holds(if_none_match: str | None, etag: str | None) -> bool:
    """Whether an If-None-Match header names the answer, by weak comparison (RFC 9110, 13.1.2).

    One longer than any cache sends names nothing.
    """
    if not if_none_match or not etag or len(if_none_match) > LONGEST_REQUEST:
        return False
    return if_none_match == etag or parse_etags(if_none_match).contains_weak(etag.strip('"'))


def etag(secret: bytes, *parts: str) -> str:
    """A strong ETag: a keyed hash of what the answer is made from, so that it says nothing of the content."""
    data = "\n".join(parts).encode()
    digest = hashlib.blake2b(data, digest_size=16, key=secret[:64], person=b"coachkit etag")
    return f'"{digest.hexdigest()}"'
