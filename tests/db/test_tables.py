from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from coachkit.db import images, organisations
from coachkit.db.images import StoredImage
from coachkit.db.scopes import ACROSS
from coachkit.db.tables import releases as releases_table


def test_times_come_back_aware(database, at):
    """A time given in any zone comes back as the same moment, in UTC, to the microsecond."""
    elsewhere = at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with database.write(ACROSS) as conn:
        organisations.insert(conn, "a", name="A", settings={}, at=elsewhere)
    with database.read(ACROSS) as conn:
        stored = organisations.get(conn, "a").created_at
    assert (stored, stored.utcoffset()) == (at, timedelta(0))


def test_naive_times_are_refused(database):
    """A time without a zone is refused before it reaches the database."""
    naive = datetime(2026, 11, 22)  # noqa: DTZ001 — the point
    with database.write(ACROSS) as conn, pytest.raises(sa.exc.StatementError, match="needs its zone"):
        organisations.insert(conn, "a", name="A", settings={}, at=naive)


def test_equal_json_is_equal_text(database, at):
    """Equal settings are stored as equal text, whatever order their keys were given in."""
    with database.write(ACROSS) as conn:
        organisations.insert(conn, "a", name="A", settings={"x": 1, "y": ["é"]}, at=at)
        organisations.insert(conn, "b", name="B", settings={"y": ["é"], "x": 1}, at=at)
        texts = set(conn.exec_driver_sql("SELECT settings FROM organisations").scalars())
    assert texts == {'{"x":1,"y":["é"]}'}


def test_archive_is_compressed(database, make_release):
    """An archive takes less room in the database than it has bytes."""
    from coachkit.db import releases

    with database.write(ACROSS) as conn:
        releases.insert(conn, make_release(), archive=b"same " * 10_000, compiled=b"")
        length = conn.scalar(sa.select(sa.func.length(sa.type_coerce(releases_table.c.archive, sa.LargeBinary))))
    assert length < 1000


def test_bytes_are_kept(database):
    """Any bytes come back as they were."""
    image = StoredImage("00.png", "image/png", bytes(range(256)))
    with database.write(ACROSS) as conn:
        images.insert(conn, [image])
        assert images.get(conn, "00.png") == image
