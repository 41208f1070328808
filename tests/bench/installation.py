"""Makes installations to measure, through the functions that the commands use."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.generator import SECTIONS, module_id
from coachkit.cli.edition import publish_edition
from coachkit.cli.installation import Installation, installation, now
from coachkit.cli.pack import publish_pack
from coachkit.db import migrate
from coachkit.db.scopes import ACROSS
from coachkit.organisations import keys, organisations, peppers
from coachkit.organisations.audit import COMMAND
from coachkit.settings import load, write_config

CONFIG = "coachkit.toml"


@dataclass(frozen=True)
class Place:
    """An installation in a folder of its own, with the embedded engines and what `make serve` sets."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """What tells a process of it."""
        return {"COACHKIT_CONFIG": str(self.folder / CONFIG)}

    def server_environ(self) -> dict[str, str]:
        """What tells one server of it: each has a place of its own for its counts."""
        return {**self.environ, "COACHKIT_METRICS_DIR": tempfile.mkdtemp(prefix="metrics-", dir=self.folder)}

    @contextmanager
    def opened(self) -> Iterator[Installation]:
        """The installation as commands have it."""
        with installation(load(self.environ)) as here:
            yield here


def make_place(folder: Path, **more: str | int) -> Place:
    """A new installation, migrated and empty; `more` are settings over the usual ones."""
    folder.mkdir(parents=True)
    values = {"database_url": "sqlite:///coachkit.sqlite", "data_dir": "."}
    write_config(folder / CONFIG, {**values, "secret_key": secrets.token_hex(32), **more})
    place = Place(folder)
    with installation(load(place.environ), migrated=False) as here:
        migrate.upgrade(here.database)
    return place


def serve_pack(here: Installation, pack: Path, slugs: Iterator[str], documents: int = 10) -> None:
    """Publish a generated pack, and for each slug an organisation of its own with an edition at `live`."""
    name = publish_pack(here, pack).head.pack
    for slug in slugs:
        with here.database.write(ACROSS) as conn:
            organisations.create(conn, slug, settings(slug, name, documents), now())
        publish_edition(here, slug, "live")


def serve_keyed(here: Installation, slug: str, pack: str, documents: int = 10) -> str:
    """An organisation with an edition at `live` that wants a key, and the token of a publishable key of its own."""
    with here.database.write(ACROSS) as conn:
        chosen = {**settings(slug, pack, documents), "access": {"content": "keyed"}}
        made = organisations.create(conn, slug, chosen, now())
        wanted = keys.Wanted("pub", "A page")
        _, token = keys.create(conn, made, wanted, peppers=peppers.of(here.settings), most=1, actor=COMMAND, at=now())
    publish_edition(here, slug, "live")
    return token.text


def slug_of(number: int) -> str:
    """The slug of the organisation of that number, from 1."""
    return f"org-{number:05}"


def settings(slug: str, pack: str, documents: int) -> Mapping[str, Any]:
    """The choices of an organisation: a brand of its own, two locales, and an overlay on one document."""
    changed = f"{pack}:module/{module_id(sum(slug.encode()) % documents + 1)}"
    return {
        "default_locale": "en-GB",
        "locales": {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]},
        "packs": {pack: ">=1.0,<2"},
        "brand": {
            "name": {"en-GB": f"The college {slug}", "cy": f"Coleg {slug}"},
            "colours": {"link": "#5a2d91", "heading": "#3b1f5b"},
            "careers_email": f"careers@{slug}.example",
        },
        "overlay": [
            {
                "op": "replace",
                "target": changed,
                "locale": "en-GB",
                "field": "summary",
                "text": f"What {slug} says about it.",
            },
            {
                "op": "insert",
                "target": changed,
                "locale": "en-GB",
                "after": SECTIONS[0],
                "section": "here",
                "title": "People here you can talk to",
                "text": "Write to {{careers_email}} and say only that you were turned down.",
            },
        ],
    }
