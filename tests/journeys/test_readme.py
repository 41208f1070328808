"""The walk that the README gives works as it stands there, pasted into a terminal."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest
from running import clean_environment, free_port, running

ROOT = Path(__file__).parents[2]
COACHKIT = Path(sys.executable).with_name("coachkit")


def commands(heading: str, port: int) -> str:
    """The commands under a heading, for a service on another port."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {heading}$(.*?)^## ", readme, re.MULTILINE | re.DOTALL)[1]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert blocks
    return "\n".join(blocks).replace("127.0.0.1:8000", f"127.0.0.1:{port}")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README asks with curl")
def test_walk_of_the_readme(tmp_path: Path) -> None:
    """Every command of the walk succeeds, and readers get what the words around the commands say."""
    shutil.copytree(ROOT / "content", tmp_path / "content")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(COACHKIT.parent)
    port = free_port()
    command = [COACHKIT, "demo", "--port", str(port), "--data", "var"]
    with running(command, port=port, cwd=tmp_path, home=tmp_path):
        environ = clean_environment(tmp_path)
        walk, words = commands("A walk", port), commands("Words of its own", port)
        script = ["sh", "-eu", "-c", f"{walk}\necho '--- words of its own'\n{words}"]
        done = subprocess.run(script, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said, _, worded = done.stdout.partition("--- words of its own")
    assert "Content-Language: cy, en-GB" in said
    assert "<article" in said
    assert re.search(r"^cy  sections/at-northbridge: .*, overlay(,|$)", said, re.MULTILINE)
    assert "This asks for a patch step" in said
    assert re.search(r"^core@1\.0\.0 could be 1\.0\.1", said, re.MULTILINE)
    texts = re.findall(r"^(Pick any one of these|Choose one of these)$", said, re.MULTILINE)
    new, old = "Pick any one of these", "Choose one of these"
    assert [text for text, _ in groupby(texts)] == [new, old]
    assert texts.count(old) == 2 * texts.count(new), "the new text, the old edition, and the old text again"
    etags = re.findall(r"^etag: (.*)$", said, re.MULTILINE | re.IGNORECASE)
    untouched = etags[-2:]
    assert untouched[0] == untouched[1]
    assert "Sam Price" in said
    assert "Geiriau Northbridge\n" in worded, "the preview, in Welsh"
    assert re.search(r"^changed +module/first-hour +cy$", worded, re.MULTILINE)
    assert "Words of Northbridge\n" in worded
    assert re.search(r"changed +module/close-one-gap +en-GB$", worded, re.MULTILINE), "said before it is due"
    assert re.search(r"^0$", worded, re.MULTILINE), "gone again after going back"
