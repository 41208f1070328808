"""Houses to read from: `house` on each database, new for each test; `portal`, on SQLite, shared by a file's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from appmaker import House, furnish, house_in, house_over

from coachkit.db.database import Database
from coachkit.settings import Settings


@pytest.fixture
def house(database: Database, settings: Settings, tmp_path: Path) -> Iterator[House]:
    """An installation with the small pack and three organisations, on each database."""
    with house_over(settings, database, tmp_path) as house:
        yield furnish(house)


@pytest.fixture(scope="module")
def portal(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The same on SQLite, for tests that only read."""
    with house_in(tmp_path_factory.mktemp("portal"), sqlite_template) as house:
        yield furnish(house)


@pytest.fixture(scope="module")
def client(portal):
    """A client of one app over the portal, whose store fills as the tests read."""
    return portal.client()


@pytest.fixture
def fresh(portal):
    """A client of an app over the portal whose store is empty."""
    return portal.client()
