"""Schedules: which edition a channel is to point at from when on. Knows neither zones nor what a move means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.statements import values
from coachkit.db.tables import jobs, schedules

PENDING: Final = "pending"
DONE: Final = "done"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"
STATES: Final = (PENDING, DONE, CANCELLED, FAILED)


@dataclass(frozen=True)
class Schedule:
    """A move that is planned, or was. `local_time` in `zone` is what was promised, `due_at` what it comes to.

    `settled_at` and `reason` say when and why it is pending no more; a reason is there for a failure.
    """

    organisation_id: int
    id: str
    channel: str
    digest: str
    local_time: str
    zone: str
    due_at: datetime
    note: str | None
    state: str
    reason: str | None
    created_at: datetime
    settled_at: datetime | None


class Waiting(NamedTuple):
    """A pending schedule, and when its job is due; None where no job will be done for it."""

    schedule: Schedule
    job_due_at: datetime | None


_COLUMNS: Final = [schedules.c[each.name] for each in fields(Schedule)]


def insert(conn: Connection, schedule: Schedule) -> None:
    """Store a new schedule."""
    conn.execute(sa.insert(schedules).values(vars(schedule)))


def get(conn: Connection, organisation_id: int, id_: str) -> Schedule | None:
    """The schedule of that id; None if the organisation has none."""
    row = conn.execute(sa.select(*_COLUMNS).where(_is(organisation_id, id_))).one_or_none()
    return None if row is None else Schedule(**values(row))


def of_organisation(conn: Connection, organisation_id: int, states: Sequence[str] = STATES) -> tuple[Schedule, ...]:
    """An organisation's schedules in those states, whose time comes first, and of those at once the one made first."""
    query = sa.select(*_COLUMNS).where(schedules.c.organisation_id == organisation_id, schedules.c.state.in_(states))
    rows = conn.execute(query.order_by(schedules.c.due_at, schedules.c.created_at, schedules.c.id))
    return tuple(Schedule(**values(row)) for row in rows)


def any_done(conn: Connection, organisation_id: int, channel: str, at: datetime) -> bool:
    """Whether a schedule moved a channel at that very moment."""
    of_channel = (schedules.c.organisation_id == organisation_id) & (schedules.c.channel == channel)
    done = (schedules.c.state == DONE) & (schedules.c.settled_at == at)
    return conn.scalar(sa.select(sa.literal(1)).where(of_channel, done).limit(1)) is not None


def waiting(conn: Connection, kind: str) -> tuple[Waiting, ...]:
    """Every pending schedule of every organisation, with the job of that kind whose subject it is."""
    of_job = (jobs.c.kind == kind) & (jobs.c.subject == schedules.c.id) & jobs.c.failed_at.is_(None)
    query: sa.Select[Any] = sa.select(*_COLUMNS, jobs.c.due_at.label("job_due_at"))
    query = query.select_from(schedules.outerjoin(jobs, of_job))
    found = [values(row) for row in conn.execute(query.where(schedules.c.state == PENDING))]
    return tuple(Waiting(job_due_at=each.pop("job_due_at"), schedule=Schedule(**each)) for each in found)


def settle(
    conn: Connection, organisation_id: int, id_: str, state: str, *, at: datetime, reason: str | None = None
) -> bool:
    """End a pending schedule. False, and nothing changed, where it is not pending."""
    pending = sa.and_(_is(organisation_id, id_), schedules.c.state == PENDING)
    ended = {"state": state, "settled_at": at, "reason": reason}
    return bool(conn.execute(sa.update(schedules).where(pending).values(ended)).rowcount)


def put_off(conn: Connection, organisation_id: int, id_: str, due_at: datetime) -> bool:
    """Let a pending schedule's time come to another moment. False where it is not pending."""
    pending = sa.and_(_is(organisation_id, id_), schedules.c.state == PENDING)
    return bool(conn.execute(sa.update(schedules).where(pending).values(due_at=due_at)).rowcount)


def _is(organisation_id: int, id_: str) -> sa.ColumnElement[bool]:
    return sa.and_(schedules.c.organisation_id == organisation_id, schedules.c.id == id_)
