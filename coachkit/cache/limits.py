"""How much each caller may spend in a while, counted in this process. Knows nothing of HTTP, nor who callers are.

Each caller has a bucket of tokens. One that is spent comes back once the time of the limit is over, and at most one
SLOTS-th of that time later: so in no such time does anybody spend more than the bucket holds, and whoever spends no
more than that in any time a little longer is never refused.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from coachkit import process

SLOTS: Final = 12
"""Parts of the time of a limit: tokens that were spent in one of them come back together."""
RING: Final = SLOTS + 1
"""Parts of which the tokens are still spent, the one that is now among them."""
_SLOT, _SPENT, _OLDEST, _FIRST = range(4)
"""Places in what is held of a caller: the last part it came in, how many tokens are spent, the oldest part in which one
was, and, from there on, how many in each part, by its number modulo RING."""


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


class Buckets:
    """A bucket of `quota` tokens for each caller, which come back after `seconds`. Safe to share between threads.

    A forked child begins with all buckets full. At most `most` callers are held (about 400 bytes each). When there are
    more, those go whose tokens are all back, which changes nothing; where that is not enough, also those who spent
    least: each of them may spend that again. `clock` is monotonic.
    """

    def __init__(self, quota: int, seconds: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.quota: Final = quota
        self._width = seconds / SLOTS
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, list[int]] = {}
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
        slot = int(now / self._width)
        held = self._held.get(caller)
        if held is None or held[_SLOT] != slot:
            held = self._current(caller, slot)
        # CPython lets no other thread in before the token is taken; whatever did would let one too many through
        spent = held[_SPENT]
        granted = spent < self.quota
        if granted:
            held[_SPENT] = spent = spent + 1
            held[_FIRST + slot % RING] += 1
        # as Standing(…), in half the time: this is asked on every hit
        return _made(Standing, (granted, self.quota - spent, (held[_OLDEST] + RING) * self._width - now))

    def _current(self, caller: str, slot: int) -> list[int]:
        """What is held of a caller, now that it is that part."""
        with self._lock:
            held = self._held.get(caller)
            if held is not None:
                _turn(held, slot)
                return held
            if len(self._held) >= self._most:
                self._forget(slot)
            held = self._held[caller] = [slot, 0, slot, *[0] * RING]
            return held

    def _forget(self, slot: int) -> None:
        """Make room for a quarter at least."""
        kept = {caller: held for caller, held in self._held.items() if slot - held[_SLOT] < RING}
        if len(kept) > self._most * 3 // 4:
            most_spent = sorted(kept.items(), key=lambda item: item[1][_SPENT], reverse=True)
            kept = dict(most_spent[: self._most // 2])
        self._held = kept


def _turn(held: list[int], slot: int) -> None:
    """Go on to another part: what was spent RING parts ago is back. A clock that went back changes nothing."""
    gone = min(slot - held[_SLOT], RING)
    if gone <= 0:
        return
    for each in range(slot - gone + 1, slot + 1):
        place = _FIRST + each % RING
        held[_SPENT] -= held[place]
        held[place] = 0
    held[_SLOT] = slot
    held[_OLDEST] = next(each for each in range(slot - SLOTS, slot + 1) if each == slot or held[_FIRST + each % RING])


def recorded(quota: int, seconds: float, ago: Iterable[float]) -> Standing:
    """How a caller stands who is to spend a token now, where it is recorded how many seconds ago others were spent."""
    spent = sorted((each for each in ago if each < seconds), reverse=True)
    left = quota - len(spent)
    if left <= 0:
        return Standing(granted=False, left=0, wait=seconds - spent[-left])
    return Standing(granted=True, left=left - 1, wait=seconds - spent[0] if spent else seconds)


def whole(seconds: float) -> int:
    """Seconds as they are told: whole, rounded up, 1 at least."""
    return max(1, math.ceil(seconds))
