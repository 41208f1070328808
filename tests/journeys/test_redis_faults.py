"""A whole service whose Redis misbehaves: readers notice nothing but a little time."""

import http.client
import json
import re
import statistics
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from appmaker import eventually, furnish, house_in
from faulty import FaultyProxy
from running import Service, free_port, running

from coachkit.settings import write_config

COACHKIT = Path(sys.executable).with_name("coachkit")
PATHS = [
    f"/v1/orgs/{organisation}{path}"
    for organisation in ("northbridge", "harbour")
    for path in (
        "",
        "/modules",
        "/modules/first-hour",
        "/modules/ask-for-feedback?format=html",
        "/templates/thank-you",
        "/checklists/before-you-reply",
    )
]
SLOWER_AT_MOST = 0.1
"""Seconds by which p99 may be above that without any cache."""


@dataclass
class Installation:
    """A furnished house, as a running service finds it."""

    folder: Path
    settings: object

    @contextmanager
    def service(self, redis_port, home, *, workers=2, threads=8, cache_bytes=0):
        """`coachkit web` with Redis at a port, and by default without stores of its workers' own."""
        config = home / "coachkit.toml"
        values = {
            "database_url": self.settings.database_url,
            "secret_key": self.settings.secret_key.hex(),
            "cache_bytes": cache_bytes,
            "limit_keyless": 0,
            "metrics_dir": str(home / "metrics"),
            "log_hits": True,
        }
        if redis_port is not None:
            values["redis_url"] = f"redis://127.0.0.1:{redis_port}/4"
        write_config(config, values)
        port = free_port()
        environ = {
            "COACHKIT_CONFIG": str(config),
            "WEB_CONCURRENCY": str(workers),
            "WEB_THREADS": str(threads),
        }
        command = [COACHKIT, "web", "--bind", f"127.0.0.1:{port}"]
        with running(command, port=port, cwd=home, home=home, environ=environ) as service:
            yield service


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def installation(request, make_database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installation")
    with make_database(request.param, folder) as database, house_in(folder, database) as house:
        yield Installation(folder, furnish(house).settings)


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture(scope="module")
def uncached(installation, tmp_path_factory):
    """A service that keeps nothing anywhere."""
    with installation.service(None, tmp_path_factory.mktemp("uncached")) as service:
        bodies(service.port)
        yield service


@dataclass(frozen=True)
class Read:
    """One answer: its status, body, and the seconds it took."""

    path: str
    status: int
    body: bytes
    cache: str
    seconds: float


def read_all(port, paths, *, clients, times):
    """Read all paths so many times from each of several clients at once."""
    reads, lock = [], threading.Lock()

    def client():
        mine = []
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            for _ in range(times):
                for path in paths:
                    began = time.perf_counter()
                    connection.request("GET", path)
                    response = connection.getresponse()
                    body = response.read()
                    seconds = time.perf_counter() - began
                    mine.append(Read(path, response.status, body, response.headers["Cache-Status"], seconds))
        with lock:
            reads.extend(mine)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == clients * times * len(paths)
    return reads


def p99(reads):
    return statistics.quantiles([read.seconds for read in reads], n=100)[98]


def bodies(port):
    """What each path answers; a path that answers otherwise than 200 is a fault of the test."""
    reads = read_all(port, PATHS, clients=1, times=1)
    assert {read.status for read in reads} == {200}
    return {read.path: read.body for read in reads}


def state(service):
    status, _, body = service.get("/readyz")
    return status, json.loads(body)["checks"]["redis"]["status"]


def held_until(until, holds):
    """Whether it comes to hold by that time on the monotonic clock."""
    while not (held := holds()) and time.monotonic() < until:
        time.sleep(0.05)
    return held and time.monotonic() < until


def swapped(answer):
    """Frames of northbridge where harbour's were asked for, and the other way round: whole replies in turn."""
    swapped.seen.append(answer)
    return swapped.seen[len(swapped.seen) // 2]


FAULTS = {
    "killed": lambda proxy, _: proxy.refuse(),
    "silent": lambda proxy, _: proxy.blackhole(),
    "slow": lambda proxy, _: proxy.slow(0.1),
    "full": lambda _, server: (server.flushdb(), server.config_set("maxmemory", 1)),
    "read only": lambda _, server: (server.flushdb(), server.replicaof("127.0.0.1", 1)),
    "wants a password": lambda proxy, _: proxy.reply(b"-NOAUTH Authentication required.\r\n"),
    "wrong type": lambda proxy, _: proxy.reply(b"-WRONGTYPE Operation against a key of the wrong kind\r\n"),
    "cut short": lambda proxy, _: proxy.truncate(),
    "flipped": lambda proxy, _: proxy.flip(97),
    "another's": lambda proxy, _: proxy.rewrite(swapped),
}
"""What sets them: with nothing in Redis where it refuses writes alone, and else with everything."""


@dataclass
class Faulty:
    """A service, the way to its Redis, that Redis itself, and what each path answers while all is well."""

    service: Service
    proxy: FaultyProxy
    server: redis.Redis
    expected: dict[str, bytes]

    def mend(self):
        """End whatever fault there is."""
        self.proxy.forward()
        self.server.replicaof("NO", "ONE")
        self.server.config_set("maxmemory", 0)

    def is_back_within_5_seconds(self):
        """Whether, within 5 s from when the fault ends, each worker asked alone is on Redis, and all is well."""
        until = time.monotonic() + 5
        self.mend()
        for worker in self.service.workers():
            with self.service.only(worker):
                if not held_until(until, lambda: "detail=redis" in self.service.get(PATHS[2])[1]["Cache-Status"]):
                    return False
        return held_until(until, lambda: state(self.service) == (200, "ok"))


@pytest.fixture(scope="module")
def faulty(installation, redis_server, tmp_path_factory):
    """A service with two workers, all well and everything in Redis."""
    with (
        FaultyProxy(("127.0.0.1", redis_server.port)) as proxy,
        redis.Redis(port=redis_server.port, db=4) as server,
        installation.service(proxy.port, tmp_path_factory.mktemp("faulty")) as service,
    ):
        eventually(lambda: len(service.workers()) == 2)
        yield Faulty(service, proxy, server, bodies(service.port))


@dataclass(frozen=True)
class Meanwhile:
    """What readers got from the beginning of a fault on, what others got without any cache, and what was told."""

    with_fault: list[Read]
    without: list[Read]
    told: tuple[int, str]


def pytest_generate_tests(metafunc):
    """Every fault for every test that has one; how long readers wait is measured for three, and for all in a soak.

    Of the scope of a class, which is nearer than that of an installation: one has all its faults before the other.
    """
    if "meanwhile" in metafunc.fixturenames:
        measured = metafunc.function is test_hardly_slower_than_no_cache and not metafunc.config.getoption("soak")
        faults = ("killed", "silent", "slow") if measured else tuple(FAULTS)
        metafunc.parametrize("meanwhile", faults, indirect=True, scope="class")


@pytest.fixture(scope="class")
def meanwhile(faulty, uncached, request, repeats):
    """What goes on under a fault, which stays until a test ends it.

    The clients and the way to Redis are threads of this process, which take turns more often than usual meanwhile: the
    one that answers for Redis shall not wait for all the clients.
    """
    swapped.seen = []
    turns = sys.getswitchinterval()
    sys.setswitchinterval(turns / 20)
    FAULTS[request.param](faulty.proxy, faulty.server)
    try:
        with_fault, without = [], []
        for _ in range(repeats(small=5, full=100)):
            with_fault += read_all(faulty.service.port, PATHS, clients=4, times=1)
            without += read_all(uncached.port, PATHS, clients=4, times=1)
        yield Meanwhile(with_fault, without, state(faulty.service))
    finally:
        sys.setswitchinterval(turns)
        faulty.mend()


@pytest.mark.soak
def test_readers_notice_nothing(faulty, meanwhile):
    """No 5xx and no wrong byte, and the service says that it is degraded."""
    assert {(read.status, read.body == faulty.expected[read.path]) for read in meanwhile.with_fault} == {(200, True)}
    assert meanwhile.told == (200, "degraded")


@pytest.mark.soak
def test_hardly_slower_than_no_cache(meanwhile):
    """The slowest hundredth of requests takes at most 100 ms more than with no cache at all."""
    assert p99(meanwhile.with_fault) <= p99(meanwhile.without) + SLOWER_AT_MOST


@pytest.mark.soak
def test_back_within_5_seconds(faulty, meanwhile):
    """With the fault over, each worker is back on Redis within 5 s without a restart, and answers as before."""
    workers = faulty.service.workers()
    assert faulty.is_back_within_5_seconds()
    assert faulty.service.workers() == workers
    assert bodies(faulty.service.port) == faulty.expected


def renders(service):
    """How many documents all workers have rendered."""
    return counted(service, "renders")


def counted(service, what):
    """What all workers have counted of something, whatever its labels."""
    text = service.get("/metrics")[2].decode()
    return sum(float(number) for number in re.findall(rf"^coachkit_{what}_total\{{.*\}} (.*)$", text, re.MULTILINE))


@pytest.mark.soak
def test_a_stampede_renders_once(installation, redis_server, redis_url, home, repeats):
    """However many clients ask two workers at once for what nobody has made yet, it is made once.

    Where Redis took longer than it is given, as it may while so many begin at once, another document is asked for.
    """
    clients = repeats(small=100, full=500)
    with installation.service(redis_server.port, home, threads=16, cache_bytes=1_000_000) as service:
        for form in ("json", "html", "markdown", "text"):
            made, faults = renders(service), counted(service, "redis_faults")
            assert (
                at_once(service, f"/v1/orgs/northbridge/modules/first-hour?format={form}", clients) == [200] * clients
            )
            if counted(service, "redis_faults") == faults:
                assert renders(service) == made + 1
                return
            eventually(lambda: not degraded(service), 30)
        pytest.fail("Redis never answered in time")


def degraded(service):
    """Whether any worker does without Redis at the moment."""
    return any(b"degraded" in service.get("/readyz")[2] for _ in range(20))


def at_once(service, path, clients):
    """The statuses that so many clients get who ask at the same moment."""
    start, statuses = threading.Barrier(clients), []

    def client():
        with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
            connection.connect()
            start.wait()
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_what_one_worker_made_the_other_serves(installation, redis_server, redis_url, home):
    """A worker that was never asked for something finds it in Redis, and then has it itself."""
    path = "/v1/orgs/northbridge/modules/first-hour"
    with installation.service(redis_server.port, home, cache_bytes=1_000_000) as service:
        first, second = eventually(lambda: len(found := service.workers()) == 2 and sorted(found))
        with service.only(first):
            made = service.get(path)[2]
        with service.only(second):
            answers = [service.get(path) for _ in range(2)]
        assert [headers["Cache-Status"] for _, headers, _ in answers] == [
            "CoachKit; hit; detail=redis",
            "CoachKit; hit; detail=memory",
        ]
        assert {body for _, _, body in answers} == {made}


def test_what_readers_type_stays_in_the_process(installation, redis_server, redis_url, home):
    """Searches and other variants are kept by the worker alone: Redis never sees what a reader looked for."""
    with (
        installation.service(redis_server.port, home, cache_bytes=1_000_000) as service,
        redis.Redis(port=redis_server.port, db=4) as client,
    ):
        before = client.dbsize()
        for path in ("/search?q=feedback", "/modules?topic=feedback", "/modules/first-hour?fields=id"):
            assert service.get(f"/v1/orgs/northbridge{path}")[0] == 200
        assert client.dbsize() == before
