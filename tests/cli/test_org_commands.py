"""`coachkit org …`, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from coachkit.hooks.core import content_folder

DEMO = Path(__file__).parents[2] / "coachkit" / "cli" / "demo_organisations"


def test_create_and_show(installed, settings_file) -> None:
    """An organisation is made from a file, and shown with what it chose; it serves nothing yet."""
    made = installed("org", "create", "northbridge", settings_file(), "--json").json
    assert made == {"id": "northbridge", "name": "University of Northbridge", "demo": False, "revision": 1}
    shown = installed("org", "show", "northbridge", "--json").json
    assert shown["settings"]["packs"] == {"example": ">=1.0,<2"}
    assert shown["channels"] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_create_says_what_next(installed, settings_file) -> None:
    """People are told the command that publishes."""
    said = installed("org", "create", "northbridge", settings_file()).out
    assert said.endswith("coachkit edition publish northbridge\n")


def test_create_twice(installed, settings_file) -> None:
    """A slug that is taken is refused, and the first organisation stays as it was."""
    installed("org", "create", "northbridge", settings_file())
    done = installed("org", "create", "northbridge", settings_file(brand={"name": "Another"}), "--json", status=1)
    assert done.json["problems"][0]["code"] == "conflict"
    assert installed("org", "show", "northbridge", "--json").json["name"] == "University of Northbridge"


@pytest.mark.parametrize("slug", ["North", "a b", "a--b", "-a", "a/b", "x" * 65, "ŵyn"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_slug_is_a_name(installed, settings_file, slug: str) -> None:
    """A slug that is no name is wrong usage."""
    done = installed("org", "create", "--json", "--", slug, settings_file(), status=2)
    assert slug in done.json["problems"][0]["message"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_problems_of_the_file(installed, settings_file) -> None:
    """Everything wrong with the file is said at once, each at its line and column, and nothing is stored."""
    path = settings_file(packs={"example": "nonsense"}, locales={"en-GB": ["cy"]}, colour="red")
    done = installed("org", "create", "northbridge", path, "--json", status=1)
    problems = done.json["problems"]
    assert len(problems) >= 3
    assert {problem["file"] for problem in problems} == {path.name}
    assert all(problem["line"] and problem["column"] for problem in problems)
    assert installed("org", "show", "northbridge", status=1).out == ""


def test_set(furnished, settings_file) -> None:
    """New settings raise the revision and change nothing that is served until an edition is published."""
    before = furnished("org", "show", "northbridge", "--json").json
    changed = furnished(
        "org", "set", "northbridge", settings_file(brand={"name": "Northbridge", "careers_email": "a@b.example"})
    )
    assert changed.out == "northbridge is at revision 2.\n"
    after = furnished("org", "show", "northbridge", "--json").json
    assert (after["name"], after["channels"]) == ("Northbridge", before["channels"])


@pytest.mark.parametrize("command", [["show"], ["set"]], ids=" ".join)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_such_organisation(furnished, settings_file, command: list[str]) -> None:
    """An organisation that there is not is answered with those there are, or with its name."""
    arguments = [settings_file()] if command == ["set"] else []
    done = furnished("org", *command, "northbrige", *arguments, "--json", status=1)
    assert done.json["problems"][0]["code"] == "not-found"
    assert "northbrige" in done.json["problems"][0]["message"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_show_for_people(furnished) -> None:
    """People see packs, chains and where each channel points."""
    said = furnished("org", "show", "northbridge").out
    assert "northbridge  University of Northbridge  (demo)\n" in said
    assert "packs    example >=1.0,<2\n" in said
    assert "locale   cy: cy → en-GB\n" in said
    assert "channel  live: sha256:" in said


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("slug", ["northbridge", "harbour"])
def test_settings_of_the_demo(installed, slug: str) -> None:
    """The demo's files, which the README recommends to start from, make an organisation that can be published."""
    installed("pack", "publish", content_folder() / "core")
    installed("org", "create", "riverside", DEMO / f"{slug}.yaml", "--demo")
    assert installed("edition", "publish", "riverside", "--json").json["releases"] == {"core": "1.0.0"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_export_and_import(furnished, make_database, monkeypatch, tmp_path):
    """What is exported here is imported elsewhere, by commands alone, with equal digests; and not a second time."""
    file, elsewhere = tmp_path / "northbridge.tar", tmp_path / "elsewhere"
    done = furnished("org", "export", "northbridge", "-o", file, "--json").json
    assert (file.stat().st_mode & 0o777, file.stat().st_size) == (0o600, done["bytes"])
    assert furnished("org", "import", file, status=1).err.count("already") == 1
    editions = furnished("edition", "list", "northbridge", "--json").json
    elsewhere.mkdir()
    with make_database("postgres", elsewhere) as other:
        monkeypatch.setenv("COACHKIT_DATABASE_URL", other.url)
        imported = furnished("org", "import", file, "--slug", "northbridge", "--json").json
        assert (imported["id"], imported["digest"]) == ("northbridge", done["digest"])
        assert furnished("edition", "list", "northbridge", "--json").json == editions
        furnished("audit", "verify", "northbridge")
        furnished("edition", "show", "northbridge", "--explain", "module/first-hour")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_import_what_is_none(furnished, tmp_path):
    """What is no archive is a problem that names it; another slug than its own is refused."""
    file = tmp_path / "northbridge.tar"
    furnished("org", "export", "northbridge", "-o", file)
    assert "digests" in furnished("org", "import", file, "--slug", "eastgate", status=1).err
    file.write_bytes(b"nothing")
    (problem,) = furnished("org", "import", file, "--json", status=1).json["problems"]
    assert (problem["code"], problem["file"]) == ("bad-archive", str(file))
