"""What a worker does with schedules and hostnames: planned for real, taken by its runner, done once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import dns.rcode
import dnsserver
import pytest
from publishing import AT, SLUG, TOOLS, brand, example, organisation, publish

from coachkit.cli import worker
from coachkit.cli.installation import Installation, plugins
from coachkit.db import channels, jobs
from coachkit.db.scopes import ACROSS
from coachkit.jobs.work import Runner
from coachkit.organisations import hostnames, localtime, lookups, schedules
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.organisations import enter, find
from coachkit.organisations.quotas import Quotas
from coachkit.settings import Settings

DUE = datetime(2026, 12, 1, 9, tzinfo=UTC)
QUOTAS = Quotas(editions=100, channels=10)


class Clock:
    """A clock that a test turns."""

    now = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def here(database) -> Installation:
    """The installation, as commands have it."""
    return Installation(Settings(database_url=database.url, secret_key=bytes(range(32))), database, plugins())


@pytest.fixture
def runner(database, clock, here) -> Callable[..., Runner]:
    """Makes what a worker has: every kind of work, and who does it."""

    def make(**given) -> Runner:
        return Runner(database, worker.kinds(here, **given), clock)

    return make


@pytest.fixture
def schedule(database):
    """What is planned for northbridge's `live`, at nine in London on 1 December."""
    example(database)
    organisation(database, timezone="Europe/London")
    publish(database)
    organisation(database, timezone="Europe/London", brand=brand(voice="Loud"))
    asked = {"channel": "live", "local_time": "2026-12-01T09:00"}
    return schedules.plan(database, SLUG, TOOLS, quotas=QUOTAS, most=10, actor=COMMAND, at=AT, **asked).schedule


def moves(database):
    with database.read(ACROSS) as conn:
        return [each.to_digest for each in channels.history(conn, find(conn, SLUG).id, "live")]


def planned(database):
    with database.read(ACROSS) as conn:
        return [(each.id, each.due_at) for each in jobs.of_organisation(conn, find(conn, SLUG).id)]


def state(database, schedule):
    with database.read(ACROSS) as conn:
        return schedules.get(conn, enter(conn, SLUG), schedule.id).schedule.state


def test_done_when_it_is_due(database, clock, runner, schedule):
    """A schedule's job is due at its moment, not before; then the channel moves, once, and the job is gone."""
    ((id_, due_at),) = planned(database)
    assert due_at == DUE
    clock.now = DUE - timedelta(seconds=1)
    assert not runner().run(id_)
    clock.now = DUE
    assert runner().run(id_)
    assert not runner().run(id_)
    assert (moves(database)[0], len(moves(database))) == (schedule.digest, 2)
    assert (planned(database), state(database, schedule)) == ([], "done")


def test_done_once_by_many(database, clock, runner, schedule):
    """Of several workers that are woken for it at once one moves the channel."""
    ((id_, _),) = planned(database)
    clock.now = DUE
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda each: each.run(id_), [runner() for _ in range(4)])) == 1
    assert len(moves(database)) == 2


def test_put_off(database, clock, runner, schedule, monkeypatch):
    """A job that comes early because the zone's rules have changed is planned for its new moment, and done then."""
    ((id_, _),) = planned(database)
    monkeypatch.setattr(localtime, "zone", lambda _: ZoneInfo("Etc/GMT+1"))
    clock.now = DUE
    assert runner().run(id_)
    assert (len(moves(database)), state(database, schedule)) == (1, "pending")
    assert planned(database) == [(id_, DUE + timedelta(hours=1))]
    clock.now = DUE + timedelta(hours=1)
    assert runner().run(id_)
    assert (planned(database), state(database, schedule)) == ([], "done")


def test_turned_daily(database, clock, runner, schedule, monkeypatch):
    """Each day the worker works out anew when schedules are due."""
    monkeypatch.setattr(localtime, "zone", lambda _: ZoneInfo("Etc/GMT-1"))
    with database.write(ACROSS) as conn:
        worker.plan_repeating(conn, AT)
    (id_,) = [each.id for each in runner().due(100) if each.kind == schedules.TURNS]
    assert runner().run(id_)
    assert [due_at for _, due_at in planned(database)] == [DUE - timedelta(hours=1)]


def test_given_up(database, here, schedule):
    """A job that is given up has its schedule say so."""
    with database.write(ACROSS) as conn:
        (job,) = jobs.of_organisation(conn, find(conn, SLUG).id)
        worker.kinds(here)[schedules.KIND].given_up(conn, job, DUE)
    assert state(database, schedule) == "failed"


def test_hostnames(database, clock, runner):
    """The worker looks whether claims' records are in the DNS, and again when they are due."""
    organisation(database)
    with database.write(ACROSS) as conn:
        worker.plan_repeating(conn, AT)
        for name in ("a.example", "b.example"):
            made = hostnames.claim(conn, enter(conn, SLUG), name, most=20, actor=COMMAND, at=AT)
    with dnsserver.running() as zone:
        zone.texts["_coachkit.b.example"] = [hostnames.record_value(made)]
        working = runner(resolver=partial(lookups.resolver, "127.0.0.1", zone.port))
        (id_,) = [each.id for each in working.due(100) if each.kind == hostnames.KIND]
        assert working.run(id_)
    with database.read(ACROSS) as conn:
        found = hostnames.listing(conn, enter(conn, SLUG))
        assert [(each.name, each.finding) for each in found] == [("a.example", "missing"), ("b.example", "found")]
        assert hostnames.due(conn, AT + timedelta(minutes=1)) == ()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_dns_that_is_silent(database, clock, runner):
    """Where the DNS gives no answer the worker soon leaves it, and those nobody has looked at come first next time."""
    organisation(database)
    names = [f"n{n}.example" for n in range(8)]
    with database.write(ACROSS) as conn:
        worker.plan_repeating(conn, AT)
        for name in names:
            hostnames.claim(conn, enter(conn, SLUG), name, most=20, actor=COMMAND, at=AT)
    with dnsserver.running() as zone:
        zone.code = dns.rcode.SERVFAIL
        working = runner(resolver=partial(lookups.resolver, "127.0.0.1", zone.port))
        (id_,) = [each.id for each in working.due(100) if each.kind == hostnames.KIND]
        assert working.run(id_)
        assert zone.asked == [f"_coachkit.{name}" for name in names[: hostnames.SILENT_IN_A_ROW]]
    with database.read(ACROSS) as conn:
        assert [each.name for each in hostnames.due(conn, AT)] == names[hostnames.SILENT_IN_A_ROW :]
