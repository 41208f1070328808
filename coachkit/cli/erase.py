"""The command that erases an organisation: its rows, the bytes they leave in the file, and what Redis has of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import click

from coachkit.cli.installation import Installation, installation, now
from coachkit.cli.output import json_option, show
from coachkit.db import erasures
from coachkit.db import organisations as rows
from coachkit.db.scopes import ACROSS
from coachkit.errors import Conflict
from coachkit.organisations.erasing import Erased
from coachkit.organisations.erasing import erase as erase_rows

SEEN_SECONDS: Final = 2.0
"""After which every worker has seen that an organisation is gone, and has kept what it was then making for a reader."""
CACHE_SECONDS: Final = 60.0
"""The longest that Redis is gone through."""


@click.command()
@click.argument("slug")
@click.option("--yes", is_flag=True, help="It cannot be undone; without this nothing is done.")
@click.option("--cache", "cache_only", is_flag=True, help="Only what Redis still has of SLUG, which is erased already.")
@json_option
def erase(slug: str, *, yes: bool, cache_only: bool, as_json: bool) -> None:
    """Erase organisation SLUG: everything that is kept of it here. Says what is gone and what caches are to purge."""
    if not yes:
        raise click.UsageError(
            f"This erases all of {slug} and cannot be undone: give --yes, after `coachkit org export`."
        )
    with installation() as here:
        done = None if cache_only else _erased(here, slug)
        if cache_only:
            _refuse_living(here, slug)
        value = {"organisation": slug, **(_value(done) if done else {})}
        value["file"] = erasures.scrub(here.database) if done else None
        value["cache"] = _forgotten(here, slug)
    show(value, _lines(value), as_json=as_json)


def _erased(here: Installation, slug: str) -> Erased:
    with here.database.write(ACROSS) as conn:
        return erase_rows(conn, slug, now())


def _refuse_living(here: Installation, slug: str) -> None:
    with here.database.read(ACROSS) as conn:
        if rows.get(conn, slug) is not None:
            raise Conflict(f"{slug} is not erased; without --cache it is")


def _forgotten(here: Installation, slug: str) -> dict[str, Any] | None:
    """What Redis had of it; None where there is no Redis."""
    if here.settings.redis_url is None:
        return None
    time.sleep(SEEN_SECONDS)
    try:
        from coachkit.cache.forgetting import forget
        from coachkit.cache.link import Link
        from coachkit.cache.shared import beginning

        link = Link(here.settings.redis_url)
    except (ModuleNotFoundError, ValueError) as error:  # what the database had is gone already: say so, and go on
        return {"removed": 0, "fault": str(error)}
    try:
        done = forget(link, beginning(here.settings.secret_key, slug), CACHE_SECONDS)
    finally:
        link.drop()
    return {"removed": done.number, "fault": done.fault}


def _value(done: Erased) -> dict[str, Any]:
    return {
        "number": done.number,
        "rows": dict(done.rows),
        "releases": list(done.releases),
        "images": done.images,
        "surrogate_keys": list(done.surrogate_keys),
    }


def _lines(value: dict[str, Any]) -> Iterator[str]:
    slug = value["organisation"]
    if "rows" in value:
        yield f"{slug} is erased. What is left of it is a number, {value['number']}, and when that was erased."
        yield from (f"{number:8} {table}" for table, number in value["rows"].items() if number)
        yield from (f"         {release}" for release in value["releases"])
        yield f"Purge in caches in front, by Surrogate-Key: {' '.join(value['surrogate_keys'])}"
    if value["file"]:
        yield f"Its bytes may still be in the database's file: {value['file']}. `VACUUM` it when nobody holds it."
    if value["cache"]:
        fault, removed = value["cache"]["fault"], value["cache"]["removed"]
        yield f"{removed:8} answers in Redis"
        if fault:
            yield (
                f"Redis could not be gone through ({fault}). What it still has goes within a day, and nobody is served "
                f"it; to try again: coachkit org erase {slug} --yes --cache"
            )
