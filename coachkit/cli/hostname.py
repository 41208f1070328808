"""Commands for hostnames: claiming one, the record that proves it, and looking whether it is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click
from sqlalchemy import Connection

from coachkit.cli.installation import installation, now
from coachkit.cli.output import FOUND, json_option, show
from coachkit.db.hostnames import Hostname
from coachkit.db.scopes import ACROSS
from coachkit.organisations import hostnames, lookups
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.organisations import enter

_SAID = {
    None: "nobody has looked yet",
    hostnames.FOUND: "the record is there",
    hostnames.MISSING: "the record is not there",
    hostnames.TAKEN: "the record is there, and another organisation holds the name",
    hostnames.SILENT: "the DNS gave no answer",
}


@click.group()
def hostname() -> None:
    """Claim hostnames for an organisation and prove them."""


@hostname.command()
@click.argument("slug")
@click.argument("name")
@json_option
def claim(slug: str, name: str, *, as_json: bool) -> None:
    """Claim NAME for SLUG, and say which DNS record proves it."""
    with installation() as here, here.database.write(ACROSS) as conn:
        found = hostnames.claim(
            conn, enter(conn, slug), name, most=here.settings.max_hostnames, actor=COMMAND, at=now()
        )
    lines = [
        *_lines(found),
        f"  it is looked for every few minutes where a worker runs, and now by: coachkit hostname check {slug}",
    ]
    show(hostnames.shape(found), lines, as_json=as_json)


@hostname.command("list")
@click.argument("slug")
@json_option
def list_(slug: str, *, as_json: bool) -> None:
    """The hostnames that SLUG has claimed, and the DNS record that proves each one which is not verified."""
    with installation() as here, here.database.read(ACROSS) as conn:
        found = hostnames.listing(conn, enter(conn, slug))
    _show(found, as_json=as_json)


@hostname.command()
@click.argument("slug")
@click.argument("name", required=False)
@click.option("--server", metavar="ADDRESS", help="Ask this DNS server and not the machine's own.")
@click.option("--port", type=click.IntRange(1, 65_535), default=53, show_default=True, help="For --server.")
@json_option
def check(slug: str, name: str | None, server: str | None, port: int, *, as_json: bool) -> None:
    """Look now whether the records of SLUG's hostnames, or of NAME alone, are there. Exit 1 if one is not verified."""
    with installation() as here:
        asked = lookups.resolver(server, port)
        with here.database.read(ACROSS) as conn:
            claims = _claims(conn, slug, name)
        looked = [lookups.look(here.database, each, asked, actor=COMMAND, at=now()) for each in claims]
    found = [each for each in looked if each is not None]
    _show(found, as_json=as_json)
    if any(each.verified_at is None for each in found):
        sys.exit(FOUND)


@hostname.command()
@click.argument("slug")
@click.argument("name")
@json_option
def release(slug: str, name: str, *, as_json: bool) -> None:
    """Give NAME up."""
    with installation() as here, here.database.write(ACROSS) as conn:
        hostnames.release(conn, enter(conn, slug), name, actor=COMMAND, at=now())
    show({"name": name, "released": True}, [f"{slug} has given {name} up."], as_json=as_json)


def _claims(conn: Connection, slug: str, name: str | None) -> tuple[Hostname, ...]:
    organisation = enter(conn, slug)
    return hostnames.listing(conn, organisation) if name is None else (hostnames.get(conn, organisation, name),)


def _show(found: Any, *, as_json: bool) -> None:
    lines = [line for each in found for line in _lines(each)] or ["There are none."]
    show({"hostnames": [hostnames.shape(each) for each in found]}, lines, as_json=as_json)


def _lines(found: Hostname) -> Iterator[str]:
    state = "verified" if found.verified_at else "waits"
    yield f"{found.name}  {state}, {_SAID[found.finding]}"
    if not found.verified_at:
        record = hostnames.shape(found)["record"]
        yield f'  set this record: {record["name"]} {record["type"]} "{record["value"]}"'
