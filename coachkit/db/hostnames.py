"""Hostnames that organisations claim, and what was found when somebody looked. Knows no DNS.

Of all claims of a name one at most is verified: the database itself keeps that, across organisations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from coachkit.db.statements import insert_missing, values
from coachkit.db.tables import hostnames


@dataclass(frozen=True)
class Hostname:
    """A claim. `token` is what its owner publishes; `missing_since` says since when a verified one has lacked it.

    `looked_at` and `finding` are of the last look, None before the first.
    """

    organisation_id: int
    name: str
    token: str
    created_at: datetime
    verified_at: datetime | None = None
    looked_at: datetime | None = None
    finding: str | None = None
    missing_since: datetime | None = None


@dataclass(frozen=True)
class Times:
    """When claims are due for a look: verified ones, and those that wait, by how long ago they were made."""

    young_since: datetime
    """Claims made after this are young."""
    young_looked: datetime
    """A young one is due if it was last looked at before this."""
    old_since: datetime
    """Of those that are neither young nor verified, the ones made before this are not looked at any more."""
    old_looked: datetime
    """Every other one is due if it was last looked at before this."""


_COLUMNS: Final = [hostnames.c[each.name] for each in fields(Hostname)]


def insert(conn: Connection, hostname: Hostname) -> bool:
    """Store a claim; False, and nothing changed, where the organisation has it already."""
    return insert_missing(conn, hostnames, [vars(hostname)]) == 1


def get(conn: Connection, organisation_id: int, name: str) -> Hostname | None:
    """An organisation's claim of a name; None if it has none."""
    row = conn.execute(sa.select(*_COLUMNS).where(_is(organisation_id, name))).one_or_none()
    return None if row is None else Hostname(**values(row))


def of_organisation(conn: Connection, organisation_id: int) -> tuple[Hostname, ...]:
    """All claims of an organisation, by name."""
    rows = conn.execute(sa.select(*_COLUMNS).where(hostnames.c.organisation_id == organisation_id))
    return tuple(sorted((Hostname(**values(row)) for row in rows), key=lambda each: each.name))


def verified(conn: Connection, organisation_id: int) -> str | None:
    """The name of an organisation's that was verified first; None where none is."""
    query = sa.select(hostnames.c.name).where(hostnames.c.organisation_id == organisation_id)
    query = query.where(hostnames.c.verified_at.is_not(None)).order_by(hostnames.c.verified_at, hostnames.c.name)
    name: str | None = conn.scalar(query.limit(1))
    return name


def due(conn: Connection, times: Times, limit: int) -> tuple[Hostname, ...]:
    """Claims of all organisations that are due for a look, those first that have waited longest; so many at most."""
    claims, waits = hostnames.c, hostnames.c.verified_at.is_(None)
    young = sa.and_(waits, claims.created_at > times.young_since)
    over = sa.and_(waits, claims.created_at <= times.old_since)
    looked = sa.case((young, claims.looked_at < times.young_looked), else_=claims.looked_at < times.old_looked)
    query = sa.select(*_COLUMNS).where(sa.or_(claims.looked_at.is_(None), sa.and_(sa.not_(over), looked)))
    query = query.order_by(claims.looked_at.asc().nulls_first(), claims.organisation_id, claims.name)
    return tuple(Hostname(**values(row)) for row in conn.execute(query.limit(limit)))


def verify(conn: Connection, organisation_id: int, name: str, at: datetime) -> bool:
    """Let a claim be the verified one; False, and nothing changed, where another organisation's is."""
    try:
        with conn.begin_nested():
            change(conn, organisation_id, name, {"verified_at": at})
    except IntegrityError:
        return False
    return True


def change(conn: Connection, organisation_id: int, name: str, new: Mapping[str, Any]) -> None:
    """Change columns of a claim."""
    conn.execute(sa.update(hostnames).where(_is(organisation_id, name)).values(dict(new)))


def remove(conn: Connection, organisation_id: int, name: str) -> bool:
    """Remove a claim. Whether there was one."""
    return bool(conn.execute(sa.delete(hostnames).where(_is(organisation_id, name))).rowcount)


def _is(organisation_id: int, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(hostnames.c.organisation_id == organisation_id, hostnames.c.name == name)
