"""Cursors of lists: where the page before ended, sealed so that only a cursor of the same list is taken back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from coachkit.errors import BadRequest, FieldError

_SEAL = 8


def make(secret: bytes, listing: str, last_id: str) -> str:
    """The cursor after an entry of a listing (which names the list and its filters)."""
    return base64.urlsafe_b64encode(_seal(secret, listing, last_id) + last_id.encode()).decode().rstrip("=")


def read(secret: bytes, listing: str, cursor: str) -> str:
    """The id after which to go on. Raises BadRequest for anything that `make` did not make for this listing."""
    try:
        last_id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)[_SEAL:].decode()
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if not hmac.compare_digest(cursor, make(secret, listing, last_id)):
        raise _invalid()
    return last_id


def _seal(secret: bytes, listing: str, last_id: str) -> bytes:
    data = f"{listing}\n{last_id}".encode()
    return hashlib.blake2b(data, digest_size=_SEAL, key=secret[:64], person=b"coachkit cursor").digest()


def _invalid() -> BadRequest:
    error = FieldError("invalid-cursor", "Take it from the Link header of the page before.", parameter="cursor")
    return BadRequest("The cursor does not belong to this list.", (error,))
