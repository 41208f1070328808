"""What readers of a channel would see otherwise if it pointed at another edition: documents and releases.

Knows two editions' stored forms and where a channel points; it changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from coachkit.db import channels, editions
from coachkit.editions import inputs, manifest
from coachkit.editions.publish import Prepared
from coachkit.errors import NotFound


@dataclass(frozen=True)
class Difference:
    """From what a channel shows to another edition."""

    channel: str
    shows: str | None
    """The edition that the channel points at now; None where there is no such channel yet."""
    releases: tuple[dict[str, Any], ...]
    """`pack`, `from` and `to`, a version each or None, for each pack whose release differs."""
    changes: tuple[dict[str, str], ...]
    """Each document that differs: `op` (added, changed, removed), `kind`, `id`, `locale`."""

    def shape(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "channel": self.channel,
            "shows": self.shows,
            "releases": list(self.releases),
            "changes": list(self.changes),
        }


@dataclass(frozen=True)
class _Side:
    documents: Mapping[str, Mapping[str, str]]
    releases: Mapping[str, str]


_NOTHING = _Side({}, {})


def of_prepared(conn: Connection, organisation_id: int, channel: str, prepared: Prepared) -> Difference:
    """From what a channel shows to an edition that is not stored yet."""
    documents = {f"{kind}/{name}": digests for (kind, name), digests in prepared.edition.digests.items()}
    return _difference(conn, organisation_id, channel, _Side(documents, _releases(prepared.inputs)))


def of_stored(conn: Connection, organisation_id: int, channel: str, digest: str) -> Difference:
    """From what a channel shows to a stored edition. Raises NotFound where the organisation does not have it."""
    return _difference(conn, organisation_id, channel, _side(conn, organisation_id, digest))


def _difference(conn: Connection, organisation_id: int, channel: str, new: _Side) -> Difference:
    pointing = channels.get(conn, organisation_id, channel)
    old = _side(conn, organisation_id, pointing.digest) if pointing else _NOTHING
    packs = sorted(pack for pack in {*old.releases, *new.releases} if old.releases.get(pack) != new.releases.get(pack))
    releases = tuple({"pack": pack, "from": old.releases.get(pack), "to": new.releases.get(pack)} for pack in packs)
    changes = tuple(manifest.changes(old.documents, new.documents))
    return Difference(channel, pointing.digest if pointing else None, releases, changes)


def _side(conn: Connection, organisation_id: int, digest: str) -> _Side:
    stored = editions.get(conn, organisation_id, digest)
    if stored is None:
        raise NotFound(f"There is no edition {digest}")
    return _Side(manifest.digests_of(stored.manifest), _releases(stored.inputs))


def _releases(data: bytes) -> dict[str, str]:
    return {each.pack: each.version for each in inputs.parse(data).releases}
