"""`coachkit web` under load: reloaded, replaced, recycled and shot, and no reader notices."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path

import psutil
import pytest
from appmaker import eventually, furnish, house_in
from loading import Ask, Tally, patiently, under_load
from running import Service, free_port, running

from coachkit.db.database import Database
from coachkit.settings import write_config

COACHKIT = Path(sys.executable).with_name("coachkit")
ORGANISATION = "/v1/orgs/northbridge"
READ = Ask(f"{ORGANISATION}/modules/first-hour")
FILL = Ask(
    f"{ORGANISATION}/templates/thank-you/fill",
    "POST",
    b'{"values": {"interviewer_name": "Ms Rees"}}',
    (("Content-Type", "application/json"),),
)
REPEATED_AT_MOST = 3
"""Of one tally's requests: connections that were idle when the service closed them, of which there is hardly any."""
TOKEN = "the-new-token"  # noqa: S105 of this file alone


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> dict[str, str]:
    """The settings of an installation that has organisations with editions."""
    folder = tmp_path_factory.mktemp("installation")
    shutil.copy(sqlite_template, folder / "coachkit.sqlite")
    database = Database(f"sqlite:///{folder / 'coachkit.sqlite'}")
    with house_in(folder, database) as house:
        furnish(house)
    database.dispose()
    return {"database_url": database.url, "secret_key": house.settings.secret_key.hex()}


@contextmanager
def serving(folder: Path, installation: dict[str, str], **environ: str) -> Iterator[Service]:
    """Two workers, which have both come up, with their settings file and their counts in a folder."""
    config, port = folder / "coachkit.toml", free_port()
    write_config(config, {**installation, "metrics_dir": "metrics"})
    environ = {"COACHKIT_CONFIG": str(config), "WEB_CONCURRENCY": "2", **environ}
    command = [COACHKIT, "web", "--bind", f"127.0.0.1:{port}"]
    with running(command, port=port, cwd=folder, home=folder, environ=environ) as service:
        eventually(lambda: len(service.workers()) == 2)
        yield service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, installation: dict[str, str]) -> Iterator[Service]:
    """A service for all tests that leave it as it was."""
    with serving(tmp_path_factory.mktemp("service"), installation) as service:
        yield service


def reload(service: Service) -> None:
    """Send SIGHUP, and wait until two other workers have taken over."""
    before = service.workers()
    service.process.send_signal(signal.SIGHUP)
    patiently(lambda: len(service.workers()) == 2 and not service.workers() & before)


@contextmanager
def both_kinds(port: int) -> Iterator[tuple[Tally, Tally]]:
    """Clients that keep their connections and clients that do not, reading and filling in."""
    with under_load(port, READ, FILL, clients=3) as keeping, under_load(port, READ, FILL, clients=2, fresh=True) as new:
        eventually(lambda: keeping.answered > 20 and new.answered > 20)
        yield keeping, new


def assert_nothing_lost(*tallies: Tally) -> None:
    for tally in tallies:
        assert tally.failed == []
        assert tally.answered > 20
        assert tally.repeated <= REPEATED_AT_MOST


def counted(service: Service) -> int:
    """The requests to READ and FILL that all workers together have counted."""
    text = service.get("/metrics")[2].decode()
    counts = re.findall(r"^coachkit_request_seconds_count\{(.*)\} ([0-9.]+)$", text, re.MULTILINE)
    return int(sum(float(count) for labels, count in counts if "/v1/orgs/" in labels))


@pytest.fixture
def on_postgres_and_redis(
    make_database: Callable[[str, Path], AbstractContextManager[Database]], redis_url: str, tmp_path: Path
) -> Iterator[Service]:
    """A service of its own on PostgreSQL, with Redis."""
    with make_database("postgres", tmp_path) as database, house_in(tmp_path, database) as house:
        secret = furnish(house).settings.secret_key.hex()
        chosen = {"database_url": database.url, "secret_key": secret, "redis_url": redis_url}
        with serving(tmp_path, chosen) as service:
            yield service


@pytest.mark.soak
@pytest.mark.parametrize("where", ["service", "on_postgres_and_redis"])
def test_hup_loses_nothing(where: str, request: pytest.FixtureRequest, repeats: Callable[..., int]) -> None:
    """However often the service is reloaded, every request meanwhile is answered, on old connections and on new.

    Nor is a count lost: what dead workers counted stays, in no more files than there were workers at one time.
    """
    service: Service = request.getfixturevalue(where)
    before = counted(service)
    with both_kinds(service.port) as (keeping, new):
        for _ in range(repeats(small=2, full=20)):
            reload(service)
    assert_nothing_lost(keeping, new)
    eventually(lambda: counted(service) == before + keeping.answered + new.answered)
    assert len(list((service.output.parent / "metrics").glob("histogram_*.db"))) <= 4


def test_hup_reads_settings_again(service: Service, installation: dict[str, str]) -> None:
    """After SIGHUP the settings file holds as it is now: here, a token is asked for that was not there before."""
    assert metrics(service.port, TOKEN) == 404
    config = service.output.parent / "coachkit.toml"
    write_config(config, {**installation, "metrics_dir": "metrics", "metrics_token": TOKEN})
    reload(service)
    assert metrics(service.port, TOKEN) == 200


def metrics(port: int, token: str) -> int:
    """What a scraper behind a proxy gets."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9"}
        connection.request("GET", "/metrics", headers=headers)
        return connection.getresponse().status


def test_hup_with_wrong_settings(service: Service) -> None:
    """A settings file that cannot be used is named in the log, and the service goes on with those from before."""
    config = service.output.parent / "coachkit.toml"
    right = config.read_text("utf-8")
    for wrong in ('colour = "blue"\n', "metrics_dir = [\n"):
        with config.open("a", encoding="utf-8") as file:
            file.write(wrong)
        reload(service)
        assert service.get(READ.path)[0] == 200
    lines = [line for line in service.output.read_text("utf-8").splitlines() if "settings from before" in line]
    assert [str(config) in line for line in lines] == [True, True]
    config.write_text(right, "utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_hup_opens_nothing_before_the_fork(service: Service) -> None:
    """After a reload too, the process that workers are forked from has one thread, one socket and no database."""
    reload(service)
    process = Path("/proc", str(service.process.pid))
    opened = [str(each.readlink()) for each in (process / "fd").iterdir()]
    assert len(list((process / "task").iterdir())) == 1
    assert len([each for each in opened if each.startswith("socket:")]) == 1
    assert not [each for each in opened if "sqlite" in each]


@pytest.mark.soak
def test_usr2_replaces_all_of_it(tmp_path: Path, installation: dict[str, str], repeats: Callable[..., int]) -> None:
    """SIGUSR2 starts a new master beside the old one, SIGTERM ends the old one, and no request is lost: an upgrade."""
    with serving(tmp_path, installation) as service:
        master = psutil.Process(service.process.pid)
        with both_kinds(service.port) as tallies:
            for number in range(repeats(small=1, full=3)):
                replaced, master = master, replace(master)
                if replaced.pid == service.process.pid:
                    assert service.process.wait(timeout=30) == 0
                patiently(lambda number=number: said(service, "Master has been promoted") == number + 1)
        assert_nothing_lost(*tallies)
        master.terminate()
        patiently(service.is_gone)


def replace(master: psutil.Process) -> psutil.Process:
    """Start another master, and end this one when the other's workers are up. Gives the other."""
    workers = set(master.children())
    master.send_signal(signal.SIGUSR2)
    patiently(lambda: new_master(master, workers))
    other = new_master(master, workers)
    master.terminate()
    return other


def said(service: Service, words: str) -> int:
    """How often the log has these words."""
    return service.output.read_text("utf-8").count(words)


def new_master(old: psutil.Process, workers: set[psutil.Process]) -> psutil.Process | None:
    """The child of a master that was none of its workers and has two workers itself."""
    return next((each for each in old.children() if each not in workers and ready(each)), None)


def ready(master: psutil.Process) -> bool:
    return len(master.children()) == 2


def test_killed_worker_costs_its_own_requests_only(service: Service) -> None:
    """SIGKILL of a worker ends the requests that it was answering; all others are answered, and so is what follows."""
    with ExitStack() as closing_all:
        connections = [HTTPConnection("127.0.0.1", service.port, timeout=10) for _ in range(24)]
        for connection in connections:
            closing_all.callback(connection.close)
            ask(connection)
        killed, other = sorted(service.workers())
        doomed = [connection for connection in connections if local(connection) in clients_of(killed)]
        others = [connection for connection in connections if connection not in doomed]
        assert doomed
        assert others
        os.kill(killed, signal.SIGSTOP)  # so that its requests are in flight when it dies
        for connection in connections:
            connection.request("GET", READ.path)
        assert {answered(connection) for connection in others} == {200}
        os.kill(killed, signal.SIGKILL)
        for connection in doomed:
            with pytest.raises((RemoteDisconnected, ConnectionResetError)):
                connection.getresponse()
        with under_load(service.port, READ, fresh=True) as tally:
            patiently(lambda: len(service.workers()) == 2 and killed not in service.workers())
        assert tally.failed == []
        assert other in service.workers()


def ask(connection: HTTPConnection) -> None:
    connection.request("GET", READ.path)
    assert answered(connection) == 200


def answered(connection: HTTPConnection) -> int:
    response = connection.getresponse()
    response.read()
    return response.status


def local(connection: HTTPConnection) -> int:
    return int(connection.sock.getsockname()[1])


def clients_of(worker: int) -> set[int]:
    """The ports of the clients that a worker has connections with."""
    return {each.raddr.port for each in psutil.Process(worker).net_connections("tcp") if each.raddr}


@pytest.mark.soak
def test_recycled_workers(tmp_path: Path, installation: dict[str, str], repeats: Callable[..., int]) -> None:
    """Workers that stop after so many requests are replaced, and no request and no count is lost."""
    wanted = repeats(small=3, full=30)
    often = {"GUNICORN_CMD_ARGS": "--max-requests 150 --max-requests-jitter 150"}
    with serving(tmp_path, installation, **often) as service:
        seen = set(service.workers())
        with both_kinds(service.port) as (keeping, new):
            patiently(lambda: seen.update(service.workers()) or len(seen) >= 2 + wanted)
        assert_nothing_lost(keeping, new)
        patiently(lambda: len(service.workers()) == 2)
        eventually(lambda: counted(service) == keeping.answered + new.answered)
    assert len(list((tmp_path / "metrics").glob("histogram_*.db"))) <= 3


def test_clients_that_do_not_close(service: Service) -> None:
    """Clients that have their last answer and keep the connection open hold up nobody."""
    with ExitStack() as open_ones:
        for _ in range(60):
            client = open_ones.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=10))
            client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        began = time.monotonic()
        assert service.get(READ.path)[0] == 200
        assert time.monotonic() - began < 2, "gunicorn's own worker would wait two seconds for each of them"


def test_last_answer_is_whole(service: Service) -> None:
    """A client that reads slowly gets all of its last answer, although the connection is closed after it."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
        client.sendall(f"GET {READ.path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(100), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)^content-length: (\d+)", head, re.MULTILINE)[1])
    assert len(body) == length
    assert json.loads(body)["id"] == "first-hour"


def test_connection_is_closed_under_who_lingers(service: Service) -> None:
    """A client that never closes is cut off after a few seconds, and what it sends meanwhile is dropped."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        while client.recv(4_096):
            pass
        patiently(lambda: is_refused(client))


def is_refused(client: socket.socket) -> bool:
    """Whether the other side has closed for reading too."""
    try:
        client.sendall(b"more")
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False
