"""Documents written down: what every kind's HTML is made of, in every locale, whatever authors and brands wrote."""

from collections import Counter
from html.parser import HTMLParser

import pytest
from appmaker import NORTHBRIDGE, furnish, house_in
from packmaker import FILES, PACK, replacing

from coachkit.packs.html import ATTRIBUTES, ELEMENTS
from coachkit.packs.model import FOLDERS

AROUND = {"article", "section", "nav", "h1", "h2", "small"}
"""What representations add to the elements that texts may have."""
OWN_ATTRIBUTES = {"id", "lang", "class", "rel", "aria-label", "data-kind", "data-id"}
VOID = {"br", "hr", "img"}
HOSTILE = "</h1><script>alert('x')</script> & \"O'Brien\" {{careers_email}} <b>"
ADDRESSES = ("https://", "mailto:", "tel:", "/v1/orgs/northbridge/", "#")


class Page(HTMLParser):
    """Elements, attributes, ids and text of a page, and whether its tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.attributes = [], Counter(), set()
        self.ids, self.addresses, self.texts, self.languages = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements[tag] += 1
        for name, value in attrs:
            self.attributes.add((tag, name))
            if name == "id":
                self.ids.append(value)
            if name in {"href", "src"}:
                self.addresses.append(value)
            if name == "lang":
                self.languages.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        pytest.fail(f"a comment: {data}")


def hostile(text):
    """The file with every title, summary, label, reason and intro made hostile, as a YAML text."""
    written = "'" + HOSTILE.replace("'", "''").replace("{{careers_email}}", "") + "'"
    lines = []
    for line in text.splitlines(keepends=True):
        key, colon, _ = line.partition(":")
        lines.append(f"{key}{colon} {written}\n" if key in {"title", "summary", "intro"} else line)
    return "".join(lines)


@pytest.fixture(scope="module")
def portal(make_database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("representations")
    with make_database("sqlite", folder) as database, house_in(folder, database) as house:
        yield furnish(house)


@pytest.fixture(scope="module", params=["plain", "hostile"])
def client(request, portal):
    """A client of the house as it is, then of one whose pack and brand hold markup wherever they hold words."""
    if request.param == "hostile":
        files = {f"{FOLDERS[kind]}/{name}": hostile for kind, name in _FILES}
        module = hostile(FILES["modules/first-hour.md"]).replace("It is **fine**", "{{organisation_name}}: **fine**")
        declared = replacing(
            "placeholders:\n",
            "placeholders:\n  organisation_name: {type: text, label: {en-GB: Name}, required: true}\n",
        )
        portal.publish(
            **{**files, "modules/first-hour.md": module, PACK: lambda text: declared(text.replace("1.0.0", "1.1.0"))}
        )
        brand = {**NORTHBRIDGE["brand"], "name": HOSTILE}
        overlay = [
            {**part, "text": f"{part['text']} Still."} for part in NORTHBRIDGE["overlay"]
        ]  # over the new release
        portal.set("northbridge", {**NORTHBRIDGE, "brand": brand, "overlay": overlay})
        portal.edition("northbridge")
    return portal.client()


_FILES = [
    ("module", "ask-for-feedback.md"),
    ("checklist", "before-you-reply.yaml"),
    ("pathway", "first-week.yaml"),
    ("questionnaire", "after-the-interview.yaml"),
    ("template", "thank-you.md"),
]


def pages(client):
    """Each document's JSON and HTML, in both locales."""
    for folder in FOLDERS.values():
        for item in client.get(f"/v1/orgs/northbridge/{folder}").json["items"]:
            for locale in ("en-GB", "cy"):
                path = f"/v1/orgs/northbridge/{folder}/{item['id']}?locale={locale}"
                yield client.get(path).json, client.get(f"{path}&format=html").text


def test_hostile_words_are_shown(request, client):
    """What these tests try is there: markup that an author or a brand wrote is read as the words it is."""
    shown = "".join("".join(Page(html).texts) for _, html in pages(client))
    assert ("<script>alert('x')</script>" in shown) == ("[hostile]" in request.node.name)


def test_elements(client):
    """Every kind's HTML is balanced and holds nothing but what texts may have and the frame around them."""
    for _, html in pages(client):
        page = Page(html)
        assert set(page.elements) <= ELEMENTS | AROUND
        for tag, name in page.attributes:
            assert name in OWN_ATTRIBUTES | ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set()), (tag, name)


def test_addresses(client):
    """Links lead to safe schemes, to this organisation's own addresses, or to a place on the page."""
    for _, html in pages(client):
        assert [each for each in Page(html).addresses if not each.startswith(ADDRESSES)] == []


def test_one_article(client):
    """A representation is one article in its locale with one main heading, and no head."""
    for document, html in pages(client):
        assert html.startswith(f'<article lang="{document["locale"]}"')
        page = Page(html)
        assert (page.elements["article"], page.elements["h1"], page.elements["html"]) == (1, 1, 0)


def test_ids_are_there_once(client):
    """No id stands twice, and whatever a link on the page points at is on it."""
    for _, html in pages(client):
        page = Page(html)
        assert len(page.ids) == len(set(page.ids))
        assert {each[1:] for each in page.addresses if each.startswith("#")} <= set(page.ids)


def test_same_words(client):
    """Title, summary and every section's title read in HTML as the JSON has them."""
    for document, html in pages(client):
        text = "".join(Page(html).texts)
        words = [document["title"], document["summary"], *(each["title"] for each in document.get("sections", []))]
        assert [each for each in words if each not in text] == []


def test_foreign_passages_are_marked(client):
    """A document that fell back anywhere has that language on a passage; one that did not has only its own."""
    for document, html in pages(client):
        expected = {document["locale"], *document["fallback"].values()}
        assert expected <= set(Page(html).languages)


def test_links_work(client):
    """Every address of ours in any document answers."""
    found = {each for _, html in pages(client) for each in Page(html).addresses if each.startswith("/v1/")}
    assert found
    assert {each: client.get(each).status_code for each in found} == dict.fromkeys(found, 200)


def test_unverified_contacts_say_so(client):
    """A contact that nobody has verified is shown as such, in the reader's language; a verified one is not."""
    path = "/v1/orgs/northbridge/modules/first-hour?format=html&locale="
    assert "not verified" in client.get(f"{path}en-GB").text
    assert "heb ei wirio" not in client.get(f"{path}cy").text


def test_drafts_say_so(client):
    """A translation that no speaker has signed off says that it is a draft; a signed one does not."""
    path = "/v1/orgs/northbridge/modules/{}?format=html&locale={}"
    assert "ck-draft" in client.get(path.format("ask-for-feedback", "cy")).text
    assert "ck-draft" not in client.get(path.format("first-hour", "cy")).text
    assert "ck-draft" not in client.get(path.format("ask-for-feedback", "en-GB")).text
