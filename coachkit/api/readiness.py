"""What `/readyz` looks at: whether the database answers, whether the pointers are known to be true, and Redis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from coachkit.api.operations import Check, Status
from coachkit.api.services import Services
from coachkit.db import migrate
from coachkit.errors import Unavailable


def checks(services: Services) -> Sequence[Check]:
    """The checks of one application."""
    wanted = cache(migrate.expected)

    def database() -> tuple[str, Status, str | None]:
        try:
            found = migrate.current(services.database)
        except Unavailable as error:
            return "database", "down", error.detail
        if found != wanted():
            return "database", "down", "The schema is not the one this version needs: coachkit migrate"
        return "database", "ok", None

    def pointers() -> tuple[str, Status, str | None]:
        if services.pointers.are_stale():
            return "pointers", "degraded", "The last known pointers serve; moves are not seen."
        return "pointers", "ok", None

    def redis() -> tuple[str, Status, str | None]:
        trouble = services.shared.trouble() if services.shared else None
        if trouble:
            return "redis", "degraded", f"Each worker keeps its own answers only ({trouble})."
        return "redis", "ok", None

    return (database, pointers, redis) if services.shared else (database, pointers)
