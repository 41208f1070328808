"""Formats that an installed plugin brings, over HTTP: for whom they are, and what happens when they fail."""

import sys
from dataclasses import replace

import pytest
from appmaker import EASTGATE, NORTHBRIDGE, House, eventually, furnish, house_over, install_plugin
from packmaker import PACK, replacing

MODULE = "/v1/orgs/northbridge/modules/first-hour"
OTHERS = "/v1/orgs/eastgate/modules/first-hour"
PLUGIN = "acme-formats"
SOURCE = '''
"""A plugin with a few formats."""
from coachkit import hookimpl
from coachkit.hooks.types import Format

renders = []
failed = []

def card(document):
    renders.append(document.id)
    return f"VERSION {document.title}".encode()

def fails(document):
    failed.append(document.id)
    raise RuntimeError("no")

def leaves(document):
    raise SystemExit(3)

def lies(document):
    return document.title

@hookimpl
def coachkit_formats():
    return [
        Format("card", "text/x-card", card),
        Format("slip", "text/x-slip", card, kinds=("checklist",)),
        Format("letter", "text/html", card, negotiable=False),
        Format("fails", "text/x-fails", fails),
        Format("leaves", "text/x-leaves", leaves),
        Format("lies", "text/x-lies", lies),
        Format("json", "application/json", card),
        Format("html", "text/html", card),
    ]
'''


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path with the plugin installed in it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    install_plugin(site, PLUGIN, SOURCE)
    yield site
    sys.modules.pop("acme_formats", None)


@pytest.fixture
def house(site, database, settings, tmp_path):
    """A house where the plugin may run, and where northbridge has enabled it."""
    with house_over(replace(settings, plugins=(PLUGIN,)), database, tmp_path) as house:
        furnish(house)
        house.set("northbridge", {**NORTHBRIDGE, "plugins": [PLUGIN]})
        house.edition("northbridge")
        yield house


@pytest.fixture
def client(house: House):
    return house.client()


sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_enabled(client):
    """The organisation that enabled the plugin has its formats, by name and by Accept, and they are kept as any."""
    for _ in range(2):
        answer = client.get(f"{MODULE}?format=card")
        assert (answer.status_code, answer.text) == (200, "VERSION The first hour")
        assert answer.content_type == "text/x-card; charset=utf-8"
    assert answer.headers["Cache-Status"] == "CoachKit; hit; detail=memory"
    assert client.get(MODULE, headers={"Accept": "text/x-card"}).text == "VERSION The first hour"
    assert client.get(f"{MODULE}?locale=cy&format=card").text == "VERSION Yr awr gyntaf"
    assert sys.modules["acme_formats"].renders == ["first-hour"] * 3


@sqlite
def test_not_enabled(client):
    """For an organisation that did not enable it the plugin's formats do not exist, nor are they named."""
    answer = client.get(f"{OTHERS}?format=card")
    assert answer.status_code == 400
    assert answer.json["errors"][0]["detail"] == "There are json, html, markdown, text, email."
    answer = client.get(OTHERS, headers={"Accept": "text/x-card"})
    assert answer.status_code == 406
    assert "x-card" not in answer.text
    assert client.get(OTHERS, headers={"Accept": "text/x-card, text/html;q=0.1"}).content_type.startswith("text/html")


@sqlite
def test_not_allowed(house):
    """What the operator does not allow does not run, whoever enabled it."""
    client = house.client(plugins=())
    assert client.get(f"{MODULE}?format=card").status_code == 400
    assert client.get(MODULE).status_code == 200


@sqlite
def test_only_by_name(client):
    """A format that is not negotiable comes by ?format= alone."""
    assert client.get(f"{MODULE}?format=letter").text == "VERSION The first hour"
    assert client.get(MODULE, headers={"Accept": "text/html"}).text.startswith("<article")


@sqlite
def test_only_for_its_kinds(client):
    """A format that is for checklists is offered for checklists."""
    assert client.get("/v1/orgs/northbridge/checklists/before-you-reply?format=slip").status_code == 200
    assert client.get(f"{MODULE}?format=slip").status_code == 400


@sqlite
def test_core_formats_cannot_be_taken_over(client):
    """A plugin that offers a format by the name of one of CoachKit's own does not replace it."""
    assert client.get(f"{MODULE}?format=json").json["id"] == "first-hour"
    assert client.get(f"{MODULE}?format=html").text.startswith("<article")


@sqlite
@pytest.mark.parametrize("name", ["fails", "leaves", "lies"])
def test_a_format_that_fails(client, name):
    """A format that raises, exits or returns what is no representation is 503, for that format and nothing else."""
    for _ in range(8):
        answer = client.get(f"{MODULE}?format={name}")
        assert answer.status_code == 503
        assert answer.json["type"] == "/problems/unavailable"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"
    for path in (MODULE, f"{MODULE}?format=html", OTHERS):
        assert client.get(path).status_code == 200


@sqlite
def test_a_fault_counts_once(client):
    """A request that fails asks the plugin once, and counts as one fault."""
    client.get(f"{MODULE}?format=fails")
    assert sys.modules["acme_formats"].failed == ["first-hour"]


@sqlite
def test_quarantine(client):
    """A plugin that keeps failing is not asked any more; what it made before is still served, and CoachKit's own."""
    client.get(f"{MODULE}?format=card")
    for _ in range(8):
        client.get(f"{MODULE}?format=fails")
    assert len(sys.modules["acme_formats"].failed) == 5
    assert client.get(f"{MODULE}?locale=cy&format=card").status_code == 503
    assert client.get(f"{MODULE}?format=card").status_code == 200
    assert sys.modules["acme_formats"].renders == ["first-hour"]
    assert client.get(f"{MODULE}?locale=cy&format=html").status_code == 200


@sqlite
def test_a_fault_tells_nothing(client):
    """What went wrong inside a plugin is for the log; a caller learns that it cannot be made."""
    answer = client.get(f"{MODULE}?format=fails")
    assert "RuntimeError" not in answer.text
    assert PLUGIN not in answer.text


def test_another_version(house, site):
    """With another version installed an edition's address may change, so nothing is told to keep it for ever."""
    client = house.client()
    edition = client.get(MODULE).headers["CoachKit-Edition"]
    address = MODULE.replace("/modules", f"/editions/{edition}/modules")
    before = client.get(f"{address}?format=card")
    assert before.headers["Cache-Control"].endswith("immutable")
    install_plugin(site, PLUGIN, SOURCE.replace("VERSION", "SECOND"), "2.0.0")
    client = house.client()
    after = client.get(f"{address}?format=card")
    assert after.text == "SECOND The first hour"
    assert after.headers["Cache-Control"] == "no-cache"
    assert after.headers["ETag"] != before.headers["ETag"]
    assert client.get(f"{address}?format=card", headers={"If-None-Match": before.headers["ETag"]}).status_code == 200


@sqlite
def test_another_version_leaves_our_formats_alone(house, site):
    """CoachKit's own formats are what they were, whatever version of a plugin is installed."""
    before = house.client().get(MODULE)
    install_plugin(site, PLUGIN, SOURCE, "2.0.0")
    after = house.client().get(MODULE)
    assert (after.data, after.headers["ETag"]) == (before.data, before.headers["ETag"])


@sqlite
def test_enabling_makes_an_edition(house):
    """Enabling the plugin is a choice like any other: it holds from the next edition on."""
    client = house.client()
    assert client.get(f"{OTHERS}?format=card").status_code == 400
    house.set("eastgate", {**EASTGATE, "plugins": [PLUGIN]})
    house.edition("eastgate")
    eventually(lambda: client.get(f"{OTHERS}?format=card").status_code == 200)


@sqlite
def test_a_successor_that_does_not_come_in_it(house, client):
    """The Link to what stands in a retiring resource's stead leaves out a format in which that does not come."""
    said = "retiring: {since: 2026-10-01, instead: first-hour}\nlast_reviewed"
    changes = {"checklists/before-you-reply.yaml": replacing("last_reviewed", said)}
    house.publish(**{PACK: replacing("1.0.0", "1.1.0"), **changes})
    edition = house.edition("northbridge")
    eventually(lambda: client.get("/v1/orgs/northbridge").headers["CoachKit-Edition"] == edition)
    links = {
        name: client.get(f"/v1/orgs/northbridge/checklists/before-you-reply?format={name}").headers["Link"]
        for name in ("slip", "card")
    }
    assert links == {
        "slip": f'<{MODULE}>; rel="successor-version"',
        "card": f'<{MODULE}?format=card>; rel="successor-version"',
    }
