"""Commands for schedules: publishing at a time to come, in the organisation's own zone."""

from __future__ import annotations

from typing import Any

import click

from coachkit.cli.draft import difference_lines
from coachkit.cli.installation import installation, now
from coachkit.cli.output import json_option, show, warn
from coachkit.db.schedules import PENDING, STATES
from coachkit.db.scopes import ACROSS
from coachkit.organisations import schedules
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.drafts import LIVE
from coachkit.organisations.organisations import enter
from coachkit.organisations.quotas import Quotas
from coachkit.organisations.schedules import Told


@click.group()
def schedule() -> None:
    """Publish at a time to come, as the draft is now."""


@schedule.command()
@click.argument("slug")
@click.argument("local_time", metavar="TIME")
@click.option("--channel", default=LIVE, show_default=True, help="The channel to move.")
@click.option("--note", help="Why, kept in the channel's history.")
@json_option
def plan(slug: str, local_time: str, channel: str, note: str | None, *, as_json: bool) -> None:
    """Freeze SLUG's draft now, and point a channel at it at TIME in SLUG's own zone, such as 2026-12-01T09:00."""
    with installation() as here:
        told = schedules.plan(
            here.database,
            slug,
            here.tools,
            quotas=Quotas.of(here.settings),
            most=here.settings.max_schedules,
            actor=COMMAND,
            at=now(),
            channel=channel,
            local_time=local_time,
            note=note,
        )
    if told.second:
        warn(f"{local_time} comes twice, for clocks go back: the first is meant, and not {told.second.isoformat()}")
    show(told.shape(), [_line(told), *_details(told)], as_json=as_json)


@schedule.command("list")
@click.argument("slug")
@click.option("--all", "every", is_flag=True, help="Also those that are done, cancelled or failed.")
@json_option
def list_(slug: str, *, every: bool, as_json: bool) -> None:
    """The schedules of SLUG that are pending, whose time comes first."""
    with installation() as here, here.database.read(ACROSS) as conn:
        found = schedules.listing(conn, enter(conn, slug), STATES if every else (PENDING,))
    lines = [line for each in found for line in (_line(each), *_warnings(each))] or ["There are none."]
    show({"schedules": [_summary(each) for each in found]}, lines, as_json=as_json)


@schedule.command("show")
@click.argument("slug")
@click.argument("schedule_id", metavar="ID")
@json_option
def show_(slug: str, schedule_id: str, *, as_json: bool) -> None:
    """A schedule of SLUG, and what readers would see otherwise if its time came now."""
    with installation() as here, here.database.read(ACROSS) as conn:
        told = schedules.get(conn, enter(conn, slug), schedule_id)
    show(told.shape(), [_line(told), *_warnings(told), *_details(told)], as_json=as_json)


@schedule.command()
@click.argument("slug")
@click.argument("schedule_id", metavar="ID")
@json_option
def cancel(slug: str, schedule_id: str, *, as_json: bool) -> None:
    """Call a schedule of SLUG off. Its edition stays."""
    with installation() as here, here.database.write(ACROSS) as conn:
        told = schedules.cancel(conn, enter(conn, slug), schedule_id, actor=COMMAND, at=now())
    show(_summary(told), [_line(told)], as_json=as_json)


def _summary(told: Told) -> dict[str, Any]:
    """A schedule without what would change, which a listing does not work out."""
    return {key: value for key, value in told.shape().items() if key not in {"releases", "changes"}}


def _line(told: Told) -> str:
    each = told.schedule
    said = [each.id, each.state, f"{each.local_time} {each.zone} ({each.due_at.isoformat()})"]
    said += [f"{each.channel} → {each.digest}", *([each.note] if each.note else [])]
    return "  ".join(said) + (f": {each.reason}" if each.reason else "")


def _warnings(told: Told) -> list[str]:
    return [f"  warning: {each}" for each in told.warnings]


def _details(told: Told) -> list[str]:
    return [f"  {line}" for line in difference_lines(told.difference)] if told.difference else []
