"""Takes the markup off our own HTML, which the sanitiser wrote: what is left is what a reader reads."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Final

from coachkit.search.words import clean

_INLINE: Final = r"(?:a|em|strong|code|span)"
_TAG: Final = r'(?:[^<>"]|"[^"]*")*>'
_INLINE_TAG: Final = re.compile(rf"</?{_INLINE}(?=[\s>]){_TAG}")
_BLOCK_TAG: Final = re.compile(rf"<[/a-z]{_TAG}")
_ENDS: Final = tuple(".!?:;,…·")
_CLOSES: Final = "\"'”’)"  # noqa: RUF001 what may stand after the point of a sentence


def plain(text: str) -> str:
    """HTML as one line of text: blocks follow one another after a point, or else after ` · `."""
    blocks = _BLOCK_TAG.sub("\n", _INLINE_TAG.sub("", text.replace("\n", " "))).split("\n")
    return joined(html.unescape(block) for block in blocks)


def joined(blocks: Iterable[str]) -> str:
    """Texts as one line, told apart where one does not end with a point of its own; empty ones are left out."""
    line = ""
    for block in blocks:
        words = " ".join(block.split())
        if words and line:
            line += " " if line.rstrip(_CLOSES).endswith(_ENDS) else " · "
        line += words
    return clean(line)
