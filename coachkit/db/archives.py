"""An organisation's rows as JSON objects, for taking it from one installation to another, and back into rows.

Knows tables and columns and no meaning. Numbers that hold in one installation only stay behind, and so do secrets.
A column that is added to a table here is exported and imported too.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from coachkit.db import tables
from coachkit.db.statements import values
from coachkit.db.tables import Compressed, Json, Utc

CHUNK: Final = 50
"""Rows that are in memory at once."""
_LARGEST: Final = {sa.BigInteger: 2**53 - 1, sa.Integer: 2**31 - 1}


@dataclass(frozen=True)
class Part:
    """The rows of one table that an archive has, in an order that is the same on every database."""

    table: Table
    order: tuple[str, ...]
    without: frozenset[str]
    """Columns that stay behind: of the installation, secret, or bytes that are kept by themselves."""

    @property
    def columns(self) -> list[sa.Column[Any]]:
        """Those that a row has in the archive."""
        return [column for column in self.table.c if column.name not in self.without]


ORGANISATION: Final = Part(
    tables.organisations, ("slug",), frozenset({"id", "change", "access", "audit_length", "audit_hash"})
)
RELEASES: Final = Part(tables.releases, ("pack", "version"), frozenset({"archive", "compiled"}))
EDITIONS: Final = Part(tables.editions, ("created_at", "digest"), frozenset({"organisation_id", "inputs", "manifest"}))
EDITION_RELEASES: Final = Part(tables.edition_releases, ("digest", "pack", "version"), frozenset({"organisation_id"}))
CHANNELS: Final = Part(tables.channels, ("name",), frozenset({"organisation_id", "change"}))
CHANNEL_MOVES: Final = Part(tables.channel_moves, ("id",), frozenset({"organisation_id", "id"}))
HOSTNAMES: Final = Part(
    tables.hostnames, ("name",), frozenset(column.name for column in tables.hostnames.c) - {"name", "created_at"}
)
"""Without what was found out about them: whose a name is, every installation asks for itself."""
SCHEDULES: Final = Part(tables.schedules, ("id",), frozenset({"organisation_id"}))
PARTS: Final = (
    ORGANISATION,
    RELEASES,
    EDITIONS,
    EDITION_RELEASES,
    CHANNELS,
    CHANNEL_MOVES,
    HOSTNAMES,
    SCHEDULES,
)
"""In the order in which they are imported. The audit has a form of its own."""
LEFT: Final = frozenset({"images", "keys", "jobs", "idempotency", "counters", "erasures", "audit"})
"""The tables of which an archive has no rows so: made anew, secret, of the installation, or written otherwise."""


def rows(conn: Connection, part: Part, organisation_id: int) -> Iterator[dict[str, Any]]:
    """The rows of an organisation, each as a JSON object."""
    query = sa.select(*part.columns).where(_of(part.table, organisation_id))
    order = [_bytewise(conn, part.table.c[name]) for name in part.order]
    with conn.execute(query.order_by(*order).execution_options(yield_per=CHUNK)) as found:
        for row in found:
            # orjson takes no subclass of str as a key, and SQLAlchemy's names are sometimes of one
            yield {str(name): _said(value) for name, value in values(row).items()}


def row(part: Part, said: Mapping[str, Any]) -> dict[str, Any]:
    """The row that a JSON object is; a key that is left out is null. Raises ValueError, with what is wrong."""
    known = {column.name for column in part.columns}
    if unknown := sorted(said.keys() - known):
        raise ValueError(f"there is no “{unknown[0][:40]}” here; a newer CoachKit may have written it")
    return {column.name: _meant(column, said.get(column.name)) for column in part.columns}


def insert(conn: Connection, part: Part, given: Mapping[str, Any]) -> None:
    """Insert a row, with its organisation's number and what else stayed behind."""
    conn.execute(sa.insert(part.table).values(given))


def settle(conn: Connection, organisation_id: int, given: Mapping[str, Any]) -> None:
    """Give a new organisation the history that it had: its revision and its times."""
    table = tables.organisations
    kept = {name: given[name] for name in ("revision", "created_at", "updated_at")}
    conn.execute(sa.update(table).where(table.c.id == organisation_id).values(kept))


def plan(conn: Connection, organisation_id: int, kind: str, subject: str, due_at: datetime) -> None:
    """Plan what an imported row is waiting for."""
    given = {"kind": kind, "subject": subject, "due_at": due_at, "attempts": 0}
    conn.execute(sa.insert(tables.jobs).values(organisation_id=organisation_id, **given))


def _of(table: Table, organisation_id: int) -> sa.ColumnElement[bool]:
    if table is not tables.releases:
        return table.c[tables.OF_ORGANISATIONS[table.name]] == organisation_id
    uses = tables.edition_releases.c
    used = sa.select(uses.pack, uses.version).where(uses.organisation_id == organisation_id)
    return sa.tuple_(table.c.pack, table.c.version).in_(used)


def _bytewise(conn: Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column to order by: PostgreSQL would order texts by a language's rules."""
    is_text = isinstance(column.type, sa.Text) and conn.dialect.name == "postgresql"
    return sa.collate(column, "C") if is_text else column


# --- values -------------------------------------------------------------------------------------


def _said(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return list(value) if isinstance(value, tuple) else value


def _meant(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        if not column.nullable:
            raise ValueError(f"{column.name} is missing")
        return None
    if isinstance(column.type, Json):
        return value
    meant = _MEANT[_kind(column)](value, column)
    if meant is None:
        raise ValueError(f"{column.name} is not {_WANTED[_kind(column)]}")
    return meant


def _kind(column: sa.Column[Any]) -> str:
    if isinstance(column.type, Utc):
        return "time"
    if isinstance(column.type, Compressed | sa.LargeBinary):
        return "bytes"
    if isinstance(column.type, sa.Boolean):
        return "boolean"
    return "number" if isinstance(column.type, sa.Integer) else "text"


def _time(value: Any, column: sa.Column[Any]) -> datetime | None:
    del column
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def _bytes(value: Any, column: sa.Column[Any]) -> bytes | None:
    del column
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return None


def _boolean(value: Any, column: sa.Column[Any]) -> bool | None:
    del column
    return value if isinstance(value, bool) else None


def _number(value: Any, column: sa.Column[Any]) -> int | None:
    largest = _LARGEST[sa.BigInteger if isinstance(column.type, sa.BigInteger) else sa.Integer]
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest else None


def _text(value: Any, column: sa.Column[Any]) -> str | None:
    del column
    return value if isinstance(value, str) and "\0" not in value else None  # which PostgreSQL cannot keep


_MEANT: Final = {"time": _time, "bytes": _bytes, "boolean": _boolean, "number": _number, "text": _text}
_WANTED: Final = {
    "time": "a time such as 2026-11-22T09:30:00+00:00",
    "bytes": "base64",
    "boolean": "true or false",
    "number": "a whole number that is not too large",
    "text": "a text",
}
