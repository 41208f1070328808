"""Channels: names that point at editions.

Every move raises the counter of changes and keeps the number it got, so that `moved_since(n)` misses none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.changes import raised
from coachkit.db.organisations import OWN_HOSTNAME, Reached
from coachkit.db.statements import values
from coachkit.db.tables import channel_moves, channels, editions, organisations
from coachkit.errors import NotFound


@dataclass(frozen=True)
class Channel:
    """A pointer at an edition. Only a public one answers readers; `change` is the counter when it last moved."""

    organisation_id: int
    name: str
    public: bool
    digest: str
    moved_at: datetime
    change: int


@dataclass(frozen=True)
class Move:
    """One move of a channel. `from_digest` is None for the first; `id` grows with each."""

    id: int
    name: str
    from_digest: str | None
    to_digest: str
    moved_at: datetime
    note: str | None


@dataclass(frozen=True)
class Pointer:
    """A channel as a worker needs it: with its organisation's slug."""

    organisation: str
    organisation_id: int
    name: str
    public: bool
    digest: str
    change: int


class Target(NamedTuple):
    """Where a channel points."""

    name: str
    public: bool
    digest: str


class Found(NamedTuple):
    """An organisation as readers come to it: its number, who may read it and under which name, and its channels."""

    id: int
    reached: Reached
    targets: tuple[Target, ...]


_OF_SLUG = (
    sa.select(
        organisations.c.id,
        organisations.c.access,
        OWN_HOSTNAME.label("hostname"),
        channels.c.name,
        channels.c.public,
        channels.c.digest,
    )
    .select_from(organisations.outerjoin(channels, channels.c.organisation_id == organisations.c.id))
    .where(organisations.c.slug == sa.bindparam("slug"))
)


def move(
    conn: Connection,
    organisation_id: int,
    name: str,
    digest: str,
    *,
    public: bool,
    at: datetime,
    note: str | None = None,
) -> Channel:
    """Point a channel, made if it is new, at an edition, and remember the move.

    A move to where it points already is a move too (its publicity may have changed). A public channel marks the
    edition as published, for ever. Raises NotFound if the organisation has no such edition.
    """
    change = raised(conn)
    _mark_edition(conn, organisation_id, digest, public=public)
    before = get(conn, organisation_id, name)
    pointer = {"public": public, "digest": digest, "moved_at": at, "change": change}
    if before is None:
        conn.execute(sa.insert(channels).values(organisation_id=organisation_id, name=name, **pointer))
    else:
        conn.execute(sa.update(channels).where(_is(organisation_id, name)).values(pointer))
    conn.execute(
        sa.insert(channel_moves).values(
            organisation_id=organisation_id,
            name=name,
            from_digest=None if before is None else before.digest,
            to_digest=digest,
            moved_at=at,
            note=note,
        )
    )
    return Channel(organisation_id, name, public, digest, at, change)


def get(conn: Connection, organisation_id: int, name: str) -> Channel | None:
    """The channel of that name; None if the organisation has none."""
    row = conn.execute(sa.select(channels).where(_is(organisation_id, name))).one_or_none()
    return None if row is None else Channel(**values(row))


def of_organisation(conn: Connection, organisation_id: int) -> tuple[Channel, ...]:
    """All channels of an organisation, by name."""
    query = sa.select(channels).where(channels.c.organisation_id == organisation_id)
    found = [Channel(**values(row)) for row in conn.execute(query)]
    return tuple(sorted(found, key=lambda one: one.name))


def of_slug(conn: Connection, slug: str) -> Found | None:
    """The organisation of that slug, as readers come to it; None if there is none."""
    rows = conn.execute(_OF_SLUG, {"slug": slug}).all()
    if not rows:
        return None
    targets = tuple(Target(row.name, row.public, row.digest) for row in rows if row.name is not None)
    return Found(rows[0].id, Reached(rows[0].access, rows[0].hostname), targets)


def history(
    conn: Connection, organisation_id: int, name: str, *, before: int | None = None, limit: int | None = None
) -> tuple[Move, ...]:
    """The moves of a channel, newest first: every one, or the first `limit` of those with ids below `before`."""
    of_channel = sa.and_(channel_moves.c.organisation_id == organisation_id, channel_moves.c.name == name)
    moves = channel_moves.c
    if before is not None:
        of_channel &= moves.id < before
    columns = (moves.id, moves.name, moves.from_digest, moves.to_digest, moves.moved_at, moves.note)
    query = sa.select(*columns).where(of_channel).order_by(moves.id.desc()).limit(limit)
    return tuple(Move(*row) for row in conn.execute(query))


def moved_since(conn: Connection, change: int) -> tuple[Pointer, ...]:
    """Where every channel that moved after that counter points now, of all organisations, in order of their moves."""
    query = (
        sa.select(
            organisations.c.slug,
            channels.c.organisation_id,
            channels.c.name,
            channels.c.public,
            channels.c.digest,
            channels.c.change,
        )
        .join(organisations, organisations.c.id == channels.c.organisation_id)
        .where(channels.c.change > change)
        .order_by(channels.c.change)
    )
    return tuple(Pointer(*row) for row in conn.execute(query))


def _mark_edition(conn: Connection, organisation_id: int, digest: str, *, public: bool) -> None:
    edition = sa.and_(editions.c.organisation_id == organisation_id, editions.c.digest == digest)
    published = sa.or_(editions.c.published, sa.literal(public))
    if not conn.execute(sa.update(editions).where(edition).values(published=published)).rowcount:
        raise NotFound(f"There is no edition {digest}")


def _is(organisation_id: int, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(channels.c.organisation_id == organisation_id, channels.c.name == name)
