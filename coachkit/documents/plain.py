"""Sanitised HTML as plain text that a screen reader reads as it would the page: no marks but those of lists.

Knows the elements of `packs/html.py` and no others; what it does not know it takes for its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import zip_longest
from urllib.parse import unquote

_BLOCKS = frozenset(
    ("p", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "table", "aside", "div", "hr"),
)
_VOID = frozenset(("br", "hr", "img"))
_SET_IN = frozenset(("aside", "blockquote"))
_INDENT = "  "
_DEEPEST = 100
"""Elements that stand deeper are taken for their parents' content."""
_BLANK = re.compile(r"[ \t\r\n]+")
_BREAK = re.compile(r" ?\0 ?")


@dataclass(frozen=True)
class Linker:
    """How links and pictures are said. `page` is the address of the text itself, `picture` a phrase with `{alt}`."""

    page: str
    picture: str

    def link(self, words: str, href: str) -> str:
        """Words with the address that they lead to, where that holds anywhere and is not this text or said already."""
        scheme, _, rest = href.partition(":")
        if href.startswith(("/", "#")) or href.partition("?")[0] == self.page:
            return words
        if scheme == "tel":
            return words if _digits(words) == _digits(rest) else f"{words} ({rest})"
        address = unquote(rest) if scheme == "mailto" else href
        return words if address == words else f"{words} ({address})"


def plain_text(html: str, linker: Linker) -> str:
    """The text of sanitised HTML: blocks with a blank line between them, each paragraph on one line."""
    return "\n\n".join(_blocks(_parsed(html).children, linker))


@dataclass
class _Element:
    """An element and what it holds."""

    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[_Element | str] = field(default_factory=list)


class _Tree(HTMLParser):
    """Builds the elements of well-formed HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [_Element("")]
        self.top = self.open[0]
        self._deeper = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID and len(self.open) > _DEEPEST:
            self._deeper += 1
            return
        element = _Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        del tag
        if self._deeper:
            self._deeper -= 1
        elif len(self.open) > 1:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def _parsed(html: str) -> _Element:
    tree = _Tree()
    tree.feed(html)
    tree.close()
    return tree.top


# --- blocks -------------------------------------------------------------------------------------


def _blocks(nodes: Iterable[_Element | str], linker: Linker) -> Iterator[str]:
    """The blocks of an element; what stands beside them in the same element is a paragraph."""
    run: list[_Element | str] = []
    for node in nodes:
        if isinstance(node, _Element) and node.tag in _BLOCKS:
            yield from _paragraph(run, linker)
            run = []
            yield from _block(node, linker)
        else:
            run.append(node)
    yield from _paragraph(run, linker)


def _paragraph(run: Sequence[_Element | str], linker: Linker) -> Iterator[str]:
    if text := _inline(run, linker):
        yield text


def _block(element: _Element, linker: Linker) -> Iterator[str]:
    match element.tag:
        case "ul" | "ol":
            yield "\n".join(_items(element, linker))
        case "table":
            yield "\n".join(_rows(element, linker))
        case "pre":
            yield _text(element).strip("\n")
        case tag if tag in _SET_IN:
            yield from _set_in(element, linker)
        case _:
            yield from _blocks(element.children, linker)


def _set_in(element: _Element, linker: Linker) -> Iterator[str]:
    """What is set apart from the text around it; a box's title is not."""
    for number, block in enumerate(_blocks(element.children, linker)):
        yield block if number == 0 and element.tag == "aside" else _indented(block, _INDENT)


def _indented(text: str, by: str) -> str:
    return "\n".join(f"{by}{line}" if line else line for line in text.split("\n"))


def _items(element: _Element, linker: Linker) -> Iterator[str]:
    start = int(element.attributes.get("start") or 1)
    items = [node for node in element.children if isinstance(node, _Element)]
    for number, item in enumerate(items, start):
        mark = "- " if element.tag == "ul" else f"{number}. "
        yield mark + _indented("\n".join(_blocks(item.children, linker)), " " * len(mark)).lstrip(" ")


def _rows(table: _Element, linker: Linker) -> Iterator[str]:
    """One line for each row, every cell after the heading of its column."""
    heads: list[str] = []
    for row in _all(table, "tr"):
        cells = [each for each in row.children if isinstance(each, _Element)]
        texts = [_inline(each.children, linker).replace("\n", " ") for each in cells]
        if not heads and cells and all(each.tag == "th" for each in cells):
            heads = texts
            continue
        under = zip_longest(heads, texts, fillvalue="")
        named = [f"{_leading(head)}{text}" for head, text in under if text]
        if named:
            yield f"- {'; '.join(named)}"


def _leading(head: str) -> str:
    """A column's heading before what stands in it."""
    return f"{head} " if head.endswith(("?", "!", ":", ".")) else f"{head}: " if head else ""


def _all(element: _Element, tag: str) -> Iterator[_Element]:
    for node in element.children:
        if isinstance(node, _Element):
            if node.tag == tag:
                yield node
            else:
                yield from _all(node, tag)


# --- text ---------------------------------------------------------------------------------------


def _inline(nodes: Iterable[_Element | str], linker: Linker) -> str:
    """Text as a browser shows it: white space is one space, and a line ends only where it is broken."""
    text = _BLANK.sub(" ", "".join(_said(node, linker) for node in nodes))
    return _BREAK.sub("\n", text).strip(" \n")


def _said(node: _Element | str, linker: Linker) -> str:
    if isinstance(node, str):
        return node
    match node.tag:
        case "br":
            return "\0"
        case "img":
            return f"[{linker.picture.format(alt=node.attributes.get('alt', ''))}]"
        case "a":
            return linker.link(_inline(node.children, linker), node.attributes.get("href", "#"))
        case _:
            return "".join(_said(child, linker) for child in node.children)


def _text(element: _Element) -> str:
    return "".join(node if isinstance(node, str) else _text(node) for node in element.children)


def _digits(text: str) -> str:
    return re.sub(r"[^0-9+]", "", text)
