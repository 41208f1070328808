import threading
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from appmaker import eventually

from coachkit.db import channels, jobs, organisations
from coachkit.db.scopes import ACROSS
from coachkit.errors import Conflict, Unavailable
from coachkit.jobs.work import ATTEMPTS, LEASE, LONGEST_PAUSE, SILENCE, pause_after

HOUR = timedelta(hours=1)
DAY = 86_400


def broken(job, context):
    raise RuntimeError("with a secret in its words")


def test_done(bench):
    """A job that is due is done and gone."""
    job = bench.plan()
    assert bench.runner().run(job.id)
    assert (bench.moves, bench.job()) == ({"s1": 1}, None)


def test_not_due(bench):
    """A job that is not due yet is left alone, and so is one that there is not."""
    job = bench.plan(due_at=bench.clock.now + timedelta(microseconds=1))
    assert not bench.runner().run(job.id)
    assert not bench.runner().run(job.id + 1)
    assert (bench.moves, bench.job()) == ({}, job)


def test_repeats(bench):
    """What repeats is done once at each of its times."""
    job = bench.plan(every_seconds=DAY)
    runner = bench.runner()
    for _ in range(3):
        assert runner.run(job.id)
        assert not runner.run(job.id)
        bench.clock.now += timedelta(days=1)
    assert bench.moves == {"s1": 3}


def test_many_workers(bench, in_threads):
    """Of many workers that are woken for a job at once, one does it."""
    job = bench.plan()
    in_threads(*[partial(bench.runner().run, job.id) for _ in range(6)])
    assert (bench.moves, bench.job()) == ({"s1": 1}, None)


def test_lost_to_another(bench):
    """Work that has outlived its lease does nothing, once another worker is at the job."""
    job = bench.plan()
    with bench.database.write(ACROSS) as conn:
        channels.move(conn, bench.organisation, "live", "e1", public=True, at=bench.clock.now, note="before")

    def slow(job, context):
        bench.clock.now += LEASE
        assert bench.runner().run(job.id)
        with context.finishing() as conn:
            channels.move(conn, bench.organisation, "live", "e1", public=True, at=context.at, note="too late")

    bench.runner(slow).run(job.id)
    assert (bench.moves, bench.job()) == ({"before": 1, "s1": 1}, None)


def test_outlived_lease_nobody_took(bench):
    """Work that has outlived its lease is done if nobody else is at it."""
    job = bench.plan()

    def slow(job, context):
        bench.clock.now += 2 * LEASE
        with context.finishing() as conn:
            channels.move(conn, bench.organisation, "live", "e1", public=True, at=context.at, note="slow")

    bench.runner(slow).run(job.id)
    assert (bench.moves, bench.job()) == ({"slow": 1}, None)


@pytest.mark.parametrize("change", ["planned", "cancelled"])
def test_changed_meanwhile(bench, change):
    """Work on a job that is planned anew or called off meanwhile does nothing."""
    job = bench.plan()

    def slow(job, context):
        if change == "planned":
            bench.plan(due_at=bench.clock.now + HOUR)
        else:
            with bench.database.write(ACROSS) as conn:
                jobs.cancel(conn, "move", "s1")
        with context.finishing() as conn:
            channels.move(conn, bench.organisation, "live", "e1", public=True, at=context.at, note="too late")

    bench.runner(slow).run(job.id)
    assert bench.moves == {}
    left = bench.job()
    assert left is None if change == "cancelled" else (left.due_at, left.attempts) == (bench.clock.now + HOUR, 0)


def test_plans_itself_anew(bench):
    """A handler may plan its own job anew with what it does; then the job is not done but due again."""
    job = bench.plan()

    def again(job, context):
        with context.finishing() as conn:
            jobs.plan(conn, job.kind, job.subject, context.at + HOUR, organisation_id=job.organisation_id)

    assert bench.runner(again).run(job.id)
    assert (bench.job().due_at, bench.job().claim) == (bench.clock.now + HOUR, None)


def test_steps(bench):
    """What a handler does in several transactions is there after each; the job ends when the handler does."""
    job = bench.plan()

    def steps(job, context):
        for n in range(3):
            with context.writing() as conn:
                channels.move(conn, bench.organisation, "live", "e1", public=True, at=context.at, note=f"step {n}")
            assert bench.job() is not None

    bench.runner(steps).run(job.id)
    assert (bench.moves, bench.job()) == ({"step 0": 1, "step 1": 1, "step 2": 1}, None)


def test_claim_is_renewed(bench):
    """The claim is renewed while the handler works, so that no other worker begins."""
    job = bench.plan(due_at=datetime.now(UTC))
    claims = []

    def slow(job, context):
        eventually(lambda: claims.append(bench.job().claimed_until) or len(set(claims)) >= 3)

    bench.runner(slow, timedelta(seconds=0.6), clock=lambda: datetime.now(UTC)).run(job.id)
    assert claims == sorted(claims)
    assert bench.job() is None


def test_fault(bench):
    """A job that fails is tried again later, and says why without the words of an error that is not ours."""
    job = bench.plan()
    assert bench.runner(broken).run(job.id)
    left = bench.job()
    assert (left.due_at, left.claimed_until) == (bench.clock.now, bench.clock.now + pause_after(1))
    assert "RuntimeError" in left.fault
    assert "secret" not in left.fault
    assert not bench.runner().run(job.id)
    bench.clock.now += pause_after(1)
    assert bench.runner().run(job.id)
    assert (bench.moves, bench.job()) == ({"s1": 1}, None)


def test_fault_in_the_transaction(bench):
    """What a handler did before it failed is undone."""
    job = bench.plan()

    def half(job, context):
        with context.finishing() as conn:
            channels.move(conn, bench.organisation, "live", "e1", public=True, at=context.at, note="half")
            raise Conflict("The shelf\n is full")

    bench.runner(half).run(job.id)
    assert (bench.moves, bench.job().fault) == ({}, "The shelf is full")


def test_exit_is_a_fault(bench):
    """A handler that wants to end the process ends its job only."""
    job = bench.plan()

    def leave(job, context):
        raise SystemExit(3)

    assert bench.runner(leave).run(job.id)
    assert "SystemExit" in bench.job().fault


def test_given_up(bench):
    """What fails again and again is given up, and who is to know is told once, in the same transaction."""
    job = bench.plan()
    told = []

    def tell(conn, job, at):
        told.append(jobs.of_organisation(conn, job.organisation_id)[0].failed_at)

    runner = bench.runner(broken, given_up=tell)
    for attempt in range(1, ATTEMPTS + 1):
        assert runner.run(job.id)
        bench.clock.now += pause_after(attempt)
    assert told == [bench.job().failed_at]
    assert told[0] is not None
    assert not runner.run(job.id)


def test_given_up_though_nobody_can_be_told(bench):
    """A job is given up also if telling of it fails."""
    job = bench.plan()

    def fail(conn, job, at):
        organisations.update(conn, "nobody", name="", settings={}, at=at)

    runner = bench.runner(broken, given_up=fail)
    for attempt in range(1, ATTEMPTS + 1):
        assert runner.run(job.id)
        bench.clock.now += pause_after(attempt)
    assert bench.job().failed_at is not None


def test_workers_died(bench):
    """A job at which worker after worker dies is given up, without another try."""
    job = bench.plan()
    for _ in range(ATTEMPTS):
        with bench.database.write(ACROSS) as conn:
            until = bench.clock.now + LEASE
            assert jobs.claim(conn, job.id, ["move"], "dead", now=bench.clock.now, until=until)
        bench.clock.now = until
    assert bench.runner().run(job.id)
    assert (bench.moves, bench.job().failed_at) == ({}, bench.clock.now)


def test_something_is_silent(bench):
    """What something else kept from being done counts as no attempt, however often."""
    job = bench.plan()

    def silent(job, context):
        raise Unavailable("It does not answer")

    for _ in range(2 * ATTEMPTS):
        assert bench.runner(silent).run(job.id)
        assert bench.job().attempts == 0
        bench.clock.now += SILENCE
    assert bench.runner().run(job.id)


def test_stopped(bench):
    """Long work that is told to stop is given back as it was."""
    job = bench.plan()
    runner = bench.runner(lambda _, context: context.go_on())
    runner.stopping.set()
    assert runner.run(job.id)
    assert (bench.job().claim, bench.job().attempts) == (None, 0)
    assert bench.runner().run(job.id)


def test_given_back_while_at_it(bench):
    """What a worker gives back while it is still at it is another's, and what it does to it is undone."""
    job = bench.plan()
    runner = bench.runner(lambda _, context: (reached.set(), go.wait(10), late(context)))
    reached, go = threading.Event(), threading.Event()

    def late(context):
        with context.finishing() as conn:
            channels.move(conn, bench.organisation, "live", "e1", public=True, at=context.at, note="too late")

    thread = threading.Thread(target=runner.run, args=(job.id,))
    thread.start()
    assert reached.wait(10)
    runner.give_back()
    assert bench.runner().run(job.id)
    go.set()
    thread.join(10)
    assert (bench.moves, bench.job()) == ({"s1": 1}, None)


def test_sees_its_organisation(bench):
    """The job of an organisation sees that one's rows, and one of nobody's sees all."""
    seen = {}

    def look(job, context):
        with context.finishing() as conn:
            seen[job.subject] = organisations.slugs(conn)

    with bench.database.write(ACROSS) as conn:
        organisations.insert(conn, "harbour", name="Harbour", settings={}, at=bench.clock.now)
    runner = bench.runner(look)
    runner.run(bench.plan("mine").id)
    runner.run(bench.plan("all", organisation_id=None).id)
    everybody = ("harbour", "northbridge")
    assert seen == {"mine": everybody if bench.database.is_sqlite else ("northbridge",), "all": everybody}


def test_pauses():
    """A job rests twice as long after each fault, and never longer than an hour."""
    pauses = [pause_after(attempt) for attempt in range(1, 99)]
    assert pauses[:3] == [timedelta(seconds=2), timedelta(seconds=4), timedelta(seconds=8)]
    assert (max(pauses), pauses) == (LONGEST_PAUSE, sorted(pauses))
