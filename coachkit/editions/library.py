"""The editions and releases that this process has in memory, loaded on first use and bounded.

An edition is mostly its releases' compiled forms, which many editions share; both are immutable, so an entry
is never wrong, only forgotten when there are too many. Of editions that are not at hand the stored form is kept for
longer: it is much smaller, and reading it again is much quicker than asking the database.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from coachkit import process
from coachkit.db import editions as rows
from coachkit.db.database import Database
from coachkit.editions import inputs, manifest, releases
from coachkit.editions.choices import from_settings
from coachkit.editions.edition import Edition
from coachkit.errors import NotFound
from coachkit.packs.model import Compiled

K = TypeVar("K")
V = TypeVar("V")

EDITIONS = 256
RELEASES = 64
STORED_BYTES = 32 * 1024 * 1024
_ENTRY = 512
"""Bytes that an entry takes beside what it holds, rounded up."""


@dataclass(frozen=True)
class _Stored:
    """An edition as the database has it."""

    inputs: bytes
    manifest: bytes


class Library:
    """Loads editions by organisation and digest. Safe to share between threads, and harmless across a fork."""

    def __init__(
        self, database: Database, editions: int = EDITIONS, releases: int = RELEASES, stored_bytes: int = STORED_BYTES
    ) -> None:
        """`editions` and `releases` are how many are kept of each, `stored_bytes` is for editions' stored forms."""
        self._database = database
        self._editions: _Recent[tuple[int, str], Edition] = _Recent(editions)
        self._stored: _Recent[tuple[int, str], _Stored] = _Recent(stored_bytes, _bytes_of)
        self._releases: _Recent[tuple[str, str, str], Compiled] = _Recent(releases)

    def edition(self, organisation_id: int, slug: str, digest: str) -> Edition:
        """The edition of an organisation with a digest. Raises NotFound where there is none."""
        key = (organisation_id, digest)

        def read() -> _Stored:
            with self._database.read() as conn:
                row = rows.get(conn, organisation_id, digest)
            if row is None:
                raise NotFound(f"{slug} has no edition {digest}")
            return _Stored(row.inputs, row.manifest)

        return self._editions.get(key, lambda: self._load(slug, digest, self._stored.get(key, read)))

    def _load(self, slug: str, digest: str, stored: _Stored) -> Edition:
        parsed = inputs.parse(stored.inputs)
        compiled = {each.pack: self._release(each) for each in parsed.releases}
        return manifest.load(slug, digest, from_settings(parsed.settings), compiled, stored.manifest)

    def _release(self, used: inputs.ReleaseInput) -> Compiled:
        def load() -> Compiled:
            with self._database.read() as conn:
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
        shelf = self._shelf()
        with shelf.lock:
            if key in shelf.values:
                shelf.values.move_to_end(key)
                return shelf.values[key]
        value = load()
        with shelf.lock:
            if key not in shelf.values:
                shelf.weight += self._weigh(value)
            shelf.values[key] = value
            while shelf.weight > self._size and len(shelf.values) > 1:
                shelf.weight -= self._weigh(shelf.values.popitem(last=False)[1])
        return value

    def _shelf(self) -> _Shelf[K, V]:
        """This process's own: a lock that another thread held at the fork would stay locked in the child for ever."""
        pid = process.number()
        return self._shelf_by_pid.get(pid) or self._shelf_by_pid.setdefault(pid, _Shelf())


def _bytes_of(stored: _Stored) -> int:
    return _ENTRY + len(stored.inputs) + len(stored.manifest)
