"""`coachkit worker`: does what is due in the background, for as long as it is wanted.

The one place where kinds of work meet who does them. Knows nothing of how jobs are claimed, or carried.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from types import FrameType
from typing import Final

import click
import structlog
from dns.resolver import Resolver
from sqlalchemy import Connection

from coachkit import settings as settings_module
from coachkit.cli.installation import Installation, installation, now, require_migrated
from coachkit.cli.output import json_option, show
from coachkit.db import jobs
from coachkit.db import organisations as rows
from coachkit.db.jobs import Job
from coachkit.db.scopes import ACROSS, only
from coachkit.editions.library import Library
from coachkit.errors import CoachKitError, SettingsError, Unavailable
from coachkit.jobs import queue
from coachkit.jobs.work import Context, Kind, Runner
from coachkit.jobs.worker import Worker
from coachkit.organisations import hostnames, lookups, retention, reviews, schedules
from coachkit.organisations.audit import WORKER
from coachkit.organisations.quotas import Quotas

THREADS: Final = 2
NICENESS: Final = 5
"""Readers wait for the web side, and nobody for this: where both want a processor, it has the smaller part."""
GRACE_SECONDS: Final = 6.0
"""How long a worker that is told to stop goes on with what it has begun."""
PATIENCE: Final = 60.0
"""Seconds that a transaction of a worker waits for the database in all."""
WAIT_SECONDS: Final = 1.0
"""Between two tries to reach a database that does not answer when the worker starts."""
_LOOK_SECONDS: Final = 0.1
"""Between two looks whether a signal has come."""
DAILY: Final = timedelta(days=1)
ALL: Final = "all"
"""The subject of jobs that are for all organisations."""

_log = structlog.get_logger("coachkit.worker")


@click.command()
@click.option("--threads", default=THREADS, show_default=True, type=click.IntRange(1, 64), help="Jobs done at once.")
@click.option(
    "--pulse", type=click.Path(dir_okay=False, path_type=Path), help="A file that is touched as long as it works."
)
@json_option
def worker(threads: int, *, pulse: Path | None, as_json: bool) -> None:
    """Do what is due: move channels at their times, tell of reviews, clear away what nobody needs. Runs until stopped.

    Any number of workers may run; each job is done once.
    """
    beat = _beating(pulse)
    wishes = _Wishes()
    if os.getpriority(os.PRIO_PROCESS, 0) < NICENESS:
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    settings = settings_module.load()
    with installation(settings, migrated=False, patience=PATIENCE) as here:
        waiting = queue.of_installation(settings)
        show({"threads": threads}, (), as_json=as_json)
        if _prepared(here, wishes, beat):
            _work(Worker(Runner(here.database, kinds(here), now), waiting, threads, beat), threads, wishes)
        waiting.close()
    if wishes.again:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 as this process was started


def kinds(here: Installation, resolver: Callable[[], Resolver] = lookups.resolver) -> Mapping[str, Kind]:
    """Every kind of work there is, by its name in the table of jobs, and who does it.

    Who plans a job of a new kind adds its line here; what repeats has another in REPEATING. `resolver` makes what asks
    the DNS.
    """
    library, quotas = Library(here.database), Quotas.of(here.settings)
    return {
        "reviews": Kind(lambda _, context: _reviews(context, library)),
        "retention": Kind(lambda _, context: _retention(context)),
        schedules.KIND: Kind(lambda job, context: _schedule(job, context, quotas), _schedule_given_up),
        schedules.TURNS: Kind(lambda _, context: _turn_schedules(context)),
        hostnames.KIND: Kind(lambda _, context: _hostnames(context, resolver)),
    }


REPEATING: Final[Mapping[str, tuple[timedelta, time_of_day]]] = {
    "reviews": (DAILY, time_of_day(5, 0)),
    "retention": (DAILY, time_of_day(3, 30)),
    schedules.TURNS: (DAILY, time_of_day(2, 0)),
    hostnames.KIND: (hostnames.EVERY, time_of_day(0, 0)),
}
"""What is done again and again for all organisations: how often, and from when in UTC; daily where most sleep."""


def plan_repeating(conn: Connection, at: datetime) -> None:
    """Plan what repeats, where it is not planned yet: the first time at once, then each day at its hour."""
    for kind, (every, hour) in REPEATING.items():
        first = datetime.combine(at.date(), hour, at.tzinfo)
        jobs.ensure(conn, kind, ALL, first if first <= at else first - every, int(every.total_seconds()))


# --- what is done -------------------------------------------------------------------------------


def _reviews(context: Context, library: Library) -> None:
    """Log of each organisation how many resources are to be read again now and soon, and which comes first."""
    today = context.at.date()
    with context.database.read(ACROSS) as conn:
        slugs = rows.slugs(conn)
    for slug in slugs:
        context.go_on()
        try:
            found = reviews.of_organisation(context.database, library, slug, today + reviews.AHEAD)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 — one organisation's edition is spoiled: the others' are looked at
            reason = str(error) if isinstance(error, CoachKitError) else type(error).__name__
            _log.warning("reviews cannot be seen", organisation=slug, reason=reason)
            continue
        if found:
            passed = sum(each.review_by < today for each in found)
            next_ = found[0]
            _log.warning(
                "reviews due",
                organisation=slug,
                passed=passed,
                soon=len(found) - passed,
                first=f"{next_.kind}/{next_.id}",
                review_by=next_.review_by.isoformat(),
            )


def _retention(context: Context) -> None:
    cleared = retention.clear(context.writing, context.at, context.go_on)
    if any(asdict(cleared).values()):
        _log.info("cleared away", **asdict(cleared))


def _schedule(job: Job, context: Context, quotas: Quotas) -> None:
    """Move a channel whose time has come, and end the job with it."""
    with context.finishing() as conn:
        ended = schedules.settle(conn, _organisation(job), job.subject, quotas=quotas, at=context.at)
    for each in ended:
        _log.info("schedule settled", schedule=each.id, channel=each.channel, state=each.state, reason=each.reason)


def _schedule_given_up(conn: Connection, job: Job, at: datetime) -> None:
    schedules.give_up(conn, _organisation(job), job.subject, at=at)


def _turn_schedules(context: Context) -> None:
    moved = schedules.turn_all(context.database, context.at)
    if moved:
        _log.info("schedules planned anew", schedules=moved)


def _hostnames(context: Context, resolver: Callable[[], Resolver]) -> None:
    """Look whether hostnames' records are in the DNS, for as many as are looked at in one go."""
    with context.database.read(ACROSS) as conn:
        due = hostnames.due(conn, context.at)
    if not due:
        return
    asked, silent = resolver(), 0
    for each in due:
        context.go_on()
        finding = lookups.ask(each, asked)
        with context.writing(only(each.organisation_id)) as conn:
            hostnames.settle(conn, each, finding, actor=WORKER, at=context.at)
        silent = silent + 1 if finding == hostnames.SILENT else 0
        if silent == hostnames.SILENT_IN_A_ROW:
            _log.warning("the DNS gives no answer; hostnames are looked at later", looked_at=each.name)
            return


def _organisation(job: Job) -> int:
    if job.organisation_id is None:
        raise ValueError(f"the job {job.id} is for no organisation")
    return job.organisation_id


# --- running ------------------------------------------------------------------------------------


class _Wishes:
    """What signals ask for: to stop (SIGTERM, Ctrl-C), or to begin anew with the settings as they are now (SIGHUP).

    A handler runs in the middle of anything, another handler too; so it takes no lock, and whoever waits looks often.
    """

    def __init__(self) -> None:
        self.stopping = False
        self.again = False
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        self._reloading = False

    def wait(self, seconds: float = math.inf) -> bool:
        """Wait for so long, or until the worker is to stop. Whether it is."""
        until = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            if self._reloading:
                self._reload_now()
        return self.stopping

    def _stop(self, sign: int, frame: FrameType | None) -> None:  # noqa: ARG002 a handler's shape
        self.again = False
        self.stopping = True

    def _reload(self, sign: int, frame: FrameType | None) -> None:  # noqa: ARG002 the same
        self._reloading = not self.stopping

    def _reload_now(self) -> None:
        self._reloading = False
        try:
            settings_module.load()
        except SettingsError as error:
            _log.warning("the settings from before hold on", reason=str(error))
        else:
            self.again = not self.stopping
            self.stopping = True


def _beating(pulse: Path | None) -> Callable[[], None]:
    """What touches a file, where there is to be one. Raises SettingsError where that cannot be done from the start."""
    if pulse is None:
        return lambda: None
    try:
        pulse.touch()
    except OSError as error:
        raise SettingsError(f"{pulse} cannot be written: {error.strerror}") from None

    def beat() -> None:
        with suppress(OSError):  # whoever looks at it sees that it is old
            pulse.touch()

    return beat


def _prepared(here: Installation, wishes: _Wishes, beat: Callable[[], None]) -> bool:
    """Whether what repeats is planned: as soon as the database answers, unless the worker is to stop before.

    Raises SettingsError for one that is not up to date.
    """

    def prepare() -> None:
        require_migrated(here.database)
        with here.database.write(ACROSS) as conn:
            plan_repeating(conn, now())

    said = False
    while not wishes.stopping:
        beat()
        try:
            prepare()
        except Unavailable as error:
            if not said:
                _log.warning("the worker waits for the database", reason=error.detail)
            said = True
            wishes.wait(WAIT_SECONDS)
        else:
            return True
    return False


def _work(working: Worker, threads: int, wishes: _Wishes) -> None:
    working.start()
    _log.info("worker started", threads=threads, pid=os.getpid())
    wishes.wait()
    ended = working.stop(GRACE_SECONDS)
    _log.info("worker stopped", pid=os.getpid(), given_back=not ended)
