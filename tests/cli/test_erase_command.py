"""`coachkit org erase`: after it a text of the organisation's is nowhere, in no file, store, queue or answer."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import redis
import sqlalchemy as sa
from appmaker import NORTHBRIDGE, eventually, furnish, house_in, services_of

from coachkit.db import erasures, organisations
from coachkit.db.scopes import ACROSS
from coachkit.db.tables import jobs
from coachkit.editions.publish import Tools
from coachkit.errors import NotFound
from coachkit.jobs import queue
from coachkit.organisations import schedules
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.quotas import Quotas

CANARY = "Write to the canary of Northbridge"


@pytest.fixture
def served(installed, database, redis_url, monkeypatch, tmp_path):
    """Runs a command on an installation that serves, with Redis; `served.client` reads from it."""
    monkeypatch.setenv("COACHKIT_REDIS_URL", redis_url)
    with house_in(tmp_path, database, redis_url) as house:
        furnish(house)
        overlay = [{**NORTHBRIDGE["overlay"][0], "text": CANARY}]
        house.set("northbridge", {**NORTHBRIDGE, "overlay": overlay})
        edition = house.edition("northbridge")
        installed.client, installed.edition, installed.house = house.client(), edition, house
        yield installed


PATHS = ("", "/modules", "/modules/first-hour", "/search?q=canary", "/changes")


def read(served, edition=None):
    base = "/v1/orgs/northbridge" + (f"/editions/{edition}" if edition else "")
    return [served.client.get(f"{base}{path}") for path in PATHS[: 4 if edition else 5]]


def in_redis(redis_url):
    """Every name in Redis, and what is there, the queue of jobs too."""
    with redis.Redis.from_url(redis_url) as client:
        found = []
        for name in client.scan_iter(count=1_000):
            values = client.lrange(name, 0, -1) if client.type(name) == b"list" else [client.get(name) or b""]
            found += [name, *values]
        return b"\n".join(found)


def in_files(folder):
    """The bytes of the database's file and of the queue's."""
    return b"\n".join(each.read_bytes() for each in folder.glob("*.sqlite*"))


def planned(house):
    """The number of a job that is planned for the organisation and stands in the queue."""
    at, said = datetime.now(UTC), {"channel": "live", "note": CANARY}
    local_time = f"{at + timedelta(days=3):%Y-%m-%dT12:00}"
    tools, quotas = Tools((), {}), Quotas.of(house.settings)
    told = schedules.plan(
        house.database,
        "northbridge",
        tools,
        quotas=quotas,
        most=5,
        actor=COMMAND,
        at=at,
        local_time=local_time,
        **said,
    )
    with house.database.read(ACROSS) as conn:
        (number,) = conn.scalars(sa.select(jobs.c.id).where(jobs.c.subject == told.schedule.id))
    waiting = queue.of_installation(house.settings)
    assert waiting.wake(number)
    waiting.close()
    return number


def in_memory(served, number):
    """What a running app has of what it served: answers, indexes, the way to an edition, the edition."""
    parts = services_of(served.client.application)
    with suppress(NotFound):
        yield parts.library.edition(number, "northbridge", served.edition)
    yield from [parts.store.counts().entries, parts.indexes.size[0], parts.pointers.leads("northbridge", "live")]


def test_nowhere(served, database, redis_url, tmp_path):
    """The canary was in the file, in Redis and in answers, and is in none of them; within a second nobody is served."""
    assert {each.status_code for each in read(served) + read(served, served.edition)} == {200}
    assert any(CANARY in each.text for each in read(served))
    assert CANARY.encode() in in_redis(redis_url)
    if database.is_sqlite:
        assert CANARY.encode() in in_files(tmp_path)
    planned(served.house)
    assert b"ck:jobs:" in in_redis(redis_url)
    number = services_of(served.client.application).pointers.number("northbridge")
    assert len([each for each in in_memory(served, number) if each]) == 4
    began = time.monotonic()
    done = served("org", "erase", "northbridge", "--yes", "--json").json
    took = time.monotonic() - began
    eventually(lambda: {each.status_code for each in read(served) + read(served, served.edition)} == {404}, 1.0)
    eventually(lambda: not any(in_memory(served, number)), 1.0)
    assert took > 2, "workers are given the time to see it before Redis is gone through"
    assert (done["rows"]["editions"], done["surrogate_keys"]) == (2, ["org/northbridge"])
    assert done["cache"]["removed"] > 0
    assert (done["cache"]["fault"], done["file"]) == (None, None)
    assert CANARY.encode() not in in_redis(redis_url)
    if database.is_sqlite:
        left = in_files(tmp_path)
        assert CANARY.encode() not in left
        assert b"northbridge" not in left
    assert served.client.get("/v1/orgs/harbour").status_code == 200
    assert b"Harbour" in in_redis(redis_url)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_queue_in_a_file(installed, database, tmp_path):
    """The file of the queue has a number of what was planned, and nothing else of the organisation's."""
    with house_in(tmp_path, database) as house:
        furnish(house)
        planned(house)
        installed("org", "erase", "northbridge", "--yes")
        assert (tmp_path / "queue.sqlite").exists()
        left = in_files(tmp_path)
        assert b"northbridge" not in left
        assert CANARY.encode() not in left
        with database.read(ACROSS) as conn:
            assert conn.scalar(sa.select(sa.func.count()).select_from(jobs).where(jobs.c.kind == "schedule")) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_another_may_have_the_slug(served, settings_file):
    """Whoever gets the slug next serves their own, and nothing of what was there before, at no address."""
    read(served, served.edition)
    served("org", "erase", "northbridge", "--yes")
    eventually(lambda: served.client.get("/v1/orgs/northbridge").status_code == 404, 1.0)
    file = settings_file(brand={"name": "Somebody else", "careers_email": "a@b.example"})
    served("org", "create", "northbridge", file, "--demo")
    served("edition", "publish", "northbridge")
    answer = eventually(lambda: (got := served.client.get("/v1/orgs/northbridge")).status_code == 200 and got, 2.0)
    assert answer.json["name"] == "Somebody else"
    assert {each.status_code for each in read(served, served.edition)} == {404}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_redis_away(served, monkeypatch, redis_url):
    """With Redis away the rest is erased all the same; what Redis has is taken out later, and only then."""
    read(served)
    served("org", "erase", "northbridge", "--yes", "--cache", status=1)
    monkeypatch.setenv("COACHKIT_REDIS_URL", "redis://127.0.0.1:1/0")
    done = served("org", "erase", "northbridge", "--yes")
    assert "--yes --cache" in done.out
    assert CANARY.encode() in in_redis(redis_url)
    monkeypatch.setenv("COACHKIT_REDIS_URL", redis_url)
    assert served("org", "erase", "northbridge", "--yes", "--cache", "--json").json["cache"]["removed"] > 0
    assert CANARY.encode() not in in_redis(redis_url)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_not_without_saying_so(furnished):
    """Without --yes nothing is erased; nobody is not there; without Redis there is nothing to say of it."""
    furnished("org", "erase", "northbridge", status=2)
    furnished("org", "show", "northbridge")
    furnished("org", "erase", "nobody", "--yes", status=1)
    done = furnished("org", "erase", "northbridge", "--yes")
    assert "org/northbridge" in done.out
    assert "Redis" not in done.out
    furnished("org", "show", "northbridge", status=1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_reader_that_holds_the_log(furnished, database, monkeypatch):
    """Where somebody holds the database's file as it was, that is said, and the rows are gone all the same."""
    monkeypatch.setattr(erasures, "WAIT_SECONDS", 0.2)
    with database.read(ACROSS) as conn:
        assert organisations.slugs(conn) == ("northbridge",)
        done = furnished("org", "erase", "northbridge", "--yes")
        assert organisations.slugs(conn) == ("northbridge",), "the moment that this reader sees has ended"
    assert "VACUUM" in done.out
    furnished("org", "show", "northbridge", status=1)
