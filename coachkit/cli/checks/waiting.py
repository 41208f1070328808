"""What is to be done in the background: whether anybody does it, and what was given up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from coachkit.cli.checks.findings import Finding, Report
from coachkit.cli.installation import Installation
from coachkit.db import jobs
from coachkit.db.jobs import Count, Job
from coachkit.db.scopes import ACROSS

LATE: Final = timedelta(minutes=5)
"""How long after its time a job should have been begun."""
AT_MOST: Final = 20
"""Jobs that are named one by one."""


def background(here: Installation, at: datetime) -> Report:
    """How many jobs there are of each kind, and which of them nobody does."""
    with here.database.read(ACROSS) as conn:
        counts = jobs.counts(conn, at - LATE)
        failed = jobs.failed(conn, AT_MOST)
    return Report({"jobs": {each.kind: each.planned for each in counts}}, (*overdue(counts), *faulty(failed)))


def overdue(counts: Iterable[Count]) -> Iterator[Finding]:
    """Jobs whose time has come and gone."""
    late = [f"{each.overdue} of {each.kind}" for each in counts if each.overdue]
    if late:
        yield Finding(
            "worker",
            "jobs-overdue",
            f"jobs are more than {LATE.seconds // 60} minutes late: {', '.join(late)}",
            "schedules do not move, reviews are not told of, and nothing is cleared away",
            "run `coachkit worker`, or `coachkit serve`, which has one; where one runs, its log says what keeps it",
            "warning",
        )


def faulty(failed: Iterable[Job]) -> Iterator[Finding]:
    """Jobs that were given up, and those that will be tried again."""
    for job in failed:
        again = job.failed_at is None or job.every_seconds is not None
        yield Finding(
            f"job {job.kind}",
            "job-failed",
            f"it failed: {job.fault}",
            "it is tried again by itself" if again else "it was tried often enough, and is not any more",
            "see the worker's log for what kept it" if again else "mend what kept it, and plan it again",
            "warning",
        )
