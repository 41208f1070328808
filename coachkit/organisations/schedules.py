"""Publishing at a time to come: what an organisation chose is frozen now, and a channel moves to it then.

The time is one of the organisation's own zone and stays that, whatever becomes of the zone's rules: the moment that it
means is worked out anew each day, and again when it has come. A schedule and the job that carries it out are planned,
called off and ended in one transaction each.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from coachkit.db import channels, editions, jobs
from coachkit.db import organisations as organisation_rows
from coachkit.db import schedules as rows
from coachkit.db.database import Database
from coachkit.db.organisations import Organisation
from coachkit.db.schedules import CANCELLED, DONE, FAILED, PENDING, STATES, Schedule
from coachkit.db.scopes import ACROSS, only
from coachkit.editions.publish import Prepared, Tools, prepare
from coachkit.errors import Conflict, FieldError, InvalidBody, LimitReached, NotFound
from coachkit.organisations import differences, localtime, moving, publishing
from coachkit.organisations.audit import WORKER, Actor, record
from coachkit.organisations.differences import Difference
from coachkit.organisations.localtime import Meant, NoSuchTimeError, NotALocalTimeError, UnknownZoneError
from coachkit.organisations.organisations import enter
from coachkit.organisations.quotas import Quotas, require_room
from coachkit.packs.model import NAME_LENGTH, NAME_PATTERN

KIND: Final = "schedule"
"""The kind of its jobs; their subject is the schedule's id."""
TURNS: Final = "schedule-turns"
"""The kind of the job that works out anew when they are due, each day."""
AHEAD: Final = timedelta(days=731)
"""How far ahead a time may be: two years."""
NOTE_LENGTH: Final = 500
PLAN, CANCEL, SETTLE, TURN = "schedule.plan", "schedule.cancel", "schedule.settle", "schedule.turn"
"""The audit's words for it; the last is a zone's rules that changed."""


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for, checked: a channel and a minute of a zone to come."""

    channel: str
    local: datetime
    zone: str
    meant: Meant
    note: str | None


@dataclass(frozen=True)
class Told:
    """A schedule as it is told of.

    `warnings` say what somebody should know before its time comes; `difference` is what readers of the channel would
    see otherwise if it came now, None where that was not asked for or it is pending no more.
    """

    schedule: Schedule
    warnings: tuple[str, ...] = ()
    difference: Difference | None = None

    @property
    def second(self) -> datetime | None:
        """Where clocks pass its time twice, the second moment, which is not the one that is meant."""
        each = self.schedule
        try:
            return localtime.meant(localtime.parse(each.local_time), localtime.zone(each.zone)).second
        except ValueError:  # of rules that have changed, or of a row from elsewhere
            return None

    def shape(self) -> dict[str, Any]:
        """As JSON."""
        each = self.schedule
        return {
            "id": each.id,
            "channel": each.channel,
            "edition": each.digest,
            "local_time": each.local_time,
            "timezone": each.zone,
            "due_at": each.due_at.isoformat(),
            "second": self.second and self.second.isoformat(),
            "note": each.note,
            "state": each.state,
            "reason": each.reason,
            "created_at": each.created_at.isoformat(),
            "settled_at": each.settled_at and each.settled_at.isoformat(),
            "warnings": list(self.warnings),
            "releases": None if self.difference is None else list(self.difference.releases),
            "changes": None if self.difference is None else list(self.difference.changes),
        }


# --- planning -----------------------------------------------------------------------------------


def plan(
    database: Database,
    slug: str,
    tools: Tools,
    *,
    quotas: Quotas,
    most: int,
    actor: Actor,
    at: datetime,
    channel: str,
    local_time: str,
    note: str | None = None,
) -> Told:
    """Freeze the draft as an edition and let a channel move to it at a local time; says what will change then.

    `most` is how many schedules may be pending. Raises NotFound, InvalidBody with every field that is wrong (a time
    that is past, over AHEAD, or that clocks skip, which names the nearest ones), PublishRefused with all that is
    wrong, Conflict where the draft is changed meanwhile or the channel is to move at that moment already,
    LimitReached.
    """
    with database.read(ACROSS) as conn:
        organisation = enter(conn, slug)
        asked = wanted(organisation, channel, local_time, note, at)
        prepared = prepare(conn, organisation, tools, at)
    with database.write(ACROSS) as conn:
        organisation = enter(conn, slug)
        return freeze(conn, organisation, prepared, asked, quotas=quotas, most=most, actor=actor, at=at)


def wanted(organisation: Organisation, channel: str, local_time: str, note: str | None, at: datetime) -> Wanted:
    """What is asked for, in the organisation's zone. Raises InvalidBody with every field that is wrong."""
    zone = organisation.settings.get("timezone") or "UTC"
    wrong: list[FieldError] = []
    local, meant = None, None
    if len(channel) > NAME_LENGTH or not re.fullmatch(NAME_PATTERN, channel):
        detail = f"“{channel[:NAME_LENGTH]}” is not a name of lower-case letters, digits and hyphens"
        wrong.append(FieldError("invalid-value", detail, pointer="/channel"))
    if note is not None and len(note) > NOTE_LENGTH:
        wrong.append(FieldError("too-long", f"A note has at most {NOTE_LENGTH} characters.", pointer="/note"))
    try:
        local = localtime.parse(local_time)
        meant = localtime.meant(local, localtime.zone(zone))
    except (NotALocalTimeError, NoSuchTimeError, UnknownZoneError) as error:
        wrong.append(FieldError("invalid-value", f"{error} ({zone})", pointer="/local_time"))
    if meant is not None and not at < meant.at <= at + AHEAD:
        said = "is past" if meant.at <= at else "is more than two years ahead"
        wrong.append(FieldError("out-of-range", f"{local_time} ({zone}) {said}", pointer="/local_time"))
    if wrong or local is None or meant is None:
        raise InvalidBody("; ".join(each.detail for each in wrong), tuple(wrong))
    return Wanted(channel, local, zone, meant, note or None)


def freeze(
    conn: Connection,
    organisation: Organisation,
    prepared: Prepared,
    asked: Wanted,
    *,
    quotas: Quotas,
    most: int,
    actor: Actor,
    at: datetime,
) -> Told:
    """Store a prepared draft and plan the move to it, in the caller's transaction. Raises as `plan` does."""
    organisation_rows.hold(conn, organisation.id)
    pending = rows.of_organisation(conn, organisation.id, (PENDING,))
    require_room(len(pending), most, "schedules", "max_schedules")
    same = [each for each in pending if (each.channel, each.due_at) == (asked.channel, asked.meant.at)]
    if same:
        raise Conflict(
            f"{asked.channel} is to move at that time already, by the schedule {same[0].id}: cancel it first"
        )
    publishing.keep(conn, organisation, prepared, quotas=quotas, actor=actor, at=at)
    schedule = _new(organisation.id, prepared.digest, asked, at)
    rows.insert(conn, schedule)
    jobs.plan(conn, KIND, schedule.id, schedule.due_at, organisation_id=organisation.id)
    record(conn, organisation.id, actor, PLAN, schedule.id, at=at, after=_said(schedule))
    difference = differences.of_prepared(conn, organisation.id, asked.channel, prepared)
    return Told(schedule, difference=difference)


def cancel(conn: Connection, organisation: Organisation, id_: str, *, actor: Actor, at: datetime) -> Told:
    """Call a pending schedule off. Raises NotFound, and Conflict for one that is pending no more."""
    jobs.cancel(conn, KIND, _known(conn, organisation, id_).id)  # before anything else, as the worker does
    organisation_rows.hold(conn, organisation.id)
    before = _known(conn, organisation, id_)
    if not rows.settle(conn, organisation.id, id_, CANCELLED, at=at):
        raise Conflict(f"The schedule {id_} is {before.state} already")
    record(conn, organisation.id, actor, CANCEL, id_, at=at, before=_said(before), after={"state": CANCELLED})
    return Told(_known(conn, organisation, id_))


# --- looking ------------------------------------------------------------------------------------


def get(conn: Connection, organisation: Organisation, id_: str) -> Told:
    """A schedule, with what would change if its time came now. Raises NotFound."""
    schedule = _known(conn, organisation, id_)
    if schedule.state != PENDING:
        return Told(schedule)
    difference = differences.of_stored(conn, organisation.id, schedule.channel, schedule.digest)
    return Told(schedule, _warnings(conn, schedule), difference)


def listing(conn: Connection, organisation: Organisation, states: Sequence[str] = STATES) -> tuple[Told, ...]:
    """An organisation's schedules in those states, whose time comes first."""
    found = rows.of_organisation(conn, organisation.id, states)
    return tuple(Told(each, _warnings(conn, each) if each.state == PENDING else ()) for each in found)


def _warnings(conn: Connection, schedule: Schedule) -> tuple[str, ...]:
    said = []
    if gone := _withdrawn(conn, schedule):
        said.append(f"{gone} has been withdrawn: this schedule will fail, and readers keep what they have")
    if _overtaken(conn, schedule):
        said.append(f"{schedule.channel} has moved since this was frozen: what it shows now will be replaced")
    return tuple(said)


def _overtaken(conn: Connection, schedule: Schedule) -> bool:
    """Whether somebody has moved the channel, and no other schedule did, to something else since this was frozen."""
    pointing = channels.get(conn, schedule.organisation_id, schedule.channel)
    if pointing is None or pointing.digest == schedule.digest or pointing.moved_at <= schedule.created_at:
        return False
    return not rows.any_done(conn, schedule.organisation_id, schedule.channel, pointing.moved_at)


# --- when the time has come ---------------------------------------------------------------------


def settle(conn: Connection, organisation_id: int, id_: str, *, quotas: Quotas, at: datetime) -> tuple[Schedule, ...]:
    """Do what a schedule says, if its time has come, and before it what else was due on its channel; says what ended.

    For the worker, in the transaction that ends the job: again it does nothing. Where the zone's rules have changed
    and the time is still to come, the job is planned anew. What cannot be done any more fails with a reason, and
    readers keep what they have.
    """
    organisation = organisation_rows.hold(conn, organisation_id)
    pending = rows.of_organisation(conn, organisation_id, (PENDING,))
    mine = next((each for each in pending if each.id == id_), None)
    if mine is None:
        return ()
    if _moment(mine) > at:
        _turn(conn, mine, _moment(mine), at)
        return ()
    due = sorted((each for each in pending if each.channel == mine.channel and _moment(each) <= at), key=_order)
    return tuple(_end(conn, organisation, each, quotas, at) for each in due[: due.index(mine) + 1])


def give_up(conn: Connection, organisation_id: int, id_: str, *, at: datetime) -> None:
    """Let a schedule fail that was tried in vain: for the worker, in the transaction in which it gives the job up."""
    organisation_rows.hold(conn, organisation_id)
    if rows.get(conn, organisation_id, id_) is not None:
        _settle(conn, organisation_id, id_, at, "it was tried several times and could not be done")


def turn_all(database: Database, at: datetime) -> int:
    """Work out anew when every pending schedule's time comes, by the rules that zones have now; says how many moved.

    Also plans what no job will be done for, as after a restore.
    """
    with database.read(ACROSS) as conn:
        waiting = rows.waiting(conn, KIND)
    moved = [each.schedule for each in waiting if _moment(each.schedule) != each.job_due_at]
    for each in moved:
        with database.write(only(each.organisation_id)) as conn:
            _turn(conn, each, _moment(each), at)
    return len(moved)


def _end(conn: Connection, organisation: Organisation, schedule: Schedule, quotas: Quotas, at: datetime) -> Schedule:
    """Move the channel, or say why not; either way the schedule is pending no more."""
    reason = _hindrance(conn, schedule)
    if reason is None:
        try:
            _move(conn, organisation, schedule, quotas, at)
        except LimitReached as refused:
            reason = refused.detail
    _settle(conn, schedule.organisation_id, schedule.id, at, reason)
    return _known(conn, organisation, schedule.id)


def _move(conn: Connection, organisation: Organisation, schedule: Schedule, quotas: Quotas, at: datetime) -> None:
    pointing = channels.get(conn, schedule.organisation_id, schedule.channel)
    if pointing is not None and pointing.digest == schedule.digest:
        return
    note = f"schedule {schedule.id}" + (f": {schedule.note}" if schedule.note else "")
    moving.move(conn, organisation, schedule.channel, schedule.digest, quotas=quotas, actor=WORKER, at=at, note=note)


def _hindrance(conn: Connection, schedule: Schedule) -> str | None:
    """Why a schedule cannot be done any more; None if it can."""
    if not editions.exists(conn, schedule.organisation_id, schedule.digest):
        return "its edition is gone"
    gone = _withdrawn(conn, schedule)
    return f"{gone} has been withdrawn" if gone else None


def _settle(conn: Connection, organisation_id: int, id_: str, at: datetime, reason: str | None) -> None:
    """Let a schedule be done, or have failed for a reason, if it is still pending."""
    state = DONE if reason is None else FAILED
    if rows.settle(conn, organisation_id, id_, state, at=at, reason=reason):
        after = {"state": state, "reason": reason}
        record(conn, organisation_id, WORKER, SETTLE, id_, at=at, before={"state": PENDING}, after=after)


def _turn(conn: Connection, schedule: Schedule, due_at: datetime, at: datetime) -> None:
    """Let a pending schedule's job be due at another moment."""
    jobs.plan(conn, KIND, schedule.id, due_at, organisation_id=schedule.organisation_id)
    organisation_rows.hold(conn, schedule.organisation_id)
    if not rows.put_off(conn, schedule.organisation_id, schedule.id, due_at):
        jobs.cancel(conn, KIND, schedule.id)  # it was ended meanwhile
    elif due_at != schedule.due_at:
        told = ({"due_at": schedule.due_at.isoformat()}, {"due_at": due_at.isoformat()})
        record(conn, schedule.organisation_id, WORKER, TURN, schedule.id, at=at, before=told[0], after=told[1])


def _moment(schedule: Schedule) -> datetime:
    """When a schedule's time comes, by the rules that its zone has now; as it was planned where that cannot be said."""
    try:
        return localtime.moment(localtime.parse(schedule.local_time), localtime.zone(schedule.zone))
    except (UnknownZoneError, NotALocalTimeError):
        return schedule.due_at


def _order(schedule: Schedule) -> tuple[datetime, datetime, str]:
    return _moment(schedule), schedule.created_at, schedule.id


# --- parts --------------------------------------------------------------------------------------


def _new(organisation_id: int, digest: str, asked: Wanted, at: datetime) -> Schedule:
    return Schedule(
        organisation_id=organisation_id,
        id=secrets.token_hex(8),
        channel=asked.channel,
        digest=digest,
        local_time=localtime.write(asked.local),
        zone=asked.zone,
        due_at=asked.meant.at,
        note=asked.note,
        state=PENDING,
        reason=None,
        created_at=at.astimezone(UTC),
        settled_at=None,
    )


def _known(conn: Connection, organisation: Organisation, id_: str) -> Schedule:
    schedule = rows.get(conn, organisation.id, id_)
    if schedule is None:
        raise NotFound(f"{organisation.slug} has no schedule {id_}")
    return schedule


def _withdrawn(conn: Connection, schedule: Schedule) -> str:
    gone = editions.withdrawn(conn, schedule.organisation_id, schedule.digest)
    return ", ".join(f"{pack}@{version}" for pack, version in gone)


def _said(schedule: Schedule) -> dict[str, Any]:
    """What the audit says of a schedule."""
    return {
        "channel": schedule.channel,
        "edition": schedule.digest,
        "local_time": schedule.local_time,
        "timezone": schedule.zone,
        "due_at": schedule.due_at.isoformat(),
        "note": schedule.note,
        "state": schedule.state,
    }
