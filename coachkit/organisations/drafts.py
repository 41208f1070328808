"""An organisation's draft: its settings as they are now, which readers see nothing of until they are published.

Says what publishing them would change and what keeps them from it, and puts back those of the live edition. How an
edition is made is `editions/publish.py`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from coachkit.db import channels, editions
from coachkit.db import organisations as rows
from coachkit.db.organisations import Organisation
from coachkit.editions import inputs
from coachkit.editions.choices_schema import ChoicesSchema, wrong_in_stored
from coachkit.editions.publish import Prepared, Tools, prepare
from coachkit.errors import Conflict, PreconditionFailed, Problem, PublishRefused
from coachkit.organisations import differences, organisations
from coachkit.organisations.audit import Actor, record
from coachkit.organisations.differences import Difference
from coachkit.packs.versions import Range

LIVE: Final = "live"
"""The channel that a draft is held against."""
AT_ONCE: Final = ("access", "timezone")
"""Keys of the settings that hold as soon as they are stored: they are no draft, and discarding leaves them."""
RULES: Final = ("parity", "banned_words")
"""Keys of the settings that an edition was held to and does not tell of."""
DISCARD: Final = "draft.discard"
"""The audit's word for it."""


@dataclass(frozen=True)
class Draft:
    """What an organisation's settings would come to. With `problems` there is no edition and no difference."""

    revision: int
    updated_at: datetime
    live: str | None
    """The edition that readers see, on which the draft is based."""
    edition: str | None
    """The digest that publishing would give."""
    difference: Difference | None
    problems: tuple[Problem, ...]
    """What keeps it from being published."""
    warnings: tuple[Problem, ...]

    def shape(self) -> dict[str, Any]:
        """As JSON: what checks print, and the rest beside it."""
        return {
            "ok": not self.problems,
            "problems": [asdict(each) for each in (*self.problems, *self.warnings)],
            "revision": self.revision,
            "updated_at": self.updated_at.isoformat(),
            "live": self.live,
            "edition": self.edition,
            "releases": None if self.difference is None else list(self.difference.releases),
            "changes": None if self.difference is None else list(self.difference.changes),
        }


@dataclass(frozen=True)
class Discarded:
    """The organisation as it is now, and what could not be put back as it was."""

    organisation: Organisation
    edition: str
    """The live edition, whose settings these are."""
    changed: bool
    """Whether there was anything to discard."""
    pinned: Mapping[str, str]
    """Packs whose range nobody knows any more, and the exact version that now stands for it."""


def draft(conn: Connection, organisation: Organisation, tools: Tools, at: datetime) -> Draft:
    """What publishing the settings would change for readers of `live`, and every problem and warning; stores nothing.

    Compiles the overlay, which may take seconds.
    """
    prepared, found = _prepared(conn, organisation, tools, at)
    return Draft(
        revision=organisation.revision,
        updated_at=organisation.updated_at,
        live=_live(conn, organisation),
        edition=prepared.digest if prepared else None,
        difference=differences.of_prepared(conn, organisation.id, LIVE, prepared) if prepared else None,
        problems=tuple(each for each in found if each.severity == "error"),
        warnings=tuple(each for each in found if each.severity != "error"),
    )


def discard(
    conn: Connection,
    organisation: Organisation,
    *,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> Discarded:
    """Put back the settings that the live edition was last published from, ranges too; AT_ONCE's keys stay.

    Where they were not kept, or break the rules of now, the edition's inputs tell all but the ranges: the draft's
    range stays for a pack where it takes the live version, and that version stands for it where it does not; RULES
    stay as they are in the draft, if they go with the rest. Raises
    Conflict where nothing is live, and PreconditionFailed where the settings are at another revision than the expected
    one.
    """
    held = rows.hold(conn, organisation.id)
    if expected_revision is not None and held.revision != expected_revision:
        raise PreconditionFailed(f"{held.slug} is at revision {held.revision}, not {expected_revision}; read it again")
    live = _live(conn, held)
    if live is None:
        raise Conflict(f"{held.slug} has no live edition to go back to")
    stored = editions.settings(conn, held.id, live)
    sound = stored is not None and not wrong_in_stored(stored)  # it may have come from another version
    published, pinned = (stored, {}) if stored is not None and sound else _from_inputs(conn, held, live)
    settings = {key: value for key, value in published.items() if key not in AT_ONCE}
    settings |= {key: held.settings[key] for key in AT_ONCE if key in held.settings}
    if settings == held.settings:
        return Discarded(held, live, changed=False, pinned=pinned)
    changed = organisations.change(conn, held.slug, settings, at, actor=actor, expected_revision=held.revision)
    after = {"revision": changed.revision, "pinned": pinned}
    record(conn, held.id, actor, DISCARD, live, at=at, before={"revision": held.revision}, after=after)
    return Discarded(changed, live, changed=True, pinned=pinned)


def _prepared(
    conn: Connection, organisation: Organisation, tools: Tools, at: datetime
) -> tuple[Prepared | None, tuple[Problem, ...]]:
    """The edition that a draft would be, None where it cannot be one, and everything that is to be said of it."""
    try:
        prepared = prepare(conn, organisation, tools, at)
    except PublishRefused as refused:
        return None, refused.problems
    return prepared, prepared.warnings


def _live(conn: Connection, organisation: Organisation) -> str | None:
    pointing = channels.get(conn, organisation.id, LIVE)
    return pointing.digest if pointing else None


def _from_inputs(conn: Connection, organisation: Organisation, live: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings that an edition's inputs still tell, and the packs of which they tell no range."""
    row = editions.inputs(conn, organisation.id, live)
    if row is None:
        raise Conflict(f"{organisation.slug} has no live edition to go back to")
    told = inputs.parse(row.inputs)
    settings = {key: told.settings[key] for key in ChoicesSchema().fields if key in told.settings}
    ranges = organisation.settings["packs"]
    keeps = {each.pack for each in told.releases if _takes(ranges.get(each.pack), each.version)}
    settings["packs"] = {each.pack: ranges[each.pack] if each.pack in keeps else each.version for each in told.releases}
    ruled = settings | {key: organisation.settings[key] for key in RULES if key in organisation.settings}
    settings = settings if wrong_in_stored(ruled) else ruled
    return settings, {each.pack: each.version for each in told.releases if each.pack not in keeps}


def _takes(wanted: str | None, version: str) -> bool:
    return wanted is not None and Range.parse(wanted).matches(version)
