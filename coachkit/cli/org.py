"""Commands for organisations and their settings."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from coachkit.cli.erase import erase
from coachkit.cli.installation import installation, now
from coachkit.cli.output import json_option, show, warn
from coachkit.cli.writing import written
from coachkit.db import channels
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import ACROSS
from coachkit.editions.library import Library
from coachkit.errors import ArchiveInvalid
from coachkit.organisations import exporting, files, organisations, reviews
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.importing import Means, import_archive
from coachkit.organisations.overlays import require_fits

SETTINGS = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def org() -> None:
    """Make organisations and change their settings. FILE is YAML: packs, locales, brand, values, overlay."""


@org.command()
@click.argument("slug")
@SETTINGS
@click.option("--demo", is_flag=True, help="May show contacts that nobody has verified.")
@json_option
def create(slug: str, file: Path, *, demo: bool, as_json: bool) -> None:
    """Make an organisation with the settings in FILE."""
    settings = files.read(file)
    with installation() as here, here.database.write(ACROSS) as conn:
        require_fits(settings, here.settings)
        made = organisations.create(conn, slug, settings, now(), demo=demo)
    said = f"{slug} is made. Publish what it chose: coachkit edition publish {slug}"
    show(_value(made), [said], as_json=as_json)


@org.command("set")
@click.argument("slug")
@SETTINGS
@json_option
def set_(slug: str, file: Path, *, as_json: bool) -> None:
    """Replace an organisation's settings with those in FILE; readers see no change until an edition is published."""
    settings = files.read(file)
    with installation() as here, here.database.write(ACROSS) as conn:
        require_fits(settings, here.settings)
        changed = organisations.change(conn, slug, settings, now())
    show(_value(changed), [f"{slug} is at revision {changed.revision}."], as_json=as_json)


@org.command("show")
@click.argument("slug")
@json_option
def show_(slug: str, *, as_json: bool) -> None:
    """What an organisation chose, and where its channels point."""
    with installation() as here, here.database.read(ACROSS) as conn:
        found = organisations.enter(conn, slug)
        pointing = channels.of_organisation(conn, found.id)
    value = {
        **_value(found),
        "settings": dict(found.settings),
        "channels": [{"name": each.name, "public": each.public, "edition": each.digest} for each in pointing],
    }
    lines = [
        f"{found.slug}  {found.name}{'  (demo)' if found.demo else ''}",
        "packs    " + ", ".join(f"{pack} {wanted}" for pack, wanted in found.settings["packs"].items()),
        *(f"locale   {locale}: {' → '.join(chain)}" for locale, chain in found.settings["locales"].items()),
        *(f"channel  {c.name}: {c.digest}{'' if c.public else '  (not public)'}" for c in pointing),
    ]
    show(value, lines, as_json=as_json)


@org.command()
@click.argument("slug")
@click.option("--output", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The archive.")
@json_option
def export(slug: str, output: Path, *, as_json: bool) -> None:
    """Write all of an organisation into one archive: what it publishes, its history, its audit; no key, no secret."""
    with installation() as here, here.database.read(ACROSS) as conn, written(output) as file:
        done = exporting.export(conn, organisations.enter(conn, slug), file)
    value = {"file": str(output), "organisation": slug, "digest": done.digest, "members": done.members}
    show({**value, "bytes": done.size}, [f"{output}  {done.size:,} bytes  {done.digest}"], as_json=as_json)


@org.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--slug", help="The slug that it must have: editions' digests cover it, so it cannot be given another.")
@click.option(
    "--trusted", is_flag=True, help="Take what this version cannot make again from its sources as the archive has it."
)
@json_option
def import_(file: Path, slug: str | None, *, trusted: bool, as_json: bool) -> None:
    """Bring the organisation in FILE, which `org export` wrote, into this installation, with the same digests."""
    with installation() as here, file.open("rb") as opened:
        plugins = tuple(here.dispatch.manager.names)
        means = Means(
            here.database,
            here.tools,
            plugins,
            here.settings,
            token=lambda: secrets.token_hex(16),
            begin=lambda name: warn(f"… {name}"),
        )
        with _named(file):
            done = import_archive(means, opened, actor=COMMAND, at=now(), slug=slug, trusted=trusted)
    value = {**_value(done.organisation), "digest": done.digest, "rows": dict(done.rows)}
    lines = [f"{number:8} {name}" for name, number in done.rows.items()]
    keys = "Keys stayed behind: make new ones. Hostnames are to be verified here."
    show(value, [f"{done.organisation.slug} is here, from {done.digest}", *lines, keys], as_json=as_json)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Say of what is wrong with an archive as a whole which file that is."""
    try:
        yield
    except ArchiveInvalid as error:
        problems = [replace(each, file=str(file)) if each.file == "." else each for each in error.problems]
        raise ArchiveInvalid(problems) from None


@org.command("reviews")
@click.argument("slug")
@click.option("--days", default=reviews.AHEAD.days, show_default=True, type=click.IntRange(0), help="How far ahead.")
@json_option
def reviews_(slug: str, days: int, *, as_json: bool) -> None:
    """What an organisation serves that is to be read again, now or soon: its authors said by which day."""
    today = now().date()
    with installation() as here:
        with here.database.read(ACROSS) as conn:
            organisations.find(conn, slug)
        found = reviews.of_organisation(here.database, Library(here.database), slug, today + timedelta(days=days))
    lines = [
        f"{each.review_by.isoformat()}  {each.kind}/{each.id}  {each.pack}@{each.version}"
        f"{'  (the day has passed)' if each.review_by < today else ''}"
        for each in found
    ]
    show({"reviews": [each.shape for each in found]}, lines or ["Nothing is to be reviewed."], as_json=as_json)


org.add_command(erase)


def _value(organisation: Organisation) -> dict[str, Any]:
    return {
        "id": organisation.slug,
        "name": organisation.name,
        "demo": organisation.demo,
        "revision": organisation.revision,
    }
