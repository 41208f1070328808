"""How much each caller may spend in a while, counted in this process. Knows nothing of HTTP, nor who callers are.

Each caller has a bucket of tokens. One that is spent comes back once the time of the limit is over, or a PARTS-th of
that time later: so in no such time does anybody spend more than the bucket holds, and whoever spends no more than that
in any time so much longer is never refused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from coachkit import process

PARTS: Final = 12
"""Parts of a limit's time: tokens that are spent within one of them come back together."""
_made: Final = tuple.__new__


class Standing(NamedTuple):
    """How a caller stands who asked for a token: whether it got one, and how many are left."""

    granted: bool
    left: int
    wait: float
    """Seconds until more come back."""


def share(quota: int, processes: int) -> int:
    """How much of a quota one of several processes lets through, so that together they let through twice at most.

    Twice its share, since callers are not spread evenly; never more than the whole, and one at least.
    """
    return max(1, min(quota, 2 * quota // processes))


@dataclass(slots=True)
class _Part:
    """Tokens that were spent between two moments, which are no further apart than a part of the limit's time."""

    first: float
    last: float
    count: int = 0


@dataclass(slots=True)
class _Held:
    """What a caller has spent, the oldest part first; there is always one, and none but the last is empty."""

    parts: list[_Part]
    spent: int = 0


class Buckets:
    """A bucket of `quota` tokens for each caller, which come back after `seconds`. Safe to share between threads.

    A forked child begins with all buckets full. At most `most` callers are held, with 500 bytes each, and up to 2 KB
    for those who never pause. When there are more, those go whose tokens are all back, which changes nothing; where
    that is not enough, also those who spent least: each of them may spend that again. `clock` is monotonic.
    """

    def __init__(self, quota: int, seconds: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.quota: Final = quota
        self._seconds = seconds
        self._width = seconds / PARTS
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        process.tell(self)

    def __len__(self) -> int:
        return len(self._held)

    def forked(self) -> None:
        """Called in a forked child: what was spent was its parent's, and another thread may have held the lock."""
        self._lock = threading.Lock()
        self._held = {}

    def spend(self, caller: str) -> Standing:
        """Take a token of the caller's, if one is left."""
        now = self._clock()
        held = self._held.get(caller)
        if held is None or now - held.parts[-1].first >= self._width or now - held.parts[0].last >= self._seconds:
            held = self._current(caller, now)
        # CPython lets no other thread in before the token is taken; what did would let one too many through
        spent = held.spent
        granted = spent < self.quota
        if granted:
            held.spent = spent = spent + 1
            newest = held.parts[-1]
            newest.count += 1
            newest.last = now
        # as Standing(…), in half the time: this is asked on every hit
        return _made(Standing, (granted, self.quota - spent, held.parts[0].last + self._seconds - now))

    def _current(self, caller: str, now: float) -> _Held:
        """What a caller has spent that still counts, with the part that it is now at its end."""
        with self._lock:
            held = self._held.get(caller)
            if held is None:
                if len(self._held) >= self._most:
                    self._forget(now)
                held = self._held[caller] = _Held([_Part(now, now)])
                return held
            newest = held.parts[-1]
            if not newest.count:  # whoever came was refused
                newest.first = newest.last = now
            elif now - newest.first >= self._width:
                held.parts.append(_Part(now, now))
            while now - held.parts[0].last >= self._seconds:
                held.spent -= held.parts[0].count
                del held.parts[0]
            return held

    def _forget(self, now: float) -> None:
        """Make room for a quarter at least."""
        kept = {caller: held for caller, held in self._held.items() if now - held.parts[-1].last < self._seconds}
        if len(kept) > self._most * 3 // 4:
            most_spent = sorted(kept.items(), key=lambda item: item[1].spent, reverse=True)
            kept = dict(most_spent[: self._most // 2])
        self._held = kept


def recorded(quota: int, seconds: float, ago: Iterable[float]) -> Standing:
    """How a caller stands who is to spend a token now, where it is recorded how many seconds ago others were spent."""
    spent = sorted((each for each in ago if each < seconds), reverse=True)
    left = quota - len(spent)
    if left <= 0:
        return Standing(granted=False, left=0, wait=seconds - spent[-left])
    return Standing(granted=True, left=left - 1, wait=seconds - spent[0] if spent else seconds)


def whole(seconds: float) -> int:
    """Seconds as they are told: whole, rounded up, 1 at least."""
    return -int(-seconds // 1) or 1
