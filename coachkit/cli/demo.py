"""Two demo organisations, made and served with the embedded engines; a second run changes nothing."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from coachkit.cli import server
from coachkit.cli.edition import LIVE, publish_edition
from coachkit.cli.installation import Installation, installation, now
from coachkit.cli.output import json_option, show, warn
from coachkit.cli.pack import publish_pack
from coachkit.cli.secret import SECRET_BYTES
from coachkit.db import channels, migrate
from coachkit.db import organisations as rows
from coachkit.db.scopes import ACROSS
from coachkit.errors import Conflict, PackInvalid
from coachkit.organisations import files, organisations
from coachkit.settings import Settings, load, write_config

CONFIG = "coachkit.toml"
DATABASE = "coachkit.sqlite"
FOLDER = Path(__file__).parent / "demo_organisations"
ORGANISATIONS = ("northbridge", "harbour")
_OWN = {"database_url": f"sqlite:///{DATABASE}", "data_dir": ".", "metrics_dir": "metrics"}
"""Settings that are the demo's own, whatever the environment says of another installation; its secret is too."""


@dataclass(frozen=True)
class _Place:
    """Where the demo is kept and where it listens."""

    data: Path
    port: int

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.data / CONFIG

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, told of the demo's settings, and of no other database or secret."""
        own = {f"COACHKIT_{name.upper()}" for name in (*_OWN, "secret_key")}
        others = {name: value for name, value in os.environ.items() if name not in own}
        return {**others, "COACHKIT_CONFIG": str(self.config)}

    @property
    def address(self) -> str:
        """Where readers find it."""
        return f"http://127.0.0.1:{self.port}"


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65_535), help="On loopback.")
@click.option(
    "--data",
    default="var",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for its database, settings and secret.",
)
@json_option
def demo(port: int, data: Path, *, as_json: bool) -> None:
    """Make two demo organisations, a university in two languages and a recruiter, and serve them."""
    place = _Place(data.absolute(), port)
    bind = f"127.0.0.1:{port}"
    server.refuse_taken(bind, "--port")
    settings = _settings(place)
    with installation(settings, migrated=False) as here:
        migrate.upgrade(here.database)
        for path in here.packs():
            _publish(here, path)
        for slug in ORGANISATIONS:
            _organisation(here, slug)
    welcome = _welcome(place)
    show(welcome, _said(welcome), as_json=as_json)
    sys.exit(server.run_both(settings, bind, place.environment))


def _settings(place: _Place) -> Settings:
    """The demo's settings: those that are there, or new ones with a secret of their own."""
    place.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not place.config.exists():
        write_config(place.config, {**_OWN, "secret_key": secrets.token_hex(SECRET_BYTES)})
    return load(place.environment)


def _publish(here: Installation, path: Path) -> None:
    """Publish a pack; one that cannot be, for its version or for its faults, is warned about: what is stored serves."""
    try:
        publish_pack(here, path)
    except Conflict as conflict:
        warn(f"warning: {path.name}: {conflict.detail}. The stored release is served.")
    except PackInvalid as invalid:
        for problem in invalid.problems:
            warn(f"{path.name}/{problem}")
        warn(f"warning: {path.name} has errors and is not published.")


def _organisation(here: Installation, slug: str) -> None:
    """Make a demo organisation and publish its first edition, where that has not been done."""
    with here.database.write(ACROSS) as conn:
        found = rows.get(conn, slug)
        if found is None:
            found = organisations.create(conn, slug, files.read(FOLDER / f"{slug}.yaml"), now(), demo=True)
        live = channels.get(conn, found.id, LIVE)
    if live is None:
        publish_edition(here, slug, LIVE)


def _welcome(place: _Place) -> dict[str, Any]:
    """Where it is, what to open, the export line, and requests that work as printed."""
    modules = f"{place.address}/v1/orgs/northbridge/modules"
    fill = f"{place.address}/v1/orgs/harbour/templates/thank-you-after-rejection/fill"
    return {
        "address": place.address,
        "open": [
            f"{modules}/first-hour?format=html",
            f"{modules}/ask-for-feedback?format=html&locale=cy",
            f"{place.address}/docs",
        ],
        "export": f"export COACHKIT_CONFIG={shlex.quote(str(place.config))}",
        "try": [
            f"curl -s '{place.address}/v1/orgs/northbridge'",
            f"curl -si '{modules}/ask-for-feedback?locale=cy'",
            f"curl -s -H 'Content-Type: application/json' -d '{FILL}' '{fill}'",
        ],
    }


def _said(welcome: dict[str, Any]) -> Iterator[str]:
    yield f"CoachKit serves two demo organisations at {welcome['address']}"
    yield from ("", "Open")
    yield from (f"  {each}" for each in welcome["open"])
    yield from ("", "In another terminal, for coachkit's other commands")
    yield f"  {welcome['export']}"
    yield from ("", "Try")
    yield from (f"  {each}" for each in welcome["try"])
    yield from ("", "Stop with Ctrl-C.")


FILL = json.dumps(
    {
        "values": {
            "contact_name": "Ms Rees",
            "employer_name": "Harbour Logistics",
            "role_title": "events assistant",
            "what_i_valued": "the care you took over my questions",
            "my_name": "Sam Price",
        }
    }
)
"""A reader's own values for the template of the third example."""
