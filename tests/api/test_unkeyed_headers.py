"""No request header outside an answer's key changes a byte of it, made or kept; Host is never used for anything."""

import pytest

ADDRESSES = {
    "organisation": "/v1/orgs/northbridge",
    "list": "/v1/orgs/northbridge/modules?limit=1",
    "module": "/v1/orgs/northbridge/modules/first-hour",
    "html": "/v1/orgs/northbridge/modules/first-hour?format=html&locale=cy",
    "template": "/v1/orgs/northbridge/templates/thank-you?locale=cy",
    "search": "/v1/orgs/northbridge/search?q=feedback",
}
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


@pytest.fixture(scope="module")
def plain(portal):
    """What each address answers to a caller who sends nothing: first made, then kept."""
    client = portal.client()
    return {name: [answered(client.get(path)) for _ in range(2)] for name, path in ADDRESSES.items()}


@pytest.mark.parametrize("name", UNKEYED)
def test_changes_nothing(portal, plain, name):
    """Made for a caller with the header, and kept for one without, every address answers as it always does."""
    client = portal.client()
    header = {header_of(name): UNKEYED[name]}
    for address, path in ADDRESSES.items():
        made, kept = plain[address]
        assert answered(client.get(path, headers=header)) == made
        assert answered(client.get(path)) == kept
        assert answered(client.get(path, headers=header)) == kept


@pytest.mark.parametrize(
    "path", [*ADDRESSES.values(), "/v1/packs", "/v1/orgs/northbridge/modules/none", "/openapi.json"]
)
def test_host_is_never_said_back(client, path):
    """No answer, refusals too, holds the host that was asked or that a header claims."""
    claims = dict.fromkeys(("Host", "X-Forwarded-Host", "Forwarded", "X-Original-Host", "Origin"), CANARY)
    answer = client.get(path, headers=claims)
    assert CANARY not in answer.text
    assert CANARY not in str(answer.headers)


def test_scheme_and_server_of_the_environment(portal, plain):
    """Neither the scheme nor the server's name, port and address that WSGI tells of show in an answer."""
    client = portal.client()
    told = {"SERVER_NAME": CANARY, "SERVER_PORT": "8443", "wsgi.url_scheme": "https", "REMOTE_ADDR": "192.0.2.9"}
    for address, path in ADDRESSES.items():
        assert answered(client.get(path, environ_overrides=told)) == plain[address][0]
        assert answered(client.get(path)) == plain[address][1]


def test_a_header_of_the_key_does_change_it(portal, plain):
    """The same check notices a header that is in the key."""
    answer = answered(portal.client().get(ADDRESSES["module"], headers={"Accept-Language": "cy"}))
    assert answer != plain["module"][0]
