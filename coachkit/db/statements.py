"""What the queries share: an insert that leaves what is there alone, and a row as named values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_missing(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys are not there yet, leave the others as they are, and say how many were new.

    Atomic: two writers with the same row both succeed, and one row is kept.
    """
    statement = _insert(conn, table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return sum(conn.execute(statement, row).rowcount for row in rows)


def _insert(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert in the dialect that there is; the other's takes every command a while to import."""
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def values(row: Row[Any]) -> dict[str, Any]:
    """A row as column name → value."""
    return dict(row._mapping)  # noqa: SLF001 — public in SQLAlchemy's documentation, underscored against name clashes
