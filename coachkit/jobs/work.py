"""Does one job: claims it, renews the claim while its handler works, and ends it, well or not.

A job is done once, however often workers are woken for it and whoever of them dies: what a handler does goes into a
transaction of its context, which begins by making sure that the claim still holds. `Context.finishing` ends the job in
the same transaction, so that there is either both or neither. Knows no kind of work, and no clock but the one it is
given.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Connection

from coachkit.db import jobs
from coachkit.db.database import Database
from coachkit.db.jobs import Job
from coachkit.db.scopes import ACROSS, Scope, narrow, only
from coachkit.errors import CoachKitError, Unavailable

LEASE: Final = timedelta(seconds=60)
"""How long a claim holds after the worker that has it last said that it lives."""
RENEWED: Final = 3
"""How often a claim is renewed within its lease."""
ATTEMPTS: Final = 10
"""After how many a job is given up; they take about a quarter of an hour."""
LONGEST_PAUSE: Final = timedelta(hours=1)
"""Between two attempts."""
SILENCE: Final = timedelta(seconds=2)
"""How long a job rests for which something did not answer; that is no fault of its own, and no attempt."""
_SENTENCE: Final = 300
"""Characters of a fault that are kept."""

_log = structlog.get_logger("coachkit.jobs")


class Lost(Exception):
    """The claim holds no more: the job was planned anew or called off, or is another worker's. Nothing was done."""


class Stopped(Exception):
    """The worker is to stop: the job is given back as it was, for another worker."""


@dataclass
class Context:
    """What a handler may use. `at` is when the job was begun, for everything that is said to have happened then."""

    job: Job
    database: Database
    at: datetime
    clock: Callable[[], datetime]
    stopping: threading.Event
    ended: bool = field(default=False, init=False)
    """Whether `finishing` has ended the job."""

    @contextmanager
    def writing(self, scope: Scope | None = None) -> Iterator[Connection]:
        """A transaction of which nothing stays unless the claim holds to its end. Raises Lost.

        It sees the job's organisation, or all of them where the job is nobody's, unless another scope is named.
        """
        with self.database.write(scope_of(self.job)) as conn:
            if not jobs.holds(conn, self.job):
                raise Lost
            if scope is not None:
                narrow(conn, scope)
            yield conn

    @contextmanager
    def finishing(self, scope: Scope | None = None) -> Iterator[Connection]:
        """The same, and the job is done with it: a handler's last transaction, and mostly its only one."""
        with self.writing(scope) as conn:
            yield conn
            narrow(conn, scope_of(self.job))
            if not jobs.finish(conn, self.job, self.clock()):  # the handler itself planned it anew
                _log.info("job planned anew", kind=self.job.kind, job=self.job.id)
        self.ended = True

    def go_on(self) -> None:
        """To be called between the steps of long work. Raises Stopped where the worker is to stop."""
        if self.stopping.is_set():
            raise Stopped


Handler = Callable[[Job, Context], None]
"""Does a job of its kind. What it raises is a fault, and the job is tried again later.

It may be called again for a job that it has done almost to the end. What must not be done twice belongs into
`context.finishing()`; what it does without the context must be the same when it is done again.
"""
GivenUp = Callable[[Connection, Job, datetime], None]
"""Told of a job of its kind that will not be tried again, in the transaction that says so."""


@dataclass(frozen=True)
class Kind:
    """A kind of work: who does it, and who is told when it is given up."""

    handler: Handler
    given_up: GivenUp | None = None


def scope_of(job: Job) -> Scope:
    """Whose rows a job sees."""
    return ACROSS if job.organisation_id is None else only(job.organisation_id)


def pause_after(attempts: int) -> timedelta:
    """How long a job rests after so many attempts, 1 or more: twice as long each time, and at most LONGEST_PAUSE."""
    return min(timedelta(seconds=2 ** min(attempts, 32)), LONGEST_PAUSE)


class Runner:
    """Does jobs of the kinds it knows, for one worker. Safe to share between threads."""

    def __init__(
        self, database: Database, kinds: Mapping[str, Kind], clock: Callable[[], datetime], lease: timedelta = LEASE
    ) -> None:
        self.database = database
        self.kinds = kinds
        self.clock = clock
        self.stopping = threading.Event()
        self._lease = lease
        self._lock = threading.Lock()
        self._working: dict[int, Job] = {}

    def due(self, limit: int) -> tuple[Job, ...]:
        """What is to be done now, of the kinds it knows. Raises Unavailable."""
        with self.database.read(ACROSS) as conn:
            return jobs.due(conn, tuple(self.kinds), self.clock(), limit)

    def run(self, job_id: int) -> bool:
        """Do a job, if it is due and nobody is at it. Whether it was to be had. Whatever happens is logged."""
        try:
            job = self._claimed(job_id)
        except Unavailable as error:
            _log.warning("a job cannot be claimed", job=job_id, reason=error.detail)
            return False
        if job is None:
            return False
        with self._at(job):
            self._do(job)
        return True

    def give_back(self) -> None:
        """Leave to other workers what this one is still at; what it does to them from now on is undone."""
        with self._lock:
            left = tuple(self._working.values())
        for job in left:
            self._settle(job, "job given back", self._given_back)

    def _claimed(self, job_id: int) -> Job | None:
        now = self.clock()
        token = secrets.token_hex(16)
        with self.database.write(ACROSS) as conn:
            return jobs.claim(conn, job_id, tuple(self.kinds), token, now=now, until=now + self._lease)

    def _do(self, job: Job) -> None:
        if job.attempts > ATTEMPTS:  # each time the process ended before anything could be said
            self._give_up(job, "Whoever was at it ended before it was done")
            return
        began = time.monotonic()
        context = Context(job, self.database, self.clock(), self.clock, self.stopping)
        try:
            self.kinds[job.kind].handler(job, context)
            if not context.ended:
                with context.finishing():
                    pass
        except Lost:
            _log.info("job lost", **_named(job))
        except Stopped:
            self._settle(job, "job given back", self._given_back)
        except Unavailable as error:
            self._settle(job, "job waits", partial(self._given_back, pause=SILENCE), reason=error.detail)
        except (Exception, SystemExit) as error:  # noqa: BLE001 — whatever it is, the other jobs are done
            self._failed(job, error)
        else:
            _log.info("job done", **_named(job), seconds=round(time.monotonic() - began, 3))

    def _failed(self, job: Job, error: BaseException) -> None:
        fault = _sentence(error)
        if not isinstance(error, CoachKitError):
            _log.error("job failed unexpectedly", **_named(job), exc_info=error)
        if job.attempts >= ATTEMPTS:
            self._give_up(job, fault)
        else:
            at = self.clock() + pause_after(job.attempts)
            self._settle(job, "job failed", lambda conn, each: jobs.retry(conn, each, at, fault), reason=fault)

    def _give_up(self, job: Job, fault: str) -> None:
        try:
            self._settle(job, "job given up", partial(self._given_up, fault=fault), reason=fault)
        except Exception as error:  # noqa: BLE001 — who is told of it fails too: it is given up all the same
            _log.error("nobody could be told that a job was given up", **_named(job), exc_info=error)
            self._settle(job, "job given up", lambda conn, each: jobs.give_up(conn, each, self.clock(), fault))

    def _given_up(self, conn: Connection, job: Job, fault: str) -> bool:
        told, now = self.kinds[job.kind].given_up, self.clock()
        held = jobs.give_up(conn, job, now, fault)
        if held and told is not None:
            told(conn, job, now)
        return held

    def _given_back(self, conn: Connection, job: Job, pause: timedelta = timedelta()) -> bool:
        return jobs.give_back(conn, job, self.clock() + pause)

    def _settle(self, job: Job, event: str, settle: Callable[[Connection, Job], bool], **said: object) -> None:
        """Say in the table how a job ended; where that cannot be said its lease runs out, and it is tried again."""
        try:
            with self.database.write(scope_of(job)) as conn:
                held = settle(conn, job)
        except Unavailable as error:
            _log.warning("a job cannot be settled", **_named(job), reason=error.detail)
            return
        _log.info(event if held else "job lost", **_named(job), **said)

    @contextmanager
    def _at(self, job: Job) -> Iterator[None]:
        """While it lasts, this worker is at the job, and its claim is renewed."""
        done = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(job, done), name=f"coachkit-lease-{job.id}", daemon=True)
        with self._lock:
            self._working[job.id] = job
        renewing.start()
        try:
            yield
        finally:
            done.set()
            with self._lock:
                del self._working[job.id]
            renewing.join()

    def _renew(self, job: Job, done: threading.Event) -> None:
        while not done.wait(self._lease.total_seconds() / RENEWED):
            try:
                with self.database.write(scope_of(job)) as conn:
                    if not jobs.renew(conn, job, self.clock() + self._lease):
                        return
            except Unavailable as error:
                _log.warning("a claim cannot be renewed", **_named(job), reason=error.detail)


def _named(job: Job) -> dict[str, object]:
    return {"kind": job.kind, "job": job.id, "attempt": job.attempts}


def _sentence(error: BaseException) -> str:
    """Why it failed: in our own words where the error has them, and else only what kind of error it is."""
    if isinstance(error, CoachKitError):
        return " ".join(str(error).split())[:_SENTENCE]
    return f"It failed unexpectedly ({type(error).__name__}); the log says more"
