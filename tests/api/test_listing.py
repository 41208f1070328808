"""Lists over HTTP: filters, pages, cursors; every resource once, and no page that belongs to another list."""

import re
from urllib.parse import quote

import pytest
from appmaker import NORTHBRIDGE
from hypothesis import given, settings
from hypothesis import strategies as st
from packmaker import PACK, module, replacing

from coachkit.api import cursors

LIST = "/v1/orgs/northbridge/modules"
LINK = re.compile(r'<(/v1/[^>]*)>; rel="next"')
TOPICS = ("feedback", "interviews", "energy")
STAGES = ("applied", "screened", "interviewed", "final")
MADE = 23
"""Modules beside the small pack's two and the other pack's one."""


def numbered(number):
    """A module whose topic, stage and audience follow from its number."""
    return (
        module(f"Module {number}", extra=f"audience: [{'graduates' if number % 2 else 'everyone'}]\n")
        .replace("topics: [first-response]", f"topics: [{TOPICS[number % 3]}]")
        .replace("stages: [applied]", f"stages: [{STAGES[number % 4]}]")
    )


@pytest.fixture(scope="module")
def client(portal):
    """A client of the portal with many modules in it, from two packs."""
    more = {f"modules/number-{number:02}.md": numbered(number) for number in range(MADE)}
    portal.publish(**{PACK: replacing("1.0.0", "1.1.0"), **more})
    portal.publish_small("other", elsewhere=module("From elsewhere"))
    portal.set("northbridge", {**NORTHBRIDGE, "packs": {"example": ">=1.0,<2", "other": "*"}})
    portal.edition("northbridge")
    return portal.client()


def ids(page):
    return [item["id"] for item in page.json["items"]]


def following(client, path):
    """The ids on every page from `path` on, page by page, going by Link alone."""
    pages = []
    while path:
        page = client.get(path)
        assert page.status_code == 200, page.text
        pages.append(ids(page))
        link = LINK.fullmatch(page.headers.get("Link", ""))
        path = link and link[1]
        assert len(pages) < 100
    return pages


def next_of(answer):
    return LINK.fullmatch(answer.headers["Link"])[1]


def codes(answer):
    assert answer.status_code == 400, answer.text
    return {(error["parameter"], error["code"]) for error in answer.json["errors"]}


EVERYTHING = sorted(["ask-for-feedback", "elsewhere", "first-hour", *(f"number-{number:02}" for number in range(MADE))])


def test_order_and_default(client):
    """A list is ordered by id, and without a limit it gives twenty."""
    page = client.get(LIST)
    assert ids(page) == EVERYTHING[:20]
    assert "Link" in page.headers


def test_last_page(client):
    """The last page, and a list that fits on one, has no Link."""
    assert "Link" not in client.get(f"{LIST}?limit=100").headers
    assert "Link" not in client.get(f"{LIST}?limit={len(EVERYTHING)}").headers
    assert "Link" in client.get(f"{LIST}?limit={len(EVERYTHING) - 1}").headers
    assert "Link" not in client.get(next_of(client.get(LIST))).headers


@settings(deadline=None, max_examples=15)
@given(limit=st.integers(1, 100))
def test_pages_cover_everything(client, limit):
    """Whatever the limit, the pages hold every resource once and in order, and all but the last are full."""
    pages = following(client, f"{LIST}?limit={limit}")
    assert [each for page in pages for each in page] == EVERYTHING
    assert all(len(page) == limit for page in pages[:-1])


@pytest.mark.parametrize(
    "query",
    [
        "topic=feedback",
        "topic=energy&topic=feedback&limit=3",
        "stage=final&limit=2&locale=CY",
        "limit=4&audience=everyone",
    ],
)
def test_pages_of_a_filter(client, query):
    """Links keep the filter, the limit and the locale: the pages are those of the list that was asked for."""
    pages = following(client, f"{LIST}?{query}")
    whole = ids(client.get(f"{LIST}?{re.sub(r'limit=[0-9]+', 'limit=100', query)}"))
    assert [each for page in pages for each in page] == whole
    assert 0 < len(whole) < len(EVERYTHING)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "many", "", "1e2", "99999999999999999999"])
def test_limits(client, limit):
    """A limit is a whole number from 1 to 100; anything else is refused by name."""
    ((parameter, _),) = codes(client.get(f"{LIST}?limit={limit}"))
    assert parameter == "limit"


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("topic=feedback", lambda item: "feedback" in item["topics"]),
        ("topic=feedback&topic=energy", lambda item: {"feedback", "energy"} & set(item["topics"])),
        ("stage=final", lambda item: "final" in item["stages"]),
        ("stage=final&stage=applied", lambda item: {"final", "applied"} & set(item["stages"])),
        ("audience=graduates", lambda item: "graduates" in item["audience"]),
        ("pack=other", lambda item: item["pack"] == "other"),
        ("pack=other&pack=example", bool),
        ("topic=feedback&stage=final", lambda item: "feedback" in item["topics"] and "final" in item["stages"]),
        ("topic=feedback&audience=graduates&pack=other", lambda item: "other" in item["topics"]),
    ],
)
def test_filters(client, query, holds):
    """A filter given more than once takes any of its values; different filters hold all at once."""
    everything = client.get(f"{LIST}?limit=100").json["items"]
    found = client.get(f"{LIST}?{query}&limit=100").json["items"]
    assert found == [item for item in everything if holds(item)]


@pytest.mark.parametrize("query", ["topic=nothing", "audience=nobody", "pack=none", "topic=%26", "topic=Feedback"])
def test_nothing_found(client, query):
    """A filter that nothing meets is an empty list, not an error."""
    answer = client.get(f"{LIST}?{query}")
    assert (answer.status_code, answer.json) == (200, {"items": []})
    assert "Link" not in answer.headers


def test_unknown_stage(client):
    """Stages are a closed list; one that is not in it is refused."""
    assert codes(client.get(f"{LIST}?stage=hired")) == {("stage", "invalid-value")}


@pytest.mark.parametrize(
    ("query", "parameter"), [("tpoic=a", "tpoic"), ("topic[]=a", "topic[]"), ("offset=3", "offset")]
)
def test_unknown_parameters(client, query, parameter):
    """What a list does not read it refuses, by name."""
    assert codes(client.get(f"{LIST}?{query}")) == {(parameter, "unknown-parameter")}


@pytest.mark.parametrize(
    "query", ["limit=1&limit=2", "locale=cy&locale=en-GB", "fields=id&fields=title", "cursor=a&cursor=b"]
)
def test_repeated_parameters(client, query):
    """Only filters may be repeated."""
    parameter = query.partition("=")[0]
    assert codes(client.get(f"{LIST}?{query}")) == {(parameter, "repeated-parameter")}


@pytest.mark.parametrize(
    "make",
    [
        lambda cursor: cursor[:0],
        lambda cursor: "A" * len(cursor),
        lambda cursor: cursor + "é",
        lambda cursor: f"{cursor} and more!",
        lambda cursor: cursor[:-1],
        lambda cursor: cursor + "A",
        lambda cursor: cursor + "=",
        lambda cursor: cursor.swapcase(),
    ],
)
def test_forged_cursor(client, make):
    """A cursor that this server did not make is refused."""
    cursor = next_of(client.get(f"{LIST}?limit=2")).rpartition("cursor=")[2]
    assert codes(client.get(f"{LIST}?limit=2&cursor={quote(make(cursor))}")) == {("cursor", "invalid-cursor")}


@pytest.mark.parametrize(
    "other",
    [
        f"{LIST}?topic=feedback",
        f"{LIST}?topic=interviews&topic=energy",
        f"{LIST}?stage=final",
        f"{LIST}?pack=example",
        "/v1/orgs/northbridge/templates?",
        "/v1/orgs/eastgate/modules?",
    ],
)
def test_cursor_of_another_list(client, other):
    """A cursor goes with its list and its filters; it leads nowhere in another."""
    cursor = next_of(client.get(f"{LIST}?limit=2")).rpartition("cursor=")[2]
    assert codes(client.get(f"{other}&cursor={cursor}")) == {("cursor", "invalid-cursor")}


def test_cursor_of_another_installation(portal, client):
    """A cursor that another installation made, with another secret, is forged here."""
    theirs = portal.client(secret_key=bytes(reversed(range(32))))
    assert codes(client.get(next_of(theirs.get(f"{LIST}?limit=2")))) == {("cursor", "invalid-cursor")}


@given(
    secret=st.binary(min_size=32, max_size=64),
    listing=st.text(max_size=40),
    last=st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True),
)
def test_cursor_round_trip(secret, listing, last):
    """What a list made it takes back, and it fits in an address as it is."""
    cursor = cursors.make(secret, listing, last)
    assert cursors.read(secret, listing, cursor) == last
    assert quote(cursor, safe="") == cursor


def test_link_is_of_the_caller(client):
    """A caller of one channel is led on in that channel, whoever asked for the same page of another before."""
    live = client.get(f"{LIST}?limit=2")
    named = client.get(f"{LIST}?limit=2&channel=live")
    assert "channel" not in next_of(live)
    assert "channel=live" in next_of(named)


def test_order_of_parameters(client):
    """The same list asked for in another order of parameters and values has the same pages."""
    first = following(client, f"{LIST}?topic=feedback&topic=energy&limit=3")
    second = following(client, f"{LIST}?limit=3&topic=energy&topic=feedback")
    assert first == second


def test_ampersand_in_a_value(client):
    """A value that looks like more of the query is one value: it neither finds what that would, nor is kept as that."""
    assert ids(client.get(f"{LIST}?topic=feedback%26topic%3Denergy")) == []
    assert ids(client.get(f"{LIST}?topic=energy&topic=feedback"))
    assert ids(client.get(f"{LIST}?topic=interviews&topic=feedback"))
    assert ids(client.get(f"{LIST}?topic=feedback%26topic%3Dinterviews")) == []


@pytest.mark.parametrize(("one", "other"), [("a%0Ab", "a%250Ab"), ("a%26topic%3Db", "a&topic=b"), ("a%3Db", "a%253Db")])
def test_one_etag_for_one_query(client, one, other):
    """Two queries that differ do not share an ETag, however they are spelt."""
    tags = {client.get(f"{LIST}?topic={each}").headers["ETag"] for each in (one, other)}
    assert len(tags) == 2


def test_link_is_path_absolute(client):
    """A Link names no host, whatever host was asked."""
    link = client.get(f"{LIST}?limit=1", headers={"Host": "elsewhere.example"}).headers["Link"]
    assert link.startswith(f"<{LIST}?")
