"""`coachkit secret` and `coachkit migrate`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


def test_secret(run) -> None:
    """A secret is 32 new bytes in hexadecimal, needs no settings, and is never the same."""
    first, second = run("secret").out.strip(), run("secret", "--json").json["secret_key"]
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert re.fullmatch("[0-9a-f]{64}", second)
    assert first != second


def test_secret_starts_an_installation(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `secret` prints, a database address and `migrate` are all an installation needs; `migrate` may run again."""
    monkeypatch.setenv("COACHKIT_SECRET_KEY", run("secret").out.strip())
    monkeypatch.setenv("COACHKIT_DATABASE_URL", "sqlite:///new.sqlite")
    first, second = run("migrate", "--json").json, run("migrate", "--json").json
    assert first["before"] is None
    assert second == {"before": first["after"], "after": first["after"], "copied": None}
    assert Path("new.sqlite").exists()
    assert run("pack", "list", "--json").json == {"releases": []}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_migrate_for_people(installed) -> None:
    """A database that is up to date stays as it is, and people are told so."""
    assert installed("migrate").out.endswith(", as it was.\n")


def test_database_that_does_not_answer(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that does not answer is said in words, and why, with exit status 1 and without its password."""
    monkeypatch.setenv("COACHKIT_SECRET_KEY", bytes(32).hex())
    monkeypatch.setenv("COACHKIT_DATABASE_URL", "postgresql://me:hidden@127.0.0.1:1/coachkit")
    done = run("pack", "list", "--json")
    assert done.status == 1
    assert done.json["problems"][0]["code"] == "unavailable"
    assert "refused" in done.json["problems"][0]["message"]
    assert "hidden" not in done.out + done.err


def test_migrate_from_another(furnished, monkeypatch: pytest.MonkeyPatch, database) -> None:
    """`migrate --from` fills an empty database with all of another, and says how much of what."""
    monkeypatch.setenv("COACHKIT_DATABASE_URL", "sqlite:///new.sqlite")
    done = furnished("migrate", "--from", database.url, "--json")
    assert done.json["copied"]["organisations"] == 1
    assert done.json["copied"]["channels"] == 1
    assert "Copying organisations" in done.err
    assert furnished("org", "show", "northbridge", "--json").json["channels"][0]["name"] == "live"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_migrate_from_another_twice(furnished, monkeypatch: pytest.MonkeyPatch, database) -> None:
    """A database with something in it is not filled again: exit status 1, and all stays."""
    monkeypatch.setenv("COACHKIT_DATABASE_URL", "sqlite:///new.sqlite")
    furnished("migrate", "--from", database.url)
    done = furnished("migrate", "--from", database.url, "--json", status=1)
    assert "not empty" in done.json["problems"][0]["message"]


@pytest.mark.parametrize("url", ["sqlite:///nowhere.sqlite", "mysql://x/y", "sqlite:///:memory:"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_migrate_from_nowhere(installed, url: str) -> None:
    """What is no database is refused, and none is made."""
    installed("migrate", "--from", url, "--json", status=2)
    assert not Path("nowhere.sqlite").exists()
