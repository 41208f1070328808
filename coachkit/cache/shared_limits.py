"""How much each caller may spend in a while, counted in Redis for all processes together.

Exact, by one script and Redis's own clock, in one round trip; where Redis does not answer, or not as it should, nothing
is known, and whoever asks decides what follows. The manners are those of the shared store, and so are its limits of
time, its breaker and its hidden names. Knows nothing of HTTP, nor who callers are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coachkit.cache.limits import PARTS, Standing

if TYPE_CHECKING:
    from coachkit.cache.link import Reply
    from coachkit.cache.shared import SharedStore

_SPEND: Final = """\
local quota, seconds, width = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HGETALL', KEYS[1])
local spent, oldest = 0, now
local newest = {first = string.format('%.0f', now), last = now, count = 0}
for at = 1, #held, 2 do
  local first = tonumber(held[at])
  local last, count = string.match(held[at + 1], '^(%d+) (%d+)$')
  last, count = tonumber(last), tonumber(count)
  if last + seconds <= now or last > now then
    redis.call('HDEL', KEYS[1], held[at])
  else
    spent = spent + count
    if now - first < width then
      newest = {first = held[at], last = last, count = count}
    else
      oldest = math.min(oldest, last)
    end
  end
end
local granted = 0
if spent < quota then
  granted = 1
  spent = spent + 1
  newest.last = now
  redis.call('HSET', KEYS[1], newest.first, string.format('%.0f %d', now, newest.count + 1))
  redis.call('PEXPIRE', KEYS[1], seconds)
end
return {granted, quota - spent, math.min(oldest, newest.last) + seconds - now}
"""
"""Spends a token as `Buckets` does. A hash has the parts: when each began (ms), when a token in it was spent last, and
how many were."""


class SharedCounts:
    """What callers have spent, in Redis. Safe to share between threads and across a fork."""

    def __init__(self, store: SharedStore) -> None:
        self._store = store

    def spend(self, limit: str, caller: str, quota: int, seconds: int) -> Standing | None:
        """Take a token of the caller's under that limit, if one is left; None where Redis does not say."""
        name = self._store.name(f"\nlimit\n{limit}\n{caller}")
        time = 1_000 * seconds
        replies = self._store.exchange((("EVAL", _SPEND, 1, name, quota, time, time // PARTS),))
        if replies is None:
            return None
        standing = _read(replies[0], quota, time)
        if standing is None:
            self._store.distrust(replies[0])
        return standing


def _read(reply: Reply, quota: int, time: int) -> Standing | None:
    """The standing that a reply tells of; None for anything that the script does not say."""
    match reply:
        case [0 | 1 as granted, int() as left, int() as wait] if 0 < wait <= time:
            if 0 <= left <= (quota - 1 if granted else 0):
                return Standing(granted == 1, left, wait / 1_000)
    return None
