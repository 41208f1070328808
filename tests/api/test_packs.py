"""Packs and their releases over HTTP: public ones are listed, private ones are not there, withdrawn ones are gone."""

import re

import pytest
from packmaker import PACK, module, replacing

PACKS = "/v1/packs"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


@pytest.fixture
def client(house):
    return house.client()


def listed(client):
    return {item["pack"]: item for item in client.get(PACKS).json["items"]}


def test_list(house, client):
    """Public packs are listed by id, each with its releases and its current one."""
    house.publish(**{PACK: replacing("1.0.0", "1.1.0")})
    house.publish_small("another", one=module("One"))
    answer = client.get(PACKS)
    assert [item["pack"] for item in answer.json["items"]] == ["another", "example"]
    example = listed(client)["example"]
    assert example == {
        "pack": "example",
        "title": "Example library",
        "description": "A small pack that has one of everything.",
        "licence": "CC-BY-4.0",
        "current": "1.1.0",
        "releases": example["releases"],
    }
    assert sorted(example["releases"]) == ["1.0.0", "1.1.0"]


def test_private_packs(house, client):
    """A private pack is in no list, and its release is not there."""
    house.publish_small("secret", visibility="private", one=module("One"))
    assert "secret" not in listed(client)
    assert client.get(f"{PACKS}/secret/releases/1.0.0").data == client.get(f"{PACKS}/none/releases/1.0.0").data


def test_a_private_release_of_a_public_pack(house, client):
    """Of a pack that was public and goes private only what was public shows, nowhere the newer release."""
    house.publish_small("turning", one=module("One"))
    house.publish_small("turning", "2.0.0", visibility="private", one=module("Two"))
    assert (listed(client)["turning"]["current"], listed(client)["turning"]["releases"]) == ("1.0.0", ["1.0.0"])
    assert client.get(f"{PACKS}/turning/releases/2.0.0").status_code == 404
    house.withdraw("turning", "1.0.0")
    gone = client.get(f"{PACKS}/turning/releases/1.0.0")
    assert gone.status_code == 410
    assert "2.0.0" not in str(gone.headers)
    assert "turning" not in listed(client)


def test_release(client):
    """A release says which it is and its digest, may be kept for a while, and is 304 for who has it."""
    answer = client.get(f"{PACKS}/example/releases/1.0.0")
    assert DIGEST.match(answer.json["digest"])
    assert answer.json["withdrawn"] is False
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    again = client.get(f"{PACKS}/example/releases/1.0.0", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head(f"{PACKS}/example/releases/1.0.0")
    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(answer.data)))


def test_withdrawn(house, client):
    """A withdrawn release is gone, with a Link to the current one that works, and leaves the list."""
    house.publish(**{PACK: replacing("1.0.0", "1.1.0")})
    house.withdraw("example", "1.0.0")
    answer = client.get(f"{PACKS}/example/releases/1.0.0")
    assert answer.status_code == 410
    assert answer.json["type"] == "/problems/gone"
    link = re.fullmatch(r'<(/v1/[^>]+)>; rel="latest-version"', answer.headers["Link"])
    assert client.get(link[1]).json["version"] == "1.1.0"
    assert listed(client)["example"]["releases"] == ["1.1.0"]


def test_withdrawn_altogether(house, client):
    """Where nothing is left to point at there is no Link, and the pack is not listed."""
    house.withdraw("example", "1.0.0")
    answer = client.get(f"{PACKS}/example/releases/1.0.0")
    assert (answer.status_code, answer.headers.get("Link")) == (410, None)
    assert listed(client) == {}


def test_withdrawn_is_still_served(house, client):
    """Withdrawing a release leaves the editions that use it as they are."""
    before = client.get("/v1/orgs/northbridge/modules/first-hour")
    house.withdraw("example", "1.0.0")
    assert house.client().get("/v1/orgs/northbridge/modules/first-hour").data == before.data


def test_current_is_no_pre_release(house, client):
    """A pre-release is listed, and is current only while there is nothing else."""
    house.publish_small("early", "1.0.0-beta.1", one=module("One"))
    assert listed(client)["early"]["current"] == "1.0.0-beta.1"
    house.publish_small("early", "0.9.0", one=module("One"))
    assert listed(client)["early"]["current"] == "0.9.0"
    assert client.get(f"{PACKS}/early/releases/1.0.0-beta.1").status_code == 200


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("version", ["9.9.9", "01.0.0", "1.0.0+build", "1.0.0-rc.1"])
def test_no_such_release(client, version):
    """A version that was never published is not there."""
    assert client.get(f"{PACKS}/example/releases/{version}").status_code == 404


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "latest", "1.0.0%00", "1.0.0-" + "x" * 200])
def test_no_version(client, version):
    """What is no version is refused."""
    assert client.get(f"{PACKS}/example/releases/{version}").status_code == 400


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", [PACKS, f"{PACKS}/example/releases/1.0.0"])
@pytest.mark.parametrize(("accept", "status"), [("text/html", 406), ("text/html, */*;q=0.1", 200), ("*/*", 200)])
def test_json_only(client, path, accept, status):
    """Packs come as JSON, and whoever would not take that is told so."""
    assert client.get(path, headers={"Accept": accept}).status_code == status


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", [PACKS, f"{PACKS}/example/releases/1.0.0"])
def test_unknown_parameters(client, path):
    """Packs take no parameters."""
    answer = client.get(f"{path}?limit=1")
    assert answer.status_code == 400
    assert answer.json["errors"][0]["code"] == "unknown-parameter"
