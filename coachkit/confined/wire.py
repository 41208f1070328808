"""What our processes say to each other: frames of a tag, a length and bytes; JSON inside, never a pickle."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

REQUEST, FILE = b"q", b"f"
"""To a warden: what to do, and each of the files that it is about."""
SAID, ENDED = b"s", b"e"
"""From a warden: a piece of what its child says, and how the child ended."""
EVENT, COMPILED = b"v", b"c"
"""From a child: something that happened, and the compiled pack."""

_HEADER = struct.Struct(">cI")
_AT_ONCE = 1024 * 1024


def frame(tag: bytes, payload: bytes) -> bytes:
    """One frame; a tag is one byte."""
    return _HEADER.pack(tag, len(payload)) + payload


def send(descriptor: int, tag: bytes, payload: bytes) -> None:
    """Write one frame whole. Raises BrokenPipeError where nobody reads any more."""
    rest = memoryview(frame(tag, payload))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class Frames:
    """Puts frames together again from the pieces in which they arrive."""

    def __init__(self, most: int) -> None:
        """`most` is how many bytes the longest frame may have."""
        self._most = most
        self._held = bytearray()

    def add(self, piece: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The frames that this piece completes. Raises ValueError for one that says it is too long."""
        self._held += piece
        while len(self._held) >= _HEADER.size:
            tag, length = _HEADER.unpack_from(self._held)
            if length > self._most:
                raise ValueError(f"a frame of {length} bytes; {self._most} are read")
            end = _HEADER.size + length
            if len(self._held) < end:
                return
            payload = bytes(memoryview(self._held)[_HEADER.size : end])
            del self._held[:end]
            yield tag, payload


def pieces(descriptor: int) -> bytes:
    """What has arrived, waiting for something; empty when the other side has ended."""
    return os.read(descriptor, _AT_ONCE)


def receive(descriptor: int) -> tuple[bytes, bytes] | None:
    """One frame, waiting for all of it, and not a byte more; None when the other side has ended."""
    header = _exactly(descriptor, _HEADER.size)
    if header is None:
        return None
    tag, length = _HEADER.unpack(header)
    payload = _exactly(descriptor, length)
    return None if payload is None else (tag, payload)


def _exactly(descriptor: int, length: int) -> bytes | None:
    found = bytearray()
    while len(found) < length:
        piece = os.read(descriptor, min(_AT_ONCE, length - len(found)))
        if not piece:
            return None
        found += piece
    return bytes(found)
