"""Schedules: frozen when they are made, done once when their time comes, told of truly in between."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from publishing import AT, SLUG, TOOLS, example, organisation, publish

from coachkit.db import audit, channels, jobs, tables
from coachkit.db import schedules as rows
from coachkit.db.scopes import ACROSS, narrow, only
from coachkit.editions import releases
from coachkit.errors import Conflict, InvalidBody, LimitReached, NotFound, PublishRefused
from coachkit.organisations import localtime, moving, publishing, schedules
from coachkit.organisations.audit import COMMAND, WORKER
from coachkit.organisations.organisations import enter, find
from coachkit.organisations.quotas import Quotas

QUOTAS = Quotas(editions=100, channels=10)
NINE = "2026-12-01T09:00"
DUE = datetime(2026, 12, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def served(database):
    """northbridge, in London, with example@1.0.0 at `live` and another summary in its draft; gives the live edition."""
    example(database)
    organisation(database, timezone="Europe/London")
    live = publish(database).digest
    draft(database, "Loud")
    return live


def draft(database, summary, **changes):
    part = {"op": "replace", "target": "example:module/ask-for-feedback", "locale": "en-GB", "field": "summary"}
    organisation(database, timezone="Europe/London", overlay=[part | {"text": summary}], **changes)


def plan(database, local_time=NINE, channel="live", note=None, most=10):
    asked = {"channel": channel, "local_time": local_time, "note": note}
    return schedules.plan(database, SLUG, TOOLS, quotas=QUOTAS, most=most, actor=COMMAND, at=AT, **asked)


def changed(made):
    """The documents that a schedule says will change."""
    return {(each["op"], each["id"], each["locale"]) for each in made.difference.changes}


def settle(database, schedule, at=DUE, quotas=QUOTAS):
    """What the worker does for a schedule's job."""
    with database.write(ACROSS) as conn:
        narrow(conn, only(schedule.organisation_id))
        return schedules.settle(conn, schedule.organisation_id, schedule.id, quotas=quotas, at=at)


def live(database, channel="live"):
    with database.read(ACROSS) as conn:
        found = channels.get(conn, find(conn, SLUG).id, channel)
        return found and found.digest


def told(database, schedule):
    with database.read(ACROSS) as conn:
        return schedules.get(conn, enter(conn, SLUG), schedule.id)


def listed(database, *states):
    with database.read(ACROSS) as conn:
        return schedules.listing(conn, enter(conn, SLUG), *states)


def planned_jobs(database):
    """(subject, due) of every job of a schedule."""
    with database.read(ACROSS) as conn:
        found = jobs.of_organisation(conn, find(conn, SLUG).id)
    return [(each.subject, each.due_at) for each in found if each.kind == schedules.KIND]


def audited(database):
    with database.read(ACROSS) as conn:
        return [(each.actor, each.action, each.subject) for each in audit.entries(conn, find(conn, SLUG).id)]


def publish_by_hand(database, at):
    return publishing.publish(database, SLUG, TOOLS, quotas=QUOTAS, actor=COMMAND, at=at, channel="live")


def move_by_hand(database, digest, at):
    with database.write(ACROSS) as conn:
        moving.move(conn, enter(conn, SLUG), "live", digest, quotas=QUOTAS, actor=COMMAND, at=at)


# --- planning -----------------------------------------------------------------------------------


def test_plan(database, served):
    """The draft is frozen and a job planned for the moment that the local time means; readers see what they saw."""
    made = plan(database, note="Term begins")
    schedule = made.schedule
    assert (schedule.state, schedule.channel, schedule.due_at, schedule.zone) == (
        "pending",
        "live",
        DUE,
        "Europe/London",
    )
    assert planned_jobs(database) == [(schedule.id, DUE)]
    assert live(database) == served != schedule.digest
    assert ("changed", "ask-for-feedback", "en-GB") in changed(made)
    assert made.difference.shows == served
    assert audited(database)[-1] == ("command", "schedule.plan", schedule.id)


def test_summer_time(database, served):
    """Nine o'clock is nine o'clock: in July that is eight in UTC."""
    assert plan(database, "2027-07-01T09:00").schedule.due_at == datetime(2027, 7, 1, 8, tzinfo=UTC)


def test_without_a_zone(database):
    """An organisation that names no zone has UTC."""
    example(database)
    organisation(database)
    schedule = plan(database, "2027-07-01T09:00").schedule
    assert (schedule.zone, schedule.due_at) == ("UTC", datetime(2027, 7, 1, 9, tzinfo=UTC))


def test_twice(database, served):
    """A time that clocks pass twice is the first one, and the answer names the other."""
    made = plan(database, "2027-10-31T01:30")
    assert made.schedule.due_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert made.shape()["second"] == "2027-10-31T01:30:00+00:00"
    assert told(database, made.schedule).second == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    assert plan(database).second is None


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"local_time": "tomorrow"}, [("/local_time", "invalid-value")]),
        ({"local_time": "2027-03-28T01:30"}, [("/local_time", "invalid-value")]),
        ({"local_time": "2026-11-22T09:30"}, [("/local_time", "out-of-range")]),
        ({"local_time": "2025-12-01T09:00"}, [("/local_time", "out-of-range")]),
        ({"local_time": "2028-12-01T09:00"}, [("/local_time", "out-of-range")]),
        (
            {"local_time": "", "channel": "Live", "note": "x" * 501},
            [("/channel", "invalid-value"), ("/note", "too-long"), ("/local_time", "invalid-value")],
        ),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_refused(database, served, asked, wrong):
    """What cannot be meant is refused with every field that is wrong, and nothing is stored."""
    with pytest.raises(InvalidBody) as caught:
        plan(database, **asked)
    assert [(each.pointer, each.code) for each in caught.value.errors] == wrong
    assert (listed(database), planned_jobs(database)) == ((), [])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_skipped_names_the_nearest(database, served):
    """A time that clocks skip is refused with the nearest ones on both sides, either of which is taken."""
    with pytest.raises(InvalidBody, match="from 2027-03-28T00:59 to 2027-03-28T02:00"):
        plan(database, "2027-03-28T01:30")
    first, second = plan(database, "2027-03-28T00:59"), plan(database, "2027-03-28T02:00")
    assert second.schedule.due_at - first.schedule.due_at == MINUTE


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_draft_with_problems(database, served):
    """What cannot be published cannot be scheduled."""
    draft(database, "Loud", values={"nonesuch": "x"})
    with pytest.raises(PublishRefused):
        plan(database)
    assert listed(database) == ()


def test_two_at_once(database, served):
    """Two moves of a channel at one moment are refused: nobody could say what readers see then."""
    first = plan(database).schedule
    with pytest.raises(Conflict, match=first.id):
        plan(database)
    assert plan(database, channel="preview").schedule.due_at == DUE


def test_limit(database, served):
    """So many may be pending; one that is pending no more makes room."""
    first = plan(database, most=1).schedule
    with pytest.raises(LimitReached, match="COACHKIT_MAX_SCHEDULES"):
        plan(database, "2026-12-02T09:00", most=1)
    settle(database, first)
    assert plan(database, "2026-12-02T09:00", most=1).schedule.state == "pending"


def test_limit_under_concurrency(database, served):
    """Of many who plan at once as many are let in as there is room for."""
    publishing.publish(database, SLUG, TOOLS, quotas=QUOTAS, actor=COMMAND, at=AT, channel=None)
    ready = threading.Barrier(6)

    def one(n):
        ready.wait(timeout=30)
        try:
            return plan(database, f"2026-12-01T09:{n:02}", most=3)
        except LimitReached:
            return None

    with ThreadPoolExecutor(6) as pool:
        made = [each for each in pool.map(one, range(6)) if each]
    assert len(made) == len(listed(database)) == len(planned_jobs(database)) == 3


# --- when the time has come ---------------------------------------------------------------------


def test_settle(database, served):
    """When its time has come the channel moves to what was frozen, whatever the draft is by then."""
    schedule = plan(database, note="Term begins").schedule
    draft(database, "Quiet")
    (ended,) = settle(database, schedule)
    assert (ended.state, ended.reason, ended.settled_at) == ("done", None, DUE)
    assert live(database) == schedule.digest
    with database.read(ACROSS) as conn:
        newest = channels.history(conn, schedule.organisation_id, "live")[0]
    assert (newest.note, newest.moved_at) == (f"schedule {schedule.id}: Term begins", DUE)
    assert audited(database)[-2:] == [("worker", "channel.move", "live"), ("worker", "schedule.settle", schedule.id)]


def test_settled_once(database, served):
    """Done again it does nothing, though readers have been shown something else meanwhile."""
    schedule = plan(database).schedule
    settle(database, schedule)
    move_by_hand(database, served, DUE + MINUTE)
    before = audited(database)
    assert settle(database, schedule, DUE + 2 * MINUTE) == ()
    assert (live(database), audited(database)) == (served, before)


def test_settled_once_by_many(database, served):
    """Of workers who are at it at once, one does it."""
    schedule = plan(database).schedule
    ready = threading.Barrier(4)

    def work(_):
        ready.wait(timeout=30)
        return settle(database, schedule)

    with ThreadPoolExecutor(4) as pool:
        ended = [each for each in pool.map(work, range(4)) if each]
    assert len(ended) == 1
    with database.read(ACROSS) as conn:
        assert len(channels.history(conn, schedule.organisation_id, "live")) == 2


def test_not_before_its_time(database, served):
    """A minute early nothing happens."""
    schedule = plan(database).schedule
    assert settle(database, schedule, DUE - MINUTE) == ()
    assert (live(database), told(database, schedule).schedule.state) == (served, "pending")


def test_there_already(database, served):
    """Where the channel shows the frozen edition already, the schedule is done without another move."""
    schedule = plan(database).schedule
    publish_by_hand(database, AT + MINUTE)
    with database.read(ACROSS) as conn:
        before = channels.history(conn, schedule.organisation_id, "live")
    (ended,) = settle(database, schedule)
    with database.read(ACROSS) as conn:
        assert channels.history(conn, schedule.organisation_id, "live") == before
    assert ended.state == "done"


def test_a_new_channel(database, served):
    """A channel that there was not is made."""
    schedule = plan(database, channel="spring-2027").schedule
    assert told(database, schedule).difference.shows is None
    settle(database, schedule)
    assert live(database, "spring-2027") == schedule.digest


def test_withdrawn_meanwhile(database, served):
    """A schedule whose release was withdrawn says so before, fails with the reason, and readers keep what they have."""
    schedule = plan(database).schedule
    with database.write(ACROSS) as conn:
        releases.withdraw(conn, "example", "1.0.0", AT, "it was wrong")
    assert [each for each in told(database, schedule).warnings if "example@1.0.0 has been withdrawn" in each]
    (ended,) = settle(database, schedule)
    assert (ended.state, ended.reason) == ("failed", "example@1.0.0 has been withdrawn")
    assert live(database) == served


def test_no_room_for_its_channel(database, served):
    """A channel that cannot be made any more fails the schedule, and nothing of the move stays."""
    schedule = plan(database, channel="spring-2027").schedule
    (ended,) = settle(database, schedule, quotas=Quotas(editions=100, channels=1))
    assert ended.state == "failed"
    assert "COACHKIT_MAX_CHANNELS" in ended.reason
    assert live(database, "spring-2027") is None


def test_late_ones_in_their_order(database, served):
    """After a time without a worker, what was due first is done first, whichever is taken first."""
    first = plan(database).schedule
    draft(database, "Louder")
    second = plan(database, "2026-12-02T09:00").schedule
    ended = settle(database, second, DUE + timedelta(days=3))
    assert [(each.id, each.state) for each in ended] == [(first.id, "done"), (second.id, "done")]
    assert live(database) == second.digest
    assert settle(database, first, DUE + timedelta(days=3)) == ()
    assert live(database) == second.digest


def test_given_up(database, served):
    """One that is given up has failed, and says so."""
    schedule = plan(database).schedule
    with database.write(ACROSS) as conn:
        schedules.give_up(conn, schedule.organisation_id, schedule.id, at=DUE)
    found = told(database, schedule).schedule
    assert (found.state, found.reason) == ("failed", "it was tried several times and could not be done")
    assert settle(database, schedule) == ()


# --- when a zone's rules change -----------------------------------------------------------------


def turned(monkeypatch, hours):
    """Let London's clocks go by other rules: those of a zone that many hours east."""
    monkeypatch.setattr(localtime, "zone", lambda _: ZoneInfo(f"Etc/GMT{-hours:+}"))


def test_local_time_stays(database, served, monkeypatch):
    """When a zone's rules change, the local time stays, and the moment is worked out anew for the job too."""
    schedule = plan(database).schedule
    assert schedules.turn_all(database, AT) == 0
    turned(monkeypatch, 2)
    assert schedules.turn_all(database, AT) == 1
    earlier = DUE - timedelta(hours=2)
    assert told(database, schedule).schedule == replace(schedule, due_at=earlier)
    assert planned_jobs(database) == [(schedule.id, earlier)]
    assert audited(database)[-1] == ("worker", "schedule.turn", schedule.id)
    assert schedules.turn_all(database, AT) == 0


def test_later_than_thought(database, served, monkeypatch):
    """A job that comes early, for the rules have changed since, is put off and not done."""
    schedule = plan(database).schedule
    turned(monkeypatch, -1)
    assert settle(database, schedule) == ()
    assert planned_jobs(database) == [(schedule.id, DUE + timedelta(hours=1))]
    assert [each.state for each in settle(database, schedule, DUE + timedelta(hours=1))] == ["done"]


def test_planned_again(database, served):
    """A pending schedule without a job, as after a restore, gets one; one that is pending no more does not."""
    schedule, other = plan(database).schedule, plan(database, "2026-12-02T09:00").schedule
    with database.write(ACROSS) as conn:
        schedules.cancel(conn, enter(conn, SLUG), other.id, actor=COMMAND, at=AT)
        narrow(conn, ACROSS)
        jobs.cancel(conn, schedules.KIND, schedule.id)
    assert schedules.turn_all(database, AT) == 1
    assert planned_jobs(database) == [(schedule.id, DUE)]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_zone_that_is_gone(database, served, monkeypatch):
    """A zone that this machine has no rules for any more leaves the moment as it was."""

    def gone(name):
        raise localtime.UnknownZoneError(name)

    schedule = plan(database).schedule
    monkeypatch.setattr(localtime, "zone", gone)
    assert schedules.turn_all(database, AT) == 0
    assert [each.state for each in settle(database, schedule)] == ["done"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_time_from_elsewhere(database, served):
    """A row whose local time and zone are none, as an archive may bring it, is done when due, and stops no other."""
    schedule = plan(database).schedule
    with database.write(ACROSS) as conn:
        conn.execute(sa.update(tables.schedules).values(local_time="soon", zone="Nowhere"))
    other = plan(database, "2026-12-02T09:00").schedule
    assert schedules.turn_all(database, AT) == 0
    assert [each.id for each in settle(database, other, DUE + timedelta(days=1))] == [schedule.id, other.id]


# --- looking, and calling off -------------------------------------------------------------------


def test_cancel(database, served):
    """A schedule that is called off does nothing, and has no job any more; twice is refused."""
    schedule = plan(database).schedule
    with database.write(ACROSS) as conn:
        assert schedules.cancel(conn, enter(conn, SLUG), schedule.id, actor=WORKER, at=AT).schedule.state == "cancelled"
    assert planned_jobs(database) == []
    assert settle(database, schedule) == ()
    assert live(database) == served
    assert audited(database)[-1] == ("worker", "schedule.cancel", schedule.id)
    with pytest.raises(Conflict, match="cancelled already"), database.write(ACROSS) as conn:
        schedules.cancel(conn, enter(conn, SLUG), schedule.id, actor=COMMAND, at=AT)


def test_nobody_elses(database, served):
    """A schedule of another organisation is none: not shown, not listed, not called off."""
    schedule = plan(database).schedule
    organisation(database, "harbour")
    with database.write(ACROSS) as conn:
        theirs = enter(conn, "harbour")
        assert schedules.listing(conn, theirs) == ()
        for act in (
            lambda: schedules.get(conn, theirs, schedule.id),
            lambda: schedules.cancel(conn, theirs, schedule.id, actor=COMMAND, at=AT),
        ):
            with pytest.raises(NotFound, match="harbour has no schedule"):
                act()
    assert planned_jobs(database) == [(schedule.id, DUE)]


def test_listing(database, served):
    """Schedules are listed by their time, those in other states where they are asked for."""
    late, soon = plan(database, "2026-12-02T09:00").schedule, plan(database).schedule
    settle(database, soon)
    assert [(each.schedule.id, each.schedule.state) for each in listed(database)] == [
        (soon.id, "done"),
        (late.id, "pending"),
    ]
    assert [each.schedule.id for each in listed(database, ("pending",))] == [late.id]


def test_published_meanwhile(database, served):
    """Who published by hand after the freeze is warned that what they published will be replaced."""
    schedule = plan(database).schedule
    assert listed(database)[0].warnings == ()
    draft(database, "Quiet")
    publish_by_hand(database, AT + MINUTE)
    (warning,) = listed(database)[0].warnings
    assert warning == "live has moved since this was frozen: what it shows now will be replaced"
    assert told(database, schedule).warnings == (warning,)
    settle(database, schedule)
    assert live(database) == schedule.digest


def test_one_after_the_other(database, served):
    """A schedule that follows another one is not warned of it: that is what somebody planned."""
    first = plan(database).schedule
    draft(database, "Louder")
    second = plan(database, "2026-12-02T09:00").schedule
    settle(database, first)
    assert told(database, second).warnings == ()
    assert told(database, second).difference.shows == first.digest


def test_what_would_change_now(database, served):
    """A schedule tells what would change if its time came now, and one that is done tells of no change."""
    schedule = plan(database).schedule
    assert ("changed", "ask-for-feedback", "en-GB") in changed(told(database, schedule))
    publish_by_hand(database, AT + MINUTE)
    assert told(database, schedule).difference.changes == ()
    settle(database, schedule)
    assert told(database, schedule).difference is None
    shape = told(database, schedule).shape()
    assert (shape["state"], shape["due_at"], shape["changes"]) == ("done", "2026-12-01T09:00:00+00:00", None)


def test_undone_with_its_transaction(database, served):
    """Work whose transaction fails moves nothing, and the schedule is pending as it was, with its job."""
    schedule = plan(database).schedule

    def fail():
        with database.write(ACROSS) as conn:
            schedules.settle(conn, schedule.organisation_id, schedule.id, quotas=QUOTAS, at=DUE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (live(database), told(database, schedule).schedule.state) == (served, "pending")
    assert planned_jobs(database) == [(schedule.id, DUE)]


@pytest.mark.parametrize("state", rows.STATES)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_state_can_be_stored(database, served, state):
    """The states that the code knows are those that the database takes."""
    schedule = plan(database).schedule
    with database.write(ACROSS) as conn:
        assert rows.settle(conn, schedule.organisation_id, schedule.id, state, at=DUE)
        assert rows.get(conn, schedule.organisation_id, schedule.id).state == state
