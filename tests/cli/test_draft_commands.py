"""`coachkit draft …`, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coachkit.editions import overlay

HIDE = [{"op": "hide", "target": "example:pathway/first-week"}]


def live(run) -> str:
    return run("edition", "show", "northbridge", "--json").json["edition"]


def test_show(furnished, settings_file) -> None:
    """What publishing would change is shown, and publishing changes just that."""
    before = live(furnished)
    assert furnished("draft", "show", "northbridge", "--json").json["changes"] == []
    furnished("org", "set", "northbridge", settings_file(overlay=HIDE))
    shown = furnished("draft", "show", "northbridge", "--json").json
    assert (shown["ok"], shown["revision"], shown["live"]) == (True, 2, before)
    assert {(each["op"], each["id"]) for each in shown["changes"]} >= {("removed", "first-week")}
    assert "removed  pathway/first-week  cy" in furnished("draft", "show", "northbridge").out
    assert furnished("edition", "publish", "northbridge", "--json").json["edition"] == shown["edition"]
    assert furnished("edition", "diff", "northbridge", before, "--json").json["changes"] == shown["changes"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_show_problems(furnished, settings_file) -> None:
    """What keeps a draft back is shown as checks show it, and the command ends with 1."""
    furnished("org", "set", "northbridge", settings_file(values={"nonesuch": "x"}))
    shown = furnished("draft", "show", "northbridge", "--json", status=1).json
    assert (shown["ok"], shown["edition"], shown["changes"]) == (False, None, None)
    assert [each["code"] for each in shown["problems"]] == ["unknown-placeholder"]
    assert "[unknown-placeholder]" in furnished("draft", "show", "northbridge", status=1).out


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_show_a_text_that_costs_too_much(furnished, settings_file, monkeypatch) -> None:
    """A text that takes longer to compile than any may is refused by its place and the bound."""
    monkeypatch.setattr(overlay, "LIMITS", replace(overlay.LIMITS, file_seconds=0.05))
    table = "|" + "a|" * 60 + "\n|" + "-|" * 60 + "\n" + "|x\n" * 6_000
    part = {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "section": "feel", "text": table}
    furnished("org", "set", "northbridge", settings_file(overlay=[*HIDE, part]))
    for command in (("draft", "show", "northbridge"), ("edition", "publish", "northbridge")):
        (problem,) = furnished(*command, "--json", status=1).json["problems"]
        assert (problem["file"], problem["code"]) == ("northbridge/overlay/1", "too-slow")
        assert problem["message"] == "reading this takes more than 0.05 seconds of computing"


def test_discard(furnished, settings_file) -> None:
    """A draft is put back to what is live, once; then there is nothing to discard."""
    furnished("org", "set", "northbridge", settings_file(overlay=HIDE))
    furnished("draft", "discard", "northbridge", "--revision", 1, status=1)
    done = furnished("draft", "discard", "northbridge", "--revision", 2, "--json").json
    assert (done["changed"], done["revision"], done["edition"]) == (True, 3, live(furnished))
    assert furnished("draft", "show", "northbridge", "--json").json["changes"] == []
    assert furnished("draft", "discard", "northbridge").out == "There is nothing to discard.\n"


def test_preview(furnished, settings_file, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address is given that shows the draft, whole where the installation's own is known, and `live` stays."""
    before = live(furnished)
    furnished("org", "set", "northbridge", settings_file(overlay=HIDE))
    made = furnished("draft", "preview", "northbridge", "--hours", 2, "--json").json
    assert made["path"].startswith("/v1/orgs/northbridge/previews/")
    assert made["url"] is None
    assert made["edition"] == furnished("draft", "show", "northbridge", "--json").json["edition"] != before
    assert live(furnished) == before
    monkeypatch.setenv("COACHKIT_PUBLIC_URL", "https://coaching.example.org")
    out = furnished("draft", "preview", "northbridge").out
    assert out.startswith("https://coaching.example.org/v1/orgs/northbridge/previews/")


@pytest.mark.parametrize("hours", [0, 721, "soon"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_preview_is_bounded(furnished, hours: object) -> None:
    """A time beyond the bounds is wrong usage."""
    furnished("draft", "preview", "northbridge", "--hours", hours, status=2)
