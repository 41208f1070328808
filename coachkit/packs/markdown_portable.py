"""Writes an author's Markdown so that any Markdown reader shows it sensibly, in parts.

The author's own lines stay; values to come are cut out of them, and a directive becomes a quotation that starts
with its label. Works on lines and columns only, so nothing is parsed twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from coachkit.packs.directives import Directive
from coachkit.packs.markdown_check import Box
from coachkit.packs.markdown_syntax import Span
from coachkit.packs.model import Part, Parts
from coachkit.packs.parts import merged

_SPECIAL = re.compile(r"([\\`*_\[\]<>&{}])")
_QUOTE = "> "


def label_of(directive: Directive, locale: str) -> str:
    """The words that stand for a directive: of the locale, of its language, English, or its name."""
    language = locale.split("-", 1)[0]
    for name in (locale, language, "en"):
        if name in directive.labels:
            return directive.labels[name]
    return directive.name


def portable(lines: Sequence[str], edits: Mapping[Span, Part], boxes: Iterable[Box], locale: str) -> Parts:
    """The text of these source lines with the edits made and the boxes rewritten, without blank lines around it."""
    opens, closes = {}, {}
    for box in boxes:
        opens[box.open], closes[box.close] = box, box
    cuts: dict[int, list[tuple[int, int, Part]]] = {}
    for span, part in edits.items():
        cuts.setdefault(span.line, []).append((span.start, span.end, part))
    around: list[Box] = []
    out: list[Part] = []
    for number, line in enumerate(lines):
        if number in closes:
            around.pop()
            out += [*_trimmed(_quoted(_before_fence(line), around, [])), "\n"]
        elif number in opens:
            out.append(_opening(line, opens[number], around, locale))
            around.append(opens[number])
        else:
            out += [*_trimmed(_quoted(line, around, sorted(cuts.get(number, [])))), "\n"]
    return _stripped(merged(out))


def _opening(line: str, box: Box, around: Sequence[Box], locale: str) -> str:
    """The two lines that replace the opening fence: the label, and the blank line of the quotation after it."""
    label = label_of(box.directive, locale)
    words = _SPECIAL.sub(r"\\\1", f"{label}: {box.title}" if box.title else label)
    before = "".join(str(part) for part in _quoted(line[: box.column], around, []))
    below = re.sub(r"[^>\s]", " ", before)
    return f"{before}{_QUOTE}**{words}**\n{below}>\n"


def _before_fence(line: str) -> str:
    return line[: line.index(":::")].rstrip() if ":::" in line else line


def _quoted(line: str, around: Sequence[Box], cuts: Sequence[tuple[int, int, Part]]) -> list[Part]:
    """The line with its values cut out and a quotation mark put in for each box around it."""
    if around:
        line = line.ljust(around[-1].column) if not line.strip(" \t>") else line
    indent = len(line) - len(line.lstrip(" \t>"))
    marks: list[tuple[int, int, Part]] = [(min(box.column, indent), min(box.column, indent), _QUOTE) for box in around]
    out: list[Part] = []
    end = 0
    for start, until, part in [*marks, *cuts]:
        out += [line[end:start], part]
        end = until
    out.append(line[end:])
    return out


def _trimmed(line: Sequence[Part]) -> Sequence[Part]:
    """The line, without the space after its last quotation mark if there is nothing else on it."""
    whole = "".join(part if isinstance(part, str) else "x" for part in line)
    return [whole.rstrip()] if not whole.strip(" \t>") else line


def _stripped(parts: Parts) -> Parts:
    """Without blank lines at the start and white space at the end."""
    if parts and isinstance(parts[0], str):
        parts = (re.sub(r"\A(?:[ \t]*\n)+", "", parts[0]), *parts[1:])
    if parts and isinstance(parts[-1], str):
        parts = (*parts[:-1], parts[-1].rstrip())
    return merged(parts)
