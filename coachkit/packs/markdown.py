"""Compiles an author's text: Markdown to sanitised HTML and portable Markdown, short lines to plain text, in parts.

Reports all it finds, each at its line and column. Knows the names a text may use (`Surroundings`), not whether a
link's target exists: that is for `compile.py`, which sees the whole pack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from coachkit.packs import markdown_syntax as syntax
from coachkit.packs.findings import Findings
from coachkit.packs.html import sanitise
from coachkit.packs.markdown_check import Surroundings, check_tokens, placeholder_problem
from coachkit.packs.markdown_portable import portable
from coachkit.packs.markdown_render import DirectiveFailedError, TooMuchError, render
from coachkit.packs.model import Fill, Line, MarkdownText, Part, Parts, Place, Reference
from coachkit.packs.parts import merged
from coachkit.packs.text import REFUSED

SOURCE_LIMIT = 256 * 1024
"""Bytes of Markdown in one section."""
BRACKETS_LIMIT = 5_000
"""How many `[` a section may have: links and their definitions cost more to parse than any other text."""
LINES_LIMIT = 10_000
HTML_LIMIT = 1024 * 1024
"""Bytes of HTML of one section, however long its source."""
HTML_FLOOR = 64 * 1024
HTML_FACTOR = 20
"""A section's HTML may be this many times its source, and the floor on top, within HTML_LIMIT."""


@dataclass(frozen=True)
class Written:
    """One Markdown text compiled. `html` and `markdown` are empty where it has errors; the rest is as found."""

    html: Parts = ()
    markdown: Parts = ()
    links: tuple[tuple[Reference, Place], ...] = ()
    """As written (`pack` None for the own pack), with their places; `#section` names its own resource."""
    fills: frozenset[str] = frozenset()
    """The declared placeholders it uses."""
    directives: frozenset[str] = frozenset()
    """The names of the directives it uses."""


def section(text: MarkdownText, around: Surroundings, findings: Findings) -> Written:
    """Compile one section or body; all that is wrong with it goes to `findings`, and nothing raises."""
    source = text.markdown.replace("\r\n", "\n")
    if not _bounded(text, findings) or not _clean(source, text.place, findings):
        return Written()
    own = Findings()
    lines = source.split("\n")
    tokens = syntax.parse(source)
    found = check_tokens(tokens, lines, text.place, around, own)
    html: Parts = ()
    markdown: Parts = ()
    if not own.failed:
        limit = min(HTML_LIMIT, HTML_FLOOR + HTML_FACTOR * len(source.encode()))
        try:
            html = _limited(sanitise(render(tokens, around.locale, limit), found.slots), limit)
            markdown = portable(lines, found, around.locale)
        except TooMuchError:
            own.error(text.place, "output-too-large", f"its HTML would be longer than {limit} bytes", "shorten it")
        except DirectiveFailedError as error:
            line = (text.place.line or 1) + error.line
            own.error(Place(text.place.file, line, 1), "directive-failed", str(error), "tell the plugin's author")
    findings.extend(own)
    used = frozenset(box.directive.name for box in found.boxes)
    return Written(html, markdown, tuple(found.links), frozenset(found.fills), used)


def line(text: Line, around: Surroundings, findings: Findings) -> Parts:
    r"""Compile one short text: plain, with placeholders only where it `fills`; `\{{` is a literal `{{`."""
    if not _clean(text.text, text.place, findings):
        return ()
    out: list[Part] = []
    end = 0
    for match in _BRACES.finditer(text.text):
        out.append(text.text[end : match.start()])
        out.append(_brace(text, match, around, findings))
        end = match.end()
    return merged([*out, text.text[end:]])


_BRACES = re.compile(r"\\\{\{|\{\{(?:[ \t]*(?P<name>[a-z][a-z0-9_]{0,63})[ \t]*\}\})?")


def _brace(text: Line, match: re.Match[str], around: Surroundings, findings: Findings) -> Part:
    """What stands for one `{{`; the braces themselves where it is escaped or wrong."""
    name = match["name"]
    if match[0].startswith("\\"):
        return "{{"
    place = _within(text, match.start())
    if not text.fills:
        hint = r"placeholders stand in a template's subject and in Markdown; \{{ is a literal {{"
        findings.error(place, "placeholder-not-here", f"“{match[0]}” cannot stand in a short text", hint)
    elif name is None:
        hint = r"write {{name}}, in lower case with _; \{{ is a literal {{"
        findings.error(place, "placeholder-syntax", "“{{” starts no placeholder", hint)
    elif problem := placeholder_problem(name, around):
        findings.error(place, *problem)
    else:
        return Fill(name)
    return match[0]


def _within(text: Line, at: int) -> Place:
    """The place of a character of a short text, where that is on one line; else the place of the text."""
    place = text.place
    if "\n" in text.text or place.column is None:
        return place
    return Place(place.file, place.line, place.column + at)


def _bounded(text: MarkdownText, findings: Findings) -> bool:
    """Whether the text is small enough to be parsed in reasonable time; if not, that is reported."""
    sizes = (
        (len(text.markdown.encode(errors="replace")), SOURCE_LIMIT, "bytes"),
        (text.markdown.count("\n"), LINES_LIMIT, "lines"),
        (text.markdown.count("["), BRACKETS_LIMIT, "“[”"),
    )
    for size, limit, what in sizes:
        if size > limit:
            message = f"the text has {size} {what}; {limit} are allowed"
            findings.error(text.place, "too-large", message, "divide it into sections")
            return False
    return True


def _clean(text: str, place: Place, findings: Findings) -> bool:
    """Whether the text is free of characters that no pack may have; if not, the first is reported."""
    match = REFUSED.search(text)
    if match is None:
        return True
    message = f"the character U+{ord(match[0]):04X} cannot stand in a text"
    findings.error(place, "control-character", message, "delete it")
    return False


def _limited(html: Parts, limit: int) -> Parts:
    if sum(len(part.encode()) for part in html if isinstance(part, str)) > limit:
        raise TooMuchError
    return html
