"""The editions and releases that this process has in memory, loaded on first use and bounded.

An edition is mostly its releases' compiled forms, which many editions share; both are immutable, so an entry
is never wrong, only forgotten when there are too many. Of editions that are not at hand the stored form is kept for
longer: it is much smaller, and reading it again is much quicker than asking the database.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Connection

from coachkit import process
from coachkit.db import editions as rows
from coachkit.db import releases as release_rows
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS, only
from coachkit.editions import inputs, manifest, releases
from coachkit.editions.choices import OWN, from_settings
from coachkit.editions.edition import Edition
from coachkit.errors import NotFound
from coachkit.packs.model import Compiled, Resource

K = TypeVar("K")
V = TypeVar("V")

EDITION_BYTES = 24 * 1024 * 1024
RELEASES = 64
STORED_BYTES = 32 * 1024 * 1024
_ENTRY = 512
"""Bytes that an entry takes beside what it holds, rounded up."""
_EDITION, _DOCUMENT = 6_144, 300
"""Bytes that an edition takes by itself, and for each document, measured and rounded up."""
_OWN, _TEXTS = 4_096, 3
"""Bytes that a resource of the organisation's own takes by itself, and for each character of its texts."""


class Stored(NamedTuple):
    """An edition as the database has it."""

    inputs: bytes
    manifest: bytes
    published: bool
    """Whether a public channel has ever pointed at it. What has been published stays so; what has not, may be."""


class Library:
    """Loads editions by organisation and digest. Safe to share between threads, and harmless across a fork."""

    def __init__(
        self,
        database: Database,
        edition_bytes: int = EDITION_BYTES,
        releases: int = RELEASES,
        stored_bytes: int = STORED_BYTES,
    ) -> None:
        """So many `releases` are kept; editions take about `edition_bytes`, and their stored forms `stored_bytes`."""
        self._database = database
        self._editions: _Recent[tuple[int, str], Edition] = _Recent(edition_bytes, size_of)
        self._stored: _Recent[tuple[int, str], Stored] = _Recent(stored_bytes, _bytes_of)
        self._releases: _Recent[tuple[str, str, str], Compiled] = _Recent(releases)

    def edition(self, organisation_id: int, slug: str, digest: str) -> Edition:
        """The edition of an organisation with a digest. Raises NotFound where there is none."""
        key = (organisation_id, digest)
        edition = self._editions.find(key)
        if edition is None:
            stored = self._stored.find(key) or self._read(key)
            if stored is None:
                raise NotFound(f"{slug} has no edition {digest}")
            self._stored.put(key, stored)
            edition = self._load(slug, digest, stored)
            self._editions.put(key, edition)
        return edition

    def published(self, organisation_id: int, digest: str) -> Stored | None:
        """An edition's stored form, if it has ever been published."""
        key = (organisation_id, digest)
        stored = self._stored.find(key)
        if stored is None or not stored.published:
            stored = self._read(key)
            if stored is not None:
                self._stored.put(key, stored)
        return stored if stored and stored.published else None

    def stored(self, organisation_id: int, digest: str) -> Stored | None:
        """An edition's stored form, published or not."""
        return self._stored.find((organisation_id, digest)) or self._read((organisation_id, digest))

    def forget(self, conn: Connection, organisations: Collection[int]) -> None:
        """Let the editions of organisations go, by their numbers, and releases that are not there any more."""
        there = {(head.pack, head.version, head.digest) for head in release_rows.heads(conn)}
        self._editions.drop(lambda key: key[0] in organisations)
        self._stored.drop(lambda key: key[0] in organisations)
        self._releases.drop(lambda key: key not in there)

    def _read(self, key: tuple[int, str]) -> Stored | None:
        with self._database.read(only(key[0])) as conn:
            row = rows.get(conn, *key)
        return None if row is None else Stored(row.inputs, row.manifest, row.published)

    def _load(self, slug: str, digest: str, stored: Stored) -> Edition:
        parsed = inputs.parse(stored.inputs)
        compiled = {each.pack: self._release(each) for each in parsed.releases}
        written = {**parsed.settings, "overlay": (), "resources": ()}  # the manifest has them compiled
        return manifest.load(slug, digest, from_settings(written), compiled, stored.manifest)

    def _release(self, used: inputs.ReleaseInput) -> Compiled:
        def load() -> Compiled:
            with self._database.read(ACROSS) as conn:
                return releases.load(conn, used.pack, used.version)

        return self._releases.get((used.pack, used.version, used.digest), load)


class _Shelf(Generic[K, V]):
    """The values of one process, the one used longest ago first."""

    def __init__(self) -> None:
        self.values: OrderedDict[K, V] = OrderedDict()
        self.weight = 0
        self.lock = threading.Lock()


class _Recent(Generic[K, V]):
    """The values used last: in each process so many that their weights are at most `size`, and one at least."""

    def __init__(self, size: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._size = size
        self._weigh = weigh
        self._shelf_by_pid: dict[int, _Shelf[K, V]] = {}

    def get(self, key: K, load: Callable[[], V]) -> V:
        """The value of a key, loaded if it is not here; two threads may load it at once, and either's serves."""
        value = self.find(key)
        if value is None:
            value = load()
            self.put(key, value)
        return value

    def find(self, key: K) -> V | None:
        """The value of a key, if it is here; it is the one used last now."""
        shelf = self._shelf()
        with shelf.lock:
            if key not in shelf.values:
                return None
            shelf.values.move_to_end(key)
            return shelf.values[key]

    def put(self, key: K, value: V) -> None:
        """Keep a value, and let those go that were used longest ago."""
        shelf = self._shelf()
        with shelf.lock:
            if key in shelf.values:
                shelf.weight -= self._weigh(shelf.values[key])
            shelf.values[key] = value
            shelf.values.move_to_end(key)
            shelf.weight += self._weigh(value)
            while shelf.weight > self._size and len(shelf.values) > 1:
                shelf.weight -= self._weigh(shelf.values.popitem(last=False)[1])

    def drop(self, goes: Callable[[K], bool]) -> None:
        """Let the values of some keys go."""
        shelf = self._shelf()
        with shelf.lock:
            for key in [key for key in shelf.values if goes(key)]:
                shelf.weight -= self._weigh(shelf.values.pop(key))

    def _shelf(self) -> _Shelf[K, V]:
        """This process's own: a lock that another thread held at the fork would stay locked in the child for ever."""
        pid = process.number()
        return self._shelf_by_pid.get(pid) or self._shelf_by_pid.setdefault(pid, _Shelf())


def size_of(edition: Edition) -> int:
    """About the bytes of memory that an edition takes, beside its packs' releases; overlays are not looked into."""
    own = edition.releases[OWN].resources.values() if OWN in edition.releases else ()
    documents = sum(len(by_locale) for by_locale in edition.digests.values())
    return _EDITION + _DOCUMENT * documents + sum(_OWN + _TEXTS * _length(each) for each in own)


def _length(resource: Resource) -> int:
    """The characters of a resource's texts, in all locales."""
    lines = (line for by_path in resource.lines.values() for line in by_path.values())
    sections = (text for each in resource.sections.values() for one in each for text in (one.html, one.markdown))
    return sum(len(part) for text in (*lines, *sections) for part in text if isinstance(part, str))


def _bytes_of(stored: Stored) -> int:
    return _ENTRY + len(stored.inputs) + len(stored.manifest)
