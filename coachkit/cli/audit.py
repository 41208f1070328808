"""Commands for the audit: what was done to an organisation, by whom, and whether the account of it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from coachkit.cli.installation import installation
from coachkit.cli.output import json_option, show, show_problems
from coachkit.cli.writing import written
from coachkit.db import audit as rows
from coachkit.db.scopes import ACROSS
from coachkit.errors import Problem
from coachkit.organisations import audit_lines
from coachkit.organisations.audit import broken, shape
from coachkit.organisations.bounded_json import MAX_BYTES
from coachkit.organisations.organisations import enter

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
CODE = "audit-broken"


@click.group()
def audit() -> None:
    """Say what was done to an organisation, by whom, and whether the account of it is whole."""


@audit.command("list")
@click.argument("slug")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="So many entries.")
@click.option("--before", default=0, metavar="NUMBER", type=click.IntRange(0), help="Only what is older than that one.")
@json_option
def list_(slug: str, limit: int, before: int, *, as_json: bool) -> None:
    """The entries of SLUG's audit, the newest first."""
    with installation() as here, here.database.read(ACROSS) as conn:
        found = rows.entries(conn, enter(conn, slug).id, after=before, limit=limit, newest_first=True)
        values = [shape(entry) for entry in found]
    show({"entries": values}, map(_line, values), as_json=as_json)


@audit.command()
@click.argument("slug")
@click.option("--output", "-o", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file.")
@json_option
def export(slug: str, output: Path, *, as_json: bool) -> None:
    """Write SLUG's audit into a file of JSON lines, its head first."""
    with installation() as here, here.database.read(ACROSS) as conn, written(output) as file:
        id_ = enter(conn, slug).id
        head = rows.head(conn, id_)
        file.writelines(audit_lines.lines(slug, head, rows.entries(conn, id_)))
    value = {"file": str(output), "organisation": slug, "length": head.length, "hash": head.hash}
    show(value, [f"{output}  {head.length} entries, the last one {head.hash}"], as_json=as_json)


@audit.command()
@click.argument("slug", required=False)
@click.option("--file", "file", type=FILE, help="Verify a file that `audit export` wrote, not the database.")
@json_option
def verify(slug: str | None, file: Path | None, *, as_json: bool) -> None:
    """Check that no entry of SLUG's audit is missing or changed; with --file that of a file alone.

    With both, also that the file tells of SLUG and is a beginning of what the installation has now.
    """
    if slug is None and file is None:
        raise click.UsageError("Name a SLUG, or give --file.")
    problems = list(_of_file(file)) if file else []
    if slug is not None:
        problems += _of_installation(slug, None if problems else file)
    show_problems(problems, as_json=as_json, done="Every entry is there, as it was written.")


def _of_file(file: Path) -> Iterator[Problem]:
    with file.open("rb") as opened:
        for line, each in audit_lines.broken(_lines(opened)):
            yield Problem(file.name, line, None, CODE, f"entry {each.number}: {each.reason}")


def _lines(opened: Any) -> Iterator[bytes]:
    return iter(lambda: opened.readline(MAX_BYTES + 1), b"")


def _of_installation(slug: str, file: Path | None) -> list[Problem]:
    with installation() as here, here.database.read(ACROSS) as conn:
        id_ = enter(conn, slug).id
        found = list(broken(rows.entries(conn, id_), rows.head(conn, id_)))
        problems = [_problem(slug, each.number, each.reason) for each in found]
        return problems + (list(_differing(slug, file, rows.entries(conn, id_))) if file and not found else [])


def _differing(slug: str, file: Path, stored: Iterable[rows.Entry]) -> Iterator[Problem]:
    """Where a file, whose own chain holds, tells of something else than is stored."""
    with file.open("rb") as opened:
        told = audit_lines.read(_lines(opened))
        if told.organisation != slug:
            yield Problem(file.name, 1, None, CODE, f"this is the audit of {told.organisation}")
            return
        now = iter(stored)
        for entry in told.entries:
            if entry != next(now, None):
                yield _problem(slug, entry.number, f"it is not the one that is in {file.name}")
                return


def _problem(slug: str, number: int, reason: str) -> Problem:
    return Problem(f"{slug}/audit/{number}", None, None, CODE, f"entry {number}: {reason}")


def _line(value: dict[str, Any]) -> str:
    return f"{value['number']:6}  {value['at']}  {value['actor']}  {value['action']}  {value['subject']}"
