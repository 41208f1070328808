"""Search over HTTP: what is found and what never is, in which locale and for whom, filters and pages."""

import re

import pytest
from appmaker import EASTGATE, HARBOUR, services_of
from finding import ask, ids
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packmaker import module

from coachkit.api.search_entries import entries, key
from coachkit.packs.model import KINDS

SEARCH = "/v1/orgs/northbridge/search"
LINK = re.compile(r'<(/v1/[^>]*)>; rel="next"')
NUMBERED = 25
SUMMARY = {"kind", "id", "pack", "version", "locale", "title", "summary", "topics", "stages", "audience"}

MUSEUM = {
    **HARBOUR,
    "locales": {"en-GB": ["en-GB"]},
    "packs": {"animals": "*"},
    "overlay": [
        {
            "op": "replace",
            "target": "animals:module/stripes",
            "locale": "en-GB",
            "section": "one",
            "title": "Walrus",
            "text": "A walrus is seen at {{careers_email}}, in our aquarium.",
        },
        {"op": "hide", "target": "animals:module/quagga"},
        {"op": "hide", "target": "animals:module/lion", "section": "two"},
    ],
}
MANIFEST = """\
id: animals
version: 1.0.0
title: Animals
description: A few modules.
licence: CC-BY-4.0
authors: [{role: careers adviser}]
default_locale: en-GB
locales: [en-GB]
coachkit: ">=0.1,<1"
visibility: public
placeholders:
  careers_email: {type: email, label: {en-GB: E-mail}, example: a@example.org, required: true}
"""


def publish_animals(portal):
    folder = portal.folder / "menagerie" / "animals"
    (folder / "modules").mkdir(parents=True)
    (folder / "pack.yaml").write_text(MANIFEST, encoding="utf-8")
    texts = {
        "stripes": module("Striped", "## Zebra {#one}\n\nA zebra is seen in Africa.\n"),
        "quagga": module("Quagga", "## One {#one}\n\nNobody sees one.\n"),
        "lion": module("Lion", "## One {#one}\n\nA mane.\n\n## Two {#two}\n\nSavannah.\n"),
        **{f"ant-{n:02}": module(f"Ant {n}", f"## One {{#one}}\n\nAn ant{' works' * n}.\n") for n in range(NUMBERED)},
    }
    for name, text in texts.items():
        (folder / "modules" / f"{name}.md").write_text(text, encoding="utf-8")
    portal.publish_folder(folder)


@pytest.fixture(scope="module")
def portal(portal):
    """The portal with two houses of animals, of which one has words of its own, and a twin of eastgate."""
    publish_animals(portal)
    portal.organisation("zoo", {**HARBOUR, "packs": {"animals": "*"}})
    portal.organisation("museum", MUSEUM)
    portal.organisation("westgate", EASTGATE)
    for slug in ("zoo", "museum", "westgate"):
        portal.edition(slug)
    return portal


@pytest.fixture(scope="module")
def client(portal):
    return portal.client()


def shown(item):
    return "".join(run["text"] for run in item["snippet"])


def marked(item):
    return [run["text"] for run in item["snippet"] if run["hit"]]


def codes(answer):
    assert answer.status_code == 400, answer.text
    return {(error["parameter"], error["code"]) for error in answer.json["errors"]}


# --- what an answer is --------------------------------------------------------------------------


def test_shape(client):
    """An answer is summaries with a score and a snippet, the best first."""
    items = ask(client, "feedback").json["items"]
    assert all(set(item) == SUMMARY | {"score", "snippet"} for item in items)
    assert all(set(run) == {"text", "hit"} for item in items for run in item["snippet"])
    points = [item["score"] for item in items]
    assert points == sorted(points, reverse=True)
    assert points[-1] > 0


def test_summary_is_that_of_the_list(client):
    """What is said of a resource is what the list says of it."""
    items = client.get("/v1/orgs/northbridge/modules").json["items"]
    listed = {item["id"]: item for item in items}
    found = ask(client, "feedback", kind="module").json["items"]
    assert found
    for item in found:
        assert {name: item[name] for name in SUMMARY} == listed[item["id"]]


@pytest.mark.parametrize(
    ("question", "wanted", "mark"),
    [
        ("disappointed", "module/first-hour", "disappointed"),
        ("kettle", "module/first-hour", "kettle"),
        ("Samaritans", "module/first-hour", "Samaritans"),
        ("telephone", "module/ask-for-feedback", "telephone"),
        ("stronger application", "template/thank-you", "stronger"),
        ("fear", "checklist/before-you-reply", "fear"),
        ("I heard back", "pathway/first-week", "heard"),
        ("guess role", "questionnaire/after-the-interview", "guess"),
        ("silence", "questionnaire/after-the-interview", "silence"),
        ("careers@northbridge.example", "template/thank-you", "northbridge"),
    ],
)
def test_every_kind_of_text(client, question, wanted, mark):
    """Sections, boxes, tables, contacts, values, items, reasons, steps, branches and options are all searched."""
    items = ask(client, question).json["items"]
    assert f"{items[0]['kind']}/{items[0]['id']}" == wanted
    assert mark in marked(items[0])


def test_plain_text(client):
    """Snippets hold no markup, no entities and no addresses."""
    for question in ("kettle", "telephone", "feedback", "write e-mail", "interviewer"):
        for item in ask(client, question).json["items"]:
            assert not re.search(r"<|&\w+;|/v1/|\*\*|\]\(", shown(item))


def test_labels_of_values_to_come(client):
    """A message that a reader will fill in is found and shown with the names of what goes there."""
    (item,) = ask(client, "Dear interviewer", kind="template").json["items"]
    assert "Dear [The interviewer's name]" in shown(item)


# --- locales, overlay, organisations ------------------------------------------------------------


def test_locale(client):
    """Each locale is searched in its own words."""
    assert ids(ask(client, "wythnos gyntaf", locale="cy"))[0] == "first-week"
    assert ids(ask(client, "wythnos gyntaf", locale="en-GB")) == []


@pytest.mark.parametrize("question", ["awr", "hawr", "oriau awr"])
def test_mutations(client, question):
    """A Welsh word is found through its mutations."""
    found = ask(client, question, locale="cy", kind="module").json["items"]
    assert found[0]["title"] == "Yr awr gyntaf"


def test_fallback(client):
    """What is not translated is found in the language it falls back to, and the answer says which there are."""
    answer = ask(client, "what went well", locale="cy")
    item = next(item for item in answer.json["items"] if item["id"] == "ask-for-feedback")
    assert item["title"] == "Gofyn am adborth"
    assert marked(item) == ["went", "well"]
    assert answer.headers["Content-Language"] == "cy, en-GB"


def test_language_of_the_answer(client):
    """Where everything that is shown is in one language, that one is named."""
    assert ask(client, "disappointed").headers["Content-Language"] == "en-GB"
    assert ask(client, "wythnos gyntaf", locale="cy", limit=1).headers["Content-Language"] == "cy, en-GB"
    assert ask(client, "siomedig", locale="cy").headers["Content-Language"] == "cy"


def test_translated_text_is_not_found_in_the_original(client):
    """What a locale has in its own words is not found in those of the language it would fall back to."""
    assert "first-hour" in ids(ask(client, "disappointed", locale="en-GB"))
    assert "first-hour" not in ids(ask(client, "disappointed", locale="cy"))


def test_overlay(client):
    """An organisation's own words are found and those that they replace are not; for others it is the other way."""
    assert ids(ask(client, "walrus", "museum")) == ["stripes"]
    assert ids(ask(client, "zebra", "museum")) == []
    assert ids(ask(client, "walrus", "zoo")) == []
    assert ids(ask(client, "zebra", "zoo")) == ["stripes"]


def test_inserted_section(client):
    """A section that an organisation put in is found there and nowhere else."""
    (item, *_) = ask(client, "say only that you were turned down").json["items"]
    assert item["id"] == "first-hour"
    assert "turned" in marked(item)
    assert not any("turned" in marked(item) for item in ask(client, "turned down", "eastgate").json["items"])


def test_hidden(client):
    """A resource or a section that an organisation hides is not found there."""
    assert ids(ask(client, "quagga", "zoo")) == ["quagga"]
    assert ids(ask(client, "quagga", "museum")) == []
    assert ids(ask(client, "savannah", "zoo")) == ["lion"]
    assert ids(ask(client, "savannah", "museum")) == []


def test_values_of_others(client):
    """What an organisation fills in is found in its own texts only."""
    for slug, own in (("northbridge", "careers"), ("eastgate", "hello")):
        items = ask(client, "northbridge eastgate example careers hello", slug).json["items"]
        text = " ".join(shown(item) for item in items)
        other = "hello@eastgate" if slug == "northbridge" else "careers@northbridge"
        assert f"{own}@{slug}" in text
        assert other not in text


def editions(portal, *slugs):
    parts = services_of(portal.apps[0])
    for slug in slugs:
        served = parts.reader.live(slug)
        assert served
        yield parts.library.edition(served.organisation_id, served.organisation, served.digest)


@pytest.mark.parametrize("locale", ["en-GB", "cy"])
def test_what_is_shared_says_nothing_of_whom(client, portal, locale):
    """Two organisations that serve the same documents make the same index of them, to the letter."""
    one, other = editions(portal, "eastgate", "westgate")
    assert one.digest != other.digest
    assert key(one, locale) == key(other, locale)
    assert list(entries(one, locale)) == list(entries(other, locale))


def test_same_digest_same_texts(client, portal):
    """Wherever a document's digest is the same, so is all that search reads of it."""
    read = {}
    for edition in editions(portal, "northbridge", "harbour", "eastgate", "westgate", "zoo", "museum"):
        for locale in edition.locales:
            for entry in entries(edition, locale):
                digest = edition.digests[entry.kind, entry.id][locale]
                assert read.setdefault(digest, entry) == entry


def test_one_index_for_the_same_documents(portal):
    """Organisations that serve the same documents share one index in each locale; others have their own."""
    app = portal.app()
    client, indexes = app.test_client(), services_of(app).indexes
    assert indexes.size == (0, 0)
    for slug in ("eastgate", "westgate"):
        ask(client, "feedback", slug)
    assert indexes.size[0] == 1
    ask(client, "feedback", "westgate", locale="cy")
    assert indexes.size[0] == 2
    ask(client, "feedback", "northbridge")
    assert indexes.size[0] == 3


# --- filters and pages --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("kind=module", lambda item: item["kind"] == "module"),
        ("kind=module&kind=template", lambda item: item["kind"] in {"module", "template"}),
        ("topic=feedback", lambda item: "feedback" in item["topics"]),
        ("topic=feedback&topic=reflection", lambda item: {"feedback", "reflection"} & set(item["topics"])),
        ("stage=screened", lambda item: "screened" in item["stages"]),
        ("audience=everyone", lambda item: "everyone" in item["audience"]),
        ("pack=example", lambda item: item["pack"] == "example"),
        ("pack=none", lambda item: item["pack"] == "none"),
        ("topic=feedback&kind=module", lambda item: item["kind"] == "module" and "feedback" in item["topics"]),
    ],
)
def test_filters(client, query, holds):
    """Filters are those of lists and the kind: they take out what they do not meet and leave the order alone."""
    everything = client.get(f"{SEARCH}?q=you&limit=100").json["items"]
    found = client.get(f"{SEARCH}?q=you&limit=100&{query}").json["items"]
    assert {item["kind"] for item in everything} == set(KINDS)
    assert found == [item for item in everything if holds(item)]


def following(client, path):
    """What each page from `path` on has, going by Link alone."""
    pages = []
    while path:
        page = client.get(path)
        assert page.status_code == 200, page.text
        pages.append(page.json["items"])
        link = LINK.fullmatch(page.headers.get("Link", ""))
        path = link and link[1]
        assert len(pages) < 100
    return pages


@settings(deadline=None, max_examples=10)
@given(limit=st.integers(1, 30))
def test_pages(client, limit):
    """Whatever the limit, the pages hold what one page would, in its order, and all but the last are full."""
    whole = client.get("/v1/orgs/zoo/search?q=ant&limit=100").json["items"]
    pages = following(client, f"/v1/orgs/zoo/search?q=ant&limit={limit}")
    assert [item for page in pages for item in page] == whole
    assert all(len(page) == limit for page in pages[:-1])
    assert len(whole) == NUMBERED


def test_default_limit(client):
    """Without a limit there are twenty, and a Link to the rest that keeps the question and the filters."""
    answer = client.get("/v1/orgs/zoo/search?q=ant&kind=module&locale=en-gb")
    assert len(answer.json["items"]) == 20
    (path,) = LINK.fullmatch(answer.headers["Link"]).groups()
    assert len(client.get(path).json["items"]) == NUMBERED - 20
    assert "q=ant" in path
    assert "kind=module" in path
    assert "locale=en-GB" in path


@pytest.mark.parametrize(
    "other", ["/v1/orgs/zoo/search?q=ants", "/v1/orgs/museum/search?q=ant", "/v1/orgs/zoo/search?q=ant&kind=module"]
)
def test_cursor_of_another_question(client, other):
    """A cursor goes with its question, its filters and its organisation."""
    link = client.get("/v1/orgs/zoo/search?q=ant&limit=2").headers["Link"]
    cursor = LINK.fullmatch(link)[1].rpartition("cursor=")[2]
    assert codes(client.get(f"{other}&cursor={cursor}")) == {("cursor", "invalid-cursor")}


def test_fields(client):
    """Only some fields of each answer may be asked for, of those that there are."""
    items = client.get(f"{SEARCH}?q=feedback&fields=id,score,snippet").json["items"]
    assert all(list(item) == ["id", "score", "snippet"] for item in items)
    assert codes(client.get(f"{SEARCH}?q=feedback&fields=id,sections")) == {("fields", "invalid-value")}


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", ("q", "missing")),
        ("q=", ("q", "too-short")),
        ("q=+%20%09", ("q", "too-short")),
        (f"q={'+' * 10_000}", ("q", "too-short")),
        (f"q={'a' * 201}", ("q", "too-long")),
        ("q=a&q=b", ("q", "repeated-parameter")),
        ("q=%00", ("q", "invalid-text")),
        ("q=%FF", ("q", "invalid-encoding")),
        ("q=a&facets=true", ("facets", "unknown-parameter")),
        ("q=a&format=html", ("format", "unknown-parameter")),
        ("q=a&limit=101", ("limit", "out-of-range")),
        ("q=a&kind=modules", ("kind", "invalid-value")),
        ("q=a&stage=hired", ("stage", "invalid-value")),
        ("q=a&locale=fr", ("locale", "unknown-locale")),
    ],
)
def test_refused(client, query, error):
    """What cannot be looked for is refused, and the parameter that is wrong is named."""
    assert error in codes(client.get(f"{SEARCH}?{query}"))


@pytest.mark.parametrize("length", [1, 200])
def test_longest_question(client, length):
    """Questions of one to two hundred characters are taken, whatever they weigh in bytes."""
    assert client.get(SEARCH, query_string={"q": "🙂" * length}).json == {"items": []}


def test_json_only(client):
    """Answers are JSON; who accepts nothing of that is told so."""
    assert client.get(f"{SEARCH}?q=a", headers={"Accept": "text/html"}).status_code == 406
    assert ask(client, "a").content_type == "application/json"


@pytest.mark.parametrize("path", ["/v1/orgs/nobody/search?q=a", "/v1/orgs/northbridge/search?q=a&channel=none"])
def test_nobody(client, path):
    """Where nothing is served there is nothing to search."""
    assert client.get(path).status_code == 404


@settings(deadline=None, max_examples=150)
@given(question=st.text(max_size=220))
@example(question='"')
@example(question="AND OR NOT NEAR(")
@example(question="*")
@example(question="\u202e\u0645\u0631\u062d\u0628\u0627")
@example(question="🙂🏳️‍🌈")
@example(question="'; DROP TABLE editions; --")
@example(question="\ud7ff\ue000\uffff")
def test_any_question(client, question):
    """Whatever is asked is answered or refused by name, in every locale, and never a fault."""
    for locale in ("en-GB", "cy"):
        answer = client.get(SEARCH, query_string={"q": question, "locale": locale, "limit": 100})
        assert answer.status_code in {200, 400}
        if answer.status_code == 400:
            assert codes(answer) <= {("q", "too-short"), ("q", "too-long"), ("q", "invalid-text")}


def test_reference(client):
    """The reference documents both addresses, the question's bounds and the shape of what is found."""
    reference = client.get("/openapi.json").json
    for path in ("/v1/orgs/{organisation}/search", "/v1/orgs/{organisation}/editions/{digest}/search"):
        parameters = {each["name"]: each for each in reference["paths"][path]["get"]["parameters"] if "name" in each}
        assert parameters["q"]["required"]
        assert parameters["q"]["schema"]["maxLength"] == 200
        assert {"kind", "topic", "stage", "audience", "pack", "limit", "cursor", "locale"} <= set(parameters)
    found = reference["components"]["schemas"]["Found"]
    assert set(found["properties"]) == SUMMARY | {"score", "snippet"}
    assert set(found["required"]) == set(found["properties"])
