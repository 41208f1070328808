"""A database with jobs to do, for each test anew."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from jobmaker import AT, Bench

from coachkit.db import editions, organisations
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS


@pytest.fixture
def bench(database: Database) -> Bench:
    with database.write(ACROSS) as conn:
        id_ = organisations.insert(conn, "northbridge", name="Northbridge", settings={}, at=AT).id
        editions.insert(conn, id_, "e1", inputs=b"", manifest=b"", releases=[], at=AT)
    return Bench(database, id_)


@pytest.fixture
def in_threads() -> Callable[..., None]:
    """Runs functions at once, each in a thread, to their ends."""

    def run(*functions: Callable[[], object]) -> None:
        threads = [threading.Thread(target=each) for each in functions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()

    return run
