"""Publishes the example pack and an organisation's choices the way the commands do, into a test's database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from packmaker import FILES, PACK, Change, pack_files

from coachkit.db.database import Database
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import ACROSS
from coachkit.editions import channels, releases
from coachkit.editions.publish import Prepared, Tools, prepare, store
from coachkit.editions.releases import Published
from coachkit.errors import Problem, PublishRefused
from coachkit.hooks import core
from coachkit.organisations import organisations
from coachkit.packs.check import check
from coachkit.packs.model import Compiled
from coachkit.packs.source import Source

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
DIRECTIVES = tuple(("coachkit-core@0.1.0", directive) for directive in core.DIRECTIVES)
TOOLS = Tools(DIRECTIVES, {})
SLUG = "northbridge"


def settings(**changes: Any) -> dict[str, Any]:
    """Choices that the example pack can serve, in two locales, with these keys replaced; None takes a key away."""
    whole = {
        "default_locale": "en-GB",
        "locales": {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]},
        "packs": {"example": ">=1.0,<2"},
        "brand": {"name": "University of Northbridge", "careers_email": "careers@northbridge.example"},
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def brand(**changes: Any) -> dict[str, Any]:
    """The brand of `settings` with these keys on top."""
    return settings()["brand"] | changes


def compiled(files: Mapping[str, bytes]) -> Compiled:
    """A pack that must be without errors, compiled."""
    return _compiled(tuple(sorted(files.items())))


@cache
def _compiled(files: tuple[tuple[str, bytes], ...]) -> Compiled:
    checked = check(Source(dict(files)), DIRECTIVES)
    assert checked.compiled is not None, "\n".join(map(str, checked.problems))
    return checked.compiled


def release_files(pack: str = "example", version: str = "1.0.0", **changes: Change) -> dict[str, bytes]:
    """The files of the example pack under this id and version, with these changes."""

    def named(text: str) -> str:
        text = changes[PACK](text) if callable(changes.get(PACK)) else text  # type: ignore[operator, misc]
        return text.replace("id: example", f"id: {pack}", 1).replace("version: 1.0.0", f"version: {version}", 1)

    return pack_files(**(changes | {PACK: named}))


def small_files(pack: str, manifest: str = "", **modules: str) -> dict[str, bytes]:
    """The files of a pack with nothing but these modules, by id, in en-GB only; `manifest` is more of its pack.yaml."""
    head = FILES[PACK].split("placeholders:", maxsplit=1)[0].replace("id: example", f"id: {pack}", 1)
    text = head.replace("locales: [en-GB, cy]", "locales: [en-GB]") + manifest
    files = {f"modules/{name.replace('_', '-')}.md": body for name, body in modules.items()}
    return {path: each.encode() for path, each in (files | {PACK: text}).items()}


def release(database: Database, files: Mapping[str, bytes], at: datetime = AT) -> Published:
    """Publish a pack's files."""
    with database.write(ACROSS) as conn:
        return releases.publish(conn, Source(files), compiled(files), at)


def example(database: Database, version: str = "1.0.0", **changes: Change) -> Published:
    """Publish the example pack in a version, with these changes."""
    return release(database, release_files(version=version, **changes))


def organisation(database: Database, slug: str = SLUG, *, demo: bool = True, **changes: Any) -> Organisation:
    """Make an organisation with `settings(**changes)`, or give an existing one those settings."""
    with database.write(ACROSS) as conn:
        if organisations.rows.get(conn, slug):
            return organisations.change(conn, slug, settings(**changes), AT)
        return organisations.create(conn, slug, settings(**changes), AT, demo=demo)


def publish(
    database: Database, slug: str = SLUG, channel: str | None = "live", tools: Tools = TOOLS, at: datetime = AT
) -> Prepared:
    """Publish what an organisation chose and point a channel at it."""
    with database.write(ACROSS) as conn:
        found = organisations.find(conn, slug)
        prepared = prepare(conn, found, tools, at)
        store(conn, found, prepared, at)
        if channel is not None:
            channels.move(conn, found, channel, prepared.digest, at)
    return prepared


def refused(
    database: Database, *, demo: bool = True, tools: Tools = TOOLS, at: datetime = AT, **changes: Any
) -> tuple[Problem, ...]:
    """What keeps an organisation with `settings(**changes)` from publishing; that it is kept from it is asserted."""
    organisation(database, demo=demo, **changes)
    with pytest.raises(PublishRefused) as caught:
        publish(database, tools=tools, at=at)
    return caught.value.problems


def codes(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    """Where each problem is, below the organisation, and its code."""
    return [(problem.file.removeprefix(f"{SLUG}/"), problem.code) for problem in problems]
