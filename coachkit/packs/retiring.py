"""Resources that their authors take out of use: from which day, until when, and what stands in their stead.

Days are days in UTC and begin at midnight. Nothing here has a clock: whoever asks what is overdue brings the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from coachkit.packs.model import Resource

RETIRING = "retiring"
"""The key, and the fact, that says it."""


@dataclass(frozen=True)
class Retirement:
    """That a resource is on its way out. `instead` is a reference as its author writes it."""

    since: date
    until: date | None = None
    """The day on which it goes."""
    instead: str | None = None


def retirement(resource: Resource) -> Retirement | None:
    """What a resource says of its retirement; None for one that stays."""
    said = resource.facts.get(RETIRING)
    if said is None:
        return None
    until = date.fromisoformat(said["until"]) if said["until"] else None
    return Retirement(date.fromisoformat(said["since"]), until, said["instead"])


def overdue(resources: Iterable[Resource], today: date) -> Iterator[tuple[Resource, date]]:
    """Those that should have gone by that day, each with the day on which it should."""
    for resource in resources:
        leaving = retirement(resource)
        if leaving and leaving.until and leaving.until <= today:
            yield resource, leaving.until
