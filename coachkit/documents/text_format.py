"""Documents as plain text, for a plain e-mail or a field of an applicant tracking system.

A paragraph is one line, for whatever shows it wraps it, on a phone too; a part begins after two blank lines. A link is
its words with the address in brackets after them, where the address is one that holds anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coachkit.documents.outline import Block, Line, Listing, Outline, Paragraph, Part, Prose, Words, outline
from coachkit.documents.plain import Linker, plain_text
from coachkit.documents.words import words
from coachkit.hooks.types import Document, Format

_BETWEEN_BLOCKS = "\n\n"
_BETWEEN_PARTS = "\n\n\n"


def render(document: Document) -> bytes:
    """A document as UTF-8 text, with a line end at its end."""
    found = outline(document)
    writer = _Writer(Linker(found.page, words(found.locale)["picture"]))
    return (_BETWEEN_PARTS.join(writer.parts(found)) + "\n").encode()


class _Writer:
    """Writes an outline's parts; a link that would lead back into this text is its words alone."""

    def __init__(self, linker: Linker) -> None:
        self._linker = linker

    def parts(self, found: Outline) -> Iterator[str]:
        yield _BETWEEN_BLOCKS.join([self._line((found.title,)), *map(self._block, found.head)])
        for part in (*found.parts, found.support, found.related):
            if part is not None:
                yield self._part(part)
        yield "\n".join(map(self._line, found.facts))

    def _part(self, part: Part) -> str:
        label = f"{part.label.text}: " if part.label else ""
        title = [f"{label}{part.title.text}"] if part.title else []
        return _BETWEEN_BLOCKS.join([*title, *filter(None, map(self._block, part.blocks))])

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph(line):
                return self._line(line)
            case Listing(items, ordered):
                return "\n".join(self._item(item, f"{at}. " if ordered else "- ") for at, item in enumerate(items, 1))
            case Prose(html):
                return plain_text(html, self._linker)

    def _item(self, lines: Sequence[Line], mark: str) -> str:
        return mark + ("\n" + " " * len(mark)).join(map(self._line, lines))

    def _line(self, line: Line) -> str:
        return "".join(map(self._said, line))

    def _said(self, said: Words) -> str:
        return self._linker.link(said.text, said.href) if said.href else said.text


TEXT = Format("text", "text/plain", render, absolute=True)
