from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from coachkit.db import jobs
from coachkit.db.jobs import Count, Job, States
from coachkit.db.scopes import ACROSS, NOTHING, only
from coachkit.errors import Conflict

DAY = 86_400
KINDS = ("retention", "reviews", "schedule")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def claimed(database, at):
    """Plans a job that is due, and claims it for a minute."""

    def make(**given):
        with database.write(ACROSS) as conn:
            planned = jobs.plan(conn, "schedule", "s1", at, **given)
            return jobs.claim(conn, planned.id, KINDS, "one", now=at, until=at + MINUTE)

    return make


def only_one(conn, now):
    (found,) = jobs.due(conn, KINDS, now, 10)
    return found


def test_planned(database, served, at):
    """What is planned is due from its time on, and not before."""
    id_ = served["northbridge"]
    with database.write(only(id_)) as conn:
        planned = jobs.plan(conn, "schedule", "s1", at, organisation_id=id_)
        assert jobs.of_organisation(conn, id_) == (planned,)
    assert planned == Job(planned.id, id_, "schedule", "s1", at, None, None, None, 0, None, None)
    with database.read(ACROSS) as conn:
        assert jobs.due(conn, KINDS, at - SECOND, 10) == ()
        assert jobs.due(conn, KINDS, at, 10) == (planned,)


def test_due_in_order(database, at):
    """Of what is due the oldest comes first, and no more than are asked for."""
    with database.write(ACROSS) as conn:
        for number in (2, 3, 1):
            jobs.plan(conn, "schedule", f"s{number}", at + number * SECOND)
        assert [each.subject for each in jobs.due(conn, KINDS, at + MINUTE, 2)] == ["s1", "s2"]


def test_planned_again(database, claimed, at):
    """The same kind and subject again is the same job at the other time, begun afresh, and nobody's claim holds."""
    before = claimed()
    with database.write(ACROSS) as conn:
        again = jobs.plan(conn, "schedule", "s1", at + MINUTE)
        assert not jobs.holds(conn, before)
        assert not jobs.finish(conn, before, at)
        assert jobs.due(conn, KINDS, at + MINUTE, 10) == (again,)
    assert again == Job(before.id, None, "schedule", "s1", at + MINUTE, None, None, None, 0, None, None)


def test_another_organisations_subject(database, served, at):
    """A subject that another organisation has is refused, and the other's job stays as it is."""
    north, harbour = served["northbridge"], served["harbour"]
    with database.write(only(north)) as conn:
        planned = jobs.plan(conn, "schedule", "s1", at, organisation_id=north)
    with pytest.raises(Conflict, match="schedule s1"), database.write(only(harbour)) as conn:
        jobs.plan(conn, "schedule", "s1", at + MINUTE, organisation_id=harbour)
    with database.read(ACROSS) as conn:
        assert jobs.due(conn, KINDS, at, 10) == (planned,)


def test_planned_at_once(database, at):
    """Many who plan the same at once plan one job."""

    def plan(n):
        with database.write(ACROSS) as conn:
            return jobs.plan(conn, "schedule", "s1", at + n * SECOND).id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(plan, range(24)))) == 1


def test_ensured(database, at):
    """What repeats and is planned already keeps its time, and learns how often it repeats."""
    with database.write(ACROSS) as conn:
        assert jobs.ensure(conn, "reviews", "all", at, DAY)
        assert not jobs.ensure(conn, "reviews", "all", at + MINUTE, 2 * DAY)
        found = only_one(conn, at)
    assert (found.due_at, found.every_seconds) == (at, 2 * DAY)


def test_cancelled(database, claimed):
    """What is called off is gone, and who is at it holds it no more."""
    mine = claimed()
    with database.write(ACROSS) as conn:
        assert jobs.cancel(conn, "schedule", "s1")
        assert not jobs.cancel(conn, "schedule", "s1")
        assert not jobs.holds(conn, mine)


def test_claimed(database, claimed, at):
    """A claimed job is nobody else's until the claim runs out, and then the first one's claim does not hold."""
    mine = claimed()
    assert (mine.claim, mine.claimed_until, mine.attempts) == ("one", at + MINUTE, 1)
    with database.write(ACROSS) as conn:
        assert jobs.due(conn, KINDS, at + MINUTE - SECOND, 10) == ()
        assert jobs.claim(conn, mine.id, KINDS, "two", now=at + MINUTE - SECOND, until=at + 2 * MINUTE) is None
        assert jobs.holds(conn, mine)
        assert jobs.due(conn, KINDS, at + MINUTE, 10) == (mine,)
        theirs = jobs.claim(conn, mine.id, KINDS, "two", now=at + MINUTE, until=at + 2 * MINUTE)
        assert (theirs.claim, theirs.attempts) == ("two", 2)
        assert (jobs.holds(conn, mine), jobs.holds(conn, theirs)) == (False, True)


def test_not_due_is_not_claimed(database, at):
    """What is not due yet is not to be had, and neither is what there is not."""
    with database.write(ACROSS) as conn:
        planned = jobs.plan(conn, "schedule", "s1", at + SECOND)
        assert jobs.claim(conn, planned.id, KINDS, "one", now=at, until=at + MINUTE) is None
        assert jobs.claim(conn, planned.id + 1, KINDS, "one", now=at, until=at + MINUTE) is None


def test_unknown_kinds_are_left(database, at):
    """What is of no kind that is known is not to be had: another version, or a plugin, knows it."""
    with database.write(ACROSS) as conn:
        planned = jobs.plan(conn, "delivery", "d1", at)
        assert jobs.due(conn, KINDS, at, 10) == ()
        assert jobs.claim(conn, planned.id, KINDS, "one", now=at, until=at + MINUTE) is None


def test_claimed_once(database, at):
    """Of many who claim at once one gets the job."""
    with database.write(ACROSS) as conn:
        planned = jobs.plan(conn, "schedule", "s1", at)

    def claim(n):
        with database.write(ACROSS) as conn:
            return jobs.claim(conn, planned.id, KINDS, f"t{n}", now=at, until=at + MINUTE)

    with ThreadPoolExecutor(4) as pool:
        got = [each for each in pool.map(claim, range(24)) if each is not None]
    assert len(got) == 1


def test_renewed(database, claimed, at):
    """A claim that is renewed holds longer; one that is lost is not renewed."""
    mine = claimed()
    with database.write(ACROSS) as conn:
        assert jobs.renew(conn, mine, at + 2 * MINUTE)
        assert jobs.due(conn, KINDS, at + MINUTE, 10) == ()
        jobs.claim(conn, mine.id, KINDS, "two", now=at + 2 * MINUTE, until=at + 3 * MINUTE)
        assert not jobs.renew(conn, mine, at + 9 * MINUTE)
        assert only_one(conn, at + 3 * MINUTE).claim == "two"


def test_finished(database, served, claimed, at):
    """What is done once is gone, also for who sees only that organisation."""
    id_ = served["northbridge"]
    mine = claimed(organisation_id=id_)
    with database.write(only(id_)) as conn:
        assert jobs.holds(conn, mine)
        assert jobs.finish(conn, mine, at)
        assert not jobs.finish(conn, mine, at)
        assert jobs.of_organisation(conn, id_) == ()


@pytest.mark.parametrize(("after", "days"), [(0, 1), (DAY - 1, 1), (DAY, 2), (3 * DAY + 5, 4)])
def test_finished_to_repeat(database, claimed, at, after, days):
    """What repeats is due at its next time after now, however late it was done, and its times do not drift."""
    mine = claimed(every_seconds=DAY)
    with database.write(ACROSS) as conn:
        assert jobs.finish(conn, mine, at + after * SECOND)
        found = only_one(conn, at + timedelta(days=9))
    assert found == Job(mine.id, None, "schedule", "s1", at + timedelta(days=days), DAY, None, None, 0, None, None)


def test_retried(database, claimed, at):
    """What failed is due again at the time that was said, keeps the time it was planned for, and says why."""
    mine = claimed(every_seconds=DAY)
    with database.write(ACROSS) as conn:
        assert jobs.retry(conn, mine, at + MINUTE, "It broke")
        assert not jobs.retry(conn, mine, at + 2 * MINUTE, "It broke twice")
        assert jobs.due(conn, KINDS, at + MINUTE - SECOND, 10) == ()
        found = only_one(conn, at + MINUTE)
        assert (found.due_at, found.claim, found.attempts, found.fault) == (at, None, 1, "It broke")
        assert jobs.failed(conn, 10) == (found,)
        again = jobs.claim(conn, found.id, KINDS, "two", now=at + MINUTE, until=at + 2 * MINUTE)
        assert jobs.finish(conn, again, at + MINUTE)
        assert only_one(conn, at + timedelta(days=1)).due_at == at + timedelta(days=1)
        assert jobs.failed(conn, 10) == ()


def test_given_back(database, claimed, at):
    """What is given back is as if nobody had tried it."""
    mine = claimed()
    with database.write(ACROSS) as conn:
        assert jobs.give_back(conn, mine, at)
        found = only_one(conn, at)
    assert (found.claim, found.attempts, found.fault) == (None, 0, None)


def test_given_up(database, claimed, at):
    """What is given up is tried no more and says why, until it is planned again."""
    mine = claimed()
    with database.write(ACROSS) as conn:
        assert jobs.give_up(conn, mine, at, "It broke")
        assert jobs.due(conn, KINDS, at + timedelta(days=99), 10) == ()
        assert jobs.claim(conn, mine.id, KINDS, "two", now=at + MINUTE, until=at + 2 * MINUTE) is None
        (found,) = jobs.failed(conn, 10)
        assert (found.failed_at, found.fault) == (at, "It broke")
        again = jobs.plan(conn, "schedule", "s1", at)
        assert jobs.due(conn, KINDS, at, 10) == (again,)


def test_repeating_goes_on(database, claimed, at):
    """What repeats is not given up for good: it is due at its next time, and says until then why it failed."""
    mine = claimed(every_seconds=DAY)
    with database.write(ACROSS) as conn:
        assert jobs.give_up(conn, mine, at, "It broke")
        assert jobs.due(conn, KINDS, at + timedelta(hours=23), 10) == ()
        found = only_one(conn, at + timedelta(days=1))
        assert (found.attempts, found.failed_at, found.fault) == (0, at, "It broke")


def test_counted(database, claimed, served, at):
    """Jobs are counted by kind: all, those that should have begun, and those that were given up."""
    with database.write(ACROSS) as conn:
        jobs.plan(conn, "reviews", "late", at - MINUTE, every_seconds=DAY)
        jobs.plan(conn, "reviews", "soon", at + MINUTE, organisation_id=served["harbour"])
        broken = jobs.plan(conn, "retention", "all", at - MINUTE)
        jobs.give_up(conn, jobs.claim(conn, broken.id, KINDS, "t", now=at, until=at + MINUTE), at, "It broke")
    claimed()
    with database.read(ACROSS) as conn:
        assert jobs.counts(conn, at) == (
            Count("retention", planned=1, overdue=0, failed=1),
            Count("reviews", planned=2, overdue=1, failed=0),
            Count("schedule", planned=1, overdue=0, failed=0),
        )
        assert jobs.counts(conn, at + 2 * MINUTE)[-1] == Count("schedule", planned=1, overdue=1, failed=0)


def test_states(database, claimed, at):
    """By kind, every job is in one state, and since when the oldest that is due has been so is said."""
    claimed()
    with database.write(ACROSS) as conn:
        jobs.plan(conn, "reviews", "soon", at + MINUTE)
        for subject, ago in (("late", 2), ("later", 3)):
            jobs.plan(conn, "reviews", subject, at - ago * MINUTE)
        for subject, every in (("once", None), ("daily", DAY)):
            broken = jobs.plan(conn, "retention", subject, at, every_seconds=every)
            jobs.give_up(conn, jobs.claim(conn, broken.id, KINDS, "t", now=at, until=at + MINUTE), at, "It broke")
        resting = jobs.plan(conn, "retention", "resting", at)
        jobs.retry(conn, jobs.claim(conn, resting.id, KINDS, "t", now=at, until=at + MINUTE), at + MINUTE, "It broke")
    with database.read(ACROSS) as conn:
        assert jobs.states(conn, at) == (
            States("retention", waiting=2, due=0, running=0, failed=2, oldest=None),
            States("reviews", waiting=1, due=2, running=0, failed=0, oldest=at - 3 * MINUTE),
            States("schedule", waiting=0, due=0, running=1, failed=0, oldest=None),
        )
        assert jobs.states(conn, at + MINUTE)[-1] == States("schedule", 0, 1, 0, 0, oldest=at)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_jobs_are_apart(database, served, at):
    """An organisation sees its own jobs alone, and neither another's nor everybody's."""
    north, harbour = served["northbridge"], served["harbour"]
    with database.write(ACROSS) as conn:
        mine = jobs.plan(conn, "schedule", "s1", at, organisation_id=north)
        jobs.plan(conn, "schedule", "s2", at, organisation_id=harbour)
        jobs.plan(conn, "reviews", "all", at)
    with database.read(only(north)) as conn:
        assert jobs.due(conn, KINDS, at, 10) == (mine,)
    with database.read(NOTHING) as conn:
        assert jobs.due(conn, KINDS, at, 10) == ()
