"""Renders checked tokens to HTML that is still to be sanitised; directives are rendered from the inside out."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import escape

from coachkit.packs import markdown_syntax as syntax
from coachkit.packs.directives import DirectiveCall
from coachkit.packs.markdown_check import Box
from coachkit.packs.markdown_portable import label_of


class DirectiveFailedError(Exception):
    """A directive's own code raised or returned something else than text; `line` counts from 0."""

    def __init__(self, box: Box, why: str) -> None:
        super().__init__(f"the directive “{box.directive.name}” {why}")
        self.line = box.open


class TooMuchError(Exception):
    """The HTML grows beyond its limit."""


class _Renderer(RendererHTML):
    """The library's renderer with our two tokens: it finds a token's rule as the method of that name."""

    def placeholder(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """A placeholder's content is its mark already."""
        return tokens[idx].content

    def definition(self, _tokens: Sequence[Token], _idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Where a link's destination is defined nothing is shown."""
        return ""


def weight(tokens: Sequence[Token]) -> int:
    """At least how many characters these tokens become: known before any is made."""
    total = 0
    for token in tokens:
        own = len(token.content) if token.children is None else weight(token.children)
        total += own + len(token.tag) + sum(len(str(value)) for value in token.attrs.values())
    return total


def render(tokens: Sequence[Token], locale: str, limit: int) -> str:
    """The HTML of the tokens, with marks for the values to come.

    TooMuchError if it would be longer than `limit` characters; DirectiveFailedError if a directive's code fails.
    """
    if weight(tokens) > limit:
        raise TooMuchError
    renderer = _Renderer()
    options = syntax.parser().options
    boxes: list[Box] = []
    layers: list[list[str]] = [[]]
    run: list[Token] = []
    for token in tokens:
        if token.type not in {syntax.DIRECTIVE_OPEN, syntax.DIRECTIVE_CLOSE}:
            run.append(token)
            continue
        layers[-1].append(renderer.render(run, options, {}))
        run = []
        if token.nesting == 1:
            boxes.append(token.meta["box"])
            layers.append([])
        else:
            inner = "".join(layers.pop())
            layers[-1].append(_boxed(boxes.pop(), inner, locale, limit))
    return "".join([*layers[0], renderer.render(run, options, {})])


def _boxed(box: Box, inner: str, locale: str, limit: int) -> str:
    """The HTML of one directive, by its own code if it has any."""
    directive = box.directive
    label = label_of(directive, locale)
    if directive.render is None:
        return _default(directive.name, f"{label}: {box.title}" if box.title else label, inner)
    title = box.title or label
    try:
        html: object = directive.render(DirectiveCall(directive.name, title, locale, inner))
    except Exception as error:
        raise DirectiveFailedError(box, f"raised {type(error).__name__}: {error}") from error
    if not isinstance(html, str):
        raise DirectiveFailedError(box, f"returned {type(html).__name__} instead of HTML")
    if len(html) > limit:
        raise TooMuchError
    return html


def _default(name: str, title: str, inner: str) -> str:
    words = f'<p class="ck-box-title"><strong>{escape(title)}</strong></p>'
    return f'<aside class="ck-box ck-{name}">{words}\n{inner}</aside>\n'
