"""Lets one do its work just where another stands in the middle of a transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from coachkit.db.database import Database
from coachkit.db.scopes import OWNER

SECONDS = 10.0
T = TypeVar("T")


def begun(database: Database, work: Callable[[], T]) -> Future[T]:
    """Begin work in a thread of its own, and come back once it waits for a lock of PostgreSQL's, or is done.

    On SQLite writers wait for each other before they have done anything, and nobody sees them do it.
    """
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    if not database.is_sqlite:
        ends = time.monotonic() + SECONDS
        with database.read(OWNER) as looking:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not (future.done() or looking.exec_driver_sql(waiting).scalar_one()):
                assert time.monotonic() < ends, "it neither ends nor waits for a lock"
                time.sleep(0.01)
    return future
