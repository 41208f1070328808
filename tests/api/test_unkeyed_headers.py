"""No request header outside an answer's key changes a byte of it, made or kept; Host is never used for anything."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
from addresses import addresses, by_rule
from appmaker import house_over
from flask.testing import FlaskClient

# What is run here is counted elsewhere; to count every one of so many runs would take longer than they do.
pytestmark = pytest.mark.no_cover

SLUG = "northbridge"
CANARY = "canary.example"
UNKEYED = {
    "Host": CANARY,
    "Host with port": f"{CANARY}:8443",
    "Host in brackets": "[::1]:80",
    "Host with a path": f"{CANARY}/../x",
    "Forwarded": f"for=192.0.2.1;host={CANARY};proto=https",
    "X-Forwarded-Host": CANARY,
    "X-Forwarded-Server": CANARY,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Scheme": "https",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": f"/{CANARY}",
    "X-Forwarded-For": "192.0.2.1, 127.0.0.1",
    "X-Forwarded-Path": f"/{CANARY}",
    "X-Host": CANARY,
    "X-Real-IP": "192.0.2.1",
    "True-Client-IP": "192.0.2.1",
    "CF-Connecting-IP": "192.0.2.1",
    "X-Original-URL": "/v1/orgs/eastgate",
    "X-Rewrite-URL": "/v1/orgs/eastgate",
    "X-Original-Host": CANARY,
    "X-HTTP-Method-Override": "POST",
    "X-HTTP-Method": "DELETE",
    "X-Method-Override": "PUT",
    "X-Script-Name": f"/{CANARY}",
    "Cookie": f"session={CANARY}; locale=cy",
    "User-Agent": f"{CANARY}/1.0 (iPhone)",
    "Referer": f"https://{CANARY}/page",
    "Origin": f"https://{CANARY}",
    "Accept-Encoding": "gzip, br, zstd, identity;q=0",
    "Accept-Charset": "iso-8859-1",
    "Accept-Datetime": "Thu, 01 Jan 2015 00:00:00 GMT",
    "Range": "bytes=0-9",
    "If-Range": '"other"',
    "If-Match": '"other"',
    "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT",
    "Cache-Control": "no-cache, no-store, max-age=0",
    "Pragma": "no-cache",
    "Connection": "Surrogate-Key, ETag",
    "Content-Type": "application/json",
    "Transfer-Encoding": "identity",
    "Upgrade": "h2c",
    "Via": f"1.1 {CANARY}",
    "X-Request-Id": CANARY,
    "CoachKit-Request-Id": CANARY,
    "CoachKit-Edition": "sha256:" + "0" * 64,
    "Surrogate-Key": CANARY,
    "Surrogate-Capability": 'a="ESI/1.0"',
    "Save-Data": "on",
    "DNT": "1",
    "Sec-Fetch-Mode": "navigate",
    "Sec-CH-UA-Mobile": "?1",
    "Prefer": "return=minimal",
    "X-Locale": "cy",
    "Accept-Datetime twice": "x, y",
    "Alt-Used": CANARY,
    "Expect-CT": f'report-uri="https://{CANARY}"',
    "Front-End-Https": "on",
    "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT",
    "If-Modified-Since in the past": "Thu, 01 Jan 1970 00:00:00 GMT",
    "Max-Forwards": "0",
    "Proxy": f"http://{CANARY}",
    "Proxy-Authorization": "Bearer x",
    "Range from the end": "bytes=-1",
    "Sec-Fetch-Dest": "script",
    "Sec-Fetch-Site": "cross-site",
    "Sec-GPC": "1",
    "Sec-WebSocket-Key": "x",
    "Service-Worker": "script",
    "TE": "trailers, deflate",
    "Trailer": "ETag",
    "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "Upgrade-Insecure-Requests": "1",
    "Want-Digest": "sha-256",
    "X-Accel-Redirect": "/etc/passwd",
    "X-Amz-Website-Redirect-Location": f"https://{CANARY}",
    "X-Api-Version": "2",
    "X-Cache-Key": CANARY,
    "X-Cluster-Client-IP": "127.0.0.1",
    "X-Debug": "1",
    "X-Envoy-Original-Path": "/v1/orgs/eastgate",
    "X-Forwarded-Uri": "/v1/orgs/eastgate",
    "X-Forwarded-User": "root",
    "X-Method": "HEAD",
    "X-Organisation": "eastgate",
    "X-Requested-With": "XMLHttpRequest",
    "X-Sendfile": "/etc/passwd",
    "X-Tenant": "eastgate",
    "X-Wap-Profile": f"https://{CANARY}/x.xml",
    "X-XSRF-Token": "x",
    "X-WSGI-Thing\u00e9": "value",
}


def header_of(name):
    """The header that an entry of UNKEYED is about."""
    return name.partition(" ")[0]


def answered(answer):
    """All of an answer but what is made anew each time."""
    assert answer.status_code == 200
    headers = {name: value for name, value in answer.headers.items() if name != "CoachKit-Request-Id"}
    return answer.data, headers


Answer = tuple[bytes, dict[str, str]]


@pytest.fixture(scope="module")
def rules(portal) -> Mapping[str, tuple[str, ...]]:
    """Every cacheable route of the app, by its rule, with the addresses to try."""
    app = portal.app()
    edition = app.test_client().get(f"/v1/orgs/{SLUG}").json["edition"]
    return by_rule(app, addresses(SLUG, edition))


@pytest.fixture(scope="module")
def plain(portal, rules) -> Mapping[str, tuple[Answer, Answer]]:
    """What each address answers to a caller who sends nothing: first made, then kept."""
    client = portal.client()
    paths = [path for paths in rules.values() for path in paths]
    return {path: (answered(client.get(path)), answered(client.get(path))) for path in paths}


@pytest.fixture
def tried(portal, rules, repeats: Callable[..., int]):
    """Gives each of some values with a client and with addresses that nobody has read in that client's app.

    In a soak each value has an app and every address to itself, and else ten share them.
    """

    def each(values: Sequence[Any], **settings: Any) -> Iterator[tuple[FlaskClient, Any, str]]:
        most = repeats(small=10, full=1)
        for start in range(0, len(values), most):
            with house_over(portal.settings, portal.database, portal.folder) as house:
                client = house.client(**settings)
                for place, value in enumerate(values[start : start + most]):
                    for path in shared_out(rules, place, most):
                        yield client, value, path

    return each


def shared_out(rules: Mapping[str, tuple[str, ...]], place: int, of: int) -> list[str]:
    """The addresses for the one at that place, of so many who share an app: no two of them have the same."""
    if of == 1:
        return [path for paths in rules.values() for path in paths]
    turns = ((paths, (place + 3 * number) % of) for number, paths in enumerate(rules.values()))
    return [paths[turn] for paths, turn in turns if turn < len(paths)]


def test_the_check_is_wide(rules):
    """More than forty headers are tried, and every route whose answers are kept, at its edition's address, too."""
    assert len(UNKEYED) > 40
    assert len(rules) >= 9


@pytest.mark.soak
def test_changes_nothing(tried, plain):
    """Made for a caller with the header, and kept for one without, every address answers as it always does."""
    for client, name, path in tried(list(UNKEYED)):
        header = {header_of(name): UNKEYED[name]}
        made, kept = plain[path]
        assert answered(client.get(path, headers=header)) == made, name
        assert answered(client.get(path)) == kept, name
        assert answered(client.get(path, headers=header)) == kept, name


@pytest.mark.soak
def test_changes_nothing_for_another_worker(portal, rules, plain, redis_server, repeats):
    """Made by one app for a caller with the header, and served by another from Redis, an answer is as it always is.

    A variant, which Redis never has, and what Redis was too slow for, the other app makes itself.
    """
    where = {"redis_url": f"redis://127.0.0.1:{redis_server.port}/1", "cache_bytes": 0}
    most, names = repeats(small=10, full=1), list(UNKEYED)
    served: Counter[bool] = Counter()
    for start in range(0, len(names), most):
        with house_over(portal.settings, portal.database, portal.folder) as house:
            one, other = house.client(**where), house.client(**where)
            for place, name in enumerate(names[start : start + most]):
                for path in shared_out(rules, place, most):
                    made, (body, headers) = plain[path]
                    from_redis = (body, headers | {"Cache-Status": "CoachKit; hit; detail=redis"})
                    assert answered(one.get(path, headers={header_of(name): UNKEYED[name]})) == made, name
                    got = answered(other.get(path))
                    assert got in (from_redis, made), name
                    served[got == from_redis] += 1
    assert served[True] > served[False]


@pytest.mark.soak
def test_pairs_change_nothing(tried, plain, repeats):
    """Nor do two of these headers together, where one may open the door for the other, nor all of them."""
    pairs = list(combinations(UNKEYED.items(), 2))[:: repeats(small=200, full=25)]
    for client, chosen, path in tried([tuple(UNKEYED.items()), *pairs]):
        headers = {header_of(name): value for name, value in chosen}
        assert answered(client.get(path, headers=headers)) == plain[path][0], chosen
        assert answered(client.get(path)) == plain[path][1], chosen


@pytest.mark.soak
def test_behind_a_proxy(tried, plain):
    """Nor do they where a proxy in front is believed about the client and the scheme."""
    for client, name, path in tried(
        [name for name in UNKEYED if name.startswith(("X-Forwarded", "Forwarded", "Host"))], trusted_proxies=1
    ):
        assert answered(client.get(path, headers={header_of(name): UNKEYED[name]})) == plain[path][0], name
        assert answered(client.get(path)) == plain[path][1], name


@pytest.mark.soak
def test_conditions_leave_nothing(tried, plain):
    """Whatever a caller says it has already, the next caller gets the whole answer."""
    for client, condition, path in tried(["*", '"other"', 'W/"other", *', "other", '"', ",", '"\u00e9"', "W/" * 500]):
        asked = client.get(path, headers={"If-None-Match": condition})
        assert asked.status_code in {200, 304}
        assert asked.headers["ETag"] == plain[path][0][1]["ETag"]
        assert answered(client.get(path)) in plain[path], condition


@pytest.mark.soak
def test_other_methods_leave_nothing(tried, plain):
    """Whatever was asked of an address in another way, who reads it gets the whole answer."""
    methods = ["HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get"]
    for client, method, path in tried(methods):
        client.open(path, method=method, data=b"{}", headers={"X-HTTP-Method-Override": "GET"})
        assert answered(client.get(path)) in plain[path], method


KEYED = [
    {"Accept": "text/html;q=0.5, application/json;q=0.1"},
    {"Accept": "application/json;profile=x"},
    {"Accept": "*/*;q=0"},
    {"Accept": CANARY},
    {"Accept-Language": "cy, en;q=0.1"},
    {"Accept-Language": "*;q=0, xx"},
    {"Accept-Language": f"{CANARY}"},
    {"Authorization": "Bearer x"},
]


@pytest.mark.soak
def test_headers_of_the_key_leave_nothing(tried, plain):
    """A header that does choose the answer, or has it refused, chooses it for its own caller alone."""
    for client, headers, path in tried(KEYED):
        client.get(path, headers=headers)
        assert answered(client.get(path)) in plain[path], headers
        client.get(path, headers=headers)
        assert answered(client.get(path)) == plain[path][1], headers


def test_host_is_never_said_back(client, rules):
    """No answer, refusals too, holds the host that was asked or that a header claims."""
    claims = dict.fromkeys(("Host", "X-Forwarded-Host", "Forwarded", "X-Original-Host", "Origin"), CANARY)
    kept = [path for paths in rules.values() for path in paths]
    for path in (*kept, "/v1/packs", "/v1/orgs/northbridge/modules/none", "/openapi.json", "/docs", "/problems"):
        answer = client.get(path, headers=claims)
        assert CANARY not in answer.text
        assert CANARY not in str(answer.headers)


@pytest.mark.soak
def test_scheme_and_server_of_the_environment(tried, plain):
    """Neither the scheme nor the server's name, port and address that WSGI tells of show in an answer."""
    told = {"SERVER_NAME": CANARY, "SERVER_PORT": "8443", "wsgi.url_scheme": "https", "REMOTE_ADDR": "192.0.2.9"}
    for client, each, path in tried([told, *({name: value} for name, value in told.items())]):
        assert answered(client.get(path, environ_overrides=each)) == plain[path][0]
        assert answered(client.get(path)) == plain[path][1]


def test_a_header_of_the_key_does_change_it(fresh, plain):
    """The same check notices a header that is in the key."""
    path = f"/v1/orgs/{SLUG}/modules/first-hour"
    assert answered(fresh.get(path, headers={"Accept-Language": "cy"})) != plain[path][0]
