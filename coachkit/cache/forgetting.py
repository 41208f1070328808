"""Takes out of Redis what is kept under names that begin alike, within a time, and says how far it got.

For commands, which may wait; what serves readers never does this. Knows nothing of what is kept.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from redis.exceptions import ResponseError

from coachkit.cache.link import Link, LinkError, Reply

EXCHANGE_SECONDS: Final = 2.0
"""The longest that one exchange may take."""
COUNT: Final = 1_000
"""About so many names are looked at in one exchange."""


class Forgotten(NamedTuple):
    """How many values were taken out, and what kept it from being all of them; None where nothing did."""

    number: int
    fault: str | None


def forget(link: Link, beginning: bytes, seconds: float) -> Forgotten:
    """Take out everything whose name begins so, in at most so many seconds.

    What is there from the beginning to the end is found; what is put there meanwhile may not be.
    """
    ends = time.monotonic() + seconds
    number, cursor = 0, b"0"
    while time.monotonic() < ends:
        try:
            (reply,) = link.exchange([("SCAN", cursor, "MATCH", beginning + b"*", "COUNT", COUNT)], EXCHANGE_SECONDS)
            cursor, names = _scanned(reply)
            if names:
                (gone,) = link.exchange([("UNLINK", *names)], EXCHANGE_SECONDS)
                number += gone if isinstance(gone, int) else 0
        except LinkError as error:
            return Forgotten(number, str(error))
        if cursor == b"0":
            return Forgotten(number, None)
    return Forgotten(number, "TooSlow")


def _scanned(reply: Reply) -> tuple[bytes, list[bytes]]:
    """The next cursor and the names. Raises LinkError for a reply that is none to SCAN."""
    if isinstance(reply, ResponseError):
        raise LinkError(type(reply).__name__)
    match reply:
        case [bytes() as cursor, list() as names] if all(isinstance(name, bytes) for name in names):
            return cursor, names
    raise LinkError("NotOurs")
