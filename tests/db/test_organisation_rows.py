from datetime import timedelta

import pytest

from coachkit.db import organisations
from coachkit.db.scopes import ACROSS
from coachkit.errors import Conflict, NotFound


def test_insert_and_read(database, at):
    """An organisation comes back as it was stored, at revision 1."""
    with database.write(ACROSS) as conn:
        made = organisations.insert(conn, "northbridge", name="Northbridge", settings={"a": [1]}, at=at, demo=True)
    assert (made.slug, made.name, made.settings, made.demo, made.revision) == (
        "northbridge", "Northbridge", {"a": [1]}, True, 1,
    )  # fmt: skip
    with database.read(ACROSS) as conn:
        assert organisations.get(conn, "northbridge") == made
        assert organisations.get(conn, "harbour") is None


def test_slug_taken(database, at):
    """A slug is given once: the second is told which one is taken, and the first stays."""
    with database.write(ACROSS) as conn:
        made = organisations.insert(conn, "a", name="First", settings={}, at=at)
        with pytest.raises(Conflict, match="organisation 'a'"):
            organisations.insert(conn, "a", name="Second", settings={}, at=at)
        assert organisations.get(conn, "a") == made


def test_update(database, at):
    """An update replaces name and settings, raises the revision and keeps when it was made."""
    later = at + timedelta(hours=1)
    with database.write(ACROSS) as conn:
        made = organisations.insert(conn, "a", name="A", settings={"x": 1}, at=at)
        now = organisations.update(conn, "a", name="B", settings={"y": 2}, at=later, expected_revision=1)
    assert (now.id, now.name, now.settings, now.revision) == (made.id, "B", {"y": 2}, 2)
    assert (now.created_at, now.updated_at) == (at, later)


def test_stale_update(database, at):
    """An update that expects another revision than the one stored is refused, naming both, and changes nothing."""
    with database.write(ACROSS) as conn:
        organisations.insert(conn, "a", name="A", settings={}, at=at)
        now = organisations.update(conn, "a", name="B", settings={}, at=at)
        with pytest.raises(Conflict, match="at revision 2, not 1"):
            organisations.update(conn, "a", name="C", settings={}, at=at, expected_revision=1)
        assert organisations.get(conn, "a") == now


def test_update_of_none(database, at):
    """There is nothing to update where there is no organisation."""
    with database.write(ACROSS) as conn, pytest.raises(NotFound):
        organisations.update(conn, "a", name="A", settings={}, at=at)


def test_slugs(database, at):
    """All slugs, sorted by their characters on every database."""
    with database.write(ACROSS) as conn:
        for slug in ("b", "a-z", "a1", "a"):
            organisations.insert(conn, slug, name=slug, settings={}, at=at)
        assert organisations.slugs(conn) == ("a", "a-z", "a1", "b")
