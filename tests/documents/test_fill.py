"""Values where placeholders stand: whatever a value holds, it reads as itself and changes nothing around it."""

from functools import cache
from html.parser import HTMLParser

import pytest
from compiling import clean, offences
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from coachkit.documents.fill import Surroundings, Value, address_of, html, markdown, plain
from coachkit.packs.model import Fill, Link, Picture, Reference
from coachkit.packs.values import problem_with

PAGE = ("module", "first-hour")
READER = MarkdownIt("commonmark", {"html": True}).enable("table")
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</p></article><h1>",
    "\"'><svg/onload=alert(1)>",
    "&lt;b&gt; &amp; &#x3c;b&#x3e;",
    "{{name}} {{mail}} {% x %}",
    "[here](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "<https://evil.example> https://evil.example",
    "[x]: https://evil.example",
    "**bold** _em_ `code` ~~gone~~",
    "===",
    "=",
    "---",
    "***",
    "# heading",
    "> quoted",
    "- item",
    "+ item",
    "1. item",
    "1) item",
    "a | b",
    "|",
    ":::tip",
    "```",
    "~~~",
    "    indented",
    "back\\slash \\",
    "two\nlines",
    "two\n\nparagraphs",
    "trailing  \nbreak",
    "tab\tand\u00a0space",
    "é 日本 🙂 \u202e",
    "!",
]
"""Values that a text may have and that would do something, were they not escaped."""
WHERE = [
    "Dear {{name}}, and {{name}}.",
    "{{name}}",
    "A line\n{{name}}",
    "A line\n{{name}}\nand another",
    "- {{name}}\n- more",
    "1. {{name}}",
    "> {{name}}",
    "**{{name}}** and *{{name}}*",
    "[For {{name}}](https://example.org)",
    "| a | b |\n|---|---|\n| {{name}} | x |",
    ":::tip For you\nDear {{name}}\n:::",
    ":::tip\n{{name}}\n:::",
    "!{{name}}",
    "a{{name}}b",
    "{{name}}{{name}}",
]
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(lambda v: problem_with(v, "text") is None)


def around(**values):
    return Surroundings("northbridge", PAGE, "en-GB", values)


compiled = cache(clean)


def filled(source, value):
    """HTML and Markdown of a text whose placeholder `name` has a value."""
    written = compiled(source)
    values = around(name=value if isinstance(value, Value) else Value(value))
    return html(written.html, values), markdown(written.markdown, values)


class Reader(HTMLParser):
    """The tags with their attributes in order, and the text between them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(attrs)))

    def handle_endtag(self, tag):
        self.tags.append((f"/{tag}", ()))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, _):
        self.tags.append(("comment", ()))


def squeezed(text):
    """The words of a text, as white space does not count."""
    return " ".join(text.split())


@pytest.mark.parametrize("source", WHERE)
@settings(max_examples=30)
@given(value=texts)
@example(HOSTILE[0])
def test_html_reads_the_same_around_any_value(source, value):
    """In HTML a value is text: the elements and attributes are those that a plain word would leave."""
    made, harmless = Reader(filled(source, value)[0]), Reader(filled(source, "WORD")[0])
    assert made.tags == harmless.tags
    assert made.text == harmless.text.replace("WORD", value)


@pytest.mark.parametrize("source", WHERE)
def test_hostile_html(source):
    """Nothing in the filled HTML is outside the list of what leaves CoachKit."""
    assert [offences(filled(source, value)[0]) for value in HOSTILE] == [[]] * len(HOSTILE)


@pytest.mark.parametrize("source", WHERE)
def test_hostile_markdown(source):
    """Read as Markdown, a value is plain text: it makes no markup, and none around it unmade."""
    harmless = Reader(READER.render(filled(source, "WORD")[1]))
    for value in HOSTILE:
        made = Reader(READER.render(filled(source, value)[1]))
        assert [tag for tag, _ in made.tags] == [tag for tag, _ in harmless.tags], value
        assert squeezed(made.text) == squeezed(harmless.text.replace("WORD", squeezed(value)))


@given(value=texts)
def test_any_markdown(value):
    """The same for whatever a text may hold, between words, alone on a line and below one."""
    for source in ("Dear {{name}}, and more.", "A line\n{{name}}", "- {{name}}"):
        made = Reader(READER.render(filled(source, value)[1]))
        assert squeezed(made.text) == squeezed(source.replace("{{name}}", squeezed(value)).removeprefix("- "))


@given(value=texts)
def test_plain(value):
    """In a plain line a value stands as it is, on one line."""
    line = plain(("For ", Fill("name", "text"), "!"), around(name=Value(value)))
    assert line == f"For {squeezed(value)}!"


def test_braces_are_text():
    """`{{` in a value is text in every format: parts are not parsed again."""
    value = "{{mail}}"
    made, source = filled("Dear {{name}}", value)
    assert made == "<p>Dear {{mail}}</p>\n"
    assert squeezed(Reader(READER.render(source)).text) == "Dear {{mail}}"
    assert plain((Fill("name", "text"),), around(name=Value(value))) == "{{mail}}"


def test_not_given_yet():
    """What has no value yet stands in square brackets, marked in HTML, and leads nowhere as an address."""
    missing = Value("Your <name>", given=False)
    made, source = filled("Dear {{name}}", missing)
    assert made == '<p>Dear <span class="ck-placeholder">[Your &lt;name&gt;]</span></p>\n'
    assert Reader(READER.render(source)).text == "Dear [Your <name>]\n"
    assert plain((Fill("name", "text"),), around(name=missing)) == "[Your <name>]"
    link = clean("[Write]({{mail}})")
    nowhere = around(mail=Value("Mail", "email", given=False))
    assert 'href="#"' in html(link.html, nowhere)
    assert "](#)" in markdown(link.markdown, nowhere)


ADDRESSES = {
    Value("careers@example.org", "email"): "mailto:careers@example.org",
    Value("o'brien&co+x@example.org", "email"): "mailto:o%27brien%26co+x@example.org",
    Value("a?subject=x&body=y@example.org", "email"): "mailto:a%3Fsubject%3Dx%26body%3Dy@example.org",
    Value("+44 (0)29 2018-0000", "phone"): "tel:+4402920180000",
    Value("116 123", "phone"): "tel:116123",
    Value("https://example.org/a?b=c&d=e#f", "url"): "https://example.org/a?b=c&d=e#f",
}


@pytest.mark.parametrize("value", ADDRESSES, ids=lambda value: value.text)
def test_addresses(value):
    """An address of each type as the destination of a link."""
    assert address_of(value) == ADDRESSES[value]


URLS = [
    "https://example.org/(a)",
    "https://example.org/a b".replace(" ", "%20"),
    "https://example.org/?q=1&copy;2&lt=3",
    "https://example.org/\"onclick='x'",
    "https://example.org/<b>",
    "https://example.org/a)b](c",
    "https://example.org/\\",
    "https://example.org/pâté",
    "https://example.org/*_`|~",
]


@pytest.mark.parametrize("url", URLS)
def test_urls_as_destinations(url):
    """Whatever an https address holds, it stays one destination, the same in HTML and in Markdown."""
    assert problem_with(url, "url") is None
    link = clean("[See]({{site}}) it")
    values = around(site=Value(url, "url"))
    (made,) = [dict(attrs)["href"] for tag, attrs in Reader(html(link.html, values)).tags if tag == "a"]
    rendered = Reader(READER.render(markdown(link.markdown, values)))
    (read,) = [dict(attrs)["href"] for tag, attrs in rendered.tags if tag == "a"]
    assert made == url
    assert READER.normalizeLink(url) == READER.normalizeLink(read)
    assert squeezed(rendered.text) == "See it"
    assert offences(html(link.html, values)) == []


def test_where_links_lead():
    """References lead to the channel's addresses, path-absolute; a section of the same page is on this page."""
    surroundings = around()
    other = Reference("core", "template", "thank-you", None)
    section = Reference("core", "module", "ask", "when")
    assert surroundings.address(other) == "/v1/orgs/northbridge/templates/thank-you?format=html&locale=en-GB"
    assert surroundings.address(section) == "/v1/orgs/northbridge/modules/ask?format=html&locale=en-GB#when"
    assert surroundings.address(Reference("core", "module", "first-hour", "step")) == "#step"
    assert html(('<a href="', Link(other), '">'), surroundings).count("&amp;") == 1


def test_where_pictures_are():
    """A picture is at the organisation's own address, by what it holds."""
    name = "a" * 64 + ".png"
    assert html((Picture(name),), around()) == f"/v1/orgs/northbridge/images/{name}"
