"""Each file here is a small, good one with one or more things wrong; places count from the text as it stands."""

import pytest

from coachkit.errors import PackInvalid
from coachkit.organisations.files import FILE_SIZE, read

GOOD = """\
default_locale: en-GB
locales:
  en-GB: [en-GB]
  cy: [cy, en-GB]
packs:
  core: ">=1.0,<2"
brand:
  name: {en-GB: University of Northbridge, cy: Prifysgol Northbridge}
  logo: {url: "https://northbridge.example/logo.svg", alt: Northbridge}
  colours: {text: "#1d1d1f", background: "#FFFFFF"}
  fonts: {body: "Atkinson Hyperlegible, Arial"}
  voice: Warm and plain
  careers_email: careers@northbridge.example
  support:
    listening:
      en-GB:
        - {name: Samaritans, phone: "116 123", url: "https://www.samaritans.org", verified_on: 2026-11-01}
prefer: {module/first-hour: core}
values: {booking_url: https://northbridge.example/book, note: {cy: Nodyn, en-GB: Note}}
overlay:
  - {op: hide, target: core:module/first-hour}
  - {op: hide, target: module/feedback, section: later}
  - {op: replace, target: module/feedback, locale: cy, field: title, text: Adborth}
  - {op: replace, target: module/feedback, locale: cy, section: when, title: Pryd, text: Nawr}
  - {op: insert, target: module/feedback, locale: en-GB, section: here, after: when, title: Here, text: At Northbridge}
plugins: [notes]
"""


@pytest.fixture
def problems(tmp_path):
    """What is found in a file: (line, column, message, hint) of each."""

    def find(text):
        path = tmp_path / "northbridge.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        with pytest.raises(PackInvalid) as caught:
            read(path)
        assert {problem.file for problem in caught.value.problems} == {"northbridge.yaml"}
        return [(each.line, each.column, each.message, each.hint) for each in caught.value.problems]

    return find


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def at(old):
    """Line and column of the first place where this stands in the good file."""
    before = GOOD[: GOOD.index(old)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def test_good_file(tmp_path):
    """A file that is right is given back as it was written."""
    path = tmp_path / "northbridge.yaml"
    path.write_text(GOOD, encoding="utf-8")
    settings = read(path)
    assert settings["locales"] == {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]}
    assert settings["brand"]["support"]["listening"]["en-GB"][0]["verified_on"] == "2026-11-01"
    assert [part["op"] for part in settings["overlay"]] == ["hide", "hide", "replace", "replace", "insert"]


_INSIDE = {("[cy, en-GB]", "[5]"): 1, ("section: later", "section: Later On"): len("section: ")}
"""How far behind what was changed the wrong value stands."""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("en-GB\nlocales", "English\nlocales", "is not a locale such as en-GB or cy"),
        ("[cy, en-GB]", "[]", "Length must be between 1 and 8"),
        ("[cy, en-GB]", "[5]", "a text is needed here"),
        ("[cy, en-GB]", "cy", "a list is needed here"),
        ("[cy, en-GB]", "[en-GB, cy]", "the chain of cy begins with cy itself"),
        ("[cy, en-GB]", "[cy, en-GB, cy]", "a locale stands twice in the chain"),
        ('">=1.0,<2"', "newest", "is not a range of versions"),
        ('">=1.0,<2"', "[1]", "a text is needed here"),
        ('"https://northbridge.example/logo.svg"', '"http://northbridge.example/l.svg"', "is not an https address"),
        ('"#1d1d1f"', "navy", "“navy” is not a colour such as #1a2b3c"),
        ('"#1d1d1f"', '"#1d1"', "is not a colour such as #1a2b3c"),
        ('"Atkinson Hyperlegible, Arial"', '"Arial; }"', "is not a list of font names"),
        ("Warm and plain", "true", "a text is needed here"),
        ("careers@northbridge.example", "northbridge", "not an e-mail address"),
        ('"116 123"', "ring us", "is not a phone"),
        ('"https://www.samaritans.org"', "www.samaritans.org", "is not an https address"),
        ("2026-11-01", "last week", "“last week” is not a day such as 2026-11-01"),
        ("2026-11-01", "2026-W45-1", "is not a day such as 2026-11-01"),
        ("{module/first-hour: core}", "first-hour", "a mapping of keys to values is needed"),
        ("[notes]", "notes", "a list is needed here"),
        ("{op: hide, target: core:module/first-hour}", "hide", "a mapping of keys to values is needed"),
        ("{url: ", "logo # {url: ", "a mapping of keys to values is needed"),
        ("https://northbridge.example/book", "[a, b]", "write a text, or a mapping from locale to text"),
        ("{cy: Nodyn, en-GB: Note}", "{}", "write a text, or a mapping from locale to text"),
        ("hide, target: core:module/first-hour", "paint, target: core:module/first-hour", "Must be one of"),
        ("core:module/first-hour}\n", "core:book/first-hour}\n", "is not a resource such as"),
        ("core:module/first-hour}\n", f"module/{'a' * 65}}}\n", "more than 64 characters"),
        ("section: later", "section: Later On", "is not a name of lower-case letters"),
    ],
)
def test_bad_values(problems, old, new, words):
    """A value of the wrong kind is reported where it stands, with what it should be."""
    ((line, column, message, _),) = problems(changed(old, new))
    assert words in message
    start_line, start_column = at(old)
    assert (line, column) == (start_line, start_column + _INSIDE.get((old, new), 0))


@pytest.mark.parametrize(
    ("old", "new", "nearest"),
    [
        ("plugins:", "plugin:", "plugins"),
        ("default_locale:", "default_local:", "default_locale"),
        ("colours:", "colors:", "colours"),
        ("careers_email:", "career_email:", "careers_email"),
        ("verified_on:", "verified:", "verified_on"),
        ("alt: Northbridge", "altt: Northbridge", "alt"),
        ("target: core", "targets: core", "target"),
    ],
)
def test_unknown_keys(problems, old, new, nearest):
    """A key that there is not is reported where it stands, with the nearest that may stand there."""
    found = problems(changed(old, new))
    key = new.split(":")[0]
    line, column = at(old)
    assert (line, column, f"there is no key “{key}” here", f"did you mean “{nearest}”?") in found


def test_a_key_in_the_wrong_place_is_not_its_own_hint(problems):
    """A key that stands where it does not belong is not told that it means itself."""
    ((line, column, message, hint),) = problems(changed("brand:\n", "support: {}\nbrand:\n"))
    assert (line, column, message) == (*at("brand:\n"), "there is no key “support” here")
    assert hint is None or "“support”" not in hint


@pytest.mark.parametrize("key", ["default_locale", "locales", "packs", "brand"])
def test_missing_keys(problems, key):
    """A key that is needed and not there is named, at the mapping that lacks it."""
    rest = {
        "default_locale": "default_locale: en-GB\n",
        "locales": "locales: {en-GB: [en-GB]}\n",
        "packs": "packs: {core: '1'}\n",
        "brand": "brand: {name: N}\n",
    }
    ((line, column, message, _),) = problems("".join(text for name, text in rest.items() if name != key))
    assert (line, column) == (1, 1)
    assert message.startswith(f"{key}: it is missing")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{text: ", "{textt: ", "“textt” is not one of background, text"),
        ("{body: ", "{boddy: ", "“boddy” is not one of body, heading"),
        ("cy: [cy", "Cymraeg: [Cymraeg", "“Cymraeg” is not a locale"),
        ("core: ", "Core Pack: ", "is not a name of lower-case letters"),
        ("booking_url: ", "Booking-URL: ", "is not a placeholder's name"),
        ("module/first-hour: core", "modul/first-hour: core", "is not a resource such as"),
    ],
)
def test_bad_keys(problems, old, new, words):
    """A key that is data (a colour's role, a locale, a pack) and cannot be one is reported at the key."""
    found = problems(changed(old, new))
    line, column = at(old)
    if old in ("{text: ", "{body: "):
        column += 1
    assert (line, column) in [(each[0], each[1]) for each in found if words in each[2]]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("{op: replace, target: module/a, locale: cy, text: T}", "name one of field and section"),
        ("{op: replace, target: module/a, locale: cy, text: T, field: f, section: s}", "name one of field and section"),
        ("{op: replace, target: module/a, locale: cy, text: T, field: f, title: T}", "title"),
        ("{op: replace, target: module/a, field: f, text: T}", "locale: “replace” needs it"),
        ("{op: replace, target: module/a, field: f, locale: cy}", "text: “replace” needs it"),
        ("{op: hide, target: module/a, locale: cy}", "“hide” does not take it"),
        ("{op: insert, target: module/a, locale: cy, section: s, title: T, text: T}", "name one of before and after"),
        ("{op: insert, target: module/a, locale: cy, section: s, text: T, after: b}", "title: “insert” needs it"),
        ("{op: reorder, target: module/a}", "sections: “reorder” needs it"),
        ("{op: reorder, target: module/a, sections: [a], locale: cy}", "“reorder” does not take it"),
        ("{op: reorder, target: module/a, sections: []}", "Length must be between 1 and 200"),
        ("{op: reorder, target: module/a, sections: [a, b, a]}", "a stands here twice"),
        ("{op: hide, target: module/a, over: {pack: a, version: 1.0.0}}", "only what hides a section takes it"),
        ("{op: hide, target: module/a, section: s, over: {pack: a, version: '1'}}", "is not a SemVer version"),
        ("{op: hide, target: module/feedback, section: later}", "does the same to the same: keep one of them"),
        ("{op: hide, target: 'core:module/feedback', section: later}", "does the same to the same: keep one of them"),
        (
            "{op: insert, target: module/a, locale: cy, section: s, title: T, text: T, after: b, field: f}",
            "“insert” does not take it",
        ),
    ],
)
def test_overlay_keys_go_together(problems, part, words):
    """Which keys a part of the overlay has depends on what it does; the others are refused where they stand."""
    found = problems(changed("- {op: hide, target: core:module/first-hour}", f"- {part}"))
    assert len(found) == 1
    assert found[0][0] - at("- {op: hide, target: core")[0] == ("to the same" in words)
    assert words in found[0][2] or words == "title"


def test_default_locale_is_served(problems):
    """The default locale is one of those that have a chain."""
    ((line, column, message, _),) = problems(changed("default_locale: en-GB", "default_locale: fr"))
    assert (line, column, message) == (1, 17, "fr is not one of locales")


def test_name_reaches_every_locale(problems):
    """Somebody who reads in any locale served is told the organisation's name."""
    ((line, column, message, _),) = problems(
        changed("{en-GB: University of Northbridge, cy: Prifysgol Northbridge}", "{cy: Prifysgol Northbridge}")
    )
    assert (line, column) == at("{en-GB: University")
    assert "en-GB" in message


def test_all_problems_at_once(problems):
    """Everything that is wrong is said in one go, in the order of the file: shapes, chains, keys and colours."""
    text = GOOD
    for old, new in [
        ("default_locale: en-GB", "default_locale: fr"),
        ("[cy, en-GB]", "[en-GB, cy]"),
        ('">=1.0,<2"', "newest"),
        ('"#1d1d1f"', "navy"),
        ("{op: hide, target: core:module/first-hour}", "{op: hide, target: Nothing, locale: cy}"),
        ("plugins:", "plugin:"),
    ]:
        text = text.replace(old, new, 1)
    found = problems(text)
    assert [each[0] for each in found] == [1, 4, 6, 10, 21, 21, 26]


@pytest.mark.parametrize("placeholder", ["value", "key"])
def test_awkward_names(problems, placeholder):
    """Names that mean something to the library that checks are placed like any other."""
    ((line, column, _, _),) = problems(
        changed("{booking_url: https://northbridge.example/book", f"{{{placeholder}: []")
    )
    assert line == at("booking_url")[0]
    assert column == at("{booking_url")[1] + len(f"{{{placeholder}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b\n", "the settings are a mapping of keys to values"),
        ("default_locale: [\n", "not"),
        ("default_locale: en-GB\ndefault_locale: cy\n", "default_locale"),
        (GOOD.replace("name: S", "name: &a S", 1), "anchor"),
        (b"\xff\xfe", "is not UTF-8"),
        ("\ufeff" + GOOD, "byte order mark"),
        ("# " + "x" * FILE_SIZE, "larger than 9,437,184 bytes"),
    ],
)
def test_files_that_are_no_settings(problems, text, words):
    """What is no clean YAML mapping of a bounded size is refused with the reason."""
    assert any(words in message for _, _, message, _ in problems(text))


def test_yaml_surprises(problems):
    """A bare number where text is wanted is refused and not taken for what it is not."""
    ((line, _, message, _),) = problems(changed("Warm and plain", "1.0"))
    assert line == at("Warm and plain")[0]
    assert message == "a text is needed here"
