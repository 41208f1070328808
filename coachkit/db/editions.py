"""Editions: immutable, named by their digest within an organisation, and the releases each is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.statements import insert_missing, values
from coachkit.db.tables import channel_moves, channels, edition_releases, editions, organisations, schedules


@dataclass(frozen=True)
class EditionHead:
    """An edition without its bytes. `published`: a public channel has pointed at it at some time."""

    organisation_id: int
    digest: str
    demo: bool
    created_at: datetime
    published: bool


@dataclass(frozen=True)
class EditionInputs(EditionHead):
    """An edition without its manifest. `inputs` is the canonical JSON that the digest covers."""

    inputs: bytes


@dataclass(frozen=True)
class Edition(EditionInputs):
    """An edition whole. `manifest` says what serves what."""

    manifest: bytes


@dataclass(frozen=True)
class Use:
    """An edition that a release is part of, and the organisation's channels that point at it now."""

    organisation: str
    digest: str
    channels: tuple[str, ...]


_WHOLE = sa.select(editions).where(
    editions.c.organisation_id == sa.bindparam("of"), editions.c.digest == sa.bindparam("named")
)
_HEAD = [column for column in editions.c if column.name not in {"inputs", "manifest"}]


def insert(
    conn: Connection,
    organisation_id: int,
    digest: str,
    *,
    inputs: bytes,
    manifest: bytes,
    releases: Iterable[tuple[str, str]],
    at: datetime,
    demo: bool = False,
) -> bool:
    """Store an edition and the (pack, version) pairs it uses; False, and nothing changed, if it is there already."""
    key = {"organisation_id": organisation_id, "digest": digest}
    row = key | {"inputs": inputs, "manifest": manifest, "demo": demo, "created_at": at, "published": False}
    new = insert_missing(conn, editions, [row]) == 1
    if new:
        insert_missing(conn, edition_releases, [key | {"pack": pack, "version": version} for pack, version in releases])
    return new


def get(conn: Connection, organisation_id: int, digest: str) -> Edition | None:
    """The edition whole; None if the organisation has none of that digest."""
    row = conn.execute(_WHOLE, {"of": organisation_id, "named": digest}).one_or_none()
    return None if row is None else Edition(**values(row))


def inputs(conn: Connection, organisation_id: int, digest: str) -> EditionInputs | None:
    """The edition without its manifest, which is most of it; None if the organisation has none of that digest."""
    query: sa.Select[Any] = sa.select(*_HEAD, editions.c.inputs).where(_is(organisation_id, digest))
    row = conn.execute(query).one_or_none()
    return None if row is None else EditionInputs(**values(row))


def head(conn: Connection, organisation_id: int, digest: str) -> EditionHead | None:
    """The edition without its bytes; None if the organisation has none of that digest."""
    row = conn.execute(sa.select(*_HEAD).where(_is(organisation_id, digest))).one_or_none()
    return None if row is None else EditionHead(**values(row))


def exists(conn: Connection, organisation_id: int, digest: str) -> bool:
    """Whether the organisation has an edition of that digest."""
    return conn.scalar(sa.select(sa.literal(1)).where(_is(organisation_id, digest))) is not None


def listing(conn: Connection, organisation_id: int) -> tuple[EditionHead, ...]:
    """All editions of an organisation, newest first."""
    query = sa.select(*_HEAD).where(editions.c.organisation_id == organisation_id)
    rows = conn.execute(query.order_by(editions.c.created_at.desc(), editions.c.digest))
    return tuple(EditionHead(**values(row)) for row in rows)


def unused(conn: Connection, before: datetime, limit: int) -> tuple[tuple[int, str], ...]:
    """Editions of any organisation, as (number, digest), that nobody has read or will: so many at most, locked.

    They were made before a time and never published; no channel has ever pointed at them, and no schedule will move
    one there or was settled after that time.
    """
    on_edition = (channel_moves.c.organisation_id == editions.c.organisation_id) & (
        channel_moves.c.to_digest == editions.c.digest
    )
    on_schedule = (schedules.c.organisation_id == editions.c.organisation_id) & (
        schedules.c.digest == editions.c.digest
    )
    lately = sa.or_(schedules.c.settled_at.is_(None), schedules.c.settled_at >= before)
    query = (
        sa.select(editions.c.organisation_id, editions.c.digest)
        .where(editions.c.published.is_(False), editions.c.created_at < before)
        .where(~sa.exists().where(on_edition), ~sa.exists().where(on_schedule, lately))
        .limit(limit)
        .with_for_update(skip_locked=True, of=editions)
    )
    return tuple((row.organisation_id, row.digest) for row in conn.execute(query))


def delete(conn: Connection, organisation_id: int, digest: str) -> None:
    """Remove an edition at which no channel has ever pointed, and the settled schedules that were for it."""
    for table in (schedules, edition_releases, editions):
        conn.execute(sa.delete(table).where(table.c.organisation_id == organisation_id, table.c.digest == digest))


def using_release(conn: Connection, pack: str, version: str) -> tuple[Use, ...]:
    """Every edition of every organisation that the release is part of, by organisation, newest edition first."""
    on_edition = (editions.c.organisation_id == edition_releases.c.organisation_id) & (
        editions.c.digest == edition_releases.c.digest
    )
    on_channel = (channels.c.organisation_id == editions.c.organisation_id) & (channels.c.digest == editions.c.digest)
    query = (
        sa.select(organisations.c.slug, editions.c.digest, channels.c.name)
        .select_from(edition_releases)
        .join(editions, on_edition)
        .join(organisations, organisations.c.id == editions.c.organisation_id)
        .outerjoin(channels, on_channel)
        .where(edition_releases.c.pack == pack, edition_releases.c.version == version)
        .order_by(editions.c.created_at.desc(), editions.c.digest)
    )
    names: dict[tuple[str, str], list[str]] = {}
    for slug, digest, name in conn.execute(query):
        names.setdefault((slug, digest), []).extend([name] if name is not None else [])
    uses = [Use(slug, digest, tuple(sorted(found))) for (slug, digest), found in names.items()]
    return tuple(sorted(uses, key=lambda use: use.organisation))


def _is(organisation_id: int, digest: str) -> sa.ColumnElement[bool]:
    return sa.and_(editions.c.organisation_id == organisation_id, editions.c.digest == digest)
