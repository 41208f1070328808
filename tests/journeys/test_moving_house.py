"""An operator moves an organisation from SQLite to PostgreSQL and back: its readers get the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from addresses import addresses, images
from appmaker import NORTHBRIDGE, House, furnish, house_in
from archivemaker import archive_of, bring

from coachkit.cli.installation import now
from coachkit.db.database import Database

MakeHouse = Callable[[str, str], House]


@pytest.fixture
def make_house(
    make_database: Callable[[str, Path], AbstractContextManager[Database]], tmp_path: Path
) -> Iterator[MakeHouse]:
    """Makes an installation on a database of a kind, with nothing in it."""
    with ExitStack() as stack:

        def make(kind: str, name: str) -> House:
            folder = tmp_path / name
            folder.mkdir()
            database = stack.enter_context(make_database(kind, folder))
            return stack.enter_context(house_in(folder, database))

        yield make


def read(house: House, paths: list[str]) -> dict[str, tuple[int, bytes, str | None, str | None]]:
    """Status, body, edition and ETag at each path."""
    client = house.client()
    answers = {path: client.get(path) for path in paths}
    return {
        path: (each.status_code, each.data, each.headers.get("CoachKit-Edition"), each.headers.get("ETag"))
        for path, each in answers.items()
    }


@pytest.mark.parametrize(("first", "second"), [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_there_and_back(make_house: MakeHouse, first: str, second: str) -> None:
    """Every document in every format and locale, at the channel's and each edition's address, is the same there."""
    here, there, back = make_house(first, "here"), make_house(second, "there"), make_house(first, "back")
    furnish(here)
    live = here.edition("northbridge")
    here.set("northbridge", {**NORTHBRIDGE, "brand": {**NORTHBRIDGE["brand"], "voice": "Another"}, "overlay": []})
    here.publish(**{"README.md": "More.", "pack.yaml": lambda text: text.replace("1.0.0", "1.1.0")})
    later = here.edition("northbridge")
    here.rollback("northbridge")
    paths = [*addresses("northbridge", live), *addresses("northbridge", later), *images(here.client(), "northbridge")]
    before = read(here, paths)
    assert {status for status, *_ in before.values()} == {200}
    assert {edition for _, _, edition, _ in before.values() if edition} == {live, later}
    data = archive_of(here.database, "northbridge")
    bring(there.database, data, at=now())
    assert read(there, paths) == before
    bring(back.database, archive_of(there.database, "northbridge"), at=now())
    assert read(back, paths) == before
    # and it goes on there: the same choices are the same edition, and going back goes on where it was
    assert there.edition("northbridge") == later
