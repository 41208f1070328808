"""Takes everything that is in one database to another, of either kind: all of it or nothing.

Knows the tables and no meaning of theirs: a table that is added is copied too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.engine import make_url

from coachkit.db import migrate
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.db.statements import values
from coachkit.db.tables import counters, erasures, metadata, organisations
from coachkit.errors import Conflict, SettingsError

CHUNK: Final = 50
"""Rows that are in memory at once: some are as large as a pack."""


def copy(source: Database, target: Database, begin: Callable[[str], None] = lambda _: None) -> Mapping[str, int]:
    """Copy every row of every table, in one transaction of each database, and say how many there are by table.

    Keys, digests, times and counters stay as they are, and the target goes on numbering after them. `begin` is told
    each table's name as its turn comes. Raises SettingsError if the source is not there or either is not at this
    version's migration, Conflict if the target has anything in it already, Unavailable if one of them does not answer.
    """
    _refuse_unready(source, target)
    with source.read(ACROSS) as reading, target.write(ACROSS) as writing:
        _alone(writing)
        _refuse_filled(writing)
        writing.execute(sa.delete(counters))
        copied = {}
        for table in metadata.sorted_tables:
            begin(table.name)
            copied[table.name] = _copy(reading, writing, table)
        for table in metadata.sorted_tables:
            _number_on(writing, table)
    return copied


def _refuse_unready(source: Database, target: Database) -> None:
    file = make_url(source.url).database
    if source.is_sqlite and not Path(file or "").is_file():  # which SQLite would otherwise make
        raise SettingsError(f"There is no database to copy from: {file} is not a file")
    for database, named in ((source, "to copy from"), (target, "to copy to")):
        if (found := migrate.current(database)) != migrate.expected():
            raise SettingsError(
                f"The database {named} is at migration {found}, and this version works with {migrate.expected()}: "
                "run `coachkit migrate` on it first"
            )


def _alone(conn: Connection) -> None:
    """Let nobody write in the target meanwhile; on SQLite a transaction that writes is alone anyway."""
    if conn.dialect.name == "postgresql":
        names = ", ".join(conn.dialect.identifier_preparer.format_table(table) for table in metadata.sorted_tables)
        conn.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")


def _refuse_filled(conn: Connection) -> None:
    filled = [table.name for table in metadata.sorted_tables if table is not counters and _any(conn, table)]
    moved = conn.execute(sa.select(counters.c.name).where(counters.c.value != 0)).scalars().all()
    if filled or moved:
        there = ", ".join([*filled, *(f"the counter {name}" for name in moved)])
        raise Conflict(f"The database to copy to is not empty (there is something in {there}): copy to a new one")


def _any(conn: Connection, table: Table) -> bool:
    return conn.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _copy(reading: Connection, writing: Connection, table: Table) -> int:
    """Copy one table's rows in order of their keys."""
    query = sa.select(table).order_by(*table.primary_key).execution_options(yield_per=CHUNK)
    number = 0
    for rows in reading.execute(query).partitions():
        writing.execute(sa.insert(table), [values(row) for row in rows])
        number += len(rows)
    return number


def _number_on(conn: Connection, table: Table) -> None:
    """Let PostgreSQL number the next row after the last one; SQLite does so by itself."""
    column = table.autoincrement_column
    if conn.dialect.name != "postgresql" or column is None:
        return
    sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
    last: sa.ColumnElement[int] = sa.select(sa.func.max(column)).scalar_subquery()
    if table is organisations:  # a number that was erased is never given again
        erased = sa.select(sa.func.max(erasures.c.organisation_id)).scalar_subquery()
        last = sa.func.greatest(last, erased)
    conn.execute(sa.select(sa.func.setval(sequence, last)).where(sequence.is_not(None), last.is_not(None)))
