"""Nobody else's data is ever in reach: every route of the reference, asked by every role of two organisations.

A route that is added without saying here how it is asked fails; so does one that lets another organisation read or
write, or that answers them otherwise than about an organisation that does not exist.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from appmaker import EASTGATE, HARBOUR, House, house_in, services_of
from packmaker import module

from coachkit.db.scopes import ACROSS
from coachkit.db.tables import OF_ORGANISATIONS, counters, metadata
from coachkit.organisations import keys, organisations, peppers
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.keys import SCOPES, Wanted

MINE, THEIRS, NOBODY = "harbour", "eastgate", "nowhere"
"""Whose key it is; whose data it is asked for; and an organisation that there is not."""
CANARY = "heron-canary"
"""Words of the other organisation's that no answer to anybody else may have."""
ORG = "/v1/orgs/{organisation}"
OPEN, MANAGED, CAPABILITY = "open", "managed", "capability"


@dataclass(frozen=True)
class Asked:
    """How a route is asked, and who may.

    That is whoever may read (`open`), has a secret key with the scope (`managed`), or has the address (`capability`).
    """

    who: str
    body: Any = None
    query: str = ""
    scope: str | None = None
    needs_match: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


def managed(scope: str, body: Any = None, *, match: bool = False) -> Asked:
    return Asked(MANAGED, body, scope=scope, needs_match=match)


SETTINGS = {**HARBOUR, "brand": {**HARBOUR["brand"], "voice": "Calm"}}
PART = {
    "op": "replace",
    "target": "example:module/first-hour",
    "locale": "en-GB",
    "field": "summary",
    "text": "In words of our own.",
}
OWN = {"kind": "module", "id": "ID", "source": {"en-GB": module(CANARY)}}
ROUTES: dict[tuple[str, str], Asked] = {
    ("get", ORG): Asked(OPEN),
    ("get", f"{ORG}/editions/{{digest}}"): Asked(OPEN),
    ("get", f"{ORG}/images/{{name}}"): Asked(CAPABILITY),
    ("get", f"{ORG}/{{kind}}"): Asked(OPEN),
    ("get", f"{ORG}/editions/{{digest}}/{{kind}}"): Asked(OPEN),
    ("get", f"{ORG}/{{kind}}/{{resource_id}}"): Asked(OPEN),
    ("get", f"{ORG}/editions/{{digest}}/{{kind}}/{{resource_id}}"): Asked(OPEN),
    ("get", f"{ORG}/search"): Asked(OPEN, query="?q=hour"),
    ("get", f"{ORG}/editions/{{digest}}/search"): Asked(OPEN, query="?q=hour"),
    ("get", f"{ORG}/changes"): Asked(OPEN),
    ("post", f"{ORG}/templates/{{resource_id}}/fill"): Asked(OPEN, body={"values": {"my_name": "Sam"}}),
    ("get", f"{ORG}/previews/{{token}}"): Asked(CAPABILITY),
    ("get", f"{ORG}/previews/{{token}}/{{kind}}"): Asked(CAPABILITY),
    ("get", f"{ORG}/previews/{{token}}/{{kind}}/{{resource_id}}"): Asked(CAPABILITY),
    ("get", f"{ORG}/settings"): managed("settings:write"),
    ("put", f"{ORG}/settings"): managed("settings:write", SETTINGS, match=True),
    ("get", f"{ORG}/draft"): managed("content:write"),
    ("delete", f"{ORG}/draft"): managed("content:write", match=True),
    ("post", f"{ORG}/previews"): managed("content:write", {"hours": 2}, match=True),
    ("get", f"{ORG}/editions"): managed("content:write"),
    ("post", f"{ORG}/editions"): managed("content:write", {"note": "again"}, match=True),
    ("get", f"{ORG}/channels"): managed("content:write"),
    ("get", f"{ORG}/channels/{{name}}"): managed("content:write"),
    ("put", f"{ORG}/channels/{{name}}"): managed("content:write", {"edition": "DIGEST"}, match=True),
    ("post", f"{ORG}/channels/{{name}}/rollback"): managed("content:write", match=True),
    ("get", f"{ORG}/channels/{{name}}/moves"): managed("content:write"),
    ("get", f"{ORG}/keys"): managed("keys:write"),
    ("post", f"{ORG}/keys"): managed("keys:write", {"kind": "pub", "name": "A page"}),
    ("get", f"{ORG}/keys/{{key_id}}"): managed("keys:write"),
    ("delete", f"{ORG}/keys/{{key_id}}"): managed("keys:write", match=True),
    ("get", f"{ORG}/schedules"): managed("content:write"),
    ("post", f"{ORG}/schedules"): managed("content:write", {"local_time": "2027-06-01T09:00"}, match=True),
    ("get", f"{ORG}/schedules/{{schedule_id}}"): managed("content:write"),
    ("delete", f"{ORG}/schedules/{{schedule_id}}"): managed("content:write", match=True),
    ("get", f"{ORG}/audit"): managed("audit:read"),
    ("get", f"{ORG}/overlay"): managed("content:write"),
    ("post", f"{ORG}/overlay"): managed("content:write", {**PART, "field": "title"}, match=True),
    ("get", f"{ORG}/overlay/{{part_id}}"): managed("content:write"),
    ("put", f"{ORG}/overlay/{{part_id}}"): managed("content:write", PART, match=True),
    ("delete", f"{ORG}/overlay/{{part_id}}"): managed("content:write", match=True),
    ("put", f"{ORG}/overlay/{{part_id}}/decision"): managed(
        "content:write", {"decision": "keep", "seen": "example@1.0.0"}, match=True
    ),
    ("get", f"{ORG}/merges"): managed("content:write"),
    ("get", f"{ORG}/resources"): managed("content:write"),
    ("get", f"{ORG}/resources/{{kind}}/{{resource_id}}"): managed("content:write"),
    ("put", f"{ORG}/resources/{{kind}}/{{resource_id}}"): managed("content:write", OWN, match=True),
    ("delete", f"{ORG}/resources/{{kind}}/{{resource_id}}"): managed("content:write", match=True),
    ("get", f"{ORG}/hostnames"): managed("settings:write"),
    ("post", f"{ORG}/hostnames"): managed("settings:write", {"name": "coach.harbour.example"}),
    ("get", f"{ORG}/hostnames/{{name}}"): managed("settings:write"),
    ("delete", f"{ORG}/hostnames/{{name}}"): managed("settings:write", match=True),
}
ELSEWHERE = {("get", "/v1/packs"), ("get", "/v1/packs/{pack}/releases/{version}")}
"""Routes that are about no organisation."""


@dataclass
class Two:
    """Two organisations with the same things each, what names them, and the keys of both."""

    house: House
    client: Any
    names: dict[str, dict[str, str]]
    keys: dict[str, str]

    def path(self, template: str, slug: str, whose: str) -> str:
        """The address of a route at an organisation, with the names of things that `whose` has."""
        path = template.replace("{organisation}", slug)
        if "/resources/" in template:
            path = path.replace("{resource_id}", f"own-{whose}")
        for name, value in self.names[whose].items():
            path = path.replace(f"{{{name}}}", value)
        if "hostnames" in template:
            return path.replace("{name}", f"coach.{whose}.example")
        return path.replace("{name}", self.names[whose]["image"] if "images" in template else "live")

    def ask(self, method: str, path: str, asked: Asked, key: str | None, digest: str | None = None) -> Any:
        """One request, with whatever a change is based on where the caller can see that."""
        headers = dict(asked.headers)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if asked.needs_match:
            headers["If-Match"] = "*"
        body = asked.body
        if digest is not None and isinstance(body, dict) and "edition" in body:
            body = {**body, "edition": digest}
        if body is OWN:
            body = {**OWN, "id": path.rpartition("/")[2]}
        return self.client.open(path + asked.query, method=method.upper(), headers=headers, json=body)


def seen(answer: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All that a caller sees of an answer, but for what differs from request to request."""
    moving = {"coachkit-request-id", "date", "ratelimit", "ratelimit-policy", "cache-status"}
    return (
        answer.status_code,
        answer.data,
        sorted((name, value) for name, value in answer.headers if name.lower() not in moving),
    )


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def two(request, make_database, tmp_path_factory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("two")
    with make_database(request.param, folder) as database, house_in(folder, database) as house:
        house.publish()
        named: dict[str, dict[str, str]] = {}
        shown: dict[str, str] = {}
        for slug, settings in ((MINE, HARBOUR), (THEIRS, EASTGATE)):
            voice = {"brand": {**settings["brand"], "voice": f"{CANARY} of {slug}"}}
            access = {"access": {"content": "keyed"}} if slug == THEIRS else {}
            house.organisation(slug, settings, **voice, **access)
            first = house.edition(slug)
            house.set(slug, {**settings, **access, "brand": {**settings["brand"], "voice": f"{CANARY}, {slug}"}})
            named[slug] = {"digest": first, "kind": "modules", "resource_id": "first-hour"}
            house.edition(slug)
            shown |= _keys(house, slug)
        shown["operator"] = _operator(house)
        client = house.client(limit_writes=10_000, limit_key_creations=10_000)
        found = Two(house, client, named, shown)
        for slug in (MINE, THEIRS):
            _fill(found, slug)
        yield found


def _keys(house: House, slug: str) -> dict[str, str]:
    made: dict[str, str] = {}
    wanted = {
        "all": Wanted("sec", "everything", SCOPES),
        "none": Wanted("sec", "results only", ("results:read",)),
        "pub": Wanted("pub", "a page"),
        **{scope: Wanted("sec", scope, (scope,)) for scope in SCOPES},
    }
    with house.database.write(ACROSS) as conn:
        organisation = organisations.find(conn, slug)
        for name, each in wanted.items():
            _, token = keys.create(
                conn,
                organisation,
                each,
                peppers=peppers.of(house.settings),
                most=50,
                actor=COMMAND,
                at=datetime.now(UTC),
            )
            made[f"{slug} {name}"] = token.text
    return made


def _operator(house: House) -> str:
    with house.database.write(ACROSS) as conn:
        seasoned = peppers.of(house.settings)
        return keys.create_operators(conn, "operator", None, peppers=seasoned, at=datetime.now(UTC))[1].text


def _fill(two: Two, slug: str) -> None:
    """What only its own may see: a preview, a schedule, a hostname; and which key is which."""
    key, at = two.keys[f"{slug} all"], f"/v1/orgs/{slug}"
    headers = {"Authorization": f"Bearer {key}", "If-Match": "*"}
    post = lambda path, body: two.client.post(at + path, json=body, headers=headers)  # noqa: E731
    preview = post("/previews", {"hours": 4})
    assert preview.status_code == 201, preview.json
    two.names[slug]["token"] = preview.json["address"].rpartition("/")[2]
    schedule = post("/schedules", {"local_time": "2027-03-01T09:00", "note": f"{CANARY} of {slug}"})
    assert schedule.status_code == 201, schedule.json
    two.names[slug]["schedule_id"] = schedule.json["id"]
    part = post("/overlay", PART)
    assert part.status_code == 201, part.json
    two.names[slug]["part_id"] = part.json["id"]
    own = {"kind": "module", "id": f"own-{slug}", "source": {"en-GB": module(f"{CANARY} of {slug}")}}
    made = two.client.put(
        f"{at}/resources/modules/own-{slug}",
        json=own,
        headers={"Authorization": headers["Authorization"], "If-None-Match": "*"},
    )
    assert made.status_code == 201, made.json
    assert post("/hostnames", {"name": f"coach.{slug}.example"}).status_code == 201
    two.names[slug]["key_id"] = two.client.get(f"{at}/keys", headers=headers).json["items"][0]["id"]
    document = two.client.get(f"{at}/modules/first-hour?format=html", headers={"Authorization": f"Bearer {key}"})
    two.names[slug]["image"] = document.text.partition("/images/")[2].partition('"')[0] or "0" * 64 + ".png"


def everything(house: House) -> dict[str, list[Any]]:
    """Every row of every table with an organisation."""
    with house.database.read(ACROSS) as conn:
        rows = {name: conn.execute(sa.select(metadata.tables[name])).all() for name in OF_ORGANISATIONS}
        rows["counters"] = conn.execute(sa.select(counters)).all()
    return {name: sorted(map(repr, each)) for name, each in rows.items()}


def test_every_route_says_how_it_is_asked(two):
    """A route of the reference that is not in the table above is a hole that nobody looked into."""
    document = services_of(two.house.apps[0]).api.spec.to_dict()
    there = {(method, path) for path, item in document["paths"].items() for method in item if method != "parameters"}
    assert there == set(ROUTES) | ELSEWHERE


STRANGERS = [f"{MINE} all", f"{MINE} none", f"{MINE} pub", None]
BACK = [f"{THEIRS} all", f"{THEIRS} pub"]


@pytest.mark.parametrize("who", [*STRANGERS, *BACK])
def test_nobody_elses(two, who):
    """No role of one organisation reads or changes anything of another's, and it looks as if it were not there.

    The content of one of the two is for everybody; all else is as closed as the other's.
    """
    mine, theirs_slug = (THEIRS, MINE) if who in BACK else (MINE, THEIRS)
    before = everything(two.house)
    key = two.keys[who] if who else None
    for (method, template), asked in ROUTES.items():
        if asked.who == CAPABILITY and "previews" not in template:
            continue
        theirs = two.path(template, theirs_slug, theirs_slug)
        nowhere = two.path(template, NOBODY, theirs_slug)
        answer = two.ask(method, theirs, asked, key, two.names[theirs_slug]["digest"])
        if asked.who == CAPABILITY:
            assert two.ask(method, two.path(template, mine, theirs_slug), asked, key).status_code == 404, template
            continue
        if asked.who == OPEN and theirs_slug == MINE:
            no_such_template = method == "post"
            assert answer.status_code == (404 if no_such_template else 200), (method, template, answer.data)
            continue
        expected = 401 if key is None and asked.who == MANAGED else 404
        assert answer.status_code == expected, (method, template, answer.data)
        assert CANARY not in answer.text
        like = two.ask(method, nowhere, asked, key, two.names[theirs_slug]["digest"])
        instance = lambda data, path: data.replace(path.encode(), b"PATH")  # noqa: E731
        status, data, headers = seen(answer)
        other_status, other_data, other_headers = seen(like)
        sized = lambda found: [each for each in found if each[0] != "Content-Length"]  # noqa: E731
        assert (status, instance(data, theirs), sized(headers)) == (
            other_status,
            instance(other_data, nowhere),
            sized(other_headers),
        ), template
    assert everything(two.house) == before


@pytest.mark.parametrize("who", STRANGERS[:3])
def test_nothing_of_theirs_at_mine(two, who):
    """Names of another organisation's things lead nowhere at one's own address."""
    before = everything(two.house)
    for (method, template), asked in ROUTES.items():
        own = two.path(template, MINE, MINE)
        mixed = two.path(template, MINE, THEIRS)
        if own == mixed or "images" in template:
            continue
        answer = two.ask(method, mixed, asked, two.keys[who], two.names[THEIRS]["digest"])
        free = method == "put" and "/resources/" in template  # there is none of that name here: one may be made
        assert answer.status_code in {403, 428 if free else 404}, (method, template, answer.data)
        assert f"{CANARY} of {THEIRS}" not in answer.text
    assert everything(two.house) == before


def test_another_organisations_edition_is_nobodys_to_point_at(two):
    """A channel cannot be pointed at another organisation's edition."""
    before = everything(two.house)
    asked = ROUTES["put", f"{ORG}/channels/{{name}}"]
    answer = two.ask(
        "put", f"/v1/orgs/{MINE}/channels/live", asked, two.keys[f"{MINE} all"], two.names[THEIRS]["digest"]
    )
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/edition")
    assert everything(two.house) == before


def test_scopes_are_kept_apart(two):
    """A key does what it is for and nothing else; a publishable one manages nothing; 403 says so to its own."""
    for (method, template), asked in ROUTES.items():
        if asked.who != MANAGED:
            continue
        path = two.path(template, MINE, MINE)
        for who in (f"{MINE} none", f"{MINE} pub"):
            answer = two.ask(method, path, asked, two.keys[who])
            assert answer.status_code == 403, (method, template, answer.data)
            assert asked.scope is not None
            assert asked.scope in answer.json["detail"]


@pytest.mark.parametrize("scope", SCOPES)
def test_one_scope(two, scope):
    """At its own organisation a key of one scope may do what that scope is for, and all else is 403, which names it."""
    key = two.keys[f"{THEIRS} {scope}"]
    before = everything(two.house)
    for (method, template), asked in ROUTES.items():
        allowed = scope == (asked.scope or "content:read")
        if asked.who == CAPABILITY or (allowed and method != "get"):
            continue
        answer = two.ask(method, two.path(template, THEIRS, THEIRS), asked, key)
        assert (answer.status_code == 403) != allowed, (method, template, answer.data)
        if not allowed:
            assert (asked.scope or "content:read") in answer.json["detail"]
    assert everything(two.house) == before


def test_one_scope_may_change(two):
    """A key of one scope comes as far as being asked what its change is based on, at every route of that scope."""
    for (method, template), asked in ROUTES.items():
        if asked.needs_match:
            path = two.path(template, THEIRS, THEIRS)
            unbased = replace(asked, needs_match=False)
            answer = two.ask(method, path, unbased, two.keys[f"{THEIRS} {asked.scope}"], two.names[THEIRS]["digest"])
            assert answer.status_code in {404, 422, 428}, (method, template, answer.data)


def test_a_picture_is_for_whoever_knows_its_name(two):
    """A picture's name is the hash of what it is: with any key or none it leads to that, and any other to nothing."""
    for slug, whose in ((MINE, THEIRS), (THEIRS, MINE), (THEIRS, THEIRS)):
        path = two.path(f"{ORG}/images/{{name}}", slug, whose)
        for key in (None, two.keys[f"{MINE} pub"], two.keys[f"{THEIRS} all"]):
            answer = two.ask("get", path, Asked(CAPABILITY), key)
            assert answer.status_code == 200, path
            assert hashlib.sha256(answer.data).hexdigest() == path.rpartition("/")[2].partition(".")[0]
            other = two.ask("get", path.rpartition("/")[0] + f"/{'0' * 64}.svg", Asked(CAPABILITY), key)
            assert other.status_code == 404


def test_its_own_may(two):
    """The organisation's own key, and the operator's, do everything that a stranger may not."""
    for who in (f"{THEIRS} all", "operator"):
        for (method, template), asked in ROUTES.items():
            if method != "get" or template.endswith("{name}"):
                continue
            answer = two.ask(method, two.path(template, THEIRS, THEIRS), asked, two.keys[who])
            assert answer.status_code == 200, (who, method, template, answer.data)
            assert CANARY in answer.text or "/resources" not in template


def test_a_key_that_does_not_hold(two):
    """A mistyped or made-up key is 401 everywhere, on public content too, and changes nothing."""
    before = everything(two.house)
    good = two.keys[f"{MINE} all"]
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    for (method, template), asked in ROUTES.items():
        answer = two.ask(method, two.path(template, MINE, MINE), asked, wrong)
        assert answer.status_code in {401, 429}, (method, template, answer.data)
    assert everything(two.house) == before


@pytest.mark.parametrize("who", [None, f"{MINE} all"])
def test_a_key_in_the_address(two, who):
    """A key in a query is refused and said to be no secret any more, before anything else is looked at, everywhere.

    At a public organisation, at one whose content wants a key and at one that there is not it is the same answer.
    """
    before = everything(two.house)
    key = two.keys[f"{MINE} all"]
    for (method, template), asked in [*ROUTES.items(), *((each, Asked(OPEN)) for each in ELSEWHERE)]:
        said = set()
        for slug in (MINE, THEIRS, NOBODY):
            path = two.path(template, slug, THEIRS)
            answer = two.ask(method, path, replace(asked, query=f"?token={key}"), two.keys[who] if who else None)
            assert (answer.status_code, answer.json["errors"][0]["code"]) == (400, "key-in-query"), (method, template)
            assert "revoke" in answer.json["detail"]
            assert key not in answer.text
            status, data, headers = seen(answer)
            others = tuple(each for each in headers if each[0] != "Content-Length")
            said.add((status, data.replace(path.encode(), b"PATH"), others))
        assert len(said) == 1, (method, template)
    assert everything(two.house) == before


@pytest.mark.parametrize("written", ["ck_sec_{}", "ck%5Fsec%5f{}", "%63k_pub_{}", "x=1&y=ck_pub_{}"])
def test_whatever_looks_like_a_key(two, written):
    """However a key is written into a query, whole or not, it is refused, below an address that leads nowhere too."""
    for path in (f"/v1/orgs/{THEIRS}/modules", "/v1/nothing/here", f"/v1/orgs/{NOBODY}/modules/first-hour"):
        answer = two.client.get(f"{path}?{written.format('x' * 9)}")
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (400, "key-in-query")


def test_what_is_kept_is_not_for_others(two):
    """What one caller's key has brought into the store is not handed to anybody without one."""
    path = f"/v1/orgs/{THEIRS}/modules/first-hour"
    allowed = {"Authorization": f"Bearer {two.keys[f'{THEIRS} pub']}"}
    for _ in range(2):
        answer = two.client.get(path, headers=allowed)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"].startswith("private")
        assert "RateLimit" in answer.headers
        for headers in ({}, {"Authorization": f"Bearer {two.keys[f'{MINE} pub']}"}, {"If-None-Match": "*"}):
            refused = two.client.get(path, headers={**headers, "If-None-Match": answer.headers["ETag"]})
            assert refused.status_code == 404


def test_nothing_secret_is_ever_said(two):
    """No answer of the managing side has a token, its hash or a pepper."""
    tokens = list(two.keys.values())
    for (method, template), asked in ROUTES.items():
        if method == "get" and asked.who == MANAGED:
            text = two.ask(method, two.path(template, MINE, MINE), asked, two.keys[f"{MINE} all"]).text
            assert not [each for each in tokens if each in text], template
    with two.house.database.read(ACROSS) as conn:
        stored = json.dumps([list(map(str, row)) for row in conn.execute(sa.select(metadata.tables["audit"]))])
    assert not [each for each in tokens if each in stored]
