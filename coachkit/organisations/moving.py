"""Moves an organisation's channels, and goes back, and the audit says so. What a move means: `editions/channels.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from coachkit.db import channels as rows
from coachkit.db import organisations as organisation_rows
from coachkit.db.channels import Channel
from coachkit.db.organisations import Organisation
from coachkit.editions import channels
from coachkit.organisations.audit import Actor, record
from coachkit.organisations.quotas import Quotas, require_room

MOVE, ROLLBACK = "channel.move", "channel.rollback"
"""The audit's words for it."""


def move(
    conn: Connection,
    organisation: Organisation,
    name: str,
    digest: str,
    *,
    quotas: Quotas,
    actor: Actor,
    at: datetime,
    public: bool | None = None,
    note: str | None = None,
) -> Channel:
    """Point a channel at an edition, as `editions.channels.move` does; LimitReached where a new one has no room."""
    organisation_rows.hold(conn, organisation.id)
    before = rows.get(conn, organisation.id, name)
    if before is None:
        require_room(len(rows.of_organisation(conn, organisation.id)), quotas.channels, "channels", "max_channels")
    moved = channels.move(conn, organisation, name, digest, at, public=public, note=note)
    said = _said(moved) | ({"note": note} if note else {})
    record(conn, organisation.id, actor, MOVE, name, at=at, before=_said(before), after=said)
    return moved


def rollback(conn: Connection, organisation: Organisation, name: str, *, actor: Actor, at: datetime) -> Channel:
    """Point a channel at the edition before its present one, as `editions.channels.rollback` does."""
    organisation_rows.hold(conn, organisation.id)
    before = rows.get(conn, organisation.id, name)
    moved = channels.rollback(conn, organisation, name, at)
    record(conn, organisation.id, actor, ROLLBACK, name, at=at, before=_said(before), after=_said(moved))
    return moved


def _said(channel: Channel | None) -> dict[str, Any]:
    return {} if channel is None else {"edition": channel.digest, "public": channel.public}
