"""The guide to keys is true: its tables are complete, its commands work, its numbers are the code's."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from publishing import organisation

from coachkit.cli import COMMANDS, main
from coachkit.cli.key import key
from coachkit.db.database import Database
from coachkit.organisations import keyring, keys, tokens
from coachkit.organisations.origins import is_origin
from coachkit.settings import Settings

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
RUN = re.findall(r"^coachkit (key .*)$", GUIDE, re.MULTILINE)


def test_scopes() -> None:
    """Every scope is explained, and no other."""
    assert re.findall(r"^\| `([a-z]+:[a-z]+)` \|", GUIDE, re.MULTILINE) == list(keys.SCOPES)


def test_commands_are_explained() -> None:
    """Every command about keys is named, and every command that is named is one."""
    named = set(re.findall(r"(?:`|^)coachkit ([a-z]+)(?: ([a-z]+))?", GUIDE, re.MULTILINE))
    assert {command for command, _ in named} <= set(COMMANDS)
    assert {below for command, below in named if command == "key"} == set(key.commands)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_commands_work(database: Database, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Every command of the guide does what it says, as it stands."""
    monkeypatch.setenv("COACHKIT_DATABASE_URL", database.url)
    monkeypatch.setenv("COACHKIT_SECRET_KEY", bytes(range(32)).hex())
    organisation(database)
    assert len(RUN) >= 5
    for line in RUN:
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(line))
        assert ended.value.code in {None, 0}, line
        out = capfd.readouterr().out.strip()
        if line.startswith("key create"):
            assert re.fullmatch(pattern(), out)


def pattern() -> str:
    (found,) = re.findall(r"`(ck_\(.*?)`", GUIDE)
    return str(found)


def test_numbers() -> None:
    """The numbers of the guide are the code's."""
    assert re.fullmatch(pattern(), tokens.make("pub", bytes(tokens.ENTROPY_BYTES)).text)
    assert f"It has {8 * tokens.ENTROPY_BYTES} random bits" in GUIDE
    most = next(field.default for field in fields(Settings) if field.name == "max_keys")
    assert f"at most {most} keys" in GUIDE
    assert f"key has at most {keys.ORIGINS}." in " ".join(GUIDE.split())
    assert f"({keyring.KEYS:,} at most" in GUIDE


def test_origins() -> None:
    """What the guide calls an origin is one."""
    (example,) = re.findall(r"as browsers send it: `(\S+)`", GUIDE)
    assert is_origin(example)
    assert all(is_origin(f"http://{host}") for host in ("localhost", "127.0.0.1", "[::1]") if f"`{host}`" in GUIDE)


def test_settings_are_there() -> None:
    """Every variable that the guide names is a setting."""
    known = {f"COACHKIT_{field.name.upper()}" for field in fields(Settings)}
    assert set(re.findall(r"COACHKIT_[A-Z_]+", GUIDE)) <= known
