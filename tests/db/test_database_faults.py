"""A database that is silent, slow, cut off or locked: who asks hears so in time, and it is back when it answers."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from appmaker import eventually
from faulty import FaultyProxy
from postgresql import own_server, socket_of, through

from coachkit.db.changes import counted, raised
from coachkit.db.database import SERVING, Database
from coachkit.db.scopes import ACROSS
from coachkit.errors import Unavailable

BOUND = 2.0
"""Seconds within which who asks hears that there is no answer, and within which all is well again."""
SHORT = 0.5
"""A shorter patience, where it matters only that it ends."""
AT_ONCE = 0.3
"""Seconds that nobody waits who is told at once, on a busy machine."""

postgres_only = pytest.mark.parametrize("database", ["postgres"], indirect=True)
sqlite_only = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

FAULTS: dict[str, Callable[[FaultyProxy], None]] = {
    "silent": FaultyProxy.blackhole,
    "refusing": FaultyProxy.refuse,
    "slow": lambda proxy: proxy.slow(60),
    "trickling": lambda proxy: proxy.dribble(0.1),
    "cut short": FaultyProxy.truncate,
    "garbled": FaultyProxy.flip,
}


@pytest.fixture
def proxy(database):
    """What stands between us and PostgreSQL."""
    with FaultyProxy(socket_of(database.url)) as proxy:
        yield proxy


@pytest.fixture
def make_served(database, proxy):
    """Makes Databases as the serving application has them, by way of the proxy."""
    made = []

    def make(patience=SHORT):
        made.append(Database(through(proxy, database.url), patience))
        return made[-1]

    yield make
    for one in made:
        one.dispose()


def counter(database):
    """Read something, as every request does that needs the database."""
    with database.read(ACROSS) as conn:
        return counted(conn)


def refused(work, *arguments):
    """How long it took to hear that there is no answer; the work must come to that."""
    began = time.monotonic()
    with pytest.raises(Unavailable) as unavailable:
        work(*arguments)
    assert int(unavailable.value.headers["Retry-After"]) > 0
    return time.monotonic() - began


def at_once(work, *arguments, times=30):
    """What the work gives in so many threads at the same time."""
    together = threading.Barrier(times)

    def wait_and_work(_):
        together.wait()
        return work(*arguments)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(wait_and_work, range(times)))


def warm_up(database):
    """Open as many connections as are kept; on a busy machine that may take longer than one round of patience."""
    until = time.monotonic() + 10 * BOUND
    while True:
        with suppress(Unavailable):
            at_once(counter, database)
            return
        assert time.monotonic() < until, "it does not warm up"


def is_back(database):
    """See that all threads are answered, in time."""
    began = time.monotonic()
    while True:
        try:
            answers = at_once(counter, database)
            break
        except Unavailable:
            assert time.monotonic() - began < BOUND, "it is not back"
    assert answers == [0] * 30


either = pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])


@postgres_only
@either
@pytest.mark.parametrize("fault", FAULTS)
def test_postgresql_faults(fault, warm, proxy, make_served):
    """Whatever is wrong with PostgreSQL, everybody hears so in time, and all are answered again when it is over."""
    database = make_served()
    if warm:
        warm_up(database)
    FAULTS[fault](proxy)
    for _ in range(2):
        assert max(at_once(refused, counter, database)) < BOUND
    proxy.forward()
    is_back(database)


@postgres_only
@either
def test_silent_to_readers(warm, proxy, make_served):
    """With the patience that readers are served with, the first who ask hear within two seconds, many at once too."""
    database = make_served(SERVING)
    if warm:
        warm_up(database)
    proxy.blackhole()
    assert max(at_once(refused, counter, database)) < BOUND
    proxy.forward()
    is_back(database)


@postgres_only
def test_silent_while_connecting(proxy, make_served):
    """A server that takes the connection and then says nothing is bounded like one that takes none."""
    proxy.blackhole()
    assert refused(counter, make_served()) < BOUND


@postgres_only
def test_silent_in_the_middle(proxy, make_served):
    """A transaction that is under way when PostgreSQL falls silent ends in time, and frees its place in the pool."""
    database = make_served()

    def fall_silent():
        with database.read(ACROSS) as conn:
            counted(conn)
            proxy.blackhole()
            counted(conn)

    assert refused(fall_silent) < BOUND
    proxy.forward()
    is_back(database)


@postgres_only
@pytest.mark.parametrize("at", ["statement", "commit"])
def test_silent_while_writing(at, proxy, make_served):
    """Who writes for a reader waits no longer than who reads."""
    database = make_served()

    def write():
        with database.write(ACROSS) as conn:
            conn.exec_driver_sql("UPDATE counters SET value = 1")
            proxy.blackhole()
            if at == "statement":
                conn.exec_driver_sql("UPDATE counters SET value = 2")

    assert refused(write) < BOUND


@postgres_only
def test_own_error_while_silent(proxy, make_served):
    """An error of our own in a transaction does not wait longer for a silent database than a statement does."""
    database = make_served()

    def fail():
        with database.read(ACROSS) as conn:
            counted(conn)
            proxy.blackhole()
            raise ZeroDivisionError

    assert refused(fail) < BOUND


@postgres_only
def test_told_at_once(proxy, make_served):
    """While the database is known to be silent, one in a while waits for it, and all others are told at once."""
    database = make_served()
    counter(database)
    proxy.blackhole()
    refused(counter, database)
    assert max(refused(counter, database) for _ in range(10)) < AT_ONCE
    took = at_once(refused, counter, database) + [refused(counter, database) for _ in range(100)]
    assert sum(each > AT_ONCE for each in took) <= 1


@postgres_only
def test_own_work_costs_no_patience(make_served):
    """What a reader makes of the rows may take longer than there is patience."""
    database = make_served(0.3)
    counter(database)
    with database.read(ACROSS) as conn:
        counted(conn)
        threading.Event().wait(0.5)
        assert counted(conn) == 0


@postgres_only
def test_commands_are_patient(proxy, make_served):
    """A command's transaction is not cut off where a reader's is."""
    impatient, patient = make_served(0.3), Database(make_served().url)
    counter(impatient)
    counter(patient)
    proxy.slow(0.2)
    assert refused(counter, impatient) < BOUND
    assert counter(patient) == 0
    with patient.write() as conn:
        conn.exec_driver_sql("SELECT pg_sleep(0.4)")
    patient.dispose()


@postgres_only
def test_slow_statement(make_served):
    """The server gives a reader's statement up before the reader does, so that nothing is left behind there."""
    database = make_served()

    def backend():
        with database.read(ACROSS) as conn:
            return conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()

    def sleep():
        with database.read(ACROSS) as conn:
            conn.exec_driver_sql("SELECT pg_sleep(60)")

    mine = backend()
    assert refused(sleep) < BOUND
    assert backend() == mine


@postgres_only
def test_locked_table(database, make_served):
    """Readers do not queue at a table that a migration holds: neither here nor, for long, in the server."""
    served = make_served()
    with database.write(ACROSS) as conn:
        conn.exec_driver_sql("LOCK TABLE counters IN ACCESS EXCLUSIVE MODE")
        assert max(at_once(refused, counter, served)) < BOUND
        eventually(lambda: conn.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar() == 0)
    is_back(served)


@postgres_only
@pytest.mark.parametrize("fault", [FaultyProxy.blackhole, lambda proxy: proxy.slow(0.5)], ids=["silent", "slow"])
def test_nothing_left_behind(fault, proxy, make_served):
    """Connections that come about too late, or never, are closed, and the threads that make them end."""
    database = make_served(0.3)
    fault(proxy)
    at_once(refused, counter, database, times=10)
    assert proxy.open_connections > 0
    eventually(lambda: "coachkit-connect" not in [thread.name for thread in threading.enumerate()])
    database.dispose()
    eventually(lambda: proxy.open_connections == 0)


@postgres_only
def test_full_disk(database):
    """When PostgreSQL says that its disk is full, who writes hears when to come again, and nothing is half done."""
    before = counter(database)

    def write():
        with database.write(ACROSS) as conn:
            raised(conn)
            conn.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$")

    with pytest.raises(Unavailable) as refusal:
        write()
    assert refusal.value.headers == {"Retry-After": "1"}
    assert counter(database) == before
    with database.write(ACROSS) as conn:
        raised(conn)
    assert counter(database) == before + 1


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL that nobody else uses."""
    with own_server() as server:
        yield server


@pytest.fixture
def of_server(server):
    """Its database as the serving application has it, with open connections."""
    database = Database(server.url, SERVING)
    warm_up(database)
    yield database
    database.dispose()


@pytest.mark.soak
def test_restarted(server, of_server, repeats):
    """Stopped or killed, PostgreSQL is a refusal in time, and when it is there again so is the pool."""
    for turn in range(repeats(small=2, full=20)):
        (server.kill if turn % 2 else server.stop)()
        assert max(at_once(refused, counter, of_server)) < BOUND
        server.start()
        is_back(of_server)


@pytest.mark.soak
def test_frozen(server, of_server, repeats):
    """A PostgreSQL that hangs is a refusal in time, and when it moves again all is as before."""
    for _ in range(repeats(small=1, full=20)):
        with server.frozen():
            assert max(at_once(refused, counter, of_server)) < BOUND
        is_back(of_server)


# --- SQLite -------------------------------------------------------------------------------------

HOLDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
if sys.argv[2:]:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path, *, alone):
    """While it lasts, another process has the file locked: as a writer, or for itself alone."""
    command = [sys.executable, "-c", HOLDS, path, *(["alone"] if alone else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"locked\n"
        try:
            yield
        finally:
            holder.stdin.close()


@pytest.fixture
def sqlite_path(database):
    """The file, which nobody has open."""
    database.dispose()
    return database.url.removeprefix("sqlite:///")


@pytest.fixture
def of_file(sqlite_path):
    """Its database as the serving application has it."""
    database = Database(f"sqlite:///{sqlite_path}", SERVING)
    yield database
    database.dispose()


@sqlite_only
def test_sqlite_held_alone(sqlite_path, of_file):
    """A file that another process has for itself alone is a refusal in time, and is read when it is free again."""
    with held(sqlite_path, alone=True):
        assert refused(counter, of_file) < BOUND
        assert max(at_once(refused, counter, of_file)) < BOUND
    is_back(of_file)


@sqlite_only
def test_sqlite_held_by_a_writer(sqlite_path, of_file):
    """A writer that holds the file exclusively keeps no reader waiting, with open connections or new ones."""
    counter(of_file)
    with held(sqlite_path, alone=False):
        assert at_once(counter, of_file) == [0] * 30


@sqlite_only
def test_sqlite_unreadable(sqlite_path, of_file):
    """A file that cannot be read is a refusal at once, and is read when it can be."""
    file, away = Path(sqlite_path), Path(f"{sqlite_path}.away")
    file.rename(away)
    file.mkdir()
    assert max(at_once(refused, counter, of_file)) < BOUND
    file.rmdir()
    away.rename(file)
    is_back(of_file)
