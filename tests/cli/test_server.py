"""`coachkit web` with two workers that share what was loaded before they were forked."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from appmaker import eventually
from running import Service, clean_environment, free_port, running

from coachkit.db.database import Database
from coachkit.editions.pointers import POLL_SECONDS

COACHKIT = Path(sys.executable).with_name("coachkit")
ORGANISATION = "/v1/orgs/northbridge"
SEEN_WITHIN = 1.0
"""Seconds in which every worker must have seen that a channel moved."""


@pytest.fixture
def environ(database: Database, tmp_path: Path) -> dict[str, str]:
    """The variables of the installation that `furnished` commands work on."""
    return {
        "COACHKIT_DATABASE_URL": database.url,
        "COACHKIT_SECRET_KEY": bytes(range(32)).hex(),
        "COACHKIT_METRICS_DIR": str(tmp_path / "metrics"),
        "WEB_CONCURRENCY": "2",
    }


@pytest.fixture
def service(furnished, environ: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """Two workers that have both answered already, for an organisation with an edition."""
    port = free_port()
    command = [COACHKIT, "web", "--bind", f"127.0.0.1:{port}"]
    with running(command, port=port, cwd=tmp_path, home=tmp_path, environ=environ) as service:
        each_worker(service, lambda: edition(service))
        yield service


def each_worker(service: Service, ask: Callable[[], object]) -> list[object]:
    """What each of the two workers answers on its own."""
    answers = []
    for worker in eventually(lambda: len(service.workers()) == 2 and service.workers()):
        with service.only(worker):
            answers.append(ask())
    return answers


def edition(service: Service) -> str:
    status, headers, body = service.get(ORGANISATION)
    assert status == 200, body
    return headers["CoachKit-Edition"]


def counted(service: Service) -> int:
    """How many requests to the organisation's address all workers together have counted."""
    text = service.get("/metrics")[2].decode()
    counts = re.findall(r"^coachkit_request_seconds_count\{(.*)\} ([0-9.]+)$", text, re.MULTILINE)
    return int(sum(float(count) for labels, count in counts if re.search(r'route="/v1/orgs/[^/"]*"', labels)))


def settled(service: Service) -> int:
    """The same, once each worker has written down what it counted: it stays as it is for longer than that takes."""
    found = [counted(service)]
    while len(found) < 2 or found[-1] != found[-2]:
        time.sleep(2 * POLL_SECONDS)
        found.append(counted(service))
    return found[-1]


def test_move_is_seen_by_every_worker(service: Service, furnished, settings_file) -> None:
    """Under a second after the command has moved a pointer, each worker serves the other edition; so it does back."""
    first = edition(service)
    furnished("org", "set", "northbridge", settings_file(brand={"name": "Another", "careers_email": "a@b.example"}))
    second = furnished("edition", "publish", "northbridge", "--no-move", "--json").json["edition"]
    for wanted in (second, first):
        furnished("channel", "move", "northbridge", "live", wanted)
        moved = time.monotonic()
        last_old = moved
        while (now := time.monotonic()) < moved + SEEN_WITHIN:
            if edition(service) != wanted:
                last_old = now
        assert each_worker(service, lambda: edition(service)) == [wanted, wanted]
        assert last_old - moved < SEEN_WITHIN


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_counts_add_up(service: Service) -> None:
    """Each worker's /metrics has the requests of both."""
    before = settled(service)
    each_worker(service, lambda: [edition(service) for _ in range(3)])
    assert settled(service) == before + 6
    assert each_worker(service, lambda: counted(service)) == [before + 6, before + 6]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_killed_worker(service: Service) -> None:
    """A worker that is killed takes nothing with it: others answer at once, it is replaced, and its counts stay."""
    first, workers = edition(service), service.workers()
    before = settled(service)
    killed = min(workers)
    os.kill(killed, signal.SIGKILL)
    assert {edition(service) for _ in range(30)} == {first}
    eventually(lambda: killed not in service.workers() and len(service.workers()) == 2)
    assert each_worker(service, lambda: edition(service)) == [first, first]
    assert settled(service) == before + 32
    assert each_worker(service, lambda: counted(service)) == [before + 32, before + 32]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_is_owned_before_the_fork(service: Service, database: Database) -> None:
    """The process that workers are forked from has one thread, no socket but the one it listens on, and no database."""
    process = Path("/proc", str(service.process.pid))
    opened = [str(each.readlink()) for each in (process / "fd").iterdir()]
    assert len(list((process / "task").iterdir())) == 1
    assert len([each for each in opened if each.startswith("socket:")]) == 1
    assert not [each for each in opened if "sqlite" in each]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_json_is_one_document(furnished, environ: dict[str, str], tmp_path: Path) -> None:
    """With --json stdout has one document that says where it listens; everything else goes to stderr."""
    port = free_port()
    command = ["sh", "-c", 'exec "$0" "$@" 2>said.txt', COACHKIT, "serve", "--bind", f"127.0.0.1:{port}", "--json"]
    with running(command, port=port, cwd=tmp_path, home=tmp_path, environ=environ) as service:
        edition(service)
        assert json.loads(service.output.read_text(encoding="utf-8")) == {"bind": f"127.0.0.1:{port}"}
    assert "/v1/orgs/" in (tmp_path / "said.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("bind", ["127.0.0.1:taken", "127.0.0.1:99999", "no.such.host.invalid:8000", "192.0.2.1:8000"])
def test_senseless_address(installed, bind: str) -> None:
    """An address where nobody can listen is refused with the reason and the option that changes it."""
    done = installed("web", "--bind", bind, "--json", status=2)
    assert bind in done.json["problems"][0]["message"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_address_in_use(installed) -> None:
    """An address that is taken is refused at once."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
        done = installed("serve", "--bind", bind, "--json", status=2)
    assert "--bind" in done.json["problems"][0]["message"]


def test_senseless_size(tmp_path: Path) -> None:
    """A number of workers that is no number is wrong usage, by the variable's name."""
    environ = clean_environment(tmp_path) | {"WEB_CONCURRENCY": "two"}
    done = subprocess.run([COACHKIT, "web"], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "WEB_CONCURRENCY: 'two'" in done.stderr


UNREADABLE = {
    "GET /v1/orgs/northbridge/modules?topic=\N{LATIN SMALL LETTER E WITH ACUTE} HTTP/1.1\r\nHost: x\r\n\r\n": 400,
    "CANARY\r\n\r\n": 400,
    "GET /?canary HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n": 400,
    f"GET /?canary={'a' * 9_000} HTTP/1.1\r\nHost: x\r\n\r\n": 414,
    f"GET /?canary HTTP/1.1\r\nHost: x\r\nX: {'a' * 9_000}\r\n\r\n": 431,
    "GET /?canary HTTP/1.1\r\nHost: x\r\n" + "Y: b\r\n" * 80 + "\r\n": 431,
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_unreadable_requests(service: Service) -> None:
    """What is no HTTP is answered with a problem, and the log has neither the address, the query nor the client."""
    for request, status in UNREADABLE.items():
        with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
            client.sendall(request.encode())
            answer = b"".join(iter(lambda: client.recv(65_536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split(b" ")[1] == str(status).encode(), request[:80]
        assert b"application/problem+json" in head
        assert json.loads(body)["status"] == status
    said = service.output.read_text(encoding="utf-8")
    refused = [line for line in said.splitlines() if "could not be read" in line]
    assert len(refused) == len(UNREADABLE)
    assert not any(
        word in line for line in refused for word in ("127.0.0.1", "canary", "CANARY", "topic", "northbridge")
    )
