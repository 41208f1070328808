"""What HTML may leave CoachKit, written down a second time: by hand, and not from the code that makes it.

`offences(html)` reads a string three ways: as characters, where nothing but plain tags, text and five entities may
stand, so that no two parsers can disagree; as the HTML Standard's parser reads it, in a page and in a fragment,
with and without scripting; and once more after that parser has written it down again, as a portal's script might.
Every element, attribute and address that is found is held against the lists below.

It imports nothing of CoachKit. Whoever widens what CoachKit lets through widens these lists by hand, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

# --- the lists ----------------------------------------------------------------------------------

_NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_LOCALE = r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*"
_KIND = "module|questionnaire|template|checklist|pathway"
_FOLDER = "modules|questionnaires|templates|checklists|pathways"
_ANY = r"[\s\S]*"
_HOST = r"(?:[\w-]+\.)*[\w-]+\.?(?::[0-9]{1,5})?"
_OUTSIDE = rf"https://{_HOST}(?:[/?#]\S*)?"
_INSIDE = rf"/v1/orgs/{_NAME}/(?:{_FOLDER})/{_NAME}\?format=html&locale={_LOCALE}(?:#{_NAME})?"
_MAIL = r"mailto:[A-Za-z0-9%.!#$&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+(?:\?[A-Za-z0-9=&%.,_+-]*)?"
_PHONE = r"tel:\+?[0-9(][0-9().-]*(?:;[a-z]+=[A-Za-z0-9.+-]+)*"

_EVERYWHERE = {
    "class": rf"ck-{_NAME}(?: ck-{_NAME})*",
    "lang": _LOCALE,
    "dir": "ltr|rtl|auto",
    "title": _ANY,
}
_LINK = {
    "href": rf"{_OUTSIDE}|{_INSIDE}|{_MAIL}|{_PHONE}|#(?:{_NAME})?",
    "rel": "noopener noreferrer",
    "data-kind": _KIND,
    "data-id": _NAME,
}
_ID = {"id": r"[a-z0-9]+(?:[-_][a-z0-9]+)*"}
_CELL = {"colspan": "[1-9][0-9]?", "rowspan": "[1-9][0-9]?"}
_PLAIN = "p br hr blockquote pre code em strong ul li h3 h4 h5 h6 table thead tbody tr aside div span"

TEXT: Mapping[str, Mapping[str, str]] = {
    **{name: {} for name in _PLAIN.split()},
    "ol": {"start": "[0-9]{1,9}"},
    "a": _LINK,
    "img": {"src": rf"/v1/orgs/{_NAME}/images/[0-9a-f]{{64}}\.(?:png|jpg|webp|svg)", "alt": _ANY},
    "th": {**_CELL, "scope": "col|row"},
    "td": _CELL,
}
"""What an author's text may be made of: element → attribute → what its whole value looks like."""

DOCUMENT: Mapping[str, Mapping[str, str]] = {
    **TEXT,
    "article": {"data-kind": _KIND, "data-id": _NAME},
    "h1": {},
    "h2": {},
    "small": {},
    "section": _ID,
    "nav": {"aria-label": _ANY},
    "p": _ID,
    "li": _ID,
}
"""What a document in the format html may be made of."""

_CSS = (
    r"(?:margin|padding|color|background-color|font-(?:family|size|weight|style)|line-height|text-(?:align|decoration)"
    r"|(?:max-)?width|height|border(?:-left|-color|-collapse)?|overflow-wrap|white-space|vertical-align|display)"
    r": ?[A-Za-z0-9#%.,' -]+(?: !important)?"
)
_STYLE = {"style": rf"{_CSS}(?:;{_CSS})*;?"}
_PAGE_LINK = {
    "href": rf"{_OUTSIDE}|{_MAIL}|{_PHONE}",
    "rel": "noopener noreferrer",
    "data-kind": _KIND,
    "data-id": _NAME,
}
_TABLE = {
    "role": "presentation",
    "width": "100%",
    "cellpadding": "0",
    "cellspacing": "0",
    "border": "0",
}
EMAIL: Mapping[str, Mapping[str, str]] = {
    **{name: {**attributes, **_STYLE} for name, attributes in TEXT.items() if name != "aside"},
    **dict.fromkeys(("h1", "h2"), _STYLE),
    "a": {**_PAGE_LINK, **_STYLE},
    "img": {"src": _OUTSIDE, "alt": _ANY, "height": "48", **_STYLE},
    "div": {"role": "article", "aria-label": _ANY, **_STYLE},
    "table": {**_TABLE, **_STYLE},
    "td": {**_CELL, **_ID, "align": "left|center|right", **_STYLE},
    "html": {},
    "head": {},
    "body": _STYLE,
    "title": {},
    "meta": {
        "charset": "utf-8",
        "name": "viewport|color-scheme|supported-color-schemes|format-detection",
        "content": "[a-z0-9=., -]+",
    },
}
"""What a document in the format email may be made of, beside one style sheet and two comments for one mail program."""

_SHEET = re.compile(
    rf"<style data-css-inline=\"keep\">\n@media \(prefers-color-scheme: dark\) \{{\n"
    rf"(?:\.ck-[a-z0-9 .,-]+ \{{ {_CSS}(?:; {_CSS})*; \}}\n)+\}}\n</style>"
)
_COMMENTS = re.compile(
    r"<!--\[if mso\]>(?:<table role=\"presentation\" width=\"600\" align=\"center\" cellpadding=\"0\" cellspacing=\"0\""
    r" border=\"0\"><tr><td>|</td></tr></table>)<!\[endif\]-->"
)

_VOID = frozenset({"br", "hr", "img", "meta"})
_ENTITIES = r"&(?:amp|lt|gt|quot|nbsp|#34|#39);"
_TAG = re.compile(
    r"<(?P<close>/)?(?P<name>[a-z][a-z0-9]*)"
    rf"(?P<attributes>(?: [a-z][a-z-]*=\"(?:[^<>\"&]|{_ENTITIES})*\")*)>"
)
_CHARACTERS = re.compile(rf"[^<>&]|{_ENTITIES}")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufffe\uffff\U000f0000-\U0010ffff]"
)
"""Controls, private use, noncharacters, lone surrogates, U+FEFF: no reader sees them, and no parser agrees on them."""


# --- reading ------------------------------------------------------------------------------------


def offences(html: str, allowed: Mapping[str, Mapping[str, str]] = TEXT) -> list[str]:
    """Everything in the HTML that may not leave, each in a few words; none is right."""
    found = [*_in_characters(html, allowed)]
    for name, fragment in _readings(html):
        found += [f"{name}: {offence}" for offence in _in_tree(fragment, allowed)]
    return found


def in_email(page: str) -> list[str]:
    """Everything in a whole page that is to be sent by mail and may not leave; none is right."""
    found = [] if page.startswith(_DOCTYPE) else ["it does not begin as HTML does"]
    rest, sheets = _SHEET.subn("", page.removeprefix(_DOCTYPE))
    rest, comments = _COMMENTS.subn("", rest)
    if (sheets, comments) != (1, 2):
        found.append(f"there are {sheets} style sheets and {comments} comments of those that it has")
    found += _in_characters(rest, EMAIL)
    for scripting in (False, True):
        read = LexborHTMLParser(page, scripting=scripting)
        for node in [*_nodes(read), *_nodes(LexborHTMLParser(read.html or "", scripting=scripting))]:
            name = node.tag or ""
            if node.is_element_node and name != "style":
                found += _in_element(name, node.attributes, EMAIL)
            elif not (name == "style" or node.is_text_node or node.is_comment_node):
                found.append(f"{name} stands there")
    return found


_DOCTYPE = "<!DOCTYPE html>"


def in_answer(value: Any) -> Iterator[str]:
    """The offences of an answer in JSON: of each `html` in it as HTML, of every other text as plain text."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            if key == "html":
                yield from offences(below)
            else:
                yield from in_answer(below)
    elif isinstance(value, list):
        for below in value:
            yield from in_answer(below)
    elif isinstance(value, str):
        yield from unseen(value)


def unseen(text: str) -> list[str]:
    """The characters of a plain text that nobody sees and no text should have."""
    return [f"U+{ord(character):04X}" for character in _UNSEEN.findall(text)]


def _in_characters(html: str, allowed: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """What is no plain tag of the lists, no text and no entity; and tags that do not close one another in turn."""
    yield from unseen(html)
    at, opened = 0, []
    while at < len(html):
        if match := _CHARACTERS.match(html, at):
            at = match.end()
            continue
        match = _TAG.match(html, at)
        if match is None or match["name"] not in allowed:
            yield f"characters: {html[at : at + 60]!r}"
            at += 1
            continue
        at = match.end()
        if match["close"]:
            if not opened or opened.pop() != match["name"]:
                yield f"characters: {match[0]} closes nothing"
        elif match["name"] not in _VOID:
            opened.append(match["name"])
    if opened:
        yield f"characters: <{opened[-1]}> is never closed"


def _readings(html: str) -> Iterator[tuple[str, LexborHTMLParser]]:
    """The HTML as parsers meet it: in a portal's page, put there by its script, and read again from what was read."""
    for scripting in (False, True):
        where = "with scripting" if scripting else "without scripting"
        page = LexborHTMLParser(f"{_BEFORE}{html}{_AFTER}", scripting=scripting)
        yield f"page {where}", page
        yield f"page read again {where}", LexborHTMLParser(page.html or "", scripting=scripting)
        fragment = LexborHTMLParser(f"<main>{html}</main>", is_fragment=True, scripting=scripting)
        yield f"fragment {where}", fragment


_BEFORE = "<!doctype html><html><head></head><body><main>"
_AFTER = "</main><footer></footer></body></html>"
_FRAME = ("html", "head", "body", "main", "footer")


def _in_tree(parser: LexborHTMLParser, allowed: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    frame = []
    for node in _nodes(parser):
        name = node.tag or ""
        if name in _FRAME:
            frame.append(name)
            if node.attributes:
                yield f"<{name}> was given {dict(node.attributes)}"
        elif node.is_element_node:
            if not any(above.tag == "main" for above in _above(node)):
                yield f"<{name}> has left its place"
            yield from _in_element(name, node.attributes, allowed)
        elif not node.is_text_node:
            yield f"{name} stands there"
        elif not any(above.tag == "main" for above in _above(node)):
            yield f"the text {node.text_content!r} has left its place"
    if tuple(frame) not in {_FRAME, ("main",)}:
        yield f"the page is made of {frame}"


def _in_element(
    name: str, attributes: Mapping[str, str | None], allowed: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    if name not in allowed:
        yield f"<{name}>"
        return
    for attribute, value in attributes.items():
        pattern = {**_EVERYWHERE, **allowed[name]}.get(attribute)
        if pattern is None or not re.fullmatch(pattern, value or ""):
            yield f"<{name} {attribute}={value!r}>"
    outside = name == "a" and (attributes.get("href") or "").startswith("https:")
    if outside and "rel" not in attributes and allowed is not EMAIL:
        yield "<a> without rel"


# --- trees, to compare --------------------------------------------------------------------------


@dataclass(frozen=True)
class Element:
    """An element as the parser reads it. Attributes are sorted; a child is an Element or a text."""

    name: str
    attributes: tuple[tuple[str, str | None], ...]
    children: tuple[Element | str, ...]


_BLOCKS = frozenset(
    {
        *("p", "ul", "ol", "li", "blockquote", "pre", "hr", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("table", "thead", "tbody", "tr", "th", "td", "aside", "div", "section", "article"),
    }
)


def tree(html: str, keep: Callable[[str, str], bool] = lambda _name, _attribute: True) -> tuple[Element | str, ...]:
    """What HTML comes to, for comparing: white space between blocks is left out, and attributes that `keep` refuses."""
    main = LexborHTMLParser(f"<main>{html}</main>", is_fragment=True).root
    return _children(main, keep) if main else ()


def _children(node: LexborNode, keep: Callable[[str, str], bool]) -> tuple[Element | str, ...]:
    found: list[Element | str] = []
    for child in _siblings(node.first_child):
        if child.is_text_node:
            text = child.text_content or ""
            if found and isinstance(found[-1], str):
                found[-1] += text
            else:
                found.append(text)
        else:
            found.append(_element(child, keep))
    blocks = any(isinstance(each, Element) and each.name in _BLOCKS for each in found)
    between = blocks or node.tag == "blockquote"
    return tuple(each for each in found if not (between and isinstance(each, str) and not each.strip()))


def _element(node: LexborNode, keep: Callable[[str, str], bool]) -> Element:
    name = node.tag or ""
    kept = sorted((key, value) for key, value in node.attributes.items() if keep(name, key))
    return Element(name, tuple(kept), _children(node, keep))


def _nodes(parser: LexborHTMLParser) -> Iterator[LexborNode]:
    pending = list(_siblings(parser.root))
    while pending:
        node = pending.pop(0)
        yield node
        pending[:0] = _siblings(node.first_child)


def _siblings(node: LexborNode | None) -> Iterator[LexborNode]:
    while node is not None:
        yield node
        node = node.next


def _above(node: LexborNode) -> Iterator[LexborNode]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent
