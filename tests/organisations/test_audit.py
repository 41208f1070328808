"""The audit: numbered without gaps, chained, there if and only if what it tells of is, and never changed."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from publishing import AT, settings

from coachkit.db import audit as rows
from coachkit.db.audit import Head
from coachkit.db.scopes import ACROSS, OWNER, only
from coachkit.db.tables import hostnames
from coachkit.organisations.audit import COMMAND, VALUE_BYTES, Actor, broken, difference, record, shape
from coachkit.organisations.organisations import create

KEY = Actor("key", "key_4Fq")


@pytest.fixture
def northbridge(database):
    """The number of an organisation whose making is its audit's first entry."""
    with database.write(ACROSS) as conn:
        return create(conn, "northbridge", settings(), AT).id


@pytest.fixture
def written(database, northbridge):
    """Records some things, each in a transaction of its own, and gives all entries."""

    def written(*subjects):
        for subject in subjects:
            with database.write(only(northbridge)) as conn:
                record(conn, northbridge, KEY, "channel.move", subject, at=AT, before=None, after={"to": subject})
        with database.read(only(northbridge)) as conn:
            return list(rows.entries(conn, northbridge)), rows.head(conn, northbridge)

    return written


def found(entries, head):
    return [(each.number, each.reason) for each in broken(entries, head)]


def test_entries(database, northbridge, written):
    """An entry says who did what to what and when, before and after, and follows the one before it."""
    (first, second), head = written("live")
    assert (second.number, second.actor, second.action, second.subject) == (2, "key key_4Fq", "channel.move", "live")
    assert (second.at, second.before, second.after, second.previous) == (AT, None, {"to": "live"}, first.hash)
    assert (first.previous, head) == (None, Head(2, second.hash))
    assert found([first, second], head) == []


def test_order_and_pages(database, northbridge, written):
    """Entries come in order or newest first, from where the last page ended."""
    written("a", "b", "c")
    with database.read(only(northbridge)) as conn:

        def numbers(**asked):
            return [each.number for each in rows.entries(conn, northbridge, **asked)]

        assert (numbers(), numbers(after=2, limit=1)) == ([1, 2, 3, 4], [3])
        assert (numbers(newest_first=True, limit=2), numbers(newest_first=True, after=3)) == ([4, 3], [2, 1])


def test_hash_is_the_documented_one(written):
    """Whoever has an entry can compute its hash: SHA-256 of its RFC 8785 JSON without the hash itself."""
    import hashlib

    import rfc8785

    (_, entry), _ = written("live")
    said = shape(entry)
    given = said.pop("hash")
    assert given == "sha256:" + hashlib.sha256(rfc8785.dumps(said)).hexdigest()
    assert said["at"] == "2026-11-22T09:30:00+00:00"


def test_values_are_hashed_as_they_are_read_back(database, northbridge):
    """What Python has and JSON has not, such as tuples and whole floats, breaks no chain."""
    elsewhere = datetime(2026, 11, 22, 15, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with database.write(only(northbridge)) as conn:
        record(conn, northbridge, COMMAND, "a.b", "é", at=elsewhere, before=(1.0, "\u2028"), after={"b": 2**53 - 1})
    with database.read(only(northbridge)) as conn:
        entries, head = list(rows.entries(conn, northbridge)), rows.head(conn, northbridge)
    assert found(entries, head) == []
    assert entries[-1].at == elsewhere.astimezone(UTC)


def test_concurrent_writers(database, northbridge):
    """Writers at once, in transactions that do other things first, get numbers without gaps and one whole chain."""

    def write(n):
        with database.write(only(northbridge)) as conn:
            claim = {"organisation_id": northbridge, "name": f"{n}.example", "token": "t", "created_at": AT}
            conn.execute(sa.insert(hostnames).values(claim))  # which refers to the organisation, and so locks its row
            record(conn, northbridge, Actor("key", str(n)), "a.b", str(n), at=AT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    with database.read(only(northbridge)) as conn:
        entries, head = list(rows.entries(conn, northbridge)), rows.head(conn, northbridge)
    assert [each.number for each in entries] == list(range(1, 42))
    assert found(entries, head) == []
    assert {each.subject for each in entries[1:]} == {str(n) for n in range(40)}


def test_nothing_of_what_was_undone(database, northbridge):
    """A change that is rolled back leaves no entry, and its number is the next one's."""

    def fail():
        with database.write(only(northbridge)) as conn:
            record(conn, northbridge, COMMAND, "a.b", "undone", at=AT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.write(only(northbridge)) as conn:
        assert rows.head(conn, northbridge).length == 1
        assert record(conn, northbridge, COMMAND, "a.b", "done", at=AT).number == 2


@pytest.mark.parametrize("scope", ["one", "across", "owner"])
@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit WHERE number = 1"])
def test_the_database_refuses_changes(database, northbridge, scope, change):
    """No role changes or takes away an entry, whatever statement it sends."""
    chosen = {"one": only(northbridge), "across": ACROSS, "owner": OWNER}[scope]
    with pytest.raises(sa.exc.DBAPIError), database.write(chosen) as conn:
        conn.exec_driver_sql(change)
    with database.read(ACROSS) as conn:
        assert [each.actor for each in rows.entries(conn, northbridge)] == ["command"]


def test_audits_are_apart(database, northbridge, written):
    """Each organisation's audit is its own: numbers from 1, and nothing of another's."""
    with database.write(ACROSS) as conn:
        harbour = create(conn, "harbour", settings(), AT).id
    written("live")
    with database.read(ACROSS) as conn:
        assert [each.number for each in rows.entries(conn, harbour)] == [1]


def test_what_is_missing_or_changed_shows(written):
    """Every way of taking away, changing, exchanging or adding an entry shows, and where."""
    entries, head = written("a", "b", "c")
    one, two, three, four = entries
    forged = replace(two, subject="z")
    assert found([one, three, four], head)[0] == (2, "the entry is missing; the next one is 3")
    assert found([one, forged, three, four], head) == [(2, "it is not what was written")]
    assert found([one, replace(two, previous=None), three, four], head)[0] == (2, "it does not follow the entry before")
    assert found([one, two, three], head) == [(4, "4 entries were written, and the last one here is 3")]
    assert found([two, three, four], head)[0] == (1, "the entry is missing; the next one is 2")
    assert found([], head) == [(1, "4 entries were written, and the last one here is 0")]
    assert found(entries, Head(4, one.hash)) == [(4, "it is not the last one that was written")]
    assert found([one, two, four, three], head)
    assert found([one, replace(two, after={"n": 2**60}), three, four], head) == [(2, "it is not what was written")]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rows_that_cannot_be_read(database, northbridge, written):
    """An entry that somebody made unreadable with other tools is told as one, and not as a fault of ours."""
    written("live")
    with database.write(ACROSS) as conn:
        conn.exec_driver_sql("DROP TRIGGER audit_never_changes")
        conn.exec_driver_sql("UPDATE audit SET after = '{' WHERE number = 2")
    with database.read(ACROSS) as conn:
        entries = rows.entries(conn, northbridge)
        assert found(entries, rows.head(conn, northbridge)) == [(2, "it cannot be read")]


def test_difference():
    """Of two documents the keys in which they differ are told, and of large values length and digest only."""
    before = {"same": 1, "gone": [1], "other": "x" * 10, "large": "x" * VALUE_BYTES, "null": None}
    after = {"same": 1, "other": "y", "large": "y", "new": {"a": 1}}
    was, now = difference(before, after)
    large = was.pop("large")
    assert was == {"gone": [1], "other": "x" * 10, "null": None}
    assert (large["bytes"], large["digest"][:7]) == (VALUE_BYTES + 2, "sha256:")
    assert now == {"other": "y", "large": "y", "new": {"a": 1}}
