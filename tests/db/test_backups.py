"""Backups: everything at one moment, while others write, from either database into either; whole or refused."""

import gzip
import io
import random
import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa
from archivemaker import put, rich
from publishing import AT, SLUG, brand, organisation, settings

from coachkit.db import audit as audit_rows
from coachkit.db import migrate
from coachkit.db.backups import back_up, restore
from coachkit.db.changes import counted
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.db.tables import channel_moves, channels, metadata
from coachkit.errors import Conflict, SettingsError
from coachkit.organisations.audit import broken
from coachkit.organisations.erasing import erase
from coachkit.organisations.organisations import create, find


def rows(database):
    with database.read(ACROSS) as conn:
        return {
            table.name: [tuple(row) for row in conn.execute(sa.select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


@pytest.fixture
def backed_up(tmp_path):
    """The bytes of a backup of a database."""

    def backed_up(database):
        file = io.BytesIO()
        back_up(database, file, tmp_path, AT)
        return file.getvalue()

    return backed_up


@pytest.fixture
def empty(make_database, tmp_path):
    """A migrated database of a kind with nothing in it, beside `database`."""

    @contextmanager
    def empty(kind):
        (tmp_path / f"empty-{kind}").mkdir()
        with make_database(kind, tmp_path / f"empty-{kind}") as database:
            yield database

    return empty


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_there_and_back(database, backed_up, empty, kind, tmp_path):
    """Every row of every table is there again, in a database of either kind, and nothing is left of the way."""
    rich(database)
    rich(database, "harbour")
    with database.write(ACROSS) as conn:
        erase(conn, "harbour", AT)
    data = backed_up(database)
    with empty(kind) as other:
        copied = restore(io.BytesIO(data), other, tmp_path)
        assert rows(other) == rows(database)
        assert copied == {name: len(found) for name, found in rows(database).items()}
        with other.write(ACROSS) as conn:
            assert create(conn, "riverside", settings(), AT).id > 2, "a number that was erased is given again"
    assert not list(tmp_path.glob(".coachkit*"))


def test_while_others_write(database, backed_up, empty):
    """While it is made others publish, move and change on; what is in it is one moment, to the last pointer."""
    rich(database)
    stop, failed = threading.Event(), []

    def write():
        try:
            for n in range(10_000):
                if stop.is_set():
                    return
                organisation(database, SLUG, brand=brand(voice=str(n % 7)))
                put(database, SLUG, f"c{n % 3}")
        except Exception as error:  # noqa: BLE001 — told below
            failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = [backed_up(database) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    assert failed == []
    lengths = set()
    for data in taken:
        with empty("sqlite") as other:
            restore(io.BytesIO(data), other)
            lengths.add(whole(other))
            other.dispose()
            for file in (other_file(other)).parent.iterdir():
                file.unlink()
            other_file(other).parent.rmdir()
    assert len(lengths) > 1, "nobody wrote meanwhile"


def other_file(database):
    from pathlib import Path

    return Path(database.url.removeprefix("sqlite:///"))


def whole(database):
    """That every part of an installation agrees with every other; gives how long the audit is."""
    with database.read(ACROSS) as conn:
        id_ = find(conn, SLUG).id
        head = audit_rows.head(conn, id_)
        assert list(broken(audit_rows.entries(conn, id_), head)) == []
        last = {row.name: row.to_digest for row in conn.execute(sa.select(channel_moves).order_by(channel_moves.c.id))}
        pointing = conn.execute(sa.select(channels)).all()
        assert {row.name: row.digest for row in pointing} == last
        assert max(row.change for row in pointing) <= counted(conn)
        return head.length


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_filled_database_is_refused(database, backed_up, empty):
    """Nothing is restored over what is there."""
    rich(database)
    data = backed_up(database)
    before = rows(database)
    with pytest.raises(Conflict, match="not empty"):
        restore(io.BytesIO(data), database)
    assert rows(database) == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_no_backup(database, backed_up, empty):
    """Anything else, and a backup that is damaged anywhere, is refused before anything is stored."""
    rich(database)
    data = backed_up(database)
    plain = gzip.decompress(data)
    chance = random.Random(4)
    wrong = [b"", b"hello", gzip.compress(b"hello"), gzip.compress(b""), data[:-1], data[: len(data) // 2], plain]
    wrong += [_flipped(data, chance.randrange(20, len(data) - 8)) for _ in range(20)]
    with empty("sqlite") as other:
        for each in wrong:
            with pytest.raises(Conflict):
                restore(io.BytesIO(each), other)
        assert {name: len(found) for name, found in rows(other).items() if found} == {"counters": 1}


def _flipped(data, at):
    return data[:at] + bytes([data[at] ^ 64]) + data[at + 1 :]


@pytest.fixture(scope="module")
def small(make_database, tmp_path_factory):
    """A backup of one organisation."""
    folder, file = tmp_path_factory.mktemp("small"), io.BytesIO()
    with make_database("sqlite", folder) as database:
        rich(database)
        back_up(database, file, folder, AT)
    return file.getvalue()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("PRAGMA application_id = 1", "not a backup"),
        ("DELETE FROM channels WHERE name = 'autumn'", "rows of"),
        ("DELETE FROM organisations", "damaged"),
        ("DROP TABLE coachkit_backup", "no backup"),
    ],
)
def test_one_that_was_worked_on(small, empty, tmp_path, statement, said):
    """A backup from which something is missing says so."""
    data = worked_on(small, tmp_path, statement)
    with empty("sqlite") as other, pytest.raises(Conflict, match=said):
        restore(io.BytesIO(data), other)


def worked_on(data, folder, *statements):
    path = folder / "work.sqlite"
    path.write_bytes(gzip.decompress(data))
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return gzip.compress(path.read_bytes())


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_of_another_version(database, backed_up, empty, tmp_path):
    """A backup of a newer version is refused; where the database is not up to date, nothing is backed up."""
    data = worked_on(backed_up(database), tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    with empty("sqlite") as other, pytest.raises(SettingsError, match="newer"):
        restore(io.BytesIO(data), other)
    bare = Database(f"sqlite:///{tmp_path / 'bare.sqlite'}")
    with pytest.raises(SettingsError, match="no database"):
        backed_up(bare)
    bare.dispose()


def test_of_an_older_version(empty, tmp_path, monkeypatch):
    """A backup of the version before is brought up to date on the way."""
    from alembic import command

    old = tmp_path / "old.sqlite"
    database = Database(f"sqlite:///{old}")
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, _: upgrade(config, "0001"))
    migrate.upgrade(database)
    monkeypatch.undo()
    with database.write() as conn:
        conn.exec_driver_sql(
            "INSERT INTO organisations (slug, name, settings, demo, created_at, updated_at, revision) "
            "VALUES ('northbridge', 'N', '{}', 0, '2026-11-22', '2026-11-22', 1)"
        )
    database.dispose()
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA application_id = 1129005617")
        connection.execute("CREATE TABLE coachkit_backup AS SELECT '2026' AS made_at, '{\"organisations\": 1}' AS rows")
        connection.commit()
    with empty("postgres") as other:
        restore(io.BytesIO(gzip.compress(old.read_bytes())), other)
        with other.read(ACROSS) as conn:
            assert find(conn, "northbridge").revision == 1
