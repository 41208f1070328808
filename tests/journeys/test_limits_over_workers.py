"""Limits over real workers: each counts for itself, or all of them in Redis, and what follows where that is gone."""

import http.client
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from appmaker import HARBOUR, House, eventually, house_in
from faulty import FaultyProxy
from running import Service, free_port, running

from coachkit.db.scopes import ACROSS
from coachkit.organisations import keys, organisations, peppers

COACHKIT = Path(sys.executable).with_name("coachkit")
T = TypeVar("T")
ORG = "/v1/orgs/harbour"
MODULE = f"{ORG}/modules/first-hour"
READS, MISSES, WRITES, KEYS = 40, 20, 12, 3
SETTINGS = {
    "COACHKIT_LIMIT_READS": str(READS),
    "COACHKIT_LIMIT_MISSES": str(MISSES),
    "COACHKIT_LIMIT_WRITES": str(WRITES),
    "COACHKIT_LIMIT_KEY_CREATIONS": str(KEYS),
    "WEB_CONCURRENCY": "2",
}
CLIENTS = 6
TRIES = 5
KEY = {"kind": "pub", "name": "A page"}
POLICY = {"read": (READS, 60), "miss": (MISSES, 60), "write": (WRITES, 60), "key-creation": (KEYS, 3_600)}
"""What answers say of each limit: how many in so many seconds."""


@dataclass(frozen=True)
class Answer:
    """One answer, as far as limits are concerned."""

    status: int
    headers: http.client.HTTPMessage
    said: Any


@dataclass(frozen=True)
class Place:
    """An installation that two workers serve."""

    house: House
    service: Service

    def key(self) -> str:
        """The token of a new operator's key, which counts as no organisation's."""
        with self.house.database.write(ACROSS) as conn:
            return keys.create_operators(
                conn, "A key", None, peppers=peppers.of(self.house.settings), at=datetime.now(UTC)
            )[1].text

    def ask(self, token: str, method: str = "GET", path: str = MODULE, body: Any = None) -> Answer:
        """Ask once, on a connection of its own, which either worker may accept."""
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        sent |= {} if method == "GET" else {"If-Match": "*"}
        with closing(http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=20)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, json.loads(response.read()))

    def ask_often(self, times: int, token: str, *asked: Any) -> list[Answer]:
        """Ask the same so many times, several at once."""
        return self.ask_all([(token, *asked)] * times)

    def ask_all(self, asked: Sequence[Any]) -> list[Answer]:
        """Ask for all of these, several at once."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(lambda each: self.ask(*each), asked))

    def undisturbed(self, act: Callable[[], T]) -> T:
        """What comes of something while Redis answers in time, which on a busy machine may take another try."""
        for _ in range(TRIES):
            eventually(self.is_well, 30)  # who does without Redis meets no fault either
            before = self.faults()
            found = act()
            if self.faults() == before:
                return found
        raise AssertionError("Redis does not answer in time")

    def is_well(self) -> bool:
        """Whether both workers are on Redis."""
        return all(b"degraded" not in self.service.get("/readyz")[2] for _ in range(20))

    def faults(self) -> float:
        """How many exchanges with Redis came to nothing, of both workers."""
        text = self.service.get("/metrics")[2].decode()
        return sum(float(each) for each in re.findall(r"^coachkit_redis_faults_total\{.*\} (.*)$", text, re.MULTILINE))


@contextmanager
def served(make_database: Any, folder: Path, **environ: str) -> Iterator[Place]:
    with make_database("sqlite", folder) as database, house_in(folder, database) as house:
        house.publish()
        house.organisation("harbour", HARBOUR)
        house.edition("harbour")
        port = free_port()
        environ = {
            "COACHKIT_DATABASE_URL": database.url,
            "COACHKIT_SECRET_KEY": house.settings.secret_key.hex(),
            "COACHKIT_METRICS_DIR": str(folder / "metrics"),
            **SETTINGS,
            **environ,
        }
        command = [COACHKIT, "web", "--bind", f"127.0.0.1:{port}"]
        with running(command, port=port, cwd=folder, home=folder, environ=environ) as service:
            eventually(lambda: len(service.workers()) == 2)
            yield Place(house, service)


@pytest.fixture(scope="module")
def alone(make_database, tmp_path_factory) -> Iterator[Place]:
    """Two workers without Redis."""
    with served(make_database, tmp_path_factory.mktemp("alone")) as place:
        yield place


@pytest.fixture(scope="module")
def proxy(redis_server) -> Iterator[FaultyProxy]:
    """The way to Redis of the workers that have one."""
    with FaultyProxy(("127.0.0.1", redis_server.port)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def together(make_database, proxy, tmp_path_factory) -> Iterator[Place]:
    """Two workers with Redis."""
    address = f"redis://127.0.0.1:{proxy.port}/6"
    with served(make_database, tmp_path_factory.mktemp("together"), COACHKIT_REDIS_URL=address) as place:
        yield place


def passed(answers: list[Answer], status: int, limit: str) -> int:
    """How many were let through; all others are refusals of that limit, which say all that a refusal has to say."""
    refused = [each for each in answers if each.status != status]
    quota, seconds = POLICY[limit]
    for each in refused:
        assert (each.status, each.headers["Content-Type"]) == (429, "application/problem+json"), each.said
        assert (each.said["type"], each.said["status"]) == ("/problems/too-many-requests", 429)
        assert 1 <= int(each.headers["Retry-After"]) <= seconds
        assert each.headers["RateLimit-Policy"] == f'"{limit}";q={quota};w={seconds}'
        assert each.headers["RateLimit"] == f'"{limit}";r=0;t={each.headers["Retry-After"]}'
    return len(answers) - len(refused)


def test_cached_reads(alone):
    """Of one key's cached reads two workers let through what is stated at least, and twice that at most."""
    reader = alone.key()
    alone.ask_often(8, alone.key())  # each worker makes it once
    answers = alone.ask_often(3 * READS, reader)
    assert READS <= passed(answers, 200, "read") <= 2 * READS
    let = [each for each in answers if each.status == 200]
    assert {each.headers["RateLimit-Policy"] for each in let} == {f'"read";q={READS};w=60'}
    assert all(each.headers["RateLimit"].startswith('"read";r=') for each in let)
    assert alone.ask(alone.key()).status == 200


def test_new_keys_without_redis(alone):
    """Without Redis the database counts the keys that all workers make, however many ask at once."""
    answers = alone.ask_often(3 * KEYS, alone.key(), "POST", f"{ORG}/keys", KEY)
    assert passed(answers, 201, "key-creation") == KEYS


def parts(place: Place) -> int:
    with place.house.database.read(ACROSS) as conn:
        return len(organisations.find(conn, "harbour").settings.get("overlay") or ())


def part(name: str) -> dict[str, str]:
    return {
        "op": "insert",
        "target": "example:module/first-hour",
        "locale": "en-GB",
        "after": "feel",
        "section": name,
        "title": "More",
        "text": "More.",
    }


def test_writes_with_redis(together):
    """Of one key's changes two workers let through exactly what is stated, and those are all that is done."""
    names = (f"part-{number}" for number in count())

    def write():
        before, writer = parts(together), together.key()
        asked = [(writer, "POST", f"{ORG}/overlay", part(next(names))) for _ in range(3 * WRITES)]
        return together.ask_all(asked), parts(together) - before

    answers, done = together.undisturbed(write)
    assert passed(answers, 201, "write") == done == WRITES


def test_misses_with_redis(together):
    """Of one key's reads that are made anew two workers let through exactly what is stated, and cached ones go on."""
    numbers = count()

    def read():
        reader = together.key()
        asked = [(reader, "GET", f"{ORG}/search?q=word{next(numbers)}") for _ in range(MISSES + 8)]
        return together.ask_all(asked), together.ask_often(4, reader)

    together.service.get(MODULE)
    answers, cached = together.undisturbed(read)
    assert passed(answers, 200, "miss") == MISSES
    assert {each.status for each in cached} == {200}


def test_redis_gone(together, proxy):
    """While Redis is gone reads go on, cached and anew, and nobody makes a key: 503, and when to come again."""
    maker, before = together.key(), together.faults()
    proxy.refuse()
    try:
        refused = together.ask_often(6, maker, "POST", f"{ORG}/keys", KEY)
        read = together.ask_often(6, maker) + [together.ask(maker, "GET", f"{ORG}/search?q=gone{n}") for n in range(6)]
    finally:
        proxy.forward()
    assert together.faults() > before
    assert {each.status for each in read} == {200}
    assert {(each.status, each.said["type"]) for each in refused} == {(503, "/problems/unavailable")}
    assert all(int(each.headers["Retry-After"]) >= 1 for each in refused)

    def made(_):
        answer = together.ask(together.key(), "POST", f"{ORG}/keys", KEY)
        return answer.status != 503 and answer

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda number: eventually(partial(made, number)), range(3 * KEYS)))
    assert 1 <= passed(answers, 201, "key-creation") <= KEYS  # one whose count came too late was not made
