"""What is to be done in the background: the truth about what is due, who is at it, and how often it was tried.

A claim is a lease under a token: who claims a job may work on it until the lease runs out, and renews it meanwhile.
Work that outlived its lease, that was planned anew or that was called off holds its job no more: what it did is to be
in one transaction with `holds`, and then goes with it. Knows nothing of what a kind means.

Who changes a job together with what it is about, such as a schedule, asks for the job first: so does the worker, and
neither waits for the other in turn.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.statements import insert_missing, values
from coachkit.db.tables import jobs
from coachkit.errors import Conflict


@dataclass(frozen=True)
class Job:
    """One thing to do, at `due_at`; with `every_seconds` again and again. Without an organisation it is everybody's.

    `claim` is the token of who is at it, until `claimed_until`; without a token that is when it may be tried again.
    `attempts` counts the claims since it last went well. With `failed_at` it was given up, one that repeats until it
    is next due; `fault` says in a sentence why it last failed.
    """

    id: int
    organisation_id: int | None
    kind: str
    subject: str
    due_at: datetime
    every_seconds: int | None
    claim: str | None
    claimed_until: datetime | None
    attempts: int
    failed_at: datetime | None
    fault: str | None


@dataclass(frozen=True)
class Count:
    """How many jobs of a kind there are, how many of them should have begun, and how many were given up."""

    kind: str
    planned: int
    overdue: int
    failed: int


@dataclass(frozen=True)
class States:
    """How the jobs of a kind are at a moment: each is in one state, but one that repeats may have failed besides.

    `waiting`: its time is to come, or it rests after a fault; `due`: it is time, and nobody is at it; `running`:
    somebody is; `failed`: it was given up, one that repeats until its next time. `oldest` is when the first of those
    that are due was to be done.
    """

    kind: str
    waiting: int
    due: int
    running: int
    failed: int
    oldest: datetime | None


_UNCLAIMED = {"claim": None, "claimed_until": None}
_FRESH = _UNCLAIMED | {"attempts": 0, "failed_at": None, "fault": None}
_TURNS: Final = 5
"""How often a plan meets somebody who plans, or finishes, the same between two of its statements, at most."""
_TO_DO = sa.or_(jobs.c.failed_at.is_(None), jobs.c.every_seconds.is_not(None))


# --- planning -----------------------------------------------------------------------------------


def plan(
    conn: Connection,
    kind: str,
    subject: str,
    due_at: datetime,
    *,
    organisation_id: int | None = None,
    every_seconds: int | None = None,
) -> Job:
    """Let something be done at a time; what is planned already under this kind and subject moves there.

    Planned anew, a job begins afresh: who is at it now holds it no more, and what was given up is tried again.
    Raises Conflict where the subject is another organisation's: subjects are named across all of them.
    """
    time = {"due_at": due_at, "every_seconds": every_seconds}
    mine = sa.and_(_named(kind, subject), jobs.c.organisation_id.is_not_distinct_from(organisation_id))
    for _ in range(_TURNS):
        if conn.execute(sa.update(jobs).where(mine).values(_FRESH | time)).rowcount:
            break
        if insert_missing(conn, jobs, [_row(kind, subject, organisation_id) | time]):
            break
    else:
        raise Conflict(f"Another organisation has a job {kind} {subject}")
    return Job(**values(conn.execute(sa.select(jobs).where(mine)).one()))


def ensure(conn: Connection, kind: str, subject: str, due_at: datetime, every_seconds: int) -> bool:
    """Let something be done again and again from a time on; one that is planned keeps its time. Whether it is new."""
    time = {"due_at": due_at, "every_seconds": every_seconds}
    if insert_missing(conn, jobs, [_row(kind, subject, None) | time]):
        return True
    other = jobs.c.every_seconds.is_distinct_from(every_seconds)
    conn.execute(sa.update(jobs).where(_named(kind, subject), other).values(every_seconds=every_seconds))
    return False


def cancel(conn: Connection, kind: str, subject: str) -> bool:
    """Call a job off: who is at it holds it no more. Whether there was one."""
    return bool(conn.execute(sa.delete(jobs).where(_named(kind, subject))).rowcount)


# --- working ------------------------------------------------------------------------------------


def due(conn: Connection, kinds: Collection[str], now: datetime, limit: int) -> tuple[Job, ...]:
    """What of these kinds is to be done now and nobody is at, whose time came first; so many at most."""
    query = sa.select(jobs).where(_claimable(kinds, now)).order_by(jobs.c.due_at, jobs.c.id).limit(limit)
    return tuple(Job(**values(row)) for row in conn.execute(query))


def claim(
    conn: Connection, id_: int, kinds: Collection[str], token: str, *, now: datetime, until: datetime
) -> Job | None:
    """Take a job that is due, of one of these kinds, and that nobody is at, until a time; None if it is not to be had.

    One whose row somebody holds at this moment is not waited for.
    """
    query = sa.select(jobs).where(jobs.c.id == id_, _claimable(kinds, now)).with_for_update(skip_locked=True)
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    job = replace(Job(**values(row)), claim=token, claimed_until=until, attempts=row.attempts + 1)
    taken = {"claim": token, "claimed_until": until, "attempts": job.attempts}
    conn.execute(sa.update(jobs).where(jobs.c.id == id_).values(taken))
    return job


def renew(conn: Connection, job: Job, until: datetime) -> bool:
    """Hold a claimed job until a later time; False if it is held no more."""
    return bool(conn.execute(sa.update(jobs).where(_held(job)).values(claimed_until=until)).rowcount)


def holds(conn: Connection, job: Job) -> bool:
    """Whether a claim holds; then it does until the transaction ends, for nobody else can take the job meanwhile."""
    return conn.scalar(sa.select(jobs.c.id).where(_held(job)).with_for_update()) is not None


def finish(conn: Connection, job: Job, now: datetime) -> bool:
    """Be done with a claimed job: it is gone, or due again at its next time after now. False if it is held no more."""
    if job.every_seconds is None:
        return bool(conn.execute(sa.delete(jobs).where(_held(job))).rowcount)
    again = _FRESH | {"due_at": _next(job, now)}
    return bool(conn.execute(sa.update(jobs).where(_held(job)).values(again)).rowcount)


def retry(conn: Connection, job: Job, at: datetime, fault: str) -> bool:
    """Let a claimed job, which failed for a reason, be tried again at a time. False if it is held no more."""
    later = {"claim": None, "claimed_until": at, "fault": fault}
    return bool(conn.execute(sa.update(jobs).where(_held(job)).values(later)).rowcount)


def give_back(conn: Connection, job: Job, at: datetime) -> bool:
    """Leave a claimed job to whoever wants it from a time on, as if nobody had tried. False if it is held no more."""
    left = {"claim": None, "claimed_until": at, "attempts": job.attempts - 1}
    return bool(conn.execute(sa.update(jobs).where(_held(job)).values(left)).rowcount)


def give_up(conn: Connection, job: Job, now: datetime, fault: str) -> bool:
    """Try a claimed job no more, for a reason; one that repeats, until its next time. False if it is held no more."""
    left = _UNCLAIMED | {"failed_at": now, "fault": fault}
    if job.every_seconds is not None:
        left |= {"due_at": _next(job, now), "attempts": 0}
    return bool(conn.execute(sa.update(jobs).where(_held(job)).values(left)).rowcount)


# --- looking ------------------------------------------------------------------------------------


def of_organisation(conn: Connection, organisation_id: int) -> tuple[Job, ...]:
    """All jobs of an organisation, whose time comes first."""
    query = sa.select(jobs).where(jobs.c.organisation_id == organisation_id)
    return tuple(Job(**values(row)) for row in conn.execute(query.order_by(jobs.c.due_at, jobs.c.id)))


def failed(conn: Connection, limit: int) -> tuple[Job, ...]:
    """What was given up, or is to be tried again after a fault; what failed first comes first, so many at most."""
    query = sa.select(jobs).where(jobs.c.fault.is_not(None)).order_by(jobs.c.due_at, jobs.c.id)
    return tuple(Job(**values(row)) for row in conn.execute(query.limit(limit)))


def counts(conn: Connection, due_before: datetime) -> tuple[Count, ...]:
    """How many jobs there are of each kind, by kind; those due before a time and neither begun nor failed are overdue.

    One that somebody is at is not overdue while his claim holds, and his claim holds for at most as long as he lives.
    """
    late = sa.and_(_TO_DO, jobs.c.due_at < due_before, jobs.c.claimed_until.is_(None) | _lapsed(due_before))
    columns = (
        jobs.c.kind,
        sa.func.count(),
        _how_many(late),
        _how_many(jobs.c.failed_at.is_not(None)),
    )
    rows = conn.execute(sa.select(*columns).group_by(jobs.c.kind))
    return tuple(sorted((Count(*row) for row in rows), key=lambda each: each.kind))


def states(conn: Connection, now: datetime) -> tuple[States, ...]:
    """How the jobs of each kind are now, by kind."""
    running = sa.and_(jobs.c.claim.is_not(None), jobs.c.claimed_until > now)
    due = _is_due(now)
    columns = (
        jobs.c.kind,
        _how_many(sa.and_(_TO_DO, sa.not_(due), sa.not_(running))),
        _how_many(due),
        _how_many(running),
        _how_many(jobs.c.failed_at.is_not(None)),
        sa.func.min(sa.case((due, jobs.c.due_at))),
    )
    rows = conn.execute(sa.select(*columns).group_by(jobs.c.kind))
    return tuple(sorted((States(*row) for row in rows), key=lambda each: each.kind))


def _row(kind: str, subject: str, organisation_id: int | None) -> dict[str, object]:
    return {"kind": kind, "subject": subject, "organisation_id": organisation_id, "attempts": 0}


def _named(kind: str, subject: str) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.kind == kind, jobs.c.subject == subject)


def _held(job: Job) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.id == job.id, jobs.c.claim == job.claim)


def _claimable(kinds: Collection[str], now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.kind.in_(kinds), _is_due(now))


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    """Whether it is time to do a job, and nobody is at it."""
    free = sa.or_(jobs.c.claimed_until.is_(None), _lapsed(now))
    return sa.and_(_TO_DO, jobs.c.due_at <= now, free)


def _lapsed(now: datetime) -> sa.ColumnElement[bool]:
    return jobs.c.claimed_until <= now


def _how_many(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _next(job: Job, now: datetime) -> datetime:
    """The first time after now that is a whole number of times `every_seconds` after the job was due."""
    every = timedelta(seconds=job.every_seconds or 0)
    return job.due_at + every * max(1, (now - job.due_at) // every + 1)
