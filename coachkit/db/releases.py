"""Releases: one row for each version of a pack, never changed but to withdraw it.

Knows nothing of what the JSON and the bytes mean, nor how versions are ordered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.statements import insert_missing, values
from coachkit.db.tables import releases

Visibility = Literal["public", "private"]


@dataclass(frozen=True)
class ReleaseHead:
    """A release without its archive and its compiled form.

    `manifest` is pack.yaml as JSON; `resources` and `versions` map `kind/id` to the resource's digest and to the
    release in which it first appeared as it is; `directives` are the plugins that made it, `name@version`.
    """

    pack: str
    version: str
    digest: str
    title: str
    visibility: Visibility
    manifest: Mapping[str, Any]
    compiler: int
    directives: tuple[str, ...]
    resources: Mapping[str, str]
    versions: Mapping[str, str]
    published_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_because: str | None = None


_HEAD = [column for column in releases.c if column.name not in {"archive", "compiled"}]


def insert(conn: Connection, release: ReleaseHead, *, archive: bytes, compiled: bytes) -> bool:
    """Store a release; False, and nothing changed, if the pack already has that version (whatever its bytes)."""
    row = vars(release) | {"archive": archive, "compiled": compiled}
    return insert_missing(conn, releases, [row]) == 1


def head(conn: Connection, pack: str, version: str) -> ReleaseHead | None:
    """The release, withdrawn or not; None if there is none."""
    row = conn.execute(sa.select(*_HEAD).where(_is(pack, version))).one_or_none()
    return None if row is None else _head(row)


def with_digest(conn: Connection, digest: str) -> ReleaseHead | None:
    """The release whose source archive has a digest, withdrawn or not; None if there is none."""
    row = conn.execute(sa.select(*_HEAD).where(releases.c.digest == digest)).one_or_none()
    return None if row is None else _head(row)


def heads(conn: Connection, pack: str | None = None) -> tuple[ReleaseHead, ...]:
    """Every release of a pack, or of all packs: by pack, then in the order published, withdrawn ones included."""
    query = sa.select(*_HEAD)
    if pack is not None:
        query = query.where(releases.c.pack == pack)
    found = [_head(row) for row in conn.execute(query)]
    return tuple(sorted(found, key=lambda one: (one.pack, one.published_at, one.version)))


def packs(conn: Connection) -> tuple[str, ...]:
    """The ids of all packs that have a release, sorted."""
    return tuple(sorted(conn.scalars(sa.select(releases.c.pack).distinct())))


def compiled(conn: Connection, pack: str, version: str) -> bytes | None:
    """The release's compiled form as it was stored; None if there is no such release."""
    return conn.scalar(sa.select(releases.c.compiled).where(_is(pack, version)))


def archive(conn: Connection, pack: str, version: str) -> bytes | None:
    """The release's source archive, the bytes that its digest covers; None if there is no such release."""
    return conn.scalar(sa.select(releases.c.archive).where(_is(pack, version)))


def withdraw(conn: Connection, pack: str, version: str, *, at: datetime, because: str) -> bool:
    """Mark a release withdrawn; False if there is none or it already is. Its bytes stay."""
    change = sa.update(releases).where(_is(pack, version), releases.c.withdrawn_at.is_(None))
    return conn.execute(change.values(withdrawn_at=at, withdrawn_because=because)).rowcount == 1


def _is(pack: str, version: str) -> sa.ColumnElement[bool]:
    return sa.and_(releases.c.pack == pack, releases.c.version == version)


def _head(row: sa.Row[Any]) -> ReleaseHead:
    fields = values(row)
    return ReleaseHead(**fields | {"directives": tuple(fields["directives"])})
