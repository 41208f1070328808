"""Organisations: who is served. Their settings are JSON whose meaning belongs to higher floors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.changes import raised
from coachkit.db.statements import insert_missing, values
from coachkit.db.tables import erasures, hostnames, organisations
from coachkit.errors import Conflict, NotFound


@dataclass(frozen=True)
class Organisation:
    """An organisation as stored. `revision` starts at 1 and grows by one with every update."""

    id: int
    slug: str
    name: str
    settings: Mapping[str, Any]
    demo: bool
    created_at: datetime
    updated_at: datetime
    revision: int
    access: Mapping[str, Any] | None = None
    """Who may read what it serves, and from where, as floors above have worked it out; in force at once."""


_COLUMNS = [organisations.c[each.name] for each in fields(Organisation)]


_NUMBERS = (sa.select(sa.func.max(organisations.c.id)), sa.select(sa.func.max(erasures.c.organisation_id)))


def insert(
    conn: Connection,
    slug: str,
    *,
    name: str,
    settings: Mapping[str, Any],
    at: datetime,
    demo: bool = False,
    access: Mapping[str, Any] | None = None,
) -> Organisation:
    """Store a new organisation. Raises Conflict if the slug is taken."""
    row = {"slug": slug, "name": name, "settings": settings, "demo": demo, "access": access}
    row |= {"created_at": at, "updated_at": at, "revision": 1}
    if conn.dialect.name == "sqlite":  # which would give an erased organisation's number to the next
        row["id"] = 1 + max(conn.scalar(each) or 0 for each in _NUMBERS)
    if not insert_missing(conn, organisations, [row]):
        raise Conflict(f"There is already an organisation {slug!r}; choose another slug")
    return _stored(conn, slug)


def get(conn: Connection, slug: str) -> Organisation | None:
    """The organisation of that slug; None if there is none."""
    row = conn.execute(sa.select(*_COLUMNS).where(organisations.c.slug == slug)).one_or_none()
    return None if row is None else Organisation(**values(row))


def hold(conn: Connection, organisation_id: int) -> Organisation:
    """The organisation as it is now; until the transaction ends nobody else changes it. Raises NotFound.

    Whoever changes one holds it before anything else, the counter of changes among that: so no two wait for each other.
    """
    query = sa.select(*_COLUMNS).where(organisations.c.id == organisation_id)
    row = conn.execute(query.with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NotFound("There is no such organisation any more")
    return Organisation(**values(row))


def hold_all(conn: Connection, organisation_ids: Iterable[int]) -> None:
    """Hold several, as `hold` does; those that are gone do not matter."""
    query = sa.select(organisations.c.id).where(organisations.c.id.in_(list(organisation_ids)))
    conn.execute(query.order_by(organisations.c.id).with_for_update(key_share=True)).all()


def require_staying(conn: Connection, organisation_id: int) -> None:
    """Let nobody erase an organisation until the transaction ends; others may change it. Raises NotFound.

    For rows that no foreign key ties to it.
    """
    query = sa.select(organisations.c.id).where(organisations.c.id == organisation_id)
    if conn.scalar(query.with_for_update(read=True, key_share=True)) is None:
        raise NotFound("There is no such organisation any more")


def update(
    conn: Connection,
    slug: str,
    *,
    name: str,
    settings: Mapping[str, Any],
    at: datetime,
    expected_revision: int | None = None,
    access: Mapping[str, Any] | None = None,
) -> Organisation:
    """Replace name, settings and access, and return what is stored now; workers see another access at once.

    With an expected revision, raises Conflict if somebody else has updated it since; NotFound if there is none.
    """
    change = sa.update(organisations).where(organisations.c.slug == slug)
    if expected_revision is not None:
        change = change.where(organisations.c.revision == expected_revision)
    new = {"name": name, "settings": settings, "updated_at": at, "revision": organisations.c.revision + 1}
    if _stored(conn, slug).access != access:
        new |= {"access": access, "change": raised(conn)}
    changed = conn.execute(change.values(new)).rowcount
    stored = _stored(conn, slug)
    if not changed:
        raise Conflict(f"{slug!r} is at revision {stored.revision}, not {expected_revision}; read it again")
    return stored


def touch(conn: Connection, organisation_id: int) -> None:
    """Let every worker look again at who may read an organisation, and under which name."""
    change = sa.update(organisations).where(organisations.c.id == organisation_id)
    conn.execute(change.values(change=raised(conn)))


class Reached(NamedTuple):
    """How readers come to an organisation: who may, and the hostname that it has proved to be its own."""

    access: Mapping[str, Any] | None
    hostname: str | None


OWN_HOSTNAME = (
    sa.select(hostnames.c.name)
    .where(hostnames.c.organisation_id == organisations.c.id, hostnames.c.verified_at.is_not(None))
    .order_by(hostnames.c.verified_at, hostnames.c.name)
    .limit(1)
    .correlate(organisations)
    .scalar_subquery()
)
"""The name of an organisation's that was verified first."""


def reached_since(conn: Connection, change: int) -> dict[str, Reached]:
    """How readers come to every organisation where that has changed after that counter, by slug."""
    query = sa.select(organisations.c.slug, organisations.c.access, OWN_HOSTNAME).where(organisations.c.change > change)
    return {slug: Reached(access, hostname) for slug, access, hostname in conn.execute(query)}


def slugs(conn: Connection) -> tuple[str, ...]:
    """The slugs of all organisations, sorted."""
    return tuple(sorted(conn.scalars(sa.select(organisations.c.slug))))


def _stored(conn: Connection, slug: str) -> Organisation:
    organisation = get(conn, slug)
    if organisation is None:
        raise NotFound(f"There is no organisation {slug!r}")
    return organisation
