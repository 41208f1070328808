"""Packs that mean harm are told their problems, or are harmless: within bounds, and without a look outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hostile_packs import CANARY, HARMLESS, HOSTILE
from running import clean_environment

from coachkit.confined.checking import LIMITS, checked
from coachkit.confined.limits import MIB, Limits
from coachkit.packs.findings import Findings
from coachkit.packs.folder import read_path

COACHKIT = Path(sys.executable).with_name("coachkit")
SLOW = 4.0
"""By how much seconds of CPU may be more on a machine that is busy with others, its caches full of theirs."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to make a pack in, beside which nothing may be read."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("secret.md", "pack.yaml", "first-hour.md", "ask-for-feedback.md"):
        (outside / name).write_text(CANARY, encoding="utf-8")
    return tmp_path


@pytest.fixture
def limits(repeats: Callable[..., int]) -> Limits:
    """Those that hold, or smaller ones, so that what costs too much costs less of a test's time."""
    return Limits(file_seconds=repeats(small=1, full=4) * LIMITS.file_seconds / 4)


def seconds_of_all() -> float:
    """Seconds of CPU of this process and of all that it has started and still has, with what those have started."""
    here = psutil.Process().cpu_times()
    others = [each.cpu_times() for each in psutil.Process().children()]
    mine = here.user + here.system + here.children_user + here.children_system
    return mine + sum(each.user + each.system + each.children_user + each.children_system for each in others)


@pytest.mark.soak
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str, folder: Path, limits: Limits) -> None:
    """The pack is refused with its problems, or compiles if it is harmless; soon, and nothing from outside is in it."""
    path = HOSTILE[name](folder)
    before = seconds_of_all()
    findings = Findings()
    source = read_path(path, findings)
    result = checked(source, (), findings, limits=limits)
    assert seconds_of_all() - before < SLOW * limits.file_seconds * (limits.given_up + 1) + SLOW
    assert (result.compiled is None) == any(problem.severity == "error" for problem in result.problems)
    assert (result.compiled is not None) <= (name in HARMLESS)
    assert CANARY not in repr(result)
    assert not any(CANARY.encode() in data for data in source.files.values())
    assert not list(Path("/").glob("coachkit-was-here")) + list(Path("/tmp").glob("coachkit-was-here"))  # noqa: S108


# --- as a command ---------------------------------------------------------------------------------


def run(*arguments: object, home: Path) -> tuple[int, str, float, int]:
    """Exit status, output, seconds of CPU and peak bytes of the largest process of a command and all it starts.

    A small process starts it and reads what it used: what a process starts by itself counts its own memory too.
    """
    command = [sys.executable, "-c", STARTED, COACHKIT, *map(str, arguments)]
    with (home / "said").open("wb") as said:
        done = subprocess.run(command, stdout=said, stderr=subprocess.PIPE, env=clean_environment(home), check=False)
    seconds, kilobytes = done.stderr.split()
    output = (home / "said").read_text(encoding="utf-8")
    return done.returncode, output, float(seconds), int(kilobytes) * 1024


STARTED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stderr=subprocess.STDOUT)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
sys.exit(done.returncode)
"""


@pytest.mark.parametrize(
    "name",
    [
        "yaml-aliases",
        "markdown-many-sections-that-cost",
        "archive-of-holes",
        "folder-of-links",
        "folder-of-sixty-five-mib",
    ],
)
def test_command(name: str, folder: Path) -> None:
    """The command ends with status 1 and says what is wrong; it costs what it may, and tells nothing from outside."""
    status, output, seconds, memory = run("pack", "check", HOSTILE[name](folder), home=folder)
    assert status == 1, output
    assert "error: " in output
    assert "Traceback" not in output
    assert CANARY not in output
    assert seconds < SLOW * (LIMITS.file_seconds + 1)
    assert memory < LIMITS.file_bytes + 200 * MIB
