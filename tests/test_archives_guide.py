"""The guide to audit, archives and backup is true: its table has every action that the audit tells of."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

from coachkit.organisations.overlays import Decision

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")
FILES = ("json", "jsonl", "tar", "sqlite")


def actions() -> set[str]:
    """Every word with a dot in what organisations do that is no file's name, and the two that are put together."""
    found = {f"overlay.{decision}" for decision in get_args(Decision)}
    for path in (ROOT / "coachkit" / "organisations").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch(r"[a-z]+\.[a-z]+", str(node.value)):
                found.add(node.value)
    return {each for each in found if not each.endswith(FILES) and not each.startswith("coachkit.")}


def test_every_action_is_documented() -> None:
    """The table of the audit lists every action, and no other."""
    _, _, below = GUIDE.partition("| action | subject | before and after |\n|---|---|---|\n")
    cells = [row.split("|")[1] for row in below.split("\n\n", 1)[0].splitlines()]
    listed = [action for cell in cells for action in re.findall(r"`([a-z.]+)`", cell)]
    assert sorted(listed) == sorted(actions())
