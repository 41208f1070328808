"""`coachkit pack …`, on both databases where it stores."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from appmaker import install_plugin
from packmaker import PACK, appending, make_pack, replacing

DIGEST = r"sha256:[0-9a-f]{64}"


def copy(tmp_path: Path, name: str, **changes) -> Path:
    """A copy of the pack in a folder of its own."""
    (tmp_path / name).mkdir()
    return make_pack(tmp_path / name, **changes)


def version(number: str):
    return replacing("version: 1.0.0", f"version: {number}")


def test_build_twice(run, tmp_path: Path) -> None:
    """Building the same files twice, in other folders and orders, gives the same bytes and says their digest."""
    first = run("pack", "build", copy(tmp_path, "a"), "-o", "one.tar", "--json").json
    second = run("pack", "build", copy(tmp_path, "b"), "-o", "two.tar", "--json").json
    assert Path("one.tar").read_bytes() == Path("two.tar").read_bytes()
    assert first == {"file": "one.tar", "digest": second["digest"]}
    assert re.fullmatch(DIGEST, first["digest"])


def test_build_names_the_archive(run, tmp_path: Path) -> None:
    """Without a name the archive is `<id>-<version>.tar` in the working folder, and it can be built from again."""
    built = run("pack", "build", make_pack(tmp_path), "--json").json
    again = run("pack", "build", "example-1.0.0.tar", "-o", "again.tar", "--json").json
    assert (built["file"], again["digest"]) == ("example-1.0.0.tar", built["digest"])


def test_build_refuses_errors(run, tmp_path: Path) -> None:
    """A pack with errors is not built: exit 1, its problems, and no file."""
    done = run("pack", "build", make_pack(tmp_path, **{"modules/first-hour.md": "nothing"}), "--json")
    assert done.status == 1
    assert "modules/first-hour.md" in {problem["file"] for problem in done.json["problems"]}
    assert list(Path.cwd().iterdir()) == []


def test_check_counts(run, tmp_path: Path) -> None:
    """A check of a good pack says what it found, and nothing on stderr where that is no terminal."""
    done = run("pack", "check", make_pack(tmp_path))
    assert (done.status, done.out, done.err) == (0, "example@1.0.0: 6 resources, no errors\n", "")


def test_check_of_no_pack(run, tmp_path: Path) -> None:
    """A file that is no archive is a problem, not a trace."""
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    done = run("pack", "check", tmp_path / "notes.txt", "--json")
    assert done.status == 1
    assert "bad-archive" in {problem["code"] for problem in done.json["problems"]}


def test_publish_folder_and_archive(installed, tmp_path: Path) -> None:
    """Publishing an archive is publishing its folder: the same digest, and the second time nothing is new."""
    folder = make_pack(tmp_path)
    built = installed("pack", "build", folder, "-o", "x.tar", "--json").json
    (archive,) = installed("pack", "publish", "x.tar", "--json").json["releases"]
    (again,) = installed("pack", "publish", folder, "--json").json["releases"]
    assert (archive["digest"], archive["new"]) == (built["digest"], True)
    assert again == {**archive, "new": False}


def test_publish_other_bytes(installed, tmp_path: Path) -> None:
    """Other bytes for a published version are refused with both digests, and what is stored stays."""
    (stored,) = installed("pack", "publish", copy(tmp_path, "a"), "--json").json["releases"]
    other = copy(tmp_path, "b", **{PACK: replacing("A small pack", "Another pack")})
    built = installed("pack", "build", other, "--json").json
    refused = installed("pack", "publish", other, "--json", status=1)
    (problem,) = refused.json["problems"]
    assert problem["code"] == "conflict"
    assert re.findall(DIGEST, problem["message"]) == [stored["digest"], built["digest"]]
    assert [each["digest"] for each in installed("pack", "list", "--json").json["releases"]] == [stored["digest"]]


def test_publish_several(installed, tmp_path: Path) -> None:
    """Several packs are published in the order they are given."""
    folders = [copy(tmp_path, "a"), copy(tmp_path, "b", **{PACK: version("1.1.0")})]
    published = installed("pack", "publish", *folders, "--json").json["releases"]
    assert [each["version"] for each in published] == ["1.0.0", "1.1.0"]
    assert installed("pack", "list").out == "example@1.0.0  public\nexample@1.1.0  public\n"


def test_show(installed, tmp_path: Path) -> None:
    """A release is shown with its digest, its manifest, and since which version each resource is as it is."""
    changed = replacing("Put the kettle on", "Fill the kettle")
    newer = copy(tmp_path, "b", **{PACK: version("1.0.1"), "modules/first-hour.md": changed})
    published = installed("pack", "publish", copy(tmp_path, "a"), newer, "--json").json["releases"]
    shown = installed("pack", "show", "example@1.0.1", "--json").json
    assert shown["digest"] == published[1]["digest"]
    assert shown["manifest"]["licence"] == "CC-BY-4.0"
    assert shown["versions"]["module/first-hour"] == "1.0.1"
    assert shown["versions"]["module/ask-for-feedback"] == "1.0.0"
    assert "module/first-hour  (as it is since 1.0.1)" in installed("pack", "show", "example@1.0.1").out


@pytest.mark.parametrize(
    "arguments", [["show"], ["withdraw", "--because", "x"], ["diff", "example@1.0.0"]], ids=" ".join
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_such_release(installed, arguments: list[str]) -> None:
    """A release that there is not is named, with exit status 1."""
    done = installed("pack", *arguments, "example@1.0.0", "--json", status=1)
    (problem,) = done.json["problems"]
    assert problem["code"] == "not-found"
    assert "example@1.0.0" in problem["message"]


def test_diff_of_stored_and_folder(installed, tmp_path: Path) -> None:
    """A stored release is compared with a folder: what changed, and the SemVer step that it asks for."""
    installed("pack", "publish", copy(tmp_path, "a"))
    changed = replacing("Put the kettle on", "Fill the kettle")
    newer = copy(tmp_path, "b", **{PACK: version("1.0.1"), "modules/first-hour.md": changed})
    found = installed("pack", "diff", "example@1.0.0", newer, "--json").json
    assert found["step"] == "patch"
    assert [(one["kind"], one["id"], one["sections"]) for one in found["changed"]] == [
        ("module", "first-hour", ["feel"])
    ]
    said = installed("pack", "diff", "example@1.0.0", newer).out
    assert "changed  module/first-hour: section feel (en-GB)\nThis asks for a patch step:\n" in said


def test_diff_needs_no_installation(run, tmp_path: Path) -> None:
    """Two folders are compared without any settings."""
    folder = make_pack(tmp_path)
    done = run("pack", "diff", folder, folder)
    assert (done.status, done.out) == (0, "Nothing changed, so this asks for no step.\n")


def test_withdraw(furnished) -> None:
    """Withdrawing names who serves the release, marks it with the reason, and keeps its row; again changes nothing."""
    withdrawn = furnished("pack", "withdraw", "example@1.0.0", "--because", "A wrong number", "--json").json
    assert [(use["organisation"], list(use["channels"])) for use in withdrawn["used_by"]] == [("northbridge", ["live"])]
    (head,) = furnished("pack", "list", "--json").json["releases"]
    assert (head["withdrawn"], head["withdrawn_because"]) == (True, "A wrong number")
    again = furnished("pack", "withdraw", "example@1.0.0", "--because", "Another reason")
    assert "northbridge serves it at live: publish a new edition" in again.out
    assert furnished("pack", "list", "--json").json["releases"] == [head]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_withdrawn_is_not_published_again(furnished, tmp_path: Path) -> None:
    """No new edition uses a withdrawn release, and the message says which release and what would be right."""
    furnished("pack", "withdraw", "example@1.0.0", "--because", "A wrong number")
    done = furnished("edition", "publish", "northbridge", "--json", status=1)
    (problem,) = done.json["problems"]
    assert (problem["code"], "example@1.0.0" in problem["message"]) == ("withdrawn", True)


def test_schema_names(run) -> None:
    """Without a name the schemas are listed."""
    names = run("pack", "schema", "--json").json["schemas"]
    assert {"pack", "module", "module.translation", "questionnaire"} <= set(names)
    assert run("pack", "schema").out.split() == names


def test_schema_alone(run) -> None:
    """One schema is printed as the document it is, with --json and without."""
    plain, with_json = run("pack", "schema", "checklist"), run("pack", "schema", "checklist", "--json")
    assert plain.out == with_json.out
    assert plain.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_schemas_into_a_folder(run) -> None:
    """All schemas are written into a folder, which is made, and their files are named."""
    written = run("pack", "schema", "--output", "schemas/here", "--json").json["files"]
    assert {Path(name) for name in written} == set(Path("schemas/here").iterdir())
    assert json.loads(Path("schemas/here/module.schema.json").read_text(encoding="utf-8"))["type"] == "object"


def test_schema_that_is_not(run) -> None:
    """A schema that there is not is answered with those there are."""
    done = run("pack", "schema", "modul", "--json")
    assert done.status == 1
    assert "module.translation" in done.json["problems"][0]["message"]


PLUGIN = """
from coachkit import hookimpl
from coachkit.hooks.types import Directive

@hookimpl
def coachkit_directives():
    return [Directive("note", {"en": "Note"})]
"""


def test_plugins_boxes(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack that uses a plugin's box is checked and built with that plugin, and without it the box is unknown."""
    install_plugin(tmp_path, "acme-notes", PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    box = appending("\n:::note\nSaid.\n:::\n")
    folder = make_pack(tmp_path / "pack", **{"modules/first-hour.md": box})
    without = run("pack", "check", folder)
    assert (without.status, "unknown-directive" in without.out) == (1, True)
    assert run("pack", "check", folder, "--plugin", "acme-notes").status == 0
    assert run("pack", "build", folder, "--plugin", "acme-notes", "-o", tmp_path / "pack.tar").status == 0


def test_unusable_plugin(run, tmp_path: Path) -> None:
    """A plugin that is not installed is refused by its name."""
    done = run("pack", "check", make_pack(tmp_path), "--plugin", "nonesuch")
    assert (done.status, "nonesuch" in done.err) == (2, True)


def test_published_again_with_a_link(furnished, tmp_path: Path) -> None:
    """Files that are published already do not hide what is wrong beside them."""
    folder = copy(tmp_path, "linked")
    assert furnished("pack", "publish", folder, "--json").json["releases"][0]["new"] is False
    (folder / "modules" / "other.md").symlink_to(folder / "modules" / "first-hour.md")
    assert furnished("pack", "publish", folder, "--json", status=1).json["problems"][0]["code"] == "symlink"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_publish_what_is_offered(installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CoachKit's own packs and those of COACHKIT_PACKS are published without knowing where they are."""
    monkeypatch.setenv("COACHKIT_PACKS", str(copy(tmp_path, "offered")))
    published = installed("pack", "publish", "--offered", "--json").json["releases"]
    assert {each["pack"] for each in published} == {"core", "example"}
    assert installed("pack", "publish", status=2).out == ""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_publish_what_is_withdrawn(furnished, tmp_path: Path) -> None:
    """Publishing a withdrawn release again says that it is withdrawn."""
    furnished("pack", "withdraw", "example@1.0.0", "--because", "A wrong number")
    assert "withdrawn" in furnished("pack", "publish", copy(tmp_path, "again")).out


def test_manifest_for_folder(run, tmp_path: Path) -> None:
    """Naming the pack.yaml names the pack."""
    assert run("pack", "check", copy(tmp_path, "named") / "pack.yaml").status == 0


LEAVING = "retiring: {since: 1999-12-31, until: 2000-01-01}\nlast_reviewed"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_publishing_what_should_have_gone(installed, tmp_path: Path) -> None:
    """An author is warned on stderr of what was to go by now; it is published all the same, and stdout is as ever."""
    pack = make_pack(tmp_path, **{"modules/ask-for-feedback.md": replacing("last_reviewed", LEAVING)})
    done = installed("pack", "publish", pack, "--json")
    assert [release["new"] for release in done.json["releases"]] == [True]
    assert done.err == (
        "warning: module/ask-for-feedback was to go on 2000-01-01 and is still there: delete it or move the day\n"
    )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_publishing_what_is_to_go_later(installed, tmp_path: Path) -> None:
    """Before that day there is nothing to warn of."""
    later = LEAVING.replace("2000-01-01", "2999-01-01")
    pack = make_pack(tmp_path, **{"modules/ask-for-feedback.md": replacing("last_reviewed", later)})
    assert installed("pack", "publish", pack).err == ""
