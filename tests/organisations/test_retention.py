from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from publishing import AT, example, organisation, publish

from coachkit.db import channels, editions, idempotency
from coachkit.db.scopes import ACROSS
from coachkit.db.tables import schedules
from coachkit.organisations import retention
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
        conn.execute(sa.insert(schedules).values(row | {"state": state, "settled_at": settled_at}))


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
