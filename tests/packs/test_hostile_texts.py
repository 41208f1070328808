"""Whatever authors, plugins' boxes and values hold, the HTML that comes of it is what the oracle's lists allow.

The oracle knows nothing of the code: it has a list of its own and an HTML parser of its own. Nothing hostile is made
harmless by luck of the place it stands in: each attempt goes to every place.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
from compiling import AROUND, PICTURE, written
from hostile import STRINGS, texts
from html_oracle import Element, offences, tree, unseen
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from coachkit.documents import fill
from coachkit.documents.fill import Value
from coachkit.packs.directives import Directive, DirectiveCall
from coachkit.packs.findings import Findings
from coachkit.packs.html import Slots, sanitise
from coachkit.packs.markdown import Written, line
from coachkit.packs.markdown_check import Surroundings
from coachkit.packs.model import Line, Parts, Picture, Place
from coachkit.packs.values import problem_with

# What is run here is counted elsewhere; to count every one of so many runs would take longer than they do.
pytestmark = pytest.mark.no_cover

SANE: Mapping[str, Value] = {
    "name": Value("Ms Rees"),
    "mail": Value("careers@example.org", "email"),
    "site": Value("https://example.org/", "url"),
    "tel": Value("029 2018 0000", "phone"),
    "day": Value("1 May 2026", "date"),
}
AUTHORS: Mapping[str, str] = {
    "a text": "{}",
    "a paragraph's middle": "Dear {} and more",
    "a link's text": "[{}](second)",
    "a link's address": "[x]({})",
    "a link's address in brackets": "[x](<{}>)",
    "a link's title": '[x](second "{}")',
    "a definition": "[a]: {}\n\n[a]",
    "a definition's title": "[a]: second '{}'\n\n[a]",
    "an autolink": "<{}>",
    "a picture's alternative": "![{}](images/calm.png)",
    "a picture's file": "![x]({})",
    "a picture's title": "![x](images/calm.png '{}')",
    "a box's title": ":::tip {}\nx\n:::",
    "a box's name": ":::{}\nx\n:::",
    "a box": ":::tip\n{}\n:::",
    "code": "`{}`",
    "a code block": "```\n{}\n```",
    "a code block's language": "```{}\nx\n```",
    "a heading": "### {}",
    "a heading's id": "### x {{#{}}}",
    "a list": "- {}\n- {{{{name}}}}",
    "a quotation": "> {}",
    "a table": "| {} | b |\n|---|:-:|\n| c | {} |",
    "emphasis": "**{}** _{{{{name}}}}_",
    "a placeholder": "{{{{{}}}}}",
}
BOXES: Mapping[str, str] = {
    "as it is": "TEXT",
    "around the text": "TEXTINNERTEXT",
    "in an element": "<p>TEXT</p>INNER",
    "in an attribute": '<p title="TEXT">x</p>',
    "in a class": "<p class='ck-a TEXT'>x</p>",
    "in an address": '<a href="TEXT">x</a><img src="TEXT" alt="TEXT">',
    "in a style": '<p style="TEXT">x</p><style>TEXT</style>',
    "in a script": "<script>TEXT</script>INNER",
    "in a comment": "<!-- TEXT -->INNER",
    "in foreign content": "<svg><desc>TEXT</desc></svg><math><mtext>INNER</mtext>TEXT</math>",
    "in text that is no HTML": "<textarea>TEXT</textarea><title>INNER</title><xmp>TEXT</xmp>",
    "with the text in an attribute": '<p title="INNER">TEXT</p>',
    "with the text in an address": '<a href="INNERTEXT">x</a>',
    "with the text in a script": "<script>INNER</script><style>INNER</style>TEXT",
}
"""How a plugin's code may use what it has got: the attempt, and the inner HTML, whose values are marks still."""

SHARES = 24
ALLOWED: Mapping[str, Sequence[str]] = {
    "text": ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>"],
    "email": [
        "a&b='c`{|}~<@e.example".replace("<", "^"),
        "%0d%0abcc:x@e.example",
        "a#b?c=d@e.example",
        "o'b@e.example",
    ],
    "url": [
        "https://e.example/?a=1&b='c'",
        "https://e.example/&quot;onclick=x",
        "https://b\u00fccher.example/\u202egpj",
    ],
    "phone": ["+44 (0)1632-960 123", "0)-(0)-(0"],
    "date": ["2026-05-01"],
}
"""Values that their types allow, and that are as odd as they can be."""
READER = MarkdownIt("commonmark", {"html": True}).enable("table")


def used(box: str, text: str, inner: str) -> str:
    """What a plugin's code makes of both."""
    return box.replace("INNER", inner).replace("TEXT", text)


def around(text: str, box: str) -> Surroundings:
    """Surroundings with a directive `evil` whose code makes this of the attempt."""

    def render(call: DirectiveCall) -> str:
        return used(box, text, call.html)

    return replace(AROUND, directives={**AROUND.directives, "evil": Directive("evil", {}, render)})


def filling(values: Mapping[str, Value] = SANE) -> fill.Surroundings:
    return fill.Surroundings("northbridge", ("module", "first-hour"), "en-GB", values)


def html_of(parts: Parts, values: Mapping[str, Value] = SANE) -> str:
    return fill.html(parts, filling(values))


def assert_safe(compiled: Written, values: Mapping[str, Value] = SANE) -> None:
    """Both forms of a text are harmless, also when a reader of Markdown that lets HTML through shows the second."""
    assert offences(html_of(compiled.html, values)) == []
    markdown = fill.markdown(compiled.markdown, filling(values))
    assert unseen(markdown) == []
    shown = READER.render(markdown)
    assert "<!--" not in shown
    assert not re.search(
        r"<(?:script|style|svg|math|iframe|form|input|base|meta|link|object|embed)\b", shown, re.IGNORECASE
    )


@pytest.fixture
def attempts(repeats: Callable[..., int], request: pytest.FixtureRequest) -> Sequence[str]:
    """The attempts for one place: all of them in a soak, and else each place has a share of its own."""
    every = repeats(small=SHARES, full=1)
    return STRINGS[zlib.crc32(request.node.name.encode()) % every :: every]


def test_the_corpus_is_large() -> None:
    """There are more than five hundred attempts of our own making."""
    assert len(STRINGS) > 500


def test_the_oracle_sees() -> None:
    """The oracle finds fault with all attempts that are HTML, but for three: its silence elsewhere says something."""
    html = [text for text in STRINGS if re.search(r"<[a-z/!?]", text, re.IGNORECASE)]
    assert len([text for text in html if offences(text) == []]) == 3


@pytest.mark.soak
@pytest.mark.parametrize("place", AUTHORS)
def test_what_authors_write(place: str, attempts: Sequence[str]) -> None:
    """An attempt in an author's text is refused with a problem, or comes out as harmless as any text."""
    for text in attempts:
        compiled, findings = written(AUTHORS[place].format(*[text] * AUTHORS[place].count("{}")))
        assert findings.failed or compiled.html or not text.strip()
        assert_safe(compiled)


@pytest.mark.soak
@pytest.mark.parametrize("use", BOXES)
def test_what_plugins_boxes_return(use: str, attempts: Sequence[str]) -> None:
    """Whatever the code of a plugin's box returns, and wherever it puts the text, what leaves is on the list."""
    for text in attempts:
        compiled, _ = written(
            "x\n\n:::evil\n{{name}} [y]({{site}}) ![z](images/calm.png)\n:::\n", around(text, BOXES[use])
        )
        assert_safe(compiled)


@cache
def _places_for_values() -> Written:
    return written(
        "Dear {{name}}, *{{name}}*\n{{day}}\n\n- {{name}}\n- [{{name}}](second)\n\n| {{name}} |\n|---|\n| {{day}} |\n\n"
        ":::tip\n{{name}}\n:::\n\n[x]({{mail}}) [x]({{site}}) [x]({{tel}}) {{mail}} {{site}} {{tel}} <https://a.example>"
    )[0]


@pytest.mark.soak
@pytest.mark.parametrize("wanted", ["text", "email", "url", "phone", "date"])
def test_values(wanted: str, attempts: Sequence[str]) -> None:
    """A value that its type allows stands as text wherever it is put, and so does a label that stands in for it."""
    names = {"text": "name", "email": "mail", "url": "site", "phone": "tel", "date": "day"}
    plain = tree(html_of(_places_for_values().html), lambda _name, attribute: attribute != "href")
    for text in [*attempts, *ALLOWED[wanted]]:
        if problem_with(text, wanted) is None:
            values = {**SANE, names[wanted]: Value(text, wanted)}
            assert_safe(_places_for_values(), values)
            found = tree(html_of(_places_for_values().html, values), lambda _name, attribute: attribute != "href")
            assert _names(found) == _names(plain)
        if not unseen(text):
            assert_safe(_places_for_values(), {**SANE, names[wanted]: Value(text, wanted, given=False)})


def _names(elements: Iterable[Element | str]) -> list[str]:
    found = [each for each in elements if isinstance(each, Element)]
    return [name for each in found for name in (each.name, *_names(each.children))]


def test_short_texts() -> None:
    """An attempt in a short text is refused, or is that text and nothing else."""
    for text in STRINGS:
        findings = Findings()
        parts = line(Line(text, Place("m.md", 1, 1)), AROUND, findings)
        if not findings.failed:
            assert unseen("".join(str(part) for part in parts)) == []
            assert "".join(str(part) for part in parts) == text.replace("\\{{", "{{")


MARKED = ("\ue001{}\ue002", "coachkit:\ue003{}\ue004", "\ue003{}\ue004", "\ue001{}", "{}\ue002", "\ue001\ue001{}\ue002")


@pytest.mark.parametrize("use", BOXES)
def test_marks_that_are_made_up(use: str) -> None:
    """A box's code that writes marks of its own gets no value where that is not safe, and leaves no mark behind."""
    for mark, number in product(MARKED, ("0", "1", "2", "00", "-1", "999999", "9999999")):
        compiled, _ = written("{{name}} [y]({{site}})\n\n:::evil\nx\n:::\n", around(mark.format(number), BOXES[use]))
        assert_safe(compiled, {**SANE, "name": Value('"><img src=x onerror=alert(1)>')})


@pytest.mark.soak
def test_more_that_authors_write(repeats: Callable[..., int]) -> None:
    """What grammar and mutation make of the attempts is refused or harmless in any place of a text."""

    @settings(max_examples=repeats(small=120, full=10_000), deadline=None)
    @given(texts(), st.sampled_from(list(AUTHORS.values())))
    def holds(text: str, place: str) -> None:
        assert_safe(written(place.format(*[text] * place.count("{}")))[0])

    holds()


@pytest.mark.soak
def test_more_that_boxes_return(repeats: Callable[..., int]) -> None:
    """What grammar and mutation make of the attempts leaves no box but as what is on the list."""

    @settings(max_examples=repeats(small=250, full=20_000), deadline=None)
    @given(texts(), st.sampled_from(list(BOXES.values())))
    def holds(text: str, box: str) -> None:
        slots = Slots()
        picture = slots.mark(Picture(PICTURE))
        assert offences(html_of(sanitise(used(box, text, f'<p><img src="{picture}" alt="x"></p>'), slots))) == []

    holds()
