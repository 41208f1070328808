"""How many of each thing an organisation may have: the operator's settings say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from coachkit.errors import LimitReached
from coachkit.settings import Settings


@dataclass(frozen=True)
class Quotas:
    """How many an organisation may have of what comes of publishing."""

    editions: int
    channels: int

    @classmethod
    def of(cls, settings: Settings) -> Quotas:
        """Those that the installation's settings name."""
        return cls(editions=settings.max_editions, channels=settings.max_channels)


def require_room(found: int, most: int, what: str, setting: str) -> None:
    """Raise LimitReached, which names the setting, where an organisation has as many of something as it may have."""
    if found >= most:
        detail = f"There are {found:,} {what} already; COACHKIT_{setting.upper()} lets an organisation have {most:,}."
        raise LimitReached(detail)


class Amount(NamedTuple):
    """How many of something there would be, and the setting that says how many there may be."""

    found: int
    what: str
    setting: str


def require_all_fit(amounts: Iterable[Amount], settings: Settings) -> None:
    """Raise LimitReached, which names everything that is too much and its setting, unless all of it may be had."""
    over = [(each, most) for each in amounts if each.found > (most := getattr(settings, each.setting))]
    said = [f"{each.found:,} {each.what}, where COACHKIT_{each.setting.upper()} allows {most:,}" for each, most in over]
    if said:
        raise LimitReached(f"That would be {'; '.join(said)}.")
