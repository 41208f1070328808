"""In which release each resource's present content first appeared. Pure; knows digests and versions only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from coachkit.packs.versions import key


@dataclass(frozen=True)
class Earlier:
    """Another release of the pack: by `kind/id`, the digest of each resource and the version it carries."""

    version: str
    digests: Mapping[str, str]
    versions: Mapping[str, str]


def carried(version: str, digests: Mapping[str, str], others: Iterable[Earlier]) -> dict[str, str]:
    """The version that each resource of release `version` carries, by `kind/id`.

    That is what the nearest lower release (in SemVer order, whenever it was published) carries if the content there
    has the same digest, and `version` itself otherwise. ValueError if a version is no SemVer version.
    """
    lower = [other for other in others if key(other.version) < key(version)]
    nearest = max(lower, key=lambda other: key(other.version), default=None)
    if nearest is None:
        return dict.fromkeys(digests, version)
    return {
        name: nearest.versions[name] if nearest.digests.get(name) == digest else version
        for name, digest in digests.items()
    }
