"""What a crowd without keys can make an installation do: so much in a minute about one organisation, and no more."""

from datetime import UTC, datetime

import pytest

from coachkit.db.scopes import ACROSS
from coachkit.organisations import keys, peppers

ORG = "/v1/orgs/northbridge"
KEPT = f"{ORG}/modules/first-hour"
FILL = f"{ORG}/templates/thank-you/fill"
FORMATS = ("json", "html", "markdown", "text", "email")
NEW = {
    "search": lambda n: f"{ORG}/search?q=word{n}",
    "filters": lambda n: f"{ORG}/modules?topic=topic{n}",
    "renders": lambda n: f"{ORG}/modules/first-hour?locale={('en-GB', 'cy')[n % 2]}&format={FORMATS[n // 2]}",
    "what is not there": lambda n: f"{ORG}/modules/none-{n}",
    "changes": lambda n: f"{ORG}/changes?since=sha256:{n:064}",
    "editions": lambda n: f"{ORG}/editions/sha256:{n:064}/modules",
    "mistakes": lambda n: f"{ORG}/modules?nonsense={n}",
}
"""Addresses that nobody has asked for yet."""


def refused(answers):
    return [each for each in answers if each.status_code == 429]


def operators(house):
    """The token of a new operator's key."""
    with house.database.write(ACROSS) as conn:
        at = datetime.now(UTC)
        return keys.create_operators(conn, "A key", None, peppers=peppers.of(house.settings), at=at)[1].text


@pytest.mark.parametrize("what", NEW)
def test_ever_new(portal, what):
    """Whatever is asked anew without a key is answered as often as is stated; then 429, and when to come again."""
    client = portal.client(limit_keyless=4)
    answers = [client.get(NEW[what](number)) for number in range(9)]
    assert [each.status_code == 429 for each in answers] == [False] * 4 + [True] * 5
    assert {each.content_type for each in refused(answers)} == {"application/problem+json"}
    for each in refused(answers):
        assert 1 <= int(each.headers["Retry-After"]) <= 60
        assert each.headers["RateLimit-Policy"] == '"keyless";q=4;w=60'
        assert each.headers["RateLimit"] == f'"keyless";r=0;t={each.headers["Retry-After"]}'


def test_filled_in(portal):
    """What is filled in is made anew each time, and counts."""
    client = portal.client(limit_keyless=4)
    answers = [client.post(FILL, json={"values": {}}) for _ in range(6)]
    assert [each.status_code == 429 for each in answers] == [False] * 4 + [True] * 2


def test_others_go_on(portal):
    """Where one organisation's crowd has had all it may, kept answers, keys and other organisations go on."""
    client = portal.client(limit_keyless=4)
    kept = client.get(KEPT)
    assert len(refused([client.get(NEW["search"](number)) for number in range(9)])) == 6
    answers = [client.get(KEPT), client.get(KEPT, headers={"If-None-Match": kept.headers["ETag"]})]
    assert [each.status_code for each in answers] == [200, 304]
    assert client.get(NEW["search"](9), headers={"Authorization": f"Bearer {operators(portal)}"}).status_code == 200
    assert client.get(NEW["search"](1).replace("northbridge", "harbour")).status_code == 200
    assert client.get(NEW["search"](10)).status_code == 429


def test_what_is_kept_costs_nothing(portal):
    """Answers that are kept are given as often as they are asked for."""
    client = portal.client(limit_keyless=1)
    assert {client.get(KEPT).status_code for _ in range(9)} == {200}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("cache", ["redis"], indirect=True)
def test_what_another_worker_keeps_costs_nothing(house):
    """What another worker has made is no new answer where both have a Redis."""
    one, two = [house.client(limit_keyless=1) for _ in range(2)]
    assert one.get(KEPT).status_code == 200
    assert two.get(KEPT).headers["Cache-Status"] == "CoachKit; hit; detail=redis"
    assert [two.get(NEW["search"](number)).status_code for number in range(2)] == [200, 429]


def test_previews(portal):
    """A preview is made anew each time, and counts."""
    client = portal.client(limit_keyless=2)
    key = {"Authorization": f"Bearer {operators(portal)}", "If-Match": "*"}
    path = client.post("/v1/orgs/harbour/previews", json={"hours": 1}, headers=key).json["address"]
    answers = [client.get(f"{path}/modules/first-hour") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("cache", ["memory"], indirect=True)
def test_none(house):
    """With 0 there is no limit."""
    client = house.client(limit_keyless=0)
    assert {client.get(NEW["search"](number)).status_code for number in range(20)} == {200}
