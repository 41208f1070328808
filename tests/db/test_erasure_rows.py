"""What deleted rows leave behind in an SQLite file, and what is left of it afterwards."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from coachkit.db import erasures, images
from coachkit.db.images import StoredImage
from coachkit.db.scopes import ACROSS

CANARY = b"a canary that was deleted long ago" * 100


@pytest.fixture
def files(database):
    """All bytes of an SQLite database, its log's among them."""
    file = Path(database.url.removeprefix("sqlite:///"))
    return lambda: b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_scrub(database, files):
    """The bytes of rows that are gone are in the file, whoever deleted them and when, and then they are not."""
    with database.write(ACROSS) as conn:
        conn.exec_driver_sql("PRAGMA secure_delete = OFF")  # which is how most systems have it
        images.insert(conn, [StoredImage("a", "image/png", CANARY), StoredImage("b", "image/png", b"stays")])
        erasures.delete_images(conn, ["a"])
    with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert CANARY[:200] in files()
    assert erasures.scrub(database) is None
    assert CANARY[:200] not in files()
    with database.read(ACROSS) as conn:
        assert images.get(conn, "b").data == b"stays"


def test_nothing_to_scrub(database, tmp_path):
    """A database that nobody holds is scrubbed without a word; PostgreSQL's files are its own."""
    assert erasures.scrub(database) is None
