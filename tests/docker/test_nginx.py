"""The nginx recipe in front of `coachkit web`."""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Callable
from contextlib import closing

import pytest
from loading import Ask, patiently, under_load
from proxied import Proxy, ask
from running import Service
from slow import slow_sockets, ways

ORGANISATION = "/v1/orgs/northbridge"
MODULE = f"{ORGANISATION}/modules/first-hour"
FILL = "/v1/orgs/harbour/templates/thank-you-after-rejection/fill"
VALUES = json.dumps(
    {
        "values": {
            "contact_name": "Ms Rees",
            "employer_name": "Harbour Logistics",
            "role_title": "events assistant",
            "what_i_valued": "the care you took",
            "my_name": "Sam Price",
        }
    }
).encode()
JSON = (("Content-Type", "application/json"),)
GOOD = (
    Ask("/healthz"),
    Ask(FILL, "POST", VALUES, JSON),
    Ask(MODULE),
    Ask(f"{ORGANISATION}/modules"),
)
BY_THE_WAY = {"Server", "Date", "Connection", "CoachKit-Request-Id", "Cache-Status", "Vary"}


@pytest.mark.soak
def test_slow_sockets(proxy: Proxy, repeats: Callable[..., int]) -> None:
    """While 200 sockets send heads, send bodies and take answers a byte a second, good requests are answered."""
    with slow_sockets(proxy.port, 200, ways("/openapi.json", FILL)), under_load(proxy.port, *GOOD) as tally:
        wanted = repeats(small=500, full=20_000)
        patiently(lambda: tally.answered + len(tally.failed) >= wanted, 300)
    assert tally.share >= 0.99, tally.failed[:5]


@pytest.mark.parametrize("path", [MODULE, f"{MODULE}?format=html", f"{ORGANISATION}/modules", "/docs", "/nothing"])
def test_answers_pass_through(proxy: Proxy, service: Service, path: str) -> None:
    """Status, body and every header are CoachKit's, kept or not: those for caches and for browsers' safety too."""
    status, headers, body = service.get(path)
    for _ in range(2):
        through = proxy.get(path)
        assert (through.status, through.body) == (status, body)
        assert essential(through.headers) == essential(headers)


def essential(headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in BY_THE_WAY}


def test_says_how_the_cache_did(proxy: Proxy) -> None:
    """`Cache-Status` names both caches, the nearer one last, and a kept answer has no request's id."""
    path = f"{MODULE}?locale=cy"
    first, second = proxy.get(path), proxy.get(path)
    assert first.headers.get_all("Cache-Status") == ["CoachKit; fwd=miss", "nginx; fwd=miss"]
    assert second.headers.get_all("Cache-Status") == ["CoachKit; fwd=miss", "nginx; hit"]
    assert re.fullmatch("[0-9a-f]{32}", first.headers["CoachKit-Request-Id"])
    assert "CoachKit-Request-Id" not in second.headers


@pytest.mark.parametrize("path", [MODULE, f"{MODULE}?format=html", "/openapi.json"])
def test_compressed(proxy: Proxy, path: str) -> None:
    """Who takes gzip gets it, the same text in fewer bytes, and a 304 for the ETag that came with it."""
    plain, packed = proxy.get(path), proxy.get(path, Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    varies = ",".join(packed.headers.get_all("Vary"))
    assert "Accept-Encoding" in varies
    assert "Content-Encoding" not in plain.headers
    again = proxy.get(path, Accept_Encoding="gzip", If_None_Match=packed.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


def test_an_edition_is_kept_for_ever(proxy: Proxy) -> None:
    """What an edition's address answers is kept, and says so to readers."""
    digest = proxy.get(ORGANISATION).headers["CoachKit-Edition"]
    path = f"{ORGANISATION}/editions/{digest}/modules/first-hour"
    assert [proxy.get(path).headers.get_all("Cache-Status")[-1] for _ in range(2)] == ["nginx; fwd=miss", "nginx; hit"]
    assert "immutable" in proxy.get(path).headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_not_public(proxy: Proxy, service: Service, path: str) -> None:
    """What watches the service is not there for readers, not even with the token; the answer is that of nothing."""
    there = proxy.get(path, Authorization="Bearer known")
    nothing = service.get("/nothing")
    assert (there.status, json.loads(there.body)) == (404, json.loads(nothing[2]))


REFUSED = {
    "GET /?canary HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n": 400,
    f"GET /?canary={'a' * 40_000} HTTP/1.1\r\nHost: x\r\n\r\n": 414,
    f"GET /?canary HTTP/1.1\r\nHost: x\r\nX: {'a' * 40_000}\r\n\r\n": 431,
    f"POST {FILL} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n": 413,
}


@pytest.mark.parametrize("status", REFUSED.values())
def test_refusals_are_problems(proxy: Proxy, status: int) -> None:
    """What nginx itself refuses is a problem like any other."""
    (request,) = [request for request, wanted in REFUSED.items() if wanted == status]
    head, body = raw(proxy.port, request)
    assert head.split(b" ")[1] == str(status).encode()
    assert b"application/problem+json" in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert set(problem) == {"type", "title", "status", "detail", "instance", "errors"}


def test_coachkit_refuses_in_its_own_words(proxy: Proxy, service: Service) -> None:
    """What CoachKit refuses passes through as it says it."""
    body = b'{"values": {}}'
    directly = ask(service.port, "POST", FILL, body, Content_Type="application/json")
    through = ask(proxy.port, "POST", FILL, body, Content_Type="application/json")
    assert (through.status, through.body) == (directly.status, directly.body) == (422, directly.body)


def raw(port: int, request: str) -> tuple[bytes, bytes]:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as client:
        client.sendall(request.encode())
        answer = client.recv(65_536)
        head, _, body = answer.partition(b"\r\n\r\n")
        return head, body or client.recv(65_536)


def test_log_names_nobody(proxy: Proxy) -> None:
    """Of a request the log has method, kind of address, status, times and id: nothing that could name a reader."""
    proxy.get(f"{MODULE}?locale=cy&canary=1", User_Agent="canary", Referer="https://canary.example/", Cookie="canary")
    proxy.get("/canary@example.org")
    for request in REFUSED:
        raw(proxy.port, request)
    for word in ("canary", "127.0.0.1", "northbridge", "first-hour"):
        assert word not in proxy.log
    lines = [json.loads(line) for line in proxy.log.splitlines()]
    assert {"/v1/orgs/{org}/modules/{id}", "other"} <= {line["route"] for line in lines}
    assert {400, 413, 414, 431} <= {line["status"] for line in lines}
