"""Commands for channels."""

from __future__ import annotations

import click
from sqlalchemy import Connection

from coachkit.cli.installation import installation, now
from coachkit.cli.output import json_option, show, warn
from coachkit.db import channels as rows
from coachkit.db import editions
from coachkit.db.channels import Channel
from coachkit.db.scopes import ACROSS
from coachkit.editions import inputs, releases
from coachkit.errors import NotFound
from coachkit.organisations import moving
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.organisations import enter
from coachkit.organisations.quotas import Quotas


@click.group()
def channel() -> None:
    """Move an organisation's channels, and go back."""


@channel.command()
@click.argument("slug")
@click.argument("name")
@click.argument("digest")
@click.option("--public/--private", default=None, help="Whether readers see it; as it was if neither is given.")
@click.option("--note", help="Why, kept in the history.")
@json_option
def move(slug: str, name: str, digest: str, note: str | None, *, public: bool | None, as_json: bool) -> None:
    """Point channel NAME of organisation SLUG at the edition DIGEST."""
    with installation() as here, here.database.write(ACROSS) as conn:
        quotas = Quotas.of(here.settings)
        moved = moving.move(
            conn, enter(conn, slug), name, digest, quotas=quotas, actor=COMMAND, at=now(), public=public, note=note
        )
        gone = _withdrawn(conn, moved)
    _show(moved, gone, as_json=as_json)


@channel.command()
@click.argument("slug")
@click.argument("name", default="live")
@json_option
def rollback(slug: str, name: str, *, as_json: bool) -> None:
    """Point channel NAME (live if none is given) at the edition that it pointed at before."""
    with installation() as here, here.database.write(ACROSS) as conn:
        moved = moving.rollback(conn, enter(conn, slug), name, actor=COMMAND, at=now())
        gone = _withdrawn(conn, moved)
    _show(moved, gone, as_json=as_json)


@channel.command(name="list")
@click.argument("slug")
@json_option
def list_channels(slug: str, *, as_json: bool) -> None:
    """Every channel of organisation SLUG, by name: where it points, and whether readers see it."""
    with installation() as here, here.database.read(ACROSS) as conn:
        found = rows.of_organisation(conn, enter(conn, slug).id)
    values = [{"name": each.name, "public": each.public, "edition": each.digest} for each in found]
    lines = [f"{each.name}  {'public' if each.public else 'private'}  {each.digest}" for each in found]
    show({"channels": values}, lines or ["There is none."], as_json=as_json)


@channel.command()
@click.argument("slug")
@click.argument("name", default="live")
@json_option
def history(slug: str, name: str, *, as_json: bool) -> None:
    """Every move of channel NAME (live if none is given), the newest first."""
    with installation() as here, here.database.read(ACROSS) as conn:
        moves = rows.history(conn, enter(conn, slug).id, name)
    if not moves:
        raise NotFound(f"{slug} has no channel {name}")
    values = [
        {"moved_at": m.moved_at.isoformat(), "from": m.from_digest, "to": m.to_digest, "note": m.note} for m in moves
    ]
    lines = [f"{v['moved_at']}  {v['to']}{'  ' + v['note'] if v['note'] else ''}" for v in values]
    show({"channel": name, "moves": values}, lines, as_json=as_json)


def _withdrawn(conn: Connection, moved: Channel) -> list[str]:
    """The withdrawn releases that the channel serves now."""
    row = editions.inputs(conn, moved.organisation_id, moved.digest)
    return releases.withdrawn(conn, inputs.parse(row.inputs).releases) if row else []


def _show(moved: Channel, withdrawn: list[str], *, as_json: bool) -> None:
    for each in withdrawn:
        warn(f"warning: this edition serves {each}, which has been withdrawn")
    value = {"channel": moved.name, "public": moved.public, "edition": moved.digest, "withdrawn": withdrawn}
    show(value, [f"{moved.name} points at {moved.digest}"], as_json=as_json)
