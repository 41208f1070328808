"""What requests that may come twice came to: claimed before anything is done, answered with what was done.

A row without a status is in flight: whoever holds its claim is at work until `claimed_until`, and after that another
may take it over. Knows nothing of HTTP, nor what a request or an answer means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from coachkit.db.organisations import require_staying
from coachkit.db.statements import insert_missing, values
from coachkit.db.tables import idempotency as table

NOBODY: Final = 0
"""In an organisation's stead, for what is done across organisations."""


@dataclass(frozen=True)
class Name:
    """Which row: a caller's key within an organisation, or NOBODY's."""

    organisation_id: int
    caller: str
    key: str


@dataclass(frozen=True)
class Stored:
    """A row as it is: what was asked for, who works at it until when, and the answer; None where there is none yet."""

    request: str
    claim: str
    claimed_until: datetime
    status: int | None
    headers: Mapping[str, str] | None
    body: bytes | None


_STORED = [table.c[name] for name in Stored.__dataclass_fields__]


def stored(conn: Connection, name: Name) -> Stored | None:
    """What is there under a name; None if nothing is."""
    row = conn.execute(sa.select(*_STORED).where(_named(name))).one_or_none()
    return None if row is None else Stored(**values(row))


def claimed(conn: Connection, name: Name, request: str, claim: str, *, at: datetime, until: datetime) -> bool:
    """Whether the claim holds until then: nobody had one, or whoever had one for the same request let it run out.

    Raises NotFound where the organisation is gone; while the transaction lasts it is not erased.
    """
    if name.organisation_id != NOBODY:
        require_staying(conn, name.organisation_id)
    lease = {"claim": claim, "claimed_until": until, "created_at": at}
    if insert_missing(conn, table, [{**asdict(name), "request": request, **lease}]):
        return True
    left = sa.and_(_named(name), table.c.request == request, table.c.status.is_(None), table.c.claimed_until <= at)
    return bool(conn.execute(sa.update(table).where(left).values(lease)).rowcount)


def answered(conn: Connection, name: Name, claim: str, *, status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the claim still holds, and the answer is stored under it; False if another has taken it over."""
    answer = {"status": status, "headers": headers, "body": body}
    return bool(conn.execute(sa.update(table).where(_in_flight(name, claim)).values(answer)).rowcount)


def release(conn: Connection, name: Name, claim: str) -> None:
    """Give a claim up, unless it was answered or another has taken it over."""
    conn.execute(sa.delete(table).where(_in_flight(name, claim)))


def forget(conn: Connection, before: datetime) -> int:
    """Remove the rows that were claimed before then, and say how many there were."""
    return conn.execute(sa.delete(table).where(table.c.created_at < before)).rowcount


def _named(name: Name) -> ColumnElement[bool]:
    return sa.and_(*(table.c[column] == value for column, value in asdict(name).items()))


def _in_flight(name: Name, claim: str) -> ColumnElement[bool]:
    return sa.and_(_named(name), table.c.claim == claim, table.c.status.is_(None))
