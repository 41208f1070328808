"""Changes one part of an organisation's overlay, or one of its own resources, in its draft: its settings as stored.

Readers see nothing of it before an edition is published. Each change is one entry of the audit, in its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from coachkit.db import organisations as rows
from coachkit.db.organisations import Organisation
from coachkit.editions.choices import overlay_part, part_ids
from coachkit.editions.choices_schema import OVERLAY_LENGTH, ChoicesSchema, overlay_length
from coachkit.editions.merging import Merge, keep, merges, take
from coachkit.errors import Conflict, FieldError, InvalidBody, NotFound, PreconditionFailed
from coachkit.organisations import organisations
from coachkit.organisations.audit import Actor, record
from coachkit.organisations.quotas import require_room
from coachkit.settings import Settings

Decision = Literal["keep", "take"]


@dataclass(frozen=True)
class Part:
    """A part of the overlay as stored, with the id by which it is known wherever in the overlay it stands."""

    id: str
    position: int
    """From 0."""
    value: Mapping[str, Any]


def parts(organisation: Organisation) -> tuple[Part, ...]:
    """Every part of an organisation's overlay, in order."""
    overlay = organisation.settings.get("overlay") or ()
    names = part_ids(overlay_part(value) for value in overlay)
    return tuple(Part(name, position, value) for position, (name, value) in enumerate(zip(names, overlay, strict=True)))


def part(organisation: Organisation, part_id: str) -> Part:
    """The part with an id. Raises NotFound."""
    for each in parts(organisation):
        if each.id == part_id:
            return each
    raise NotFound(f"The overlay of {organisation.slug} has no part {part_id}")


def undecided(conn: Connection, organisation: Organisation) -> list[Merge]:
    """The parts over a text that a newer release words otherwise, each in each of its locales."""
    return merges(conn, organisation.settings)


def require_fits(settings: Mapping[str, Any], limits: Settings) -> None:
    """Raise LimitReached where settings have more parts or resources than an organisation may have."""
    require_room(len(settings.get("overlay") or ()) - 1, limits.max_overlay, _PARTS, "max_overlay")
    require_room(len(settings.get("resources") or ()) - 1, limits.max_resources, _RESOURCES, "max_resources")


def put(
    conn: Connection,
    organisation: Organisation,
    value: Mapping[str, Any],
    *,
    actor: Actor,
    at: datetime,
    limits: Settings,
    expected_revision: int | None = None,
) -> Organisation:
    """Add a part that has passed OverlaySchema at the end, or put it where the part with its id stands.

    Raises LimitReached; InvalidBody where all texts together would be too long; and Conflict where the organisation is
    not at the expected revision. Its id is `overlay_part(value).id`.
    A part in the same words as before stays over the release that it was over.
    """
    overlay = [dict(each) for each in organisation.settings.get("overlay") or ()]
    part_id = overlay_part(value).id
    before = next((each for each in parts(organisation) if each.id == part_id), None)
    if before is None:
        require_room(len(overlay), limits.max_overlay, _PARTS, "max_overlay")
        overlay.append(dict(value))
    else:
        overlay[before.position] = dict(value)
    if overlay_length(overlay) > OVERLAY_LENGTH:
        detail = f"with it the overlay's texts have more than {OVERLAY_LENGTH:,} characters together"
        raise InvalidBody("The overlay would be too long", (FieldError("too-long", detail, "/text"),))
    changed = _change(conn, organisation, {"overlay": overlay}, at, expected_revision)
    stored = part(changed, part_id)
    record(
        conn,
        organisation.id,
        actor,
        "overlay.set",
        part_id,
        at=at,
        before=before.value if before else None,
        after=stored.value,
    )
    return changed


def remove(
    conn: Connection,
    organisation: Organisation,
    part_id: str,
    *,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> Organisation:
    """Take a part away. Raises NotFound, and Conflict where the organisation is not at the expected revision."""
    found = part(organisation, part_id)
    without = take(organisation.settings, found.position)
    changed = _change(conn, organisation, without, at, expected_revision)
    record(conn, organisation.id, actor, "overlay.remove", part_id, at=at, before=found.value, after=None)
    return changed


def decide(
    conn: Connection,
    organisation: Organisation,
    part_id: str,
    decision: Decision,
    *,
    actor: Actor,
    at: datetime,
    seen: str | None = None,
    expected_revision: int | None = None,
) -> Organisation:
    """Keep a part's own words over what the release of now says, or take the release's and the part away.

    `seen` is the release that whoever decides has compared with, or its version alone. Raises NotFound;
    PreconditionFailed where the range gives another by now; and Conflict where there is nothing to decide, or where the
    organisation is not at the expected revision.
    """
    found = part(organisation, part_id)
    merge = next((each for each in undecided(conn, organisation) if each.position == found.position), None)
    if merge is None:
        raise Conflict(f"There is nothing to decide about part {part_id}: no release says something else under it")
    if seen is not None and seen not in {str(merge.now), merge.now.version}:
        detail = f"{merge.now} is what the range gives by now, and not {seen}: compare again"
        raise PreconditionFailed(detail, (FieldError("changed", detail, "/seen"),))
    settings = organisation.settings
    new = keep(settings, found.position, merge.now) if decision == "keep" else take(settings, found.position)
    changed = _change(conn, organisation, new, at, expected_revision)
    after = part(changed, part_id).value if decision == "keep" else None
    record(conn, organisation.id, actor, f"overlay.{decision}", part_id, at=at, before=found.value, after=after)
    return changed


def put_resource(
    conn: Connection,
    organisation: Organisation,
    value: Mapping[str, Any],
    *,
    actor: Actor,
    at: datetime,
    limits: Settings,
    expected_revision: int | None = None,
) -> Organisation:
    """Add an own resource that has passed ResourceSchema, or put it where the one of its kind and id stands.

    Raises InvalidBody, with pointers into the resource, where it does not go with the organisation's other settings;
    LimitReached; and Conflict where the organisation is not at the expected revision.
    """
    resources = [dict(each) for each in organisation.settings.get("resources") or ()]
    position = _resource(organisation, value["kind"], value["id"])
    before = None if position is None else resources[position]
    if position is None:
        require_room(len(resources), limits.max_resources, _RESOURCES, "max_resources")
        position = len(resources)
    resources[position : position + 1] = [dict(value)]
    _require_fitting({**organisation.settings, "resources": resources}, position)
    changed = _change(conn, organisation, {"resources": resources}, at, expected_revision)
    record(
        conn,
        organisation.id,
        actor,
        "resource.set",
        f"{value['kind']}/{value['id']}",
        at=at,
        before=before,
        after=dict(value),
    )
    return changed


def remove_resource(
    conn: Connection,
    organisation: Organisation,
    kind: str,
    resource_id: str,
    *,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> Organisation:
    """Take an own resource away. Raises NotFound, and Conflict where the organisation is not at that revision."""
    position = _resource(organisation, kind, resource_id)
    if position is None:
        raise NotFound(f"{organisation.slug} has no {kind} {resource_id} of its own")
    resources = list(organisation.settings["resources"])
    before = resources.pop(position)
    changed = _change(conn, organisation, {"resources": resources}, at, expected_revision)
    record(conn, organisation.id, actor, "resource.remove", f"{kind}/{resource_id}", at=at, before=before, after=None)
    return changed


_PARTS = "parts in the overlay"
_RESOURCES = "resources of its own"


def _resource(organisation: Organisation, kind: str, resource_id: str) -> int | None:
    """Where an own resource stands among the others; None where it is not there."""
    found = organisation.settings.get("resources") or ()
    named = (position for position, each in enumerate(found) if (each["kind"], each["id"]) == (kind, resource_id))
    return next(named, None)


def _change(
    conn: Connection, organisation: Organisation, new: Mapping[str, Any], at: datetime, expected: int | None
) -> Organisation:
    settings = {**organisation.settings, **new}
    revision = organisation.revision if expected is None else expected
    return organisations.replace(conn, rows.hold(conn, organisation.id), settings, at, expected_revision=revision)


def _require_fitting(settings: Mapping[str, Any], position: int) -> None:
    found: Mapping[Any, Any] = dict(ChoicesSchema().validate(settings))
    wrong = found.get("resources") or {}
    errors = tuple(FieldError("invalid-value", said, pointer) for pointer, said in _said(wrong.get(position), ""))
    if errors:
        raise InvalidBody("The resource does not go with the organisation's settings", errors)


def _said(errors: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Pointer and words of each of marshmallow's errors."""
    if isinstance(errors, Mapping):
        for key, below in errors.items():
            yield from _said(below, f"{pointer}/{key}")
    else:
        yield from ((pointer, str(each)) for each in errors or ())
