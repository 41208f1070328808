"""Long work says how far it is: on a terminal, on stderr, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packmaker import make_pack
from running import clean_environment

COACHKIT = Path(sys.executable).with_name("coachkit")
pty = pytest.importorskip("pty", reason="this system has no terminals of that kind")


def test_on_a_terminal(tmp_path: Path) -> None:
    """Reading and compiling show their progress on the terminal, and what is printed stays what it is."""
    terminal, end = pty.openpty()
    command = [COACHKIT, "pack", "check", make_pack(tmp_path), "--json"]
    with os.fdopen(terminal, "rb", buffering=0) as shown:
        environ = {**clean_environment(tmp_path), "TERM": "xterm"}
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=end, env=environ, check=False)
        os.close(end)
        said = b""
        while b"Compiling" not in said or b"100%" not in said.rpartition(b"Compiling")[2]:
            said += shown.read(1024)
    assert b"Reading" in said
    assert done.stdout == b'{\n  "ok": true,\n  "problems": []\n}\n'


def test_elsewhere(tmp_path: Path) -> None:
    """Where stderr is no terminal nothing is shown."""
    command = [COACHKIT, "pack", "check", make_pack(tmp_path)]
    done = subprocess.run(command, capture_output=True, env=clean_environment(tmp_path), check=False)
    assert (done.returncode, done.stderr) == (0, b"")
