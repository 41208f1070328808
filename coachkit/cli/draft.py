"""Commands for drafts: what publishing would change, an address to look at it, and going back to what is live."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import timedelta

import click

from coachkit.cli.installation import installation, now
from coachkit.cli.output import FOUND, json_option, show, warn
from coachkit.db.scopes import ACROSS
from coachkit.organisations import drafts, previews
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.differences import Difference
from coachkit.organisations.organisations import enter
from coachkit.organisations.quotas import Quotas

_HOURS = click.IntRange(int(previews.SHORTEST.total_seconds() // 3600), int(previews.LONGEST.total_seconds() // 3600))


@click.group()
def draft() -> None:
    """Look at what an organisation changed and did not publish yet."""


@draft.command("show")
@click.argument("slug")
@json_option
def show_(slug: str, *, as_json: bool) -> None:
    """What publishing SLUG's settings would change for readers, and what keeps them from it. Stores nothing."""
    with installation() as here, here.database.read(ACROSS) as conn:
        found = drafts.draft(conn, enter(conn, slug), here.tools, now())
    lines = [
        f"{slug}  revision {found.revision}, changed {found.updated_at.isoformat()}",
        f"live     {found.live or 'nothing yet'}",
        *([f"draft    {found.edition}"] if found.edition else []),
        *map(str, (*found.problems, *found.warnings)),
        *(difference_lines(found.difference) if found.difference else []),
    ]
    show({"organisation": slug, **found.shape()}, lines, as_json=as_json)
    if found.problems:
        sys.exit(FOUND)


@draft.command()
@click.argument("slug")
@click.option("--revision", type=int, help="Discard only if the settings are still at this revision.")
@json_option
def discard(slug: str, revision: int | None, *, as_json: bool) -> None:
    """Put back the settings that SLUG's live edition was published from."""
    with installation() as here, here.database.write(ACROSS) as conn:
        done = drafts.discard(conn, enter(conn, slug), actor=COMMAND, at=now(), expected_revision=revision)
    for pack, version in done.pinned.items():
        warn(f"warning: nobody knows the range of {pack} any more: it is {version} now")
    value = {
        "organisation": slug,
        "revision": done.organisation.revision,
        "edition": done.edition,
        "changed": done.changed,
        "pinned": dict(done.pinned),
    }
    said = f"{slug} is at revision {done.organisation.revision}, as {done.edition} was published."
    show(value, [said if done.changed else "There is nothing to discard."], as_json=as_json)


@draft.command()
@click.argument("slug")
@click.option("--hours", type=_HOURS, default=48, show_default=True, help="How long the address shows it.")
@json_option
def preview(slug: str, hours: int, *, as_json: bool) -> None:
    """An address that shows SLUG's draft for a time, to whoever has it. No channel moves."""
    with installation() as here:
        made = previews.make(
            here.database,
            slug,
            here.tools,
            secret_key=here.settings.secret_key,
            quotas=Quotas.of(here.settings),
            actor=COMMAND,
            at=now(),
            lasting=timedelta(hours=hours),
        )
        url = here.settings.public_url and here.settings.public_url + made.path
    for warning in made.prepared.warnings:
        warn(str(warning))
    value = {
        "edition": made.prepared.digest,
        "path": made.path,
        "url": url,
        "expires_at": made.expires_at.isoformat(),
        "warnings": [asdict(each) for each in made.prepared.warnings],
    }
    show(value, [url or made.path, f"  shows {made.prepared.digest} until {value['expires_at']}"], as_json=as_json)


def difference_lines(difference: Difference) -> list[str]:
    """What would change, a line each, for people."""
    releases = [f"release  {e['pack']}  {e['from'] or 'none'} → {e['to'] or 'none'}" for e in difference.releases]
    documents = [f"{e['op']:8} {e['kind']}/{e['id']}  {e['locale']}" for e in difference.changes]
    return [*releases, *documents] or [f"Nothing would change at {difference.channel}."]
