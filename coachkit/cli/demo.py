"""Two demo organisations, made and served with the embedded engines; a second run changes nothing."""

from __future__ import annotations

import json
import os
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from coachkit.cli import server
from coachkit.cli.edition import LIVE, publish_edition
from coachkit.cli.install import SECRET_BYTES
from coachkit.cli.installation import Installation, installation, now
from coachkit.cli.output import warn
from coachkit.cli.pack import publish_pack
from coachkit.db import channels, migrate
from coachkit.db import organisations as rows
from coachkit.errors import Conflict
from coachkit.organisations import files, organisations
from coachkit.settings import Settings, load, write_config

CONFIG = "coachkit.toml"
DATABASE = "coachkit.sqlite"
FOLDER = Path(__file__).parent / "demo_organisations"
ORGANISATIONS = ("northbridge", "harbour")


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
        """This process's environment, told of the demo's settings."""
        return {**os.environ, "COACHKIT_CONFIG": str(self.config)}

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
def demo(port: int, data: Path) -> None:
    """Make two demo organisations, a university in two languages and a recruiter, and serve them."""
    place = _Place(data.absolute(), port)
    settings = _settings(place)
    with installation(settings, migrated=False) as here:
        migrate.upgrade(here.database)
        for path in here.packs():
            _publish(here, path)
        for slug in ORGANISATIONS:
            _organisation(here, slug)
    for line in _welcome(place):
        click.echo(line)
    server.run(settings, f"127.0.0.1:{port}", place.environment)


def _settings(place: _Place) -> Settings:
    """The demo's settings: those that are there, or new ones with a secret of their own."""
    place.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not place.config.exists():
        values = {
            "database_url": f"sqlite:///{DATABASE}",
            "secret_key": secrets.token_hex(SECRET_BYTES),
            "data_dir": ".",
            "metrics_dir": "metrics",
        }
        write_config(place.config, values)
    return load(place.environment)


def _publish(here: Installation, path: Path) -> None:
    """Publish a pack; one that was edited under a published version is warned about, and what is stored serves."""
    try:
        publish_pack(here, path)
    except Conflict as conflict:
        warn(f"warning: {path.name}: {conflict.detail}. The stored release is served.")


def _organisation(here: Installation, slug: str) -> None:
    """Make a demo organisation and publish its first edition, where that has not been done."""
    with here.database.write() as conn:
        found = rows.get(conn, slug)
        if found is None:
            found = organisations.create(conn, slug, files.read(FOLDER / f"{slug}.yaml"), now(), demo=True)
        live = channels.get(conn, found.id, LIVE)
    if live is None:
        publish_edition(here, slug, LIVE)


def _welcome(place: _Place) -> Iterator[str]:
    """What to open, the export line, and requests that work as printed."""
    modules = f"{place.address}/v1/orgs/northbridge/modules"
    yield f"CoachKit serves two demo organisations at {place.address}"
    yield ""
    yield "Open"
    yield f"  {modules}/first-hour?format=html"
    yield f"  {modules}/ask-for-feedback?format=html&locale=cy"
    yield f"  {place.address}/docs"
    yield ""
    yield "In another terminal, for coachkit's other commands"
    yield f"  export COACHKIT_CONFIG={shlex.quote(str(place.config))}"
    yield ""
    yield "Try"
    yield f"  curl -s '{place.address}/v1/orgs/northbridge'"
    yield f"  curl -si '{modules}/ask-for-feedback?locale=cy'"
    fill = f"{place.address}/v1/orgs/harbour/templates/thank-you-after-rejection/fill"
    yield f"  curl -s -H 'Content-Type: application/json' -d '{FILL}' '{fill}'"
    yield ""
    yield "Stop with Ctrl-C."


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
