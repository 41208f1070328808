"""Times as people say them, in a zone, and the moments that they mean. Pure but for the zones' rules on this machine.

Where clocks go forward some local times do not exist, and where they go back some exist twice. Rules change by law and
at short notice, so a moment that was worked out earlier is worked out anew from the local time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_EXTREMES: Final = (datetime(1, 1, 3), datetime(9999, 12, 29, 23, 59))  # noqa: DTZ001 — local times have no zone
"""Between these every local time is a moment, whatever its zone."""


class NotALocalTimeError(ValueError):
    """A text that names no minute of the calendar."""


class UnknownZoneError(ValueError):
    """A zone that this machine has no rules for."""


@dataclass(eq=False)
class NoSuchTimeError(ValueError):
    """A local time that clocks skip: `before` and `after` are the nearest minutes that there are."""

    local: datetime
    before: datetime
    after: datetime

    def __str__(self) -> str:
        return f"{write(self.local)} does not exist: clocks go from {write(self.before)} to {write(self.after)}"


@dataclass(frozen=True)
class Meant:
    """The moment, in UTC, that a local time means; `second` is the other one where clocks pass it twice."""

    at: datetime
    second: datetime | None = None


def parse(text: str) -> datetime:
    """The local time `2026-12-01T09:00`, without a zone. Raises NotALocalTimeError."""
    if _LOCAL.fullmatch(text):
        try:
            local = datetime.strptime(text, "%Y-%m-%dT%H:%M")  # noqa: DTZ007 — local times have no zone
        except ValueError:
            local = None
        if local is not None and _EXTREMES[0] <= local <= _EXTREMES[1]:
            return local
    raise NotALocalTimeError(f"“{text[:40]}” is not a local time such as 2026-12-01T09:00")


def write(local: datetime) -> str:
    """A local time as `parse` reads it."""
    return local.isoformat(timespec="minutes")


def zone(name: str) -> ZoneInfo:
    """The rules of a zone as they are now on this machine. Raises UnknownZoneError."""
    try:
        return ZoneInfo.no_cache(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZoneError(f"“{name[:80]}” is not a time zone such as Europe/London") from error


def meant(local: datetime, rules: ZoneInfo) -> Meant:
    """The moment that a local time means, the first where there are two. Raises NoSuchTimeError."""
    first, second = _readings(local, rules)
    if first > second:
        turn = _turn(second, first, rules)
        before, after = (turn - _SECOND).astimezone(rules), turn.astimezone(rules)
        raise NoSuchTimeError(local, _floor(before.replace(tzinfo=None)), _ceiling(after.replace(tzinfo=None)))
    return Meant(first, second if second != first else None)


def moment(local: datetime, rules: ZoneInfo) -> datetime:
    """The same for a time that was promised: where clocks skip it, the moment in which they do."""
    first, second = _readings(local, rules)
    return _turn(second, first, rules) if first > second else first


def _readings(local: datetime, rules: ZoneInfo) -> tuple[datetime, datetime]:
    """A local time by the clock before a turn and by the clock after it: in order if it exists, alike if once only."""
    first, second = (local.replace(tzinfo=rules, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def _turn(earlier: datetime, later: datetime, rules: ZoneInfo) -> datetime:
    """The first second, after `earlier` and not after `later`, by which clocks have been turned from those before."""
    offset = earlier.astimezone(rules).utcoffset()
    seconds = int((later - earlier).total_seconds())
    low, high = 0, seconds
    while high - low > 1:
        middle = (low + high) // 2
        if (earlier + middle * _SECOND).astimezone(rules).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return earlier + high * _SECOND


def _floor(local: datetime) -> datetime:
    return local.replace(second=0, microsecond=0)


def _ceiling(local: datetime) -> datetime:
    floor = _floor(local)
    return floor if floor == local else floor + _MINUTE
