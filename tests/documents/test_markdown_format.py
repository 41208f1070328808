"""Documents as Markdown: read by a Markdown reader, the page says what the JSON does, whatever anybody wrote."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from documentmaker import BASE, HOSTILE, checklist, contact, everything, module
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from coachkit.documents.markdown_format import MARKDOWN, escaped, render

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OWN = "https://coaching.northbridge.example/v1/orgs/northbridge/"
lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=60)


class Page(HTMLParser):
    """The headings with their levels, the destinations of links, and all text of what a Markdown reader makes."""

    def __init__(self, markdown):
        super().__init__()
        self.headings, self.links, self.pictures, self.text, self.tags, self._level = [], [], [], "", [], None
        self.feed(READER.render(markdown))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self._level = int(tag[1])
            self.headings.append((self._level, ""))
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag == "img":
            self.pictures.append(dict(attrs)["src"])

    def handle_endtag(self, tag):
        if re.fullmatch("h[1-6]", tag):
            self._level = None

    def handle_data(self, data):
        self.text += data
        if self._level:
            level, text = self.headings.pop()
            self.headings.append((level, text + data))


def page(document):
    return Page(render(document).decode())


def test_what_it_is():
    """Markdown is `text/markdown`, for all kinds, and Accept may ask for it."""
    assert (MARKDOWN.name, MARKDOWN.media_type, MARKDOWN.negotiable, len(MARKDOWN.kinds)) == (
        "markdown",
        "text/markdown",
        True,
        5,
    )


def test_headings_of_the_library(reader):
    """Each document has its title as the one first heading, sections below it, and skips no level on the way down."""
    for document, text in everything(reader, "northbridge", ("en-GB", "cy"), "markdown"):
        headings = Page(text).headings
        assert headings[0] == (1, document["title"])
        levels = [level for level, _ in headings]
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        parts = [(2, section["title"]) for section in document.get("sections", [])]
        assert [each for each in headings if each in parts] == parts


def test_links_of_the_library(reader):
    """Every link and picture has a whole address, of a safe scheme; what a document points at is among the links."""
    for document, text in everything(reader, "northbridge", ("en-GB", "cy"), "markdown"):
        found = Page(text)
        assert [each for each in found.links if not each.startswith(("https://", "mailto:", "tel:"))] == []
        assert [each for each in found.pictures if not each.startswith(f"{OWN}images/")] == []
        for each in document["related"]:
            path = f"{OWN}{each['kind']}s/{each['id']}?format=email&locale={document['locale']}"
            assert path in found.links


def test_tables_stay_tables(reader):
    """An author's table is a table."""
    text = reader.get("/v1/orgs/northbridge/modules/what-a-no-means?format=markdown").text
    assert Page(text).tags.count("table") == 2


def test_without_a_public_address(nowhere):
    """Where the installation does not know its address, links stay path-absolute, as in the JSON's Markdown."""
    for document, text in everything(nowhere, "northbridge", ("en-GB",), "markdown"):
        own = [each for each in Page(text).links if each.startswith("/")]
        assert all(each.startswith("/v1/orgs/northbridge/") for each in own)
        assert all(section["markdown"] in text for section in document.get("sections", []) if "markdown" in section)


def test_a_section_of_the_same_page():
    """A link to a section of its own document leads to that document's whole address, from wherever it is read."""
    link = f"{BASE}/v1/orgs/riverside/modules/asking-why?format=email&locale=en-GB#s1"
    assert page(module(("One", "", f"[back]({link})"))).links == [link]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words(text):
    """Titles, summaries, items, contacts and names of other resources read as the words they are."""
    related = [{"kind": "module", "id": "other", "title": text}]
    made = module((text, "", "Text."), title=text, summary=text, related=related, support=[contact(text)])
    plain = page(
        module(
            ("W", "", "Text."), title="W", summary="W", related=[{**related[0], "title": "W"}], support=[contact("W")]
        )
    )
    for found, times in ((page(made), 5), (page(checklist(text, text)), 2)):
        assert found.text.count(text) == times, READER.render(render(made).decode())
    assert page(made).tags == plain.tags


@given(lines)
@example("1) x")
@example("&amp;")
@example("a  b")
@example("--- -")
@example("- - -")
@example("x #")
def test_any_line_reads_as_itself(text):
    """Escaped, any line is that text and nothing else: as a heading, a paragraph, an item, emphasised or in a link."""
    for before, after, tags in (
        ("# ", "", ["h1"]),
        ("", "", ["p"]),
        ("- ", "", ["ul", "li"]),
        ("[", "](https://example.org)", ["p", "a"]),
        ("**(", ")**", ["p", "strong"]),
    ):
        found = Page(f"{before}{escaped(text)}{after}")
        assert found.tags == tags
        assert found.text.strip("\n()") == text.strip("()")


@pytest.mark.parametrize(
    "text", ["What to do now.", "Q&A: one hour, a start", "It's 3.5 hours (about).", "Teimlwch yn gyntaf"]
)
def test_what_needs_no_escape(text):
    """What no Markdown reader would take for anything stays as it was written."""
    assert escaped(text) == text


def test_a_code_block_that_is_left_open_ends_with_its_section():
    """What follows a section is no part of a code block that its author did not close."""
    found = page(module(("One", "", "```\ncode\nmore"), ("Two", "", "Text."), ("Three", "", "````\nclosed\n````")))
    assert [text for _, text in found.headings] == ["Asking why", "One", "Two", "Three"]
    assert found.tags.count("pre") == 2
    assert render(module(("One", "", "```\nclosed\n```"))).count(b"```") == 2
    assert render(module(("One", "", "- a\n\n  ```\n  code"), ("Two", "", "Text."))).count(b"```") == 1


def test_link_definitions_keep_to_their_section():
    """Two sections that define one label each keep their own destination, and no words elsewhere become a link."""
    one = "See [the guide][1] and [1].\n\n[1]: https://one.example"
    two = "See [this][1].\n\n[1]: https://two.example"
    assert page(module(("One", "", one), ("Two", "", two), ("Three", "", "As [1] says."))).links == [
        "https://one.example",
        "https://one.example",
        "https://two.example",
    ]
    assert one in render(module(("One", "", one))).decode()


def test_link_definitions_do_not_change_code():
    """Where another name for a label would change what the text says, in code for one, the text stays as it is."""
    one = "See [it][1] and `row[1]`.\n\n[1]: https://one.example"
    made = render(module(("One", "", one), ("Two", "", "As [1] says.")))
    assert one in made.decode()


def test_fallbacks_are_marked(reader):
    """A document with texts in another language says so, and which; one without does not."""
    for document, text in everything(reader, "northbridge", ("en-GB", "cy"), "markdown"):
        shown = [each for each in document["fallback"] if not each.startswith(("recommend", "options", "checks"))]
        if not shown:
            assert "Iaith y rhannau hynny" not in text
        if any(
            each.startswith(("sections/", "summary", "intro", "steps/")) and "options" not in each for each in shown
        ):
            assert "Iaith y rhannau hynny: Saesneg." in text
        assert "not translated yet" not in text


def test_drafts_and_contacts_say_what_they_are(reader):
    """A draft says that it is one, and a contact that nobody has verified says that, in the reader's language."""
    path = "/v1/orgs/northbridge/modules/first-hour?format=markdown&locale="
    assert "*Drafft yw\u2019r cyfieithiad hwn" in reader.get(f"{path}cy").text
    assert "This translation is a draft" not in reader.get(f"{path}en-GB").text
    assert "**(heb ei wirio: gwiriwch cyn dibynnu arno)**" in reader.get(f"{path}cy").text
    verified = render(module(support=[contact(verified_on="2026-01-05", phone="116 123", url="https://a.example")]))
    assert b"- [Samaritans](https://a.example), [116 123](tel:116123)\n" in verified


def test_facts(reader):
    """It ends with where it applies and when it was last reviewed, as a reader of that language writes them."""
    path = "/v1/orgs/northbridge/modules/ask-for-feedback?format=markdown&locale="
    assert reader.get(f"{path}en-GB").text.endswith("- Applies in: United Kingdom\n- Last reviewed: 1 November 2026\n")
    assert "Adolygwyd ddiwethaf: 1 Tachwedd 2026" in reader.get(f"{path}cy").text
    assert b"Applies in: United Kingdom (GB-WLS), Ireland\n" in render(module(jurisdiction=["GB-WLS", "IE"]))


def test_a_language_that_we_have_no_words_for():
    """Our own words are English in a document of another language, and its day is written in English too."""
    text = render(module(locale="fr", languages=("fr",), jurisdiction="QQ")).decode()
    assert "Applies in: QQ\n- Last reviewed: 1 November 2026" in text
