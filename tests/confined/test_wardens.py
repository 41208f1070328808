"""Processes that read packs come and go with those who need them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from appmaker import eventually, install_plugin
from packmaker import appending, make_pack, pack_files

from coachkit.confined import wardens
from coachkit.confined.checking import checked
from coachkit.packs.source import Source

COACHKIT = Path(sys.executable).with_name("coachkit")
SLEEPS = """
import time
from coachkit import hookimpl
from coachkit.hooks.types import Directive

@hookimpl
def coachkit_directives():
    return [Directive("odd", {"en": "Odd"}, lambda call: time.sleep(600))]
"""


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.fixture
def alone():
    """No warden runs before and after."""
    wardens.close()
    yield
    wardens.close()


def test_one_is_kept(alone) -> None:
    """The second pack is read by the process that read the first, and closing leaves none."""
    before = children()
    checked(Source(pack_files()))
    first = children()
    assert len(first - before) == 1
    checked(Source(pack_files()))
    assert children() == first
    wardens.close()
    assert children() == before


def test_one_that_has_gone(alone) -> None:
    """A kept process that somebody has ended is replaced."""
    before = children()
    checked(Source(pack_files()))
    (pid,) = children() - before
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert checked(Source(pack_files())).problems == ()


def test_after_a_fork(alone) -> None:
    """A forked process has wardens of its own, and leaves those of the other alone."""
    before = children()
    checked(Source(pack_files()))
    (pid,) = children() - before
    forked = os.fork()
    if forked == 0:
        os._exit(7 if checked(Source(pack_files())).problems == () and pid not in children() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 7
    assert checked(Source(pack_files())).problems == ()
    assert children() - before == {pid}


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda sign: sign.name)
def test_nothing_is_left(tmp_path: Path, sign: signal.Signals) -> None:
    """Who is ended in the middle of a pack leaves no process behind."""
    install_plugin(tmp_path, "acme-sleeps", SLEEPS)
    folder = make_pack(tmp_path, **{"modules/first-hour.md": appending("\n:::odd\nText.\n:::\n")})
    command = [COACHKIT, "pack", "check", folder, "--plugin", "acme-sleeps"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        started = eventually(lambda: _if_two(psutil.Process(process.pid).children(recursive=True)), patience=30)
        process.send_signal(sign)
        process.wait(timeout=30)
    _, alive = psutil.wait_procs(started, timeout=30)
    assert alive == []


def _if_two(found: list[psutil.Process]) -> list[psutil.Process]:
    """A warden and its child, or nothing yet."""
    return found if len(found) == 2 else []


def test_one_that_does_not_start(alone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be started for it, no pack is blamed: that is an error of the installation."""
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(RuntimeError, match="does not start"):
        checked(Source(pack_files()))
