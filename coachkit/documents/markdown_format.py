"""Documents as Markdown for other systems: CommonMark with tables, and nothing that only one reader knows.

The title is the one first-level heading, parts are of the second, authors' headings below. Authors' text is Markdown
already; every other word is escaped where a Markdown reader would take it for more than itself.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt

from coachkit.documents.outline import Block, Line, Listing, Outline, Paragraph, Part, Prose, Words, outline
from coachkit.hooks.types import Document, Format

_SPECIAL = re.compile(
    r"[\\`*_\[\]<~|]"
    r"|&(?=#?[A-Za-z0-9]+;)"  # what would be an entity
    r"|#(?=#*(?:\s|$))"  # what would be a heading's mark
    r"|:(?=//)|(?<=[Ww]{3})\."  # what readers make a link of
)
_FIRST = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([-+>=])")
_IN_ADDRESS = re.compile(r"[\\()<>]|&(?=#?[A-Za-z0-9]+;)")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:", re.MULTILINE)


def render(document: Document) -> bytes:
    """A document as UTF-8 Markdown, with a line end at its end."""
    return ("\n\n".join(_blocks(outline(document))) + "\n").encode()


def escaped(text: str) -> str:
    """A line of plain text as Markdown that reads as that text, at a line's start too."""
    return _FIRST.sub(_first, _SPECIAL.sub(r"\\\g<0>", text))


def _first(match: re.Match[str]) -> str:
    return f"{match[1]}\\{match[2]}" if match[1] else f"\\{match[3]}"


def _blocks(found: Outline) -> Iterator[str]:
    blocks = [block for part in found.parts for block in part.blocks]
    prose = iter(_together([block.markdown for block in blocks if isinstance(block, Prose)]))
    parts = [*found.parts, *(part for part in (found.support, found.related) if part)]
    yield f"# {_line((found.title,))}"
    for block in found.head:
        yield _block(block, prose)
    for part in parts:
        yield from _part(part, prose)
    yield "\n".join(f"- {_line(fact)}" for fact in found.facts)


def _part(part: Part, prose: Iterator[str]) -> Iterator[str]:
    if part.title:
        label = f"{escaped(part.label.text)}: " if part.label else ""
        yield f"## {label}{_line((part.title,))}"
    for block in part.blocks:
        if text := _block(block, prose):
            yield text


def _block(block: Block, prose: Iterator[str]) -> str:
    match block:
        case Paragraph(line, note):
            return f"*{_line(line)}*" if note else _line(line)
        case Listing(items, ordered):
            return "\n".join(_item(item, f"{at}. " if ordered else "- ") for at, item in enumerate(items, 1))
        case Prose():
            return next(prose)


def _item(lines: Sequence[Line], mark: str) -> str:
    """An item whose lines stay lines, by a backslash at the end of each but the last."""
    return mark + ("\\\n" + " " * len(mark)).join(map(_line, lines))


def _line(line: Line) -> str:
    return "".join(map(_said, line))


def _said(words: Words) -> str:
    text = escaped(words.text)
    if words.strong:
        text = f"**{text}**"
    if words.href is None:
        return text
    address = _IN_ADDRESS.sub(r"\\\g<0>", words.href)
    return f"[{text}]({address})"


# --- authors' texts, one after the other --------------------------------------------------------


@functools.cache
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _together(texts: Sequence[str]) -> list[str]:
    """Texts that were each read by itself, so that they say the same when they stand in one page."""
    found = [_closed(text) for text in texts]
    return [_relabelled(text, at, found) if _DEFINITION.search(text) else text for at, text in enumerate(found, 1)]


def _closed(text: str) -> str:
    """The text with the end of its last code block, which may be left out only where nothing follows."""
    if not _FENCE.search(text):
        return text
    last = _reader().parse(text)[-1]
    if last.type != "fence" or last.map is None:
        return text
    written = len(last.content.removesuffix("\n").split("\n")) if last.content else 0
    return f"{text}\n{last.markup}" if last.map[1] - last.map[0] == written + 1 else text


def _relabelled(text: str, number: int, texts: Sequence[str]) -> str:
    """The text with its link definitions under names of their own, where another text has brackets of such a name.

    It stays as it is where that would change what it says.
    """
    environment: dict[str, dict[str, object]] = {}
    before = _reader().render(text, environment)
    others = "\n".join(other for at, other in enumerate(texts, 1) if at != number).casefold()
    new = text
    for label in environment.get("references", {}):
        if f"[{label.casefold()}]" in others:
            new = _renamed(new, label, f"{label.lower()}-{number}")
    return new if _reader().render(new) == before else text


def _renamed(text: str, label: str, name: str) -> str:
    written = re.escape(label)
    text = re.sub(rf"(^ {{0,3}})\[{written}\]:", rf"\1[{name}]:", text, flags=re.IGNORECASE | re.MULTILINE)
    text = re.sub(rf"\]\[{written}\]", f"][{name}]", text, flags=re.IGNORECASE)
    return re.sub(rf"(?<!\])(\[{written}\])(?:\[\])?(?![\[(:])", rf"\1[{name}]", text, flags=re.IGNORECASE)


MARKDOWN = Format("markdown", "text/markdown", render, absolute=True)
