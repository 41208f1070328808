"""The editions and releases that this process has in memory, loaded on first use and bounded.

An edition is mostly its releases' compiled forms, which many editions share; both are immutable, so an entry
is never wrong, only forgotten when there are too many.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import Connection

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


class Library:
    """Loads editions by organisation and digest. Safe to share between threads, and harmless across a fork."""

    def __init__(self, database: Database, editions: int = EDITIONS, releases: int = RELEASES) -> None:
        """`editions` and `releases` are how many are kept of each."""
        self._database = database
        self._editions: _Recent[tuple[int, str], Edition] = _Recent(editions)
        self._releases: _Recent[tuple[str, str, str], Compiled] = _Recent(releases)

    def edition(self, organisation_id: int, slug: str, digest: str) -> Edition:
        """The edition of an organisation with a digest. Raises NotFound where there is none."""

        def load() -> Edition:
            with self._database.read() as conn:
                return self._load(conn, organisation_id, slug, digest)

        return self._editions.get((organisation_id, digest), load)

    def _load(self, conn: Connection, organisation_id: int, slug: str, digest: str) -> Edition:
        row = rows.get(conn, organisation_id, digest)
        if row is None:
            raise NotFound(f"{slug} has no edition {digest}")
        parsed = inputs.parse(row.inputs)
        compiled = {each.pack: self._release(conn, each) for each in parsed.releases}
        return manifest.load(slug, digest, from_settings(parsed.settings), compiled, row.manifest)

    def _release(self, conn: Connection, used: inputs.ReleaseInput) -> Compiled:
        key = (used.pack, used.version, used.digest)
        return self._releases.get(key, lambda: releases.load(conn, used.pack, used.version))


class _Shelf(Generic[K, V]):
    """The values of one process, the one used longest ago first."""

    def __init__(self) -> None:
        self.values: OrderedDict[K, V] = OrderedDict()
        self.lock = threading.Lock()


class _Recent(Generic[K, V]):
    """The values used last, at most `size` of them in each process."""

    def __init__(self, size: int) -> None:
        self._size = size
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
            shelf.values[key] = value
            while len(shelf.values) > self._size:
                shelf.values.popitem(last=False)
        return value

    def _shelf(self) -> _Shelf[K, V]:
        """This process's own: a lock that another thread held at the fork would stay locked in the child for ever."""
        pid = os.getpid()
        return self._shelf_by_pid.get(pid) or self._shelf_by_pid.setdefault(pid, _Shelf())
