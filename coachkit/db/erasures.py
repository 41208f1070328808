"""Erases an organisation's rows from every table, and keeps what is left: its number, the time, and the change.

The number is never given again. Knows tables and no meaning.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from coachkit.db.changes import raised
from coachkit.db.database import Database
from coachkit.db.tables import (
    OF_ORGANISATIONS,
    edition_releases,
    erasures,
    images,
    metadata,
    organisations,
    releases,
)
from coachkit.errors import NotFound

WAIT_SECONDS: Final = 10.0
"""How long the file of an SQLite database is waited for, which readers may hold as it was."""


def erase(conn: Connection, organisation_id: int, at: datetime) -> Mapping[str, int]:
    """Delete every row of an organisation, and say how many there were by table. Raises NotFound.

    Every process learns of it by the counter of changes. Nobody else writes for the organisation meanwhile.
    """
    held = sa.select(organisations.c.id).where(organisations.c.id == organisation_id).with_for_update()
    if conn.scalar(held) is None:
        raise NotFound("There is no such organisation any more")
    conn.execute(sa.insert(erasures).values(organisation_id=organisation_id, erased_at=at, change=raised(conn)))
    deleted = {}
    for table in reversed(metadata.sorted_tables):
        column = OF_ORGANISATIONS.get(table.name)
        if column is not None:
            done = conn.execute(sa.delete(table).where(table.c[column] == organisation_id))
            deleted[table.name] = done.rowcount
    return dict(sorted(deleted.items()))


def since(conn: Connection, change: int) -> frozenset[int]:
    """The numbers of the organisations that were erased after that counter."""
    return frozenset(conn.scalars(sa.select(erasures.c.organisation_id).where(erasures.c.change > change)))


def private_releases(conn: Connection, organisation_id: int) -> list[tuple[str, str]]:
    """The private releases that an organisation's editions use and no other organisation's do."""
    uses = edition_releases.c
    mine = sa.select(uses.pack, uses.version).where(uses.organisation_id == organisation_id)
    others = sa.select(uses.pack, uses.version).where(uses.organisation_id != organisation_id)
    key = sa.tuple_(releases.c.pack, releases.c.version)
    query = sa.select(releases.c.pack, releases.c.version).where(releases.c.visibility == "private")
    found = conn.execute(query.where(key.in_(mine), key.not_in(others)))
    return sorted((row.pack, row.version) for row in found)


def delete_release(conn: Connection, pack: str, version: str) -> None:
    """Delete a release that no edition uses."""
    conn.execute(sa.delete(releases).where(releases.c.pack == pack, releases.c.version == version))


def delete_images(conn: Connection, names: Iterable[str]) -> int:
    """Delete images by name, and say how many there were."""
    return conn.execute(sa.delete(images).where(images.c.name.in_(list(names)))).rowcount


def scrub(database: Database) -> str | None:
    """Write an SQLite database's file anew, without the bytes of rows that are gone, and empty its log.

    Other writers wait meanwhile, and it takes as much room again as the file. Gives what kept it from being done, such
    as somebody who held the file for longer than WAIT_SECONDS; None where nothing did. Does nothing on PostgreSQL.
    """
    if not database.is_sqlite:
        return None
    file = make_url(database.url).database or ""
    try:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=WAIT_SECONDS)) as connection:
            connection.execute("VACUUM")
            ends = time.monotonic() + WAIT_SECONDS
            while _log_is_held(connection):
                if time.monotonic() > ends:
                    return "a reader holds its log"
                time.sleep(0.05)
    except sqlite3.OperationalError as error:
        return str(error)
    return None


def _log_is_held(connection: sqlite3.Connection) -> bool:
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return bool(busy)
