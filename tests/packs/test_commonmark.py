"""Our Markdown held against CommonMark's own examples: each is shown as the specification says, or refused by a rule.

The examples come with the source archive of markdown-it-py, of the very version that parses our Markdown. `make`
fetches it from the registry by the hash in `requirements/dev.txt` and puts it beside the environment's other files.

An example is tried as it stands. If a rule refuses it for the addresses and heading levels it was made with, it is
tried again with ours: `/url` is `https://example.org/url`, of a picture `images/calm.png`, and a heading two levels
deeper. Of the HTML the same is compared that a parser makes of it, but for what `KEPT` leaves out.
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import pytest
from compiling import written
from html_oracle import tree
from markdown_it import MarkdownIt

from coachkit.packs.markdown import Written
from coachkit.packs.model import Link, Part, Parts, Picture

# What is run here is counted elsewhere; to count every one of so many runs would take longer than they do.
pytestmark = pytest.mark.no_cover

VERSION = version("markdown-it-py")
ARCHIVE = Path(sys.prefix) / "share" / "sdists" / f"markdown_it_py-{VERSION}.tar.gz"
MEMBER = f"markdown_it_py-{VERSION}/tests/test_cmark_spec/commonmark.json"
GUIDE = Path(__file__).parents[2] / "docs" / "authoring.md"
PLAIN = MarkdownIt("commonmark").enable("table")

Outcome = Literal["as it stands", "with our addresses", "refused", "different"]

CONFORMITY = {
    "Tabs": (10, 1, 0, 0),
    "Backslash escapes": (9, 0, 4, 0),
    "Entity and numeric character references": (14, 0, 3, 0),
    "Precedence": (1, 0, 0, 0),
    "Thematic breaks": (18, 0, 1, 0),
    "ATX headings": (7, 5, 6, 0),
    "Setext headings": (14, 0, 13, 0),
    "Indented code blocks": (11, 0, 1, 0),
    "Fenced code blocks": (28, 0, 1, 0),
    "HTML blocks": (0, 0, 44, 0),
    "Link reference definitions": (8, 11, 8, 0),
    "Paragraphs": (8, 0, 0, 0),
    "Blank lines": (0, 1, 0, 0),
    "Block quotes": (21, 0, 4, 0),
    "List items": (47, 0, 1, 0),
    "Lists": (23, 1, 2, 0),
    "Inlines": (1, 0, 0, 0),
    "Code spans": (20, 0, 2, 0),
    "Emphasis and strong emphasis": (123, 6, 3, 0),
    "Links": (16, 50, 24, 0),
    "Images": (1, 1, 20, 0),
    "Autolinks": (11, 0, 7, 1),
    "Raw HTML": (7, 0, 13, 0),
    "Hard line breaks": (13, 0, 2, 0),
    "Soft line breaks": (2, 0, 0, 0),
    "Textual content": (3, 0, 0, 0),
}
"""Section of the specification → how many examples are shown as they stand, with our addresses, refused, different."""
REFUSED_BY = {
    "bad-image": 21,
    "bad-link": 54,
    "heading-level": 28,
    "image-alt-missing": 1,
    "link-without-text": 2,
    "placeholder-not-here": 3,
    "raw-html": 72,
}
"""Problem code → how many examples are refused for it; some for two."""
DIFFERENT: dict[int, str] = {
    597: "the scheme of <MAILTO:…> is written in small letters; it is the same address (RFC 3986, 3.1)",
}
"""Examples that are shown otherwise than the specification says, and why that is right."""


@dataclass(frozen=True)
class Example:
    """One example of the specification; `html` is what its Markdown is to become."""

    number: int
    section: str
    markdown: str
    html: str


@dataclass(frozen=True)
class Tried:
    """What became of an example: the text that was tried last, what it compiled to, and the rules that refused it."""

    outcome: Outcome
    markdown: str
    compiled: Written
    codes: frozenset[str]


@cache
def examples() -> tuple[Example, ...]:
    """Every example of the specification."""
    assert ARCHIVE.exists(), f"{ARCHIVE} is not there: `make test` fetches it"
    with tarfile.open(ARCHIVE) as archive:
        member = archive.extractfile(MEMBER)
        assert member is not None
        found = json.load(member)
    return tuple(Example(one["example"], one["section"], one["markdown"], one["html"]) for one in found)


def as_read(markdown: str) -> str:
    """The text as the reader of files hands it on: without blank lines around it."""
    lines = markdown.split("\n")
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if filled else ""


def with_ours(example: Example) -> Example:
    """The example with an address, and heading levels, that our rules allow."""
    ours = "images/calm.png" if example.section == "Images" else r"https://example.org/\1"
    both = [re.sub(r"(?<![\w/.:])/(ur[li]\d?)\b", ours, text) for text in (example.markdown, example.html)]
    markdown = re.sub(r"^( {0,3})(#{1,4})(?=[ \t\n])", r"\1##\2", both[0], flags=re.MULTILINE)
    html = re.sub(r"(</?h)([1-4])\b", lambda match: f"{match[1]}{int(match[2]) + 2}", both[1])
    return Example(example.number, example.section, markdown, html)


def joined(parts: Parts) -> str:
    """A text with each value as the example writes it: a reference as its id, a picture as its file."""
    return "".join(map(_part, parts))


def _part(part: Part) -> str:
    match part:
        case Link(target):
            return f"#{target.section}" if target.section else target.id
        case Picture():
            return "images/calm.png"
        case _:
            return str(part)


def kept(name: str, attribute: str) -> bool:
    """What is compared: not what we add to links, nor the language of code, which is not shown."""
    return attribute not in {"rel", "data-kind", "data-id"} and (name, attribute) != ("code", "class")


def same(one: str, other: str) -> bool:
    """Whether two pieces of HTML come to the same."""
    return tree(one, kept) == tree(other, kept)


@cache
def tried(example: Example) -> Tried:
    """What becomes of an example."""
    first = _tried(example, "as it stands")
    if first.outcome != "refused":
        return first
    second = _tried(with_ours(example), "with our addresses")
    return first if second.outcome == "refused" else second


def _tried(example: Example, outcome: Outcome) -> Tried:
    markdown = as_read(example.markdown)
    compiled, findings = written(markdown)
    codes = frozenset(problem.code for problem in findings.problems)
    if findings.failed:
        assert compiled.html == compiled.markdown == ()
        return Tried("refused", markdown, compiled, codes)
    return Tried(outcome if same(joined(compiled.html), example.html) else "different", markdown, compiled, codes)


def shown() -> list[tuple[Example, Tried]]:
    """The examples that are not refused."""
    return [(example, found) for example in examples() if (found := tried(example)).outcome != "refused"]


# --- conformity ---------------------------------------------------------------------------------


def test_the_examples_are_there() -> None:
    """The corpus is that of CommonMark 0.31.2, whole."""
    assert [example.number for example in examples()] == list(range(1, 653))


def test_different_only_with_reason() -> None:
    """What is shown at all is shown as the specification says, but for the examples with a reason."""
    assert {example.number for example, found in shown() if found.outcome == "different"} == set(DIFFERENT)


def test_conformity_by_section() -> None:
    """In each section of the specification so many examples are shown, so many refused, and so many different."""
    outcomes: tuple[Outcome, ...] = ("as it stands", "with our addresses", "refused", "different")
    counts: dict[str, Counter[Outcome]] = {}
    for example in examples():
        counts.setdefault(example.section, Counter())[tried(example).outcome] += 1
    found = {section: tuple(count[outcome] for outcome in outcomes) for section, count in counts.items()}
    for section, row in found.items():
        print(f"{section:45}" + "".join(f"{number:5}" for number in row))  # noqa: T201 the report
    assert found == CONFORMITY


def test_refused_by_rule() -> None:
    """Whatever is refused is refused by one of the few rules that make ours a part of CommonMark."""
    refused = [found for example in examples() if (found := tried(example)).outcome == "refused"]
    codes = Counter(code for found in refused for code in found.codes)
    assert codes == REFUSED_BY


def test_the_guide_has_the_figures() -> None:
    """Authors are told how much of CommonMark there is, in the numbers that these tests find."""
    counts = Counter(tried(example).outcome for example in examples())
    said = (
        f"Of the {len(examples())} examples of CommonMark 0.31.2, {counts['as it stands']} are shown as the "
        f"specification says, {counts['with our addresses']} more once their addresses and heading levels are such as "
        f"stand below, {counts['refused']} are refused by one of the rules here, and {counts['different']} "
        "differs in a letter's case."
    )
    assert said in " ".join(GUIDE.read_text(encoding="utf-8").split())


# --- the portable form --------------------------------------------------------------------------


@pytest.mark.parametrize(("example", "found"), shown(), ids=lambda one: str(getattr(one, "number", "")))
def test_portable_form(example: Example, found: Tried) -> None:
    """Any CommonMark reader makes of a text's portable form what we make of the text."""
    if example.number not in DIFFERENT:
        assert same(PLAIN.render(joined(found.compiled.markdown) + "\n"), joined(found.compiled.html))


@pytest.mark.parametrize(
    "box", [":::tip\n{}\n:::", "- a\n\n  :::tip\n{}\n  :::", "::::tip\n:::try-this\n{}\n:::\n::::"]
)
def test_portable_form_in_boxes(box: str) -> None:
    """A box becomes a quotation with the same text in it, wherever the box stands and whatever is in it."""
    indent = "  " if box.startswith("-") else ""
    for example, found in shown():
        if example.number in DIFFERENT:
            continue
        lines = found.markdown.split("\n")
        compiled, findings = written(box.format("\n".join(f"{indent}{line}" if line else "" for line in lines)))
        assert not findings.failed, (example, findings.problems)
        html = re.sub(r'<aside class="[a-z -]+"><p class="[a-z-]+">', "<blockquote><p>", joined(compiled.html))
        plain = PLAIN.render(joined(compiled.markdown) + "\n")
        assert same(plain, html.replace("</aside>", "</blockquote>")), example
