"""What answers look like: the contract's shapes key by key, and the document that describes them."""

import json
import re

import flask
import pytest
from appmaker import ORGANISATIONS
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from coachkit.packs.model import FOLDERS

TEXT, TRUTH, NUMBER, OBJECT = str, bool, int, dict
MAYBE = type(None)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")

REFERENCE = {"kind": TEXT, "id": TEXT, "title": TEXT}
SUMMARY = {
    **REFERENCE,
    "pack": TEXT,
    "version": TEXT,
    "locale": TEXT,
    "summary": (TEXT, MAYBE),
    "topics": [TEXT],
    "stages": [TEXT],
    "audience": [TEXT],
}
DOCUMENT = {**SUMMARY, "fallback": OBJECT, "related": [REFERENCE], "last_reviewed": TEXT, "review_by": TEXT}
CONTACT = {
    "name": TEXT,
    "phone": (TEXT, MAYBE),
    "url": (TEXT, MAYBE),
    "hours": (TEXT, MAYBE),
    "verified_on": (TEXT, MAYBE),
    "locale": TEXT,
}
SECTION = {"id": TEXT, "title": TEXT, "locale": TEXT, "html": TEXT, "markdown": TEXT}
MESSAGE = {"locale": TEXT, "html": TEXT, "markdown": TEXT}
KINDS = {
    "module": {
        **DOCUMENT,
        "sensitive": TRUTH,
        "jurisdiction": (TEXT, list, MAYBE),
        "sections": [SECTION],
        "support": [CONTACT],
    },
    "template": {
        **DOCUMENT,
        "placeholders": [
            {"name": TEXT, "type": TEXT, "label": TEXT, "required": TRUTH, "example": (TEXT, MAYBE)},
        ],
        "subject": TEXT,
        "body": MESSAGE,
    },
    "checklist": {
        **DOCUMENT,
        "intro": (TEXT, MAYBE),
        "items": [{"id": TEXT, "text": TEXT, "reason": TEXT, "resource": (REFERENCE, MAYBE)}],
    },
    "pathway": {
        **DOCUMENT,
        "intro": (TEXT, MAYBE),
        "steps": [
            {
                "id": TEXT,
                "day": NUMBER,
                "title": TEXT,
                "text": (TEXT, MAYBE),
                "resource": (REFERENCE, MAYBE),
                "branches": [{"id": TEXT, "text": TEXT, "to": TEXT}],
                "next": (TEXT, MAYBE),
            }
        ],
    },
    "questionnaire": {
        **DOCUMENT,
        "intro": (TEXT, MAYBE),
        "options": (OBJECT, MAYBE),
        "sections": [{"id": TEXT, "title": TEXT, "items": [OBJECT]}],
        "scores": (OBJECT, MAYBE),
        "checks": [OBJECT],
        "recommend": [{"id": TEXT, "when": TEXT, "because": (TEXT, MAYBE), "weight": NUMBER, "resource": REFERENCE}],
    },
}
ORGANISATION = {
    "id": TEXT,
    "name": TEXT,
    "locales": [TEXT],
    "default_locale": TEXT,
    "brand": {
        "name": TEXT,
        "logo": ({"url": TEXT, "alt": TEXT}, MAYBE),
        "colours": OBJECT,
        "fonts": {"body": (TEXT, MAYBE), "heading": (TEXT, MAYBE)},
        "voice": (TEXT, MAYBE),
        "careers_email": (TEXT, MAYBE),
        "support": OBJECT,
    },
    "edition": TEXT,
}
RELEASE = {"pack": TEXT, "version": TEXT, "digest": TEXT, "withdrawn": TRUTH}
PROBLEM = {"type": TEXT, "title": TEXT, "status": NUMBER, "detail": TEXT, "instance": (TEXT, MAYBE), "errors": [OBJECT]}


def conforms(value, shape, at="") -> None:
    """Assert that a value has a shape: exactly those keys, and everywhere one of those types."""
    alternatives = shape if isinstance(shape, tuple) else (shape,)
    for each in alternatives:
        if isinstance(each, dict) and isinstance(value, dict):
            assert set(value) == set(each), f"{at}: {sorted(set(value) ^ set(each))}"
            for key, below in each.items():
                conforms(value[key], below, f"{at}/{key}")
            return
        if isinstance(each, list) and isinstance(value, list):
            for number, entry in enumerate(value):
                conforms(entry, each[0], f"{at}/{number}")
            return
        if isinstance(each, type) and type(value) is each:
            return
    pytest.fail(f"{at} is {value!r}")


@pytest.fixture(scope="module")
def reference(client):
    """The OpenAPI document."""
    return client.get("/openapi.json").json


def schema_errors(reference, name, value):
    """What a schema of the document has against a value."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": reference["components"]}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]


def documents(client, organisation):
    """Every document of an organisation in every locale it serves."""
    locales = client.get(f"/v1/orgs/{organisation}").json["locales"]
    for folder in FOLDERS.values():
        for item in client.get(f"/v1/orgs/{organisation}/{folder}").json["items"]:
            for locale in locales:
                yield client.get(f"/v1/orgs/{organisation}/{folder}/{item['id']}?locale={locale}").json


@pytest.mark.parametrize("organisation", ORGANISATIONS)
def test_documents(client, reference, organisation):
    """Every document of every kind has its kind's keys, no more and no fewer, as the reference says too."""
    kinds = set()
    for document in documents(client, organisation):
        kinds.add(document["kind"])
        conforms(document, KINDS[document["kind"]])
        assert schema_errors(reference, document["kind"].capitalize(), document) == []
    assert kinds == set(KINDS)


@pytest.mark.parametrize("folder", FOLDERS.values())
def test_lists(client, reference, folder):
    """A list is its items, and each is a summary."""
    page = client.get(f"/v1/orgs/northbridge/{folder}").json
    conforms(page, {"items": [SUMMARY]})
    assert schema_errors(reference, "List", page) == []
    assert page["items"]


@pytest.mark.parametrize("organisation", ORGANISATIONS)
def test_organisation(client, reference, organisation):
    """An organisation says who it is, how it looks, and which edition it serves."""
    answer = client.get(f"/v1/orgs/{organisation}")
    conforms(answer.json, ORGANISATION)
    for contacts in answer.json["brand"]["support"].values():
        conforms(contacts, [CONTACT])
    assert schema_errors(reference, "Organisation", answer.json) == []
    assert DIGEST.match(answer.json["edition"])
    assert answer.json["edition"] == answer.headers["CoachKit-Edition"]


def test_release(client, reference):
    """A release is its pack, its version, its digest, and whether it was withdrawn."""
    release = client.get("/v1/packs/example/releases/1.0.0").json
    conforms(release, RELEASE)
    assert schema_errors(reference, "Release", release) == []
    assert DIGEST.match(release["digest"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/orgs/northbridge/modules?limit=0", 400),
        ("/v1/orgs/northbridge/modules/none", 404),
        ("/v1/nothing", 404),
        ("/v1/orgs/northbridge/modules?locale=fr", 400),
    ],
)
def test_problems(client, reference, path, status):
    """A refusal is problem details, and its type is a page here."""
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    conforms(answer.json, PROBLEM)
    assert schema_errors(reference, "Problem", answer.json) == []
    assert client.get(answer.json["type"]).status_code == 200


def test_no_edition_in_a_body(client):
    """No document's body names an edition: an edition that did not touch it leaves its bytes alone."""
    edition = client.get("/v1/orgs/northbridge").headers["CoachKit-Edition"]
    for document in documents(client, "northbridge"):
        assert edition.removeprefix("sha256:") not in json.dumps(document)


def test_reference_is_valid(reference):
    """The reference is OpenAPI 3.1, as somebody else's validator reads it."""
    assert list(OpenAPIV31SpecValidator(reference).iter_errors()) == []


def test_reference_names_every_route(portal, reference):
    """The reference has every route under /v1 with its methods, and none that does not exist."""
    app = portal.apps[0]
    assert isinstance(app, flask.Flask)
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    methods = {"get", "post", "put", "patch", "delete"}
    documented = {(path, name.upper()) for path, item in reference["paths"].items() for name in item if name in methods}
    assert documented == routes


def test_unfit_kind_of_value_is_seen():
    """The check of shapes here notices a key too many, a key too few and a wrong type."""
    for wrong in ({}, {"id": 1}, {"id": "a", "more": None}):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            conforms(wrong, {"id": TEXT})


PAGED = ["{kind}", "editions/{digest}/{kind}", "search", "editions/{digest}/search", "changes"]


@pytest.mark.parametrize("path", PAGED)
def test_the_way_to_the_next_page_is_in_the_reference(reference, path):
    """Whoever writes a client from the reference learns of the header Link that leads on."""
    answers = reference["paths"][f"/v1/orgs/{{organisation}}/{path}"]["get"]["responses"]
    assert 'rel="next"' in answers["200"]["headers"]["Link"]["schema"]["example"]


def test_every_answer_in_the_reference_has_its_type(reference):
    """No route answers with something of which the reference does not say what it is."""
    answers = [
        (path, [answer for status, answer in operation["responses"].items() if status in {"200", "201", "204"}])
        for path, item in reference["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "delete"}
    ]
    assert [
        path
        for path, given in answers
        if not given or not all(each.get("content") or each["description"] == "No Content" for each in given)
    ] == []


@pytest.mark.parametrize("path", ["{kind}/{resource_id}", "{kind}", "search"])
def test_the_reference_says_what_fields_leaves_out(reference, path):
    """Whoever checks answers by their schemas is told that `fields` leaves out what those require."""
    parameters = reference["paths"][f"/v1/orgs/{{organisation}}/{path}"]["get"]["parameters"]
    (fields,) = [each for each in parameters if each.get("name") == "fields"]
    assert "required" in fields["description"]
