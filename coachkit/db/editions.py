"""Editions: immutable, named by their digest within an organisation, and the releases each is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.statements import insert_missing, values
from coachkit.db.tables import channel_moves, channels, edition_releases, editions, organisations, schedules
from coachkit.db.tables import releases as releases_table


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


_WHOLE = sa.select(*[editions.c[each.name] for each in fields(Edition)]).where(
    editions.c.organisation_id == sa.bindparam("of"), editions.c.digest == sa.bindparam("named")
)
_HEAD = [editions.c[each.name] for each in fields(EditionHead)]


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
    settings: Mapping[str, Any] | None = None,
) -> bool:
    """Store an edition and the (pack, version) pairs it uses; False, and nothing changed, if it is there already.

    `settings` is the document that it was made from.
    """
    key = {"organisation_id": organisation_id, "digest": digest}
    row = key | {"inputs": inputs, "manifest": manifest, "demo": demo, "created_at": at, "published": False}
    row["settings"] = None if settings is None else _bytes(settings)
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


def count(conn: Connection, organisation_id: int) -> int:
    """How many editions an organisation has."""
    query = sa.select(sa.func.count()).select_from(editions).where(editions.c.organisation_id == organisation_id)
    return conn.execute(query).scalar_one()


def listing(conn: Connection, organisation_id: int) -> tuple[EditionHead, ...]:
    """All editions of an organisation, newest first."""
    query = sa.select(*_HEAD).where(editions.c.organisation_id == organisation_id)
    rows = conn.execute(query.order_by(editions.c.created_at.desc(), editions.c.digest))
    return tuple(EditionHead(**values(row)) for row in rows)


def settings(conn: Connection, organisation_id: int, digest: str) -> Mapping[str, Any] | None:
    """The document that an edition was last published from; None where there is none that can be read."""
    data = conn.scalar(sa.select(editions.c.settings).where(_is(organisation_id, digest)))
    try:
        found = None if data is None else orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def keep_settings(conn: Connection, organisation_id: int, digest: str, settings: Mapping[str, Any]) -> None:
    """Remember that an edition was published from another document, which comes to the same edition."""
    conn.execute(sa.update(editions).where(_is(organisation_id, digest)).values(settings=_bytes(settings)))


def keep_until(conn: Connection, organisation_id: int, digest: str, until: datetime) -> None:
    """Let an edition that was never published stay at least until then; one that stays longer does so."""
    shorter = sa.or_(editions.c.kept_until.is_(None), editions.c.kept_until < until)
    conn.execute(sa.update(editions).where(_is(organisation_id, digest), shorter).values(kept_until=until))


def kept_until(conn: Connection, organisation_id: int, digest: str) -> datetime | None:
    """Until when an edition stays though it was never published; None where nobody asked for it."""
    found: datetime | None = conn.scalar(sa.select(editions.c.kept_until).where(_is(organisation_id, digest)))
    return found


def withdrawn(conn: Connection, organisation_id: int, digest: str) -> tuple[tuple[str, str], ...]:
    """The (pack, version) pairs that an edition uses and that have been withdrawn, sorted."""
    used = edition_releases.c
    on_release = (releases_table.c.pack == used.pack) & (releases_table.c.version == used.version)
    query = sa.select(used.pack, used.version).select_from(edition_releases.join(releases_table, on_release))
    of_edition = (used.organisation_id == organisation_id) & (used.digest == digest)
    rows = conn.execute(query.where(of_edition, releases_table.c.withdrawn_at.is_not(None)))
    return tuple(sorted((row.pack, row.version) for row in rows))


def unused(conn: Connection, before: datetime, limit: int) -> tuple[tuple[int, str], ...]:
    """Editions of any organisation, as (number, digest), that nobody has read or will: so many at most, in that order.

    They were made before a time and never published; no channel has ever pointed at them, no schedule will move
    one there or was settled after that time, and they were not to be kept until then or longer. Whoever holds their
    organisations and asks again knows that it stays so.
    """
    on_edition = (channel_moves.c.organisation_id == editions.c.organisation_id) & (
        channel_moves.c.to_digest == editions.c.digest
    )
    on_schedule = (schedules.c.organisation_id == editions.c.organisation_id) & (
        schedules.c.digest == editions.c.digest
    )
    lately = sa.or_(schedules.c.settled_at.is_(None), schedules.c.settled_at >= before)
    shown = editions.c.kept_until.is_not(None) & (editions.c.kept_until >= before)
    query = (
        sa.select(editions.c.organisation_id, editions.c.digest)
        .where(editions.c.published.is_(False), editions.c.created_at < before, ~shown)
        .where(~sa.exists().where(on_edition), ~sa.exists().where(on_schedule, lately))
        .order_by(editions.c.organisation_id, editions.c.digest)
        .limit(limit)
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


def _bytes(settings: Mapping[str, Any]) -> bytes:
    return orjson.dumps(settings, default=dict, option=orjson.OPT_SORT_KEYS)


def _is(organisation_id: int, digest: str) -> sa.ColumnElement[bool]:
    return sa.and_(editions.c.organisation_id == organisation_id, editions.c.digest == digest)
