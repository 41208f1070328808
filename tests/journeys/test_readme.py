"""The stories that the README tells work as they stand there, pasted into one terminal, and print what it says."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import psycopg
import pytest
from running import clean_environment, free_port, running

ROOT = Path(__file__).parents[2]
COACHKIT = Path(sys.executable).with_name("coachkit")
STORIES = ("A walk", "Words of its own", "To PostgreSQL, and back from a backup")
TOLD_IN = 400.0
"""Seconds for all of them, perhaps on a busy machine."""
MARK = "--- told: "


@dataclass(frozen=True)
class Block:
    """Commands that stand together in the README, and what it says they print, where it says so."""

    commands: str
    printed: str | None


def blocks(heading: str) -> list[Block]:
    """What stands under a heading."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {re.escape(heading)}$(.*?)^## ", readme, re.MULTILINE | re.DOTALL)[1]
    fenced = r"^```sh\n(.*?)^```$(?:\s*^```text\n(.*?)^```$)?"
    found = [Block(*match.groups()) for match in re.finditer(fenced, section, re.MULTILINE | re.DOTALL)]
    assert found
    return found


def pattern(printed: str) -> str:
    """What fits the words in the README: `…` is anything within a line, and alone in a line any number of lines."""
    lines = [re.escape(line).replace("…", "[^\n]+") + "\n" for line in printed.splitlines()]
    return "".join("(?:[^\n]*\n)*" if line.strip() == "[^\n]+" else line for line in lines)


@dataclass(frozen=True)
class Told:
    """What the commands of all stories printed, as far as they went."""

    out: str
    err: str

    def of(self, heading: str) -> list[str]:
        """What each block under a heading printed; all of them were gone through."""
        ends = [f"{MARK}{heading} {number}\n" for number in range(len(blocks(heading)) + 1)]
        assert ends[-1] in self.out, self.out[-4000:] + self.err[-4000:]
        return [self.out.partition(began)[2].partition(ended)[0] for began, ended in pairwise(ends)]


@contextmanager
def empty_databases(address: Callable[[str], str]) -> Iterator[dict[str, str]]:
    """The two of the last story, by the addresses that the README has for them."""
    names = ("coachkit", "restored")
    with closing(psycopg.connect(address("postgres"), autocommit=True)) as conn:
        for name in names:
            conn.execute(f"CREATE DATABASE readme_{name}")
        try:
            yield {f"postgresql://coachkit:password@127.0.0.1/{name}": address(f"readme_{name}") for name in names}
        finally:
            for name in names:
                conn.execute(f"DROP DATABASE readme_{name} WITH (FORCE)")


def script(heading: str, addresses: dict[str, str]) -> str:
    """The commands under a heading, for other addresses than the README's, with a mark around each block."""
    commands = f"echo '{MARK}{heading} 0'\n"
    for number, block in enumerate(blocks(heading), 1):
        commands += f"{block.commands}\necho '{MARK}{heading} {number}'\n"
    for theirs, ours in addresses.items():
        commands = commands.replace(theirs, ours)
    return commands


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, postgres: Callable[[str], str]) -> Iterator[Told]:
    """All stories, one after the other in one terminal beside `coachkit demo`."""
    if shutil.which("curl") is None:
        pytest.skip("the README asks with curl")
    home = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "content", home / "content")
    (home / ".venv").mkdir()
    (home / ".venv" / "bin").symlink_to(COACHKIT.parent)
    port, other = free_port(), free_port()
    command = [COACHKIT, "demo", "--port", str(port), "--data", "var"]
    with empty_databases(postgres) as addresses, running(command, port=port, cwd=home, home=home):
        addresses |= {"127.0.0.1:8000": f"127.0.0.1:{port}", "127.0.0.1:8001": f"127.0.0.1:{other}"}
        yield pasted("\n".join(script(heading, addresses) for heading in STORIES), home)


def pasted(commands: str, home: Path) -> Told:
    """What a shell prints that ends at the first command which fails; nothing that it started is left."""
    shell = subprocess.Popen(
        ["sh", "-eu", "-c", commands],
        cwd=home,
        env=clean_environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        return Told(*shell.communicate(timeout=TOLD_IN))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


def test_other_words_are_found() -> None:
    """What `…` stands for may be anything; every other word, and every line, is as the README has it."""
    said = pattern("…\n  4 editions\n…  sha256:…\nThe same\n")
    assert re.fullmatch(said, "first\n\n  4 editions\n12:00  sha256:1f\nThe same\n")
    for other in (
        "  4 editions\n",
        "  3 editions\n12:00  sha256:1f\nThe same\n",
        "  4 editions\n  sha256:1f\nThe same\n",
    ):
        assert not re.fullmatch(said, other)
    assert not re.fullmatch(said, "  4 editions\n12:00  sha256:1f\nThe same\nand more\n")


def test_walk_of_the_readme(told: Told) -> None:
    """Every command of the walk succeeds, and readers get what the words around the commands say."""
    said = "".join(told.of("A walk"))
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


def test_words_of_its_own(told: Told) -> None:
    """The university words two modules in both languages, shows, publishes and plans that, and goes back."""
    worded = "".join(told.of("Words of its own"))
    assert "Geiriau Northbridge\n" in worded, "the preview, in Welsh"
    assert re.search(r"^changed +module/first-hour +cy$", worded, re.MULTILINE)
    assert "Words of Northbridge\n" in worded
    assert re.search(r"changed +module/close-one-gap +en-GB$", worded, re.MULTILINE), "said before it is due"
    assert re.search(r"^0$", worded, re.MULTILINE), "gone again after going back"


def test_what_the_readme_says_is_printed(told: Told) -> None:
    """Where the README says what commands print they print just that, the operator's story through."""
    compared = 0
    for heading in STORIES:
        for block, printed in zip(blocks(heading), told.of(heading), strict=True):
            if block.printed is not None:
                assert re.fullmatch(pattern(block.printed), printed), f"{block.printed}\nis not\n{printed}"
                compared += 1
    assert compared >= len(blocks(STORIES[-1]))
