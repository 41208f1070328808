"""The secret of a new installation. Needs none to be there, and imports nothing that one needs."""

from __future__ import annotations

import secrets

import click

from coachkit.cli.output import json_option, show

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
