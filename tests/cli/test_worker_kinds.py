"""What the worker does by itself, each kind as it is wired: planned, done, and said in the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from publishing import AT, example, organisation, publish
from structlog.testing import capture_logs

from coachkit.cli.installation import installation
from coachkit.cli.worker import REPEATING, kinds, plan_repeating
from coachkit.db import jobs, tables
from coachkit.db.scopes import ACROSS
from coachkit.jobs.work import Runner
from coachkit.settings import Settings

REVIEWED = datetime(2027, 10, 15, 12, tzinfo=UTC)
"""A little before the day by which the example pack wants to be reviewed."""


@pytest.fixture
def work(database):
    """Does what is due at a time, and gives what was logged beside that it was done."""

    def work(at):
        with installation(Settings(database.url, bytes(range(32)))) as here, capture_logs() as logs:
            runner = Runner(here.database, kinds(here), lambda: at)
            for job in runner.due(10):
                assert runner.run(job.id)
        assert [each for each in logs if each["event"] == "job failed"] == []
        return [each for each in logs if each["event"] not in {"job done", "plugin not used"}]

    return work


@pytest.fixture
def planned(database):
    def plan(at):
        with database.write(ACROSS) as conn:
            plan_repeating(conn, at)
            return {each.kind: each for each in jobs.due(conn, tuple(REPEATING), at, 99)}

    return plan


def test_planned_at_once_and_then_at_its_hour(database, planned, work):
    """What repeats is due at once where it is new, then at its hours, however often a worker starts."""
    assert planned(REVIEWED).keys() == REPEATING.keys()
    work(REVIEWED)
    assert planned(REVIEWED) == {}
    later = planned(REVIEWED + timedelta(days=1))
    daily = {kind: hour for kind, (every, hour) in REPEATING.items() if every == timedelta(days=1)}
    assert {kind: each.due_at.time() for kind, each in later.items() if kind in daily} == daily


def test_reviews(database, planned, work):
    """The log says of each organisation how much is to be reviewed, and what comes first; nothing of others."""
    example(database)
    for slug in ("northbridge", "harbour", "eastgate"):
        organisation(database, slug)
    for slug in ("northbridge", "harbour"):
        publish(database, slug)
    planned(AT)
    assert work(AT) == []
    (harbour, northbridge) = [each for each in work(REVIEWED) if each["event"] == "reviews due"]
    assert (harbour["organisation"], northbridge["organisation"]) == ("harbour", "northbridge")
    assert (northbridge["passed"], northbridge["review_by"]) == (0, "2027-11-01")
    assert northbridge["soon"] > 1
    (passed, _) = [each for each in work(REVIEWED + timedelta(days=30)) if each["event"] == "reviews due"]
    assert (passed["passed"], passed["soon"]) == (northbridge["soon"], 0)


def test_reviews_of_what_cannot_be_read(database, planned, work):
    """An edition that cannot be read keeps nobody from hearing of the others."""
    example(database)
    for slug in ("northbridge", "harbour"):
        organisation(database, slug)
        publish(database, slug)
    with database.write(ACROSS) as conn:
        id_ = conn.scalar(sa.select(tables.organisations.c.id).where(tables.organisations.c.slug == "harbour"))
        conn.execute(sa.update(tables.editions).where(tables.editions.c.organisation_id == id_).values(manifest=b"{"))
    planned(REVIEWED)
    said = {each["organisation"]: each["event"] for each in work(REVIEWED) if "organisation" in each}
    assert said == {"harbour": "reviews cannot be seen", "northbridge": "reviews due"}


def test_retention(database, planned, work):
    """What nobody needs any more is cleared away, and the log says how much it was."""
    example(database)
    organisation(database)
    publish(database, channel=None)
    planned(AT + timedelta(days=31))
    cleared = [each for each in work(AT + timedelta(days=31)) if each["event"] == "cleared away"]
    assert [(each["editions"], each["answers"]) for each in cleared] == [(1, 0)]
