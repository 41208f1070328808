"""`coachkit edition …`, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from packmaker import PACK, make_pack, replacing

OVERLAY = [
    {
        "op": "replace",
        "target": "example:module/ask-for-feedback",
        "locale": "en-GB",
        "field": "summary",
        "text": "How to ask one good question.",
    }
]


@pytest.fixture
def bump(furnished, tmp_path: Path):
    """Publishes a new version of the pack in which only the module first-hour has another text."""

    def publish(number: str, text: str = "Fill the kettle") -> None:
        (tmp_path / number).mkdir()
        changes = {PACK: replacing("version: 1.0.0", f"version: {number}")}
        changes["modules/first-hour.md"] = replacing("Put the kettle on", text)
        furnished("pack", "publish", make_pack(tmp_path / number, **changes))

    return publish


def live(run) -> str:
    return run("edition", "show", "northbridge", "--json").json["edition"]


def test_publish(furnished, bump) -> None:
    """Publishing resolves the range to the newest release in it, stores the edition and points `live` at it."""
    bump("1.2.0")
    bump("2.0.0")
    published = furnished("edition", "publish", "northbridge", "--json").json
    assert published["releases"] == {"example": "1.2.0"}
    assert (published["new"], published["channel"], published["demo"]) == (True, "live", True)
    assert live(furnished) == published["edition"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_publish_again(furnished) -> None:
    """Publishing what is published changes nothing: the same digest, and no move in the history."""
    before = furnished("channel", "history", "northbridge", "--json").json
    again = furnished("edition", "publish", "northbridge", "--json").json
    assert again["new"] is False
    assert furnished("channel", "history", "northbridge", "--json").json == before


def test_dry_run(furnished, bump) -> None:
    """A dry run says the digest that publishing will give, and stores nothing."""
    bump("1.2.0")
    before = live(furnished), furnished("edition", "list", "northbridge", "--json").json
    dry = furnished("edition", "publish", "northbridge", "--dry-run", "--json").json
    assert (live(furnished), furnished("edition", "list", "northbridge", "--json").json) == before
    assert dry["channel"] is None
    assert furnished("edition", "publish", "northbridge", "--json").json["edition"] == dry["edition"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_dry_run_refuses(furnished) -> None:
    """A dry run finds what publishing would refuse."""
    furnished("pack", "withdraw", "example@1.0.0", "--because", "x")
    furnished("edition", "publish", "northbridge", "--dry-run", status=1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_move(furnished, bump) -> None:
    """With --no-move the edition is stored, and readers see what they saw."""
    bump("1.2.0")
    before = live(furnished)
    stored = furnished("edition", "publish", "northbridge", "--no-move", "--json").json
    assert (stored["new"], stored["channel"], live(furnished)) == (True, None, before)


def test_channel(furnished, bump) -> None:
    """--channel points another channel at it, and leaves `live` alone; a preview is not public."""
    bump("1.2.0")
    before = live(furnished)
    published = furnished("edition", "publish", "northbridge", "--channel", "preview", "--json").json
    channels = furnished("org", "show", "northbridge", "--json").json["channels"]
    assert channels == [
        {"name": "live", "public": True, "edition": before},
        {"name": "preview", "public": False, "edition": published["edition"]},
    ]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["Live", "a b", "a/b", "", "sha256:0"])
def test_channel_is_a_name(furnished, bump, name: str) -> None:
    """A channel's name that no address could have is wrong usage, and nothing is stored."""
    bump("1.2.0")
    before = furnished("edition", "list", "northbridge", "--json").json
    done = furnished("edition", "publish", "northbridge", "--channel", name, "--json", status=2)
    assert f"“{name}”" in done.json["problems"][0]["message"]
    assert furnished("edition", "list", "northbridge", "--json").json == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_all_failures_at_once(furnished, settings_file) -> None:
    """What keeps an edition from being published is said at once, by organisation and key, and `live` stays."""
    before = live(furnished)
    brand = {"name": "Northbridge", "colours": {"text": "#777777", "background": "#888888"}}
    furnished("org", "set", "northbridge", settings_file(brand=brand))
    done = furnished("edition", "publish", "northbridge", "--json", status=1)
    problems = done.json["problems"]
    assert len(problems) >= 2
    assert all(problem["file"].startswith("northbridge/") for problem in problems)
    assert live(furnished) == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_warnings(furnished, tmp_path: Path, dry: list[str]) -> None:
    """What an organisation should know of, and may publish all the same, is said on stderr and stands in the JSON."""
    leaving = replacing("last_reviewed", "retiring: {since: 1999-12-31, until: 2000-01-01}\nlast_reviewed")
    (tmp_path / "next").mkdir()
    changes = {PACK: replacing("version: 1.0.0", "version: 1.1.0"), "modules/ask-for-feedback.md": leaving}
    furnished("pack", "publish", make_pack(tmp_path / "next", **changes))
    done = furnished("edition", "publish", "northbridge", "--json", *dry)
    (warning,) = done.json["warnings"]
    assert (warning["file"], warning["code"]) == ("northbridge/packs/example", "overdue")
    assert warning["severity"] == "warning"
    assert "example:module/ask-for-feedback was to go on 2000-01-01 and is still served" in done.err
    assert done.json["resources"] == 6


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_list(furnished, bump) -> None:
    """Editions are listed with the newest first."""
    first = live(furnished)
    bump("1.2.0")
    second = furnished("edition", "publish", "northbridge", "--json").json["edition"]
    listed = furnished("edition", "list", "northbridge", "--json").json["editions"]
    assert [each["edition"] for each in listed] == [second, first]


def test_show(furnished) -> None:
    """An edition is shown by channel, by digest, and by the digest's start."""
    by_channel = furnished("edition", "show", "northbridge", "--json")
    digest = by_channel.json["edition"]
    assert by_channel.json["locales"] == {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]}
    assert by_channel.json["releases"] == {"example": "1.0.0"}
    assert {"resource": "module/first-hour", "pack": "example"} in by_channel.json["resources"]
    for named in (digest, digest[:20]):
        assert furnished("edition", "show", "northbridge", named, "--json").out == by_channel.out


@pytest.mark.parametrize("named", ["nowhere", "sha256:" + "0" * 64])
@pytest.mark.parametrize("command", ["show", "outdated", "diff"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_such_edition(furnished, command: str, named: str) -> None:
    """A channel or an edition that there is not is named."""
    done = furnished("edition", command, "northbridge", named, "--json", status=1)
    (problem,) = done.json["problems"]
    assert (problem["code"], named in problem["message"]) == ("not-found", True)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_digest_that_is_not_enough(furnished, bump) -> None:
    """The start of two editions' digests is refused, with how many it could mean."""
    bump("1.2.0")
    furnished("edition", "publish", "northbridge")
    done = furnished("edition", "show", "northbridge", "sha256:", "--json", status=2)
    assert "2 editions" in done.json["problems"][0]["message"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_explain(furnished, settings_file) -> None:
    """--explain says for each field its pack, version and locale, and whether the organisation's overlay made it."""
    furnished("org", "set", "northbridge", settings_file(overlay=OVERLAY))
    furnished("edition", "publish", "northbridge")
    show = ("edition", "show", "northbridge", "--explain", "module/ask-for-feedback")
    told = furnished(*show, "--json").json["explain"]
    fields = {(locale, one["field"]): one for locale, entries in told.items() for one in entries}
    found = {place: (one["pack"], one["version"], one["locale"], one["origin"]) for place, one in fields.items()}
    assert found["en-GB", "title"] == ("example", "1.0.0", "en-GB", "release")
    assert found["en-GB", "summary"] == ("example", "1.0.0", "en-GB", "overlay")
    assert found["cy", "title"] == ("example", "1.0.0", "cy", "release")
    assert found["cy", "summary"] == ("example", "1.0.0", "en-GB", "overlay")
    assert found["cy", "sections/what"] == ("example", "1.0.0", "en-GB", "release")
    assert "cy  sections/when: example@1.0.0, cy, release\n" in furnished(*show, "--locale", "cy").out
    assert "cy  summary: example@1.0.0, en-GB, overlay, missing in cy\n" in furnished(*show, "--locale", "cy").out
    assert "en-GB  " not in furnished(*show, "--locale", "cy").out


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_explain_what_was_filled_in(furnished) -> None:
    """--explain says which value stands in a placeholder."""
    out = furnished("edition", "show", "northbridge", "--explain", "module/first-hour", "--locale", "en-GB").out
    assert "en-GB  sections/step: example@1.0.0, en-GB, release, careers_email: careers@" in out


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_explain_what_is_not(furnished) -> None:
    """A resource that the edition does not serve is answered with the nearest; another locale is refused."""
    done = furnished("edition", "show", "northbridge", "--explain", "module/frst-hour", status=1)
    assert "module/first-hour" in done.err
    done = furnished("edition", "show", "northbridge", "--explain", "module/first-hour", "--locale", "fr", status=2)
    assert "fr" in done.err


def test_outdated(furnished, bump) -> None:
    """For each release: the newest in the organisation's range, the newest there is, and whether it is withdrawn."""
    assert furnished("edition", "outdated", "northbridge").out == "example@1.0.0 is the newest\n"
    bump("2.0.0")
    assert "is the newest in >=1.0,<2; there is 2.0.0" in furnished("edition", "outdated", "northbridge").out
    bump("1.2.0")
    (found,) = furnished("edition", "outdated", "northbridge", "--json").json["releases"]
    assert found == {
        "pack": "example",
        "version": "1.0.0",
        "range": ">=1.0,<2",
        "in_range": "1.2.0",
        "newest": "2.0.0",
        "withdrawn": False,
    }
    furnished("pack", "withdraw", "example@1.0.0", "--because", "x")
    assert furnished("edition", "outdated", "northbridge").out == "example@1.0.0 is withdrawn\n"


def test_diff(furnished, bump) -> None:
    """Two editions differ in exactly the documents of the resources that changed; other resources' are the same."""
    first = live(furnished)
    bump("1.2.0")
    furnished("edition", "publish", "northbridge")
    changes = furnished("edition", "diff", "northbridge", first, "--json").json["changes"]
    changed = {"op": "changed", "kind": "module", "id": "first-hour"}
    assert changes == [{**changed, "locale": "cy"}, {**changed, "locale": "en-GB"}]
    assert "changed  module/first-hour  en-GB\n" in furnished("edition", "diff", "northbridge", first).out
    assert furnished("edition", "diff", "northbridge", "live", "live").out == "Nothing differs.\n"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_digest_is_the_same_everywhere(
    furnished, run, monkeypatch: pytest.MonkeyPatch, settings_file, tmp_path: Path
) -> None:
    """Another installation, with another database, secret and clock, gives equal choices the same digest."""
    here = live(furnished)
    monkeypatch.setenv("COACHKIT_DATABASE_URL", f"sqlite:///{tmp_path / 'another.sqlite'}")
    monkeypatch.setenv("COACHKIT_SECRET_KEY", bytes(range(1, 33)).hex())
    run("migrate")
    run("pack", "publish", tmp_path / "example")
    run("org", "create", "northbridge", settings_file(), "--demo")
    assert run("edition", "publish", "northbridge", "--json").json["edition"] == here
