"""Everything in one database, in another: row by row the same, and usable from there on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from publishing import example, organisation, publish

from coachkit.db import migrate
from coachkit.db.copying import copy
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.db.tables import metadata
from coachkit.errors import Conflict, SettingsError

EMPTY = {table.name: 0 for table in metadata.sorted_tables} | {"counters": 1}


@pytest.fixture
def other(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database with nothing in it, beside `database`."""
    path = tmp_path / "other.sqlite"
    shutil.copy(sqlite_template, path)
    other = Database(f"sqlite:///{path}")
    yield other
    other.dispose()


@pytest.fixture
def filled(other: Database) -> Database:
    """One with two organisations, three editions, a history and a withdrawn release."""
    example(other)
    for slug in ("northbridge", "eastgate"):
        organisation(other, slug)
        publish(other, slug)
    organisation(other, "northbridge", brand={"name": "Another", "careers_email": "a@b.example"})
    publish(other, "northbridge")
    return other


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.read(ACROSS) as conn:
        return {
            table.name: [tuple(row) for row in conn.execute(sa.select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


def test_copies_every_row(filled: Database, database: Database) -> None:
    """Every row of every table is in the other database as it was, and counted."""
    copied = copy(filled, database)
    assert rows(database) == rows(filled)
    assert copied == {name: len(found) for name, found in rows(filled).items()}
    assert copied["editions"] == 3


def test_copies_back(filled: Database, database: Database, sqlite_template: Path, tmp_path: Path) -> None:
    """There and back again, every row is what it was."""
    copy(filled, database)
    shutil.copy(sqlite_template, tmp_path / "third.sqlite")
    third = Database(f"sqlite:///{tmp_path / 'third.sqlite'}")
    copy(database, third)
    assert rows(third) == rows(filled)
    third.dispose()


def test_goes_on_from_there(filled: Database, database: Database) -> None:
    """What is made in the copy gets numbers that nothing there has, and moves go on counting."""
    copy(filled, database)
    before = rows(database)
    organisation(database, "riverside")
    publish(database, "riverside")
    after = rows(database)
    assert {row[0] for row in after["organisations"]} > {row[0] for row in before["organisations"]}
    assert len(after["channel_moves"]) == len(before["channel_moves"]) + 1
    assert after["counters"][0][1] == before["counters"][0][1] + 1


def test_equal_choices_give_equal_digests(filled: Database, database: Database) -> None:
    """An edition that is published again in the copy is the one that was copied."""
    copy(filled, database)
    organisation(database, "northbridge", brand={"name": "Another", "careers_email": "a@b.example"})
    publish(database, "northbridge")
    assert [row[1] for row in rows(database)["editions"]] == [row[1] for row in rows(filled)["editions"]]


def test_leaves_the_source(filled: Database, database: Database) -> None:
    """Nothing changes in the database that is copied from."""
    before = rows(filled)
    copy(filled, database)
    assert rows(filled) == before


def test_copies_nothing(other: Database, database: Database) -> None:
    """A database with nothing in it is copied too."""
    assert copy(other, database) == EMPTY


def test_refuses_a_filled_target(filled: Database, database: Database) -> None:
    """A database with anything in it is refused, with what, and stays as it is."""
    example(database)
    before = rows(database)
    with pytest.raises(Conflict, match="releases"):
        copy(filled, database)
    assert rows(database) == before


def test_refuses_itself(filled: Database) -> None:
    """A database cannot be copied over itself."""
    with pytest.raises(Conflict):
        copy(filled, filled)


def test_all_or_nothing(filled: Database, database: Database) -> None:
    """If copying fails half-way, nothing has been copied."""
    before = rows(database)

    def begin(table: str) -> None:
        if table == "channels":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(filled, database, begin)
    assert rows(database) == before


def test_many_rows(other: Database, database: Database) -> None:
    """More rows than are in memory at once arrive all the same."""
    with other.write(ACROSS) as conn:
        images = [{"name": f"{number}.png", "media_type": "image/png", "data": b"x" * number} for number in range(333)]
        conn.execute(sa.insert(metadata.tables["images"]), images)
    assert copy(other, database)["images"] == 333
    assert rows(database) == rows(other)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_refuses_another_migration(filled: Database, database: Database) -> None:
    """Databases of other versions are refused, with what to do."""
    with filled.write(ACROSS) as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(SettingsError, match=r"to copy from is at migration 0000.*coachkit migrate"):
        copy(filled, database)
    with pytest.raises(SettingsError, match="to copy to is at migration 0000"):
        copy(database, filled)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_refuses_a_source_that_is_not_there(database: Database, tmp_path: Path) -> None:
    """A source that is not there is refused, and not made."""
    with pytest.raises(SettingsError, match=r"nowhere\.sqlite is not a file"):
        copy(Database(f"sqlite:///{tmp_path / 'nowhere.sqlite'}"), database)
    assert not (tmp_path / "nowhere.sqlite").exists()


def test_every_table_is_known(database: Database) -> None:
    """Every table that migrations make is one that is copied, but for Alembic's own."""
    with database.read(ACROSS) as conn:
        there = set(sa.inspect(conn).get_table_names())
    assert there - set(metadata.tables) == {"alembic_version"}
    assert migrate.current(database) == migrate.expected()
