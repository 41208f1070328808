"""Erases an organisation: every row of it, and the private releases and images that nobody else uses.

What is kept elsewhere is for whoever runs the installation: see `docs/archives.md`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from coachkit.db import erasures, releases
from coachkit.db import organisations as rows
from coachkit.organisations.organisations import find
from coachkit.packs import stored


@dataclass(frozen=True)
class Erased:
    """What is gone: rows by table, private releases as `pack@version`, images; and what caches in front must purge."""

    number: int
    slug: str
    rows: Mapping[str, int]
    releases: tuple[str, ...]
    images: int
    surrogate_keys: tuple[str, ...]


def erase(conn: Connection, slug: str, at: datetime) -> Erased:
    """Erase an organisation, in a transaction across all of them. Raises NotFound.

    A private release goes with it if its editions use it, no other organisation's do, and no other organisation's
    settings choose its pack.
    """
    organisation = find(conn, slug)
    alone = _alone(conn, organisation.id, slug)
    deleted = erasures.erase(conn, organisation.id, at)
    pictures = {name for pack, version in alone for name in _pictures(conn, pack, version)}
    for pack, version in alone:
        erasures.delete_release(conn, pack, version)
    images = erasures.delete_images(conn, pictures - _used(conn, pictures)) if pictures else 0
    named = tuple(f"{pack}@{version}" for pack, version in alone)
    keys = (f"org/{slug}", *(f"release/{each}" for each in named))
    return Erased(organisation.id, slug, deleted, named, images, keys)


def _alone(conn: Connection, organisation_id: int, slug: str) -> Sequence[tuple[str, str]]:
    found = erasures.private_releases(conn, organisation_id)
    if not found:
        return found
    others = [rows.get(conn, each) for each in rows.slugs(conn) if each != slug]
    chosen = {pack for each in others if each for pack in each.settings.get("packs", ())}
    return [(pack, version) for pack, version in found if pack not in chosen]


def _pictures(conn: Connection, pack: str, version: str) -> list[str]:
    return list(stored.load(releases.compiled(conn, pack, version) or b"").images)


def _used(conn: Connection, names: set[str]) -> set[str]:
    """Those images that a release which stays may show: its compiled form names them."""
    used: set[str] = set()
    for head in releases.heads(conn):
        if used < names:
            text = zlib.decompress(releases.compiled(conn, head.pack, head.version) or b"")
            used |= {name for name in names - used if name.encode() in text}
    return used
