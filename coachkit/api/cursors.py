"""Places in a sequence, as opaque texts that callers hand back: sealed, so that only our own are taken.

A seal covers what the sequence is (which list with its filters, which organisation's changes), so that a text taken
from one is worth nothing in another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from coachkit.errors import BadRequest, FieldError

_SEAL = 8
"""Bytes of the seal: nobody guesses one over HTTP, and it opens nothing that is not public."""


def seal(secret: bytes, sequence: str, place: bytes) -> str:
    """A place in a sequence as text that fits into an address as it is."""
    return base64.urlsafe_b64encode(_seal(secret, sequence, place) + place).decode().rstrip("=")


def unseal(secret: bytes, sequence: str, text: str) -> bytes | None:
    """The place that `seal` made for this sequence; None for any other text."""
    try:
        place = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)[_SEAL:]
    except (binascii.Error, ValueError):
        return None
    return place if hmac.compare_digest(text.encode(), seal(secret, sequence, place).encode()) else None


def make(secret: bytes, listing: str, last_id: str) -> str:
    """The cursor after an entry of a listing (which names the list and its filters)."""
    return seal(secret, listing, last_id.encode())


def read(secret: bytes, listing: str, cursor: str) -> str:
    """The id after which to go on. Raises BadRequest for anything that `make` did not make for this listing."""
    place = unseal(secret, listing, cursor)
    if place is None:
        error = FieldError("invalid-cursor", "Take it from the Link header of the page before.", parameter="cursor")
        raise BadRequest("The cursor does not belong to this list.", (error,))
    return place.decode()


def _seal(secret: bytes, sequence: str, place: bytes) -> bytes:
    data = f"{sequence}\n".encode() + place
    return hashlib.blake2b(data, digest_size=_SEAL, key=secret[:64], person=b"coachkit cursor").digest()
