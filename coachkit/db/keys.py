"""Keys: who may do what, each found by the keyed hash of its token. No token is ever here.

A key of nobody's (`organisation_id` None) is an operator's; its row is seen ACROSS only. What makes a key hold no more
raises the counter of changes, so that `changed_since(n)` misses none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.changes import raised
from coachkit.db.statements import insert_missing, values
from coachkit.db.tables import erasures, keys, organisations
from coachkit.errors import Conflict


@dataclass(frozen=True)
class KeyRow:
    """A key as stored, with its organisation's slug. `pepper` is the short name of the one its hash was made with."""

    id: str
    organisation_id: int | None
    organisation: str | None
    kind: str
    name: str
    hash: str = field(repr=False)
    pepper: str
    scopes: Sequence[str]
    origins: Sequence[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_on: date | None


class Changed(NamedTuple):
    """The ids of keys that changed, and the numbers of organisations that were erased with all their keys."""

    keys: frozenset[str]
    organisations: frozenset[int]


_SELECT: sa.Select[Any] = sa.select(
    *[column for column in keys.c if column.name != "change"], organisations.c.slug.label("organisation")
).select_from(keys.outerjoin(organisations, organisations.c.id == keys.c.organisation_id))
_UNSEEN = 0
"""The change of a new key: no process knows anything of it yet."""


def insert(conn: Connection, row: KeyRow) -> None:
    """Store a new key. Raises Conflict if there is one of that id or hash."""
    stored = {name: value for name, value in vars(row).items() if name != "organisation"}
    if not insert_missing(conn, keys, [{**stored, "change": _UNSEEN}]):
        raise Conflict("There is already a key that was made from the same random bytes")


def by_hashes(conn: Connection, hashes: Collection[str]) -> KeyRow | None:
    """The key that has one of these hashes, whether or not it still holds; None if there is none."""
    return _row(conn.execute(_SELECT.where(keys.c.hash.in_(hashes))).first())


def get(conn: Connection, organisation_id: int | None, key_id: str) -> KeyRow | None:
    """The key of an organisation, or of the operator's, by its id; None if they have none of that id."""
    return _row(conn.execute(_SELECT.where(_of(organisation_id), keys.c.id == key_id)).one_or_none())


def anybodys(conn: Connection, key_id: str) -> KeyRow | None:
    """The key of that id, whosever it is; None if there is none that this transaction may see."""
    return _row(conn.execute(_SELECT.where(keys.c.id == key_id)).one_or_none())


def of_organisation(
    conn: Connection, organisation_id: int | None, *, after: str = "", limit: int | None = None
) -> tuple[KeyRow, ...]:
    """An organisation's keys, or the operator's, by id, from the one after `after` on; revoked and expired ones too."""
    query = _SELECT.where(_of(organisation_id), keys.c.id > after).order_by(keys.c.id).limit(limit)
    return tuple(KeyRow(**values(row)) for row in conn.execute(query))


def holding(conn: Connection, organisation_id: int, at: datetime) -> int:
    """How many keys of an organisation hold at a moment: neither revoked nor expired."""
    query = sa.select(sa.func.count()).select_from(keys).where(_of(organisation_id), _holds(at))
    return conn.execute(query).scalar_one()


def created_since(conn: Connection, organisation_id: int, since: datetime) -> tuple[datetime, ...]:
    """When an organisation's keys were made, of those made since a moment."""
    query = sa.select(keys.c.created_at).where(_of(organisation_id), keys.c.created_at >= since)
    return tuple(conn.scalars(query))


def holding_by_pepper(conn: Connection, at: datetime) -> Mapping[str, int]:
    """How many keys of all that hold at a moment have hashes made with each pepper, by its short name."""
    query = sa.select(keys.c.pepper, sa.func.count()).where(_holds(at)).group_by(keys.c.pepper)
    return {row.pepper: row[1] for row in conn.execute(query)}


def revoke(conn: Connection, key_id: str, at: datetime) -> bool:
    """Let a key hold no more, which workers see at once; whether nobody had done it before."""
    new = {"revoked_at": at, "change": raised(conn)}
    not_yet = sa.and_(keys.c.id == key_id, keys.c.revoked_at.is_(None))
    return conn.execute(sa.update(keys).where(not_yet).values(new)).rowcount == 1


def changed_since(conn: Connection, change: int) -> Changed:
    """What has changed since the counter stood there, of all organisations."""
    ids = conn.scalars(sa.select(keys.c.id).where(keys.c.change > change))
    erased = conn.scalars(sa.select(erasures.c.organisation_id).where(erasures.c.change > change))
    return Changed(frozenset(ids), frozenset(erased))


def note_use(conn: Connection, ids: Collection[str], day: date) -> None:
    """Remember of keys that they were used on a day, where no later one is remembered.

    They are locked in the order of their ids, so that two who do this never wait for each other.
    """
    before = sa.or_(keys.c.last_used_on.is_(None), keys.c.last_used_on < day)
    due = sa.select(keys.c.id).where(keys.c.id.in_(ids), before).order_by(keys.c.id).with_for_update()
    if found := conn.scalars(due).all():
        conn.execute(sa.update(keys).where(keys.c.id.in_(found)).values(last_used_on=day))


def rehash(conn: Connection, key_id: str, *, old: str, new: str, pepper: str) -> None:
    """Let a key be found by another hash, made with another pepper, if it still has the old one."""
    changed = {"hash": new, "pepper": pepper}
    conn.execute(sa.update(keys).where(keys.c.id == key_id, keys.c.hash == old).values(changed))


def _of(organisation_id: int | None) -> sa.ColumnElement[bool]:
    return keys.c.organisation_id == organisation_id  # None makes it IS NULL


def _holds(at: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(keys.c.revoked_at.is_(None), sa.or_(keys.c.expires_at.is_(None), keys.c.expires_at > at))


def _row(row: sa.Row[Any] | None) -> KeyRow | None:
    return None if row is None else KeyRow(**values(row))
