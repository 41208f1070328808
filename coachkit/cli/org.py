"""Commands for organisations and their settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from coachkit.cli.installation import installation, now
from coachkit.cli.output import json_option, show
from coachkit.db import channels
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import ACROSS
from coachkit.organisations import files, organisations
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


def _value(organisation: Organisation) -> dict[str, Any]:
    return {
        "id": organisation.slug,
        "name": organisation.name,
        "demo": organisation.demo,
        "revision": organisation.revision,
    }
