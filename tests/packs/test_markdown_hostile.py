from __future__ import annotations

import re
import time

import pytest
from compiling import filled, found, offences, shown, written
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coachkit.packs import markdown

# What is run here is counted elsewhere; to count every one of so many runs would take longer than they do.
pytestmark = pytest.mark.no_cover

# --- bounds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a" * (markdown.SOURCE_LIMIT + 1), "too-large"),
        ("a\n" * (markdown.LINES_LIMIT + 1), "too-large"),
        ("[" * (markdown.BRACKETS_LIMIT + 1), "too-large"),
        ("[a]: https://a.org/" + "y" * 2000 + "\n\n" + "[a] " * 2000, "output-too-large"),
        ("[a]: https://a.org '" + "y" * 50_000 + "'\n\n" + "[a] " * 4000, "output-too-large"),
        ("|" + "a|" * 250 + "\n|" + "-|" * 250 + "\n" + "|x\n" * 260, "output-too-large"),
    ],
)
def test_bound(text, code):
    """A text that costs too much, or grows too much, is refused, and soon."""
    start = time.process_time()
    assert {one[0] for one in found(text)} == {code}
    assert time.process_time() - start < 15


@pytest.mark.parametrize(
    "unit",
    [
        "*a ",
        "a**b",
        "`a",
        "<",
        "<a ",
        "<!--",
        "&amp;",
        "_a",
        "\\",
        "{{",
        "{{name}} ",
        ">",
        "- ",
        "* a ",
        ":::",
        "a_",
        "~",
        "\t",
    ],
)
def test_repetition(unit):
    """No short pattern repeated to the limit takes long or raises."""
    start = time.process_time()
    written(unit * (markdown.SOURCE_LIMIT // len(unit)))
    assert time.process_time() - start < 15


def test_deep_nesting():
    """Deep nesting neither raises nor passes the parser's limit."""
    for text in (
        ">" * 5000 + " a",
        "".join(" " * n + "- a\n" for n in range(300)),
        "[" * 2000 + "a" + "](second)" * 2000,
    ):
        compiled, _ = written(text)
        assert offences(filled(compiled.html)) == []


# --- hostility ----------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "a <b onclick=x>b</b>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](java&#10;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](\\javascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#x1;javascript:a)",
    "[x](vbscript:x)",
    "[x](data:text/html,<script>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://a)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg/onload=x>)",
    '[x](https://a.org"onclick=alert(1))',
    '[x](second "\\" onclick=alert(1) x=\\"")',
    "[x](https://a.org '\"><script>')",
    '![" onerror=alert(1) x="](images/calm.png)',
    '![x](images/calm.png "\\"><script>")',
    "`<script>`",
    "```html\n<script>\n```",
    '```"><script>\na\n```',
    ":::tip <script>alert(1)</script>\na\n:::",
    ':::tip " onclick="x\na\n:::',
    ':::tip" onclick=x\na\n:::',
    "{{name}}{{{name}}}",
    "[{{name}}]({{site}} '{{name}}')",
    "[x]({{ {{name}} }})",
    "{{ {{name}} }}",
    "[x](coachkit:0)",
    "[x](coachkit:\ue0030\ue004)",
    "coachkit:&#xE003;0&#xE004;",
    "[x](//evil.org)",
    "[x](/\\evil.org)",
    "[x](https:evil)",
    "[x](https://a.org@evil.org)",
    "[x](mailto:a@b.c\nbcc:d@e.f)",
    "[x](tel:javascript)",
    "| a |\n|---|\n| <script> {{name}} |",
    "[a]: javascript:alert(1)\n\n[a]",
    "[a]: <data:x,y> 'z'\n\n![a]",
    "&lt;script&gt;{{name}}",
    "<style>*{}</style>",
    "<a href=x style=y>{{name}}</a>",
    "<!-- {{name}} -->",
    "<?php ?>",
    "<![CDATA[x]]>",
    "<!DOCTYPE x>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile(text):
    """Hostile Markdown becomes an error or harmless HTML, also once every value is filled with something hostile."""
    compiled, findings = written(text)
    assert findings.failed is (not compiled.html)
    assert offences(filled(compiled.html)) == []


FRAGMENTS = st.sampled_from(
    [
        *HOSTILE,
        "{{name}}",
        "{{ site }}",
        "[",
        "](",
        ")",
        "]",
        "{{mail}})",
        "second",
        "\n",
        "\n\n",
        ":::tip\n",
        ":::\n",
        "::::",
        "> ",
        "- ",
        "1. ",
        "    ",
        "\t",
        "|",
        "\n|-|-|\n",
        "`",
        "```\n",
        "*",
        "_",
        "\\",
        "<",
        ">",
        "&",
        ";",
        "#",
        "### ",
        "![",
        "images/calm.png",
        "[a]: ",
        "[a]",
        '"',
        "'",
        "\u00a0",
        "\u3000",
        "é",
        "\r",
        "===\n",
        "---\n",
        "javascript:",
        "https://a.org",
        "mailto:",
    ],
)
TEXT = st.one_of(st.text(max_size=60), st.lists(st.one_of(FRAGMENTS, st.text(max_size=3)), max_size=14).map("".join))


@settings(max_examples=400, deadline=None)
@given(TEXT)
def test_any_text(text):
    """Whatever is written, nothing raises, only listed HTML leaves, and HTML leaves exactly where there is no error."""
    compiled, findings = written(text)
    assert offences(filled(compiled.html)) == []
    assert not (findings.failed and (compiled.html or compiled.markdown))
    assert not re.search("[\ue000-\uf8ff]", shown(compiled.html) + shown(compiled.markdown))


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_both_forms_name_the_same(text):
    """Without errors, the Markdown has every value that the HTML shows, and the section says which it uses."""
    compiled, findings = written(text)
    assume(not findings.failed)
    in_html = {part for part in compiled.html if not isinstance(part, str)}
    in_markdown = {part for part in compiled.markdown if not isinstance(part, str)}
    assert in_html <= in_markdown
    assert {part.name for part in in_markdown if hasattr(part, "position")} <= compiled.fills
