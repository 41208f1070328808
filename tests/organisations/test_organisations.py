from datetime import UTC, datetime, timedelta

import pytest
from publishing import settings

from coachkit.db.scopes import ACROSS
from coachkit.errors import BadRequest, Conflict, NotFound
from coachkit.organisations.organisations import change, create, find

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_create_and_find(database):
    """What was created is found, with its name in its default locale."""
    chosen = settings(brand={"name": {"en-GB": "Northbridge", "cy": "Pontogledd"}})
    with database.write(ACROSS) as conn:
        made = create(conn, "northbridge", chosen, AT)
    with database.read(ACROSS) as conn:
        found = find(conn, "northbridge")
    assert found == made
    assert (found.name, found.settings, found.demo, found.revision) == ("Northbridge", chosen, False, 1)


@pytest.mark.parametrize("slug", ["", "North", "north_bridge", "-north", "north--bridge", "north\n", "é", "a" * 65])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_slugs_are_names(database, slug):
    """A slug that is no name is refused, with what a name is."""
    with database.write(ACROSS) as conn, pytest.raises(BadRequest, match="lower-case letters, digits and hyphens"):
        create(conn, slug, settings(), AT)


def test_taken_slug(database):
    """A slug is given once."""
    with database.write(ACROSS) as conn:
        create(conn, "northbridge", settings(), AT)
        with pytest.raises(Conflict, match="northbridge"):
            create(conn, "northbridge", settings(), AT)


def test_change(database):
    """Changing replaces settings and name and raises the revision; whether it is a demo stays."""
    with database.write(ACROSS) as conn:
        create(conn, "northbridge", settings(), AT, demo=True)
        changed = change(conn, "northbridge", settings(brand={"name": "Newbridge"}), AT + timedelta(days=1))
    assert (changed.name, changed.demo, changed.revision) == ("Newbridge", True, 2)
    assert (changed.created_at, changed.updated_at) == (AT, AT + timedelta(days=1))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nobody_by_that_slug(database):
    """An organisation that is not there is not found, and those that are there are named."""
    with database.write(ACROSS) as conn:
        with pytest.raises(NotFound, match="none"):
            find(conn, "northbridge")
        with pytest.raises(NotFound):
            change(conn, "northbridge", settings(), AT)
        create(conn, "harbour", settings(), AT)
        with pytest.raises(NotFound, match="harbour"):
            find(conn, "northbridge")
