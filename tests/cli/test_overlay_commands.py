"""`coachkit overlay …`, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from packmaker import PACK, make_pack, replacing

FEEL = {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "section": "feel", "text": "Ours.\n\nTwo."}
HIDE = {"op": "hide", "target": "module/first-hour", "section": "step"}
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def worded(furnished, tmp_path: Path):
    """Sets a part of northbridge's overlay and gives its id."""

    def put(part: dict[str, Any]) -> str:
        return furnished("overlay", "set", "northbridge", written(tmp_path, part), "--json").json["id"]

    return put


def written(folder: Path, part: object) -> Path:
    path = folder / "part.yaml"
    path.write_text(yaml.safe_dump(part), encoding="utf-8")
    return path


def newer(furnished, folder: Path) -> None:
    """Publish a release that words the section otherwise."""
    (folder / "newer").mkdir()
    changes = {
        PACK: replacing("version: 1.0.0", "version: 1.1.0"),
        "modules/first-hour.md": replacing("It is **fine** to", "It is **right** to"),
    }
    furnished("pack", "publish", make_pack(folder / "newer", **changes))


def test_set_list_show_remove(furnished, worded) -> None:
    """A part that is set is listed and shown by its id, and gone when it is removed; readers get what is published."""
    feel, hide = worded(FEEL), worded(HIDE)
    listed = furnished("overlay", "list", "northbridge", "--json").json
    assert [(each["id"], each["position"], each["undecided"]) for each in listed["parts"]] == [
        (feel, 0, False),
        (hide, 1, False),
    ]
    assert listed["revision"] == 3
    shown = furnished("overlay", "show", "northbridge", feel, "--json").json
    assert shown["part"] == FEEL | {"over": {"pack": "example", "version": "1.0.0"}}
    furnished("edition", "publish", "northbridge")
    done = furnished("overlay", "remove", "northbridge", hide)
    assert done.out == f"{hide} is removed.\nnorthbridge is at revision 4.\n"
    assert [each["id"] for each in furnished("overlay", "list", "northbridge", "--json").json["parts"]] == [feel]


@SQLITE
def test_for_people(furnished, worded) -> None:
    """People see in a line what each part does, over which release, and its words below it."""
    assert furnished("overlay", "list", "northbridge").out == "There is none.\n"
    feel = worded(FEEL | {"title": "Ours"})
    line = f"{feel}  replace  module/first-hour  en-GB  feel  over example@1.0.0\n"
    assert furnished("overlay", "list", "northbridge").out == line
    assert furnished("overlay", "show", "northbridge", feel).out == f"{line}  ## Ours\n  Ours.\n  \n  Two.\n"


def test_keep(furnished, worded, tmp_path: Path) -> None:
    """What a new release has left undecided is shown in three texts, and published once it is decided."""
    feel = worded(FEEL)
    newer(furnished, tmp_path)
    refused = furnished("edition", "publish", "northbridge", "--json", status=1).json["problems"]
    assert [each["code"] for each in refused] == ["overlay-undecided"]
    assert f"coachkit overlay merge northbridge {feel}" in refused[0]["hint"]
    (merge,) = furnished("overlay", "merge", "northbridge", "--json").json["merges"]
    assert (merge["id"], merge["over"]["version"], merge["now"]["version"]) == (feel, "1.0.0", "1.1.0")
    assert "**fine**" in merge["old"]["text"]
    assert "**right**" in merge["new"]["text"]
    assert merge["theirs"] == {"title": None, "text": FEEL["text"]}
    kept = furnished("overlay", "merge", "northbridge", feel, "--keep", "--seen", "1.1.0", "--json").json
    assert kept == {"organisation": "northbridge", "revision": 3, "id": feel, "decision": "keep"}
    assert furnished("overlay", "merge", "northbridge").out == "There is nothing to decide.\n"
    furnished("edition", "publish", "northbridge")


@SQLITE
def test_take(furnished, worded, tmp_path: Path) -> None:
    """Who takes the release's text has no part there any more."""
    feel = worded(FEEL)
    newer(furnished, tmp_path)
    assert furnished("overlay", "list", "northbridge").out.endswith("  undecided\n")
    said = furnished("overlay", "merge", "northbridge", feel).out
    assert f"{feel}  example:module/first-hour  en-GB  section feel\n  example@1.0.0 said:\n    ## Feel" in said
    assert "  example@1.1.0 says:\n    ## Feel it first\n    It is **right** to" in said
    assert said.endswith("  you say:\n    Ours.\n    \n    Two.\n")
    taken = furnished("overlay", "merge", "northbridge", feel, "--take").out
    assert taken.startswith(f"{feel} is removed: the release's text is taken.\n")
    assert furnished("overlay", "list", "northbridge").out == "There is none.\n"


@SQLITE
def test_wrong_use(furnished, worded, tmp_path: Path) -> None:
    """A part that there is not, a decision about nothing in particular, and one about nothing, are said."""
    feel = worded(FEEL)
    assert furnished("overlay", "show", "northbridge", "0123", "--json", status=1).json["problems"][0]["code"] == (
        "not-found"
    )
    furnished("overlay", "merge", "northbridge", "0123", status=1)
    assert "Name the PART" in furnished("overlay", "merge", "northbridge", "--keep", status=2).err
    assert "nothing to decide" in furnished("overlay", "merge", "northbridge", feel, "--keep", status=1).err


@pytest.mark.parametrize(
    ("part", "line", "words"),
    [
        (FEEL | {"locale": "Welsh"}, 1, "is not a locale"),
        (FEEL | {"colour": "red"}, 1, "there is no key “colour” here"),
        ([FEEL], 1, "a part of an overlay is a mapping"),
    ],
)
@SQLITE
def test_problems_of_the_file(furnished, tmp_path: Path, part: object, line: int, words: str) -> None:
    """What is wrong with the file is said at its place, and nothing is stored."""
    problems = furnished("overlay", "set", "northbridge", written(tmp_path, part), "--json", status=1).json["problems"]
    assert [words in each["message"] for each in problems] == [True]
    assert problems[0]["line"] >= line
    assert furnished("overlay", "list", "northbridge").out == "There is none.\n"


@SQLITE
def test_limits(furnished, worded, settings_file, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command stores more parts than the operator allows."""
    worded(FEEL)
    monkeypatch.setenv("COACHKIT_MAX_OVERLAY", "1")
    path = settings_file(overlay=[FEEL, HIDE])
    for command in (["org", "set", "northbridge", path], ["org", "create", "other", path]):
        assert furnished(*command, "--json", status=1).json["problems"][0]["code"] == "limit-reached"
    furnished("org", "set", "northbridge", settings_file(overlay=[HIDE]))
