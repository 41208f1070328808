"""Mistakes that look right to somebody who writes a pack for the first time, and what they are told."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from packmaker import Change, make_pack, pack_files, replacing

from coachkit.hooks.core import DIRECTIVES
from coachkit.packs.check import check
from coachkit.packs.findings import Findings
from coachkit.packs.folder import read_folder
from coachkit.packs.source import Source

FIRST = "modules/first-hour.md"
LIST = "checklists/before-you-reply.yaml"
LETTER = "templates/thank-you.md"
PICTURE = "images/breathe.svg"

QUOTE = "put a text with special characters between quotation marks"


class Row(NamedTuple):
    """One mistake and what is said about it."""

    promise: str
    file: str
    change: Change
    line: int
    column: int
    code: str
    message: str
    hint: str


ROWS = [
    Row("A placeholder in a section's title would be shown as it is written", FIRST,
        replacing("## Feel it first", "## Feel it at {{careers_email}}"), 16, 15, "placeholder-not-here",
        "“{{” cannot stand in a section's title",
        "a title is plain text; put the placeholder into the text below"),
    Row("An id in a smaller heading would be shown as it is written", FIRST,
        replacing("It is **fine**", "### Breathe {#breathe}\n\nIt is **fine**"), 18, 13, "invalid-value",
        "“{#breathe}” stands in a heading inside a section", "only sections have ids, those that start with ##"),
    Row("A date in words is told what a date looks like", LIST,
        replacing("last_reviewed: 2026-11-01", "last_reviewed: 1 November 2026"), 5, 16, "invalid-value",
        "“1 November 2026” is not a date such as 2026-11-01", ""),
    Row("A comma in braces that ends a text is not taken for a wish to add a key", LIST,
        replacing("A reply can wait for a day", "A reply, I think"), 9, 64, "unknown-key",
        "“I think” is not a key that is known here",
        "put a text that has a comma in it between quotation marks"),
    Row("A text that starts with a brace", LIST, replacing("Tick what", "{Tick} what"), 7, 15, "yaml-syntax",
        "", "check the indentation, and " + QUOTE),
    Row("A text that starts with a quotation mark", LIST, replacing("Tick what", '"Tick" what'), 7, 15, "yaml-syntax",
        "", "check the indentation, and " + QUOTE),
    Row("A text that starts with a star", LIST, replacing("Tick what", "*Tick* what"), 7, 13, "yaml-syntax", "",
        QUOTE),
    Row("A text that starts with a hyphen", LIST, replacing("Tick what", "- Tick what"), 7, 8, "yaml-syntax", "",
        QUOTE),
    Row("A placeholder of a template is looked for in two places", LETTER,
        replacing("Dear {{interviewer_name}},", "Dear {{interviewer_name}}, it is {{weather}}."), 14, 34,
        "unknown-placeholder", "“{{weather}}” is not declared",
        "declare it under placeholders: here, or in pack.yaml if the organisation fills it in"),
    Row("A personal placeholder's example that could not be filled in", LETTER,
        replacing("required: false}", "required: false, example: tomorrow}"), 11, 92, "invalid-value",
        "“tomorrow” is not a day such as 2026-11-03", "the type is date"),
    Row("A picture as drawing programs save it", PICTURE, replacing('fill="#336699"', 'style="fill:#336699"'), 3, 3,
        "bad-image", "the attribute “style” is not served", "write each property as an attribute: fill, stroke"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.promise)
def test_what_looks_right_is_reported_at_its_place(row: Row) -> None:
    """One mistake gives one problem, whose hint says what to do about it."""
    source = Source(pack_files(**{row.file: row.change}))
    problems = check(source, [("core@1", each) for each in DIRECTIVES]).problems
    found = [(p.file, p.line, p.column, p.code, p.hint or "") for p in problems]
    assert found == [(row.file, row.line, row.column, row.code, row.hint)]
    assert row.message in problems[0].message


def test_a_british_licence_file_is_told_the_name_that_is_kept(tmp_path: Path) -> None:
    """A licence must not get lost on the way for its spelling."""
    folder = make_pack(tmp_path, **{"LICENCE.txt": "CC-BY-4.0\n"})
    findings = Findings()
    read_folder(folder, findings)
    assert [(p.file, p.severity, p.hint) for p in findings.problems] == [
        ("LICENCE.txt", "warning", "did you mean “LICENSE”?")
    ]
