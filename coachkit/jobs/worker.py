"""A worker: threads that do jobs as they are woken, and a sweep that finds each second what is due.

Nothing but the sweep is needed for every job to be done: it reads the table. The queue spreads the work over all
workers, and carries what other processes want to be looked at sooner.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from coachkit.errors import Unavailable
from coachkit.jobs.queue import Queue
from coachkit.jobs.work import Runner

SWEEP_SECONDS: Final = 1.0
"""Between two looks into the table of jobs."""
AGAIN_SECONDS: Final = 5.0
"""After how long a job that was put into the queue, and that still nobody is at, counts as lost there."""
AT_ONCE: Final = 100
"""Jobs that one look finds at most."""

_log = structlog.get_logger("coachkit.jobs")


class Worker:
    """Does what is due until it is told to stop. Works by itself alone where the queue fails."""

    def __init__(
        self, runner: Runner, waiting: Queue, threads: int, on_sweep: Callable[[], None] = lambda: None
    ) -> None:
        """`on_sweep` is called at every look into the table, whether or not the database answers: a sign of life."""
        self._on_sweep = on_sweep
        self._runner = runner
        self._queue = waiting
        self._own: queue.SimpleQueue[int] = queue.SimpleQueue()
        """What the queue did not take, or lost."""
        self._offered: dict[int, float] = {}
        self._silent = False
        loops = [("coachkit-sweep", self._sweep), *((f"coachkit-work-{n}", self._work) for n in range(1, threads + 1))]
        self._threads = [threading.Thread(target=self._loop, args=(do,), name=name, daemon=True) for name, do in loops]

    def start(self) -> None:
        """Begin to work, in threads of its own."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> bool:
        """Begin nothing more, let what is begun end within so many seconds, and give the rest back. Whether all ended.

        Threads that are still at something end with the process: what they do is undone.
        """
        self._runner.stopping.set()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._runner.give_back()
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def stopping(self) -> bool:
        """Whether it has been told to stop."""
        return self._runner.stopping.is_set()

    def _loop(self, do: Callable[[], None]) -> None:
        stopping = self._runner.stopping
        while not stopping.is_set():
            try:
                do()
            except Exception as error:  # noqa: BLE001 — a fault of ours must not leave an installation without a worker
                _log.error("the worker failed", exc_info=error)
                stopping.wait(SWEEP_SECONDS)

    def _work(self) -> None:
        try:
            number: int | None = self._own.get_nowait()
        except queue.Empty:
            number = self._queue.next()
        if number is not None and not self._runner.stopping.is_set():
            self._runner.run(number)

    def _sweep(self) -> None:
        self._on_sweep()
        try:
            due = self._runner.due(AT_ONCE)
        except Unavailable as error:
            if not self._silent:
                _log.warning("what is due cannot be seen", reason=error.detail)
            self._silent = True
        else:
            if self._silent:
                _log.info("what is due is seen again")
            self._silent = False
            self._offer([job.id for job in due])
        self._runner.stopping.wait(SWEEP_SECONDS)

    def _offer(self, numbers: list[int]) -> None:
        """Put what is due into the queue; what was put there a while ago, and came to nobody, is done here."""
        now = time.monotonic()
        self._offered = {each: at for each, at in self._offered.items() if each in numbers}
        for number in numbers:
            offered_at = self._offered.get(number)
            if offered_at is not None and now - offered_at < AGAIN_SECONDS:
                continue
            self._offered[number] = now
            lost = offered_at is not None or not self._queue.wake(number)
            if lost and self._own.qsize() < AT_ONCE:
                self._own.put(number)
