"""Which of the texts that an organisation serves are to be read again: their authors said by which day."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

from coachkit.db import channels
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.editions.edition import Edition
from coachkit.editions.library import Library

AHEAD: Final = timedelta(days=30)
"""How long beforehand a review is told of."""
LIVE: Final = "live"


@dataclass(frozen=True)
class Review:
    """A resource that somebody is to read again by a day: it may no longer be true after it."""

    kind: str
    id: str
    pack: str
    version: str
    review_by: date

    @property
    def shape(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "review_by": self.review_by.isoformat()}


def due(edition: Edition, until: date) -> tuple[Review, ...]:
    """What an edition serves that is to be reviewed by a day, soonest first."""
    found: list[Review] = []
    for kind, id_ in edition:
        resource, compiled = edition.resource(kind, id_), edition.releases[edition.catalogue[kind, id_]]
        by = resource.facts.get("review_by")
        if by is not None and date.fromisoformat(by) <= until:
            manifest = compiled.manifest
            found.append(Review(kind, id_, manifest.id, manifest.version, date.fromisoformat(by)))
    return tuple(sorted(found, key=lambda each: (each.review_by, each.kind, each.id)))


def of_organisation(database: Database, library: Library, slug: str, until: date) -> tuple[Review, ...]:
    """What an organisation's live edition serves that is to be reviewed by a day; nothing where none is live.

    Raises what the library raises for an edition that cannot be read.
    """
    with database.read(ACROSS) as conn:
        found = channels.of_slug(conn, slug)
    live = next((each.digest for each in found.targets if each.name == LIVE), None) if found else None
    if found is None or live is None:
        return ()
    return due(library.edition(found.id, slug, live), until)
