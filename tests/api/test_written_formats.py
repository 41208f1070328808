"""Markdown, text and e-mail over HTTP: how they are asked for, what keeps them apart, and when they change."""

import sys
from dataclasses import replace

import pytest
from appmaker import NORTHBRIDGE, eventually, furnish, house_over, install_plugin

MODULE = "/v1/orgs/northbridge/modules/first-hour"
PUBLIC = "https://coaching.northbridge.example"
WRITTEN = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "markdown": "text/markdown; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "email": "text/html; charset=utf-8",
}
KINDS = {
    "modules": "first-hour",
    "templates": "thank-you",
    "checklists": "before-you-reply",
    "pathways": "first-week",
    "questionnaires": "after-the-interview",
}
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def tags(client, path=MODULE):
    """The ETag of a document in each format."""
    return {name: client.get(f"{path}?format={name}").headers["ETag"] for name in WRITTEN}


def differing(before, after):
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("folder", KINDS)
@pytest.mark.parametrize("locale", ["en-GB", "cy"])
def test_every_kind_in_every_format(client, folder, locale):
    """Every kind is written in every format, with its type, its languages and a tag of its own."""
    path = f"/v1/orgs/northbridge/{folder}/{KINDS[folder]}?locale={locale}"
    answers = {name: client.get(f"{path}&format={name}") for name in WRITTEN}
    assert {name: each.content_type for name, each in answers.items()} == WRITTEN
    assert len({each.headers["Content-Language"] for each in answers.values()}) == 1
    assert answers["json"].headers["Content-Language"].split(", ")[0] == locale
    assert len({each.headers["ETag"] for each in answers.values()}) == len(WRITTEN)
    assert {each.headers["CoachKit-Edition"] for each in answers.values()} == {
        answers["json"].headers["CoachKit-Edition"]
    }


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/markdown", WRITTEN["markdown"]),
        ("text/plain", WRITTEN["text"]),
        ("text/plain;q=0.5, text/markdown", WRITTEN["markdown"]),
        ("text/markdown, application/json;q=0.9", WRITTEN["markdown"]),
        ("text/plain; charset=utf-8", WRITTEN["text"]),
    ],
)
def test_accept(client, accept, content_type):
    """Markdown and text come by Accept."""
    answer = client.get(MODULE, headers={"Accept": accept})
    assert (answer.status_code, answer.content_type) == (200, content_type)
    assert answer.headers["Vary"] == "Accept, Accept-Language"


def test_email_comes_by_its_name_alone(client):
    """Accept never chooses e-mail: what is HTML for it is the article."""
    assert client.get(MODULE, headers={"Accept": "text/html"}).text.startswith("<article")
    answer = client.get(f"{MODULE}?format=email", headers={"Accept": "image/png"})
    assert answer.text.startswith("<!DOCTYPE html>")
    assert answer.headers["Vary"] == "Accept-Language"


def test_what_there_is(client):
    """Who asks for what there is not is told what there is: of types without e-mail's second HTML, of names all."""
    answer = client.get(MODULE, headers={"Accept": "image/png"})
    assert (answer.status_code, answer.json["errors"][0]["detail"]) == (
        406,
        "Served are application/json, text/html, text/markdown, text/plain.",
    )
    answer = client.get(f"{MODULE}?format=pdf")
    assert (answer.status_code, answer.json["errors"][0]["detail"]) == (
        400,
        "There are json, html, markdown, text, email.",
    )


@pytest.mark.parametrize("name", ["markdown", "text", "email"])
def test_fields_go_with_json(client, name):
    """Chosen fields come as JSON alone."""
    answer = client.get(f"{MODULE}?format={name}&fields=title")
    assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (400, "fields")


@pytest.mark.parametrize("name", ["markdown", "text", "email"])
def test_lists_have_none_of_them(client, name):
    """A list is JSON."""
    assert client.get("/v1/orgs/northbridge/modules", headers={"Accept": WRITTEN[name]}).status_code == 406


@pytest.mark.parametrize("name", ["markdown", "text", "email"])
def test_kept_and_confirmed(fresh, name):
    """Made once, it is kept as anything else is, and who has it gets 304."""
    first = fresh.get(f"{MODULE}?format={name}")
    again = fresh.get(f"{MODULE}?format={name}")
    assert again.headers["Cache-Status"] == "CoachKit; hit; detail=memory"
    assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
    held = fresh.get(f"{MODULE}?format={name}", headers={"If-None-Match": first.headers["ETag"]})
    assert (held.status_code, held.data) == (304, b"")


def test_policies(client):
    """An e-mail opened by itself may wear its styles and the logo, and runs nothing; the article wears nothing."""
    policies = {name: client.get(f"{MODULE}?format={name}").headers.get("Content-Security-Policy") for name in WRITTEN}
    nowhere = "base-uri 'none'; form-action 'none'; frame-ancestors *"
    assert policies["email"] == f"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https:; {nowhere}"
    assert policies["html"] == f"default-src 'none'; img-src 'self'; {nowhere}"
    assert policies["markdown"] == policies["text"] == policies["json"]


def test_openapi(client):
    """The document of the API names every type that a document comes in."""
    paths = client.get("/openapi.json").json["paths"]
    answers = [
        operation["get"]["responses"]["200"]["content"]
        for path, operation in paths.items()
        if path.endswith("{kind}/{resource_id}") and "/resources/" not in path and "get" in operation
    ]
    assert len(answers) == 3, "at a channel's address, at an edition's and at a preview's"
    for content in answers:
        assert set(content) == {"application/json", "text/html", "text/markdown", "text/plain"}


@sqlite
def test_a_change_of_brand(house):
    """A new colour is seen in e-mail; what has no colours keeps its tag, and its bytes."""
    client = house.client()
    before, said = tags(client), {name: client.get(f"{MODULE}?format={name}").data for name in WRITTEN}
    edition = client.get(MODULE).headers["CoachKit-Edition"]
    house.set("northbridge", {**NORTHBRIDGE, "brand": {**NORTHBRIDGE["brand"], "colours": {"link": "#00334d"}}})
    house.edition("northbridge")
    eventually(lambda: client.get(MODULE).headers["CoachKit-Edition"] != edition)
    assert differing(before, tags(client)) == {"email"}
    assert differing(said, {name: client.get(f"{MODULE}?format={name}").data for name in WRITTEN}) == {"email"}


@sqlite
def test_another_public_address(house):
    """The formats that are read elsewhere change with the installation's address; JSON and HTML do not know it."""
    without, one = house.client(), house.client(public_url=PUBLIC)
    other = house.client(public_url="https://elsewhere.example")
    assert differing(tags(without), tags(one)) == {"markdown", "text", "email"}
    assert differing(tags(one), tags(other)) == {"markdown", "text", "email"}
    for name in ("markdown", "text", "email"):
        assert f"{PUBLIC}/v1/orgs/northbridge/" in one.get(f"{MODULE}?format={name}").text
        assert PUBLIC not in other.get(f"{MODULE}?format={name}").text


def test_addresses_do_not_meet_in_a_shared_store(portal):
    """Two installations' addresses never meet in a store that both keep answers in."""
    for public in (None, PUBLIC, "https://elsewhere.example", PUBLIC):
        client = portal.client(public_url=public)
        for name in ("markdown", "text", "email"):
            text = client.get(f"{MODULE}?format={name}&locale=cy").text
            assert (f"{PUBLIC}/v1/" in text) == (public == PUBLIC)
            assert ("https://elsewhere.example/v1/" in text) == (public == "https://elsewhere.example")


PLUGIN = "acme-looks"
SOURCE = '''
"""A plugin whose formats say what they know of the brand and the address."""
from coachkit import hookimpl
from coachkit.hooks.types import Format

def known(document):
    link = document.body["sections"][-1]["markdown"].split("](")[1].split(")")[0]
    return f"{document.brand and document.brand.colours['link']} {document.base} {link}".encode()

@hookimpl
def coachkit_formats():
    module = ("module",)
    return [
        Format("plain", "text/x-plain", known, kinds=module),
        Format("branded", "text/x-branded", known, kinds=module, branded=True),
        Format("absolute", "text/x-absolute", known, kinds=module, absolute=True),
    ]
'''


@pytest.fixture
def acme(tmp_path, monkeypatch, database, settings):
    """A house whose northbridge has enabled the plugin."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    install_plugin(site, PLUGIN, SOURCE)
    with house_over(replace(settings, plugins=(PLUGIN,)), database, tmp_path) as house:
        furnish(house)
        house.set("northbridge", {**NORTHBRIDGE, "plugins": [PLUGIN]})
        house.edition("northbridge")
        yield house
    sys.modules.pop("acme_looks", None)


@sqlite
def test_a_plugins_format_knows_what_it_asks_for(acme):
    """A format is given the brand and whole addresses where it asks for them, and cannot depend on them elsewise."""
    client = acme.client(public_url=PUBLIC)
    path = "/v1/orgs/northbridge/modules/ask-for-feedback?format="
    said = {name: client.get(f"{MODULE}?format={name}").text for name in ("plain", "branded", "absolute")}
    own = "/v1/orgs/northbridge/modules/ask-for-feedback?format=html&locale=en-GB#when"
    assert said == {
        "plain": f"None None {own}",
        "branded": f"#5a2d91 None {own}",
        "absolute": f"None {PUBLIC} {PUBLIC}{path}email&locale=en-GB#when",
    }
