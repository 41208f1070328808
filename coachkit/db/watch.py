"""Tells a process that a channel has moved, by asking the database; nothing else is believed.

On SQLite a poll is `PRAGMA data_version`, which costs microseconds and changes when another connection commits; the
counter is read only then. It does not change for commits of the connection that asks, so that connection is the
Watch's own. On PostgreSQL a poll reads the counter. Knows nothing of who reads what moved.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy.pool import PoolProxiedConnection

from coachkit import process
from coachkit.db.changes import counted
from coachkit.db.database import Database

INTERVAL: Final = 0.25
"""Seconds between two polls."""

_log = structlog.get_logger("coachkit.db")


class Watch:
    """Calls `on_change(from, to)` in each process, soon after the counter of moves went from one to the other.

    `ensure` starts it in this process: every move after `ensure` first returned is told, at the latest `interval`
    seconds and a poll later. If `on_change` raises, the move counts as not told: it is called again, with the same
    `from`. It is called from the Watch's thread, one call at a time.
    """

    def __init__(
        self,
        database: Database,
        on_change: Callable[[int, int], None],
        interval: float = INTERVAL,
        on_round: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_round` is called by the thread before every look, and when it ends: for what else is due so often."""
        self._database = database
        self._on_change = on_change
        self._interval = interval
        self._on_round = on_round
        self._poll_by_pid: dict[int, _Poll] = {}
        self._current: _Poll | None = None
        process.tell(self)

    def forked(self) -> None:
        """Called in a forked child, where nobody watches yet."""
        self._current = None

    def ensure(self) -> None:
        """See that this process is watching. Cheap when it is: call it before every look at what it keeps fresh.

        The first call in a process reads the counter before it returns. If the database does not answer, it returns
        all the same: `silent_since` says so, and the first answer is told as a change from 0.
        """
        if self._current is None:
            current = self._poll_of_this_process()
            current.start()
            self._current = current

    @property
    def silent_since(self) -> float | None:
        """The monotonic time of the first poll in a row that failed or waits for its answer; None while it answers.

        A database need not refuse to be silent: a poll that waits for longer than the interval has no answer yet.
        """
        current = self._current
        if current is None:
            return None
        asked = current.asked_at
        waiting = asked is not None and time.monotonic() - asked > self._interval
        return current.silent_since or (asked if waiting else None)

    def silent_for(self, seconds: float) -> bool:
        """Whether the database has been silent for longer than that."""
        current = self._current
        if current is None or (current.asked_at is None and current.silent_since is None):
            return False
        since = self.silent_since
        return since is not None and time.monotonic() - since > seconds

    def stop(self) -> None:
        """Stop watching in this process, and close what was opened for it; `ensure` starts anew."""
        self._current = None
        poll = self._poll_by_pid.pop(process.number(), None)
        if poll is not None:
            poll.stop()

    def _poll_of_this_process(self) -> _Poll:
        # setdefault, not a lock: a lock that another thread held at the fork would stay locked in the child for ever
        poll = _Poll(self._database, self._on_change, self._interval, self._on_round)
        return self._poll_by_pid.setdefault(process.number(), poll)


@dataclass
class _Poll:
    """One process's thread, and how far it has told. `told` and `version` are the thread's own once it runs."""

    database: Database
    on_change: Callable[[int, int], None]
    interval: float
    on_round: Callable[[], None]
    told: int = 0
    silent_since: float | None = None
    asked_at: float | None = None
    """The monotonic time at which the look that is under way began."""
    _connection: PoolProxiedConnection | None = None
    _version: int | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)
    _starting: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Read the counter and start the thread, once; who calls meanwhile waits for that."""
        with self._starting:
            if self._thread is None:
                self._poll(first=True)
                self._thread = threading.Thread(target=self._run, name="coachkit-watch", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread and close its connection."""
        with self._starting:
            self._stopped.set()
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self.interval):
            self._round()
            self._poll()
        self._round()
        self._close()

    def _round(self) -> None:
        try:
            self.on_round()
        except Exception as error:  # noqa: BLE001 — as below
            _log.warning("what is due in every round failed", exc_info=error)

    def _poll(self, *, first: bool = False) -> None:
        """One look; whatever fails, the next one starts from a new connection and from what was told before."""
        self.asked_at = asked = time.monotonic()
        try:
            self._look(first=first)
        except Exception as error:  # noqa: BLE001 — nothing may end the thread that keeps every pointer fresh
            self._close()
            if self.silent_since is None:
                self.silent_since = asked
                _log.warning("moved channels cannot be followed; trying on", exc_info=error)
        else:
            if self.silent_since is not None:
                self.silent_since = None
                _log.info("moved channels are followed again")
        finally:
            self.asked_at = None

    def _look(self, *, first: bool) -> None:
        version = self._data_version() if self.database.is_sqlite else None
        if version is not None and version == self._version:
            return
        with self.database.read() as conn:
            counter = counted(conn)
        if first:
            self.told = counter
        elif counter != self.told:
            self.on_change(self.told, counter)
            self.told = counter
        self._version = version

    def _data_version(self) -> int:
        if self._connection is None:
            self._connection = self.database.detached()
        cursor = self._connection.cursor()
        cursor.execute("PRAGMA data_version")
        version: int = cursor.fetchall()[0][0]
        cursor.close()
        return version

    def _close(self) -> None:
        """Forget the connection: another one's data_version cannot be compared with it."""
        connection, self._connection, self._version = self._connection, None, None
        if connection is not None:
            connection.close()
