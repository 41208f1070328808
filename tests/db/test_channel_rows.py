from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from coachkit.db import channels, editions
from coachkit.db.changes import counted
from coachkit.db.channels import Channel, Move, Pointer
from coachkit.db.scopes import ACROSS
from coachkit.errors import NotFound


def test_move(database, served, at):
    """A moved channel points where it was moved, and was moved by the number the counter now has."""
    id_ = served["northbridge"]
    with database.write(ACROSS) as conn:
        moved = channels.move(conn, id_, "live", "e1", public=True, at=at)
        assert moved == Channel(id_, "live", public=True, digest="e1", moved_at=at, change=counted(conn))
    with database.read(ACROSS) as conn:
        assert channels.get(conn, id_, "live") == moved
        assert channels.get(conn, id_, "preview") is None


def test_counter_rises_by_one(database, served, at):
    """Every move raises the counter by one, one to the same edition too."""
    with database.write(ACROSS) as conn:
        moves = [channels.move(conn, served["northbridge"], "live", "e1", public=True, at=at) for _ in range(3)]
    assert [moved.change for moved in moves] == [1, 2, 3]


def test_undone_with_its_transaction(database, served, at):
    """A move whose transaction fails moves nothing, the counter neither."""

    def move_and_fail():
        with database.write(ACROSS) as conn:
            channels.move(conn, served["northbridge"], "live", "e1", public=True, at=at)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        move_and_fail()
    with database.read(ACROSS) as conn:
        assert (counted(conn), channels.of_organisation(conn, served["northbridge"])) == (0, ())


def test_no_such_edition(database, served, at):
    """A channel cannot point at an edition the organisation does not have, though another has it."""
    with pytest.raises(NotFound, match="e2"), database.write(ACROSS) as conn:
        channels.move(conn, served["harbour"], "live", "e2", public=True, at=at)


def test_public_channel_publishes(database, served, at):
    """An edition is published once a public channel has pointed at it, and stays so; a private one does not do it."""
    id_ = served["northbridge"]
    with database.write(ACROSS) as conn:
        channels.move(conn, id_, "preview", "e1", public=False, at=at)
        assert not editions.head(conn, id_, "e1").published
        channels.move(conn, id_, "live", "e1", public=True, at=at)
        channels.move(conn, id_, "live", "e2", public=True, at=at)
        channels.move(conn, id_, "preview", "e1", public=False, at=at)
        assert editions.head(conn, id_, "e1").published
        assert not editions.head(conn, served["harbour"], "e1").published


def test_history(database, served, at):
    """Every move of a channel is remembered, newest first, with where it came from and the note."""
    id_, later = served["northbridge"], at + timedelta(hours=1)
    with database.write(ACROSS) as conn:
        channels.move(conn, id_, "live", "e1", public=True, at=at)
        channels.move(conn, id_, "preview", "e2", public=False, at=at)
        channels.move(conn, id_, "live", "e2", public=True, at=later, note="autumn")
        second, first = channels.history(conn, id_, "live")
        assert (second, first) == (
            Move(second.id, "live", "e1", "e2", later, "autumn"),
            Move(first.id, "live", None, "e1", at, None),
        )
        assert second.id > first.id
        assert channels.history(conn, id_, "live", before=second.id, limit=1) == (first,)


def test_of_organisation(database, served, at):
    """An organisation's channels, by name, and nobody else's."""
    with database.write(ACROSS) as conn:
        made = [channels.move(conn, served["northbridge"], name, "e1", public=False, at=at) for name in ("b", "a")]
        channels.move(conn, served["harbour"], "a", "e1", public=False, at=at)
        assert channels.of_organisation(conn, served["northbridge"]) == (made[1], made[0])


def test_moved_since(database, served, at):
    """Of what moved after a counter, of all organisations: where it points now, once each, in the order moved."""
    north, harbour = served["northbridge"], served["harbour"]
    with database.write(ACROSS) as conn:
        channels.move(conn, north, "preview", "e1", public=False, at=at)
        since = counted(conn)
        channels.move(conn, north, "live", "e1", public=True, at=at)
        channels.move(conn, harbour, "live", "e1", public=True, at=at)
        channels.move(conn, north, "live", "e2", public=True, at=at)
        assert channels.moved_since(conn, since) == (
            Pointer("harbour", harbour, "live", public=True, digest="e1", change=since + 2),
            Pointer("northbridge", north, "live", public=True, digest="e2", change=since + 3),
        )
        assert channels.moved_since(conn, counted(conn)) == ()


def test_moves_at_once(database, served, at):
    """Moves made at once each get a number of their own, and none is lost."""

    def move(n):
        with database.write(ACROSS) as conn:
            return channels.move(conn, served["northbridge"], f"c{n % 3}", "e1", public=False, at=at).change

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(move, range(24))) == list(range(1, 25))
    with database.read(ACROSS) as conn:
        assert counted(conn) == 24
        assert sum(len(channels.history(conn, served["northbridge"], f"c{n}")) for n in range(3)) == 24
