"""Moves channels, and goes back: the only things about an edition that change."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import Connection

from coachkit.db import channels as rows
from coachkit.db import editions
from coachkit.db.channels import Channel
from coachkit.db.organisations import Organisation
from coachkit.errors import BadRequest, Conflict, NotFound
from coachkit.packs.model import NAME_LENGTH, NAME_PATTERN

PREVIEW = "preview"
"""The channel that readers never see unless somebody makes it public."""


def move(
    conn: Connection,
    organisation: Organisation,
    name: str,
    digest: str,
    at: datetime,
    *,
    public: bool | None = None,
    note: str | None = None,
) -> Channel:
    """Point a channel at an edition.

    Raises BadRequest for a channel that no address could name, and NotFound for an edition the organisation does not
    have.

    Whether readers see the channel stays as it is if `public` is None; a new one is public, but for `preview`.
    """
    if len(name) > NAME_LENGTH or not re.fullmatch(NAME_PATTERN, name):
        raise BadRequest(f"“{name}” is not a name of lower-case letters, digits and hyphens")
    if not editions.exists(conn, organisation.id, digest):
        raise NotFound(f"{organisation.slug} has no edition {digest}")
    if public is None:
        before = rows.get(conn, organisation.id, name)
        public = before.public if before else name != PREVIEW
    return rows.move(conn, organisation.id, name, digest, public=public, at=at, note=note)


def rollback(conn: Connection, organisation: Organisation, name: str, at: datetime) -> Channel:
    """Point a channel at the edition that it pointed at before its present one; this is a move like any other.

    Rolling back twice goes back two editions: moves that were rollbacks themselves are passed over.
    """
    channel = rows.get(conn, organisation.id, name)
    if channel is None:
        raise NotFound(f"{organisation.slug} has no channel {name}")
    trail: list[str] = []
    for each in reversed(rows.history(conn, organisation.id, name)):
        if each.note == ROLLBACK and trail[-2:-1] == [each.to_digest]:  # anybody may note that word on another move
            trail.pop()
        elif not trail or trail[-1] != each.to_digest:
            trail.append(each.to_digest)
    if len(trail) < 2:  # noqa: PLR2004 the present one and the one before
        raise Conflict(f"{name} has no earlier edition to go back to")
    return rows.move(conn, organisation.id, name, trail[-2], public=channel.public, at=at, note=ROLLBACK)


ROLLBACK = "rollback"
