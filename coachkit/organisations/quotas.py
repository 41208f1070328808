"""How many of each thing an organisation may have: the operator's settings say so."""

from __future__ import annotations

from dataclasses import dataclass

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
