"""Frames: responses as they are kept, and as bytes that are trusted only if they prove to be ours.

Sealed, a frame is `CKF1`, a keyed hash of all that follows, the length of its head, the head (a JSON list of key,
organisation, status and headers) and the body. Nothing of it is read before the hash has been checked, and nothing is
ever unpickled. Knows nothing of HTTP or of where the bytes are kept.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, NamedTuple

import orjson

Header = tuple[str, str]

_MAGIC: Final = b"CKF1"
_HASH: Final = 32
_LENGTH: Final = 4


REPEATED: Final = frozenset({"Content-Type", "Content-Language", "Vary", "Cache-Control", "Content-Security-Policy"})
"""The headers that many frames have alike: each is in memory once."""
_REPEATED: Final = 1_024
_met: dict[Header, Header] = {}


def shared(name: str, value: str) -> Header:
    """A header, the same object as other frames have where it is one that is repeated."""
    header = (name, value)
    if name not in REPEATED:
        return header
    return _met.get(header) or (_met.setdefault(header, header) if len(_met) < _REPEATED else header)


class Frame(NamedTuple):
    """A response that is the same for every reader, and the key it is kept under."""

    key: str
    organisation: str
    status: int
    headers: tuple[Header, ...]
    body: bytes
    family: str = ""
    """What frames are alike in, as whoever makes them says. It is not sealed."""


def seal(frame: Frame, secret: bytes) -> bytes:
    """The frame as bytes that only a holder of the secret (16 to 64 bytes) can make."""
    rest = _dump(frame)
    return _MAGIC + _hash(rest, secret) + rest


def unseal(data: bytes, *, key: str, organisation: str, secret: bytes) -> Frame | None:
    """The frame, if the bytes were sealed with that secret, under that key, for that organisation; else None."""
    given, rest = data[len(_MAGIC) : len(_MAGIC) + _HASH], data[len(_MAGIC) + _HASH :]
    if not data.startswith(_MAGIC) or not hmac.compare_digest(given, _hash(rest, secret)):
        return None
    frame = _load(rest)
    return frame if (frame.key, frame.organisation) == (key, organisation) else None


def _dump(frame: Frame) -> bytes:
    head = orjson.dumps([frame.key, frame.organisation, frame.status, frame.headers])
    return len(head).to_bytes(_LENGTH, "big") + head + frame.body


def _load(data: bytes) -> Frame:
    body_at = _LENGTH + int.from_bytes(data[:_LENGTH], "big")
    key, organisation, status, headers = orjson.loads(data[_LENGTH:body_at])
    return Frame(key, organisation, status, tuple(shared(*each) for each in headers), data[body_at:])


def _hash(rest: bytes, secret: bytes) -> bytes:
    return hashlib.blake2b(rest, digest_size=_HASH, key=secret, person=b"coachkit frame").digest()
