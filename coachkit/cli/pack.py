"""Commands for authors and operators of packs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from coachkit.cli.installation import Installation, installation, named_plugins, now
from coachkit.cli.output import json_option, progress, show, show_problems, warn
from coachkit.confined.checking import checked
from coachkit.db import releases as rows
from coachkit.db.scopes import ACROSS
from coachkit.editions import releases
from coachkit.editions.releases import Published
from coachkit.errors import BadRequest, NotFound, PackInvalid
from coachkit.hooks.dispatch import Dispatch
from coachkit.packs import source as sources
from coachkit.packs.check import Checked
from coachkit.packs.diff import Change
from coachkit.packs.diff import diff as difference
from coachkit.packs.findings import Findings
from coachkit.packs.folder import read_path
from coachkit.packs.json_schemas import json_schemas
from coachkit.packs.model import Compiled
from coachkit.packs.retiring import overdue
from coachkit.packs.source import Source

PACK = click.argument("pack_path", metavar="PACK", type=click.Path(exists=True, path_type=Path))

PLUGINS = click.option(
    "--plugin", "plugins", multiple=True, help="An installed plugin whose boxes the pack uses; may be repeated."
)


@click.group()
def pack() -> None:
    """Check, build and publish content packs. PACK is a folder with a pack.yaml, or an archive that build made."""


def source_of(path: Path) -> tuple[Source, Findings]:
    """A pack's files from its folder (or the pack.yaml in it) or archive, and what was wrong with them as files."""
    findings = Findings()
    return read_path(path, findings), findings


def read(path: Path, dispatch: Dispatch) -> tuple[Source, Checked]:
    """A pack from its folder or archive, read and compiled within limits, with everything that was found."""
    source, findings = source_of(path)
    return source, checked(source, dispatch.manager.names, findings, progress)


def usable(path: Path, dispatch: Dispatch) -> tuple[Source, Compiled]:
    """A pack without errors; its warnings are said. Raises PackInvalid."""
    source, found = read(path, dispatch)
    if found.compiled is None:
        raise PackInvalid(found.problems)
    for problem in found.problems:
        warn(str(problem))
    return source, found.compiled


def publish_pack(here: Installation, path: Path) -> Published:
    """Publish the pack of a folder or an archive. Raises PackInvalid, and Conflict for other bytes of a version."""
    source, findings = source_of(path)
    with here.database.read(ACROSS) as conn:
        stored = None if findings.failed else releases.stored_already(conn, source)
    if stored:
        return Published(stored, new=False)
    source, compiled = usable(path, here.dispatch)
    for resource, day in overdue(compiled.resources.values(), now().date()):
        warn(f"warning: {resource.kind}/{resource.id} was to go on {day} and is still there: delete it or move the day")
    with here.database.write(ACROSS) as conn:
        return releases.publish(conn, source, compiled, now())


@pack.command("check")
@PACK
@PLUGINS
@json_option
def check_(pack_path: Path, plugins: tuple[str, ...], *, as_json: bool) -> None:
    """Say everything that is wrong with a pack, with file, line and column."""
    _, found = read(pack_path, named_plugins(plugins))
    done = None
    if found.compiled:
        manifest = found.compiled.manifest
        done = f"{manifest.id}@{manifest.version}: {len(found.compiled.resources)} resources, no errors"
    show_problems(found.problems, as_json=as_json, done=done)


@pack.command()
@PACK
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Where to write it; default <id>-<version>.tar.")
@PLUGINS
@json_option
def build(pack_path: Path, output: Path | None, plugins: tuple[str, ...], *, as_json: bool) -> None:
    """Make one archive of a pack: the same bytes from the same files, everywhere."""
    source, compiled = usable(pack_path, named_plugins(plugins))
    archive = sources.archive(source)
    target = output or Path(f"{compiled.manifest.id}-{compiled.manifest.version}.tar")
    target.write_bytes(archive)
    digest = sources.digest(archive)
    show({"file": str(target), "digest": digest}, [f"{target}  {digest}"], as_json=as_json)


@pack.command()
@click.argument("pack_paths", metavar="[PACK]...", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--offered", is_flag=True, help="Also every pack of CoachKit, of the plugins and of COACHKIT_PACKS.")
@json_option
def publish(pack_paths: tuple[Path, ...], *, offered: bool, as_json: bool) -> None:
    """Store packs as releases. Publishing the same bytes again changes nothing; other bytes are refused."""
    if not pack_paths and not offered:
        raise click.UsageError("Name a PACK, or give --offered.")
    with installation() as here:
        paths = [*pack_paths, *(here.packs() if offered else ())]
        published = [publish_pack(here, path) for path in paths]
    values = [{**_head(each.head), "new": each.new} for each in published]
    lines = [f"{v['pack']}@{v['version']}  {v['digest']}  {_state(v)}" for v in values]
    show({"releases": values}, lines, as_json=as_json)


@pack.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Every release that is stored."""
    with installation() as here, here.database.read(ACROSS) as conn:
        values = [_head(head) for head in rows.heads(conn)]
    lines = [f"{v['pack']}@{v['version']}  {'withdrawn' if v['withdrawn'] else v['visibility']}" for v in values]
    show({"releases": values}, lines, as_json=as_json)


@pack.command("show")
@click.argument("release", metavar="PACK@VERSION")
@json_option
def show_(release: str, *, as_json: bool) -> None:
    """What a release holds."""
    name, version = _named(release)
    with installation() as here, here.database.read(ACROSS) as conn:
        head = rows.head(conn, name, version)
        if head is None:
            raise NotFound(f"There is no release {release}")
    value = {**_head(head), "manifest": head.manifest, "resources": head.resources, "versions": head.versions}
    lines = [
        f"{head.pack}@{head.version}  {head.title}",
        head.digest,
        *(f"  {each}  (as it is since {head.versions[each]})" for each in sorted(head.resources)),
    ]
    show(json.loads(json.dumps(value, default=str)), lines, as_json=as_json)


@pack.command()
@click.argument("old")
@click.argument("new")
@PLUGINS
@json_option
def diff(old: str, new: str, plugins: tuple[str, ...], *, as_json: bool) -> None:
    """What changed between two releases, and which SemVer step that asks for.

    OLD and NEW are PACK@VERSION of stored releases, or folders or archives of packs.
    """
    found = difference(_compiled(old, plugins), _compiled(new, plugins))
    lines = [
        *(f"added    {each}" for each in found.added),
        *(f"removed  {each}" for each in found.removed),
        *(f"changed  {each.kind}/{each.id}: {_parts(each)}" for each in found.changed),
        f"This asks for a {found.step} step:" if found.reasons else "Nothing changed, so this asks for no step.",
        *(f"  {each.step}: {each.where} {each.what}" for each in found.reasons),
    ]
    show(asdict(found), lines, as_json=as_json)


@pack.command()
@click.argument("release", metavar="PACK@VERSION")
@click.option("--because", required=True, help="Why, in a sentence; kept with the release.")
@json_option
def withdraw(release: str, because: str, *, as_json: bool) -> None:
    """Withdraw a release: no new edition may use it, its address is 410, its bytes stay for audit."""
    name, version = _named(release)
    with installation() as here, here.database.write(ACROSS) as conn:
        uses = releases.withdraw(conn, name, version, now(), because)
    value = {"release": release, "used_by": [asdict(each) for each in uses]}
    lines = [f"{release} is withdrawn."]
    lines += [
        f"  {u.organisation} serves it at {', '.join(u.channels)}: publish a new edition" for u in uses if u.channels
    ]
    show(value, lines, as_json=as_json)


@pack.command()
@click.argument("name", required=False)
@click.option("--output", "-o", type=click.Path(file_okay=False, path_type=Path), help="A folder to write all into.")
@json_option
def schema(name: str | None, output: Path | None, *, as_json: bool) -> None:
    """The JSON Schemas (2020-12) of authoring files: all names, one of them, or all into a folder."""
    schemas = json_schemas()
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        files = [output / f"{each}.schema.json" for each in schemas]
        for file, each in zip(files, schemas.values(), strict=True):
            file.write_text(json.dumps(each, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        show({"files": [str(file) for file in files]}, map(str, files), as_json=as_json)
    elif name is None:
        show({"schemas": list(schemas)}, schemas, as_json=as_json)
    elif name in schemas:
        click.echo(json.dumps(schemas[name], ensure_ascii=False, indent=2))
    else:
        raise NotFound(f"There is no schema {name}; there are {', '.join(schemas)}")


def _compiled(named: str, plugins: tuple[str, ...]) -> Compiled:
    """A pack in the file system, or a stored release."""
    path = Path(named)
    if path.exists():
        return usable(path, named_plugins(plugins))[1]
    name, version = _named(named)
    with installation() as here, here.database.read(ACROSS) as conn:
        return releases.load(conn, name, version)


def _state(value: dict[str, Any]) -> str:
    if value["withdrawn"]:
        return "withdrawn: give it a new version"
    return "published" if value["new"] else "as it was"


def _named(release: str) -> tuple[str, str]:
    name, at, version = release.partition("@")
    if not (name and at and version):
        raise BadRequest(f"“{release}” names no release; write PACK@VERSION, such as core@1.0.0")
    return name, version


def _head(head: rows.ReleaseHead) -> dict[str, Any]:
    return {
        "pack": head.pack,
        "version": head.version,
        "digest": head.digest,
        "title": head.title,
        "visibility": head.visibility,
        "published_at": head.published_at.isoformat(),
        "withdrawn": head.withdrawn_at is not None,
        "withdrawn_because": head.withdrawn_because,
    }


def _parts(change: Change) -> str:
    parts = ", ".join([*change.facts, *change.lines, *(f"section {each}" for each in change.sections)])
    return f"{parts} ({', '.join(change.locales)})" if change.locales else parts
