from __future__ import annotations

import pytest
from compiling import filled, offences, shown
from hypothesis import given, settings
from hypothesis import strategies as st

from coachkit.packs.html import ELEMENTS, Slots, sanitise
from coachkit.packs.model import Fill, Link, Picture, Reference

TEXT, HREF = Fill("name"), Fill("mail", "href")
LINK, PICTURE = Link(Reference("p", "module", "m")), Picture("f.png")


def marked():
    """Slots with one value of each sort, and the mark of each."""
    slots = Slots()
    return slots, {name: slots.mark(part) for name, part in zip("thlp", (TEXT, HREF, LINK, PICTURE), strict=True)}


def clean(template):
    """The template's HTML with marks at {t} (text), {h}, {l} (addresses) and {p} (picture), sanitised."""
    slots, marks = marked()
    return sanitise(template.format(**marks), slots)


def test_values_at_their_places():
    """Each value comes out where its mark stood, and the strings around it are finished HTML."""
    html = '<p>A {t} & <a href="{h}">b</a><a href="{l}">c</a><img src="{p}" alt="d">{t}</p>'
    rel = ' rel="noopener noreferrer"'
    assert clean(html) == (
        "<p>A ", TEXT, ' &amp; <a href="', HREF, f'"{rel}>b</a><a href="', LINK, f'"{rel}>c</a><img src="', PICTURE,
        '" alt="d">', TEXT, "</p>",
    )  # fmt: skip


@pytest.mark.parametrize(
    "html",
    ['<a href="{t}">x</a>', '<img src="{t}">', '<img src="{h}">', '<img src="{l}">', '<a href="{p}">x</a>',
     '<a href=" {h}">x</a>', '<a href="{h}x">x</a>', '<p class="{t}" lang="{t}" title="{t}">x</p>',
     '<td data-id="{t}">',
     '<a href="coachkit:\ue003999\ue004">x</a>', '<a href="coachkit:\ue0030\ue004">x</a>', "<p>\ue00199\ue002</p>"],
)  # fmt: skip
def test_values_at_other_places(html):
    """A value whose mark stands where it is not safe is gone, with the attribute."""
    assert not [part for part in clean(html) if not isinstance(part, str)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<script>x</script><style>y</style>a", "a"),
        ("<svg><script>x</script></svg><math>y</math>a", "a"),
        ("<textarea><img src=x onerror=y></textarea>a", "a"),
        ("<form action=x><input><button>a</button></form>", "a"),
        ("<h1>a</h1><h2>b</h2>", "ab"),
        ('<p style="x" onclick="x" id="x" hidden data-x="y">a</p>', "<p>a</p>"),
        ('<p class="a ck-b c">a</p>', '<p class="ck-b">a</p>'),
        ('<p lang="x y" dir="up">a</p>', "<p>a</p>"),
        ('<p lang="cy" dir="ltr">a</p>', '<p lang="cy" dir="ltr">a</p>'),
        ('<ol start="-1"><li>a</ol>', "<ol><li>a</li></ol>"),
        ('<a data-kind="x" data-id="X Y">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<a href="/x" target="_blank" rel="opener">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<img src="https://a.org/x.png" srcset="y" alt="z">', '<img alt="z">'),
        ("<!-- a --><?b?><!DOCTYPE c>d", "d"),
        ("<p>a<div>b", "<p>a</p><div>b</div>"),
    ],
)
def test_list(html, expected):
    """What is not on the list is gone, its text kept where it is prose."""
    assert shown(sanitise(html, Slots())) == expected


@pytest.mark.parametrize("scheme", ["javascript", "data", "vbscript", "http", "file", "coachkit", "ftp", "blob"])
def test_scheme(scheme):
    """Only https, mailto and tel lead out, however the scheme is written."""
    for address in (
        f"{scheme}:x",
        f"{scheme.upper()}:x",
        f" {scheme}:x",
        f"{scheme[0]}&#9;{scheme[1:]}:x",
        f"&#1;{scheme}:x",
    ):
        assert "href" not in shown(sanitise(f'<a href="{address}">x</a>', Slots()))


PIECES = st.sampled_from(
    [
        "<",
        ">",
        "</",
        "/>",
        '"',
        "'",
        "=",
        " ",
        "&",
        "<p>",
        "<a href=",
        "{t}",
        "{h}",
        "{l}",
        "{p}",
        "<img src=",
        "<svg>",
        "</svg>",
        "<math>",
        "<table>",
        "<td>",
        "<select>",
        "<noscript>",
        "<!--",
        "-->",
        "<style>",
        "</style>",
        "<title>",
        "javascript:x",
        "onclick=x",
        "class=",
        "ck-a",
        "<mtext>",
        "<mglyph>",
        "<template>",
        "<xmp>",
        "<plaintext>",
        *(f"<{one}>" for one in sorted(ELEMENTS)),
    ],
)


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=16))
def test_any_html(pieces):
    """Whatever a directive's code returns, only what is on the list leaves, also when hostile values are filled in."""
    html = filled(clean("".join(pieces)))
    assert offences(html) == []
    assert "javascript:x" not in [piece.strip("\"'") for piece in html.split("href=")[1:]]
