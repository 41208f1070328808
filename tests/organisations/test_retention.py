from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from interleaving import begun
from publishing import AT, SLUG, TOOLS, example, organisation, publish

from coachkit.db import channels, editions, idempotency, tables
from coachkit.db.scopes import ACROSS
from coachkit.editions.publish import prepare
from coachkit.organisations import previews, retention, schedules
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.organisations import enter
from coachkit.organisations.quotas import Quotas
from coachkit.organisations.retention import Cleared, clear

NOW = AT + timedelta(days=90)
LONG_AGO = NOW - timedelta(days=31)
LATELY = NOW - timedelta(days=29)


@pytest.fixture
def clearing(database):
    """Clears away, in transactions of this database, what is too old now."""

    @contextmanager
    def writing():
        with database.write(ACROSS) as conn:
            yield conn

    return lambda: clear(writing, NOW)


@pytest.fixture
def made(database):
    """Makes an edition that nothing points at, different each time; gives its digest."""
    example(database)
    names = iter(range(99))

    def make(at=LONG_AGO, channel=None):
        organisation(database, brand={"name": f"University {next(names)}", "careers_email": "a@b.example"})
        return publish(database, channel=channel, at=at).digest

    return make


def left(database):
    with database.read(ACROSS) as conn:
        found = channels.of_slug(conn, "northbridge")
        return {each.digest for each in editions.listing(conn, found.id)}


def scheduled(database, digest, state, settled_at):
    with database.write(ACROSS) as conn:
        id_ = channels.of_slug(conn, "northbridge").id
        row = {"organisation_id": id_, "id": f"{state}-{settled_at}", "channel": "live", "digest": digest}
        row |= {"local_time": "2027-01-01T09:00", "zone": "UTC", "due_at": AT, "created_at": AT}
        conn.execute(sa.insert(tables.schedules).values(row | {"state": state, "settled_at": settled_at}))


def test_unread_editions(database, made, clearing):
    """An edition that was never published goes after a month; nobody's copy of a release goes with it."""
    old, young = made(), made(LATELY)
    assert clearing() == Cleared(answers=0, editions=1)
    assert left(database) == {young}
    assert clearing() == Cleared(answers=0, editions=0)
    assert old not in left(database)


def test_what_was_served_stays(database, made, clearing):
    """An edition stays that a channel points at or ever pointed at, whether readers saw the channel or not."""
    kept = {made(channel="live"), made(channel="live"), made(channel="preview"), made(channel="preview")}
    assert clearing().editions == 0
    assert left(database) == kept


def test_what_is_planned_stays(database, made, clearing):
    """An edition stays that a schedule will move a channel to, and one whose schedule was settled lately."""
    waiting, lately, gone = made(), made(), made()
    scheduled(database, waiting, "pending", None)
    scheduled(database, lately, "cancelled", LATELY)
    scheduled(database, gone, "cancelled", LONG_AGO)
    scheduled(database, gone, "failed", LONG_AGO)
    assert clearing().editions == 1
    assert left(database) == {waiting, lately}


def test_in_turns(database, made, clearing, monkeypatch):
    """Many go in several transactions."""
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for _ in range(5):
        made()
    assert clearing().editions == 5
    assert left(database) == set()


def test_told_to_stop(database, made):
    """Whoever stops it loses nothing, and what it has cleared stays cleared."""
    made()

    def stop():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        clear(lambda: database.write(ACROSS), NOW, stop)
    assert clear(lambda: database.write(ACROSS), NOW).editions == 1


def test_answers(database, made, clearing):
    """What is kept to answer a repeated request goes after a day, of every organisation."""
    made(LATELY)
    with database.write(ACROSS) as conn:
        id_ = channels.of_slug(conn, "northbridge").id
        for key, at in [("old", NOW - timedelta(hours=25)), ("young", NOW - timedelta(hours=23))]:
            name = idempotency.Name(id_, "ck", key)
            assert idempotency.claimed(conn, name, "POST", "token", at=at, until=at)
    assert clearing() == Cleared(answers=1, editions=0)
    with database.read(ACROSS) as conn:
        assert idempotency.stored(conn, idempotency.Name(id_, "ck", "young"))


QUOTAS = Quotas(editions=100, channels=10)


def show(conn, found, prepared):
    lasting = timedelta(days=2)
    previews.show(conn, found, prepared, secret_key=bytes(32), quotas=QUOTAS, actor=COMMAND, at=NOW, lasting=lasting)


def plan(conn, found, prepared):
    asked = schedules.wanted(found, "live", (NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"), None, NOW)
    schedules.freeze(conn, found, prepared, asked, quotas=QUOTAS, most=10, actor=COMMAND, at=NOW)


@pytest.fixture(params=[show, plan])
def need(request):
    """Comes to need the edition that the draft would be, by a preview or a schedule, in a transaction of some other."""

    def need(conn):
        found = enter(conn, SLUG)
        request.param(conn, found, prepare(conn, found, TOOLS, NOW))

    return need


def test_needed_while_it_goes(database, made, need):
    """An edition that somebody comes to need just while it is being forgotten is there again when they have it."""
    made()
    wanted, needing = made(), []

    def begin():
        with database.write(ACROSS) as conn:
            need(conn)

    @contextmanager
    def writing():
        with database.write(ACROSS) as conn:

            def meanwhile(*told):
                if told[2].startswith("DELETE FROM schedules") and not needing:
                    needing.append(begun(database, begin))

            sa.event.listen(conn, "before_cursor_execute", meanwhile)
            yield conn

    assert clear(writing, NOW).editions == 2
    needing[0].result()
    assert left(database) == {wanted}


def test_needed_before_it_goes(database, made, clearing, need):
    """An edition that somebody has come to need, and has not stored yet that they do, is not forgotten."""
    made()
    wanted = made()
    with database.write(ACROSS) as conn:
        need(conn)
        forgetting = begun(database, clearing)
    assert forgetting.result().editions == 1
    assert left(database) == {wanted}
