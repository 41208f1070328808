"""What the queries share: an insert that leaves what is there alone, and a row as named values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_missing(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys are not there yet, leave the others as they are, and say how many were new.

    Atomic: two writers with the same row both succeed, and one row is kept.
    """
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return sum(conn.execute(statement, row).rowcount for row in rows)


def values(row: Row[Any]) -> dict[str, Any]:
    """A row as column name → value."""
    return dict(row._mapping)  # noqa: SLF001 — public in SQLAlchemy's documentation, underscored against name clashes
