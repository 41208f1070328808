"""Commands for editions: publishing what an organisation chose, and looking at what was published."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from sqlalchemy import Connection

from coachkit.cli.installation import Installation, installation, now
from coachkit.cli.output import json_option, show, warn
from coachkit.db import channels as channel_rows
from coachkit.db import editions as rows
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import ACROSS
from coachkit.editions import inputs, manifest
from coachkit.editions.explain import explain, locales_named, resource_named
from coachkit.editions.library import Library
from coachkit.editions.publish import outdated, prepare
from coachkit.errors import BadRequest, NotFound
from coachkit.organisations import publishing
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.organisations import enter
from coachkit.organisations.publishing import Publication
from coachkit.organisations.quotas import Quotas

LIVE = "live"


@click.group()
def edition() -> None:
    """Publish what an organisation chose, and look at it."""


def publish_edition(here: Installation, slug: str, channel: str | None, note: str | None = None) -> Publication:
    """Publish an organisation's choices and move a channel to them, None for none."""
    quotas = Quotas.of(here.settings)
    return publishing.publish(
        here.database, slug, here.tools, quotas=quotas, actor=COMMAND, at=now(), channel=channel, note=note
    )


@edition.command()
@click.argument("slug")
@click.option("--channel", default=LIVE, show_default=True, help="The channel to point at it.")
@click.option("--no-move", is_flag=True, help="Store the edition and move no channel.")
@click.option("--dry-run", is_flag=True, help="Check everything and store nothing.")
@click.option("--note", help="Why, kept in the channel's history.")
@json_option
def publish(slug: str, channel: str, note: str | None, *, no_move: bool, dry_run: bool, as_json: bool) -> None:
    """Resolve what SLUG chose, check all of it, store it as an edition and point a channel at it."""
    with installation() as here:
        if dry_run:
            with here.database.read(ACROSS) as conn:
                prepared, new = prepare(conn, enter(conn, slug), here.tools, now()), False
        else:
            prepared, new, _ = publish_edition(here, slug, None if no_move else channel, note)
    for warning in prepared.warnings:
        warn(str(warning))
    used = {each.manifest.id: each.manifest.version for each in prepared.edition.releases.values()}
    value = {
        "edition": prepared.digest,
        "new": new,
        "demo": prepared.demo,
        "channel": None if no_move or dry_run else channel,
        "releases": used,
        "resources": len(prepared.edition.catalogue),
        "warnings": [asdict(each) for each in prepared.warnings],
    }
    lines = [
        prepared.digest,
        f"  {', '.join(f'{pack}@{version}' for pack, version in used.items())}, {value['resources']} resources",
        *([f"  {channel} points at it"] if value["channel"] else []),
        *(["  nothing was stored: this was a dry run"] if dry_run else []),
    ]
    show(value, lines, as_json=as_json)


@edition.command("show")
@click.argument("slug")
@click.argument("named", metavar="[EDITION]", default=LIVE)
@click.option("--explain", "explained", metavar="KIND/ID", help="Say where each field and section comes from.")
@click.option("--locale", help="For --explain: one locale instead of all.")
@json_option
def show_(slug: str, named: str, explained: str | None, locale: str | None, *, as_json: bool) -> None:
    """What an edition serves. EDITION is a digest or a channel's name."""
    with installation() as here:
        library = Library(here.database)
        with here.database.read(ACROSS) as conn:
            organisation = enter(conn, slug)
            digest = _digest(conn, organisation, named)
            row = rows.head(conn, organisation.id, digest)
        if row is None:
            raise NotFound(f"{slug} has no edition {digest}")
        found = library.edition(organisation.id, slug, digest)
    if explained is not None:
        key = resource_named(found, explained)
        told = {each: explain(found, *key, each) for each in locales_named(found, locale)}
        lines = [_origin(each, entry) for each, entries in told.items() for entry in entries]
        show({"edition": digest, "resource": explained, "explain": told}, lines, as_json=as_json)
        return
    resources = [{"resource": f"{kind}/{each}", "pack": found.catalogue[kind, each]} for kind, each in found]
    value = {
        "edition": digest,
        "demo": row.demo,
        "created_at": row.created_at.isoformat(),
        "locales": {each: list(found.chain(each)) for each in found.locales},
        "releases": {pack: each.manifest.version for pack, each in found.releases.items()},
        "resources": resources,
    }
    lines = [
        digest + ("  (demo)" if row.demo else ""),
        *(f"release  {pack}@{each.manifest.version}" for pack, each in sorted(found.releases.items())),
        *(f"locale   {each}: {' → '.join(found.chain(each))}" for each in found.locales),
        *(f"serves   {each['resource']}" for each in resources),
    ]
    show(value, lines, as_json=as_json)


@edition.command("list")
@click.argument("slug")
@json_option
def list_(slug: str, *, as_json: bool) -> None:
    """Every edition of SLUG, the newest first."""
    with installation() as here, here.database.read(ACROSS) as conn:
        found = rows.listing(conn, enter(conn, slug).id)
    values = [{"edition": e.digest, "demo": e.demo, "created_at": e.created_at.isoformat()} for e in found]
    show({"editions": values}, (f"{v['created_at']}  {v['edition']}" for v in values), as_json=as_json)


@edition.command("outdated")
@click.argument("slug")
@click.argument("named", metavar="[EDITION]", default=LIVE)
@json_option
def outdated_(slug: str, named: str, *, as_json: bool) -> None:
    """Which releases of an edition have newer ones, within the organisation's ranges and beyond."""
    with installation() as here, here.database.read(ACROSS) as conn:
        organisation = enter(conn, slug)
        row = rows.get(conn, organisation.id, _digest(conn, organisation, named))
        if row is None:
            raise NotFound(f"{slug} has no edition {named}")
        values = outdated(conn, organisation.settings, inputs.parse(row.inputs).releases)
    show({"releases": values}, map(_age, values), as_json=as_json)


@edition.command()
@click.argument("slug")
@click.argument("old")
@click.argument("new", default=LIVE)
@json_option
def diff(slug: str, old: str, new: str, *, as_json: bool) -> None:
    """Which documents differ between two editions. OLD and NEW are digests or channels' names."""
    with installation() as here, here.database.read(ACROSS) as conn:
        organisation = enter(conn, slug)
        digests = [_documents(conn, organisation, named) for named in (old, new)]
    changes = manifest.changes(*digests)
    lines = [f"{each['op']:8} {each['kind']}/{each['id']}  {each['locale']}" for each in changes] or [
        "Nothing differs."
    ]
    show({"changes": changes}, lines, as_json=as_json)


def _origin(locale: str, entry: dict[str, Any]) -> str:
    """Where a field of the document in a locale comes from, on one line."""
    missing = [f"missing in {', '.join(entry['missing_in'])}"] if entry["missing_in"] else []
    filled = [f"{name}: {value or 'no value'}" for name, value in entry["values"].items()]
    origin = [f"{entry['pack']}@{entry['version']}", entry["locale"], entry["origin"], *missing, *filled]
    return f"{locale}  {entry['field']}: {', '.join(origin)}"


def _documents(conn: Connection, organisation: Organisation, named: str) -> dict[str, dict[str, str]]:
    row = rows.get(conn, organisation.id, _digest(conn, organisation, named))
    if row is None:
        raise NotFound(f"{organisation.slug} has no edition {named}")
    return manifest.digests_of(row.manifest)


def _digest(conn: Connection, organisation: Organisation, named: str) -> str:
    """The digest that is meant: itself, the start of just one, or where a channel points."""
    if not named.startswith("sha256:"):
        pointing = _pointing(conn, organisation, named)
        if pointing is None:
            raise NotFound(f"{organisation.slug} has no channel {named}")
        return pointing
    matching = [each.digest for each in rows.listing(conn, organisation.id) if each.digest.startswith(named)]
    if len(matching) > 1:
        raise BadRequest(f"{named} is the start of {len(matching)} editions' digests; write more of it")
    return matching[0] if matching else named


def _pointing(conn: Connection, organisation: Organisation, channel: str) -> str | None:
    found = channel_rows.get(conn, organisation.id, channel)
    return found.digest if found else None


def _age(value: dict[str, Any]) -> str:
    if value["withdrawn"]:
        state = "is withdrawn"
    elif value["in_range"] not in {None, value["version"]}:
        state = f"could be {value['in_range']}: publish an edition"
    elif value["newest"] != value["version"]:
        state = f"is the newest in {value['range']}; there is {value['newest']}"
    else:
        state = "is the newest"
    return f"{value['pack']}@{value['version']} {state}"
