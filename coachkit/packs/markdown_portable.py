"""Writes an author's Markdown so that any Markdown reader shows it sensibly, in parts.

The author's own lines stay; values to come are cut out of them, and a directive becomes a quotation that starts
with its label. Works on lines and columns only, so nothing is parsed twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from coachkit.packs.directives import Directive
from coachkit.packs.markdown_check import Box, Gathered
from coachkit.packs.model import Part, Parts
from coachkit.packs.parts import merged

_SPECIAL = re.compile(r"([\\`*_\[\]<>&{}])")
_QUOTE = "> "
_TEXT = re.compile(r"(?:[ \t>]|[-+*](?=[ \t])|[0-9]{1,9}[.)](?=[ \t]))*(.*)")
"""A line, with what stands after its quotation marks, list markers and indentation."""
_TAB = 4


def label_of(directive: Directive, locale: str) -> str:
    """The words that stand for a directive: of the locale, of its language, English, or its name."""
    language = locale.split("-", 1)[0]
    for name in (locale, language, "en"):
        if name in directive.labels:
            return directive.labels[name]
    return directive.name


def portable(lines: Sequence[str], found: Gathered, locale: str) -> Parts:
    """The text of these source lines with the edits made and the boxes rewritten, without blank lines around it."""
    opens, closes = {}, {}
    for box in found.boxes:
        opens[box.open], closes[box.close] = box, box
    cuts: dict[int, list[tuple[int, int, Part]]] = {}
    for span, part in found.edits.items():
        cuts.setdefault(span.line, []).append((span.start, span.end, part))
    around: list[int] = []
    out: list[Part] = []
    for number, line in enumerate(lines):
        if number in closes:
            around.pop()
            out += [*_trimmed(_quoted(_before_fence(line), around, [])), "\n"]
        elif number in opens:
            before = _spaced(line[: opens[number].column])
            out.append(_opening(before, opens[number], around, locale))
            around.append(len(before))
        else:
            code = found.code.get(number)
            parts = _quoted(line, around, sorted(cuts.get(number, [])), code)
            out += [*(parts if code is not None and line[code:] else _trimmed(parts)), "\n"]
    return _stripped(merged(out))


def _opening(before: str, box: Box, around: Sequence[int], locale: str) -> str:
    """The two lines that replace the opening fence: the label, and the blank line of the quotation after it."""
    label = label_of(box.directive, locale)
    words = _SPECIAL.sub(r"\\\1", f"{label}: {box.title}" if box.title else label)
    before = "".join(str(part) for part in _quoted(before, around, []))
    below = re.sub(r"[^>\s]", " ", before)
    return f"{before}{_QUOTE}**{words}**\n{below}>\n"


def _before_fence(line: str) -> str:
    return line[: line.index(":::")].rstrip() if ":::" in line else line


def _quoted(
    line: str, around: Sequence[int], cuts: Sequence[tuple[int, int, Part]], code: int | None = None
) -> list[Part]:
    """The line with its values cut out and a quotation mark put in at the column of each box around it.

    A mark moves what is right of it, and with it the stops of tabs: in a box those before the text are spaces. `code`
    says where the text begins on a line of code.
    """
    marks: list[tuple[int, int, Part]] = []
    if around:
        text = _start_of_text(line) if code is None else code
        spaced = _spaced(line[:text])
        cuts = [(start + len(spaced) - text, end + len(spaced) - text, part) for start, end, part in cuts]
        line = spaced + line[text:]
        line = line.ljust(around[-1]) if not line.strip(" \t>") else line
        indent = len(line) - len(line.lstrip(" \t>"))
        marks = [(min(column, indent), min(column, indent), _QUOTE) for column in around]
    out: list[Part] = []
    end = 0
    for start, until, part in [*marks, *cuts]:
        out += [line[end:start], part]
        end = until
    out.append(line[end:])
    return out


def _start_of_text(line: str) -> int:
    match = _TEXT.match(line)
    return match.start(1) if match else 0


def _spaced(text: str) -> str:
    """What stands in front of a text, from the start of its line, without tabs."""
    return text.expandtabs(_TAB)


def _trimmed(line: Sequence[Part]) -> Sequence[Part]:
    """The line, without the space after its last quotation mark if there is nothing else on it."""
    whole = "".join(part if isinstance(part, str) else "x" for part in line)
    return [whole.rstrip()] if not whole.strip(" \t>") else line


def _stripped(parts: Parts) -> Parts:
    """Without blank lines at the start and line ends at the end."""
    if parts and isinstance(parts[0], str):
        parts = (re.sub(r"\A(?:[ \t]*\n)+", "", parts[0]), *parts[1:])
    if parts and isinstance(parts[-1], str):
        parts = (*parts[:-1], parts[-1].rstrip("\n"))
    return merged(parts)
