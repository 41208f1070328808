"""Jobs whose effect can be counted: each moves a channel, with its subject as the note.

Run as a program, it is a worker that does such jobs, slowly, until it is killed.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from coachkit.db import channels, jobs
from coachkit.db.database import Database
from coachkit.db.jobs import Job
from coachkit.db.scopes import ACROSS
from coachkit.jobs.queue import FileStorage, Queue, carrying
from coachkit.jobs.work import LEASE, Context, Handler, Kind, Runner
from coachkit.jobs.worker import Worker

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that a test turns."""

    now: datetime = AT

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Bench:
    """A database with an organisation whose channel is moved, and workers' runners over it."""

    database: Database
    organisation: int
    clock: Clock = field(default_factory=Clock)

    def plan(self, subject: str = "s1", due_at: datetime = AT, **given: object) -> Job:
        with self.database.write(ACROSS) as conn:
            return jobs.plan(conn, "move", subject, due_at, **{"organisation_id": self.organisation} | given)

    def runner(self, handler: Handler | None = None, lease: timedelta = LEASE, clock=None, **given: object) -> Runner:
        kinds = {"move": Kind(handler or move, **given)}
        return Runner(self.database, kinds, clock or self.clock, lease)

    def job(self, subject: str = "s1") -> Job | None:
        return next((each for each in self.left if each.subject == subject), None)

    @property
    def left(self) -> tuple[Job, ...]:
        """The jobs that are not done yet."""
        with self.database.read(ACROSS) as conn:
            return jobs.of_organisation(conn, self.organisation)

    @property
    def claims(self) -> set[str]:
        """Under which tokens somebody is at a job, or was until he died."""
        return {each.claim for each in self.left if each.claim}

    @property
    def moves(self) -> Counter[str]:
        """How often the effect of each job is there."""
        with self.database.read(ACROSS) as conn:
            return Counter(each.note for each in channels.history(conn, self.organisation, "live"))


def move(job: Job, context: Context) -> None:
    """The effect: one move, and the job's end with it."""
    with context.finishing() as conn:
        channels.move(conn, job.organisation_id, "live", "e1", public=True, at=context.at, note=job.subject)


def _slowly(job: Job, context: Context) -> None:
    """The same, with time to be killed in: before it, in the middle, and before its end is durable."""
    time.sleep(random.random() / 20)
    with context.finishing() as conn:
        time.sleep(random.random() / 100)
        channels.move(conn, job.organisation_id, "live", "e1", public=True, at=context.at, note=job.subject)
        time.sleep(random.random() / 100)


def _work(url: str, queue_file: str, lease_seconds: float) -> None:
    waiting = Queue(lambda: carrying("jobs", FileStorage, filename=queue_file))
    lease = timedelta(seconds=lease_seconds)
    runner = Runner(Database(url), {"move": Kind(_slowly)}, lambda: datetime.now(UTC), lease)
    Worker(runner, waiting, threads=2).start()
    threading.Event().wait()


if __name__ == "__main__":
    _work(sys.argv[1], sys.argv[2], float(sys.argv[3]))
