"""The store of one process: frames within a bound of bytes, the least recently used ones leaving first.

Documents that are not used all the time are kept packed, so that many more of them fit: one that leaves the open shelf
is packed, and one that is found packed twice before long is put on the open shelf again. Knows nothing of keys'
meaning: whoever puts a frame says whether it is a document or one of a document's variants.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from coachkit.cache.frames import REPEATED, Frame
from coachkit.cache.packed import PackedShelf, pack, unpack

_ENTRY: Final = 640
"""Bytes for an entry's place in the ordered mapping and the objects around it, rounded up."""
_PAIR: Final = 56 + 2 * 73
"""Bytes for a header beside its characters: a pair, and two texts of at most one byte a character."""
_MET: Final = 4_096
"""Keys that were found packed and are remembered, so that the second time is known."""
_LARGEST: Final = 8
"""A frame takes at most this part of its share: one giant does not empty the store."""


@dataclass(frozen=True)
class Counts:
    """What left a store since it was made, and what it holds now; `packed` is how many entries are packed alone."""

    evictions: int
    entries: int
    packed: int
    bytes: int


class MemoryStore:
    """A bounded, thread-safe store of frames.

    Of `max_bytes`, counting keys, headers, bodies and overhead, variants (search, filters, chosen fields) have
    `variant_share` to themselves and documents the rest, so no number of variants evicts a document. Of what documents
    have, `packed_share` is for packed ones.
    """

    def __init__(self, max_bytes: int, variant_share: float = 0.2, packed_share: float = 2 / 3) -> None:
        variant_bytes = int(max_bytes * variant_share)
        packed_bytes = int((max_bytes - variant_bytes) * packed_share)
        self._documents = _Shelf(max_bytes - variant_bytes - packed_bytes, (max_bytes - variant_bytes) // _LARGEST)
        self._packed = PackedShelf(packed_bytes)
        self._variants = _Shelf(variant_bytes, variant_bytes // _LARGEST)
        self.keeps = max_bytes > 0
        """Whether there is room for anything at all."""
        self._met_packed: set[str] = set()
        self._lock = threading.Lock()

    def get(self, key: str) -> Frame | None:
        """The frame kept under the key, now the most recently used; None if there is none."""
        frames = self._documents.frames
        kept = frames.get(key)
        if kept is None:
            frames = self._variants.frames
            kept = frames.get(key)
            if kept is None:
                return self._unpacked(key)
        try:  # without the lock: no step of this is seen half done
            frames.move_to_end(key)
        except KeyError:
            return kept  # it has left meanwhile
        return kept

    def _unpacked(self, key: str) -> Frame | None:
        with self._lock:
            packed = self._packed.find(key)
            if packed is None:
                return None
            again = self._found_packed(key)
        kept = unpack(key, packed)
        if again:
            with self._lock:
                left = self._documents.add(kept, size_of(kept))
            self._pack(left)
        return kept

    def _found_packed(self, key: str) -> bool:
        """Whether this is the second time before long that a frame was found packed."""
        if key in self._met_packed:
            self._met_packed.discard(key)
            return True
        if len(self._met_packed) >= _MET:
            self._met_packed.clear()
        self._met_packed.add(key)
        return False

    def put(self, frame: Frame, *, variant: bool) -> None:
        """Keep a frame under its key, in place of what was there, unless it is too large for its share."""
        if not self.keeps:
            return
        shelf = self._variants if variant else self._documents
        size = size_of(frame)
        with self._lock:
            self._documents.drop(frame.key)
            self._variants.drop(frame.key)
            self._packed.drop(frame.key)
            left = shelf.add(frame, size)
        if not variant:
            self._pack(left)

    def forget(self, organisation: str, beginning: str) -> None:
        """Let all of an organisation's frames go, whose keys begin so, and what others are packed against them.

        One that is being made or packed at this moment comes afterwards, and leaves as any other.
        """
        with self._lock:
            for shelf in (self._documents, self._variants):
                for key in [key for key in tuple(shelf.frames) if key.startswith(beginning)]:
                    shelf.drop(key)
            self._packed.forget(organisation, [key for key in self._packed if key.startswith(beginning)])
            self._met_packed = {key for key in self._met_packed if not key.startswith(beginning)}

    def _pack(self, frames: Sequence[Frame]) -> None:
        """Keep frames packed that had to leave the open shelf; others go on meanwhile."""
        for frame in frames:
            with self._lock:
                if frame.key in self._packed:
                    continue
                pattern = self._packed.pattern(frame)
            packed = pack(frame, pattern)
            with self._lock:
                self._packed.add(frame.key, packed, pattern)

    def counts(self) -> Counts:
        """The counts at this moment."""
        with self._lock:
            shelves = (self._documents, self._variants)
            packed = sum(key not in self._documents.frames for key in self._packed)
            return Counts(
                evictions=self._variants.evictions + self._packed.evictions,
                entries=sum(len(shelf.frames) for shelf in shelves) + packed,
                packed=packed,
                bytes=sum(shelf.bytes for shelf in shelves) + self._packed.bytes,
            )


@dataclass
class _Shelf:
    """One share of a store; no frame of it takes more than `largest` bytes."""

    max_bytes: int
    largest: int
    frames: OrderedDict[str, Frame] = field(default_factory=OrderedDict)
    bytes: int = 0
    evictions: int = 0

    def add(self, frame: Frame, size: int) -> list[Frame]:
        """Keep the frame, if it is not too large, and give back the least recently used ones, gone so that all fit."""
        if size > self.largest:
            return []
        self.drop(frame.key)
        self.frames[frame.key] = frame
        self.bytes += size
        gone: list[Frame] = []
        while self.bytes > self.max_bytes:
            _, oldest = self.frames.popitem(last=False)
            self.bytes -= size_of(oldest)
            self.evictions += 1
            gone.append(oldest)
        return gone

    def drop(self, key: str) -> None:
        """Forget what is kept under the key, if anything."""
        kept = self.frames.pop(key, None)
        if kept is not None:
            self.bytes -= size_of(kept)


def size_of(frame: Frame) -> int:
    """Bytes of memory that keeping the frame takes; a little more where its strings are shared with others."""
    own = [_PAIR + len(name) + len(value) for name, value in frame.headers if name not in REPEATED]
    texts = sys.getsizeof(frame.key) + sys.getsizeof(frame.organisation) + sys.getsizeof(frame.headers)
    return _ENTRY + texts + sum(own) + sys.getsizeof(frame.body)
