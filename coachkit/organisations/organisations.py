"""Makes organisations and changes their settings. Publishing what they chose is `editions/publish.py`'s work."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from coachkit.db import organisations as rows
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import narrow, only
from coachkit.editions.choices import SETTINGS_BYTES, access_of, from_settings
from coachkit.editions.merging import settle_over
from coachkit.errors import BadRequest, FieldError, InvalidBody, NotFound
from coachkit.organisations.audit import COMMAND, Actor, difference, record
from coachkit.packs.model import NAME_LENGTH, NAME_PATTERN

CREATE, CHANGE = "organisation.create", "settings.change"
"""The audit's words for it."""


def create(
    conn: Connection,
    slug: str,
    settings: Mapping[str, Any],
    at: datetime,
    *,
    demo: bool = False,
    actor: Actor = COMMAND,
) -> Organisation:
    """Store a new organisation with settings that have passed their schema.

    Raises BadRequest for a slug that is no name, and Conflict for one that is taken. `demo` marks its editions: they
    may show contacts that nobody has verified, and say so.
    """
    settings = settle_over(conn, settings)
    made = insert(conn, slug, settings, at, demo=demo)
    said = {"demo": demo, "settings": difference({}, settings)[1]}
    record(conn, made.id, actor, CREATE, slug, at=at, after=said)
    return made


def insert(conn: Connection, slug: str, settings: Mapping[str, Any], at: datetime, *, demo: bool) -> Organisation:
    """Store a new organisation whose audit has no entry yet. Raises as `create` does."""
    require_name(slug)
    _require_bounded(settings)
    access = access_of(settings)
    return rows.insert(conn, slug, name=_name(settings), settings=settings, at=at, demo=demo, access=access)


def change(
    conn: Connection,
    slug: str,
    settings: Mapping[str, Any],
    at: datetime,
    *,
    actor: Actor = COMMAND,
    expected_revision: int | None = None,
) -> Organisation:
    """Replace an organisation's settings; what it serves stays as it is until it publishes, who may read it does not.

    Raises NotFound; InvalidBody where they are larger than settings may be, so that they can always be put back; and
    Conflict where it is at another revision than the expected one.
    """
    before = rows.hold(conn, find(conn, slug).id)
    changed = replace(conn, before, settings, at, expected_revision=expected_revision)
    was, now = difference(before.settings, changed.settings)
    told = ({"revision": before.revision, "settings": was}, {"revision": changed.revision, "settings": now})
    record(conn, before.id, actor, CHANGE, "settings", at=at, before=told[0], after=told[1])
    return changed


def replace(
    conn: Connection,
    before: Organisation,
    settings: Mapping[str, Any],
    at: datetime,
    *,
    expected_revision: int | None = None,
) -> Organisation:
    """What `change` does, for whoever tells the audit of it in words of their own."""
    settings = settle_over(conn, settings, before.settings)
    _require_bounded(settings)
    return rows.update(
        conn,
        before.slug,
        name=_name(settings),
        settings=settings,
        at=at,
        expected_revision=expected_revision,
        access=access_of(settings),
    )


def require_name(slug: str) -> None:
    """Raise BadRequest for a slug that is no name."""
    if len(slug) > NAME_LENGTH or not re.fullmatch(NAME_PATTERN, slug):
        raise BadRequest(f"“{slug}” is not a name of lower-case letters, digits and hyphens")


def find(conn: Connection, slug: str) -> Organisation:
    """The organisation with a slug. Raises NotFound, with those there are, if none has it."""
    organisation = rows.get(conn, slug)
    if organisation is None:
        known = ", ".join(rows.slugs(conn)) or "none"
        raise NotFound(f"There is no organisation {slug}; there are {known}")
    return organisation


def enter(conn: Connection, slug: str) -> Organisation:
    """The organisation with a slug, and from here on the transaction sees its rows alone. Raises NotFound."""
    organisation = find(conn, slug)
    narrow(conn, only(organisation.id))
    return organisation


def _name(settings: Mapping[str, Any]) -> str:
    choices = from_settings(settings)
    return choices.name((choices.default_locale,))


def _require_bounded(settings: Mapping[str, Any]) -> None:
    size = len(json.dumps(settings, ensure_ascii=False, separators=(",", ":"), default=dict).encode())
    if size > SETTINGS_BYTES:
        detail = f"All settings together would have {size:,} bytes as JSON in UTF-8, and may have {SETTINGS_BYTES:,}"
        raise InvalidBody(detail, (FieldError("too-large", detail, pointer=""),))
