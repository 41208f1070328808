"""Houses to read from: `house`, new for each test, and `portal`, which the tests of a file share.

A house stands on each database with and without Redis, a portal on SQLite without and on PostgreSQL with it. An
`estate` is new for each test on those two, and `ask` manages its organisation northbridge over HTTP.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from appmaker import House, furnish, house_in, house_over

from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.organisations import keys, organisations, peppers
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.keys import SCOPES, Wanted
from coachkit.settings import Settings

ORG = "/v1/orgs/northbridge"


@pytest.fixture
def house(database: Database, settings: Settings, tmp_path: Path) -> Iterator[House]:
    """An installation with the small pack and three organisations, on each database, with and without Redis."""
    with house_over(settings, database, tmp_path) as house:
        yield furnish(house)


@pytest.fixture(scope="module", params=["sqlite", "postgres and redis"])
def portal(
    request: pytest.FixtureRequest,
    make_database: Callable[[str, Path], AbstractContextManager[Database]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """The same for tests that only read."""
    folder = tmp_path_factory.mktemp("portal")
    kind, _, shared = request.param.partition(" and ")
    address = f"redis://127.0.0.1:{request.getfixturevalue('redis_server').port}/1" if shared else None
    with make_database(kind, folder) as database, house_in(folder, database, address) as house:
        yield furnish(house)


@pytest.fixture(autouse=True)
def _apps_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop the apps that a test makes over a portal: each goes on asking the database, and a file makes many."""
    made = "portal" in request.fixturenames and request.getfixturevalue("portal")
    before = len(made.apps) if made else 0
    yield
    if made:
        made.close(keep=before)


@pytest.fixture(scope="module")
def client(portal):
    """A client of one app over the portal, whose store fills as the tests read."""
    return portal.client()


@pytest.fixture
def fresh(portal):
    """A client of an app over the portal whose stores are empty."""
    with house_over(portal.settings, portal.database, portal.folder) as house:
        yield house.client()


@pytest.fixture(params=["sqlite", "postgres and redis"])
def estate(request, make_database, tmp_path) -> Iterator[House]:
    """An installation whose organisations run themselves, on SQLite alone and on PostgreSQL with Redis."""
    kind, _, shared = request.param.partition(" and ")
    address = request.getfixturevalue("redis_url") if shared else None
    with make_database(kind, tmp_path) as database, house_in(tmp_path, database, address) as found:
        yield furnish(found)


@pytest.fixture
def key(estate):
    """Makes a key of northbridge and gives what a request shows."""

    def make(kind: str = "sec", scopes: tuple[str, ...] = SCOPES, **more: Any) -> dict[str, str]:
        wanted = Wanted(kind, "A key", scopes if kind == "sec" else (), **more)
        with estate.database.write(ACROSS) as conn:
            _, token = keys.create(
                conn,
                organisations.find(conn, "northbridge"),
                wanted,
                peppers=peppers.of(estate.settings),
                most=50,
                actor=COMMAND,
                at=datetime.now(UTC),
            )
        return {"Authorization": f"Bearer {token.text}"}

    return make


@pytest.fixture
def ask(estate, key):
    """Asks with a key that may do everything; `match` adds If-Match."""
    client, everything = estate.client(), key()

    def asked(
        method: str, path: str, body: Any = None, *, match: str | None = None, data: Any = None, **headers: str
    ) -> Any:
        if match is not None:
            headers["If-Match"] = match
        sent = {**everything, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if data is not None:
            return client.open(ORG + path, method=method, data=data, content_type="application/json", headers=sent)
        return client.open(ORG + path, method=method, json=body, headers=sent)

    asked.client, asked.house = client, estate
    return asked
