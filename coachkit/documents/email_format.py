"""Documents as e-mail: a whole HTML page that looks like its organisation wherever mail programs show it.

Layout by tables and styles inlined, because mail programs drop style sheets; a second set of colours for readers who
asked for dark. Nothing in it runs, nothing is fetched but the organisation's logo and the document's own pictures, and
no address in it tells one reader from another. At most LIMIT bytes, so that none is cut by the mail program itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from css_inline import CSSInliner
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from coachkit.documents.colours import dark
from coachkit.documents.fill import Value, address_of
from coachkit.documents.outline import Outline, Part, Words, outline
from coachkit.documents.words import language, words
from coachkit.hooks.types import Brand, Document, Format

LIMIT = 60_000
"""Bytes. Gmail cuts a message at 102 kB, and what a recruiter pastes this into has something to add."""
NAMED = 12
"""How many of the parts that did not fit are named."""
_NAMES = 4_000
"""Bytes of their names in all, as HTML."""

_environment = Environment(
    loader=PackageLoader("coachkit.documents", "email"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_inliner = CSSInliner(load_remote_stylesheets=False, minify_css=True)

# Sound on what the sanitiser wrote: it escapes every < of a text and every " of a value.
_TAG = r"""<{}\b((?:[^>"]|"[^"]*")*)>"""
_LINK = re.compile(_TAG.format("a") + "(.*?)</a>", re.DOTALL)
_IMAGE = re.compile(_TAG.format("img"))
_ANY = re.compile(_TAG.format("/?[a-z][a-z0-9]*"))
_BRACKETS = {ord("<"): "&lt;", ord(">"): "&gt;"}
"""The inliner leaves them plain in values, which is HTML, and which not every mail program's filter reads as HTML."""
_ASIDE = re.compile(r"<(/?)aside\b")
"""Mail programs of the older kind style no element that they have not heard of."""
_VALUE = {name: re.compile(rf'\s{name}="([^"]*)"') for name in ("href", "src", "alt")}
_NOWHERE = ("/", "#")
"""How addresses begin that lead nowhere from an inbox."""
_NOT_SHOWN = ".svg"
"""A kind of picture that most mail programs leave out."""
_NOT_IN_FONT = re.compile(r"[^A-Za-z0-9 -]")
_GENERIC = frozenset(("serif", "sans-serif", "monospace", "cursive", "fantasy", "system-ui"))
_PLAIN = _GENERIC | {"Arial"}


def render(document: Document) -> bytes:
    """A document as a UTF-8 HTML page of at most LIMIT bytes.

    One that would be longer keeps its support contacts and its first parts whole, names the others and leads to them.
    Raises ValueError for a document without its brand.
    """
    if document.brand is None:
        raise ValueError("an e-mail is made of a document with its brand")
    page = _Page(document, document.brand, outline(document))
    whole = page.written(page.ranks)
    if len(whole) <= LIMIT:
        return whole
    fits, too_many = 0, page.ranks
    while too_many - fits > 1:
        between = (fits + too_many) // 2
        if len(page.written(between)) <= LIMIT:
            fits = between
        else:
            too_many = between
    return page.written(fits)


@dataclass(frozen=True)
class _Cut:
    """What an e-mail says of what it leaves out."""

    titles: Sequence[Words]
    href: str | None
    mailto: str


class _Page:
    """One document's e-mail, as whole as is wanted."""

    def __init__(self, document: Document, brand: Brand, found: Outline) -> None:
        self._document = document
        self._brand = brand
        self._found = found
        ranked = (found.support, *found.parts, found.related)
        self._ranked = [part for part in ranked if part is not None]

    @property
    def ranks(self) -> int:
        """How many parts there are."""
        return len(self._ranked)

    def written(self, most: int) -> bytes:
        """The e-mail with this many of its parts: support first, then the content from its beginning."""
        kept = set(map(id, self._ranked[:most]))
        found = self._found
        shown = [part for part in (*found.parts, found.support, found.related) if id(part) in kept and part]
        html = _environment.get_template("email.html.j2").render(
            found=found,
            parts=shown,
            cut=None if most == self.ranks else self._cut(self._ranked[most:]),
            words=words(found.locale),
            ours=_ours(found.locale),
            prose=self._prose,
            reachable=_reachable,
            **_look(self._brand),
        )
        inlined = _ANY.sub(_escaped, _inliner.inline(html.strip()))
        return (_ASIDE.sub(r"<\1div", inlined) + "\n").encode()

    def _cut(self, left_out: Sequence[Part]) -> _Cut:
        titles = [part.title for part in left_out if part.title]
        room = accumulate(len(escape(title.text).encode()) for title in titles)
        href = f"{self._found.page}?format=html&locale={self._found.locale}" if self._document.base else None
        named = [title for title, end in zip(titles, room, strict=True) if end <= _NAMES]
        return _Cut(named[:NAMED], href, address_of(Value(self._brand.careers_email or "", "email")))

    def _prose(self, html: str) -> Markup:
        """An author's text, without links that lead nowhere from an inbox and pictures that it would not show."""
        picture = words(self._found.locale)["picture"]

        def link(match: re.Match[str]) -> str:
            return match[0] if _reachable(_attribute(match[1], "href")) else match[2]

        def image(match: re.Match[str]) -> str:
            source, alt = _attribute(match[1], "src"), _attribute(match[1], "alt")
            if source and _reachable(source) and not source.endswith(_NOT_SHOWN):
                return match[0]
            return f"[{picture.format(alt=alt)}]"

        return Markup(_IMAGE.sub(image, _LINK.sub(link, html)))  # noqa: S704 sanitised when it was compiled


def _escaped(tag: re.Match[str]) -> str:
    """A tag with what looks like another tag in its values escaped."""
    return f"<{tag[0][1:-1].translate(_BRACKETS)}>"


def _attribute(attributes: str, name: str) -> str:
    """The value of an attribute as it is written, escapes and all."""
    found = _VALUE[name].search(attributes)
    return found[1] if found else ""


def _reachable(href: str | None) -> str | None:
    """An address, if it leads anywhere from an inbox."""
    return None if not href or href.startswith(_NOWHERE) else href


def _ours(locale: str) -> str:
    """The language of our own words in a document of that locale."""
    ours = language(locale)
    return locale if locale.partition("-")[0] == ours else ours


def _look(brand: Brand) -> Mapping[str, Any]:
    """What the page takes from the brand."""
    logo = brand.logo if brand.logo and not brand.logo.partition("?")[0].lower().endswith(_NOT_SHOWN) else None
    body = _fonts(brand.body_font)
    return {
        "brand": brand,
        "dark": dark(brand.colours),
        "logo": logo,
        "body_font": body,
        "heading_font": _fonts(brand.heading_font) if brand.heading_font else body,
    }


def _fonts(names: str | None) -> Markup:
    """A list of fonts as CSS, each name in quotes, with one at the end that every machine has."""
    bare = filter(None, (_NOT_IN_FONT.sub("", name).strip() for name in (names or "").split(",")))
    quoted = [name if name in _PLAIN else f"'{name}'" for name in bare]
    last = [] if quoted and quoted[-1] in _GENERIC else ["Arial", "sans-serif"]
    return Markup(", ".join(dict.fromkeys([*quoted, *last])))  # noqa: S704 names are letters, digits and hyphens


EMAIL = Format("email", "text/html", render, negotiable=False, branded=True, absolute=True)
