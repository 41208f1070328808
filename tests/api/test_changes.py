"""Changes over HTTP: a copy that follows them is what is served, at every page's end and however the channel moves."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from appmaker import EASTGATE, HARBOUR, NORTHBRIDGE, eventually
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from packmaker import PACK, appending, module, replacing

from coachkit.api import changes, cursors
from coachkit.packs.model import FOLDERS

ORGANISATION = "/v1/orgs/northbridge"
CHANGES = f"{ORGANISATION}/changes"
LINK = re.compile(r'<(/v1/[^>]*)>; rel="next"')
NOTHING = "sha256:" + "0" * 64
HIDE = {"op": "hide", "target": "example:questionnaire/after-the-interview"}


def keys(found):
    """The documents that changes are about, by what happened to them."""
    return {(each["op"], each["kind"], each["id"], each["locale"]) for each in found}


def served(client, organisation="northbridge", query=""):
    """Every document that an organisation serves, by kind, id and locale, as JSON."""
    found = {}
    for locale in client.get(f"/v1/orgs/{organisation}?{query}").json["locales"]:
        for kind, folder in FOLDERS.items():
            for item in client.get(f"/v1/orgs/{organisation}/{folder}?limit=100&{query}").json["items"]:
                address = f"/v1/orgs/{organisation}/{folder}/{item['id']}?locale={locale}&{query}"
                found[kind, item["id"], locale] = client.get(address).data
    return found


class Copy:
    """Somebody who keeps a copy: asks for changes page by page and reads just the documents that they name."""

    def __init__(self, client, limit=3):
        self.client, self.limit = client, limit
        self.since, self.documents = None, {}

    def follow(self):
        """Come up to the newest edition; gives how many documents were read."""
        reads = 0
        while (page := self.page()).json["changes"]:
            reads += sum(self.take(each, page.headers["CoachKit-Edition"]) for each in page.json["changes"])
            self.since = page.json["next"]
        self.since = page.json["next"]
        return reads

    def page(self):
        since = f"&since={self.since}" if self.since else ""
        page = self.client.get(f"{CHANGES}?limit={self.limit}{since}")
        assert page.status_code == 200, page.text
        return page

    def take(self, change, edition):
        key = change["kind"], change["id"], change["locale"]
        assert (key in self.documents) == (change["op"] != "added")
        if change["op"] == "removed":
            del self.documents[key]
            return 0
        address = f"{ORGANISATION}/editions/{edition}/{FOLDERS[change['kind']]}/{change['id']}"
        self.documents[key] = self.client.get(f"{address}?locale={change['locale']}").data
        return 1


def moved(client, digest, address=ORGANISATION):
    """Wait until an address answers from an edition."""
    eventually(lambda: client.get(address).headers["CoachKit-Edition"] == digest)


# --- what has changed -----------------------------------------------------------------------------


def test_everything_to_start_with(client):
    """Without since, all that is served now is there as added, once, each document in each locale."""
    answer = client.get(CHANGES)
    assert answer.status_code == 200
    assert set(answer.json) == {"changes", "next"}
    assert keys(answer.json["changes"]) == {("added", *key) for key in served(client)}
    assert len(answer.json["changes"]) == len(served(client))


def test_nothing_changed(client):
    """Whoever is up to date gets nothing, and a token that works as well, again and again."""
    token = client.get(CHANGES).json["next"]
    for _ in range(3):
        answer = client.get(f"{CHANGES}?since={token}")
        assert (answer.status_code, answer.json["changes"]) == (200, [])
        assert "Link" not in answer.headers
        token = answer.json["next"]


def test_the_digest_of_the_edition(client):
    """The digest in CoachKit-Edition is a place to go on from too, for whoever has that edition whole."""
    digest = client.get(ORGANISATION).json["edition"]
    answer = client.get(f"{CHANGES}?since={digest}")
    assert (answer.status_code, answer.json["changes"]) == (200, [])


def test_one_change(house):
    """After a new edition, just the documents that it changed are there, for a token and a digest alike."""
    client = house.client()
    token, digest = client.get(CHANGES).json["next"], client.get(ORGANISATION).json["edition"]
    house.publish(**{PACK: replacing("1.0.0", "1.1.0"), "locales/cy/modules/ask-for-feedback.md": appending("\nA!\n")})
    moved(client, house.edition("northbridge"))
    for since in (token, digest):
        found = client.get(f"{CHANGES}?since={since}").json["changes"]
        assert ("changed", "module", "ask-for-feedback", "cy") in keys(found)
        assert {each["id"] for each in found} == {"ask-for-feedback"}


def test_back_again(house):
    """After a rollback the changes lead back: what was added is removed, and what changed changes."""
    client = house.client()
    house.set("northbridge", {**NORTHBRIDGE, "overlay": [HIDE]})
    new = house.edition("northbridge")
    moved(client, new)
    token = client.get(CHANGES).json["next"]
    moved(client, house.rollback("northbridge"))
    found = client.get(f"{CHANGES}?since={token}").json["changes"]
    assert ("added", "questionnaire", "after-the-interview", "cy") in keys(found)
    back = client.get(f"{CHANGES}?since={client.get(ORGANISATION).json['edition']}").json
    assert back["changes"] == []


def test_what_a_document_shows_is_part_of_it(house):
    """New contacts and values change the documents that show them; colours, which no document has, change none."""
    client = house.client()
    token = client.get(CHANGES).json["next"]

    def after(**brand):
        house.set("northbridge", {**NORTHBRIDGE, "brand": {**NORTHBRIDGE["brand"], **brand}})
        moved(client, house.edition("northbridge"))
        return keys(client.get(f"{CHANGES}?since={token}").json["changes"])

    assert after(colours={"link": "#0000ff"}, voice="Brief") == set()
    contacts = {"listening": {"cy": [{"name": "Meic", "phone": "0808 802 3456"}]}}
    assert after(support=contacts) == {("changed", "module", "first-hour", "cy")}
    found = after(careers_email="new@northbridge.example")
    assert {id_ for _, _, id_, _ in found} == {"first-hour", "thank-you"}


@pytest.mark.parametrize("limit", [3, 1000])
def test_a_copy_stays_true(house, limit):
    """A copy that reads just what changes name is what is served, byte for byte, after every kind of change."""
    client = house.client()
    copy = Copy(client, limit)
    copy.follow()
    assert copy.documents == served(client)
    more = {"modules/one-more.md": module("One more"), "checklists/before-you-reply.yaml": None}
    broken = {
        "modules/first-hour.md": replacing("related: [ask-for-feedback, checklist/before-you-reply]\n", ""),
        PACK: replacing("1.0.0", "1.1.0"),
        "locales/cy/checklists/before-you-reply.yaml": None,
    }
    house.publish(**more, **broken)
    settings = [
        NORTHBRIDGE,
        {**NORTHBRIDGE, "overlay": [HIDE]},
        {**NORTHBRIDGE, "brand": {**EASTGATE["brand"], "name": {"en-GB": "N", "cy": "N"}}},
        {**HARBOUR},
        NORTHBRIDGE,
    ]
    for each in settings:
        house.set("northbridge", each)
        moved(client, house.edition("northbridge"))
        copy.follow()
        assert copy.documents == served(client)
    assert copy.follow() == 0


# --- pages ----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=12)
@given(limit=st.integers(1, 1000))
def test_pages_cover_everything(client, limit):
    """Whatever the limit, the pages hold every change once and in order, and all but the last are full."""
    whole = client.get(CHANGES).json["changes"]
    pages, path = [], f"{CHANGES}?limit={limit}"
    while path:
        page = client.get(path)
        pages.append(page.json["changes"])
        link = LINK.fullmatch(page.headers.get("Link", ""))
        path = link and link[1]
    assert [each for page in pages for each in page] == whole
    assert all(len(page) == limit for page in pages[:-1])


def test_link_is_next(client):
    """Link leads where `next` does, with the caller's own channel and limit, and only while there is more."""
    answer = client.get(f"{CHANGES}?limit=2&channel=live")
    asked = parse_qs(urlsplit(LINK.fullmatch(answer.headers["Link"])[1]).query)
    assert asked == {"limit": ["2"], "channel": ["live"], "since": [answer.json["next"]]}
    assert "Link" not in client.get(CHANGES).headers


@pytest.mark.parametrize("warm", [False, True], ids=["another process", "the same"])
def test_the_channel_moves_between_pages(house, warm):
    """Pages go on to the edition they set out for, which each names in its header; the next token leads to the newest.

    That is so in a process that never saw the edition at the channel, too.
    """
    client = house.client()
    old = client.get(ORGANISATION).json["edition"]
    whole = client.get(CHANGES).json["changes"]
    first = client.get(f"{CHANGES}?limit=4").json
    house.set("northbridge", {**NORTHBRIDGE, "overlay": [HIDE]})
    new = house.edition("northbridge")
    moved(client, new)
    client = client if warm else house.client()
    rest = client.get(f"{CHANGES}?since={first['next']}")
    assert first["changes"] + rest.json["changes"] == whole
    assert rest.headers["CoachKit-Edition"] == old
    assert f"edition/{old}" in rest.headers["Surrogate-Key"].split()
    newest = client.get(f"{CHANGES}?since={rest.json['next']}")
    assert newest.headers["CoachKit-Edition"] == new
    assert ("removed", "questionnaire", "after-the-interview", "cy") in keys(newest.json["changes"])
    assert newest.json == client.get(f"{CHANGES}?since={old}").json


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many", "", "1e2"])
def test_limits(client, limit):
    """A limit is a whole number from 1 to 1,000; anything else is refused by name."""
    answer = client.get(f"{CHANGES}?limit={limit}")
    assert answer.status_code == 400
    assert [each["parameter"] for each in answer.json["errors"]] == ["limit"]


@pytest.mark.parametrize("parameter", ["locale", "format", "cursor", "kind"])
def test_unknown_parameters(client, parameter):
    """Changes are of all locales and kinds; what would choose among them is refused by name."""
    answer = client.get(f"{CHANGES}?{parameter}=cy")
    assert answer.status_code == 400
    assert [each["code"] for each in answer.json["errors"]] == ["unknown-parameter"]


# --- where nobody can go on -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def unknown(portal, client):
    """What since may name that is not known here, by why it is not."""
    token = client.get(f"{CHANGES}?limit=2").json["next"]
    portal.set("northbridge", {**NORTHBRIDGE, "overlay": [HIDE]})
    hidden = portal.edition("northbridge", "preview")
    portal.move("northbridge", "autumn", client.get(ORGANISATION).json["edition"], public=True)
    eventually(lambda: client.get(f"{CHANGES}?channel=autumn").status_code == 200)
    digest = hidden.removeprefix("sha256:")
    sealed = cursors.seal(bytes(range(32)), "changes\nnorthbridge\nlive\nrender 1", bytes.fromhex(digest))
    return {
        "nothing": "",
        "nonsense": "yesterday",
        "not ASCII": "é",
        "an unknown digest": NOTHING,
        "half a digest": NOTHING[:-1],
        "a digest in capitals": client.get(ORGANISATION).json["edition"].upper(),
        "another organisation's edition": client.get("/v1/orgs/eastgate").json["edition"],
        "an edition that was never public": hidden,
        "a token of an edition that was never public": sealed,
        "another organisation's token": client.get("/v1/orgs/eastgate/changes").json["next"],
        "another channel's token": client.get(f"{CHANGES}?channel=autumn").json["next"],
        "another installation's token": portal.client(secret_key=bytes(range(1, 33))).get(CHANGES).json["next"],
        "a token cut short": token[:-1],
        "a token with more": f"{token}A",
        "a token padded": f"{token}=",
        "a token in other letters": token.swapcase(),
        "the cursor of a list": client.get(f"{ORGANISATION}/modules?limit=1").headers["Link"].split("cursor=")[1][:-13],
    }


UNKNOWN = [
    "nothing",
    "nonsense",
    "not ASCII",
    "an unknown digest",
    "half a digest",
    "a digest in capitals",
    "another organisation's edition",
    "an edition that was never public",
    "a token of an edition that was never public",
    "another organisation's token",
    "another channel's token",
    "another installation's token",
    "a token cut short",
    "a token with more",
    "a token padded",
    "a token in other letters",
    "the cursor of a list",
]


@pytest.mark.parametrize("why", UNKNOWN)
def test_start_over(client, unknown, why):
    """Whatever is not known is 410 with the same bytes, so that it says nothing of what there is; nothing is kept."""
    assert set(unknown) == set(UNKNOWN)
    answers = [client.get(f"{CHANGES}?since={quote(each)}") for each in (unknown[why], NOTHING, unknown[why])]
    assert {answer.status_code for answer in answers} == {410}
    assert len({answer.data for answer in answers}) == 1
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert answers[0].json["errors"] == [
        {
            "parameter": "since",
            "code": "unknown-since",
            "detail": "Start over: leave it out, and take what is there as added.",
        }
    ]


@pytest.mark.parametrize("query", ["", "&channel=live", "&limit=2", "&channel=live&limit=2"])
def test_where_to_start(client, query):
    """The Link of a 410 leads to the start, in the caller's own channel and pages."""
    link = client.get(f"{CHANGES}?since=gone{query}").headers["Link"]
    start = re.fullmatch(r'<([^>]*)>; rel="start"', link)[1]
    answer = client.get(start)
    assert {each["op"] for each in answer.json["changes"]} == {"added"}
    assert len(answer.json["changes"]) == 2 if "limit" in query else "Link" not in answer.headers


@given(since=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200))
def test_any_text(client, since):
    """No text that is no place is taken for one, and none is a fault."""
    assert client.get(f"{CHANGES}?since={quote(since, safe='')}").status_code == 410


def test_too_long(client):
    """A text longer than any token is refused by name."""
    assert client.get(f"{CHANGES}?since={'A' * 201}").status_code == 400


def test_another_way_to_write_everything(client, monkeypatch):
    """Where a new version of CoachKit writes every document anew, the tokens of before mean: start over."""
    token = client.get(CHANGES).json["next"]
    monkeypatch.setattr(changes, "RENDER", changes.RENDER + 1)
    assert client.get(f"{CHANGES}?since={token}&limit=999").status_code == 410


@given(
    at=st.none() | st.binary(min_size=32, max_size=32),
    to=st.none() | st.binary(min_size=32, max_size=32),
    done=st.integers(1, 2**32 - 1),
)
def test_tokens_lead_where_they_were_made(portal, at, to, done):
    """A place that is written down as a token is read back as the same place, and fits in an address as it is."""
    named = [None if each is None else f"sha256:{each.hex()}" for each in (at, to)]
    if named == [None, None]:
        return
    place = changes.Place(named[0], named[1], done if to else 0)
    if not portal.apps:
        portal.app()
    with portal.apps[0].test_request_context(CHANGES):
        request = changes.reading()
        token = changes._token(request, place)  # noqa: SLF001  tokens are opaque to all others
        assert changes._place(request, token) == place  # noqa: SLF001
    assert quote(token, safe="") == token
    assert len(token) <= 110


# --- channels -------------------------------------------------------------------------------------


def test_private_channels(client, unknown):
    """A channel that readers do not see has no changes, whatever since is."""
    for since in ("", f"&since={NOTHING}", f"&since={quote(unknown['nonsense'])}"):
        assert client.get(f"{CHANGES}?channel=preview{since}").status_code == 404


def test_a_channel_of_its_own(house):
    """Each channel has changes of its own."""
    client = house.client()
    live = client.get(ORGANISATION).json["edition"]
    house.set("northbridge", {**NORTHBRIDGE, "overlay": [HIDE]})
    autumn = house.edition("northbridge", "autumn")
    eventually(lambda: client.get(f"{CHANGES}?channel=autumn").status_code == 200)
    found = client.get(f"{CHANGES}?channel=autumn&since={live}")
    assert found.headers["CoachKit-Edition"] == autumn
    assert ("removed", "questionnaire", "after-the-interview", "en-GB") in keys(found.json["changes"])
    assert client.get(f"{CHANGES}?since={live}").json["changes"] == []


# --- as an answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?limit=2", "?since={digest}", "?since={token}"])
def test_kept_and_not_sent_twice(portal, query):
    """An answer is kept like any other; who has it gets 304, from the store and from nothing; HEAD has no body."""
    client = portal.client()
    digest, token = client.get(ORGANISATION).json["edition"], client.get(f"{CHANGES}?limit=3").json["next"]
    path = CHANGES + query.format(digest=digest, token=token)
    first, second = (portal.client().get(path) for _ in range(2))
    assert (first.data, first.headers["ETag"]) == (second.data, second.headers["ETag"])
    client.get(path)
    hit = client.get(path)
    assert hit.headers["Cache-Status"] == "CoachKit; hit; detail=memory"
    assert hit.data == first.data
    assert hit.headers.get("Link") == first.headers.get("Link")
    for asked in (client, portal.client()):
        answer = asked.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (answer.status_code, answer.data) == (304, b"")
    assert client.head(path).data == b""
    assert first.headers["Surrogate-Key"] == f"org/northbridge edition/{digest}"
    assert first.headers["Cache-Control"].startswith("public, max-age=30,")


def test_two_channels_at_one_edition(house):
    """Answers of two channels differ in their tokens, so they differ in their ETags."""
    client = house.client()
    house.move("northbridge", "autumn", client.get(ORGANISATION).json["edition"], public=True)
    eventually(lambda: client.get(f"{CHANGES}?channel=autumn").status_code == 200)
    live, autumn = client.get(CHANGES), client.get(f"{CHANGES}?channel=autumn")
    assert live.json["next"] != autumn.json["next"]
    assert live.headers["ETag"] != autumn.headers["ETag"]
    assert client.get(f"{CHANGES}?channel=live").json == live.json


def test_json_only(client):
    """There is nothing but JSON, in no language."""
    assert client.get(CHANGES, headers={"Accept": "text/html"}).status_code == 406
    assert "Content-Language" not in client.get(CHANGES).headers


def test_reference(client):
    """The reference has the shape, each parameter with an example, and the 410."""
    document = client.get("/openapi.json").json
    schema = {"$ref": "#/components/schemas/Changes", "components": document["components"]}
    assert list(Draft202012Validator(schema).iter_errors(client.get(CHANGES).json)) == []
    route = document["paths"]["/v1/orgs/{organisation}/changes"]["get"]
    parameters = {each["name"]: each for each in route["parameters"]}
    assert set(parameters) == {"since", "limit", "channel"}
    assert all(
        each["description"] and each["schema"].get("example", each.get("example")) for each in parameters.values()
    )
    assert "410" in route["responses"]


def test_the_guide(client):
    """What the guide shows and promises is so: the shape, the bounds, the code of a 410, and how long answers keep."""
    guide = " ".join((Path(__file__).parents[2] / "docs" / "copies.md").read_text(encoding="utf-8").split())
    shown = json.loads(re.search(r"```json (.*?) ```", guide)[1])
    answer = client.get(CHANGES)
    assert shown.keys() == answer.json.keys()
    assert shown["changes"][0] in answer.json["changes"]
    assert f"`limit` is 1 to {changes.MOST:,}, and {changes.MOST:,} where you give none" in guide
    refused = client.get(f"{CHANGES}?since=gone")
    assert f"`{refused.status_code}` with the code `{refused.json['errors'][0]['code']}`" in guide
    seconds = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])[1]
    assert f"more often than every {seconds} seconds" in guide
