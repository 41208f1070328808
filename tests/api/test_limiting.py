"""Limits: what callers are told, who counts, and what follows where Redis is silent."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask
import pytest
from appmaker import house_over, services_of
from faulty import FaultyProxy

from coachkit.api import problems
from coachkit.api.limiting import (
    FAILED_KEYS,
    KEY_CREATIONS,
    KEYLESS,
    MISSES,
    POLICIES,
    READS,
    WRITES,
    Limits,
    client,
    limits,
)
from coachkit.cache.link import Link
from coachkit.cache.shared import SharedStore
from coachkit.cache.shared_limits import SharedCounts
from coachkit.db.scopes import ACROSS
from coachkit.errors import TooManyRequests, Unavailable
from coachkit.organisations import keys, organisations, peppers
from coachkit.settings import Settings

SETTINGS = Settings(
    "sqlite:///none",
    bytes(range(32)),
    limit_reads=100,
    limit_misses=5,
    limit_keyless=7,
    limit_writes=5,
    limit_key_creations=3,
    limit_failed_keys=4,
)
GUIDE = Path(__file__).parents[2] / "docs" / "operating.md"


@pytest.fixture
def alone():
    """The limits of one process without Redis."""
    return limits(SETTINGS, 1, None)


@pytest.fixture
def proxy(redis_server, redis_url):
    with FaultyProxy(("127.0.0.1", redis_server.port)) as proxy:
        yield proxy


@pytest.fixture
def make(proxy):
    """Makes the limits of one of several processes that have a Redis."""
    links = []

    def made():
        links.append(Link(f"redis://127.0.0.1:{proxy.port}/0"))
        return limits(SETTINGS, 1, SharedCounts(SharedStore(links[-1], bytes(32), "1", [].append)))

    yield made
    for link in links:
        link.drop()


def require(limit, times, caller="a", **given):
    """How often of so many times a caller is let through."""
    let = 0
    for _ in range(times):
        try:
            limit.require(caller, **given)
            let += 1
        except TooManyRequests:
            pass
    return let


# --- what callers are told ----------------------------------------------------------------------


def test_fields(alone):
    """An answer says how many there may be in which time, how many are left, and when there are more."""
    assert alone.writes.require("a") == (("RateLimit-Policy", '"write";q=5;w=60'), ("RateLimit", '"write";r=4;t=60'))
    assert alone.key_creations.require("a")[0] == ("RateLimit-Policy", '"key-creation";q=3;w=3600')


def test_refusal(alone):
    """Whoever has none left is told when to come again, as a problem with the same fields."""
    require(alone.writes, 5)
    with pytest.raises(TooManyRequests) as refused:
        alone.writes.require("a")
    app = flask.Flask("a")
    with app.test_request_context("/v1/x"):
        answer = problems.problem_response(refused.value, instance="/v1/x")
    assert (answer.status_code, answer.json["type"]) == (429, "/problems/too-many-requests")
    assert answer.json["detail"].startswith("At most 5 changes in a minute for one key; come again in ")
    assert answer.headers["RateLimit-Policy"] == '"write";q=5;w=60'
    seconds = int(answer.headers["Retry-After"])
    assert answer.headers["RateLimit"] == f'"write";r=0;t={seconds}'
    assert 50 <= seconds <= 60


def test_callers_are_apart(alone):
    """One caller's requests cost another nothing, and those under one limit cost nothing under another."""
    assert [require(alone.writes, 9), require(alone.writes, 9, "b"), require(alone.misses, 9)] == [5, 5, 5]


@pytest.mark.parametrize(("processes", "most"), [(1, 100), (2, 100), (4, 50), (50, 4)])
def test_reads(processes, most):
    """Each process lets twice its share of the reads through, and tells what is left as a part of the whole."""
    reads = limits(SETTINGS, processes, None).reads
    standings = [reads.spend("a") for _ in range(most + 1)]
    assert [each.granted for each in standings] == [True] * most + [False]
    left = [int(re.search(r"r=(\d+)", reads.fields(each)[1][1])[1]) for each in standings]
    assert left[0] == 100 * (most - 1) // most
    assert left == sorted(left, reverse=True)
    assert left[-2:] == [0, 0]
    assert reads.fields(standings[0])[0] == ("RateLimit-Policy", '"read";q=100;w=60')


# --- who counts ---------------------------------------------------------------------------------


def test_exact_across_processes(make):
    """With a Redis all processes count misses, writes and new keys together."""
    one, two = make(), make()
    for name, quota in [("misses", 5), ("writes", 5), ("key_creations", 3)]:
        assert require(getattr(one, name), 2) + require(getattr(two, name), 9) == quota


def test_counted_in_each_process(make):
    """Reads and keys that do not hold are counted by each process for itself, and Redis learns nothing of them."""
    one, two = make(), make()
    assert [require(each.failed_keys, 9, "192.0.2.1") for each in (one, two)] == [4, 4]
    assert [require(each.reads, 200) for each in (one, two)] == [100, 100]


def test_nothing_of_an_address_goes_to_redis(make, redis_server, redis_url):
    """A client's address is kept in memory alone, not even hashed elsewhere."""
    import redis

    one = make()
    one.failed_keys.require("192.0.2.1")
    one.misses.spend("192.0.2.1")
    with redis.Redis(port=redis_server.port) as server:
        assert server.dbsize() == 0
        one.misses.require("key a")
        assert server.dbsize() == 1


@pytest.mark.parametrize(("name", "quota"), [("misses", 5), ("writes", 5)])
def test_open(make, proxy, name, quota):
    """Where Redis is silent those who are let through openly are counted by each process for itself."""
    one, two = make(), make()
    proxy.refuse()
    assert [require(getattr(each, name), 9) for each in (one, two)] == [quota, quota]


def test_closed(make, proxy):
    """Where Redis is silent nobody makes keys: 503, and when to come again; also where the database could count."""
    one = make()
    proxy.refuse()
    for given in ({}, {"done": lambda _: []}):
        with pytest.raises(Unavailable) as refused:
            one.key_creations.require("northbridge", **given)
        assert int(refused.value.headers["Retry-After"]) >= 1


def test_by_the_database(alone):
    """Without Redis what is recorded counts: those of the last hour, and the oldest says when to come again."""
    now, asked = datetime.now(UTC), []

    def done(since, *minutes):
        asked.append(since)
        return [now - timedelta(minutes=each) for each in minutes]

    limit = alone.key_creations
    told = dict(limit.require("a", lambda since: done(since, 61, 30)))["RateLimit"]
    assert 1_790 <= int(told.removeprefix('"key-creation";r=1;t=')) <= 1_800
    assert require(limit, 1, done=lambda since: done(since, 1, 2, 50)) == 0
    with pytest.raises(TooManyRequests) as refused:
        limit.require("a", lambda since: done(since, 1, 2, 50))
    assert 590 <= int(refused.value.headers["Retry-After"]) <= 600
    assert all(timedelta(0) <= since - (now - timedelta(hours=1)) < timedelta(minutes=1) for since in asked)


@pytest.mark.parametrize("cache", ["memory"], indirect=True)
def test_new_keys_at_once(database, settings, tmp_path):
    """Without Redis no more keys are made than there may be, by whatever processes and however many at once."""
    with house_over(settings, database, tmp_path) as house:
        house.organisation("harbour")
        at = datetime.now(UTC)
        with database.write(ACROSS) as conn:
            _, token = keys.create_operators(conn, "A key", None, peppers=peppers.of(settings), at=at)
        clients = [house.client(limit_key_creations=3) for _ in range(2)]

        def make(number):
            sent = {"Authorization": f"Bearer {token.text}"}
            wanted = {"kind": "pub", "name": f"Page {number}"}
            return clients[number % 2].post("/v1/orgs/harbour/keys", json=wanted, headers=sent)

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(make, range(8)))
        assert sorted(each.status_code for each in answers) == [201] * 3 + [429] * 5
        assert {each.headers["RateLimit-Policy"] for each in answers if each.status_code == 429} == {
            '"key-creation";q=3;w=3600'
        }
        with database.read(ACROSS) as conn:
            assert len(keys.listing(conn, organisations.find(conn, "harbour").id)) == 3


def test_by_the_process(alone):
    """Without Redis and without a record each process counts."""
    assert require(alone.key_creations, 9) == 3


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_clients(address, who):
    """An IPv6 client is its network, of which it has all addresses; any other is its address."""
    assert client(address) == who


# --- the table ----------------------------------------------------------------------------------


def test_every_limit_is_kept():
    """Each limit of the table is one that an installation keeps, in the table's order, and has a setting of its own."""
    made = limits(replace(SETTINGS, limit_misses=6), 1, None)
    assert [getattr(made, field.name).policy for field in fields(Limits)] == list(POLICIES)
    assert POLICIES == (READS, MISSES, KEYLESS, WRITES, KEY_CREATIONS, FAILED_KEYS)
    assert {each.setting for each in POLICIES} == {
        field.name for field in fields(Settings) if field.name.startswith("limit_")
    }
    assert [getattr(made, field.name).quota for field in fields(Limits)] == [100, 6, 7, 5, 3, 4]


def test_the_guide_has_the_table():
    """The operator's guide lists every limit with what it counts, of whom, how many, and what is without Redis."""
    row = r"^\| `([a-z-]+)` \| (.*?) \| (.*?) \| ([\d,]+) in (.*?) \| `COACHKIT_(\w+)` \| (.*?) \| (.*?) \|$"
    listed = re.findall(row, GUIDE.read_text("utf-8"), re.MULTILINE)
    times = {60: "a minute", 3_600: "an hour"}
    assert listed == [
        (
            each.name,
            each.what,
            each.whose,
            f"{getattr(Settings, each.setting):,}",
            times[each.seconds],
            each.setting.upper(),
            each.counted,
            each.silent,
        )
        for each in POLICIES
    ]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_app_has_them(database, settings, tmp_path, cache):
    """An app has its limits from its settings, counted in Redis where it has one."""
    with house_over(settings, database, tmp_path) as house:
        apps = [services_of(house.app(limit_writes=3)).limits, services_of(house.app(limit_writes=3)).limits]
        assert sum(require(each.writes, 9) for each in apps) == (3 if cache else 6)
