"""Keys: how many hold, and which peppers they still need."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from coachkit.cli.checks.findings import Finding, Report
from coachkit.cli.installation import Installation
from coachkit.db import keys as rows
from coachkit.db.scopes import ACROSS
from coachkit.organisations import peppers


def check(here: Installation, at: datetime) -> Report:
    """How many keys hold, and what the peppers of the settings mean for them."""
    newest, *older = [pepper.name for pepper in peppers.of(here.settings)]
    with here.database.read(ACROSS) as conn:
        found = rows.holding_by_pepper(conn, at)
    waiting = sum(found.get(name, 0) for name in older)
    lost = sum(found.values()) - found.get(newest, 0) - waiting
    facts = {"holding": sum(found.values()) - lost, "older_pepper": waiting, "lost_pepper": lost}
    return Report(facts, tuple(_peppers(waiting, lost)))


def _peppers(waiting: int, lost: int) -> Iterator[Finding]:
    if waiting:
        yield Finding(
            "key_peppers",
            "pepper-older",
            f"an older pepper is still needed by {_keys(waiting)}",
            "each is hashed anew when it is used next; those that nobody uses keep the pepper from being taken out",
            "wait, or revoke what `coachkit key list` says was not used for long; then take the pepper out",
            "warning",
        )
    if lost:
        yield Finding(
            "key_peppers",
            "pepper-lost",
            f"the pepper of {_keys(lost)} is not among the settings",
            "whoever shows such a key is refused, as if there were none",
            "put the pepper back into COACHKIT_KEY_PEPPERS, or revoke those that `coachkit key list` says have lost it",
            "warning",
        )


def _keys(number: int) -> str:
    return f"{number} key{'s' * (number != 1)}"
