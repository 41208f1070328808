"""The nginx recipe's cache keeps what `Cache-Control` says, as long as it says, in front of an origin that we tell."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from appmaker import eventually
from proxied import Proxy, nginx
from running import free_port

BRIEFLY = "public, max-age=0, s-maxage=1"


@dataclass
class Page:
    """What is at a path, and what was asked of it; status None hangs up without an answer."""

    status: int | None = 200
    body: bytes = b"first"
    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "public, max-age=30, s-maxage=60"})
    asked: list[dict[str, str]] = field(default_factory=list)
    clients: set[int] = field(default_factory=set)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()


class Origin(ThreadingHTTPServer):
    """A server in place of CoachKit, that answers at each path as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.pages: defaultdict[str, Page] = defaultdict(Page)
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_: object) -> None:
        """Called when nginx has gone in the middle of something."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Origin

    def do_GET(self) -> None:
        page = self.server.pages[self.path]
        page.asked.append(dict(self.headers))
        page.clients.add(self.client_address[1])
        page.may_answer.wait(10)
        if page.status is None:
            self.close_connection = True
            return
        same = self.headers["If-None-Match"] == page.headers.get("ETag", "none")
        self.send_response(304 if same else page.status)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if not same:
            self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if not same:
            self.wfile.write(page.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        thread = threading.Thread(target=origin.serve_forever, args=(0.05,))
        thread.start()
        yield origin
        origin.shutdown()
        thread.join()


EXPIRED = {
    "/revalidated": {"Cache-Control": BRIEFLY, "ETag": '"e1"'},
    "/revalidating": {"Cache-Control": f"{BRIEFLY}, stale-while-revalidate=300"},
    "/plain": {"Cache-Control": BRIEFLY},
    "/500": {"Cache-Control": f"{BRIEFLY}, stale-if-error=86400"},
    "/503": {"Cache-Control": f"{BRIEFLY}, stale-if-error=86400"},
    "/silent": {"Cache-Control": f"{BRIEFLY}, stale-if-error=86400"},
    "/403": {"Cache-Control": f"{BRIEFLY}, stale-while-revalidate=300, stale-if-error=86400"},
    "/404": {"Cache-Control": f"{BRIEFLY}, stale-while-revalidate=300, stale-if-error=86400"},
    "/410": {"Cache-Control": f"{BRIEFLY}, stale-while-revalidate=300, stale-if-error=86400"},
}
"""Paths whose answer nginx has, older than it may be."""


@pytest.fixture(scope="module")
def proxy(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy that has asked for all that is in EXPIRED, a while ago."""
    with nginx(tmp_path_factory.mktemp("nginx"), origin.server_address[1]) as proxy:
        for path, headers in EXPIRED.items():
            origin.pages[path].headers = headers
            assert proxy.get(path).body == b"first"
        time.sleep(2.05 - time.time() % 1)  # the clock alone makes them old, and nginx counts in whole seconds
        yield proxy


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """An address of each test's own, of which nothing is kept."""
    return f"/v1/orgs/northbridge/modules/{request.node.name}".replace("[", "-").replace("]", "").replace(" ", "")


@pytest.fixture
def page(origin: Origin, path: str) -> Page:
    """What is at `path`."""
    return origin.pages[path]


def test_kept_once(page: Page, path: str, proxy: Proxy) -> None:
    """What may be kept is asked for once, whatever the reader's own headers are."""
    bodies = {proxy.get(path, User_Agent=str(number), Cookie=f"a={number}").body for number in range(5)}
    assert bodies == {b"first"}
    assert len(page.asked) == 1


@pytest.mark.parametrize("said", ["private, max-age=30", "no-store", "public, max-age=0, s-maxage=0"])
def test_not_kept(page: Page, path: str, proxy: Proxy, said: str) -> None:
    """What may not be kept is asked for each time."""
    page.headers = {"Cache-Control": said}
    assert [proxy.get(path).status for _ in range(3)] == [200] * 3
    assert len(page.asked) == 3


def test_keys_are_always_checked(page: Page, path: str, proxy: Proxy) -> None:
    """A request with a key never gets what is kept, and what it gets is not kept for others."""
    proxy.get(path)
    page.status, page.body = 401, b"no such key"
    assert proxy.get(path, Authorization="Bearer wrong").status == 401
    page.status, page.body = 200, b"for its holder"
    assert proxy.get(path, Authorization="Bearer right").body == b"for its holder"
    assert proxy.get(path).body == b"first"


def test_variants_do_not_mix(page: Page, path: str, proxy: Proxy) -> None:
    """One address has an answer for each value of the headers that `Vary` names, and one for all of the others."""
    page.headers["Vary"] = "Accept, Accept-Language"
    assert proxy.get(path, Accept="text/html", Accept_Language="cy").body == b"first"
    page.body = b"second"
    assert proxy.get(path, Accept="application/json", Accept_Language="cy").body == b"second"
    page.body = b"third"
    assert proxy.get(path, Accept="text/html", Accept_Language="cy", Referer="http://x.example").body == b"first"
    assert proxy.get(path, Accept="application/json", Accept_Language="cy").body == b"second"


def test_queries_do_not_mix(origin: Origin, path: str, proxy: Proxy) -> None:
    """Another query is another answer."""
    origin.pages[f"{path}?locale=en-GB"].body = b"second"
    assert proxy.get(f"{path}?locale=cy").body == b"first"
    assert proxy.get(f"{path}?locale=en-GB").body == b"second"


@pytest.mark.parametrize("at", ["", "/editions/sha256:0"])
def test_what_is_looked_for_is_not_written_down(origin: Origin, proxy: Proxy, at: str) -> None:
    """No answer to a search is kept, since its file would say what a reader looked for."""
    path = f"/v1/orgs/northbridge{at}/search?q=rejected-again"
    assert [proxy.get(path).status for _ in range(2)] == [200] * 2
    assert len(origin.pages[path].asked) == 2
    kept = [file for file in (proxy.folder / "cache").rglob("*") if file.is_file()]
    assert kept
    assert not any(b"rejected-again" in file.read_bytes() for file in kept)


def test_revalidated_by_etag(origin: Origin, proxy: Proxy) -> None:
    """An answer that is too old is asked for by its ETag, and served from here if that is still right."""
    answer = proxy.get("/revalidated")
    assert (answer.status, answer.body) == (200, b"first")
    assert origin.pages["/revalidated"].asked[-1]["If-None-Match"] == '"e1"'
    assert answer.headers.get_all("Cache-Status") == ["nginx; fwd=stale; fwd-status=304; stored"]


def test_stale_while_revalidating(origin: Origin, proxy: Proxy) -> None:
    """Within stale-while-revalidate one reader waits for the new answer, and all others get the old one at once."""
    page = origin.pages["/revalidating"]
    page.body = b"second"
    page.may_answer.clear()
    with ThreadPoolExecutor() as readers:
        first = readers.submit(proxy.get, "/revalidating")
        eventually(lambda: len(page.asked) == 2)
        assert [proxy.get("/revalidating").body for _ in range(3)] == [b"first"] * 3
        page.may_answer.set()
        assert first.result().body == b"second"
    assert proxy.get("/revalidating").body == b"second"


def test_no_longer_stale_than_said(origin: Origin, proxy: Proxy) -> None:
    """Without stale-while-revalidate nobody gets an answer that is too old."""
    origin.pages["/plain"].body = b"second"
    assert proxy.get("/plain").body == b"second"


@pytest.mark.parametrize(("path", "status"), [("/silent", None), ("/500", 500), ("/503", 503)])
def test_stale_while_broken(origin: Origin, proxy: Proxy, path: str, status: int | None) -> None:
    """Within stale-if-error an old answer is served while CoachKit fails, or hangs up."""
    page = origin.pages[path]
    page.status, page.headers = status, {"Cache-Control": "no-store"}
    assert proxy.get(path).body == b"first"


@pytest.mark.parametrize("status", [403, 404, 410])
def test_what_is_gone_is_gone(origin: Origin, proxy: Proxy, status: int) -> None:
    """No answer that is too old is served in place of “there is no such thing”, whatever may be served stale."""
    page = origin.pages[f"/{status}"]
    page.status, page.headers = status, {"Cache-Control": "no-store"}
    assert [proxy.get(f"/{status}").status for _ in range(3)] == [status] * 3


def test_away(tmp_path: Path) -> None:
    """While nothing answers in CoachKit's place, readers get a problem that says when to try again."""
    with nginx(tmp_path, free_port()) as proxy:
        away = proxy.get("/v1/packs")
    assert (away.status, away.headers["Content-Type"]) == (503, "application/problem+json")
    assert int(away.headers["Retry-After"]) > 0
    assert json.loads(away.body)["status"] == 503


def test_stampede(page: Page, path: str, proxy: Proxy) -> None:
    """Many readers of what is not kept yet cost CoachKit one request."""
    with ThreadPoolExecutor(50) as readers:
        answers = [readers.submit(proxy.get, path) for _ in range(50)]
    assert {answer.result().body for answer in answers} == {b"first"}
    assert len(page.asked) == 1


def test_forwarded_headers_are_ours(page: Page, path: str, proxy: Proxy) -> None:
    """CoachKit learns the client's address and scheme from nginx, and nothing that the client said of them."""
    claims = dict.fromkeys(("X_Forwarded_For", "X_Real_IP", "Forwarded", "X_Forwarded_Host"), "198.51.100.7")
    proxy.get(path, X_Forwarded_Proto="https", Accept_Encoding="gzip", **claims)
    (asked,) = page.asked
    assert "198.51.100.7" not in str(asked)
    assert (asked["X-Forwarded-For"], asked["X-Forwarded-Proto"]) == ("127.0.0.1", "http")
    assert "Accept-Encoding" not in asked


def test_connections_are_kept(page: Page, path: str, proxy: Proxy) -> None:
    """Requests to CoachKit go over connections that stay open."""
    page.headers = {"Cache-Control": "no-store"}
    for _ in range(20):
        proxy.get(path)
    assert len(page.asked) == 20
    assert len(page.clients) < 20
