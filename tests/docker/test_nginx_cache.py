"""The nginx recipe's cache keeps what `Cache-Control` says, as long as it says, in front of an origin that we tell."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from appmaker import eventually
from proxied import Proxy, nginx
from running import free_port

PATH = "/v1/orgs/northbridge/modules/first-hour"
BRIEFLY = "public, max-age=0, s-maxage=1"


@dataclass
class Origin:
    """A server in place of CoachKit, that answers as it is told and remembers what it was asked."""

    status: int | None = 200
    """None hangs up without an answer."""
    body: bytes = b"first"
    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "public, max-age=30, s-maxage=60"})
    asked: list[dict[str, str]] = field(default_factory=list)
    clients: list[int] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def __post_init__(self) -> None:
        self.may_answer.set()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Called when nginx has gone in the middle of something."""


@contextmanager
def answering(origin: Origin) -> Iterator[Origin]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            origin.asked.append(dict(self.headers))
            origin.clients.append(self.client_address[1])
            origin.may_answer.wait(10)
            if origin.status is None:
                self.close_connection = True
                return
            same = "ETag" in origin.headers and self.headers["If-None-Match"] == origin.headers["ETag"]
            self.send_response(304 if same else origin.status)
            for name, value in origin.headers.items():
                self.send_header(name, value)
            if not same:
                self.send_header("Content-Length", str(len(origin.body)))
            self.end_headers()
            if not same:
                self.wfile.write(origin.body)

        def log_message(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", origin.port), Handler) as server:
        origin.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield origin
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def origin() -> Iterator[Origin]:
    with answering(Origin()) as origin:
        yield origin


@pytest.fixture
def proxy(origin: Origin, tmp_path: Path) -> Iterator[Proxy]:
    with nginx(tmp_path, origin.port) as proxy:
        yield proxy


def expired(proxy: Proxy, *paths: str) -> None:
    """Have these paths kept, and wait until what is kept is older than the one second that BRIEFLY allows."""
    for path in paths or (PATH,):
        assert proxy.get(path).body == b"first"
    time.sleep(2.05 - time.time() % 1)  # the clock alone ends it, and nginx counts in whole seconds


def test_kept_once(origin: Origin, proxy: Proxy) -> None:
    """What may be kept is asked for once, whatever the reader's own headers are."""
    bodies = {proxy.get(PATH, User_Agent=str(number), Cookie=f"a={number}").body for number in range(5)}
    assert bodies == {b"first"}
    assert len(origin.asked) == 1


@pytest.mark.parametrize("said", ["private, max-age=30", "no-store", "public, max-age=0, s-maxage=0"])
def test_not_kept(origin: Origin, proxy: Proxy, said: str) -> None:
    """What may not be kept is asked for each time."""
    origin.headers = {"Cache-Control": said}
    assert [proxy.get(PATH).status for _ in range(3)] == [200] * 3
    assert len(origin.asked) == 3


def test_keys_are_always_checked(origin: Origin, proxy: Proxy) -> None:
    """A request with a key never gets what is kept, and what it gets is not kept for others."""
    proxy.get(PATH)
    origin.status, origin.body = 401, b"no such key"
    assert proxy.get(PATH, Authorization="Bearer wrong").status == 401
    origin.status, origin.body = 200, b"for its holder"
    assert proxy.get(PATH, Authorization="Bearer right").body == b"for its holder"
    assert proxy.get(PATH).body == b"first"


def test_variants_do_not_mix(origin: Origin, proxy: Proxy) -> None:
    """One address has an answer for each value of the headers that `Vary` names, and one for all of the others."""
    origin.headers["Vary"] = "Accept, Accept-Language"
    assert proxy.get(PATH, Accept="text/html", Accept_Language="cy").body == b"first"
    origin.body = b"second"
    assert proxy.get(PATH, Accept="application/json", Accept_Language="cy").body == b"second"
    origin.body = b"third"
    assert proxy.get(PATH, Accept="text/html", Accept_Language="cy", Referer="http://x.example").body == b"first"
    assert proxy.get(PATH, Accept="application/json", Accept_Language="cy").body == b"second"


def test_queries_do_not_mix(origin: Origin, proxy: Proxy) -> None:
    """Another query is another answer."""
    assert proxy.get(f"{PATH}?locale=cy").body == b"first"
    origin.body = b"second"
    assert proxy.get(f"{PATH}?locale=en-GB").body == b"second"


def test_revalidated_by_etag(origin: Origin, proxy: Proxy) -> None:
    """An answer that is too old is asked for by its ETag, and served from here if that is still right."""
    origin.headers = {"Cache-Control": BRIEFLY, "ETag": '"e1"'}
    expired(proxy)
    answer = proxy.get(PATH)
    assert (answer.status, answer.body) == (200, b"first")
    assert origin.asked[-1]["If-None-Match"] == '"e1"'
    assert answer.headers.get_all("Cache-Status") == ["nginx; fwd=stale; fwd-status=304; stored"]


def test_stale_while_revalidating(origin: Origin, proxy: Proxy) -> None:
    """Within stale-while-revalidate one reader waits for the new answer, and all others get the old one at once."""
    origin.headers = {"Cache-Control": f"{BRIEFLY}, stale-while-revalidate=300"}
    expired(proxy)
    origin.body = b"second"
    origin.may_answer.clear()
    with ThreadPoolExecutor() as readers:
        first = readers.submit(proxy.get, PATH)
        eventually(lambda: len(origin.asked) == 2)
        assert [proxy.get(PATH).body for _ in range(3)] == [b"first"] * 3
        origin.may_answer.set()
        assert first.result().body == b"second"
    assert proxy.get(PATH).body == b"second"


def test_no_longer_stale_than_said(origin: Origin, proxy: Proxy) -> None:
    """Without stale-while-revalidate nobody gets an answer that is too old."""
    origin.headers = {"Cache-Control": BRIEFLY}
    expired(proxy)
    origin.body = b"second"
    assert proxy.get(PATH).body == b"second"


@pytest.mark.parametrize("status", [None, 500, 503], ids=["silent", "500", "503"])
def test_stale_while_broken(origin: Origin, proxy: Proxy, status: int | None) -> None:
    """Within stale-if-error an old answer is served while CoachKit fails, or hangs up."""
    origin.headers = {"Cache-Control": f"{BRIEFLY}, stale-if-error=86400"}
    expired(proxy)
    origin.status, origin.headers = status, {"Cache-Control": "no-store"}
    assert proxy.get(PATH).body == b"first"


def test_away(tmp_path: Path) -> None:
    """While nothing answers in CoachKit's place, readers get a problem that says when to try again."""
    with nginx(tmp_path, free_port()) as proxy:
        away = proxy.get(PATH)
    assert (away.status, away.headers["Content-Type"]) == (503, "application/problem+json")
    assert int(away.headers["Retry-After"]) > 0
    assert json.loads(away.body)["status"] == 503


def test_what_is_gone_is_gone(origin: Origin, proxy: Proxy) -> None:
    """No answer that is too old is served in place of “there is no such thing”, whatever may be served stale."""
    origin.headers = {"Cache-Control": f"{BRIEFLY}, stale-while-revalidate=300, stale-if-error=86400"}
    statuses = (403, 404, 410)
    expired(proxy, *(f"/{status}" for status in statuses))
    origin.headers = {"Cache-Control": "no-store"}
    for status in statuses:
        origin.status = status
        assert [proxy.get(f"/{status}").status for _ in range(3)] == [status] * 3


def test_stampede(origin: Origin, proxy: Proxy) -> None:
    """Many readers of what is not kept yet cost CoachKit one request."""
    with ThreadPoolExecutor(50) as readers:
        answers = [readers.submit(proxy.get, PATH) for _ in range(50)]
    assert {answer.result().body for answer in answers} == {b"first"}
    assert len(origin.asked) == 1


def test_forwarded_headers_are_ours(origin: Origin, proxy: Proxy) -> None:
    """CoachKit learns the client's address and scheme from nginx, and nothing that the client said of them."""
    claims = dict.fromkeys(("X_Forwarded_For", "X_Real_IP", "Forwarded", "X_Forwarded_Host"), "198.51.100.7")
    proxy.get(PATH, X_Forwarded_Proto="https", Accept_Encoding="gzip", **claims)
    (asked,) = origin.asked
    assert "198.51.100.7" not in str(asked)
    assert (asked["X-Forwarded-For"], asked["X-Forwarded-Proto"]) == ("127.0.0.1", "http")
    assert "Accept-Encoding" not in asked


def test_connection_is_kept(origin: Origin, proxy: Proxy) -> None:
    """Requests to CoachKit go over connections that stay open."""
    origin.headers = {"Cache-Control": "no-store"}
    for _ in range(20):
        proxy.get(PATH)
    assert len(origin.asked) == 20
    assert len(set(origin.clients)) < 20
