"""The guide to publishing is true: its commands, states, findings and numbers are the code's."""

from __future__ import annotations

import importlib
import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import click
import pytest

from coachkit.cli import COMMANDS
from coachkit.db.schedules import STATES
from coachkit.organisations import drafts, hostnames, previews, schedules
from coachkit.settings import Settings

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8")
PROSE = " ".join(GUIDE.split())


def command(name: str) -> click.Command:
    module, _, attribute = COMMANDS[name][0].partition(":")
    return getattr(importlib.import_module(module), attribute)


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    _, _, below = GUIDE.partition(f"| {heading} | is |\n|---|---|\n")
    return re.findall(r"^\| `([a-z-]+)` \|", below.split("\n\n", 1)[0], re.MULTILINE)


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"coachkit ((?:draft|schedule|channel|hostname) [^\n`]*)", PROSE)))
)
def test_commands_are_there(line: str) -> None:
    """Every command of the guide is there, and takes the options that it is given."""
    group, sub, *rest = line.split()
    found = command(group).commands[sub]
    taken = {option for each in found.params for option in each.opts}
    assert {word for word in rest if word.startswith("--")} <= taken


def test_states_and_findings() -> None:
    """The tables have every state of a schedule and every finding of a look, and no other."""
    assert rows("state") == list(STATES)
    assert rows("finding") == [hostnames.FOUND, hostnames.MISSING, hostnames.TAKEN, hostnames.SILENT]


def test_keys_that_hold_at_once() -> None:
    """The keys that discarding leaves alone are those of the guide."""
    assert ", ".join(f"`{key}`" for key in drafts.AT_ONCE) in PROSE


def test_bounds() -> None:
    """The times of the guide are those of the code."""
    hours = timedelta(hours=1)
    assert (
        f"after {previews.SHORTEST // hours} hour at least and {previews.LONGEST // hours} (30 days) at most" in PROSE
    )
    assert previews.LONGEST.days == 30
    assert "within two years" in PROSE
    assert schedules.AHEAD.days == 2 * 365 + 1
    assert f"gone for {hostnames.GRACE.days} days it is lost" in PROSE


def test_settings_are_there() -> None:
    """Every variable that the guide names is a setting."""
    known = {f"COACHKIT_{field.name.upper()}" for field in fields(Settings)}
    assert set(re.findall(r"COACHKIT_[A-Z_]*[A-Z]", GUIDE)) <= known


def test_readme_leads_here() -> None:
    """Who reads the README finds the guide."""
    assert "](docs/publishing.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
