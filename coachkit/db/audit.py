"""The audit's rows: who did what when, numbered from 1 in each organisation. Rows are added, never changed.

Knows nothing of what an entry means, nor how its hash is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.statements import values
from coachkit.db.tables import audit, organisations
from coachkit.errors import NotFound

CHUNK = 500
"""Rows that are in memory at once."""


@dataclass(frozen=True)
class Entry:
    """One thing that was done. `before` and `after` are JSON values; `previous` is the hash of the entry before."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any
    previous: str | None
    hash: str


class Head(NamedTuple):
    """How many entries an organisation's audit has, and the last one's hash; None where there is none."""

    length: int
    hash: str | None


def locked_head(conn: Connection, organisation_id: int) -> Head:
    """The audit's head; until the transaction ends nobody else adds to this audit, or changes this organisation.

    Raises NotFound where it has been erased meanwhile.
    """
    query = sa.select(organisations.c.audit_length, organisations.c.audit_hash)
    found = conn.execute(query.where(organisations.c.id == organisation_id).with_for_update(key_share=True))
    row = found.one_or_none()
    if row is None:
        raise NotFound("There is no such organisation any more")
    return Head(*row)


def head(conn: Connection, organisation_id: int) -> Head:
    """The audit's head, as this transaction sees it."""
    query = sa.select(organisations.c.audit_length, organisations.c.audit_hash)
    return Head(*conn.execute(query.where(organisations.c.id == organisation_id)).one())


def append(conn: Connection, organisation_id: int, entry: Entry) -> None:
    """Add the entry that follows the head, and make it the head."""
    conn.execute(sa.insert(audit).values(organisation_id=organisation_id, **vars(entry)))
    new = {"audit_length": entry.number, "audit_hash": entry.hash}
    conn.execute(sa.update(organisations).where(organisations.c.id == organisation_id).values(new))


def adopt(conn: Connection, organisation_id: int, found: Iterable[Entry], head: Head) -> None:
    """Give a new organisation the audit that it had elsewhere: all entries from the first, and their head."""
    for entry in found:
        conn.execute(sa.insert(audit).values(organisation_id=organisation_id, **vars(entry)))
    new = {"audit_length": head.length, "audit_hash": head.hash}
    conn.execute(sa.update(organisations).where(organisations.c.id == organisation_id).values(new))


def entries(
    conn: Connection, organisation_id: int, *, after: int = 0, limit: int | None = None, newest_first: bool = False
) -> Iterator[Entry]:
    """Entries with numbers above `after` (below it, newest first, where that is asked and it is not 0), in order."""
    query = sa.select(*[column for column in audit.c if column.name != "organisation_id"])
    query = query.where(audit.c.organisation_id == organisation_id)
    if newest_first:
        query = query.order_by(audit.c.number.desc())
        query = query.where(audit.c.number < after) if after else query
    else:
        query = query.where(audit.c.number > after).order_by(audit.c.number)
    with conn.execute(query.limit(limit).execution_options(yield_per=CHUNK)) as found:  # closed if left half-way
        for row in found:
            yield Entry(**values(row))
