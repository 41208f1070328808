"""Formats and locales over HTTP: what a caller asks for, what they get, and what the answer says about it."""

import pytest
from packmaker import replacing

MODULE = "/v1/orgs/northbridge/modules/first-hour"
PARTLY = "/v1/orgs/northbridge/modules/ask-for-feedback"
LIST = "/v1/orgs/northbridge/modules"
ORGANISATION = "/v1/orgs/northbridge"
ONE_LOCALE = "/v1/orgs/harbour/modules/first-hour"
JSON, HTML = "application/json", "text/html; charset=utf-8"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def get(client, path, **headers):
    return client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def errors(answer, status):
    """The codes of a problem's errors with where they are, once its status is as expected."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    return [
        (error.get("parameter") or error.get("header") or error.get("pointer"), error["code"])
        for error in answer.json["errors"]
    ]


@pytest.mark.parametrize(
    ("path", "accept", "content_type"),
    [
        (MODULE, None, JSON),
        (MODULE, "*/*", JSON),
        (MODULE, "text/html", HTML),
        (MODULE, BROWSER, HTML),
        (MODULE, "text/html;q=0.1, application/json;q=0.2", JSON),
        (f"{MODULE}?format=html", "application/json", HTML),
        (f"{MODULE}?format=json", "text/html", JSON),
        (f"{MODULE}?format=html", "image/png", HTML),
        (LIST, BROWSER, JSON),
        (ORGANISATION, BROWSER, JSON),
    ],
)
def test_format(client, path, accept, content_type):
    """The format is what ?format= names, or else what Accept prefers, or else JSON."""
    answer = get(client, path, **({"Accept": accept} if accept else {}))
    assert (answer.status_code, answer.content_type) == (200, content_type)


@pytest.mark.parametrize("path", [MODULE, LIST, ORGANISATION])
def test_not_acceptable(client, path):
    """Where nothing in Accept can be served, the answer is 406, names the header and lists what there is."""
    answer = get(client, path, Accept="image/png")
    assert errors(answer, 406) == [("Accept", "not-acceptable")]
    assert "application/json" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize("accept", ["text/html", "text/html, image/png;q=0.2"])
def test_lists_are_json_only(client, accept):
    """A list is offered as JSON and as nothing else."""
    assert errors(get(client, LIST, Accept=accept), 406) == [("Accept", "not-acceptable")]


def test_unknown_format(client):
    """A format that does not exist is refused with those that do."""
    answer = client.get(f"{MODULE}?format=pdf")
    assert errors(answer, 400) == [("format", "unknown-format")]
    assert "json" in answer.json["errors"][0]["detail"]
    assert "html" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize("path", [LIST, ORGANISATION])
def test_format_of_what_has_one(client, path):
    """What is served as JSON only takes no `format`."""
    assert errors(client.get(f"{path}?format=json"), 400) == [("format", "unknown-parameter")]


@pytest.mark.parametrize(
    ("query", "vary"),
    [
        ("", {"Accept", "Accept-Language"}),
        ("?format=json", {"Accept-Language"}),
        ("?locale=cy", {"Accept"}),
        ("?format=html&locale=cy", None),
        ("?channel=live", {"Accept", "Accept-Language"}),
    ],
)
def test_vary(fresh, query, vary):
    """Vary names the headers that chose, without one that a parameter stood in for; made and kept answers alike."""
    for _ in range(2):
        found = fresh.get(f"{MODULE}{query}").headers.get("Vary")
        assert (None if found is None else set(found.split(", "))) == vary


@pytest.mark.parametrize(
    ("accept_language", "locale"),
    [
        ("cy", "cy"),
        ("cy-GB", "cy"),
        ("CY", "cy"),
        ("cy-GB, en;q=0.5", "cy"),
        ("en", "en-GB"),
        ("fr, de;q=0.9", "en-GB"),
        ("*", "en-GB"),
        ("cy;q=0", "en-GB"),
        ("cy;q=0, *", "en-GB"),
        ("fr, cy;q=0.1", "cy"),
    ],
)
def test_accept_language(client, accept_language, locale):
    """Accept-Language is looked up as RFC 4647 says; where it matches nothing the default locale answers."""
    answer = get(client, MODULE, Accept_Language=accept_language)
    assert answer.json["locale"] == locale
    assert answer.headers["Content-Language"].split(", ")[0] == locale


@pytest.mark.parametrize(("asked", "locale"), [("cy", "cy"), ("CY", "cy"), ("en-gb", "en-GB"), ("EN-GB", "en-GB")])
def test_locale_parameter(client, asked, locale):
    """?locale= wins over Accept-Language, in whatever case it is written."""
    answer = get(client, f"{MODULE}?locale={asked}", Accept_Language="de")
    assert answer.json["locale"] == locale


@pytest.mark.parametrize("path", [MODULE, LIST, ORGANISATION])
@pytest.mark.parametrize("asked", ["fr", "cy-GB", "en", "*", ""])
def test_unknown_locale(client, path, asked):
    """A ?locale= that the edition does not serve is refused with those that it does."""
    answer = client.get(f"{path}?locale={asked}")
    assert errors(answer, 400) == [("locale", "unknown-locale")]
    assert "en-GB, cy" in answer.json["errors"][0]["detail"]


def test_locale_of_another_organisation(client):
    """The locales are those of the organisation that is asked, whatever others serve."""
    assert errors(client.get(f"{ONE_LOCALE}?locale=cy"), 400) == [("locale", "unknown-locale")]
    assert get(client, ONE_LOCALE, Accept_Language="cy").json["locale"] == "en-GB"


@pytest.mark.parametrize("format_", ["json", "html"])
def test_languages_present(client, format_):
    """Content-Language names every language in the document, the main one first."""
    assert client.get(f"{PARTLY}?locale=cy&format={format_}").headers["Content-Language"] == "cy, en-GB"
    assert client.get(f"{PARTLY}?locale=en-GB&format={format_}").headers["Content-Language"] == "en-GB"


def test_languages_of_a_list(client):
    """A list in Welsh with a summary that has not been translated says that English is in it."""
    assert client.get(f"{LIST}?locale=cy").headers["Content-Language"] == "cy, en-GB"
    assert client.get(f"{LIST}?locale=cy&topic=first-response").headers["Content-Language"] == "cy"


def test_languages_of_an_organisation(client):
    """An organisation's answer says the language of its name and of its contacts."""
    assert client.get(f"{ORGANISATION}?locale=cy").headers["Content-Language"] == "cy"
    assert client.get(f"{ORGANISATION}?locale=en-GB").headers["Content-Language"] == "en-GB"


def test_languages_of_an_organisation_whose_contacts_fall_back(house):
    """Contacts that only another locale of the chain has are announced too."""
    without_welsh = replacing(
        "      cy:\n        - {name: Y Samariaid, phone: 0808 164 0123, verified_on: 2026-01-05}\n", ""
    )
    house.publish(**{"pack.yaml": lambda text: without_welsh(text.replace("1.0.0", "1.1.0"))})
    house.edition("northbridge")
    answer = house.client().get(f"{ORGANISATION}?locale=cy")
    assert [each["locale"] for each in answer.json["brand"]["support"]["listening"]] == ["en-GB"]
    assert answer.headers["Content-Language"] == "cy, en-GB"


def test_fallback_map(client):
    """What is not in the document's locale says where it is from, field by field and section by section."""
    document = client.get(f"{PARTLY}?locale=cy").json
    assert document["fallback"] == {"summary": "en-GB", "sections/what": "en-GB"}
    assert [(each["id"], each["locale"]) for each in document["sections"]] == [("when", "cy"), ("what", "en-GB")]
    assert document["title"] == "Gofyn am adborth"


def test_overlay_in_the_chain(client):
    """The overlay's English wording serves Welsh readers too, where there is no Welsh of either."""
    northbridge = client.get(f"{PARTLY}?locale=cy").json
    eastgate = client.get("/v1/orgs/eastgate/modules/ask-for-feedback?locale=cy").json
    assert northbridge["summary"] == "How to ask one good question."
    assert eastgate["summary"] == "How to ask so that you get an answer."


@pytest.mark.parametrize("organisation", ["northbridge", "eastgate"])
@pytest.mark.parametrize("path", ["modules/first-hour", "modules/ask-for-feedback", "templates/thank-you"])
def test_english_never_shows_welsh(client, organisation, path):
    """The chain of en-GB has no Welsh in it, so an English document has nothing to fall back to."""
    answer = client.get(f"/v1/orgs/{organisation}/{path}?locale=en-GB")
    assert answer.json["fallback"] == {}
    assert "adborth" not in answer.text
    assert "iawn" not in answer.text
    assert answer.headers["Content-Language"] == "en-GB"


def test_html_marks_foreign_passages(client):
    """HTML has the document's locale on the article, and the other one on each section that fell back."""
    html = client.get(f"{PARTLY}?locale=cy&format=html").text
    assert '<article lang="cy"' in html
    assert '<section id="when">' in html
    assert '<section id="what" lang="en-GB">' in html


def test_fields(client):
    """?fields= gives just those fields, in the document's own order."""
    assert list(client.get(f"{MODULE}?fields=title,id").json) == ["id", "title"]
    assert [list(item) for item in client.get(f"{LIST}?fields=summary,id").json["items"]] == [["id", "summary"]] * 2


@pytest.mark.parametrize("path", [MODULE, LIST])
@pytest.mark.parametrize("fields", ["nonesuch", "id,nonesuch", "id,,title", "sections/feel"])
def test_unknown_fields(client, path, fields):
    """A field that there is not is refused, for a list as for a document."""
    assert errors(client.get(f"{path}?fields={fields}"), 400) == [("fields", "invalid-value")]


def test_fields_go_with_json(client):
    """Fields of HTML are none."""
    assert errors(client.get(f"{MODULE}?fields=title&format=html"), 400) == [("fields", "invalid-value")]
    assert errors(get(client, f"{MODULE}?fields=title", Accept="text/html"), 400) == [("fields", "invalid-value")]


@pytest.mark.parametrize(
    ("query", "accept", "status", "detail"),
    [
        ("?locale=fr", "*/*", 400, "The locale that was asked for is not served."),
        ("?format=pdf", "*/*", 400, "The format that was asked for does not exist."),
        ("", "image/png", 406, "None of the media types in Accept can be served."),
    ],
)
def test_what_cannot_be_had_is_said(portal, query, accept, status, detail):
    """A reader who asks for what there is not is told so in plain words."""
    answer = portal.client().get(f"/v1/orgs/northbridge/modules/first-hour{query}", headers={"Accept": accept})
    assert (answer.status_code, answer.json["detail"]) == (status, detail)
