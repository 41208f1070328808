"""Commands for an organisation's overlay: its own wording, part by part, and what new releases say under it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from coachkit.cli.installation import installation, now
from coachkit.cli.output import json_option, show
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import ACROSS
from coachkit.editions.choices import overlay_part
from coachkit.editions.merging import Merge, Wording
from coachkit.organisations import files, overlays
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.organisations import enter
from coachkit.organisations.overlays import Part

_PART = click.argument("part_id", metavar="PART")
_NOTHING = "(nothing)"


@click.group()
def overlay() -> None:
    """Word things your own way over the releases. PART is a part's id, which `list` shows."""


@overlay.command("list")
@click.argument("slug")
@json_option
def list_(slug: str, *, as_json: bool) -> None:
    """Every part of SLUG's overlay, and which of them a new release has left undecided."""
    with installation() as here, here.database.read(ACROSS) as conn:
        organisation = enter(conn, slug)
        open_parts = {each.id for each in overlays.undecided(conn, organisation)}
    found = overlays.parts(organisation)
    values = [_value(each) | {"undecided": each.id in open_parts} for each in found]
    lines = [f"{each.id}  {_about(each)}{'  undecided' * (each.id in open_parts)}" for each in found]
    show({"revision": organisation.revision, "parts": values}, lines or ["There is none."], as_json=as_json)


@overlay.command("show")
@click.argument("slug")
@_PART
@json_option
def show_(slug: str, part_id: str, *, as_json: bool) -> None:
    """One part of SLUG's overlay, as it is stored."""
    with installation() as here, here.database.read(ACROSS) as conn:
        found = overlays.part(enter(conn, slug), part_id)
    show(_value(found), [f"{found.id}  {_about(found)}", *_worded(found)], as_json=as_json)


@overlay.command("set")
@click.argument("slug")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def set_(slug: str, file: Path, *, as_json: bool) -> None:
    """Add the part in FILE, which is YAML, to SLUG's overlay, or put it in the place of the one that does the same."""
    value = files.read_part(file)
    with installation() as here, here.database.write(ACROSS) as conn:
        organisation = enter(conn, slug)
        changed = overlays.put(conn, organisation, value, actor=COMMAND, at=now(), limits=here.settings)
    found = overlays.part(changed, overlay_part(value).id)
    _show_changed(changed, f"{found.id} is set.", _value(found), as_json=as_json)


@overlay.command()
@click.argument("slug")
@_PART
@json_option
def remove(slug: str, part_id: str, *, as_json: bool) -> None:
    """Take a part out of SLUG's overlay."""
    with installation() as here, here.database.write(ACROSS) as conn:
        changed = overlays.remove(conn, enter(conn, slug), part_id, actor=COMMAND, at=now())
    _show_changed(changed, f"{part_id} is removed.", {"id": part_id}, as_json=as_json)


@overlay.command()
@click.argument("slug")
@click.argument("part_id", metavar="[PART]", required=False)
@click.option("--keep", "decision", flag_value="keep", help="Keep your own words over the release of now.")
@click.option("--take", "decision", flag_value="take", help="Take the release's words, and the part away.")
@click.option("--seen", metavar="VERSION", help="Decide only if this is still the version that was compared with.")
@json_option
def merge(
    slug: str, part_id: str | None, decision: overlays.Decision | None, seen: str | None, *, as_json: bool
) -> None:
    """Show what a new release says under SLUG's own words: the old text, the new one and yours; keep or take."""
    if decision is None:
        _show_merges(slug, part_id, as_json=as_json)
        return
    if part_id is None:
        raise click.UsageError("Name the PART to decide about.")
    with installation() as here, here.database.write(ACROSS) as conn:
        organisation = enter(conn, slug)
        changed = overlays.decide(conn, organisation, part_id, decision, actor=COMMAND, at=now(), seen=seen)
    said = f"{part_id} is kept." if decision == "keep" else f"{part_id} is removed: the release's text is taken."
    _show_changed(changed, said, {"id": part_id, "decision": decision}, as_json=as_json)


def _show_merges(slug: str, part_id: str | None, *, as_json: bool) -> None:
    with installation() as here, here.database.read(ACROSS) as conn:
        organisation = enter(conn, slug)
        if part_id is not None:
            overlays.part(organisation, part_id)  # which says so where there is none
        found = [each for each in overlays.undecided(conn, organisation) if part_id in (None, each.id)]
    lines = [line for each in found for line in _three(each)]
    show({"merges": [_merge(each) for each in found]}, lines or ["There is nothing to decide."], as_json=as_json)


def _show_changed(changed: Organisation, said: str, value: dict[str, Any], *, as_json: bool) -> None:
    lines = [said, f"{changed.slug} is at revision {changed.revision}."]
    show({"organisation": changed.slug, "revision": changed.revision, **value}, lines, as_json=as_json)


def _value(found: Part) -> dict[str, Any]:
    return {"id": found.id, "position": found.position, "part": dict(found.value)}


def _about(found: Part) -> str:
    value = found.value
    where = [value.get("locale"), value.get("field"), value.get("section")]
    over = value.get("over")
    told = [f"over {over['pack']}@{over['version']}"] if over else []
    return "  ".join([value["op"], value["target"], *(each for each in where if each), *told])


def _worded(found: Part) -> Iterator[str]:
    value = found.value
    if "title" in value:
        yield f"  ## {value['title']}"
    text = value.get("text") or ", ".join(value.get("sections") or ())
    yield from (f"  {line}" for line in text.splitlines())


def _merge(found: Merge) -> dict[str, Any]:
    return asdict(found)


def _three(found: Merge) -> Iterator[str]:
    """The three texts, for people."""
    where = found.field or f"section {found.section}"
    yield f"{found.id}  {found.target}  {found.locale}  {where}"
    yield from _text(f"{found.over} said:", found.old)
    yield from _text(f"{found.now} says:", found.new)
    own = "you hide it." if found.theirs is None else "you say:"
    yield from _text(own, found.theirs, hidden=found.theirs is None)


def _text(head: str, text: Wording | None, *, hidden: bool = False) -> Iterator[str]:
    yield f"  {head}"
    if text is not None and text.title is not None:
        yield f"    ## {text.title}"
    shown = text.text if text is not None else "" if hidden else _NOTHING
    yield from (f"    {line}" for line in shown.splitlines())
