"""Our Markdown: CommonMark, tables, directives and placeholders, parsed into tokens that know where they stand.

Owns the parser and the way from a token back to its line and column. It reports nothing and renders nothing: what
tokens may hold is for `markdown.py`. Raw HTML and odd schemes are parsed, so that they can be named as errors.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin

from coachkit.packs.model import NAME_LENGTH, PLACEHOLDER_PATTERN

NESTING = 20
"""How deep lists, quotes, directives and emphasis may nest."""
DIRECTIVE = "directive"
DIRECTIVE_OPEN = f"container_{DIRECTIVE}_open"
DIRECTIVE_CLOSE = f"container_{DIRECTIVE}_close"
PLACEHOLDER = "placeholder"
"""A token whose content is the name; empty where `{{` starts no placeholder."""

_SPACE = "\ue000"
_NAME = PLACEHOLDER_PATTERN.replace("*", f"{{0,{NAME_LENGTH - 1}}}")
_WRITTEN = re.compile(rf"(?<!\\)(?:\\\\)*\{{\{{(?P<space>[ \t]*)(?P<name>{_NAME})[ \t]*\}}\}}")
_PLACEHOLDER = re.compile(rf"\{{\{{[ \t{_SPACE}]*({_NAME})[ \t{_SPACE}]*\}}\}}")
_FENCE = re.compile(r"^[ \t>]*(:{3,})[ \t]*$")

InlineRule = Callable[[StateInline, bool], bool]


class _Markdown(MarkdownIt):
    """The parser with every destination kept as written, so that a bad one can be named rather than shown as text."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 the library's name
        return url

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 the library's name
        return True


@functools.cache
def parser() -> MarkdownIt:
    """The one parser; it keeps nothing between two texts."""
    options = {"maxNesting": NESTING, "inline_definitions": True, "store_labels": True}
    md = _Markdown("commonmark", options).enable("table")
    container_plugin(md, DIRECTIVE, validate=lambda params, _markup: bool(params.strip()))
    md.inline.ruler.before("escape", PLACEHOLDER, _placeholder_rule)
    for name, rule in list(zip(md.inline.ruler.get_active_rules(), md.inline.ruler.getRules(""), strict=True)):
        if name not in {"text", "newline", "escape", "entity", "emphasis"}:
            md.inline.ruler.at(name, _placed(rule))
    return md


def parse(source: str) -> list[Token]:
    """The block tokens of a text with LF line ends, each inline token with its children.

    Children have `meta["at"]`, the offset in the inline token's content where they start; placeholders also
    `meta["end"]`; links and images written with their destination `meta["dest"]`, the offsets of that.
    """
    return parser().parse(protected(source) + "\n")


def as_placeholder(text: str) -> str | None:
    """The name, if the whole text is one placeholder."""
    match = _PLACEHOLDER.fullmatch(text)
    return match[1] if match else None


def placeholders_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Every placeholder of a plain text, with its start and end; one after a backslash is none."""
    for match in _WRITTEN.finditer(text):
        start = match.start("space") - 2
        yield match["name"], start, match.end()


def restored(text: str) -> str:
    """The text as its author wrote it: the parser is given placeholders without spaces."""
    return text.replace(_SPACE, " ")


def is_closing_fence(line: str, markup: str) -> bool:
    """Whether this line closes a directive that was opened with `markup`."""
    match = _FENCE.match(line)
    return match is not None and len(match[1]) >= len(markup)


def protected(source: str) -> str:
    """The source with the spaces inside placeholders made part of a word, for a destination ends at a space."""
    return _WRITTEN.sub(lambda match: match[0].replace(" ", _SPACE).replace("\t", _SPACE), source)


def _placeholder_rule(state: StateInline, silent: bool) -> bool:
    """`{{name}}`, or `{{` alone as a placeholder without a name."""
    if not state.src.startswith("{{", state.pos):
        return False
    match = _PLACEHOLDER.match(state.src, state.pos, state.posMax)
    end = match.end() if match else state.pos + 2
    if not silent:
        token = state.push(PLACEHOLDER, "", 0)
        token.content = match[1] if match else ""
        token.meta = {"at": state.pos, "end": end}
    state.pos = end
    return True


def _placed(rule: InlineRule) -> InlineRule:
    """The rule, with each token it makes told where it starts."""

    def placed(state: StateInline, silent: bool) -> bool:
        start, first = state.pos, len(state.tokens)
        if not rule(state, silent):
            return False
        if not silent:
            for token in state.tokens[first:]:
                if token.type in {"link_open", "image"} and "at" not in token.meta:
                    _place_destination(state, token, start)
                token.meta.setdefault("at", start)
        return True

    return placed


def _place_destination(state: StateInline, token: Token, start: int) -> None:
    """Note where the destination of an inline link or image is; a reference's is where it was defined."""
    if "label" in token.meta or token.markup == "autolink":
        return
    image = token.type == "image"
    end, limit = state.pos, state.posMax
    pos = state.md.helpers.parseLinkLabel(state, start + image, not image) + 2
    while pos < end and state.src[pos] in " \t\n":
        pos += 1
    found = state.md.helpers.parseLinkDestination(state.src, pos, limit)
    if found.ok:
        token.meta["dest"] = (pos, found.pos)


@dataclass(frozen=True)
class Span:
    """A piece of one source line; `line` counts from 0 in the text, columns too, `end` exclusive."""

    line: int
    start: int
    end: int


@dataclass(frozen=True)
class _Row:
    """One line of an inline token's content: where its first character stands, and where backslashes went."""

    line: int
    offset: int
    column: int
    escapes: tuple[int, ...] = ()

    def column_of(self, at: int) -> int:
        return self.column + at - self.offset + bisect_right(self.escapes, at - self.offset)


class Locator:
    """Finds where in the source the characters of inline tokens stand; used on tokens in their order."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._content = ""
        self._first = 0
        self._offsets: list[int] = []
        self._rows: list[_Row | None] = []
        self._cell_end = (0, 0)

    def enter(self, token: Token, *, cell: bool) -> None:
        """Turn to this inline token; `cell` says that it is one of several on its line."""
        self._first = token.map[0] if token.map else 0
        self._content = restored(token.content)
        self._offsets, self._rows = [], []
        offset = 0
        for number, text in enumerate(self._content.split("\n"), self._first):
            self._offsets.append(offset)
            self._rows.append(self._cell(number, text, offset) if cell else self._line(number, text, offset))
            offset += len(text) + 1

    def span(self, start: int, end: int) -> Span | None:
        """Where these characters of the entered token's content stand; None if they cannot be found as they are."""
        row = self._row(start)
        if row is None:
            return None
        begin, until = row.column_of(start), row.column_of(end)
        written = self._lines[row.line][begin:until]
        return Span(row.line, begin, until) if begin >= 0 and written == self._content[start:end] else None

    def where(self, at: int) -> tuple[int, int]:
        """The line and column of one character, as near as can be had."""
        row = self._row(at)
        return (row.line, max(row.column_of(at), 0)) if row else (self._first, 0)

    def _row(self, at: int) -> _Row | None:
        return self._rows[bisect_right(self._offsets, at) - 1]

    def _line(self, number: int, text: str, offset: int) -> _Row | None:
        bare = text.strip()
        column = self._lines[number].rfind(bare) if number < len(self._lines) else -1
        return None if column < 0 else _Row(number, offset, column - (len(text) - len(text.lstrip())))

    def _cell(self, number: int, text: str, offset: int) -> _Row | None:
        """A table's cell: what its row lost is the backslash before each bar."""
        after = self._cell_end[1] if self._cell_end[0] == number else 0
        written = text.replace("|", "\\|")
        column = self._lines[number].find(written, after) if number < len(self._lines) else -1
        if column < 0:
            return None
        self._cell_end = (number, column + len(written))
        return _Row(number, offset, column, tuple(at for at, char in enumerate(text) if char == "|"))
