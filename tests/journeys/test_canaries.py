"""Organisations side by side, caches on, Redis well or misbehaving: no byte of one reaches a reader of another.

Each organisation has a word of its own in everything that it may write: brand, values, contacts, wording, a pack. Many
readers at once read everything of all of them, while their channels move. Each answer must be one of those that the
organisation gives when nothing is kept anywhere, and hold no other organisation's word.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import Any

import flask
import pytest
import redis
from addresses import addresses, by_rule, images
from appmaker import House, eventually, house_in, house_over
from faulty import FaultyProxy
from flask.testing import FlaskClient
from packmaker import module
from werkzeug.test import TestResponse

from coachkit.db.database import Database

# What is run here is counted elsewhere; to count every one of so many runs would take longer than they do.
pytestmark = pytest.mark.no_cover

WORDS = {"aster": "zqasterzq", "aster-2": "zqaster2zq", "birch": "zqbirchzq"}
"""Each organisation's own word. The second's name begins as the first's does."""
ANY_WORD = re.compile(rb"zq[a-z0-9]+zq")
ASKED = ({}, {"Accept-Language": "cy"}, {"Accept": "text/html"}, {"Accept": "text/markdown", "Accept-Language": "cy"})
"""What readers ask with, beside the address."""
REDIS_DATABASE = 5

Ask = tuple[str, tuple[tuple[str, str], ...]]
"""A path and the headers that go with it."""


def settings_of(slug: str, number: int) -> dict[str, Any]:
    """An organisation's settings with its word in every text of them; those of another number say so."""
    word = f"{WORDS[slug]} {number}"
    target = {"op": "replace", "target": "example:module/first-hour", "locale": "en-GB"}
    return {
        "default_locale": "en-GB",
        "locales": {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]},
        "packs": {"example": ">=1.0,<2", f"own-{slug}": "*"},
        "brand": {
            "name": {"en-GB": f"The {word}", "cy": f"Y {word}"},
            "logo": {"url": f"https://{WORDS[slug]}.example/logo.png", "alt": f"Logo of {word}"},
            "voice": word,
            "careers_email": f"{WORDS[slug]}@a.example",
            "support": {
                "listening": {
                    each: [{"name": word, "phone": "116 123", "hours": word, "verified_on": "2026-11-01"}]
                    for each in ("en-GB", "cy")
                }
            },
        },
        "overlay": [
            {**target, "field": "title", "text": f"The first hour with {word}"},
            {**target, "section": "feel", "title": f"Feel {word}", "text": f"It is fine, says {word} of feedback."},
            {**target, "op": "insert", "after": "feel", "section": "ours", "title": word, "text": f"Come to {word}."},
        ],
    }


@dataclass
class Asked:
    """What the organisations answer when nothing is kept: by what was asked, each status, body and ETag."""

    house: House
    editions: Mapping[str, tuple[str, str]]
    answers: dict[Ask, set[tuple[int, bytes, str | None]]] = field(default_factory=dict)

    @cached_property
    def by_organisation(self) -> Mapping[str, list[Ask]]:
        """Everything that can be asked of each organisation."""
        return {slug: [ask for ask in self.answers if _organisation(ask[0]) == slug] for slug in WORDS}

    def etags(self, ask: Ask) -> set[str]:
        """The ETags that an answer to this may have."""
        return {etag for _, _, etag in self.answers[ask] if etag}

    def elsewhere(self, ask: Ask, slug: str, other: str) -> Ask:
        """The same asked of another organisation."""
        path = ask[0].replace(f"/orgs/{slug}", f"/orgs/{other}", 1)
        for mine, theirs in zip(self.editions[slug], self.editions[other], strict=True):
            path = path.replace(mine, theirs)
        return path, ask[1]


def _organisation(path: str) -> str:
    return re.split("[/?]", path)[3]


@pytest.fixture(scope="module")
def asked(
    make_database: Callable[[str, Path], AbstractContextManager[Database]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asked]:
    """The organisations, each with two editions that its channel may point at, and what they answer."""
    folder = tmp_path_factory.mktemp("canaries")
    with make_database("postgres", folder) as database, house_in(folder, database) as house:
        house.publish()
        editions = {}
        for slug, word in WORDS.items():
            text = f"## Own {{#own}}\n\n{word} gives feedback.\n"
            house.publish_small(f"own-{slug}", **{"own-words": module(f"Words of {word}", text)})
            house.organisation(slug, settings_of(slug, 1))
            first = house.edition(slug)
            house.set(slug, settings_of(slug, 2))
            editions[slug] = (first, house.edition(slug))
        found = Asked(house, editions)
        for number in (0, 1):
            for slug in WORDS:
                house.move(slug, "live", editions[slug][number])
            _read_all(found)
        yield found


def _read_all(found: Asked) -> None:
    """Note what everything answers now, from an app that keeps nothing."""
    with house_over(found.house.settings, found.house.database, found.house.folder) as house:
        client = house.client(cache_bytes=0)
        for slug, other in zip(WORDS, [*WORDS][1:] + [*WORDS][:1], strict=True):
            base = f"/v1/orgs/{slug}"
            paths = [path for edition in found.editions[slug] for path in addresses(slug, edition)]
            assert by_rule(house.apps[0], tuple(paths))
            paths += [f"{base}/modules/own-words?format={each}" for each in ("json", "html", "email", "text")]
            paths += [f"{base}/search?q={word}" for word in WORDS.values()]
            paths += [f"{base}/modules/none", f"{base}/editions/{found.editions[other][0]}/modules/first-hour"]
            paths += images(client, slug)
            settled = {path for path, _ in found.answers if "/editions/" in path}
            for path in set(paths) - settled:
                for headers in ASKED if "?" not in path else ASKED[:1]:
                    answer = client.get(path, headers=headers)
                    ask = (path, tuple(headers.items()))
                    found.answers.setdefault(ask, set()).add(_said(answer))


def _said(answer: TestResponse) -> tuple[int, bytes, str | None]:
    return answer.status_code, answer.data, answer.headers.get("ETag")


# --- reading ------------------------------------------------------------------------------------


class Readers:
    """Readers of several apps at once; `wrong` collects whatever they got that they should not have."""

    def __init__(self, asked: Asked, apps: list[flask.Flask]) -> None:
        self.asked = asked
        self.apps = apps
        self.wrong: list[str] = []
        self.caches: set[str] = set()
        self.count = 0

    def read(self, times: int, *, threads: int = 6) -> None:
        """Let each of so many readers read so often."""
        work = [threading.Thread(target=self._reader, args=(number, times)) for number in range(threads)]
        for each in work:
            each.start()
        for each in work:
            each.join()
        assert self.wrong == []

    def _reader(self, number: int, times: int) -> None:
        chance = random.Random(f"{number} {times}")
        clients = [app.test_client(use_cookies=False) for app in self.apps]
        for turn in range(times):
            slug = chance.choice([*WORDS])
            ask = chance.choice(self.asked.by_organisation[slug])
            client = clients[turn % len(clients)]
            try:
                self._ask(client, slug, ask, chance.randrange(4))
                if turn % 10 == number:
                    self._fill(client, slug, f"zqreader{number}turn{turn}zq")
            except Exception as error:  # noqa: BLE001 a reader that fails is told of where the test can see it
                self.wrong.append(f"{ask}: {error!r}")

    def _ask(self, client: FlaskClient, slug: str, ask: Ask, how: int) -> None:
        path, headers = ask[0], dict(ask[1])
        own = self.asked.etags(ask)
        if how == 1 and own:
            headers["If-None-Match"] = ", ".join(own)
        if how == 2:
            others = [self.asked.elsewhere(ask, slug, other) for other in WORDS if other != slug]
            theirs = {etag for each in others if each in self.asked.answers for etag in self.asked.etags(each)}
            headers["If-None-Match"] = ", ".join(theirs - own) or '"none"'
        answer = client.get(path, headers=headers)
        self._check(slug, ask, answer, may_be_held=how == 1)

    def _check(self, slug: str, ask: Ask, answer: TestResponse, *, may_be_held: bool) -> None:
        self.count += 1
        self.caches.add(answer.headers.get("Cache-Status", "").partition(";")[2].strip())
        got = str(answer.headers).encode() + answer.data
        if strange := set(ANY_WORD.findall(got)) - {WORDS[slug].encode()}:
            self.wrong.append(f"{ask} holds {strange}")
        if may_be_held and answer.status_code == 304:
            if answer.data or answer.headers["ETag"] not in self.asked.etags(ask):
                self.wrong.append(f"{ask} is held to be {answer.headers['ETag']}")
            return
        if _said(answer) not in self.asked.answers[ask]:
            self.wrong.append(f"{ask} is {answer.status_code} {answer.headers.get('ETag')} {answer.data[:200]!r}")

    def _fill(self, client: FlaskClient, slug: str, word: str) -> None:
        values = {"interviewer_name": word}
        answer = client.post(f"/v1/orgs/{slug}/templates/thank-you/fill", json={"values": values})
        found = set(ANY_WORD.findall(answer.data))
        if answer.status_code != 200 or found != {WORDS[slug].encode(), word.encode()}:
            self.wrong.append(f"a message of {slug} holds {found}, not {word}")


@contextmanager
def apps_of(asked: Asked, redis_url: str | None, cache_bytes: int) -> Iterator[list[flask.Flask]]:
    """Two apps over the organisations, as two workers are, with nothing kept yet."""
    with house_over(asked.house.settings, asked.house.database, asked.house.folder) as house:
        yield [house.app(redis_url=redis_url, cache_bytes=cache_bytes) for _ in range(2)]


@contextmanager
def moving(asked: Asked, apps: list[flask.Flask]) -> Iterator[list[str]]:
    """Move all channels to and fro meanwhile, each move seen by every app before the next; gives the moves."""
    ended = threading.Event()
    moves: list[str] = []

    def move() -> None:
        clients = [app.test_client() for app in apps]
        for number in cycle((0, 1)):
            for slug in WORDS:
                if ended.is_set():
                    return
                digest = asked.editions[slug][number]
                asked.house.move(slug, "live", digest)
                for client in clients:
                    eventually(lambda c=client, s=slug, d=digest: _live(c, s) == d)
                moves.append(digest)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        yield moves
    finally:
        ended.set()
        mover.join()


def _live(client: FlaskClient, slug: str) -> str:
    return client.get(f"/v1/orgs/{slug}").headers["CoachKit-Edition"]


# --- the tests ----------------------------------------------------------------------------------


def test_the_words_are_there(asked: Asked) -> None:
    """Each organisation's word is in most of its answers, and each of them answers differently in its two editions."""
    for slug, word in WORDS.items():
        bodies = [body for ask in asked.by_organisation[slug] for _, body, _ in asked.answers[ask]]
        assert sum(word.encode() in body for body in bodies) > len(bodies) / 3
        assert len(asked.answers[f"/v1/orgs/{slug}", ()]) == 2


def test_no_etag_is_shared(asked: Asked) -> None:
    """What one organisation answers has no ETag that another's answer has, though the documents be the same."""
    tags = [{tag for ask in asked.by_organisation[slug] for tag in asked.etags(ask)} for slug in WORDS]
    pictures = {f'"{path.rpartition("/")[2].partition(".")[0]}"' for path, _ in asked.answers if "/images/" in path}
    assert [tag for tag in set.intersection(*tags) if tag not in pictures] == []


@pytest.mark.soak
@pytest.mark.parametrize("kept", ["in the process", "in Redis", "in both"])
def test_side_by_side(asked: Asked, kept: str, request: pytest.FixtureRequest, repeats: Callable[..., int]) -> None:
    """While channels move, each answer is its organisation's own, whoever asks, wherever it was kept."""
    address = None if kept == "in the process" else request.getfixturevalue("redis_url")
    with apps_of(asked, address, 0 if kept == "in Redis" else 1 << 26) as apps:
        readers = Readers(asked, apps)
        with moving(asked, apps) as moves:
            readers.read(repeats(small=60, full=5_000))
        assert len(moves) > 2
        assert "hit; detail=redis" in readers.caches or kept == "in the process"
        assert "hit; detail=memory" in readers.caches or kept == "in Redis"


FAULTS: Mapping[str, Callable[[FaultyProxy, bytes], None]] = {
    "another organisation's frame to all": lambda proxy, frame: proxy.reply(b"$%d\r\n%s\r\n" % (len(frame), frame)),
    "answers of other keys": lambda proxy, _frame: proxy.rewrite(Shuffled()),
    "flipped bits": lambda proxy, _frame: proxy.flip(97),
    "many flipped bits": lambda proxy, _frame: proxy.flip(3),
    "cut short": lambda proxy, _frame: proxy.truncate(),
    "late": lambda proxy, _frame: proxy.slow(0.07),
    "in pieces": lambda proxy, _frame: proxy.dribble(0.0001),
    "silent": lambda proxy, _frame: proxy.blackhole(),
    "refused": lambda proxy, _frame: proxy.refuse(),
    "nothing kept": lambda proxy, _frame: proxy.reply(b"$-1\r\n"),
    "numbers": lambda proxy, _frame: proxy.reply(b":1\r\n"),
    "lists": lambda proxy, _frame: proxy.reply(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
    "errors": lambda proxy, _frame: proxy.reply(b"-LOADING zqerrorzq\r\n"),
    "no Redis at all": lambda proxy, _frame: proxy.reply(b"HTTP/1.1 200 OK\r\n\r\n"),
}
"""What a Redis, or what stands between, may do. Each is given a sealed frame of the first organisation."""


class Shuffled:
    """Gives each answer for the one before it."""

    def __init__(self) -> None:
        self._last = b"$-1\r\n"

    def __call__(self, answer: bytes) -> bytes:
        """The answer before this one."""
        last, self._last = self._last, answer
        return last


@pytest.fixture
def kept(redis_server: Any) -> Iterator[redis.Redis]:
    """The Redis that the apps of a test use, with nothing in it."""
    with redis.Redis(port=redis_server.port, db=REDIS_DATABASE) as client:
        client.flushdb()
        yield client


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
def test_redis_misbehaves(
    asked: Asked, kept: redis.Redis, redis_server: Any, fault: str, repeats: Callable[..., int]
) -> None:
    """Whatever Redis answers, each answer is its organisation's own, while it misbehaves and when it is well again."""
    with (
        FaultyProxy(("127.0.0.1", redis_server.port)) as proxy,
        apps_of(asked, f"redis://127.0.0.1:{proxy.port}/{REDIS_DATABASE}", 0) as apps,
    ):
        readers = Readers(asked, apps)
        readers.read(5)
        FAULTS[fault](proxy, frame_of("aster", asked, apps[0], kept))
        readers.read(repeats(small=8, full=500))
        proxy.forward()
        readers.read(5)
        assert readers.count > 100


def frame_of(slug: str, asked: Asked, app: flask.Flask, kept: redis.Redis) -> bytes:
    """What Redis holds of an organisation's document."""
    client = app.test_client()
    path = f"/v1/orgs/{slug}/modules/first-hour"
    eventually(lambda: "redis" in client.get(path).headers["Cache-Status"])
    body = client.get(path).data
    return next(value for value in values(kept).values() if body in value)


def values(kept: redis.Redis) -> dict[bytes, bytes]:
    """Every frame that Redis holds, by key."""
    return {key: value for key in kept.keys("ck:*") if isinstance(value := kept.get(key), bytes) and len(value) > 1}


def swapped(frames: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Each frame under the key of another."""
    return dict(zip(frames, [*frames.values()][1:] + [*frames.values()][:1], strict=True))


AT_REST: Mapping[str, Callable[[Mapping[bytes, bytes]], Mapping[bytes, bytes]]] = {
    "under another's key": swapped,
    "one for all": lambda frames: dict.fromkeys(frames, next(iter(frames.values()))),
    "cut short": lambda frames: {key: value[: len(value) // 2] for key, value in frames.items()},
    "longer": lambda frames: {key: value + b"zqmorezq" for key, value in frames.items()},
    "a bit flipped": lambda frames: {
        key: value[:-9] + bytes([value[-9] ^ 1]) + value[-8:] for key, value in frames.items()
    },
    "another head": lambda frames: {key: value.replace(b'"aster"', b'"birch"') for key, value in frames.items()},
    "another body": lambda frames: {key: value.replace(b"zqasterzq", b"zqbirchzq") for key, value in frames.items()},
    "without its hash": lambda frames: {key: value[:4] + bytes(32) + value[36:] for key, value in frames.items()},
    "something else": lambda frames: dict.fromkeys(frames, b"zqotherzq"),
    "nothing": lambda frames: dict.fromkeys(frames, b""),
}
"""What may become of frames where they are kept."""


@pytest.fixture(scope="module")
def resting(asked: Asked, redis_server: Any) -> Iterator[list[flask.Flask]]:
    """Two apps that keep everything in Redis and nothing themselves."""
    with apps_of(asked, f"redis://127.0.0.1:{redis_server.port}/{REDIS_DATABASE}", 0) as apps:
        yield apps


@pytest.mark.parametrize("change", AT_REST)
def test_frames_are_changed_at_rest(resting: list[flask.Flask], kept: redis.Redis, change: str) -> None:
    """A frame that is not the one that was kept under its key is served to nobody, and the right one is kept again."""
    rests = ("modules/first-hour", "modules", "templates/thank-you")
    paths = [f"/v1/orgs/{slug}/{rest}" for slug in WORDS for rest in rests]
    plain = {path: resting[0].test_client().get(path).data for path in paths}
    frames = eventually(lambda: all_kept(resting[0], paths, kept))
    changed = {key: value for key, value in AT_REST[change](frames).items() if value != frames[key]}
    assert changed
    for key, value in changed.items():
        kept.set(key, value)
    answers = {path: resting[1].test_client().get(path) for path in paths}
    assert {path: answer.data for path, answer in answers.items()} == plain
    missed = [path for path, answer in answers.items() if "fwd=miss" in answer.headers["Cache-Status"]]
    assert len(missed) >= len(changed)
    assert eventually(lambda: all_kept(resting[1], paths, kept) == frames)


def all_kept(app: flask.Flask, paths: list[str], kept: redis.Redis) -> dict[bytes, bytes] | None:
    """What Redis holds once all of this is in it; on a busy machine it may take more than one reading."""
    client = app.test_client()
    for path in paths:
        client.get(path)
    found = values(kept)
    return found if len(found) == len(paths) else None


def test_nothing_of_a_reader_is_kept(resting: list[flask.Flask], kept: redis.Redis) -> None:
    """What readers fill in, and what they search for, is not in Redis afterwards, neither as name nor as value."""
    client = resting[0].test_client()
    values_ = {"interviewer_name": "zqreaderzq"}
    assert client.post("/v1/orgs/aster/templates/thank-you/fill", json={"values": values_}).status_code == 200
    assert client.get("/v1/orgs/aster/search?q=zqreaderzq").status_code == 200
    assert eventually(lambda: all_kept(resting[0], ["/v1/orgs/aster/modules/first-hour"], kept))
    assert b"zqreaderzq" not in b"".join(values(kept).values())
