"""What `/metrics` says of jobs."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from coachkit.api.background import look
from coachkit.api.metrics import exposition
from coachkit.db import jobs
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS

EARLIER = timedelta(minutes=7)


@pytest.fixture
def planned(database):
    """One job of schedules is due since EARLIER, and another waits."""
    now = datetime.now(UTC)
    with database.write(ACROSS) as conn:
        jobs.plan(conn, "schedule", "s1", now - EARLIER)
        jobs.plan(conn, "schedule", "s2", now + EARLIER)


def said(text):
    """The values that an exposition has for jobs."""
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("coachkit_jobs")]
    return {name: float(value) for name, value in lines}


def test_jobs(database, planned):
    """Jobs are there by kind and state, with how long the oldest has been due."""
    found = said(exposition(look(database))[0].decode())
    states = {"waiting": 1, "due": 1, "running": 0, "failed": 0}
    oldest = found.pop('coachkit_jobs_oldest_due_seconds{kind="schedule"}')
    assert EARLIER.total_seconds() <= oldest < EARLIER.total_seconds() + 60
    assert found == {f'coachkit_jobs{{kind="schedule",state="{name}"}}': count for name, count in states.items()}


def test_one_query(database, planned):
    """A scrape asks the database once."""
    asked = []

    def hear(conn, cursor, statement, *_):
        if "jobs" in statement:
            asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    try:
        exposition(look(database))
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)
    assert len(asked) == 1


@pytest.mark.parametrize("url", ["sqlite:///{}/empty.sqlite", "postgresql://coachkit@127.0.0.1:1/none"])
def test_a_database_that_does_not_say(tmp_path, url):
    """Where the database is silent, or was never migrated, the rest is said and of jobs nothing."""
    database = Database(url.format(tmp_path), 1.0)
    text, _ = exposition(look(database))
    database.dispose()
    assert b"coachkit_request_seconds" in text
    assert b"coachkit_jobs" not in text


@pytest.mark.parametrize("cache", ["memory"], indirect=True)
def test_scraped(house, database, planned):
    """Who may scrape an installation is told of its jobs."""
    text = house.client().get("/metrics").text
    assert said(text)['coachkit_jobs{kind="schedule",state="due"}'] == 1
