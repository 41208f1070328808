"""Each row is a promise: this mistake is reported at this place, with this code and this hint, and nothing else is."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from packmaker import PACK, Change, appending, module, pack_files, replacing

from coachkit.packs.findings import Findings
from coachkit.packs.reader import read_pack
from coachkit.packs.source import Source

FIRST = "modules/first-hour.md"
ASK = "modules/ask-for-feedback.md"
LIST = "checklists/before-you-reply.yaml"
PATH = "pathways/first-week.yaml"
FORM = "questionnaires/after-the-interview.yaml"
LETTER = "templates/thank-you.md"
CY_FIRST = "locales/cy/modules/first-hour.md"
CY_ASK = "locales/cy/modules/ask-for-feedback.md"
CY_LIST = "locales/cy/checklists/before-you-reply.yaml"
CY_PATH = "locales/cy/pathways/first-week.yaml"


class Row(NamedTuple):
    """One mistake and what is said about it."""

    promise: str
    file: str
    change: Change
    where: tuple[str, int | None, int | None]
    code: str
    hint: str | None


def found_in(**changes: Change):
    """What is reported about the valid pack with these changes."""
    findings = Findings()
    read_pack(Source(pack_files(**changes)), findings)
    return findings.problems


def row(  # noqa: PLR0917 - a row of a table
    promise: str, file: str, old: str, new: str, line: int, column: int, code: str, hint: str | None
) -> Row:
    return Row(promise, file, replacing(old, new), (file, line, column), code, hint)


YAML = [
    row("A key twice", LIST, "summary:", "title: Again\nsummary:", 2, 1, "duplicate-key", "keep one of them"),
    row("An unknown key", LIST, "intro:", "intor:", 7, 1, "unknown-key", "did you mean “intro”?"),
    row("An unknown key in a list", LIST, "{id: wait, text:", "{id: wait, colour: red, text:", 9, 16, "unknown-key",
        "the keys here are id, text, reason, resource"),
    row("A missing key", LIST, ", reason: A reply can wait for a day", "", 9, 5, "missing-key",
        "write reason: and a text"),
    row("A missing key at the top", LIST, "topics: [first-response]\n", "", 1, 1, "missing-key",
        "write topics: and a list"),
    row("A version that is a number", PACK, "version: 1.0.0", "version: 1.0", 2, 10, "quote-it", 'write "1.0"'),
    row("A title that is a whole number", LIST, "title: Before you reply", "title: 404", 1, 8, "quote-it",
        'write "404"'),
    row("A title that is true", LIST, "title: Before you reply", "title: true", 1, 8, "quote-it", 'write "true"'),
    row("A title that is null", LIST, "title: Before you reply", "title: null", 1, 8, "quote-it", 'write "null"'),
    row("A title that is nothing", LIST, "title: Before you reply", "title:", 1, 7, "wrong-type",
        "write a value or leave the key out"),
    row("no for a boolean", FIRST, "sensitive: true", "sensitive: no", 10, 12, "wrong-type", "write false"),
    row("on for a boolean", FIRST, "sensitive: true", "sensitive: on", 10, 12, "wrong-type", "write true"),
    row("A quoted boolean", FIRST, "sensitive: true", 'sensitive: "true"', 10, 12, "wrong-type", "write true"),
    row("A quoted number", PATH, "day: 2", 'day: "2"', 15, 10, "wrong-type", "write it without quotation marks"),
    row("A decimal for a whole number", PATH, "day: 2", "day: 2.5", 15, 10, "wrong-type", None),
    row("A number out of range", PATH, "day: 0", "day: -1", 10, 10, "invalid-value", "from 0 to 3650"),
    row("A text for a list", LIST, "[first-response]", "first-response", 3, 9, "wrong-type", "write [first-response]"),
    row("A text for a mapping", LIST,
        "{id: read, text: Read the message twice, reason: The first time we read what we fear}",
        "read", 10, 5, "wrong-type", None),
    row("An empty list", LIST, "[first-response]", "[]", 3, 9, "invalid-value", "write at least 1"),
    row("A list with an entry twice", LIST, "[first-response]", "[feedback, feedback]", 3, 20, "invalid-value",
        "keep one of them"),
    row("A word that is none of the possible ones", LIST, "screened", "screend", 4, 19, "invalid-value",
        "did you mean “screened”?"),
    row("A name in capitals", LIST, "[first-response]", "[First]", 3, 10, "invalid-value",
        "use lower-case letters and digits, with single hyphens between them"),
    row("A day that the calendar does not have", LIST, "2026-11-01", "2026-02-30", 5, 16, "invalid-value", None),
    row("A review before the last one", LIST, "2027-11-01", "2026-11-01", 6, 12, "invalid-value",
        "choose a later date"),
    row("A text of two lines where one is wanted", LIST, "title: Before you reply", "title: |\n  Before\n  you", 1, 8,
        "invalid-value", "write it in one line"),
    row("An empty text", LIST, "intro: Tick what is done.", 'intro: ""', 7, 8, "invalid-value",
        "write a text or leave the key out"),
    row("A text that is too long", LIST, "title: Before you reply", f"title: {'a' * 201}", 1, 8, "invalid-value",
        "at most 200 fit here"),
    row("An anchor", LIST, "title: ", "title: &t ", 1, 8, "yaml-alias", "leave it out"),
    row("A tag", LIST, "title: ", "title: !!str ", 1, 8, "yaml-tag", "leave it out"),
    row("A merge key", LIST, "title: ", "<<: {}\ntitle: ", 1, 1, "yaml-alias", "write the keys out"),
    row("A colon in a plain text", LIST, "title: Before", "title: Note: before", 1, 12, "yaml-syntax",
        "put a text that has “: ” in it between quotation marks"),
    row("A tab for indentation", LIST, "  - {id: wait", "\t- {id: wait", 9, 1, "yaml-syntax",
        "indent with spaces, not with tabs"),
    row("A reference that is none", LIST, "resource: ask-for-feedback#what", "resource: Ask!", 11, 97, "invalid-value",
        "write [pack:][kind/]id[#section]"),
    row("A reference to a kind that is none", LIST, "ask-for-feedback#what", "modules/ask-for-feedback", 11, 97,
        "invalid-value", "write module/"),
]  # fmt: skip

MANIFEST = [
    row("A version that is not SemVer", PACK, "1.0.0", "1.0.0.1", 2, 10, "invalid-value",
        "three numbers: major.minor.patch"),
    row("A range that is none", PACK, '">=0.1,<1"', "newest", 10, 11, "invalid-value",
        "comparators with commas between them, or *"),
    row("A CoachKit that is too old", PACK, ">=0.1,<1", ">=7", 10, 11, "unsupported-coachkit",
        "use another CoachKit, or widen the range"),
    row("A locale without a folder", PACK, "[en-GB, cy]", "[en-GB, cy, de]", 9, 22, "missing-locale",
        "make locales/de, or leave it out"),
    row("A default locale that is not listed", PACK, "default_locale: en-GB", "default_locale: en", 8, 17,
        "undeclared-locale", "write locales: [en, en-GB, cy]"),
    row("A locale in the wrong case", PACK, "[en-GB, cy]", "[en-GB, cy, pt-br]", 9, 22, "invalid-value",
        "language in lower case, region in upper case, hyphens between them"),
    row("A label in a locale that is not listed", PACK, "cy: E-bost", "cz: E-bost", 15, 36, "undeclared-locale",
        "the locales are en-GB, cy"),
    row("An example of the wrong type", PACK, "example: careers@example.org", "example: our office", 16, 14,
        "invalid-value", "the type is email"),
    row("A placeholder's name with a hyphen", PACK, "careers_email:", "careers-email:", 13, 3, "invalid-value",
        "use lower-case letters, digits and _, a letter first"),
    row("A placeholder of no known type", PACK, "type: email", "type: mail", 14, 11, "invalid-value",
        "did you mean “email”?"),
    row("A contact that nobody can reach", PACK, "phone: 0808 164 0123, ", "", 29, 11, "contact-missing",
        "say how a reader gets there"),
    row("A telephone number that is a number", PACK, "phone: 0808 164 0123", "phone: 116123", 29, 38, "quote-it",
        'write "116123"'),
    row("A contact's page without encryption", PACK, "https://www", "http://www", 26, 16, "invalid-value",
        "write an address that starts with https://"),
    row("A pack that requires itself", PACK, "visibility: public", "requires: {example: '*'}", 11, 12, "invalid-value",
        "delete the line"),
    row("A label that the default locale lacks", PACK, "{en-GB: Careers e-mail, cy:", "{cy:", 15, 12, "missing-key",
        "the default locale needs one"),
    row("A visibility that there is not", PACK, "visibility: public", "visibility: secret", 11, 13, "invalid-value",
        None),
    row("A licence that is not SPDX", PACK, "CC-BY-4.0", "ask me!", 5, 10, "invalid-value",
        "write an SPDX identifier such as CC-BY-4.0"),
]  # fmt: skip

MARKDOWN = [
    row("No front matter", ASK, "---\ntitle:", "title:", 1, 1, "front-matter-missing",
        "put title, summary and the rest between two lines of ---"),
    row("Text before the first section", ASK, "## When to ask", "Hello.\n\n## When to ask", 10, 1,
        "text-before-section", "start a section above it with ## Title {#id}"),
    row("A heading of level 1", ASK, "## When to ask", "# Ask\n\n## When to ask", 10, 1, "heading-level",
        "the title stands in the front matter; sections start with ##"),
    row("A section without an id", ASK, "## When to ask {#when}", "## When to ask", 10, 1, "section-id-missing",
        "write ## When to ask {#when-to-ask}"),
    row("A section id that is no name", ASK, "{#what}", "{#What Now}", 19, 18, "invalid-value",
        "write {#what-now}, for instance"),
    row("A section id twice", ASK, "{#what}", "{#when}", 19, 1, "duplicate-id", "choose another id"),
    row("A section without text", ASK, "Within a week, and once.", "## Not yet {#not-yet}\n\nText.", 10, 1,
        "invalid-value", "write some, or leave the section out"),
    Row("A module without sections", ASK, lambda text: text.split("## ")[0], (ASK, 10, 1), "missing-key",
        "start one with ## Title {#id}"),
    row("A section that does not cover", FIRST, "section: feel", "section: fell", 9, 47, "missing-target",
        "did you mean “feel”?"),
    row("A sensitive module without a slot", FIRST, "support: [listening]\n", "", 10, 12, "contact-missing",
        "name a slot of pack.yaml: support: [listening]"),
    row("A slot that pack.yaml does not have", FIRST, "[listening]", "[listenning]", 11, 11, "missing-target",
        "did you mean “listening”?"),
    row("A jurisdiction that is no code", FIRST, "jurisdiction: null", "jurisdiction: Wales", 12, 15, "invalid-value",
        "write a code of ISO 3166 such as GB or GB-WLS"),
    row("A personal placeholder that the pack has", LETTER, "  interview_date:",
        "  careers_email: {type: email, label: Ours}\n  interview_date:", 11, 3, "duplicate-id",
        "choose another name for the personal one"),
]  # fmt: skip

SLIDERS = replacing("likert, from: 1, to: 5", "slider, min: 1, max: 5")
MATRIX = replacing("researched, use:", "researched, type: matrix, rows: [{id: a, text: A}], use:")

SEMANTICS = [
    row("An item's id twice", LIST, "{id: read,", "{id: wait,", 10, 10, "duplicate-id", "choose another id"),
    row("A step back in days", PATH, "day: 5", "day: 1", 22, 10, "invalid-value",
        "days never decrease along the list"),
    row("A way to a step that is not there", PATH, "to: read-feedback", "to: read-fedback", 19, 45, "missing-target",
        "did you mean “read-feedback”?"),
    row("A way back", PATH, "to: read-feedback", "to: breathe", 19, 45, "invalid-value",
        "a pathway only leads forwards"),
    row("A step that nothing leads to", PATH, "title: Write a reply", "title: Write a reply\n    next: end", 22, 5,
        "unreachable-step", "let a `next` or a branch of an earlier step name it"),
    row("A branch's id twice", PATH, "{id: enough", "{id: heard", 20, 14, "duplicate-id", "choose another id"),
    row("A scale that is not there", FORM, "{id: researched, use: agree5", "{id: researched, use: agree", 14, 31,
        "missing-target", "did you mean “agree5”?"),
    row("An item's id in two sections", FORM, "{id: notes,", "{id: guessed,", 24, 14, "duplicate-id",
        "choose another id"),
    row("A key of another type", FORM, "type: text, max: 500", "type: text, unit: kg", 24, 33, "unknown-key",
        "text has long, max"),
    row("A type's key that is missing", FORM, "from: 1, ", "", 9, 11, "missing-key", "likert needs it"),
    row("A scale upside down", FORM, "from: 1, to: 5", "from: 5, to: 1", 9, 39, "invalid-value",
        "“to” is the greater one"),
    row("An item without a type", FORM, "type: text, max: 500, ", "", 24, 9, "missing-key",
        "write type:, or use: and a scale's name"),
    row("An item with both a scale and a type", FORM, "use: agree5, text: I knew", "use: agree5, from: 1, text: I knew",
        14, 39, "unknown-key", "the scale says it; leave one of them out"),
    row("A scored item that is not there", FORM, "items: [researched, guessed]", "items: [research, guessed]", 27, 13,
        "missing-target", "did you mean “researched”?"),
    row("A weight of nothing", FORM, "weights: {guessed: 2}", "weights: {notes: 2}", 29, 15, "missing-target", None),
    row("Bands out of order", FORM, "[70, strong]", "[30, strong]", 33, 57, "invalid-value",
        "write bands from the lowest edge up"),
    row("A band that is no pair", FORM, "[70, strong]", "[70]", 33, 56, "wrong-type", None),
    row("A range upside down", FORM, "scale_to: [0, 100]", "scale_to: [100, 0]", 31, 21, "invalid-value",
        "write [lower, upper]"),
    row("A way to score that is unknown", FORM, "method: mean", "method: median", 28, 13, "invalid-value",
        "write sum, mean, max, min or scorer:<name>@<version>"),
    row("A score made of itself", FORM, "items: [researched, guessed]\n    method: mean\n    weights: {guessed: 2}",
        "of: [preparation]\n    method: mean", 26, 3,
        "invalid-value", "let scores build on others only one way"),
    row("A condition that is too long", FORM, "researched <= 2", f"researched <= {'2' * 500}", 22, 18, "invalid-value",
        "at most 500 fit here"),
    row("A recommendation of another kind", FORM, "module: first-hour", "module: checklist/x", 39, 13, "invalid-value",
        "a module is wanted here"),
    row("A recommendation of nothing", FORM, "    module: first-hour\n", "", 37, 5, "missing-key",
        "write module: and its id"),
    row("Words to translate without an id", FORM, "  - id: look-again\n    when:", "  - when:", 37, 5, "missing-key",
        "translations of `because` find it by its id"),
    row("A matrix without rows", FORM, "{id: researched, use: agree5,", "{id: researched, type: matrix, use: agree5,",
        14, 9, "missing-key", "matrix needs it"),
    Row("A matrix of another scale than a likert one", FORM, lambda text: SLIDERS(MATRIX(text)), (FORM, 14, 71),
        "invalid-value", "name another scale"),
    row("A step that is nothing", FORM, "type: text, max: 500", "type: number, step: 0", 24, 41, "invalid-value",
        "a step is above 0"),
    row("A text of no characters", FORM, "max: 500", "max: 0", 24, 38, "invalid-value",
        "a whole number from 1 to 20000"),
    row("A label of a step that the scale does not have", FORM, "allow_na: true", "labels: {7: Seven}", 9, 85,
        "invalid-value", "1 to 5"),
    row("A score of items and of scores", FORM, "scores:\n",
        "scores:\n  other: {items: [guessed], of: [preparation], method: sum}\n", 26, 10, "missing-key",
        "write items: with items' ids, or of: with scores' names"),
    row("An answer to put in that is not said", FORM, "then: prorate", "then: impute", 30, 14, "missing-key",
        "impute needs the answer it puts in"),
    row("An id that is not the file's name", FORM, "title: After", "id: before\ntitle: After", 1, 5, "invalid-value",
        "write id: after-the-interview"),
]  # fmt: skip

TRANSLATIONS = [
    row("A fact in a translation", CY_LIST, "title:", "topics: [adborth]\ntitle:", 2, 1, "not-translatable",
        "leave it out; it is the same in every locale"),
    row("A fact of an item in a translation", CY_PATH, "- id: write", "- id: write\n    day: 3", 4, 5,
        "not-translatable", "leave it out; it is the same in every locale"),
    row("An unknown key in a translation", CY_LIST, "title:", "titel:", 2, 1, "unknown-key", "did you mean “title”?"),
    row("A translation of an item that is not there", CY_LIST, "{id: wait", "{id: wiat", 4, 10,
        "translation-of-nothing", "did you mean “wait”?"),
    row("A translation of a field that is not there", CY_PATH, "title: Ysgrifennwch", "text: Nawr\n    title: Y", 4, 11,
        "translation-of-nothing", "there are branches, title"),
    row("A translation of a section that is not there", CY_ASK, "{#when}", "{#wen}", 5, 1, "translation-of-nothing",
        "did you mean “when”?"),
    Row("A translation of a file that is not there", "locales/cy/modules/fist-hour.md", "## Un {#un}\n\nTestun.\n",
        ("locales/cy/modules/fist-hour.md", None, None), "translation-of-nothing", "did you mean “first-hour”?"),
    Row("A folder of a locale that is not listed", "locales/de/modules/first-hour.md", "---\ntitle: Erste\n---\n",
        ("locales/de", None, None), "undeclared-locale", "add it to locales: in pack.yaml"),
    Row("A folder of the default locale", "locales/en-GB/modules/first-hour.md", "---\ntitle: First\n---\n",
        ("locales/en-GB", None, None), "undeclared-locale", "its files stand at the top of the pack"),
    row("A translation's status that is unknown", CY_ASK, "status: draft", "status: done", 3, 23, "invalid-value",
        None),
    row("A translated number", CY_LIST, "title: Cyn i chi ateb", "title: 1", 2, 8, "quote-it", 'write "1"'),
]  # fmt: skip

ENCODINGS = [
    Row("A byte order mark", LIST, ("\ufeff" + pack_files()[LIST].decode()).encode(), (LIST, 1, 1), "bom",
        "save it as UTF-8 without BOM"),
    Row("Latin-1", CY_FIRST, pack_files()[CY_FIRST].replace("ô".encode(), "ô".encode("latin-1")),
        (CY_FIRST, 3, 45), "not-utf-8", "save the file as UTF-8 (it may be in Latin-1 or Windows-1252)"),
    Row("A NUL", LIST, appending("# \0\n"), (LIST, 12, 3), "control-character", "delete it"),
    Row("A private-use character", ASK, appending("A \ue000.\n"), (ASK, 23, 3), "control-character", "delete it"),
    Row("A private-use character of plane 16", ASK, appending("\U00100000\n"), (ASK, 23, 1), "control-character",
        "delete it"),
    Row("A line separator", LIST, replacing("Tick what", "Tick\u2028what"), (LIST, 7, 12), "control-character",
        "delete it"),
    Row("A control character by escape", LIST, replacing("Tick what is done.", '"Tick\\0"'), (LIST, 7, 8),
        "control-character", "leave it out"),
    Row("A lone surrogate by escape", LIST, replacing("Tick what is done.", '"Tick\\ud800"'), (LIST, 7, 8),
        "control-character", "leave it out"),
]  # fmt: skip


@pytest.mark.parametrize(
    "each",
    [*YAML, *MANIFEST, *MARKDOWN, *SEMANTICS, *TRANSLATIONS, *ENCODINGS],
    ids=lambda each: each.promise,
)
def test_a_mistake_is_reported_at_its_place_with_what_would_be_right(each: Row):
    """One mistake gives one problem: its code, its exact place, its hint."""
    problems = found_in(**{each.file: each.change})
    assert [((p.file, p.line, p.column), p.code, p.hint) for p in problems] == [(each.where, each.code, each.hint)]


def test_a_valid_pack_has_no_problems():
    """The pack that all rows start from is right."""
    assert found_in() == ()


def test_all_problems_are_reported_at_once():
    """A file that cannot be read at all keeps nothing else from being reported."""
    problems = found_in(
        **{
            LIST: b"title: \xff",
            PATH: "title: [",
            FORM: replacing("from: 1", "from: one"),
            ASK: replacing("topics:", "topic:"),
            PACK: replacing("1.0.0", "one"),
        }
    )
    assert {(p.file, p.code) for p in problems} == {
        (LIST, "not-utf-8"),
        (PATH, "yaml-syntax"),
        (FORM, "wrong-type"),
        (ASK, "unknown-key"),
        (ASK, "missing-key"),
        (PACK, "invalid-value"),
    }


def test_crlf_is_a_warning_once_a_file_and_read_as_lf():
    """CRLF changes nothing of what is read."""
    findings = Findings()
    files = pack_files(**{LIST: lambda text: text.replace("\n", "\r\n")})
    pack = read_pack(Source(files), findings)
    plain = read_pack(Source(pack_files()), Findings())
    assert [(p.file, p.line, p.code, p.severity) for p in findings.problems] == [(LIST, 1, "crlf", "warning")]
    assert pack == plain


def test_words_that_yaml_1_1_takes_for_something_else_are_text():
    """`no`, sexagesimals, octals, hexadecimals and grouped digits stay as they are written."""
    words = ["no", "Yes", "off", "12:30:45", "010", "0x1F", "1_000", "1e5", "2026-11-01", ".inf", "="]
    for word in words:
        findings = Findings()
        pack = read_pack(Source(pack_files(**{"modules/new.md": module(word)})), findings)
        assert pack is not None
        assert findings.problems == ()
        titles = {each.id: each.lines["en-GB"]["title"].text for each in pack.resources}
        assert titles["new"] == word


def test_a_country_code_of_norway_stays_text():
    """`NO` in a list of countries is Norway and not false."""
    assert found_in(**{FIRST: replacing("jurisdiction: null", "jurisdiction: [NO, GB-WLS]")}) == ()


def test_a_pack_without_a_usable_pack_yaml_is_none_and_its_files_are_checked_all_the_same():
    """What else is wrong is reported as well."""
    findings = Findings()
    files = pack_files(**{PACK: "id: [", LIST: replacing("intro:", "intor:")})
    assert read_pack(Source(files), findings) is None
    assert [(p.file, p.code) for p in findings.problems] == [(LIST, "unknown-key"), (PACK, "yaml-syntax")]


def test_a_thousand_problems_are_kept_and_no_more():
    """A pack that is wrong everywhere cannot fill the memory."""
    wrong = "".join(f"k{number}: 1\n" for number in range(9_000))
    problems = found_in(**{LIST: appending(wrong)})
    assert len(problems) == 1_001
    assert problems[0].code == "too-many-problems"


@pytest.mark.no_cover
def test_a_thousand_warnings_end_nothing():
    """Files written on Windows, however many, are all read, and what is wrong in the last of them is told."""
    lines = module("Title").replace("\n", "\r\n")
    many = {f"modules/m{number}.md": lines for number in range(1_100)}
    findings = Findings()
    pack = read_pack(Source(pack_files(**many)), findings)
    assert len(pack.resources) == 6 + 1_100
    assert not findings.failed
    problems = found_in(**many, **{"questionnaires/zzz.yaml": "a: ["})
    assert [(p.file, p.code) for p in problems if p.severity == "error"] == [("questionnaires/zzz.yaml", "yaml-syntax")]
