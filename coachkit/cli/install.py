"""Setting up an installation: its secret and its database."""

from __future__ import annotations

import secrets

import click

from coachkit.cli.installation import installation
from coachkit.cli.output import json_option, show
from coachkit.db import migrate as migrations

SECRET_BYTES = 32


@click.command()
@json_option
def secret(*, as_json: bool) -> None:
    """Print a new secret key.

    Keep it as COACHKIT_SECRET_KEY, or as secret_key in the file that COACHKIT_CONFIG names, the same for every
    process and every start.
    """
    key = secrets.token_hex(SECRET_BYTES)
    show({"secret_key": key}, [key], as_json=as_json)


@click.command()
@json_option
def migrate(*, as_json: bool) -> None:
    """Bring the database up to date. Running it again changes nothing."""
    with installation(migrated=False) as here:
        before = migrations.current(here.database)
        migrations.upgrade(here.database)
        after = migrations.current(here.database)
    said = f"The database is at {after}, as it was." if before == after else f"The database is at {after} now."
    show({"before": before, "after": after}, [said], as_json=as_json)
