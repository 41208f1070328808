"""What one request may cost: what is longer than readers send is refused, and leaves nothing behind."""

import io
import json
from dataclasses import replace

import pytest
from appmaker import NORTHBRIDGE, furnish, house_over, install_plugin, services_of
from werkzeug.test import Client

from coachkit.api.fastlane import Fastlane
from coachkit.api.parsing import MAX_BODY
from coachkit.cache.store import MemoryStore

MODULE = "/v1/orgs/northbridge/modules/first-hour"
LIST = "/v1/orgs/northbridge/modules"
FILL = "/v1/orgs/northbridge/templates/thank-you/fill"


@pytest.mark.parametrize("header", ["Accept", "Accept-Language"])
def test_long_wishes(portal, header):
    """A header of wishes that would take long to read is refused by its name."""
    answer = portal.client().get(MODULE, headers={header: "a," * 600})
    assert answer.status_code == 400
    assert [(each["header"], each["code"]) for each in answer.json["errors"]] == [(header, "too-long")]


def test_a_long_condition(portal):
    """An If-None-Match longer than any cache sends names nothing, so the answer comes whole."""
    client = portal.client()
    tag = client.get(MODULE).headers["ETag"]
    for _ in ("miss", "hit"):
        assert client.get(MODULE, headers={"If-None-Match": f'{tag}, "{"x" * 5_000}"'}).status_code == 200
        assert client.get(MODULE, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("limit", ["+1", "1_0", " 1", "1.0", "1e1", "\N{ARABIC-INDIC DIGIT ONE}", "0x1", ""])
def test_plain_numbers(portal, limit):
    """A limit is written in plain digits and in no other way that a program might take for them."""
    answer = portal.client().get(LIST, query_string={"limit": limit})
    assert answer.status_code == 400
    assert [each["parameter"] for each in answer.json["errors"]] == ["limit"]


def test_a_condition_forgives_nothing(portal):
    """A request that is wrong stays wrong whatever its If-None-Match says."""
    answer = portal.client().get(f"{MODULE}?fields=nonsense", headers={"If-None-Match": "*"})
    assert answer.status_code == 400


@pytest.mark.parametrize(("more", "status"), [(0, 422), (2, 413), (100_000, 413)])
def test_chunked_bodies(portal, more, status):
    """A body without a length is read up to the bound, and one that goes on is refused and not cut."""
    body = json.dumps({"values": {"x": ""}}).encode()
    body += b" " * (MAX_BODY - 1 - len(body)) + b"!" * more
    answer = portal.client().post(
        FILL,
        input_stream=io.BytesIO(body),
        environ_overrides={"wsgi.input_terminated": True},
        headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"},
    )
    assert answer.status_code == status


def test_asks(portal):
    """The lane remembers what requests come to only when there was something to answer them with, and not for ever."""
    app = portal.app()
    parts = services_of(app)
    lane = Fastlane(
        app.wsgi_app, parts.routes, parts.reader, MemoryStore(1_000_000), parts.gate, plainly=lambda *_: None
    )
    client = Client(lane)
    for number in range(50):
        assert client.get(f"{LIST}?limit=0&topic={number}").status_code == 400
    assert not lane.asks
    for _ in ("miss", "hit"):
        assert client.get(MODULE).status_code == 200
    assert lane.asks == 1


SOURCE = """
from coachkit import hookimpl
from coachkit.hooks.types import Format

def note(document):
    return b"{name}"

@hookimpl
def coachkit_formats():
    return [Format("note", "text/x-note", note)]
"""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("enabled", [["aaa"], ["bbb"], ["bbb", "aaa"], ["aaa", "bbb"]])
def test_one_name_for_two_formats(database, settings, tmp_path, monkeypatch, enabled):
    """Of two plugins that offer one format, that which the organisation lists first serves it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    for name in ("aaa", "bbb"):
        install_plugin(site, name, SOURCE.format(name=name))
    with house_over(replace(settings, plugins=("aaa", "bbb")), database, tmp_path) as house:
        furnish(house)
        house.set("northbridge", {**NORTHBRIDGE, "plugins": enabled})
        house.edition("northbridge")
        assert house.client().get(f"{MODULE}?format=note").data == enabled[0].encode()
