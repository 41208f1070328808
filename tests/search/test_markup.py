"""From our own HTML to what a reader reads."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.packs.html import Slots, sanitise
from coachkit.search.markup import joined, plain


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One.</p>\n<p>Two.</p>", "One. Two."),
        ("<p>One</p><p>Two</p>", "One · Two"),
        ("<ul><li>Drink water</li><li>Walk</li></ul>", "Drink water · Walk"),
        ("<p>It is <strong>fi</strong>ne &amp; <em>good</em> &lt;3</p>", "It is fine & good <3"),
        ('<p>Read <a href="/v1/orgs/x/modules/y" title="a > b">this</a> now.</p>', "Read this now."),
        ("<p>One<br />two</p>", "One · two"),
        ("<p>One line\nand another</p>\n<p>&quot;Two.&quot;</p>\n<p>Three</p>", 'One line and another · "Two." Three'),
        ("<table><tr><th>When</th><td>Now</td></tr></table>", "When · Now"),
        ('<aside class="ck-box"><p><strong>Tip:</strong> rest</p></aside>', "Tip: rest"),
        ('<p><span class="ck-placeholder">[Your name]</span>,</p>', "[Your name],"),
        ('<p><img src="/v1/x.svg" alt="A circle"></p>', ""),
        ("", ""),
    ],
)
def test_plain(markup, text):
    """Markup and addresses go, what is escaped is unescaped, and blocks stay apart."""
    assert plain(markup) == text


@given(st.text(max_size=200))
def test_no_markup_is_left(text):
    """Text that only looks like markup stays text, and is all there."""
    clean = "".join(part for part in sanitise(f"<p>{html.escape(text)}</p>", Slots()) if isinstance(part, str))
    assert plain(clean) == joined([html.unescape(clean.removeprefix("<p>").removesuffix("</p>"))])


@given(st.lists(st.text(max_size=40), max_size=5))
def test_one_line(blocks):
    """What is joined is one line with single blanks."""
    line = joined(blocks)
    assert "  " not in line
    assert not set("\n\r\t") & set(line)
