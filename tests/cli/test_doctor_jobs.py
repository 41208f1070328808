"""`coachkit doctor` and `coachkit org reviews` on what is to be done in the background, and what nobody does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coachkit.cli.checks.waiting import LATE
from coachkit.db import jobs
from coachkit.db.scopes import ACROSS

LONG_AGO = datetime.now(UTC) - 2 * LATE
MINUTE = timedelta(minutes=1)
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def found(furnished):
    """What the doctor says: the problems of a code, and the facts about jobs."""

    def examine(code=None):
        said = furnished("doctor", "--json", status=1).json  # a test's secret key is weak
        problems = [each for each in said["problems"] if each["code"] == code]
        return problems if code else said["background"]["jobs"]

    return examine


def test_nobody_works(database, found):
    """Jobs that should have begun minutes ago are a warning, which says what to run; those of this moment are none."""
    with database.write(ACROSS) as conn:
        jobs.plan(conn, "schedule", "s1", datetime.now(UTC) - MINUTE)
    assert found("jobs-overdue") == []
    with database.write(ACROSS) as conn:
        jobs.plan(conn, "retention", "all", LONG_AGO, every_seconds=86_400)
    (problem,) = found("jobs-overdue")
    assert problem["severity"] == "warning"
    assert "1 of retention" in problem["message"]
    assert "schedule" not in problem["message"]
    assert "coachkit worker" in problem["hint"]
    assert found() == {"retention": 1, "schedule": 1}


@ONE_DATABASE
def test_failed(database, found):
    """Jobs that were given up are said with their fault, and so are those that are tried again."""
    now = datetime.now(UTC)
    with database.write(ACROSS) as conn:
        for subject in ("up", "again"):
            planned = jobs.plan(conn, "schedule", subject, now)
            job = jobs.claim(conn, planned.id, ["schedule"], "one", now=now, until=now + MINUTE)
            if subject == "up":
                jobs.give_up(conn, job, now, "The edition is gone")
            else:
                jobs.retry(conn, job, now + MINUTE, "It broke")
    problems = {each["message"]: each["hint"] for each in found("job-failed")}
    assert set(problems) == {"it failed: The edition is gone", "it failed: It broke"}
    assert "plan it again" in problems["it failed: The edition is gone"]


@ONE_DATABASE
def test_reviews_overdue(found, monkeypatch):
    """A resource whose day of review has passed is said of the organisation that serves it."""
    assert found("review-overdue") == []
    monkeypatch.setattr("coachkit.cli.doctor.now", lambda: datetime(2027, 11, 2, tzinfo=UTC))
    (problem,) = found("review-overdue")
    assert problem["file"] == "northbridge"
    assert "2027-11-01" in problem["message"]


@ONE_DATABASE
def test_reviews_listed(furnished):
    """`org reviews` lists what is to be read again by a day, soonest first, and says so if that is nothing."""
    assert furnished("org", "reviews", "northbridge", "--days", "0").out == "Nothing is to be reviewed.\n"
    listed = furnished("org", "reviews", "northbridge", "--days", "9999", "--json").json["reviews"]
    assert {"kind": "module", "id": "first-hour", "pack": "example", "version": "1.0.0", "review_by": "2027-11-01"} in (
        listed
    )
    assert furnished("org", "reviews", "northbrige", status=1).err
    said = furnished("org", "reviews", "northbridge", "--days", "9999").out
    assert "2027-11-01  module/first-hour  example@1.0.0\n" in said
