"""`make serve` as a newcomer uses it, in this tree and with its own environment."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from running import free_port, running

ROOT = Path(__file__).parents[1]


@pytest.fixture
def installed() -> None:
    """The tree's environment is up to date, so that no test changes the one that it runs in."""
    if subprocess.run(["make", "--question", ".venv/.serve"], cwd=ROOT, check=False, capture_output=True).returncode:
        pytest.skip("`make test` installs what this needs")


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


@pytest.mark.usefixtures("installed")
def test_make_serves_and_stops(tmp_path: Path) -> None:
    """SIGTERM to make alone stops the service that it started and frees the port."""
    port = free_port()
    command = ["make", "serve", f"PORT={port}", f"DATA={tmp_path / 'the data'}"]
    with running(command, port=port, cwd=ROOT, home=tmp_path) as service:
        assert service.get("/healthz")[0] == 200
        assert service.stop(signal.SIGTERM) == -signal.SIGTERM
        assert service.is_gone()
