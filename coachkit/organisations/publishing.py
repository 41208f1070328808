"""Publishes what an organisation chose: the edition is stored, a channel moves to it, and the audit says so.

How an edition is made is `editions/publish.py`'s work; what a move means is `editions/channels.py`'s.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from coachkit.db import channels as channel_rows
from coachkit.db import editions as rows
from coachkit.db import organisations as organisation_rows
from coachkit.db.channels import Channel
from coachkit.db.database import Database
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import ACROSS
from coachkit.editions.publish import Prepared, Tools, prepare, store
from coachkit.organisations import moving
from coachkit.organisations.audit import Actor, record
from coachkit.organisations.organisations import enter
from coachkit.organisations.quotas import Quotas, require_room

PUBLISH = "edition.publish"
"""The audit's word for an edition that is new."""


class Publication(NamedTuple):
    """What publishing came to. `moved` is the channel, None where it pointed there already or none was named."""

    prepared: Prepared
    new: bool
    moved: Channel | None


def publish(
    database: Database,
    slug: str,
    tools: Tools,
    *,
    quotas: Quotas,
    actor: Actor,
    at: datetime,
    channel: str | None,
    note: str | None = None,
) -> Publication:
    """Publish an organisation's choices and move a channel to them, None for none.

    Compiling may take seconds, in which others can write: who changes the choices meanwhile makes this a Conflict.
    Raises NotFound, PublishRefused with all that is wrong, LimitReached.
    """
    with database.read(ACROSS) as conn:
        prepared = prepare(conn, enter(conn, slug), tools, at)
    with database.write(ACROSS) as conn:
        return settle(conn, enter(conn, slug), prepared, quotas=quotas, actor=actor, at=at, channel=channel, note=note)


def settle(
    conn: Connection,
    organisation: Organisation,
    prepared: Prepared,
    *,
    quotas: Quotas,
    actor: Actor,
    at: datetime,
    channel: str | None,
    note: str | None = None,
) -> Publication:
    """Store a prepared edition and move a channel to it, in the caller's transaction. Raises as `publish` does."""
    held = organisation_rows.hold(conn, organisation.id)
    new = keep(conn, held, prepared, quotas=quotas, actor=actor, at=at)
    if channel is not None and not new:  # other ranges may come to the same edition; a draft is discarded to these
        rows.keep_settings(conn, held.id, prepared.digest, held.settings)
    pointing = channel_rows.get(conn, held.id, channel) if channel is not None else None
    if channel is None or (pointing is not None and pointing.digest == prepared.digest):
        return Publication(prepared, new, None)
    moved = moving.move(conn, held, channel, prepared.digest, quotas=quotas, actor=actor, at=at, note=note)
    return Publication(prepared, new, moved)


def keep(
    conn: Connection, organisation: Organisation, prepared: Prepared, *, quotas: Quotas, actor: Actor, at: datetime
) -> bool:
    """Store a prepared edition, to which no channel moves; False where the organisation has it already.

    Raises Conflict if what it was prepared from has changed since, and LimitReached.
    """
    held = organisation_rows.hold(conn, organisation.id)
    if not rows.exists(conn, held.id, prepared.digest):
        require_room(rows.count(conn, held.id), quotas.editions, "editions", "max_editions")
    new = store(conn, held, prepared, at)
    if new:
        used = sorted(f"{each.manifest.id}@{each.manifest.version}" for each in prepared.edition.releases.values())
        after = {"releases": used, "revision": prepared.revision, "demo": prepared.demo}
        record(conn, held.id, actor, PUBLISH, prepared.digest, at=at, after=after)
    return new
