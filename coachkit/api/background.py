"""What `/metrics` says of the background: how many jobs there are, in which state, as the database has it just then.

Every process says the same: it is counted in the database, and not by those who do it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy.exc import DatabaseError

from coachkit.db import jobs
from coachkit.db.database import Database
from coachkit.db.jobs import States
from coachkit.db.scopes import ACROSS
from coachkit.errors import Unavailable

Look = Callable[[], Sequence[States] | None]
"""Looks at the jobs: their states by kind; None where the database does not say."""


def look(database: Database) -> Look:
    """What looks at the jobs in a database, with one query each time."""

    def looked() -> Sequence[States] | None:
        try:
            with database.read(ACROSS) as conn:
                return jobs.states(conn, datetime.now(UTC))
        except (Unavailable, DatabaseError):  # it is silent, or of another version: `/readyz` says which
            return None

    return looked
