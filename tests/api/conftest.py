"""Houses to read from: `house`, new for each test, and `portal`, which the tests of a file share.

A house stands on each database with and without Redis, a portal on SQLite without and on PostgreSQL with it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from appmaker import House, furnish, house_in, house_over

from coachkit.db.database import Database
from coachkit.settings import Settings


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
