"""The fast lane with many callers at once: one makes, the others wait; and what is refused harms nobody else."""

import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import flask
import pytest
from appmaker import PATIENCE, eventually, services_of
from werkzeug.test import Client

from coachkit.api import fastlane
from coachkit.api.fastlane import Fastlane
from coachkit.cache import flight
from coachkit.cache.store import MemoryStore
from coachkit.db.database import SERVING
from coachkit.db.scopes import ACROSS

MODULE = "/v1/orgs/northbridge/modules/first-hour"
LIST = "/v1/orgs/northbridge/modules"
HERD = 20


class Gate:
    """Flask's application behind two gates, for conditional and for plain requests: they are counted, and wait."""

    def __init__(self, app):
        self.app, self.calls = app, Counter()
        self.conditional, self.plain = threading.Event(), threading.Event()

    def __call__(self, environ, start_response):
        kind = "conditional" if "HTTP_IF_NONE_MATCH" in environ else "plain"
        self.calls[kind] += 1
        assert getattr(self, kind).wait(PATIENCE)
        return flask.Flask.wsgi_app(self.app, environ, start_response)


@pytest.fixture
def gate(portal):
    return Gate(portal.app())


@pytest.fixture
def store():
    return MemoryStore(1_000_000)


@pytest.fixture
def lane(gate, store):
    """A client of a fast lane of our own, in front of the gate."""
    parts = services_of(gate.app)
    return Client(Fastlane(gate, parts.routes, parts.reader, store, parts.gate, plainly=lambda *_: None))


@pytest.fixture
def pool():
    with ThreadPoolExecutor(HERD) as pool:
        yield pool


def waiting():
    """How many threads wait for another one to land."""
    return sum(_is_in(frame, flight.__file__) for frame in sys._current_frames().values())  # noqa: SLF001 its public name


def _is_in(frame, file):
    while frame is not None:
        if frame.f_code.co_filename == file:
            return True
        frame = frame.f_back
    return False


def test_one_makes_it(gate, lane, pool):
    """Of twenty who miss one key at once, one makes the answer and the others get it from the store."""
    asked = [pool.submit(lane.get, MODULE) for _ in range(HERD)]
    eventually(lambda: waiting() == HERD - 1)
    gate.plain.set()
    answers = [each.result(PATIENCE) for each in asked]
    assert gate.calls == {"plain": 1}
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1
    found = Counter(answer.headers["Cache-Status"] for answer in answers)
    assert found == {"CoachKit; fwd=miss": 1, "CoachKit; hit; detail=memory": HERD - 1}


def test_one_makes_it_after_a_304(portal, gate, lane, pool):
    """The first caller having it already, nothing was made for the others: then one of them makes it for all."""
    tag = portal.client().get(MODULE).headers["ETag"]
    first = pool.submit(lane.get, MODULE, headers={"If-None-Match": tag})
    eventually(lambda: gate.calls["conditional"])
    others = [pool.submit(lane.get, MODULE) for _ in range(HERD - 1)]
    eventually(lambda: waiting() == HERD - 1)
    gate.conditional.set()
    assert first.result(PATIENCE).status_code == 304
    eventually(lambda: gate.calls["plain"] == 1 and waiting() == HERD - 2)
    gate.plain.set()
    assert {each.result(PATIENCE).status_code for each in others} == {200}
    assert gate.calls == {"conditional": 1, "plain": 1}


def test_different_keys_do_not_wait(gate, lane, pool):
    """Callers of different documents, formats and locales are made at the same time."""
    paths = [f"{MODULE}?format={format_}&locale={locale}" for format_ in ("json", "html") for locale in ("cy", "en-GB")]
    asked = [pool.submit(lane.get, path) for path in paths]
    eventually(lambda: gate.calls["plain"] == len(paths))
    assert waiting() == 0
    gate.plain.set()
    assert {each.result(PATIENCE).status_code for each in asked} == {200}


def test_refusals_are_not_kept(gate, lane, store):
    """What Flask refuses goes out as it came, and is asked anew each time."""
    gate.plain.set()
    for _ in range(2):
        assert lane.get(f"{LIST}?limit=1000").status_code == 400
    assert gate.calls["plain"] == 2
    assert store.counts().entries == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", MODULE),
        ("PUT", MODULE),
        ("OPTIONS", MODULE),
        ("GET", "/v1/packs"),
        ("GET", "/healthz"),
        ("GET", f"{MODULE}?unknown=1"),
        ("GET", f"{MODULE}?locale=fr"),
        ("GET", f"{MODULE}?locale=%ff"),
        ("GET", f"{LIST}?topic=" + "a" * 2_000),
        ("GET", "/v1/orgs/northbridge/modules/" + "a" * 600),
    ],
)
def test_not_for_the_lane(gate, lane, store, method, path):
    """What is not a sound GET of a cacheable route is Flask's own, and nothing of it is kept."""
    gate.plain.set()
    for number in (1, 2):
        answer = lane.open(path, method=method)
        assert "Cache-Status" not in answer.headers
        assert gate.calls["plain"] == number
    assert store.counts().entries == 0


def test_spellings_share(gate, lane, store):
    """However the same query is spelt, and whoever asks, it is made once."""
    gate.plain.set()
    for query in (
        "topic=feedback&limit=5",
        "limit=5&topic=feedback",
        "limit=%35&topic=feedbac%6B",
        "&limit=5&&topic=feedback",
    ):
        assert lane.get(f"{LIST}?{query}").status_code == 200
    lane.head(f"{LIST}?topic=feedback&limit=5")
    assert gate.calls["plain"] == 1
    assert store.counts().entries == 1


def test_preferences_share(gate, lane, store):
    """Callers whose different headers come to one locale and one format share one answer."""
    gate.plain.set()
    for language in ("cy", "cy-GB", "fr, cy;q=0.3", "CY"):
        for accept in ("text/html", "text/html;q=0.9, application/json;q=0.1", "text/*"):
            lane.get(MODULE, headers={"Accept-Language": language, "Accept": accept})
    assert gate.calls["plain"] == 1
    assert store.counts().entries == 1


def test_nothing_outside_the_list_is_kept(gate, lane):
    """Of Flask's answer only the headers that are the same for every reader are kept."""
    gate.plain.set()

    def personal(response):
        response.headers["Set-Cookie"] = "reader=1"
        response.headers["X-Reader"] = "1"
        return response

    gate.app.after_request(personal)
    for found in ("fwd=miss", "hit; detail=memory"):
        answer = lane.get(MODULE)
        assert answer.headers["Cache-Status"] == f"CoachKit; {found}"
        assert "Set-Cookie" not in answer.headers
        assert "X-Reader" not in answer.headers


def test_head_makes_what_get_gives(gate, lane, store):
    """A HEAD that misses keeps the whole answer, so that the GET after it is a hit."""
    gate.plain.set()
    head = lane.head(MODULE)
    get = lane.get(MODULE)
    assert (head.data, int(head.headers["Content-Length"])) == (b"", len(get.data))
    assert get.headers["Cache-Status"] == "CoachKit; hit; detail=memory"
    assert gate.calls == {"plain": 1}


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_no_wait_twice(house):
    """A request waits once for a database all of whose connections are taken, and is then told to come again."""
    app = house.app()
    client = app.test_client(use_cookies=False)
    assert client.get("/v1/orgs/northbridge").status_code == 200
    database = services_of(app).database
    with ExitStack() as held:
        for _ in range(15):
            held.enter_context(database.read(ACROSS))
        began = time.monotonic()
        assert client.get("/v1/orgs/harbour/modules/first-hour").status_code == 503
        assert time.monotonic() - began < 2 * SERVING


def test_organisations_share_what_is_understood(house, store):
    """A way to ask is understood once for all organisations, and each gets what is its own."""
    app = house.app()
    parts = services_of(app)
    lane = Fastlane(app.wsgi_app, parts.routes, parts.reader, store, parts.gate, plainly=lambda *_: None)
    client = Client(lane)
    for _ in range(2):
        for slug in ("northbridge", "harbour"):
            answer = client.get(f"/v1/orgs/{slug}/modules/first-hour")
            assert f"org/{slug}" in answer.headers["Surrogate-Key"]
    assert lane.asks == 1
    assert store.counts().entries == 2


def test_what_is_remembered_of_requests_is_bounded(portal, store, monkeypatch):
    """However many ways to ask there are, no more than so many are remembered, those used last among them."""
    monkeypatch.setattr(fastlane, "ASKS", 8)
    app = portal.app()
    parts = services_of(app)
    lane = Fastlane(app.wsgi_app, parts.routes, parts.reader, store, parts.gate, plainly=lambda *_: None)
    client = Client(lane)
    for number in range(1, 31):
        assert client.get(f"{LIST}?limit={number}").status_code == 200
        assert lane.asks <= 8
        assert client.get(MODULE).status_code == 200
    assert lane.asks > 4


def test_nobody_waits_where_nothing_is_kept(gate, pool):
    """Without a store, callers of the same thing are answered side by side."""
    parts = services_of(gate.app)
    lane = Client(Fastlane(gate, parts.routes, parts.reader, MemoryStore(0), parts.gate, plainly=lambda *_: None))
    asked = [pool.submit(lane.get, MODULE) for _ in range(5)]
    eventually(lambda: gate.calls["plain"] == 5)
    gate.plain.set()
    assert [each.result().status_code for each in asked] == [200] * 5
