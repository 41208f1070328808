"""Who sees what: everything that a caller may not see is the same 404, and a key that does not hold is 401."""

import pytest
from appmaker import EASTGATE, eventually

ORGANISATION = "/v1/orgs/northbridge"
MODULE = f"{ORGANISATION}/modules/first-hour"
NOTHING = "sha256:" + "0" * 64
DETAILS = {"CoachKit-Request-Id"}


def said(answer):
    """Status, headers and bytes of an answer, less its request id."""
    return answer.status_code, {k: v for k, v in answer.headers.items() if k not in DETAILS}, answer.data


@pytest.fixture(scope="module")
def hidden(portal):
    """The digest of an edition that no public channel has ever pointed at, at the private channel `preview`."""
    digest = portal.client().get("/v1/orgs/eastgate").json["edition"]
    portal.set("eastgate", {**EASTGATE, "brand": {**EASTGATE["brand"], "voice": "Secret"}})
    hidden = portal.edition("eastgate", "preview")
    assert hidden != digest
    return hidden


@pytest.fixture(scope="module")
def not_found(client):
    """What an address says at which there is nothing at all."""
    return said(client.get("/v1/nothing/whatever"))


def test_not_found(not_found):
    """Nothing at an address is a problem that names no address."""
    status, headers, body = not_found
    assert status == 404
    assert headers["Cache-Control"] == "no-store"
    assert b"whatever" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/v1/orgs/eastgate?channel=preview",
        "/v1/orgs/eastgate/modules?channel=preview",
        "/v1/orgs/eastgate/modules/first-hour?channel=preview",
        "/v1/orgs/eastgate/modules/first-hour?channel=preview&locale=fr",
        "/v1/orgs/eastgate/modules/first-hour?channel=preview&format=pdf",
        "/v1/orgs/eastgate/editions/{hidden}",
        "/v1/orgs/eastgate/editions/{hidden}/modules",
        "/v1/orgs/eastgate/editions/{hidden}/modules/first-hour",
        "/v1/orgs/eastgate/editions/{hidden}/modules/first-hour?locale=fr",
        "/v1/orgs/northbridge/editions/{eastgate}",
        "/v1/orgs/northbridge/editions/{nothing}/modules/first-hour",
        "/v1/orgs/northbridge?channel=none",
        "/v1/orgs/northbridge?channel=",
        "/v1/orgs/nobody",
        "/v1/orgs/nobody/modules",
        "/v1/orgs/nobody/modules/first-hour",
        "/v1/orgs/nobody/modules/first-hour?locale=fr",
        "/v1/orgs",
        "/v1/orgs/",
        "/v1/orgs/northbridge/",
        "/v1/orgs/northbridge/modules/",
        "/v1/orgs/northbridge/module/first-hour",
        "/v1/orgs/northbridge/things/first-hour",
        "/v1/orgs/northbridge/modules/none",
        "/v1/orgs/northbridge/templates/first-hour",
        "/v1/orgs/northbridge/modules/..%2f..%2fpacks",
        "/v1/orgs/northbridge//modules/first-hour",
        "/v1/orgs/northbridge/images/" + "0" * 64 + ".svg",
        "/v1/packs/none/releases/1.0.0",
        "/v1/packs/example/releases/9.9.9",
    ],
)
def test_the_same_nothing(client, hidden, not_found, path):
    """What is private, has never been public, belongs to another or does not exist answers alike, to the byte."""
    eastgate = client.get("/v1/orgs/eastgate").json["edition"]
    filled = path.format(hidden=hidden, eastgate=eastgate, nothing=NOTHING)
    assert said(client.get(filled)) == not_found
    head = client.head(filled)
    assert (head.status_code, head.data) == (404, b"")


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/orgs/northbridge/editions/sha256:short/modules/first-hour", "digest"),
        ("/v1/orgs/northbridge/editions/" + NOTHING.upper() + "/modules/first-hour", "digest"),
        ("/v1/orgs/Northbridge", "organisation"),
        ("/v1/orgs/north--bridge", "organisation"),
        ("/v1/orgs/nobody-/modules", "organisation"),
        ("/v1/orgs/northbridge/modules/First-Hour", "resource_id"),
        ("/v1/orgs/northbridge/modules/" + "a" * 65, "resource_id"),
        ("/v1/orgs/northbridge/modules/" + "a" * 5000, "resource_id"),
    ],
)
def test_malformed_paths(client, path, parameter):
    """A part of an address that nothing can be called is refused by its name, whatever else there is or is not."""
    for _ in ("miss", "again"):
        answer = client.get(path)
        assert answer.status_code == 400
        assert [each["parameter"] for each in answer.json["errors"]] == [parameter]


@pytest.mark.parametrize("path", ["/v1/orgs/northbridge/modules/first-hour%00", "/v1/orgs/northbridge%0A"])
def test_control_characters(client, path):
    """An address with characters that no address has is refused."""
    assert client.get(path).status_code == 400


@pytest.mark.parametrize("conditional", ['"anything"', "*"])
def test_no_condition_opens_anything(client, hidden, not_found, conditional):
    """If-None-Match finds out nothing about what may not be seen."""
    path = f"/v1/orgs/eastgate/editions/{hidden}/modules/first-hour"
    assert said(client.get(path, headers={"If-None-Match": conditional})) == not_found


def test_private_templates_are_not_filled(client, hidden, not_found):
    """A template of a private channel cannot be filled either."""
    assert hidden
    answer = client.post(
        "/v1/orgs/eastgate/templates/thank-you/fill?channel=preview", json={"values": {"interviewer_name": "A"}}
    )
    assert said(answer) == not_found


def test_a_channel_becomes_public(house):
    """A channel answers once it is public and no longer when it is private again; the edition it showed stays."""
    client = house.client()
    live = client.get(ORGANISATION).json["edition"]
    house.move("northbridge", "autumn", live, public=False)
    assert client.get(f"{MODULE}?channel=autumn").status_code == 404
    house.move("northbridge", "autumn", live, public=True)
    eventually(lambda: client.get(f"{MODULE}?channel=autumn").status_code == 200)
    house.move("northbridge", "autumn", live, public=False)
    eventually(lambda: client.get(f"{MODULE}?channel=autumn").status_code == 404)
    assert client.get(MODULE).status_code == 200


def test_an_edition_becomes_public(house):
    """An edition's own address answers once a public channel has pointed at it, and from then on."""
    client = house.client()
    before = client.get(ORGANISATION).json["edition"]
    house.set("northbridge", EASTGATE)
    digest = house.edition("northbridge", None)
    address = f"{ORGANISATION}/editions/{digest}/modules/first-hour"
    assert client.get(address).status_code == 404
    house.move("northbridge", "live", digest)
    eventually(lambda: client.get(address).status_code == 200)
    house.move("northbridge", "live", before)
    eventually(lambda: client.get(ORGANISATION).json["edition"] == before)
    assert client.get(address).status_code == 200
    assert house.client().get(address).status_code == 200


CREDENTIALS = [
    "Bearer ck_live_0123456789abcdef",
    "Bearer",
    "bearer x",
    "Basic dXNlcjpwYXNz",
    "nonsense",
    "Bearer \u00e9",
    "",
]
PROTECTED = [
    ORGANISATION,
    f"{ORGANISATION}/modules",
    MODULE,
    "/v1/packs",
    "/v1/packs/example/releases/1.0.0",
    "/v1/orgs/nobody",
    f"{MODULE}?limit=3",
    "/v1/nothing",
]


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_bad_key(client, path, method):
    """A key that does not hold is refused wherever it is shown, on public content too, with how to show one."""
    answer = client.open(path, method=method, headers={"Authorization": CREDENTIALS[0]})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Cache-Control"] == "no-store"
    if method == "GET":
        assert answer.json["type"] == "/problems/unauthorised"
        assert [(each["header"], each["code"]) for each in answer.json["errors"]] == [("Authorization", "invalid-key")]


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_any_credential(client, credential):
    """Whatever is in Authorization is a credential, and none holds yet."""
    assert client.get(MODULE, headers={"Authorization": credential}).status_code == 401


def test_a_bad_key_is_no_secret_kept(client):
    """A refusal does not say the key back."""
    answer = client.get(MODULE, headers={"Authorization": CREDENTIALS[0]})
    assert "0123456789" not in answer.text + str(answer.headers)


def test_a_bad_key_comes_before_conditions(client):
    """Who has the content already is refused as well, kept or not."""
    tag = client.get(MODULE).headers["ETag"]
    for condition in (tag, "*"):
        headers = {"If-None-Match": condition, "Authorization": CREDENTIALS[0]}
        assert client.get(MODULE, headers=headers).status_code == 401


def test_a_bad_key_is_not_filled(client):
    """No template is filled for a bad key."""
    answer = client.post(f"{ORGANISATION}/templates/thank-you/fill", json={}, headers={"Authorization": CREDENTIALS[0]})
    assert answer.status_code == 401


def test_a_bad_key_spoils_nothing(fresh):
    """The refusal is not kept: without the key the same address answers."""
    assert fresh.get(MODULE, headers={"Authorization": CREDENTIALS[0]}).status_code == 401
    assert fresh.get(MODULE).status_code == 200
    assert fresh.get(MODULE, headers={"Authorization": CREDENTIALS[0]}).status_code == 401
    assert fresh.get(MODULE).headers["Cache-Status"] == "CoachKit; hit; detail=memory"


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/problems"])
def test_what_takes_no_key(client, path):
    """Outside of the API a credential is none of our business: a proxy may use it."""
    assert client.get(path, headers={"Authorization": "Basic dXNlcjpwYXNz"}).status_code == 200
