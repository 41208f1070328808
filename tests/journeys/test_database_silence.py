"""A whole service whose database is silent, gone, refusing or frozen: what is kept is read on, all else is told so."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from appmaker import eventually, furnish, house_in, services_of
from faulty import FaultyProxy
from postgresql import Server, own_server, socket_of, through
from running import Service, free_port, running

from coachkit.app import create_app
from coachkit.db.database import Database
from coachkit.settings import Settings, write_config

COACHKIT = Path(sys.executable).with_name("coachkit")
BOUND = 2.0
KEPT = [
    f"/v1/orgs/{organisation}{path}"
    for organisation in ("northbridge", "harbour")
    for path in ("", "/modules", "/modules/first-hour", "/templates/thank-you")
]
UNKEPT = [
    "/v1/packs",
    "/v1/packs/example/releases/1.0.0",
    "/v1/orgs/nobody",
    "/v1/orgs/nobody/modules/first-hour",
    "/v1/orgs/eastgate/modules/first-hour",
    f"/v1/orgs/northbridge/editions/sha256:{'0' * 64}/modules/first-hour",
]
"""What needs the database: rows that nobody keeps, and organisations and editions that nobody has asked for yet."""


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds."""

    path: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float

    @property
    def stale(self) -> bool:
        return self.headers["Cache-Status"].endswith("; stale")


@dataclass(frozen=True)
class Installation:
    """A service of one worker with many threads, and what stands between it and its database."""

    service: Service
    proxy: FaultyProxy
    server: Server

    def ask(self, path):
        began = time.monotonic()
        with closing(http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=10)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        return Answer(path, response.status, response.headers, body, time.monotonic() - began)

    def ask_at_once(self, paths):
        """Ask for all of them at the same moment."""
        together = threading.Barrier(len(paths))

        def ask(path):
            together.wait()
            return self.ask(path)

        with ThreadPoolExecutor(len(paths)) as pool:
            return list(pool.map(ask, paths))

    def readiness(self):
        answer = self.ask("/readyz")
        assert answer.seconds < BOUND
        return answer.status, json.loads(answer.body)["checks"]["database"]["status"]

    @contextmanager
    def silent(self):
        with self._through(FaultyProxy.blackhole):
            yield

    @contextmanager
    def refusing(self):
        with self._through(FaultyProxy.refuse):
            yield

    @contextmanager
    def frozen(self):
        with self.server.frozen():
            yield

    @contextmanager
    def killed(self):
        self.server.kill()
        try:
            yield
        finally:
            self.server.start()

    @contextmanager
    def stopped(self):
        self.server.stop()
        try:
            yield
        finally:
            self.server.start()

    @contextmanager
    def _through(self, fault):
        fault(self.proxy)
        try:
            yield
        finally:
            self.proxy.forward()


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """The service, which knows two of three organisations and has kept some answers for each."""
    folder = tmp_path_factory.mktemp("installation")
    with own_server() as server, FaultyProxy(socket_of(server.url)) as proxy:
        database = Database(server.url)
        with house_in(folder, database) as house:
            secret = furnish(house).settings.secret_key
        database.dispose()
        write_config(folder / "coachkit.toml", {"database_url": through(proxy, server.url), "secret_key": secret.hex()})
        port = free_port()
        environ = {"COACHKIT_CONFIG": str(folder / "coachkit.toml"), "WEB_CONCURRENCY": "1", "WEB_THREADS": "32"}
        command = [COACHKIT, "web", "--bind", f"127.0.0.1:{port}"]
        with running(command, port=port, cwd=folder, home=folder, environ=environ) as service:
            yield Installation(service, proxy, server)


@pytest.fixture
def warm(installation):
    """The installation with its answers kept, and what they are."""
    kept = {path: installation.ask(path).body for path in KEPT}
    eventually(lambda: installation.readiness() == (200, "ok"))
    return installation, kept


def see_told(answers):
    """See that each answer says in time, as a problem, that it cannot be given and when to ask again."""
    for answer in answers:
        assert answer.status == 503, answer
        assert answer.headers["Content-Type"] == "application/problem+json", answer
        assert json.loads(answer.body)["type"] == "/problems/unavailable"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.seconds < BOUND, answer


def see_back(installation, began):
    """See that what needs the database is answered again, all at once, soon after it answers again."""
    while (answer := installation.ask("/v1/packs")).status == 503:
        assert time.monotonic() - began < BOUND, "it is not back"
    assert answer.status == 200
    assert {answer.status for answer in installation.ask_at_once(["/v1/packs"] * 30)} == {200}


def see_kept(installation, kept, *, stale):
    for path, body in kept.items():
        answer = installation.ask(path)
        assert (answer.status, answer.body, answer.stale) == (200, body, stale), answer


def endure(installation, kept, fault):
    """The whole promise, once."""
    worker = installation.service.workers()
    with getattr(installation, fault)():
        see_told(installation.ask_at_once(UNKEPT * 5))
        assert installation.readiness() == (503, "down")
        eventually(lambda: installation.ask(KEPT[0]).stale)
        see_kept(installation, kept, stale=True)
        see_told(installation.ask(path) for path in UNKEPT)
        assert installation.readiness() == (503, "down")
    see_back(installation, time.monotonic())
    eventually(lambda: not installation.ask(KEPT[0]).stale)
    see_kept(installation, kept, stale=False)
    assert installation.readiness() == (200, "ok")
    assert installation.service.workers() == worker


@pytest.mark.parametrize("fault", ["silent", "refusing", "frozen"])
def test_faults(fault, warm):
    """Whatever is wrong with the database, kept answers go on, marked stale, and all else is 503 within two seconds."""
    endure(*warm, fault)


@pytest.mark.soak
def test_restarts(warm, repeats):
    """However often PostgreSQL is stopped or killed and started again, the service is back each time."""
    for turn in range(repeats(small=2, full=20)):
        endure(*warm, "killed" if turn % 2 else "stopped")


@pytest.mark.soak
def test_falls_silent_again_and_again(warm, repeats):
    """Nothing piles up with the silences: no thread that waits, no connection."""
    installation, kept = warm
    for _ in range(repeats(small=1, full=20)):
        endure(installation, kept, "silent")
    eventually(lambda: installation.proxy.open_connections <= 15 + 1)


def test_kept_answers_do_not_wait(warm):
    """While many requests wait for a database that has just fallen silent, kept answers come at once."""
    installation, kept = warm
    with installation.silent(), ThreadPoolExecutor(len(UNKEPT)) as pool:
        waiting = [pool.submit(installation.ask, path) for path in UNKEPT]
        took = [installation.ask(path) for path in list(kept) * 2]
        assert not all(each.done() for each in waiting)
        assert {answer.status for answer in took} == {200}
        assert max(answer.seconds for answer in took) < 1
        see_told(each.result() for each in waiting)
    see_back(installation, time.monotonic())


def test_new_worker_while_silent(warm):
    """A worker that starts while the database is silent knows nothing, says so in time, and serves when it is back."""
    installation, kept = warm
    (worker,) = installation.service.workers()
    with installation.silent():
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: installation.service.workers() - {worker})
        assert installation.ask("/healthz").status == 200  # it has started
        see_told(installation.ask_at_once(KEPT * 3))
        see_told(installation.ask(path) for path in KEPT)
    see_back(installation, time.monotonic())
    see_kept(installation, kept, stale=False)


HOLDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def sqlite_file(tmp_path_factory, sqlite_template):
    """A furnished installation's file, which nobody has open."""
    folder = tmp_path_factory.mktemp("sqlite-installation")
    path = folder / "coachkit.sqlite"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    with house_in(folder, database) as house:
        furnish(house)
    database.dispose()
    return path


@pytest.fixture
def sqlite_client(sqlite_file):
    """A client of a new app over the file."""
    settings = Settings(f"sqlite:///{sqlite_file}", bytes(range(32)), data_dir=sqlite_file.parent)
    app = create_app(settings)
    yield app.test_client(use_cookies=False)
    services_of(app).pointers.stop()
    services_of(app).database.dispose()


@contextmanager
def held(path):
    """While it lasts, another process has the file for itself alone."""
    with subprocess.Popen([sys.executable, "-c", HOLDS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"locked\n"
        try:
            yield
        finally:
            holder.stdin.close()


@contextmanager
def unreadable(path):
    """While it lasts, what is at the path cannot be read as a file."""
    away = path.with_suffix(".away")
    path.rename(away)
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
        away.rename(path)


@pytest.mark.parametrize("fault", [held, unreadable])
def test_sqlite(fault, sqlite_file, sqlite_client):
    """An SQLite file that is locked or cannot be read is 503 within two seconds, and read when it can be."""
    with fault(sqlite_file):
        for path in [*KEPT, *UNKEPT, "/readyz"]:
            began = time.monotonic()
            answer = sqlite_client.get(path)
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert time.monotonic() - began < BOUND
    eventually(lambda: sqlite_client.get("/readyz").json["status"] == "ok")
    assert {sqlite_client.get(path).status_code for path in KEPT} == {200}
