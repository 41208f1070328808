"""`make serve` as a newcomer uses it, in this tree and with its own environment."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from appmaker import eventually
from running import Service, free_port, running

ROOT = Path(__file__).parents[1]
GRACE = 8 + 2
"""Seconds for the last answers, as gunicorn is told, and some for this machine."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What make needs of a checkout, with the environment that the tests run in, as one that is up to date."""
    folder = tmp_path / "checkout"
    (folder / "requirements").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "hatch_build.py", "requirements/serve.txt"):
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    for stamp in (".made", ".serve"):
        (folder / ".venv" / stamp).touch()
    return folder


def make(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"]}
    return subprocess.run(["make", *arguments], cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def test_no_python_is_said(tmp_path: Path) -> None:
    """Where no Python is new enough, make says what is needed and what it tried, and leaves nothing behind."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    tried = make(".venv/.made", "PYTHON=nonesuch false", cwd=tmp_path)
    assert tried.returncode == 2
    assert re.search(r"needs Python 3\.11 or newer.*: nonesuch false$", tried.stderr, re.MULTILINE)
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]


def test_make_serves_and_stops(checkout: Path, tmp_path: Path) -> None:
    """SIGTERM to make alone stops the service that it started and frees the port, and so does Ctrl-C."""
    data = tmp_path / "the data"
    for stop, status in ((lambda one: one.stop(signal.SIGTERM), -signal.SIGTERM), (Service.interrupt, -signal.SIGINT)):
        port = free_port()
        command = ["make", "serve", f"PORT={port}", f"DATA={data}"]
        with running(command, port=port, cwd=checkout, home=tmp_path) as service:
            assert service.get("/v1/orgs/harbour")[0] == 200
            began = time.monotonic()
            assert stop(service) == status
            assert time.monotonic() - began < GRACE
            eventually(service.is_gone)
        assert (data / "coachkit.toml").exists()
