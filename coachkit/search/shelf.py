"""The indexes that this process has: built when first searched, shared by all who serve the same documents, bounded."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from coachkit import process
from coachkit.cache.flight import Flight
from coachkit.search.index import Index

INDEXES: Final = 64
BYTES: Final = 64 * 1024 * 1024
_PATIENCE: Final = 30.0
"""Seconds that a search waits for another's index: longer than building any takes."""


def key_of(documents: Iterable[tuple[str, str, str]]) -> str:
    """The name of a set of documents, given as (kind, id, digest): the same for the same ones, in whatever order."""
    lines = sorted("\t".join(each) for each in documents)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Shelf:
    """At most so many indexes, and so many bytes of them, the least recently used ones leaving first.

    One index is kept however large it is. Safe to share between threads, and harmless across a fork.
    """

    def __init__(self, indexes: int = INDEXES, max_bytes: int = BYTES) -> None:
        self._most = indexes
        self._max_bytes = max_bytes
        self._of_process: dict[int, _Kept] = {}

    def get(self, key: str, build: Callable[[], Index]) -> Index:
        """The index of a key, built by the first who asks while the others wait."""
        kept = self._kept()
        found = kept.get(key)
        while found is None:
            with kept.flight.key(key) as first:
                found = kept.get(key)
                if found is None and first:
                    found = build()
                    kept.put(key, found, self._most, self._max_bytes)
        return found

    def clear(self) -> None:
        """Let all indexes of this process go: whose words are in one, nobody knows any more."""
        kept = self._kept()
        with kept.lock:
            kept.indexes.clear()
            kept.bytes = 0

    @property
    def size(self) -> tuple[int, int]:
        """How many indexes are kept in this process, and how many bytes they take."""
        kept = self._kept()
        with kept.lock:
            return len(kept.indexes), kept.bytes

    def _kept(self) -> _Kept:
        """This process's own: a lock that another thread held at the fork would stay locked in the child for ever."""
        pid = process.number()
        return self._of_process.get(pid) or self._of_process.setdefault(pid, _Kept())


class _Kept:
    """The indexes of one process, the one used longest ago first."""

    def __init__(self) -> None:
        self.indexes: OrderedDict[str, Index] = OrderedDict()
        self.bytes = 0
        self.lock = threading.Lock()
        self.flight = Flight(_PATIENCE)

    def get(self, key: str) -> Index | None:
        """The index, now the most recently used; None if it is not here."""
        with self.lock:
            found = self.indexes.get(key)
            if found is not None:
                self.indexes.move_to_end(key)
            return found

    def put(self, key: str, index: Index, most: int, max_bytes: int) -> None:
        """Keep an index, and let others go until all fit."""
        with self.lock:
            self.indexes[key] = index
            self.bytes += index.size
            while len(self.indexes) > 1 and (len(self.indexes) > most or self.bytes > max_bytes):
                _, oldest = self.indexes.popitem(last=False)
                self.bytes -= oldest.size
