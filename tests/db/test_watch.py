import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from coachkit.db import channels, migrate
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS, OWNER
from coachkit.db.watch import INTERVAL, Watch

PATIENCE = 10
"""Seconds after which a test gives up on what should come much sooner."""


@pytest.fixture
def told():
    """What a Watch told, in order."""
    return queue.Queue()


@pytest.fixture
def log():
    """What is logged, as our own log has it: one object for each line."""
    with capture_logs() as log:
        yield log


@pytest.fixture
def make_watch(told):
    """Makes Watches that tell `told`, and stops them."""
    made = []

    def make(database, on_change=lambda since, now: told.put((since, now)), interval=0.02):
        made.append(Watch(database, on_change, interval))
        return made[-1]

    yield make
    for watch in made:
        watch.stop()


@pytest.fixture
def move(database, served, at):
    """Moves a channel, from a connection that is no Watch's."""

    def move():
        with database.write(ACROSS) as conn:
            channels.move(conn, served["northbridge"], "live", "e1", public=True, at=at)

    return move


def test_seen_within_a_second(database, move, make_watch, told):
    """With the interval it has unless told otherwise, a Watch tells of a move in less than a second."""
    watch = make_watch(database, interval=INTERVAL)
    watch.ensure()
    move()
    assert told.get(timeout=1) == (0, 1)


def test_seen_from_another_process(database, served, at, make_watch, told):
    """Moves made over another Database, as another process has it, are told."""
    make_watch(database).ensure()
    other = Database(database.url)
    with other.write(ACROSS) as conn:
        channels.move(conn, served["harbour"], "live", "e1", public=True, at=at)
    other.dispose()
    assert told.get(timeout=PATIENCE) == (0, 1)


def test_from_where_it_began(database, move, make_watch, told):
    """Only what moved after `ensure` is told, each step once, from where the last one ended."""
    move()
    make_watch(database).ensure()
    move()
    assert told.get(timeout=PATIENCE) == (1, 2)
    move()
    assert told.get(timeout=PATIENCE) == (2, 3)
    assert told.empty()


def test_other_writes_are_not_told(database, move, make_watch, told):
    """A write that moves no channel is not told."""
    make_watch(database).ensure()
    with database.write(ACROSS) as conn:
        conn.exec_driver_sql("UPDATE organisations SET name = 'Other'")
    move()
    assert told.get(timeout=PATIENCE) == (0, 1)
    assert told.empty()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_idle_polls_read_no_table(database, move, make_watch, told):
    """On SQLite a poll asks for `data_version` only, but for the ones at the start and after a commit."""
    statements = []

    def trace(connection, record):
        connection.set_trace_callback(statements.append)

    def polls():
        return statements.count("PRAGMA data_version")

    database.dispose()
    sa.event.listen(sa.pool.Pool, "connect", trace)
    try:
        make_watch(database).ensure()
        wait_until(lambda: polls() > 5)
        move()
        wait_until(lambda: polls() > 15)
    finally:
        sa.event.remove(sa.pool.Pool, "connect", trace)
    assert sum("FROM counters" in text for text in statements) == 3  # the start, the move's own, after the commit
    assert [told.get(timeout=PATIENCE), told.empty()] == [(0, 1), True]


def test_one_thread(database, make_watch):
    """However many threads ensure it at once, a process has one thread for it, and none once it is stopped."""
    watch = make_watch(database)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: watch.ensure(), range(64)))
    assert [thread.name for thread in threading.enumerate()].count("coachkit-watch") == 1
    watch.stop()
    assert "coachkit-watch" not in [thread.name for thread in threading.enumerate()]


def test_starts_anew(database, move, make_watch, told):
    """A stopped Watch tells nothing, and starts anew when it is ensured again."""
    watch = make_watch(database)
    watch.ensure()
    watch.stop()
    move()
    watch.ensure()
    move()
    assert told.get(timeout=PATIENCE) == (1, 2)


def test_told_again_after_a_failure(database, move, make_watch, told, log):
    """A move whose telling failed is told again, from the same counter, and the log has the failure once."""
    failing = iter([True, True, False])

    def on_change(since, now):
        told.put((since, now))
        if next(failing):
            raise ZeroDivisionError

    make_watch(database, on_change).ensure()
    move()
    assert [told.get(timeout=PATIENCE) for _ in range(3)] == [(0, 1)] * 3
    assert [type(line["exc_info"]) for line in log if "exc_info" in line] == [ZeroDivisionError]


def test_silence(database, move, make_watch, told, log):
    """While the database does not answer it says since when; it recovers by itself and then tells what moved."""
    watch = make_watch(database)
    watch.ensure()
    assert watch.silent_since is None
    with database.write(OWNER) as conn:
        conn.exec_driver_sql("ALTER TABLE counters RENAME TO elsewhere")
    wait_until(lambda: watch.silent_since is not None)
    with database.write(OWNER) as conn:
        conn.exec_driver_sql("ALTER TABLE elsewhere RENAME TO counters")
    move()
    assert told.get(timeout=PATIENCE)[1] == 1
    wait_until(lambda: watch.silent_since is None)
    wait_until(lambda: "moved channels are followed again" in [line["event"] for line in log])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_silent_from_the_start(tmp_path, database, make_watch, told):
    """A database that does not answer at the start keeps nobody waiting; its first answer is a change from 0."""
    later = Database(f"sqlite:///{tmp_path / 'later' / 'coachkit.sqlite'}")
    watch = make_watch(later)
    watch.ensure()
    assert watch.silent_since is not None
    (tmp_path / "later").mkdir()
    migrate.upgrade(later)
    with later.write() as conn:
        conn.exec_driver_sql("UPDATE counters SET value = 7")
    assert told.get(timeout=PATIENCE) == (0, 7)
    watch.stop()
    later.dispose()


FORKED = """
import os, sys, threading
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.db.watch import INTERVAL, Watch

database, told = Database(sys.argv[1]), threading.Event()
watch = Watch(database, lambda since, now: told.set(), interval=0.02)
watch.ensure()
child = os.fork()
watch.ensure()
if child == 0:
    with database.write(ACROSS) as conn:
        conn.exec_driver_sql("UPDATE counters SET value = value + 1")
seen = told.wait(10)
watch.stop()
if child == 0:
    sys.exit(not seen)
print(seen, os.waitpid(child, 0)[1])
database.dispose()
"""


def test_fork(database, script):
    """A forked child watches for itself, and its parent goes on."""
    assert script(FORKED, database.url) == "True 0\n"


def wait_until(condition):
    turn = threading.Event()
    for _ in range(PATIENCE * 100):
        if condition():
            return
        turn.wait(0.01)
    pytest.fail("it did not come about")


def test_what_is_due_in_every_round(database, move, told):
    """`on_round` is called again and again, and once more at the end; one that fails ends nothing."""
    rounds = queue.Queue()

    def due():
        rounds.put(None)
        raise ValueError("failed")

    watch = Watch(database, lambda since, now: told.put((since, now)), 0.02, due)
    watch.ensure()
    for _ in range(3):
        rounds.get(timeout=PATIENCE)
    move()
    assert told.get(timeout=PATIENCE) == (0, 1)
    watch.stop()
    assert not rounds.empty()
