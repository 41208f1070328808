"""The commands for the audit, and what other commands leave in it."""

import json

import pytest

from coachkit.db.scopes import ACROSS

BRAND = {"name": "Newbridge", "careers_email": "careers@northbridge.example"}


@pytest.fixture
def furnished_twice(furnished, settings_file):
    """Runs a command where `northbridge` has published twice."""
    furnished("org", "set", "northbridge", settings_file(brand=BRAND))
    furnished("edition", "publish", "northbridge", "--note", "a new name")
    return furnished


def entries(run, *more):
    return run("audit", "list", "northbridge", "--json", *more).json["entries"]


def test_what_commands_leave(furnished_twice):
    """Making, setting, publishing, moving and rolling back each leave their entry, with before and after."""
    furnished_twice("channel", "rollback", "northbridge")
    first = entries(furnished_twice)[0]["before"]["edition"]
    furnished_twice("channel", "move", "northbridge", "autumn", first, "--private")
    told = {(each["action"], each["subject"]): each for each in reversed(entries(furnished_twice))}
    assert [each["action"] for each in reversed(entries(furnished_twice))] == [
        "organisation.create",
        "edition.publish",
        "channel.move",
        "settings.change",
        "edition.publish",
        "channel.move",
        "channel.rollback",
        "channel.move",
    ]
    assert {each["actor"] for each in told.values()} == {"command"}
    made = told["organisation.create", "northbridge"]
    assert (made["before"], made["after"]["settings"]["packs"]) == (None, {"example": ">=1.0,<2"})
    changed = told["settings.change", "settings"]
    assert changed["before"]["settings"] == {"brand": made["after"]["settings"]["brand"]}
    assert changed["after"] == {"revision": 2, "settings": {"brand": BRAND}}
    published = told["edition.publish", first]
    assert published["after"] == {"releases": ["example@1.0.0"], "revision": 2, "demo": True}
    moved = told["channel.move", "live"]
    assert (moved["after"]["edition"], moved["after"]["note"]) == (first, "a new name")
    back = told["channel.rollback", "live"]
    assert (back["before"], back["after"]) == (
        {"edition": first, "public": True},
        {"edition": moved["before"]["edition"], "public": True},
    )
    assert told["channel.move", "autumn"]["before"] == {}
    assert told["channel.move", "autumn"]["after"]["public"] is False
    assert "every entry" in furnished_twice("audit", "verify", "northbridge").out.lower()


def test_what_changes_nothing_leaves_nothing(furnished):
    """Publishing again what is published, and a dry run, leave no entry."""
    before = entries(furnished)
    furnished("edition", "publish", "northbridge")
    furnished("edition", "publish", "northbridge", "--dry-run")
    assert entries(furnished) == before


def test_list(furnished_twice):
    """The newest come first, so many as are asked for, and from where the last page ended."""
    newest = [each["number"] for each in entries(furnished_twice)]
    assert newest == list(range(6, 0, -1))
    assert [each["number"] for each in entries(furnished_twice, "--limit", 2)] == newest[:2]
    assert [each["number"] for each in entries(furnished_twice, "--limit", 2, "--before", 5)] == newest[2:4]
    assert "settings.change" in furnished_twice("audit", "list", "northbridge").out


def test_export_and_verify(furnished_twice, tmp_path):
    """An exported file verifies by itself and against the installation, also after more has been done."""
    file = tmp_path / "audit.jsonl"
    done = furnished_twice("audit", "export", "northbridge", "-o", file, "--json").json
    head, *rest = map(json.loads, file.read_text().splitlines())
    assert (done["length"], done["hash"]) == (head["length"], rest[-1]["hash"])
    assert [each["number"] for each in rest] == [1, 2, 3, 4, 5, 6]
    assert file.stat().st_mode & 0o777 == 0o600
    furnished_twice("audit", "verify", "--file", file)
    furnished_twice("channel", "rollback", "northbridge")
    furnished_twice("audit", "verify", "northbridge", "--file", file)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_verify_says_where(furnished_twice, database, tmp_path):
    """What was taken away or changed is named by entry, and by line in a file; the exit status is 1."""
    file = tmp_path / "audit.jsonl"
    furnished_twice("audit", "export", "northbridge", "-o", file)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:2], lines[2].replace("command", "someone"), *lines[3:]]) + "\n")
    (problem,) = furnished_twice("audit", "verify", "--file", file, "--json", status=1).json["problems"]
    assert (problem["file"], problem["line"], problem["code"]) == ("audit.jsonl", 3, "audit-broken")
    assert "entry 2" in problem["message"]
    with database.write(ACROSS) as conn:
        conn.exec_driver_sql("DROP TRIGGER audit_never_shrinks")
        conn.exec_driver_sql("DELETE FROM audit WHERE number = 6")
    done = furnished_twice("audit", "verify", "northbridge", "--json", status=1)
    assert done.json["problems"][0]["file"] == "northbridge/audit/6"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_audit_written_anew_shows_by_an_older_file(furnished, settings_file, tmp_path):
    """Whoever kept an export notices an audit whose whole chain was made anew, and another organisation's."""
    file = tmp_path / "audit.jsonl"
    furnished("org", "create", "harbour", settings_file(), "--demo")
    furnished("edition", "publish", "harbour")
    furnished("audit", "export", "harbour", "-o", file)
    assert "harbour" in furnished("audit", "verify", "northbridge", "--file", file, status=1).out
    file.write_text(file.read_text().replace('"harbour","version"', '"northbridge","version"'))
    assert "not the one" in furnished("audit", "verify", "northbridge", "--file", file, status=1).out


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_verify_what(installed):
    """Without an organisation and a file there is nothing to verify, and nobody by a slug that none has."""
    installed("audit", "verify", status=2)
    installed("audit", "verify", "nobody", status=1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_full_export_or_none(furnished, tmp_path):
    """What could not be written leaves nothing behind."""
    furnished("audit", "export", "nobody", "-o", tmp_path / "here.jsonl", status=1)
    assert not list(tmp_path.glob("*here*"))
