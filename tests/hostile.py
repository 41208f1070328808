r"""Texts that try to become more than text: a corpus of our own making, and ways to make more of it.

`STRINGS` holds each attempt once. Some are HTML, some Markdown, some neither: all of them go everywhere that somebody
can write something. `texts()` makes more of the same kind by joining, cutting and mutating.

`hostile.txt` has one attempt a line, under headings; what cannot be seen is written `\n`, `\t`, `\r`, `\xNN`, `\uNNNN`
or `\UNNNNNNNN`, and a backslash twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hypothesis import strategies as st

_HEADING = "## "
_ESCAPE = re.compile(r"\\(?:([nrt\\])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def _read() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    heading = ""
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="ascii").splitlines():
        if line.startswith(_HEADING):
            heading = line.removeprefix(_HEADING)
            found[heading] = ()
        elif line:
            found[heading] += (_ESCAPE.sub(_character, line),)
    return found


def _character(match: re.Match[str]) -> str:
    name, *codes = match.groups()
    return _NAMED[name] if name else chr(int(next(filter(None, codes)), 16))


GROUPS = _read()
ADDRESSES = GROUPS["Addresses that run, mislead, or are none"]
_ATTRIBUTES = GROUPS["Attributes"]
_CARRIERS = (
    "[x]({})",
    "[x](<{}>)",
    "<{}>",
    "![x]({})",
    "[x][a]\n\n[a]: {}",
    '<a href="{}">x</a>',
    "<a href={}>x</a>",
    '<img src="{}">',
    '<svg><a xlink:href="{}">x</a></svg>',
    '<form action="{}"><input type=submit></form>',
    '<iframe src="{}">',
    '<meta http-equiv=refresh content="0;url={}">',
)
_CLOBBERING = ("<a id={}>x</a>", "<img name={}>", "<form id=x><input name={}></form>")
_CLOBBERED = ("document", "getElementById", "body", "cookie", "__proto__", "attributes", "firstChild")
_LONG = (
    '<p class="' + "ck-a " * 500 + '">x</p>',
    '<p class="ck-' + "a" * 5000 + '">x</p>',
    *(
        "<div>" * 600 + "x",
        "<p>" * 300 + "<svg>" * 300,
        "<em>" * 200 + "x" + "</em>" * 100,
        "<table>" * 60 + "<td>" * 60,
    ),
    *("<" * 2000, "&" * 2000, "<!--" * 500, "\"'" * 500, "\ufdfa" * 500, "[" * 500, "*a" * 500, "> " * 200 + "x"),
)


def _strings() -> Iterator[str]:
    for strings in GROUPS.values():
        yield from strings
    for number, address in enumerate(ADDRESSES):
        for step in (number, 5 * number + 5):
            yield _CARRIERS[step % len(_CARRIERS)].format(address)
    for name in _ATTRIBUTES:
        yield f'<p {name}="alert(1)">x</p>'
        yield f"<a href=https://a.example {name}=alert(1) title=y>x</a>"
    for form in _CLOBBERING:
        yield from map(form.format, _CLOBBERED)
    yield from _LONG


STRINGS = tuple(dict.fromkeys(_strings()))
"""Every attempt of our own making."""

# --- more of them -------------------------------------------------------------------------------

_SIGNS = (
    *(
        "<",
        ">",
        "</",
        "/>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?",
        '"',
        "'",
        "`",
        "=",
        "/",
        " ",
        "\n",
        "\t",
        "&",
        ";",
        "#",
        "\\",
    ),
    *(
        "{{",
        "}}",
        "[",
        "]",
        "](",
        ")",
        "![",
        ":::tip\n",
        "\n:::\n",
        "|",
        "\n|-|\n",
        "> ",
        "- ",
        "    ",
        "```",
        "*",
        "_",
        "\n\n",
    ),
    *(
        "javascript:",
        "data:",
        "https://a.example",
        "coachkit:",
        "mailto:",
        "ck-a",
        "\x00",
        "\x1b[0m",
        "\u2028",
        "\ufeff",
        "\xe9",
    ),
    *(
        "\ue001",
        "\ue002",
        "\ue003",
        "\ue004",
        "0",
        "1",
        "second",
        "images/calm.png",
        "{{name}}",
        "{{site}}",
        "{{mail}}",
    ),
    *("&#x", "&lt;", "&quot;"),
)
_NAMES = (
    *(
        "math",
        "mtext",
        "mglyph",
        "annotation-xml",
        "svg",
        "desc",
        "title",
        "foreignObject",
        "style",
        "script",
        "noscript",
    ),
    *(
        "template",
        "table",
        "tr",
        "td",
        "select",
        "option",
        "form",
        "input",
        "iframe",
        "textarea",
        "xmp",
        "plaintext",
        "body",
    ),
    *(
        "p",
        "a",
        "img",
        "em",
        "pre",
        "code",
        "div",
        "span",
        "aside",
        "blockquote",
        "li",
        "ol",
        "h3",
        "th",
        "br",
        "/p",
        "/a",
    ),
    *(
        "/math",
        "/svg",
        "/style",
        "/title",
        "/template",
        "/table",
        "/noscript",
        "/textarea",
        "/div",
        "/article",
        "/section",
    ),
)
_SET = (
    "href",
    "src",
    "class",
    "style",
    "id",
    "onclick",
    "onerror",
    "title",
    "lang",
    "data-id",
    "start",
    "rel",
    "xlink:href",
)


def texts(longest: int = 12) -> st.SearchStrategy[str]:
    """More attempts: pieces of grammar joined, and those of the corpus cut, doubled, swapped and written otherwise."""
    known = st.sampled_from(STRINGS)
    piece = st.one_of(st.sampled_from(_SIGNS), known, st.text(max_size=3))
    value = st.one_of(st.sampled_from(_SIGNS), st.sampled_from(ADDRESSES), st.text(max_size=3))
    attribute = st.builds(
        " {}={}{}{}".format, st.sampled_from(_SET), st.sampled_from(("", '"', "'")), value, st.sampled_from("\"' ")
    )
    tag = st.builds("<{}{}>".format, st.sampled_from(_NAMES), st.lists(attribute, max_size=2).map("".join))
    joined = st.lists(st.one_of(tag, piece), min_size=1, max_size=longest).map("".join)
    return st.one_of(known, joined, st.builds(_changed, known, st.lists(_change(), min_size=1, max_size=4)))


def _change() -> st.SearchStrategy[tuple[str, int, str]]:
    kinds = ("cut", "double", "swap", "case", "entity", "insert")
    return st.tuples(st.sampled_from(kinds), st.integers(0, 999), st.sampled_from(_SIGNS))


def _changed(text: str, changes: list[tuple[str, int, str]]) -> str:
    for change, number, sign in changes:
        at = number % (len(text) + 1)
        before, here, after = text[:at], text[at : at + 1], text[at + 1 :]
        text = {
            "cut": before + after,
            "double": before + here * 2 + after,
            "swap": after + here + before,
            "case": before + here.swapcase() + after,
            "entity": f"{before}&#{ord(here)};{after}" if here else text,
            "insert": before + sign + here + after,
        }[change]
    return text
