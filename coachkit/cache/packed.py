"""Frames packed small, for those that are not used all the time: what a family of them shares is kept once.

The same document of many organisations is nearly the same bytes. One frame of each family is the pattern that the
others are compressed against (DEFLATE with a preset dictionary), which leaves of each what is its own. The headers that
many frames have alike are kept once beside them. Knows nothing of what makes a family: whoever makes a frame says which
one it is of.
"""

from __future__ import annotations

import sys
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from coachkit.cache.frames import REPEATED, Frame, Header

_ENTRY: Final = 416
"""Bytes for an entry's place in the ordered mapping and the objects around it, measured and rounded up."""
_PATTERN: Final = 512
_LEVEL: Final = 3
_RAW: Final = -15
"""DEFLATE alone: what nobody else writes needs no checksum, which would cost as much as to unpack it."""
_WINDOW: Final = 32 * 1024
"""How far back DEFLATE looks: what of a pattern lies before that is of no use."""
_SHARE: Final = 4
"""Patterns take at most this part of the shelf."""
_LENGTH: Final = 4
_WORTH: Final = 4
"""Against a pattern a frame is to become at most this part of what it is."""
_MISFITS: Final = 8
"""So many more frames that a pattern does not help than those it does, and the family gets another."""
_HEADS: Final = 256
_PAIR: Final = 56 + 2 * 73
_ALONE: Final = 256
"""Bytes for a head that is no other frame's, beside what is in it."""


@dataclass
class Pattern:
    """What frames of a family are compressed against, and how many are."""

    data: bytes
    organisation: str = ""
    """Whose frame it is made of."""
    users: int = 0
    misfits: int = 0
    chosen: bool = True
    """Whether frames of its family that come are compressed against it."""

    @property
    def size(self) -> int:
        """Bytes of memory that it takes."""
        return _PATTERN + len(self.data)


class Head(NamedTuple):
    """What many packed frames have alike: their status, repeated headers and the names of the others."""

    status: int
    repeated: tuple[Header, ...]
    names: tuple[str, ...]


_heads: dict[Head, Head] = {}
"""Those that are in use, each in memory once, as far as so many go."""


class Packed(NamedTuple):
    """A frame, packed but for its key: compressed are its organisation, the values of its own headers and its body."""

    data: bytes
    pattern: Pattern | None
    head: Head
    family: str


def pack(frame: Frame, pattern: Pattern | None) -> Packed:
    """A frame packed against a pattern, or without one where that does not leave it much smaller."""
    head, own = _parted(frame)
    if pattern is not None:
        data = _deflated(own, pattern.data)
        if len(data) * _WORTH <= len(own):
            return Packed(data, pattern, head, frame.family)
    return Packed(_deflated(own), None, head, frame.family)


def _deflated(data: bytes, pattern: bytes = b"") -> bytes:
    compressor = zlib.compressobj(_LEVEL, wbits=_RAW, zdict=pattern)
    return compressor.compress(data) + compressor.flush()


def unpack(key: str, packed: Packed) -> Frame:
    """The frame that was packed, with its key."""
    pattern = b"" if packed.pattern is None else packed.pattern.data
    own = zlib.decompressobj(wbits=_RAW, zdict=pattern).decompress(packed.data)
    body_at = _LENGTH + int.from_bytes(own[:_LENGTH], "big")
    organisation, *values = orjson.loads(own[_LENGTH:body_at])
    status, repeated, names = packed.head
    headers = (*repeated, *zip(names, values, strict=True))
    return Frame(key, organisation, status, headers, own[body_at:], packed.family)


def _parted(frame: Frame) -> tuple[Head, bytes]:
    """What a frame has alike with others, and the rest of it as bytes."""
    alike = 0
    while alike < len(frame.headers) and frame.headers[alike][0] in REPEATED:
        alike += 1
    names, values = [name for name, _ in frame.headers[alike:]], [value for _, value in frame.headers[alike:]]
    head = Head(frame.status, frame.headers[:alike], tuple(names))
    known = _heads.get(head) or (_heads.setdefault(head, head) if len(_heads) < _HEADS else head)
    own = orjson.dumps([frame.organisation, *values])
    return known, b"".join((len(own).to_bytes(_LENGTH, "big"), own, frame.body))


class PackedShelf:
    """Packed frames within a bound of bytes, the least recently used ones leaving first. For one thread at a time."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, Packed] = OrderedDict()
        self._patterns: OrderedDict[str, Pattern] = OrderedDict()
        self._pattern_bytes = 0
        self.bytes = 0
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def find(self, key: str) -> Packed | None:
        """What is kept under a key, now the most recently used."""
        packed = self._entries.get(key)
        if packed is not None:
            self._entries.move_to_end(key)
        return packed

    def pattern(self, frame: Frame) -> Pattern | None:
        """What to pack a frame against; it is made the pattern of a family that has none, if there is room.

        It counts as in use until the frame is added.
        """
        found = self._patterns.get(frame.family)
        if found is not None:
            self._patterns.move_to_end(frame.family)
        elif frame.family:
            found = self._choose(frame.family, Pattern(_parted(frame)[1][-_WINDOW:], frame.organisation))
        if found is not None:
            found.users += 1
        return found

    def _choose(self, family: str, pattern: Pattern) -> Pattern | None:
        while (self._pattern_bytes + pattern.size) * _SHARE > self._max_bytes:
            unused = next((name for name, each in self._patterns.items() if not each.users), None)
            if unused is None:
                return None
            self._leave(unused)
        self._patterns[family] = pattern
        self._pattern_bytes += pattern.size
        self.bytes += pattern.size
        self._make_room()
        return pattern

    def add(self, key: str, packed: Packed, tried: Pattern | None) -> None:
        """Keep a frame, packed, unless it is too large, and let the least recently used ones go until all fit.

        `tried` is what `pattern` gave for it, whether it was of use or not.
        """
        self.drop(key)
        if _size_of(key, packed) <= self._max_bytes:
            self._entries[key] = packed
            self.bytes += _size_of(key, packed)
            if packed.pattern is not None:
                packed.pattern.users += 1
        if tried is not None:
            tried.users -= 1
            self._release(tried)
            self._judge(packed.family, fits=packed.pattern is not None)
        self._make_room()

    def drop(self, key: str) -> None:
        """Forget what is kept under a key, if anything."""
        packed = self._entries.pop(key, None)
        if packed is not None:
            self.bytes -= _size_of(key, packed)
            if packed.pattern is not None:
                packed.pattern.users -= 1
                self._release(packed.pattern)

    def forget(self, organisation: str, keys: Iterable[str]) -> None:
        """Forget what is kept under keys, and all that is made of an organisation's frames: others' go with a pattern.

        One that is being packed at this moment comes afterwards.
        """
        theirs = [
            key for key, each in self._entries.items() if each.pattern and each.pattern.organisation == organisation
        ]
        for key in (*keys, *theirs):
            self.drop(key)
        for family in [name for name, each in self._patterns.items() if each.organisation == organisation]:
            self._leave(family)

    def _judge(self, family: str, *, fits: bool) -> None:
        """Let a family choose another pattern where this one has not helped for long."""
        pattern = self._patterns.get(family)
        if pattern is not None:
            pattern.misfits = max(0, pattern.misfits - 1) if fits else pattern.misfits + 1
            if pattern.misfits >= _MISFITS:
                self._leave(family)

    def _leave(self, family: str) -> None:
        """Let a family have no pattern until its next frame comes."""
        pattern = self._patterns.pop(family)
        pattern.chosen = False
        self._release(pattern)

    def _release(self, pattern: Pattern) -> None:
        """Count a pattern no more that no family has and that nothing is packed against."""
        if not pattern.users and not pattern.chosen:
            self._pattern_bytes -= pattern.size
            self.bytes -= pattern.size

    def _make_room(self) -> None:
        while self.bytes > self._max_bytes and self._entries:
            self.drop(next(iter(self._entries)))
            self.evictions += 1


def _size_of(key: str, packed: Packed) -> int:
    alone = 0 if _heads.get(packed.head) is packed.head else _size_of_head(packed.head)
    return _ENTRY + sys.getsizeof(key) + sys.getsizeof(packed.data) + alone


def _size_of_head(head: Head) -> int:
    pairs = (*head.repeated, *((name, "") for name in head.names))
    return _ALONE + sum(_PAIR + len(name) + len(value) for name, value in pairs)
