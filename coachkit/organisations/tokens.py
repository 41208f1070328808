"""The tokens that stand for keys: `ck_pub_…` and `ck_sec_…`, with a checksum that catches typing errors.

After the prefix come 160 random bits and the CRC-32 of all that stands before it, both to base 62 and of fixed length.
A CRC-32 finds every change within 32 neighbouring bits, so every mistyped character and every pair of neighbours that
changed places. Pure; knows no key, and nothing of where they are stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, cast, get_args
from zlib import crc32

Kind = Literal["pub", "sec"]
"""Publishable, for whoever can read a page's source, or secret."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ENTROPY_BYTES: Final = 20
"""Random bytes in a token."""

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM: Final = 27
_CHECKSUM: Final = 6
"""Digits to base 62 that 160 bits, and 32, take."""
_PREFIX: Final = re.compile(rf"ck_(?P<kind>{'|'.join(KINDS)})_")
_LENGTH: Final = len("ck_pub_") + _RANDOM + _CHECKSUM


@dataclass(frozen=True)
class Token:
    """A token whose checksum is right; whether it is any key's, only the database knows. `repr` does not show it."""

    kind: Kind
    text: str = field(repr=False)


class Fault(Enum):
    """Why a text is no token."""

    MISTYPED = "mistyped"
    """It begins as one, and something in it is wrong."""
    NO_KEY = "not a key"
    """It does not even begin as one."""


def make(kind: Kind, entropy: bytes) -> Token:
    """The token of a kind made from ENTROPY_BYTES random bytes; the same ones give the same token."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a token is made from {ENTROPY_BYTES} bytes, not {len(entropy)}")
    text = f"ck_{kind}_{base62(int.from_bytes(entropy), _RANDOM)}"
    return Token(kind, text + _checksum(text))


def parse(text: str) -> Token | Fault:
    """The token that a text is, or why it is none; any text has an answer, without a look-up."""
    prefix = _PREFIX.match(text)
    if prefix is None:
        return Fault.NO_KEY
    body, checksum = text[:-_CHECKSUM], text[-_CHECKSUM:]
    if len(text) != _LENGTH or not text.isascii() or _checksum(body) != checksum:
        return Fault.MISTYPED
    return Token(cast("Kind", prefix["kind"]), text)


def base62(number: int, digits: int) -> str:
    """A number to base 62, its last so many digits."""
    written = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        written = _DIGITS[digit] + written
    return written


def _checksum(text: str) -> str:
    return base62(crc32(text.encode()), _CHECKSUM)
