"""The first-party pack as the two organisations of the demonstration serve it, in a house that a file's tests share."""

from collections.abc import Iterator
from importlib.resources import files

import pytest
import yaml
from appmaker import House, house_in

PUBLIC = "https://coaching.northbridge.example"


@pytest.fixture(scope="module")
def library(make_database, tmp_path_factory) -> Iterator[House]:
    """The house: `northbridge` in English and Welsh, `harbour` in English."""
    folder = tmp_path_factory.mktemp("library")
    with make_database("sqlite", folder) as database, house_in(folder, database) as house:
        house.publish_core()
        for slug in ("northbridge", "harbour"):
            text = files("coachkit.cli").joinpath(f"demo_organisations/{slug}.yaml").read_text(encoding="utf-8")
            house.organisation(slug, yaml.safe_load(text))
            house.edition(slug)
        yield house


@pytest.fixture(scope="module")
def reader(library):
    """A client of the installation under its public address."""
    return library.client(public_url=PUBLIC)


@pytest.fixture(scope="module")
def nowhere(library):
    """A client of an installation that does not know its public address."""
    return library.client()
