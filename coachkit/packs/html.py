"""The one list of HTML that leaves CoachKit in a pack's texts, and the cut of clean HTML into parts.

Everything passes here once, after directives ran and before anything is filled in. Values to come are carried
through the sanitiser as marks: private-use characters, which no author can write (the reader refuses them, and the
Markdown checker refuses the entities that would make them).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import nh3

from coachkit.packs.destinations import SCHEMES, outside
from coachkit.packs.model import KINDS, NAME_PATTERN, Fill, Link, Part, Parts, Picture
from coachkit.packs.parts import merged
from coachkit.packs.text import REFUSED

ELEMENTS = frozenset(
    {
        *("p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "ul", "ol", "li"),  # CommonMark's own
        *("h3", "h4", "h5", "h6"),  # a document's title is h1 and a section's h2
        *("table", "thead", "tbody", "tr", "th", "td"),  # tables
        *("a", "img"),  # with destinations that were checked
        *("aside", "div", "span"),  # what directives are made of
    }
)
ATTRIBUTES = {
    "*": {"class", "lang", "dir", "title"},  # our own classes only; passages in another language; explanations
    "a": {"href", "data-kind", "data-id"},  # the kind and id tell a portal's own links to resources
    "img": {"src", "alt"},
    "ol": {"start"},
    "th": {"scope", "colspan", "rowspan"},  # a header cell that says what it heads
    "td": {"colspan", "rowspan"},
}
DROPPED_WITH_CONTENT = {
    "script",
    "style",
    "template",
    "noscript",
    "iframe",
    "object",
    "svg",
    "math",
    "title",
    "textarea",
}
"""Their text is no prose, so it goes with them."""
LINK_REL = "noopener noreferrer"
"""On every link: no page that is linked to gets a hand on the portal's window or learns where a reader came from."""
SLOT_SCHEME = "coachkit"
"""The scheme under which an address to come passes the sanitiser; the attribute filter lets no other use of it pass."""

_TEXT_MARK = "\ue001{}\ue002"
_ADDRESS_MARK = SLOT_SCHEME + ":\ue003{}\ue004"
_MARK = re.compile("coachkit:\ue003([0-9]{1,6})\ue004|\ue001([0-9]{1,6})\ue002")
_ADDRESS = re.compile("coachkit:\ue003([0-9]{1,6})\ue004")

_CLASS = re.compile(r"ck-[a-z0-9]+(?:-[a-z0-9]+)*")
_VALUES = {
    "lang": re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*"),
    "dir": re.compile(r"ltr|rtl|auto"),
    "start": re.compile(r"[0-9]{1,9}"),
    "scope": re.compile(r"col|row"),
    "colspan": re.compile(r"[1-9][0-9]?"),
    "rowspan": re.compile(r"[1-9][0-9]?"),
    "data-kind": re.compile("|".join(KINDS)),
    "data-id": re.compile(NAME_PATTERN),
}


class Slots:
    """The values that will stand in a text, numbered in the order they were first met."""

    def __init__(self) -> None:
        self._numbers: dict[Fill | Link | Picture, int] = {}

    def mark(self, part: Fill | Link | Picture) -> str:
        """What stands in the HTML for this value until `sanitise`: in text, or as a whole href or src."""
        number = self._numbers.setdefault(part, len(self._numbers))
        in_text = isinstance(part, Fill) and part.position == "text"
        return (_TEXT_MARK if in_text else _ADDRESS_MARK).format(number)

    @property
    def parts(self) -> Sequence[Fill | Link | Picture]:
        """The values by number."""
        return tuple(self._numbers)


def sanitise(html: str, slots: Slots) -> Parts:
    """Keep what the lists above allow, then cut at the marks: the strings of the result are finished HTML.

    A mark that stands where its value would not be safe goes, with the attribute it stands in.
    """
    parts = slots.parts

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if (tag, attribute) in (("a", "href"), ("img", "src")):
            return value if _mark_holds(tag, value, parts) else outside(value) if tag == "a" else None
        if REFUSED.search(value):
            return None
        if attribute == "class":
            return " ".join(name for name in value.split() if _CLASS.fullmatch(name)) or None
        pattern = _VALUES.get(attribute)
        return value if pattern is None or pattern.fullmatch(value) else None

    clean = nh3.clean(
        html,
        tags=set(ELEMENTS),
        clean_content_tags=DROPPED_WITH_CONTENT,
        attributes=ATTRIBUTES,
        attribute_filter=keep,
        link_rel=LINK_REL,
        url_schemes={*SCHEMES, SLOT_SCHEME},
        url_relative="deny",
    )
    return _cut(clean, parts)


def _mark_holds(tag: str, value: str, parts: Sequence[Part]) -> bool:
    """Whether a whole href or src is a mark for a value of that position."""
    mark = _ADDRESS.fullmatch(value)
    if mark is None:
        return False
    part = parts[int(mark[1])] if int(mark[1]) < len(parts) else None
    if tag == "img":
        return isinstance(part, Picture)
    return isinstance(part, Link) or (isinstance(part, Fill) and part.position == "href")


def _cut(html: str, parts: Sequence[Part]) -> Parts:
    """The HTML with each mark replaced by its value; what is left of broken marks goes, and what no text may have."""
    out: list[Part] = []
    end = 0
    for match in _MARK.finditer(html):
        out.append(REFUSED.sub("", html[end : match.start()]))
        number = int(match[1] or match[2])
        if number < len(parts):
            out.append(parts[number])
        end = match.end()
    out.append(REFUSED.sub("", html[end:]))
    return merged(out)
