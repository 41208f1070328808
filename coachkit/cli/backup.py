"""Commands that keep a whole installation's database in one file, while it is used, and fill an empty one with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from coachkit.cli.installation import installation, now
from coachkit.cli.output import json_option, show, warn
from coachkit.cli.writing import written
from coachkit.db import backups

SETTINGS = "Secret settings are not in it: keep the settings file, secret_key and peppers above all, in a safe place."


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def backup(file: Path, *, as_json: bool) -> None:
    """Write everything in the database, as it is at one moment, into FILE; readers and writers go on meanwhile."""
    with installation() as here, written(file) as opened:
        copied = backups.back_up(here.database, opened, file.absolute().parent, now(), _begin)
    size = file.stat().st_size
    value = {"file": str(file), "bytes": size, "rows": dict(copied)}
    show(value, [*_counted(copied), f"{file}  {size:,} bytes", SETTINGS], as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def restore(file: Path, *, as_json: bool) -> None:
    """Fill the database, which must be migrated and empty, of either kind, with the backup in FILE."""
    with installation() as here, file.open("rb") as opened:
        copied = backups.restore(opened, here.database, begin=_begin)
    lines = [*_counted(copied), "All of it is here. With the secret_key that it had, ETags and keys are as they were."]
    show({"file": str(file), "rows": dict(copied)}, lines, as_json=as_json)


def _begin(table: str) -> None:
    warn(f"Copying {table}")


def _counted(copied: Mapping[str, int]) -> list[str]:
    return [f"{number:8} {table}" for table, number in copied.items() if number]
