"""How many of each thing an organisation may have: the operator's settings say so."""

from __future__ import annotations

from coachkit.errors import LimitReached


def require_room(found: int, most: int, what: str, setting: str) -> None:
    """Raise LimitReached, which names the setting, where an organisation has as many of something as it may have."""
    if found >= most:
        detail = f"There are {found:,} {what} already; COACHKIT_{setting.upper()} lets an organisation have {most:,}."
        raise LimitReached(detail)
