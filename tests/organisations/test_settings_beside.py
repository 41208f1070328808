"""Keys of the settings that no edition holds: time zone, access, parity and banned words."""

import pytest
from publishing import AT, settings

from coachkit.db.scopes import ACROSS
from coachkit.editions import inputs
from coachkit.editions.choices import access_of, from_settings
from coachkit.editions.choices_schema import BANNED_WORDS, ORIGINS, ChoicesSchema
from coachkit.errors import Conflict, PackInvalid
from coachkit.organisations.files import read
from coachkit.organisations.organisations import change, create

BESIDE = {
    "timezone": "Europe/London",
    "access": {"content": "keyed", "origins": ["https://a.example", "http://localhost:5173"]},
    "parity": ["en-GB", "cy"],
    "banned_words": {"en-GB": ["failure", "get over it"], "cy": ["methiant"], "en": ["loser"]},
}
BASE = """\
default_locale: en-GB
locales: {en-GB: [en-GB], cy: [cy, en-GB]}
packs: {example: "*"}
brand: {name: Northbridge}
"""


def wrong(**changes):
    return ChoicesSchema().validate(settings(**changes))


def test_they_are_read():
    """Settings with all of them are right, and are what the organisation chose."""
    assert wrong(**BESIDE) == {}
    choices = from_settings(settings(**BESIDE))
    assert (choices.timezone, choices.parity) == ("Europe/London", ("en-GB", "cy"))
    assert choices.banned_words == {"en-GB": ("failure", "get over it"), "cy": ("methiant",), "en": ("loser",)}


def test_what_is_left_out():
    """Without them an organisation plans in UTC, and nothing is keyed, paired or banned."""
    choices = from_settings(settings())
    assert (choices.timezone, choices.parity, choices.banned_words) == ("UTC", (), {})
    assert access_of(settings()) is None


def test_no_edition_holds_them():
    """The inputs of an edition are the same bytes with and without them."""
    assert inputs.canonical("northbridge", settings(**BESIDE), [], []) == inputs.canonical(
        "northbridge", settings(), [], []
    )


@pytest.mark.parametrize("name", ["Europe/London", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_time_zones(name):
    """A time zone is one by its IANA name."""
    assert wrong(timezone=name) == {}


@pytest.mark.parametrize("name", ["", "Europe/Londres", "london", "../../etc/passwd", "GMT+1", "Europe", "localtime"])
def test_no_time_zones(name):
    """Anything else is refused, whatever files this machine has."""
    assert "is not a time zone such as Europe/London" in wrong(timezone=name)["timezone"][0]


@pytest.mark.parametrize(
    "origin", ["https://a.example", "https://careers.a-b.example:8443", "http://localhost", "http://localhost:3000"]
)
def test_origins(origin):
    """An origin is scheme, host and port of a site with https, or of localhost."""
    assert wrong(access={"origins": [origin], "frame_ancestors": [origin]}) == {}


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "https://*",
        "https://*.a.example",
        "http://a.example",
        "https://a.example/",
        "https://a.example/page",
        "https://A.example",
        "https://a.example:443",
        "https://a.example:0",
        "https://a.example:70000",
        "https://user@a.example",
        "https://a.example.",
        "https://a..example",
        "https://-a.example",
        "https://a.example ",
        "https://a.example\n",
        "https://a.example; script-src *",
        "http://localhost:80",
        "http://localhost.a.example",
        "a.example",
        "https://",
        "https://é.example",
        "",
    ],
)
def test_no_origins(origin):
    """What no browser sends as an origin, or what would open a list to others, is refused."""
    for key in ("origins", "frame_ancestors"):
        assert "is not an origin such as" in wrong(access={key: [origin]})["access"][key][0][0]


def test_bounds():
    """Lists are bounded, and nothing stands in them twice."""
    many = [f"https://a{number}.example" for number in range(ORIGINS + 1)]
    assert wrong(access={"origins": many[:-1]}) == {}
    assert wrong(access={"origins": many})["access"]["origins"]
    assert "twice" in wrong(access={"origins": many[:1] * 2})["access"]["origins"][0]
    words = [f"word{number}" for number in range(BANNED_WORDS + 1)]
    assert wrong(banned_words={"cy": words[:-1]}) == {}
    assert wrong(banned_words={"cy": words})
    assert wrong(access={"content": "secret"})["access"]["content"]


@pytest.mark.parametrize(
    ("changes", "line", "words"),
    [
        ("parity: [en-GB]\n", 5, "name two locales or more"),
        ("parity: [en-GB, en-GB]\n", 5, "en-GB stands here twice"),
        ("parity: [en-GB, fr]\n", 5, "fr is not one of locales"),
        ("parity:\n  - en-GB\n  - Welsh\n", 7, "is not a locale"),
        ("banned_words:\n  fr: [raté]\n", 6, "no chain reaches fr"),
        ("banned_words:\n  cy:\n    - '!?'\n", 7, "has neither a letter nor a digit"),
        ("access:\n  origins:\n    - ftp://a.example\n", 7, "is not an origin"),
        ("access: {orgins: []}\n", 5, "there is no key “orgins” here"),
    ],
)
def test_places(tmp_path, changes, line, words):
    """What is wrong is said at its line."""
    path = tmp_path / "northbridge.yaml"
    path.write_text(BASE + changes, encoding="utf-8")
    with pytest.raises(PackInvalid) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert problem.line == line
    assert words in problem.message


def test_access_is_worked_out():
    """Access is given whole where it says anything, and not at all where it says what holds anyway."""
    assert access_of(settings(access={"content": "public", "origins": []})) is None
    assert access_of(settings(access={"content": "keyed"})) == {
        "content": "keyed",
        "origins": [],
        "frame_ancestors": [],
    }


def test_access_is_in_force_as_soon_as_it_is_stored(database):
    """Making and changing an organisation stores its access beside its settings."""
    with database.write(ACROSS) as conn:
        assert create(conn, "northbridge", settings(**BESIDE), AT).access["content"] == "keyed"
        assert change(conn, "northbridge", settings(), AT).access is None
        framed = {"frame_ancestors": ["https://a.example"]}
        assert change(conn, "northbridge", settings(access=framed), AT).access["frame_ancestors"] == [
            "https://a.example"
        ]


def test_a_lost_race(database):
    """Settings that were read before somebody else changed them are not stored."""
    with database.write(ACROSS) as conn:
        create(conn, "northbridge", settings(), AT)
        change(conn, "northbridge", settings(), AT, expected_revision=1)
        with pytest.raises(Conflict, match="revision 2"):
            change(conn, "northbridge", settings(), AT, expected_revision=1)
