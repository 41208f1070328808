"""Resources on their way out: what answers say of it in headers, and that bodies say nothing of it."""

from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

import pytest
from appmaker import NORTHBRIDGE, eventually
from hypothesis import given
from hypothesis import strategies as st
from packmaker import PACK, module, replacing

from coachkit.api import retiring as announcing

ORGANISATION = "/v1/orgs/northbridge"
OLD = f"{ORGANISATION}/modules/ask-for-feedback"
KEY = "last_reviewed: 2026-11-01\n"
SINCE, UNTIL = "@1790812800", "Mon, 01 Mar 2027 00:00:00 GMT"
FILES = {
    "modules/ask-for-feedback.md": "modules/ask-for-feedback",
    "templates/thank-you.md": "templates/thank-you",
    "checklists/before-you-reply.yaml": "checklists/before-you-reply",
    "pathways/first-week.yaml": "pathways/first-week",
    "questionnaires/after-the-interview.yaml": "questionnaires/after-the-interview",
}
HEADERS = ("Deprecation", "Sunset", "Link")


def leaving(said):
    """The change that lets a resource say this of its retirement."""
    return replacing(KEY, f"retiring: {said}\n{KEY}")


def retired(instead="first-hour", until="until: 2027-03-01, "):
    return leaving(f"{{since: 2026-10-01, {until}instead: {instead}}}")


def publish(house, **changes):
    """Publish the pack with these changes as 1.1.0, and northbridge's edition with it."""
    house.publish(**{PACK: replacing("1.0.0", "1.1.0"), **changes})
    return house.edition("northbridge")


def announced(answer):
    return {name: answer.headers[name] for name in HEADERS if name in answer.headers}


@pytest.fixture(scope="module")
def client(portal):
    """A client of the portal, where one resource of each kind is retiring in favour of a module."""
    publish(portal, **{path: retired() for path in FILES})
    return portal.client()


@pytest.mark.parametrize("path", FILES.values())
@pytest.mark.parametrize("query", ["", "?format=html", "?fields=id", "?explain=true", "?locale=cy"])
def test_every_kind_and_format(portal, client, path, query):
    """Whatever a retiring resource is asked for as, it says since when, until when and what comes after it."""
    for asked in (portal.client(), client):
        answer = asked.get(f"{ORGANISATION}/{path}{query}")
        assert answer.status_code == 200
        assert announced(answer)["Deprecation"] == SINCE
        assert announced(answer)["Sunset"] == UNTIL
        assert announced(answer)["Link"].endswith('; rel="successor-version"')


@pytest.mark.parametrize("query", ["", "?format=html"])
def test_kept(portal, query):
    """The headers are kept with the answer: a hit has those of the miss, HEAD has them, and a 304 the first two."""
    client = portal.client()
    first = client.get(OLD + query)
    hit = client.get(OLD + query)
    assert hit.headers["Cache-Status"].startswith("CoachKit; hit")
    assert announced(hit) == announced(first) == announced(client.head(OLD + query))
    for asked in (client, portal.client()):
        again = asked.get(OLD + query, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304
        assert announced(again) == {"Deprecation": SINCE, "Sunset": UNTIL}


@pytest.mark.parametrize("path", ["/modules/first-hour", "/modules", "", "/changes"])
def test_nothing_else(client, path):
    """What stays, and what lists what goes, announces nothing."""
    assert not {"Deprecation", "Sunset"} & set(client.get(ORGANISATION + path).headers.keys())


@pytest.mark.parametrize(
    ("query", "link"),
    [
        ("", "/modules/first-hour"),
        ("?locale=cy", "/modules/first-hour?locale=cy"),
        ("?format=html&locale=CY", "/modules/first-hour?locale=cy&format=html"),
        ("?channel=live", "/modules/first-hour?channel=live"),
        ("?fields=id", "/modules/first-hour"),
        ("?explain=true&locale=cy", "/modules/first-hour?locale=cy"),
    ],
)
def test_the_successor(client, query, link):
    """The Link is path-absolute and leads to the successor as the caller asked for this one, and it answers."""
    for at in (ORGANISATION, f"{ORGANISATION}/editions/{client.get(ORGANISATION).json['edition']}"):
        if at != ORGANISATION and "channel" in query:
            continue
        answer = client.get(OLD.replace(ORGANISATION, at, 1) + query)
        assert answer.headers["Link"] == f'<{at}{link}>; rel="successor-version"'
        assert client.get(f"{at}{link}").status_code == 200


def test_the_message_is_filled_all_the_same(client):
    """A retiring template can be filled until it goes, and the filled message says the same."""
    answer = client.post(f"{ORGANISATION}/templates/thank-you/fill", json={"values": {"interviewer_name": "Ms Rees"}})
    assert answer.status_code == 200
    assert announced(answer) == {
        "Deprecation": SINCE,
        "Sunset": UNTIL,
        "Link": f'<{ORGANISATION}/modules/first-hour>; rel="successor-version"',
    }
    other = client.post("/v1/orgs/harbour/templates/thank-you/fill", json={"values": {"interviewer_name": "Ms Rees"}})
    assert (other.status_code, announced(other)) == (200, {})


def test_pages_may_read_it(client):
    """A page of any origin may read that what it shows is on its way out."""
    exposed = client.get(OLD).headers["Access-Control-Expose-Headers"]
    assert {"Deprecation", "Sunset", "Link"} <= {name.strip() for name in exposed.split(",")}


def test_bodies_keep_their_shape(house):
    """That it retires is in no body: but for the version it is what it was, in every format and for every kind."""
    client = house.client()
    queries = ("", "?format=html", "?locale=cy")
    paths = [f"{ORGANISATION}/{path}{query}" for path in FILES.values() for query in queries]
    before = {path: client.get(path) for path in paths}
    edition = publish(house, **{path: retired() for path in FILES})
    eventually(lambda: client.get(ORGANISATION).headers["CoachKit-Edition"] == edition)
    for path in paths:
        after = client.get(path)
        assert after.text.replace('"version":"1.1.0"', '"version":"1.0.0"') == before[path].text
        assert after.headers["ETag"] != before[path].headers["ETag"]
        assert announced(before[path]) == {}


def test_who_keeps_a_copy_hears_of_it(house):
    """That it retires is a change of the document, so that whoever follows changes fetches it and sees the headers."""
    client = house.client()
    token = client.get(f"{ORGANISATION}/changes").json["next"]
    edition = publish(house, **{"modules/ask-for-feedback.md": retired()})
    eventually(lambda: client.get(ORGANISATION).headers["CoachKit-Edition"] == edition)
    found = client.get(f"{ORGANISATION}/changes?since={token}").json["changes"]
    assert {each["id"] for each in found} == {"ask-for-feedback"}


def test_as_much_as_is_said(house):
    """Without a day there is no Sunset, and without a successor no Link."""
    edition = publish(house, **{"modules/ask-for-feedback.md": leaving("{since: 2026-10-01}")})
    client = house.client()
    eventually(lambda: client.get(ORGANISATION).headers["CoachKit-Edition"] == edition)
    assert announced(client.get(OLD)) == {"Deprecation": SINCE}


def test_a_successor_that_is_not_served(house):
    """Where the organisation hides what would come after it there is no Link, and no answer kept before has one."""
    said = retired("questionnaire/after-the-interview")
    client = house.client()
    first = publish(house, **{"modules/ask-for-feedback.md": said})
    eventually(lambda: client.get(ORGANISATION).headers["CoachKit-Edition"] == first)
    served = client.get(OLD)
    assert announced(served)["Link"].startswith(f"<{ORGANISATION}/questionnaires/after-the-interview>")
    hide = {"op": "hide", "target": "example:questionnaire/after-the-interview"}
    house.set("northbridge", {**NORTHBRIDGE, "overlay": [hide]})
    second = house.edition("northbridge")
    eventually(lambda: client.get(ORGANISATION).headers["CoachKit-Edition"] == second)
    hidden = client.get(OLD)
    assert announced(hidden) == {"Deprecation": SINCE, "Sunset": UNTIL}
    assert hidden.headers["ETag"] != served.headers["ETag"]


def test_a_section_in_another_pack(house):
    """The successor may be a section of another pack's module."""
    house.publish_small("other", elsewhere=module("Elsewhere"))
    house.set("northbridge", {**NORTHBRIDGE, "packs": {"example": ">=1.0,<2", "other": "*"}})

    def requiring(text):
        return replacing("1.0.0", "1.1.0")(text) + 'requires: {other: "*"}\n'

    house.publish(**{PACK: requiring, "modules/ask-for-feedback.md": retired('"other:elsewhere#one"')})
    edition = house.edition("northbridge")
    client = house.client()
    eventually(lambda: client.get(ORGANISATION).headers["CoachKit-Edition"] == edition)
    link = announced(client.get(f"{OLD}?locale=cy"))["Link"]
    assert link == f'<{ORGANISATION}/modules/elsewhere?locale=cy#one>; rel="successor-version"'


def test_a_day_long_past_changes_nothing(house):
    """No clock has a say: what was to go long ago is served, with the headers that say so."""
    edition = publish(house, **{"modules/ask-for-feedback.md": leaving("{since: 1999-12-31, until: 2000-01-01}")})
    client = house.client()
    eventually(lambda: client.get(ORGANISATION).headers["CoachKit-Edition"] == edition)
    answer = client.get(OLD)
    assert answer.status_code == 200
    assert announced(answer) == {"Deprecation": "@946598400", "Sunset": "Sat, 01 Jan 2000 00:00:00 GMT"}


@given(day=st.dates(date(1000, 1, 1), date(9999, 12, 31)))
def test_days_as_the_standards_write_them(day):
    """Deprecation is a structured date (RFC 9745), Sunset an HTTP date: both midnight in UTC of the day."""
    midnight = announcing.midnight(day)
    assert datetime.fromtimestamp(int(announcing.structured(midnight)[1:]), UTC).date() == day
    assert parsedate_to_datetime(announcing.http_date(midnight)) == midnight


def test_reference(client):
    """The reference has the headers, with examples, where documents and filled messages are."""
    paths = client.get("/openapi.json").json["paths"]
    for path, method in (
        ("/{kind}/{resource_id}", "get"),
        ("/editions/{digest}/{kind}/{resource_id}", "get"),
        ("/templates/{resource_id}/fill", "post"),
    ):
        described = paths[f"/v1/orgs/{{organisation}}{path}"][method]["responses"]["200"]["headers"]
        assert set(described) == set(HEADERS)
        assert all(each["description"] and each["schema"]["example"] for each in described.values())
