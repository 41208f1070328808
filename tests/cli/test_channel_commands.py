"""`coachkit channel …`, on both databases."""

from __future__ import annotations

import pytest


@pytest.fixture
def editions(furnished, settings_file) -> list[str]:
    """Three editions of northbridge, that `live` has pointed at one after the other."""
    digests = [furnished("edition", "show", "northbridge", "--json").json["edition"]]
    for name in ("Second", "Third"):
        furnished("org", "set", "northbridge", settings_file(brand={"name": name, "careers_email": "a@b.example"}))
        digests.append(furnished("edition", "publish", "northbridge", "--note", f"to {name}", "--json").json["edition"])
    return digests


def live(run) -> str:
    return run("edition", "show", "northbridge", "--json").json["edition"]


def test_move(furnished, editions: list[str]) -> None:
    """A channel is pointed at any edition of the organisation, and says where it points."""
    moved = furnished("channel", "move", "northbridge", "live", editions[0], "--json").json
    assert moved == {"channel": "live", "public": True, "edition": editions[0], "withdrawn": []}
    assert live(furnished) == editions[0]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_move_makes_and_publishes(furnished, editions: list[str]) -> None:
    """A new channel is made; whether readers see it is said once, and stays until it is said otherwise."""
    move = ("channel", "move", "northbridge", "autumn-2026")
    assert furnished(*move, editions[0], "--private", "--json").json["public"] is False
    assert furnished(*move, editions[1], "--json").json["public"] is False
    assert furnished(*move, editions[1], "--public", "--json").json["public"] is True


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_move_to_nothing(furnished, editions: list[str]) -> None:
    """An edition that the organisation does not have is refused, and the channel stays."""
    done = furnished("channel", "move", "northbridge", "live", "sha256:" + "0" * 64, "--json", status=1)
    assert done.json["problems"][0]["code"] == "not-found"
    assert live(furnished) == editions[2]


def test_rollback(furnished, editions: list[str]) -> None:
    """Each rollback goes back one edition further; at the first there is nothing to go back to."""
    assert furnished("channel", "rollback", "northbridge", "--json").json["edition"] == editions[1]
    assert furnished("channel", "rollback", "northbridge", "--json").json["edition"] == editions[0]
    done = furnished("channel", "rollback", "northbridge", "--json", status=1)
    assert done.json["problems"][0]["code"] == "conflict"
    assert live(furnished) == editions[0]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rollback_after_moving_on(furnished, editions: list[str]) -> None:
    """After a rollback and a new move, a rollback undoes that move."""
    furnished("channel", "rollback", "northbridge")
    furnished("channel", "move", "northbridge", "live", editions[0])
    assert furnished("channel", "rollback", "northbridge", "--json").json["edition"] == editions[1]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rollback_by_note(furnished, editions: list[str]) -> None:
    """A move that somebody noted with the word “rollback” is undone as any other."""
    furnished("channel", "move", "northbridge", "live", editions[0], "--note", "rollback")
    assert furnished("channel", "rollback", "northbridge", "--json").json["edition"] == editions[2]


def test_history(furnished, editions: list[str]) -> None:
    """The history has every move, the newest first, with where from, where to and why."""
    furnished("channel", "rollback", "northbridge")
    moves = furnished("channel", "history", "northbridge", "--json").json["moves"]
    assert [(move["from"], move["to"], move["note"]) for move in moves] == [
        (editions[2], editions[1], "rollback"),
        (editions[1], editions[2], "to Third"),
        (editions[0], editions[1], "to Second"),
        (None, editions[0], None),
    ]
    assert all(move["moved_at"].endswith("+00:00") for move in moves)
    assert f"{editions[2]}  to Third\n" in furnished("channel", "history", "northbridge").out


@pytest.mark.parametrize("command", ["rollback", "history"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_such_channel(furnished, command: str) -> None:
    """A channel that there is not is named."""
    done = furnished("channel", command, "northbridge", "lvie", "--json", status=1)
    assert "lvie" in done.json["problems"][0]["message"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_move_to_what_is_withdrawn(furnished, editions: list[str]) -> None:
    """A channel that is moved to an edition with a withdrawn release says which."""
    furnished("pack", "withdraw", "example@1.0.0", "--because", "A wrong number")
    for done in (
        furnished("channel", "move", "northbridge", "live", editions[0], "--json"),
        furnished("channel", "rollback", "northbridge", "--json"),
    ):
        assert done.json["withdrawn"] == ["example@1.0.0"]
        assert "example@1.0.0" in done.err


def test_list(furnished) -> None:
    """Every channel is named with where it points and whether readers see it, for programs and for people."""
    edition = live(furnished)
    furnished("channel", "move", "northbridge", "autumn-2026", edition, "--private")
    assert furnished("channel", "list", "northbridge", "--json").json == {
        "channels": [
            {"name": "autumn-2026", "public": False, "edition": edition},
            {"name": "live", "public": True, "edition": edition},
        ]
    }
    lines = furnished("channel", "list", "northbridge").out
    assert lines == f"autumn-2026  private  {edition}\nlive  public  {edition}\n"
