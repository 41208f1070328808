"""Walks the tokens of one Markdown text, reports what may not stand there, and readies the rest for writing.

The tokens are changed in place: placeholders, references and pictures become marks that the sanitiser lets pass.
What else the writers need (where each value stands in the source, which lines a directive spans) is collected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from coachkit.packs import markdown_syntax as syntax
from coachkit.packs.destinations import BadDestinationError, parse_destination
from coachkit.packs.directives import Directive
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.html import Slots
from coachkit.packs.markdown_syntax import Locator, Span
from coachkit.packs.model import NAME_LENGTH, Fill, Link, Part, Picture, Place, PlaceholderType, Reference
from coachkit.packs.text import REFUSED

HREF_TYPES = frozenset({"url", "email", "phone"})
"""The types of placeholder that a link may lead to."""
TOP_HEADING = 3
"""The level at which headings inside a section start: the document is h1, its section h2."""

_IMAGE = re.compile(r"images/[^/]+")
_HEADING_ID = re.compile(r"\{#[^{}]*\}[ \t]*$")
_ALIGN = {"text-align:left": "ck-left", "text-align:center": "ck-center", "text-align:right": "ck-right"}


@dataclass(frozen=True)
class Surroundings:
    """What one text may name, and where it stands. `page` is its resource, with the pack filled in."""

    page: Reference
    locale: str
    placeholders: Mapping[str, PlaceholderType] = field(default_factory=dict)
    """Every placeholder that may be used here, the pack's and a template's own."""
    pictures: Mapping[str, str] = field(default_factory=dict)
    """Path in the pack → name as `Picture` has it."""
    directives: Mapping[str, Directive] = field(default_factory=dict)


@dataclass(frozen=True)
class Box:
    """A directive in the source: its fences' lines and the column of the first, counted from 0."""

    directive: Directive
    title: str | None
    open: int
    close: int
    column: int


@dataclass
class Gathered:
    """What the walk found."""

    slots: Slots = field(default_factory=Slots)
    edits: dict[Span, Part] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    links: list[tuple[Reference, Place]] = field(default_factory=list)
    fills: set[str] = field(default_factory=set)
    """Placeholders used, the undeclared ones not among them."""
    code: dict[int, int] = field(default_factory=dict)
    """Line → how many of its characters stand before the code on it."""


def check_tokens(
    tokens: Sequence[Token], lines: Sequence[str], start: Place, around: Surroundings, findings: Findings
) -> Gathered:
    """Check and ready the tokens of a text whose source lines these are and whose first line stands at `start`."""
    walk = _Walk(lines, start, around, findings)
    for index, token in enumerate(tokens):
        walk.block(token, tokens[index - 1] if index else None)
    return walk.gathered


def placeholder_problem(name: str, around: Surroundings) -> tuple[str, str, str | None] | None:
    """Code, message and hint if no placeholder of that name is declared."""
    if name in around.placeholders:
        return None
    hint = nearest(name, around.placeholders) or _WHERE_DECLARED[around.page.kind == "template"]
    return "unknown-placeholder", f"“{{{{{name}}}}}” is not declared", hint


_WHERE_DECLARED = {
    False: "declare it under placeholders: in pack.yaml",
    True: "declare it under placeholders: here, or in pack.yaml if the organisation fills it in",
}
"""By whether the text is a template, which has placeholders of its own."""


class _Walk:
    """One pass over the tokens of one text."""

    def __init__(self, lines: Sequence[str], start: Place, around: Surroundings, findings: Findings) -> None:
        self.gathered = Gathered()
        self._lines = lines
        self._start = start
        self._around = around
        self._findings = findings
        self._locator = Locator(lines)
        self._level = TOP_HEADING - 1
        self._open: list[Token] = []

    # --- blocks ---------------------------------------------------------------------------------

    def block(self, token: Token, before: Token | None) -> None:
        """Check one block token; `before` is the one in front of it."""
        line = token.map[0] if token.map else 0
        match token.type:
            case "inline":
                self._inline(token, before)
            case "heading_open":
                self._heading(token, line)
            case "html_block":
                self._raw_html(line, self._lines[line].find("<"), token.content)
            case "fence" | "code_block":
                self._code(token, line)
            case "definition":
                self._definition(token, line)
            case "th_open" | "td_open":
                _describe_cell(token)
            case syntax.DIRECTIVE_OPEN:
                self._directive(token, line)
            case syntax.DIRECTIVE_CLOSE:
                self._open.pop()

    def _heading(self, token: Token, line: int) -> None:
        level = int(token.tag[1:])
        if level < TOP_HEADING:
            hint = "start with ###" if token.markup.startswith("#") else "leave a blank line above the line of - or ="
            self._error(line, 0, "heading-level", f"a heading of level {level} stands inside a text", hint)
        elif level > self._level + 1:
            self._error(line, 0, "heading-level", f"level {level} follows level {self._level}", "leave no level out")
        self._level = max(level, TOP_HEADING)

    def _raw_html(self, line: int, column: int, html: str) -> None:
        shown = html.strip().split("\n", 1)[0][:40]
        self._error(line, column, "raw-html", f"“{shown}” is HTML", "write Markdown; \\< is a literal <")

    def _code(self, token: Token, line: int) -> None:
        until = token.map[1] if token.map else line
        for number in range(line, min(until, len(self._lines))):
            self._no_placeholders(self._lines[number], number, 0, "code")
        first = line + (token.type == "fence")
        for number, code in enumerate(syntax.restored(token.content).split("\n")[:-1], first):
            if number < until and self._lines[number].endswith(code):
                self.gathered.code[number] = len(self._lines[number]) - len(code)

    def _directive(self, token: Token, line: int) -> None:
        name, _, title = syntax.restored(token.info).strip().partition(" ")
        shown = name[:NAME_LENGTH]
        column = max(self._lines[line].find(":::"), 0)
        close = token.map[1] if token.map else line
        shares_end = bool(self._open) and self._open[-1].map is not None and self._open[-1].map[1] == close
        self._open.append(token)
        closed = close < len(self._lines) and syntax.is_closing_fence(self._lines[close], token.markup)
        if shares_end or not closed:
            hint = f"close it with {token.markup[:9]} on a line of its own; a box around it needs more colons"
            self._error(line, column, "unclosed-directive", f"“{token.markup[:9]}{shown}” is never closed", hint)
        self._no_placeholders(self._lines[line], line, 0, "a directive's title")
        self._refuse_characters(token.info, line, column)
        directive = self._around.directives.get(name)
        if directive is None:
            known = nearest(shown, self._around.directives) or f"there are {', '.join(sorted(self._around.directives))}"
            self._error(
                line, column + len(token.markup), "unknown-directive", f"no directive is named “{shown}”", known
            )
            return
        box = Box(directive, title.strip() or None, line, close, column)
        token.meta["box"] = box
        self.gathered.boxes.append(box)

    def _definition(self, token: Token, line: int) -> None:
        """`[label]: destination`: the destination is checked here, once, and not at its uses."""
        written = self._lines[line]
        match = re.search(r"\]:[ \t]*", written)
        start = match.end() if match else 0
        found = syntax.parser().helpers.parseLinkDestination(syntax.protected(written), start, len(written))
        span = Span(line, start, found.pos) if match and found.ok and found.str == token.meta["url"] else None
        part = self._destination(token.meta["url"], line, start, report=True)
        self._edit(span, part, line, start)
        self._no_placeholders(token.meta["title"], line, 0, "a link's title")

    # --- inlines --------------------------------------------------------------------------------

    def _inline(self, token: Token, before: Token | None) -> None:
        place = before.type if before else ""
        self._locator.enter(token, cell=place in {"th_open", "td_open"})
        if place == "paragraph_open":
            self._stray_fences(token)
        elif place == "heading_open":
            self._heading_id(token)
        children = token.children or []
        for index, child in enumerate(children):
            self._child(child, children, index, in_heading=place == "heading_open")

    def _stray_fences(self, token: Token) -> None:
        for match in re.finditer(r"^[ \t]*:::+", token.content, re.MULTILINE):
            line, column = self._locator.where(match.end() - len(match[0].lstrip()))
            hint = "a box needs as many colons at its end as at its start; \\::: is text"
            self._error(line, column, "unclosed-directive", f"“{match[0].strip()[:9]}” opens and closes nothing", hint)

    def _heading_id(self, token: Token) -> None:
        if match := _HEADING_ID.search(token.content):
            message = f"“{match[0].strip()[:NAME_LENGTH]}” stands in a heading inside a section"
            hint = "only sections have ids, those that start with ##"
            self._error(*self._locator.where(match.start()), "invalid-value", message, hint)

    def _child(self, token: Token, siblings: Sequence[Token], index: int, *, in_heading: bool) -> None:
        at = self._locator.where(token.meta.get("at", 0))
        match token.type:
            case "text" | "text_special":
                self._refuse_characters(token.content, *at)
            case "code_inline":
                self._refuse_characters(token.content, *at)
                self._no_placeholders(syntax.restored(token.content), *at, "code")
            case syntax.PLACEHOLDER:
                self._placeholder(token, at, in_heading=in_heading)
            case "html_inline":
                self._raw_html(*at, token.content)
            case "link_open":
                self._link(token, at)
                if not _has_text(siblings, index + 1):
                    self._error(*at, "link-without-text", "the link has no text", "say where it leads: [text](…)")
            case "image":
                self._image(token, at)

    def _placeholder(self, token: Token, at: tuple[int, int], *, in_heading: bool) -> None:
        name = token.content
        if not name:
            hint = "write {{name}}, in lower case with _; \\{{ is a literal {{"
            self._error(*at, "placeholder-syntax", "“{{” starts no placeholder", hint)
        elif in_heading:
            self._not_here(name, *at, "a heading")
        elif self._declared(name, *at):
            fill = Fill(name)
            token.content = self.gathered.slots.mark(fill)
            self._edit(self._locator.span(token.meta["at"], token.meta["end"]), fill, *at)

    def _link(self, token: Token, at: tuple[int, int]) -> None:
        defined = "label" in token.meta
        dest = token.meta.get("dest")
        where = self._locator.where(dest[0]) if dest else at
        part = self._destination(str(token.attrs["href"]), *where, report=not defined)
        self._no_placeholders(str(token.attrs.get("title", "")), *at, "a link's title", report=not defined)
        self._refuse_characters(str(token.attrs.get("title", "")), *at)
        if isinstance(part, str):
            token.attrs["href"] = part
        elif part is not None:
            token.attrs["href"] = self.gathered.slots.mark(part)
            if isinstance(part, Link):
                token.attrs |= {"data-kind": part.target.kind, "data-id": part.target.id}
        if not defined:
            self._edit(self._locator.span(*dest) if dest else None, part, *where)

    def _image(self, token: Token, at: tuple[int, int]) -> None:
        src = syntax.restored(str(token.attrs["src"]))
        children = token.children or []
        if any(child.type in {"link_open", "image", "html_inline", syntax.PLACEHOLDER} for child in children):
            self._error(
                *at, "placeholder-not-here", "a text alternative is plain text", "describe the picture in words"
            )
        elif not "".join(child.content for child in children).strip():
            self._error(*at, "image-alt-missing", f"“{src[:80]}” has no text alternative", "say what it shows: ![…](…)")
        for child in children:
            self._refuse_characters(child.content, *at)
        self._no_placeholders(str(token.attrs.get("title", "")), *at, "an image's title")
        self._refuse_characters(str(token.attrs.get("title", "")), *at)
        dest = token.meta.get("dest")
        if dest is None:
            self._error(*at, "bad-image", "an image names its file itself", "write ![alternative](images/name.png)")
        elif not _IMAGE.fullmatch(src):
            self._error(*at, "bad-image", f"“{src[:80]}” is not an image of the pack", "write images/name.png")
        elif src not in self._around.pictures:
            hint = nearest(src[:80], self._around.pictures) or "put the file into the pack's images folder"
            self._error(*at, "image-missing", f"there is no “{src[:80]}” in the pack", hint)
        else:
            picture = Picture(self._around.pictures[src])
            token.attrs["src"] = self.gathered.slots.mark(picture)
            self._edit(self._locator.span(*dest), picture, *at)

    def _destination(self, text: str, line: int, column: int, *, report: bool) -> Part | None:
        """What stands for a destination: an address, a Fill or a Link; None if it is bad."""
        name = syntax.as_placeholder(text)
        if name is not None:
            return self._fill_destination(name, line, column, report=report)
        text = syntax.restored(text)
        if "{{" in text:
            if report:
                self._not_here(text, line, column, "a part of an address", shown=text)
            return None
        try:
            found = parse_destination(text, self._around.page)
        except BadDestinationError as error:
            if report:
                self._error(line, column, "bad-link", str(error), error.hint)
            return None
        if isinstance(found, str):
            return found
        if report:
            self.gathered.links.append((found, self._place(line, column)))
        return Link(_with_pack(found, self._around.page))

    def _fill_destination(self, name: str, line: int, column: int, *, report: bool) -> Fill | None:
        kind = self._around.placeholders.get(name)
        if kind in HREF_TYPES:
            self.gathered.fills.add(name)
            return Fill(name, "href")
        if report and self._declared(name, line, column):
            self._not_here(name, line, column, f"an address while it is of type {kind}")
        return None

    # --- reporting ------------------------------------------------------------------------------

    def _declared(self, name: str, line: int, column: int) -> bool:
        problem = placeholder_problem(name, self._around)
        if problem:
            self._error(line, column, *problem)
            return False
        self.gathered.fills.add(name)
        return True

    def _edit(self, span: Span | None, part: Part | None, line: int, column: int) -> None:
        """Note that this value stands for this piece of the source."""
        if part is None or isinstance(part, str):
            return
        if span is None:
            self._error(line, column, "bad-link", "this cannot be followed to its place", "write it on one line")
        else:
            self.gathered.edits[span] = part

    def _no_placeholders(self, text: str, line: int, column: int, where: str, *, report: bool = True) -> None:
        for name, start, _end in syntax.placeholders_in(syntax.restored(text)) if report else ():
            self._not_here(name, line, column + start, where)

    def _not_here(self, name: str, line: int, column: int, where: str, shown: str | None = None) -> None:
        hint = "placeholders stand in text, or are the whole destination of a link (types url, email and phone)"
        shown = shown or f"{{{{{name}}}}}"
        self._error(line, column, "placeholder-not-here", f"“{shown[:80]}” cannot stand in {where}", hint)

    def _refuse_characters(self, text: str, line: int, column: int) -> None:
        if match := REFUSED.search(syntax.restored(text)):
            code = f"U+{ord(match[0]):04X}"
            self._error(line, column, "control-character", f"an entity stands for the character {code}", "delete it")

    def _error(self, line: int, column: int, code: str, message: str, hint: str | None = None) -> None:
        self._findings.error(self._place(line, column), code, message, hint)

    def _place(self, line: int, column: int) -> Place:
        return Place(self._start.file, (self._start.line or 1) + line, column + 1)


def _has_text(siblings: Sequence[Token], start: int) -> bool:
    """Whether anything that can be read stands between here and the end of the link."""
    for token in siblings[start:]:
        if token.type == "link_close":
            return False
        if token.type == syntax.PLACEHOLDER or token.content.strip():
            return True
    return False


def _describe_cell(token: Token) -> None:
    """A header cell heads its column; the alignment is a class, for style attributes are not served."""
    style = token.attrs.pop("style", "")
    if token.type == "th_open":
        token.attrs["scope"] = "col"
    if style:
        token.attrs["class"] = _ALIGN[str(style)]


def _with_pack(reference: Reference, page: Reference) -> Reference:
    return Reference(reference.pack or page.pack, reference.kind, reference.id, reference.section)
