import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
import sqlalchemy as sa

from coachkit.db import channels, organisations
from coachkit.db.changes import counted
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.errors import SettingsError, Unavailable

sqlite_only = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def impatient(database):
    """The same database with the patience of half a second."""
    impatient = Database(database.url, patience=0.5)
    yield impatient
    impatient.dispose()


def test_nothing_before_first_use(tmp_path):
    """Making a Database opens nothing and makes no file."""
    Database(f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://db/x", "sqlite://", "sqlite:///:memory:", "postgresql+pg8000://db/x", "sqlite+x:///a"],
)
def test_other_addresses(url):
    """An address that is neither an SQLite file nor PostgreSQL is refused, with what would be right."""
    with pytest.raises(SettingsError, match=r"write sqlite:///path/to/file or postgresql://"):
        Database(url)


def test_repr_shows_no_password():
    """What is printed of a Database holds no password."""
    assert "hunter2" not in repr(Database("postgresql://me:hunter2@db/coachkit"))


def test_faults_show_no_values(database):
    """What is said of a statement that fails, in a log say, has none of the values that it was asked with."""
    with pytest.raises(sa.exc.DBAPIError) as failed, database.read(ACROSS) as conn:
        conn.execute(sa.text("SELECT :word FROM nowhere"), {"word": "hunter2"})
    assert "nowhere" in str(failed.value)
    assert "hunter2" not in str(failed.value)


def test_written_is_read(database, at):
    """What was written is read once its block has ended."""
    with database.write(ACROSS) as conn:
        organisations.insert(conn, "a", name="A", settings={}, at=at)
    with database.read(ACROSS) as conn:
        assert organisations.slugs(conn) == ("a",)


def test_read_cannot_write(database, at):
    """A reading transaction refuses to write."""
    with pytest.raises(sa.exc.DBAPIError, match=r"(?i)read-?only"), database.read(ACROSS) as conn:
        conn.exec_driver_sql("UPDATE counters SET value = 5")
    with database.read(ACROSS) as conn:
        assert counted(conn) == 0


def test_reads_one_moment(database, served, at):
    """A reading transaction sees one moment, whatever is written meanwhile, and keeps nobody from writing."""
    with database.read(ACROSS) as reading:
        before = counted(reading)
        with database.write(ACROSS) as writing:
            channels.move(writing, served["harbour"], "live", "e1", public=True, at=at)
        assert counted(reading) == before
    with database.read(ACROSS) as reading:
        assert counted(reading) == before + 1


@sqlite_only
def test_sqlite_is_set_up(database):
    """On SQLite a commit is on the disk, readers and a writer do not wait for each other, and foreign keys hold."""
    for transaction in (database.read, database.write):
        with transaction() as conn:
            pragmas = [conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "foreign_keys")]
            assert pragmas == [2, 1]
            assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@pytest.mark.parametrize("attempt", range(20))
def test_new_file_opened_at_once(tmp_path, attempt):
    """Of many that open a new file at once, none finds it locked."""
    together = threading.Barrier(8)

    def mode(_):
        database = Database(f"sqlite:///{tmp_path / 'new.sqlite'}")
        together.wait()
        with database.read(ACROSS) as conn:
            found = conn.exec_driver_sql("PRAGMA journal_mode").scalar()
        database.dispose()
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(mode, range(8))) == ["wal"] * 8


def test_wal_waits_no_longer(tmp_path):
    """A file that cannot be brought to the mode we need is Unavailable."""
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript("CREATE TABLE a (b); BEGIN; SELECT * FROM a")
        with pytest.raises(Unavailable), Database(f"sqlite:///{path}", patience=0.1).read():
            pass


READ_THEN_WRITE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from coachkit.db.changes import counted
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS

database = Database(sys.argv[1])

def write(n):
    with database.write(ACROSS) as conn:
        value = counted(conn)
        conn.exec_driver_sql(f"UPDATE counters SET value = {value + 1}")

with ThreadPoolExecutor(2) as pool:
    list(pool.map(write, range(50)))
"""


@sqlite_only
def test_many_writers(database, script):
    """Threads and processes that read and then write, at once, never find SQLite locked, and lose nothing."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: script(READ_THEN_WRITE, database.url), range(3)))
    with database.read(ACROSS) as conn:
        assert counted(conn) == 150


def test_locked(impatient, database):
    """Who waits too long for another writer is told to try again."""
    with database.write(ACROSS) as holding:
        holding.exec_driver_sql("UPDATE counters SET value = 1")
        with pytest.raises(Unavailable, match="does not answer"), impatient.write() as conn:
            conn.exec_driver_sql("UPDATE counters SET value = 2")


def test_all_connections_in_use(impatient):
    """Who waits too long for a free connection is told to try again."""
    with ExitStack() as held:
        for _ in range(15):
            held.enter_context(impatient.read())
        with pytest.raises(Unavailable, match="in use"), impatient.read():
            pass


def test_patience_for_a_connection(impatient):
    """Who has more patience than others still waits for a free connection when they have been told to try again."""
    with ThreadPoolExecutor(1) as other, ExitStack() as held:
        for _ in range(15):
            held.enter_context(impatient.read())

        def wait():
            with impatient.read(ACROSS, patience=60) as conn:
                return counted(conn)

        waiting = other.submit(wait)
        for _ in range(2):
            with pytest.raises(Unavailable, match="in use"), impatient.read():
                pass
        assert not waiting.done()
        held.close()
        assert waiting.result() == 0


@sqlite_only
def test_full(database, at):
    """A full database is Unavailable, and what was being written is undone."""

    def write():
        with database.write(ACROSS) as conn:
            conn.exec_driver_sql("PRAGMA max_page_count = 1")  # no page more than there are
            organisations.insert(conn, "a", name="A", settings={}, at=at)
            organisations.insert(conn, "b", name="B" * 1_000_000, settings={}, at=at)

    with pytest.raises(Unavailable):
        write()
    with database.read(ACROSS) as conn:
        assert organisations.slugs(conn) == ()


@pytest.mark.parametrize("scheme", ["sqlite:///{}/none/db.sqlite", "postgresql://me:hunter2@/coachkit?host={}"])
@pytest.mark.parametrize("way", ["read", "write"])
def test_unreachable(tmp_path, scheme, way):
    """A database that is not there is Unavailable: after how long to try again, and neither path, SQL nor password."""
    database = Database(scheme.format(tmp_path))
    with pytest.raises(Unavailable) as refused, getattr(database, way)():
        pass
    assert int(refused.value.headers["Retry-After"]) > 0
    assert not any(word in str(refused.value) for word in (str(tmp_path), "BEGIN", "hunter2"))


def test_our_own_mistake(database):
    """A statement that the database cannot run is an error of ours, and nothing to try again."""
    with pytest.raises(sa.exc.DBAPIError), database.read(ACROSS) as conn:
        conn.exec_driver_sql("SELECT 1 FROM no_such_table")


def test_works_again_after_dispose(database):
    """A disposed Database opens again on its next use."""
    database.dispose()
    database.dispose()
    with database.read(ACROSS) as conn:
        assert counted(conn) == 0


def test_detached(database):
    """A detached connection is not the pool's: it stays usable when the pool's are closed, in no transaction."""
    own = database.detached()
    database.dispose()
    cursor = own.cursor()
    cursor.execute("SELECT value FROM counters")
    assert cursor.fetchone() == (0,)
    own.close()


FORKED = """
import os, sys
from coachkit.db.changes import counted
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS

database = Database(sys.argv[1])
with database.write(ACROSS) as conn:
    of_parent = conn.connection.dbapi_connection
    conn.exec_driver_sql("UPDATE counters SET value = value + 1")
child = os.fork()
if child == 0:
    with database.write(ACROSS) as conn:
        assert conn.connection.dbapi_connection is not of_parent
        assert counted(conn) == 1
        conn.exec_driver_sql("UPDATE counters SET value = value + 1")
    database.dispose()
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
with database.write(ACROSS) as conn:
    assert conn.connection.dbapi_connection is of_parent
    print(counted(conn))
database.dispose()
"""


def test_fork(database, script):
    """A forked child opens its own connections and leaves the parent's as they are, to its last breath."""
    assert script(FORKED, database.url) == "2\n"


def test_damaged_file(tmp_path):
    """A file that is no database is a database that does not answer, not a fault of ours."""
    path = tmp_path / "damaged.sqlite"
    path.write_bytes(b"This is no database at all. " * 400)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(Unavailable), database.read(ACROSS) as conn:
        conn.execute(sa.text("SELECT 1 FROM releases"))
    database.dispose()
