from __future__ import annotations

import re

import pytest
from compiling import AROUND, clean, filled, found, offences, shown, written

from coachkit.packs import markdown
from coachkit.packs.directives import Directive
from coachkit.packs.findings import Findings
from coachkit.packs.markdown_check import Surroundings
from coachkit.packs.model import Line, Place, Reference


def html(text: str, around: Surroundings = AROUND) -> str:
    return shown(clean(text, around).html)


def portable(text: str, around: Surroundings = AROUND) -> str:
    return shown(clean(text, around).markdown)


# --- HTML ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*a* **b** `c`", "<p><em>a</em> <strong>b</strong> <code>c</code></p>\n"),
        ("### One\n\n#### Two\n\n### Three", "<h3>One</h3>\n<h4>Two</h4>\n<h3>Three</h3>\n"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>\n'),
        ("```python\n1 < 2\n```", "<pre><code>1 &lt; 2\n</code></pre>\n"),
        ("> a\n\n---", "<blockquote>\n<p>a</p>\n</blockquote>\n<hr>\n"),
        ("a  \nb", "<p>a<br>\nb</p>\n"),
        ("&lt;b&gt; \\<i>", "<p>&lt;b&gt; &lt;i&gt;</p>\n"),
    ],
)
def test_commonmark(text, expected):
    """CommonMark becomes the HTML it stands for."""
    assert html(text) == expected


def test_table():
    """A table's header cells say what they head, and its alignment is a class and no style."""
    assert html("| A | B |\n|---|:-:|\n| 1 | 2 |") == (
        '<table>\n<thead>\n<tr>\n<th scope="col">A</th>\n<th scope="col" class="ck-center">B</th>\n</tr>\n</thead>\n'
        '<tbody>\n<tr>\n<td>1</td>\n<td class="ck-center">2</td>\n</tr>\n</tbody>\n</table>\n'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi {{name}}, {{ day }}.", "<p>Hi ⟨name⟩, ⟨day⟩.</p>\n"),
        ("**{{name}}**", "<p><strong>⟨name⟩</strong></p>\n"),
        ("\\{{name}}", "<p>{{name}}</p>\n"),
        ("\\\\{{name}}", "<p>\\⟨name⟩</p>\n"),
        ("[Write to {{name}}]({{mail}})", '<p><a href="⟨@mail⟩" rel="noopener noreferrer">Write to ⟨name⟩</a></p>\n'),
        ("[Call]( {{ tel }} )", '<p><a href="⟨@tel⟩" rel="noopener noreferrer">Call</a></p>\n'),
        ("[Book][b]\n\n[b]: {{site}}", '<p><a href="⟨@site⟩" rel="noopener noreferrer">Book</a></p>\n'),
        ("`\\{{name}}` coachkit:{{name}}", "<p><code>\\{{name}}</code> coachkit:⟨name⟩</p>\n"),
    ],
)
def test_placeholder(text, expected):
    """A placeholder stands in text or is a link's whole destination; a backslash makes it literal."""
    assert html(text) == expected


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("[x](second)", "example:module/second"),
        ("[x](checklist/list)", "example:checklist/list"),
        ("[x](other:second#part)", "other:module/second#part"),
        ("[x](#feel)", "example:module/first-hour#feel"),
        ("[x]\n\n[x]: second", "example:module/second"),
    ],
)
def test_reference(text, target):
    """A reference is a link to a resource, its pack filled in, and says its kind and id."""
    reference = target.partition(":")[2].partition("#")[0]
    kind, id_ = reference.split("/")
    link = f'<p><a href="⟨→{target}⟩" data-kind="{kind}" data-id="{id_}" rel="noopener noreferrer">x</a></p>\n'
    assert html(text) == link


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("[x](https://example.org/a?b=1&c=2)", "https://example.org/a?b=1&amp;c=2"),
        ("[x](HTTPS://example.org)", "https://example.org"),
        ("[x](https://exämple.org/ü)", "https://xn--exmple-cua.org/%C3%BC"),
        ("[x](mailto:a@example.org?subject=Hi%20there)", "mailto:a@example.org?subject=Hi%20there"),
        ("[x](tel:+44-29-2018-0000)", "tel:+44-29-2018-0000"),
    ],
)
def test_address(text, address):
    """An address outside is normalised, and its page learns nothing of the portal."""
    assert html(text) == f'<p><a href="{address}" rel="noopener noreferrer">x</a></p>\n'


def test_picture():
    """An image of the pack is named by its content."""
    expected = '<p><img src="⟨ff….png⟩" alt="A calm circle" title="Calm"></p>\n'
    assert html('![A *calm* circle](images/calm.png "Calm")') == expected


def test_box():
    """A directive is an aside with its label, in the text's language where there is one, before its own title."""
    welsh = Surroundings(AROUND.page, "cy", directives=AROUND.directives)
    box = '<aside class="ck-box ck-tip"><p class="ck-box-title"><strong>{}</strong></p>\n<p>Text.</p>\n</aside>\n'
    assert html(":::tip\nText.\n:::") == box.format("Tip")
    assert html(":::tip\nText.\n:::", welsh) == box.format("Awgrym")
    assert html(":::tip A <b> & *c*\nText.\n:::") == box.format("Tip: A &lt;b&gt; &amp; *c*")


@pytest.mark.parametrize(
    ("locale", "label"), [("en-GB", "one"), ("en-IE", "two"), ("fr", "two"), ("cy-GB", "three"), ("de", "two")]
)
def test_label(locale, label):
    """A label is that of the locale, or of its language, or English."""
    directive = Directive("tip", {"en-GB": "one", "en": "two", "cy": "three"})
    around = Surroundings(AROUND.page, locale, directives={"tip": directive})
    assert f">{label}<" in html(":::tip\nText.\n:::", around)


def test_label_without_any():
    """A directive with no label in the language or English is called by its name."""
    assert ">support<" in html(":::support\nText.\n:::")


def test_own_render():
    """A directive's own code gets its call from the inside out, and what it returns is sanitised."""
    calls = []

    def render(call):
        calls.append((call.name, call.title, call.locale))
        return f'<div class="ck-x evil" style="color:red" onclick="x()">{call.html}<script>1</script></div>'

    around = Surroundings(AROUND.page, "en-GB", AROUND.placeholders, {}, {"x": Directive("x", {"en": "X"}, render)})
    result = html("::::x Outer\n:::x\n{{name}}\n:::\n::::", around)
    assert calls == [("x", "X", "en-GB"), ("x", "Outer", "en-GB")]
    assert result == '<div class="ck-x"><div class="ck-x"><p>⟨name⟩</p>\n</div></div>'


@pytest.mark.parametrize("render", [lambda _: 1 / 0, lambda _: None, lambda _: b"x"])
def test_failing_render(render):
    """A directive whose code fails is a problem at its line, and nothing is served of the text."""
    around = Surroundings(AROUND.page, "en-GB", directives={"x": Directive("x", {}, render)})
    compiled, findings = written("A.\n\n:::x\nB.\n:::", around)
    assert [(p.code, p.line) for p in findings.problems] == [("directive-failed", 3)]
    assert (compiled.html, compiled.markdown) == ((), ())


@pytest.mark.parametrize(
    "moved",
    [
        '<a href="{}">x</a>',
        '<a href="coachkit:{}">x</a>',
        '<img src="{}" alt="x">',
        '<p title="{}">x</p>',
        '<img src="coachkit:{}" alt="{}">',
        '<a href="coachkit:\ue0030\ue004">x</a>',
        "<p lang='{}'>x</p>",
    ],
)
def test_value_moved_into_an_attribute(moved):
    """A directive's code cannot put a value meant for text where it would be an address or an attribute."""
    render = Directive("x", {}, lambda call: moved.replace("{}", re.sub("<.*?>|\n", "", call.html)))
    around = Surroundings(AROUND.page, "en-GB", AROUND.placeholders, {}, {"x": render})
    parts = clean(":::x\n{{name}}\n:::", around).html
    assert offences(filled(parts, "javascript:alert(1)")) == []
    assert "javascript" not in filled(parts, "javascript:alert(1)")


# --- Markdown -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\nHi {{ name }}  \n*there*\n\n", "Hi ⟨name⟩  \n*there*"),
        ("[a](<second>) [b]( {{mail}} 'T')", "[a](⟨→example:module/second⟩) [b]( ⟨@mail⟩ 'T')"),
        (
            "[a] ![c](images/calm.png)\n\n  [a]: second 'T'",
            "[a] ![c](⟨ff….png⟩)\n\n  [a]: ⟨→example:module/second⟩ 'T'",
        ),
        ("> - {{name}}\n>   [x](second)", "> - ⟨name⟩\n>   [x](⟨→example:module/second⟩)"),
        (
            "| a\\|{{name}} | [x](second) {{name}} |\n|-|-|",
            "| a\\|⟨name⟩ | [x](⟨→example:module/second⟩) ⟨name⟩ |\n|-|-|",
        ),
        ("[a *b*\nc](second\n)", "[a *b*\nc](⟨→example:module/second⟩\n)"),
        ("\\{{name}} <https://example.org>", "\\{{name}} <https://example.org>"),
        (":::tip\nA {{name}}\n\nB\n:::\nC", "> **Tip**\n>\n> A ⟨name⟩\n>\n> B\n\nC"),
        (":::try-this Two *min*\nA\n:::", "> **Try this: Two \\*min\\***\n>\n> A"),
        ("::::tip\n:::try-this\nA\n:::\nB\n::::", "> **Tip**\n>\n> > **Try this**\n> >\n> > A\n>\n> B"),
        ("1. :::tip\n   A\n\n   B\n   :::\n2. C", "1. > **Tip**\n   >\n   > A\n   >\n   > B\n\n2. C"),
        ("> :::tip\n> A\n> :::", "> > **Tip**\n> >\n> > A\n>"),
    ],
)
def test_portable(text, expected):
    """The author's Markdown stays as written but for its values, and a directive is a quotation with its label."""
    assert portable(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        ":::tip T\n- {{name}}\n- b\n\n  c\n:::\nAfter",
        "- a\n\n  :::tip\n  | A | B |\n  |-|-|\n  | 1 | [x](second) |\n  :::\n- b",
        "::::tip\n:::tip\n```\ncode\n```\n:::\n### Heading\n::::",
    ],
)
def test_portable_means_the_same(text):
    """Compiled again without directives, the portable Markdown has the same blocks, a box being a quotation."""
    again = html(
        shown(clean(text).markdown).replace("⟨name⟩", "{{name}}").replace("⟨→example:module/second⟩", "second")
    )
    boxes = re.sub(r"<aside [^>]*><p [^>]*>", "<blockquote>\n<p>", html(text))
    assert again == boxes.replace("</aside>", "</blockquote>")


# --- what is found ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a <b>c", ("raw-html", 1, 3)),
        ("a\n\n<div>\n\nb", ("raw-html", 3, 1)),
        ("> a\n> <!-- b -->", ("raw-html", 2, 3)),
        ("| a | <i> |\n|-|-|", ("raw-html", 1, 7)),
        ("# A", ("heading-level", 1, 1)),
        ("A\n===", ("heading-level", 1, 1)),
        ("A\n\nB\n---", ("heading-level", 3, 1)),
        ("#### A", ("heading-level", 1, 1)),
        ("### A\n\n##### B", ("heading-level", 3, 1)),
        (":::tipp\na\n:::", ("unknown-directive", 1, 4)),
        ("a\n\n:::tip\nb", ("unclosed-directive", 3, 1)),
        ("::::tip\n:::tip\na\n::::", ("unclosed-directive", 2, 1)),
        ("- :::tip\n  a\n- b", ("unclosed-directive", 1, 3)),
        ("a\n:::", ("unclosed-directive", 2, 1)),
        ("ab []( second)", ("link-without-text", 1, 4)),
        ("[![a](images/calm.png) x](second)\n[ ](second)", ("link-without-text", 2, 1)),
        ("a [x](page.html)", ("bad-link", 1, 7)),
        ("[x](../a)", ("bad-link", 1, 5)),
        ("[x](//a.org)", ("bad-link", 1, 5)),
        ("[x]()", ("bad-link", 1, 1)),
        ("[x](http://a.org)", ("bad-link", 1, 5)),
        ("[x](https://u:p@a.org)", ("bad-link", 1, 5)),
        ("[x](https:a.org)", ("bad-link", 1, 5)),
        ("[x](module/)", ("bad-link", 1, 5)),
        ("[x](modules/a)", ("bad-link", 1, 5)),
        ("[x](<tel:116 123>)", ("bad-link", 1, 5)),
        ("<ftp://a.org>", ("bad-link", 1, 1)),
        ("[x][y]\n\n[y]: ftp://a", ("bad-link", 3, 6)),
        ("a {{nam}}", ("unknown-placeholder", 1, 3)),
        ("[x]({{sit}})", ("unknown-placeholder", 1, 5)),
        ("[x]({{name}})", ("placeholder-not-here", 1, 5)),
        ("[x]({{day}})", ("placeholder-not-here", 1, 5)),
        ("[x](https://a.org/{{name}})", ("placeholder-not-here", 1, 5)),
        ("[x](second '{{name}}')", ("placeholder-not-here", 1, 1)),
        ("a `{{ name }}`", ("placeholder-not-here", 1, 3)),
        ("```\na\nb {{name}}\n```", ("placeholder-not-here", 3, 3)),
        ("a\n\n    {{name}}", ("placeholder-not-here", 3, 5)),
        ("### {{name}}", ("placeholder-not-here", 1, 5)),
        (":::tip {{name}}\na\n:::", ("placeholder-not-here", 1, 8)),
        ("![{{name}}](images/calm.png)", ("placeholder-not-here", 1, 1)),
        ("a {{Name}}", ("placeholder-syntax", 1, 3)),
        ("a {{", ("placeholder-syntax", 1, 3)),
        ("![](images/calm.png)", ("image-alt-missing", 1, 1)),
        ("![a](images/clam.png)", ("image-missing", 1, 1)),
        ("![a](https://a.org/x.png)", ("bad-image", 1, 1)),
        ("![a](data:image/png;base64,x)", ("bad-image", 1, 1)),
        ("![a](images/../x.png)", ("bad-image", 1, 1)),
        ("![a](second)", ("bad-image", 1, 1)),
        ("a &#xE001;0&#xE002;", ("control-character", 1, 1)),
        ("a\ue001", ("control-character", 1, 1)),
        ("a\ud800", ("control-character", 1, 1)),
    ],
)
def test_problem(text, problem):
    """What may not stand in a text is found, once, at its place."""
    assert found(text) == [problem]


def test_all_problems_at_once():
    """An author hears of every problem of a section at once, in order, with lines of the file."""
    _, findings = written("# A\n\n[x](a.b) {{no}}\n\n<b>\n\n:::what\n", line=40)
    assert [(p.code, p.line) for p in findings.problems] == [
        ("heading-level", 40),
        ("bad-link", 42),
        ("unknown-placeholder", 42),
        ("raw-html", 44),
        ("unclosed-directive", 46),
        ("unknown-directive", 46),
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{nam}}", "“name”"),
        (":::tpi\n:::", "“tip”"),
        ("![a](images/clam.png)", "“images/calm.png”"),
        ("[x](http://a.org)", "https://"),
        ("[x](modules/a)", "module/"),
        ("[x](modul/a)", "“module”"),
    ],
)
def test_hint(text, hint):
    """A problem names what would be right, the nearest valid name where there is one."""
    _, findings = written(text)
    assert hint in (findings.problems[0].hint or "")


def test_links_with_errors_are_still_told():
    """References are handed on even from a section with errors, so that their targets are checked at once too."""
    compiled, _ = written("<b> [x](second)")
    assert compiled.links == ((Reference(None, "module", "second"), Place("m.md", 1, 9)),)


# --- short lines --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fills", "expected"),
    [
        ("Hi {{ name }}!", True, "Hi ⟨name⟩!"),
        ("A \\{{name}} <b> *c*", False, "A {{name}} <b> *c*"),
        ("\\{{name}} {{name}}", True, "{{name}} ⟨name⟩"),
    ],
)
def test_line(text, fills, expected):
    """A short line is plain text, with placeholders where it may have them."""
    findings = Findings()
    assert shown(markdown.line(Line(text, Place("a.yaml", 3, 8), fills), AROUND, findings)) == expected
    assert findings.problems == ()


@pytest.mark.parametrize(
    ("text", "fills", "problem"),
    [
        ("Hi {{name}}", False, ("placeholder-not-here", 3, 11)),
        ("Hi {{nam}}", True, ("unknown-placeholder", 3, 11)),
        ("Hi {{", True, ("placeholder-syntax", 3, 11)),
        ("Hi {{N}}", True, ("placeholder-syntax", 3, 11)),
    ],
)
def test_line_problem(text, fills, problem):
    """A placeholder that a short line may not have is found at its place."""
    findings = Findings()
    markdown.line(Line(text, Place("a.yaml", 3, 8), fills), AROUND, findings)
    assert [(p.code, p.line, p.column) for p in findings.problems] == [problem]


def test_directives_used_are_named():
    """A section names the directives it uses, so that a release can say what made it."""
    assert clean("::::tip\n:::try-this\na\n:::\n::::").directives == {"tip", "try-this"}
