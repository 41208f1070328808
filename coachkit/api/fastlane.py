"""The fast lane: answers GET and HEAD of cacheable routes from the store, in front of Flask.

It knows no route by name: a route takes part by declaring itself `cacheable`. What it cannot answer goes on to
Flask, whose 200 answers it keeps. A kept answer is the same for every reader: what differs from request to request is
added after the look-up, on hits and misses by one function.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from werkzeug.http import parse_etags

from coachkit.api.access import ADMITTED, ANYBODY, FOR_ANY_PAGE, Admission, Gate
from coachkit.api.metrics import counter_of_kept
from coachkit.api.parsing import read_query
from coachkit.api.reading import FAILED, LIVE, READING, Cacheable, Reader, Reading, Way, Wishes
from coachkit.api.requests import CACHE, COMPLETE, COUNT, FOR_ANY_READER, ORGANISATION, POLICY_NAME, ROUTE, policy_for
from coachkit.api.routes import Route, Routes
from coachkit.cache.flight import Flight
from coachkit.cache.frames import Frame, shared
from coachkit.cache.store import MemoryStore
from coachkit.editions.pointers import Served, Shape
from coachkit.errors import CoachKitError, TooManyRequests, Unavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from coachkit.api.answers import Answer
    from coachkit.cache.shared import Errand, SharedStore

Headers = list[tuple[str, str]]
Plainly = Callable[[Cacheable, Reading, Mapping[str, Any], str | None], "Answer | None"]

KEPT = (
    "Content-Type",
    "Content-Language",
    "Vary",
    "Cache-Control",
    "Content-Security-Policy",
    "ETag",
    "Link",
    "Surrogate-Key",
    "CoachKit-Edition",
    "Deprecation",
    "Sunset",
    "Content-Length",
)
"""The headers of an answer that are the same for every reader, and so are kept with it.

Those come first that many answers have alike: the store and the server keep those together.
"""
NOT_ON_304 = frozenset({"Content-Type", "Content-Language", "Content-Length", "Link", "Content-Security-Policy"})
LONGEST_REQUEST = 2_048
"""Characters of path, query and negotiating headers: longer requests are none that readers send."""
TURNS = 2
"""How often a caller lets another go first: who has the answer already gets 304, and leaves nothing for the others."""
ASKS = 8_192
"""Ways to ask, whatever the organisation, that are remembered; about 1 KB each."""
SHAPES = 64
"""Shapes of editions of which one way to ask remembers how it is answered."""
_FOR_ALL = (*FOR_ANY_PAGE, *FOR_ANY_READER)
"""The headers that all answers have to whoever shows no key."""
_CACHE_STATUS = {
    "memory": ("Cache-Status", "CoachKit; hit; detail=memory"),
    "redis": ("Cache-Status", "CoachKit; hit; detail=redis"),
    "miss": ("Cache-Status", "CoachKit; fwd=miss"),
}
_CACHE_STATUS_STALE = {where: (name, f"{said}; stale") for where, (name, said) in _CACHE_STATUS.items()}
_FROM_MEMORY = ((_CACHE_STATUS["memory"], *_FOR_ALL), (_CACHE_STATUS_STALE["memory"], *_FOR_ALL))
"""What goes before an answer for anybody that is not stale, and before one that may be."""
_STATUS = {200: "200 OK", 304: "304 NOT MODIFIED"}
_Asked = tuple[str, str, str | None, str | None]
"""End of the path, query, Accept and Accept-Language: what of a request decides which answer it gets, beside the
organisation and who asks."""


@dataclass(slots=True)
class _Ask:
    """What requests with the same end of the path, query and negotiating headers come to, whosever they are about."""

    asked: _Asked
    route: Route
    values: Mapping[str, Any]
    """Those in the path, but for the organisation."""
    query: Sequence[tuple[str, str]]
    channel: str
    digest: str | None
    """Of the edition, where the path names one."""
    count: Callable[[float], None]
    """What counts those that the process's own store answers, by their seconds."""
    ways: dict[Shape, Way]
    """How they are answered, by the shape of the edition."""
    kept_in: object = None
    """Where it was put last."""

    def family(self, way: Way) -> str:
        """What the answers are like: those of other organisations, in the same locale and format."""
        return sys.intern(f"{way.locale}\n{way.format.name}\n{self.asked[0]}")


class _Plan(NamedTuple):
    """What one request comes to."""

    ask: _Ask
    served: Served
    way: Way
    key: str

    @property
    def reading(self) -> Reading:
        """The same as those have it who answer."""
        return Reading(self.served, self.way)


class Fastlane:
    """The WSGI application in front of Flask's."""

    def __init__(
        self,
        app: WSGIApplication,
        routes: Routes,
        reader: Reader,
        store: MemoryStore,
        gate: Gate,
        *,
        plainly: Plainly,
        shared: SharedStore | None = None,
        log_hits: bool = False,
    ) -> None:
        """`gate` says whether a caller may have the kept answers of an organisation.

        `plainly(declared, reading, path_values, if_none_match)` answers without Flask where a route can, and gives None
        where Flask is to. `shared` is where workers find what another has made, below the process's own `store`.
        With `log_hits`, whoever logs requests is told as much of those that it answers as of any other.
        """
        self._plainly = plainly
        self._app = app
        self._routes = routes
        self._reader = reader
        self._store = store
        self._gate = gate
        self._shared = shared
        self._log_hits = log_hits
        self._flight = Flight()
        self._parted = routes.parted
        self._leads = reader.leads
        self._stale = reader.stale
        self._asks: dict[_Asked, _Ask] = {}
        self._asks_before: dict[_Asked, _Ask] = {}

    @property
    def asks(self) -> int:
        """How many ways to ask are remembered, at most ASKS."""
        return len(self._asks) + len(self._asks_before)

    def forget(self, organisation: str) -> None:
        """Let go what is kept of an organisation, and the ways to ask: they know how editions like its are answered."""
        self._store.forget(organisation, f"{organisation}\n")
        self._asks, self._asks_before = {}, {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from the store, or pass on and keep what comes back."""
        settled = self._settle(environ)
        if settled is None:
            return self._app(environ, start_response)
        ask, served, _, key = settled
        frame = self._store.get(key)
        if frame is not None and ask.kept_in is not self._asks:
            self._remember(ask)
        if frame is not None and not self._log_hits and _is_plain(environ):
            environ[COUNT] = ask.count
            first: tuple[tuple[str, str], ...] = _FROM_MEMORY[self._stale()]
            if ADMITTED in environ:
                first = (first[0], *_for_whom(environ))
            start_response("200 OK", [*first, *frame.headers])
            return [frame.body]
        environ[ROUTE] = ask.route.rule
        environ[ORGANISATION] = served.organisation
        if frame is None:
            return self._not_here(_Plan(*settled), environ, start_response)
        return self._from_store(frame, "memory", environ, start_response)

    def _not_here(self, plan: _Plan, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with what another worker has made, or is making, and else let the first who asks for it make it."""
        shared = None if plan.way.variant else self._shared
        errand = shared.errand(plan.key, plan.served.organisation) if shared else None
        if errand and (frame := errand.get()):
            return self._fetched(plan, frame, environ, start_response)
        if (errand is None or errand.over) and not self._store.keeps:
            return self._from_app(plan, None, environ, start_response)  # nothing comes of waiting for another
        for turn in range(TURNS):
            with self._flight.key(plan.key) as first:
                if frame := self._store.get(plan.key):
                    self._remember(plan.ask)
                    return self._from_store(frame, "memory", environ, start_response)
                if first or turn == TURNS - 1:
                    if errand and (frame := errand.wait()):
                        return self._fetched(plan, frame, environ, start_response)
                    return self._from_app(plan, errand, environ, start_response)
        raise AssertionError("the last turn answers")

    def _fetched(
        self, plan: _Plan, frame: Frame, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        self._store.put(frame._replace(family=plan.ask.family(plan.way)), variant=plan.way.variant)
        self._remember(plan.ask)
        return self._from_store(frame, "redis", environ, start_response)

    def _settle(self, environ: WSGIEnvironment) -> tuple[_Ask, Served, Way, str] | None:
        """What the request comes to, as a _Plan has it; None for anything that Flask must answer itself."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return None
        given = environ.get
        path = given("PATH_INFO", "")
        organisation, end = self._parted(path)
        asked = (end, given("QUERY_STRING", ""), given("HTTP_ACCEPT"), given("HTTP_ACCEPT_LANGUAGE"))
        try:
            ask = self._asks.get(asked) or self._asks_before.get(asked) or self._understood(asked)
            if ask is None:
                return None
            served = self._leads(organisation, ask.channel) if ask.digest is None else None
            if served is None:
                served = self._served(organisation, ask)
            if served is None:
                return None
            if served.shape.access.keyed or "HTTP_AUTHORIZATION" in environ:
                environ[ADMITTED] = self._gate.reader(environ, served.organisation_id, served.shape.access)
            way = ask.ways.get(served.shape) or self._way(ask, served.shape)
        except (Unavailable, TooManyRequests) as error:
            environ[FAILED] = error  # so that nobody waits for the same again, or is counted twice
            return None
        except CoachKitError:
            return None  # Flask meets the same and answers with the problem
        return ask, served, way, f"{organisation}\n{served.digest}\n{way.key}\n{path}"

    def _understood(self, asked: _Asked) -> _Ask | None:
        """A way to ask that is not remembered; None if it is no cacheable route's. Raises what Flask will say."""
        if sum(len(each) for each in asked if each) > LONGEST_REQUEST:
            return None
        matched = self._routes.end(asked[0])
        if matched is None:
            return None
        route, values = matched
        query = read_query(asked[1])
        route.query.check(query)
        channel = dict(query).get("channel", LIVE)
        return _Ask(asked, route, values, query, channel, values.get("digest"), counter_of_kept(route.rule), {})

    def _served(self, organisation: str, ask: _Ask) -> Served | None:
        """The edition that is asked for; None if there can be none. Raises what Flask will say."""
        if not self._routes.names(organisation):
            return None
        return self._reader.served(organisation, ask.channel, ask.digest)

    def _way(self, ask: _Ask, shape: Shape) -> Way:
        _, _, *wishes = ask.asked
        way = self._reader.way(shape, ask.route.declared, ask.values, ask.query, Wishes(*wishes))
        if len(ask.ways) >= SHAPES:
            ask.ways.clear()
        ask.ways[shape] = way
        return way

    def _remember(self, ask: _Ask) -> None:
        """Keep the way to ask of a request that was answered, for the next ones.

        Those that were used least recently are forgotten by halves.
        """
        if len(self._asks) >= ASKS // 2:
            self._asks, self._asks_before = {}, self._asks
        self._asks[ask.asked] = ask
        ask.kept_in = self._asks

    def _from_store(
        self, frame: Frame, where: Literal["memory", "redis"], environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        environ[CACHE] = where
        asked_with = environ.get("HTTP_IF_NONE_MATCH")
        if asked_with and holds(asked_with, next((value for name, value in frame.headers if name == "ETag"), None)):
            kept = [(name, value) for name, value in frame.headers if name not in NOT_ON_304]
            return self._answer("304 NOT MODIFIED", kept, b"", environ, start_response)
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else frame.body
        return self._answer("200 OK", frame.headers, body, environ, start_response)

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
        return self._answer(status, headers, b"" if head else body, environ, start_response)

    def _keep(self, plan: _Plan, headers: Headers, body: bytes, errand: Errand | None) -> None:
        """Keep a 200 where there is anything to keep it in."""
        self._remember(plan.ask)
        if errand or self._store.keeps:
            body = bytes(memoryview(body))  # orjson's own keeps three times the memory that it needs
            kept = tuple(shared(*header) for header in headers)
            frame = Frame(plan.key, plan.served.organisation, 200, kept, body, plan.ask.family(plan.way))
            self._store.put(frame, variant=plan.way.variant)
            if errand:
                errand.put(frame)

    def _made(self, plan: _Plan, environ: WSGIEnvironment) -> tuple[str, Headers, bytes]:
        """Status, headers and body, from the route's own hand where it can answer plainly and else from Flask.

        Of a 200 and a 304, only the headers that are kept. It is counted, and if too much was asked Flask says so.
        """
        ask, reading = plan.ask, plan.reading
        values = {"organisation": reading.organisation, **ask.values}
        try:
            self._gate.miss(environ.setdefault(ADMITTED, ANYBODY), reading.served.organisation_id)
            answered = self._plainly(ask.route.declared, reading, values, environ.get("HTTP_IF_NONE_MATCH"))
        except (Unavailable, TooManyRequests) as error:
            environ[FAILED] = error
            answered = None
        except Exception:  # noqa: BLE001  # Flask meets the same: it answers with the problem, and the log says why
            answered = None
        if answered is None:
            status, headers, body = _called(self._app, {**environ, READING: reading, "REQUEST_METHOD": "GET"})
            return status, _kept(headers, body) if status.startswith(("200", "304")) else headers, body
        return _STATUS[answered.status], _whole(answered.headers, answered.body), answered.body

    def _answer(
        self,
        status: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Send an answer with what differs from request to request, on hits and misses alike.

        First those headers that many answers have alike.
        """
        cache_status = (_CACHE_STATUS_STALE if self._stale() else _CACHE_STATUS)[environ[CACHE]]
        environ[COMPLETE] = True
        start_response(status, [cache_status, *_for_whom(environ), *headers])
        return [body] if body else []


def _for_whom(environ: WSGIEnvironment) -> Iterable[tuple[str, str]]:
    """The headers of an answer that depend on who asks."""
    admission: Admission | None = environ.get(ADMITTED)
    return _FOR_ALL if admission is None else (*admission.headers, *FOR_ANY_READER)


def _is_plain(environ: WSGIEnvironment) -> bool:
    """Whether a whole answer is asked for, whatever the caller has."""
    return environ["REQUEST_METHOD"] == "GET" and "HTTP_IF_NONE_MATCH" not in environ


def _kept(headers: Iterable[tuple[str, str]], body: bytes) -> Headers:
    given = {name.lower(): value for name, value in headers}
    return _whole({name: given[name.lower()] for name in KEPT if name.lower() in given}, body)


def _whole(headers: Mapping[str, str], body: bytes) -> Headers:
    """The headers in their order, with the body's length, and with the policy that an answer gets which has none."""
    whole = {**headers, "Content-Length": str(len(body))}
    if POLICY_NAME not in headers:
        _, whole[POLICY_NAME] = policy_for(headers.get("Content-Type", ""))
    return [(name, whole[name]) for name in KEPT if name in whole]


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
