"""?explain=true: where each text of a document comes from, in its JSON, and nowhere without being asked for."""

import pytest
from appmaker import NORTHBRIDGE, eventually
from jsonschema import Draft202012Validator
from packmaker import PACK, replacing

from coachkit.packs.model import FOLDERS

ORGANISATION = "/v1/orgs/northbridge"
MODULE = f"{ORGANISATION}/modules/first-hour"
ASK = f"{ORGANISATION}/modules/ask-for-feedback"


def told(answer):
    """The entries of an explanation by field."""
    assert answer.status_code == 200, answer.text
    return {each["field"]: each for each in answer.json["explain"]}


def at_edition(client, path):
    digest = client.get(ORGANISATION).json["edition"]
    return path.replace(ORGANISATION, f"{ORGANISATION}/editions/{digest}", 1)


@pytest.mark.parametrize("at", [lambda _, path: path, at_edition], ids=["channel", "edition"])
def test_where_a_sentence_comes_from(client, at):
    """For each field and section: its release, the locale it was found in, who wrote it, and what was filled in."""
    found = told(client.get(at(client, f"{MODULE}?locale=cy&explain=true")))
    release = {"pack": "example", "version": "1.0.0"}
    assert found == {
        "title": {
            "field": "title",
            **release,
            "locale": "cy",
            "missing_in": [],
            "origin": "release",
            "values": {},
        },
        "summary": {
            "field": "summary",
            **release,
            "locale": "cy",
            "missing_in": [],
            "origin": "release",
            "values": {},
        },
        "sections/feel": {
            "field": "sections/feel",
            **release,
            "locale": "cy",
            "missing_in": [],
            "origin": "release",
            "values": {},
        },
        "sections/at-northbridge": {
            "field": "sections/at-northbridge",
            **release,
            "locale": "en-GB",
            "missing_in": ["cy"],
            "origin": "overlay",
            "values": {"careers_email": "careers@northbridge.example"},
        },
        "sections/step": {
            "field": "sections/step",
            **release,
            "locale": "cy",
            "missing_in": [],
            "origin": "release",
            "values": {"careers_email": "careers@northbridge.example"},
        },
    }


def test_beside_the_document(client):
    """The document is what it is without the explanation, and has one key more."""
    plain, explained = client.get(MODULE).json, client.get(f"{MODULE}?explain=true").json
    assert set(explained) - set(plain) == {"explain"}
    assert {key: explained[key] for key in plain} == plain


@pytest.mark.parametrize("folder", FOLDERS.values())
@pytest.mark.parametrize("locale", ["en-GB", "cy"])
def test_it_agrees_with_the_document(client, folder, locale):
    """Of every kind of document, whatever fell back is told to come from the locale that `fallback` names."""
    for item in client.get(f"{ORGANISATION}/{folder}").json["items"]:
        document = client.get(f"{ORGANISATION}/{folder}/{item['id']}?explain=true&locale={locale}")
        entries = told(document).values()
        assert {each["field"]: each["locale"] for each in entries if each["missing_in"]} == document.json["fallback"]
        assert {(each["pack"], each["version"]) for each in entries} == {("example", document.json["version"])}


@pytest.mark.parametrize("query", ["", "?explain=false", "?fields=title"])
def test_not_unasked(client, query):
    """Nobody gets an explanation without asking for it."""
    assert "explain" not in client.get(f"{MODULE}{query}").json


def test_the_plain_answer_is_left_alone(portal):
    """Whoever asks for explanations changes nothing for those who do not: their bytes and ETag are as they were."""
    before = portal.client().get(MODULE)
    client = portal.client()
    explained = client.get(f"{MODULE}?explain=true")
    after = client.get(MODULE)
    assert (after.data, after.headers["ETag"]) == (before.data, before.headers["ETag"])
    assert explained.headers["ETag"] != after.headers["ETag"]


def test_with_chosen_fields(client):
    """Chosen fields come with the explanation beside them; it is no field to be chosen."""
    answer = client.get(f"{MODULE}?fields=title,id&explain=true").json
    assert set(answer) == {"id", "title", "explain"}
    refused = client.get(f"{MODULE}?fields=title,explain&explain=true")
    assert [each["parameter"] for each in refused.json["errors"]] == ["fields"]


@pytest.mark.parametrize("warm", [False, True], ids=["first", "again"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [("&format=html", {}), ("", {"Accept": "text/html"}), ("&format=html&fields=title", {})],
)
def test_json_only(client, query, headers, warm):
    """Asked for with another format than JSON it is refused by its name, like chosen fields."""
    del warm
    answer = client.get(f"{MODULE}?explain=true{query}", headers=headers)
    assert answer.status_code == 400
    assert {(each["parameter"], each["code"]) for each in answer.json["errors"]} <= {
        ("explain", "invalid-value"),
        ("fields", "invalid-value"),
    }


def test_no_explanation_is_wanted_of_other_formats(client):
    """`explain=false` goes with every format."""
    assert client.get(f"{MODULE}?explain=false&format=html").status_code == 200


@pytest.mark.parametrize("value", ["1", "yes", "True", "TRUE", "", "on", "t", "null"])
def test_true_or_false(client, value):
    """There are two ways to say it, and no third."""
    answer = client.get(f"{MODULE}?explain={value}")
    assert answer.status_code == 400
    assert [each["parameter"] for each in answer.json["errors"]] == ["explain"]


@pytest.mark.parametrize("path", [f"{ORGANISATION}/modules", ORGANISATION, f"{ORGANISATION}/changes"])
def test_documents_only(client, path):
    """What is no document is not explained."""
    answer = client.get(f"{path}?explain=true")
    assert [each["code"] for each in answer.json["errors"]] == ["unknown-parameter"]


def test_kept(portal):
    """An explained document is kept like any other, and not sent twice."""
    client = portal.client()
    first, second = (client.get(f"{MODULE}?explain=true") for _ in range(2))
    assert second.headers["Cache-Status"] == "CoachKit; hit; detail=memory"
    assert second.data == first.data
    headers = {"If-None-Match": first.headers["ETag"]}
    assert client.get(f"{MODULE}?explain=true", headers=headers).status_code == 304
    assert portal.client().get(f"{MODULE}?explain=true", headers=headers).status_code == 304


def test_its_etag_covers_the_explanation(house):
    """A chain that finds the same text by another way leaves the document's ETag alone, and not the explanation's."""
    client = house.client()
    before = {query: client.get(f"{ASK}?locale=cy{query}") for query in ("", "&explain=true")}
    chains = {**NORTHBRIDGE["locales"], "cy": ["cy", "fr", "en-GB"]}
    house.set("northbridge", {**NORTHBRIDGE, "locales": chains})
    edition = house.edition("northbridge")
    eventually(lambda: client.get(ORGANISATION).headers["CoachKit-Edition"] == edition)
    after = {query: client.get(f"{ASK}?locale=cy{query}") for query in before}
    assert after[""].headers["ETag"] == before[""].headers["ETag"]
    assert after["&explain=true"].headers["ETag"] != before["&explain=true"].headers["ETag"]
    assert told(after["&explain=true"])["summary"]["missing_in"] == ["cy", "fr"]


def test_a_release_that_left_it_alone(house):
    """A new release shows in the explanations of the documents it touched, and leaves the others' bytes alone."""
    client = house.client()
    before = client.get(f"{ASK}?explain=true")
    change = replacing("Nothing needs an answer", "Nothing at all needs an answer")
    house.publish(**{PACK: replacing("1.0.0", "1.1.0"), "modules/first-hour.md": change})
    edition = house.edition("northbridge")
    eventually(lambda: client.get(ORGANISATION).headers["CoachKit-Edition"] == edition)
    after = client.get(f"{ASK}?explain=true")
    assert (after.data, after.headers["ETag"]) == (before.data, before.headers["ETag"])
    assert {each["version"] for each in told(client.get(f"{MODULE}?explain=true")).values()} == {"1.1.0"}


def test_reference(client):
    """The reference has the parameter with an example, and the shape of what it gives."""
    document = client.get("/openapi.json").json
    for path in ("/{kind}/{resource_id}", "/editions/{digest}/{kind}/{resource_id}"):
        route = document["paths"][f"/v1/orgs/{{organisation}}{path}"]["get"]
        (parameter,) = [each for each in route["parameters"] if each["name"] == "explain"]
        assert parameter["description"]
        assert parameter["schema"]["example"] is True
        schema = route["responses"]["200"]["content"]["application/json"]["schema"]
        check = Draft202012Validator({**schema, "components": document["components"]})
        answer = client.get(f"{MODULE}?explain=true").json
        assert list(check.iter_errors(answer)) == []
        assert list(check.iter_errors({**answer, "explain": [{"field": "title"}]})) != []
