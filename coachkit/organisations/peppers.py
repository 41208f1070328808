"""What tokens are hashed with before they are stored, so that whoever reads the database can neither use nor make one.

Peppers rotate: the newest hashes, the older ones still find what they hashed. Pure; knows tokens, and no key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from coachkit.organisations.tokens import Token
from coachkit.settings import Settings

HASH_BYTES: Final = 32
_NAME_BYTES: Final = 4


@dataclass(frozen=True)
class Pepper:
    """A secret of 32 to 64 bytes, and the short name by which keys say that their hash was made with it."""

    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Eight hexadecimal digits that give nothing of the secret away."""
        return hashlib.blake2b(digest_size=_NAME_BYTES, key=self.secret, person=b"coachkit pepname").hexdigest()

    def hash(self, token: Token) -> str:
        """What is stored of a token: a keyed BLAKE2b of 256 bits, in hexadecimal digits."""
        text = token.text.encode()
        return hashlib.blake2b(text, digest_size=HASH_BYTES, key=self.secret, person=b"coachkit keyhash").hexdigest()


Peppers = tuple[Pepper, ...]
"""All that may be used, the newest first; never empty."""


def of(settings: Settings) -> Peppers:
    """The peppers of an installation."""
    derived = hashlib.blake2b(digest_size=HASH_BYTES, key=settings.secret_key, person=b"coachkit pepper").digest()
    return tuple(dict.fromkeys(Pepper(derived if each is None else each) for each in settings.key_peppers))
