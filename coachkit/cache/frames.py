"""Frames: responses as they are kept, and as bytes that are trusted only if they prove to be ours.

Sealed, a frame is `CKF1`, a keyed hash of all that follows, the length of the head, the head (a JSON list of key,
organisation, status and headers) and the body. Nothing of it is read before the hash has been checked, and nothing
is ever unpickled. Knows nothing of HTTP or of where the bytes are kept.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

import orjson

_MAGIC: Final = b"CKF1"
_HASH: Final = 32
_LENGTH: Final = 4
_HEAD_AT: Final = len(_MAGIC) + _HASH + _LENGTH


@dataclass(frozen=True, slots=True)
class Frame:
    """A response that is the same for every reader, and the key it is kept under."""

    key: str
    organisation: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    prepared: list[tuple[str, str]] = field(default_factory=list, compare=False, repr=False)
    """Where whoever answers from it may note the headers of a whole answer. It is not sealed."""


def seal(frame: Frame, secret: bytes) -> bytes:
    """The frame as bytes that only a holder of the secret (16 to 64 bytes) can make."""
    head = orjson.dumps([frame.key, frame.organisation, frame.status, frame.headers])
    rest = len(head).to_bytes(_LENGTH, "big") + head + frame.body
    return _MAGIC + _hash(rest, secret) + rest


def unseal(data: bytes, *, key: str, organisation: str, secret: bytes) -> Frame | None:
    """The frame, if the bytes were sealed with that secret, under that key, for that organisation; else None."""
    given, rest = data[len(_MAGIC) : len(_MAGIC) + _HASH], data[len(_MAGIC) + _HASH :]
    if not data.startswith(_MAGIC) or not hmac.compare_digest(given, _hash(rest, secret)):
        return None
    body_at = _HEAD_AT + int.from_bytes(rest[:_LENGTH], "big")
    found_key, found_organisation, status, headers = orjson.loads(data[_HEAD_AT:body_at])
    if (found_key, found_organisation) != (key, organisation):
        return None
    return Frame(key, organisation, status, tuple((name, value) for name, value in headers), data[body_at:])


def _hash(rest: bytes, secret: bytes) -> bytes:
    return hashlib.blake2b(rest, digest_size=_HASH, key=secret, person=b"coachkit frame").digest()
