from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from coachkit.db import releases
from coachkit.db.scopes import ACROSS


def test_insert_and_read(database, make_release):
    """A release comes back as it was stored: head, archive and compiled form."""
    with database.write(ACROSS) as conn:
        assert releases.insert(conn, make_release(), archive=b"\0archive", compiled=b"\0compiled")
    with database.read(ACROSS) as conn:
        assert releases.head(conn, "core", "1.0.0") == make_release()
        assert releases.archive(conn, "core", "1.0.0") == b"\0archive"
        assert releases.compiled(conn, "core", "1.0.0") == b"\0compiled"


def test_none(database):
    """Of a release that there is not, there is nothing."""
    with database.read(ACROSS) as conn:
        assert releases.head(conn, "core", "1.0.0") is None
        assert releases.archive(conn, "core", "1.0.0") is None
        assert releases.compiled(conn, "core", "1.0.0") is None
        assert releases.heads(conn) == ()


def test_never_changed(database, make_release):
    """A version that is there stays as it is, whatever else is inserted under it."""
    with database.write(ACROSS) as conn:
        releases.insert(conn, make_release(), archive=b"a", compiled=b"b")
        assert not releases.insert(conn, make_release(digest="sha256:other"), archive=b"c", compiled=b"d")
        assert releases.head(conn, "core", "1.0.0") == make_release()
        assert releases.archive(conn, "core", "1.0.0") == b"a"


def test_visibility_is_one_of_two(database, make_release):
    """The database itself refuses a visibility that is none."""
    with database.write(ACROSS) as conn, pytest.raises(sa.exc.IntegrityError):
        releases.insert(conn, make_release(visibility="secret"), archive=b"", compiled=b"")


def test_heads_in_order(database, make_release, at):
    """The releases of a pack come in the order published; those of all packs, by pack first."""
    later = make_release(version="0.9.0", published_at=at + timedelta(days=1))
    other = make_release(pack="another")
    with database.write(ACROSS) as conn:
        for release in (later, make_release(), other):
            releases.insert(conn, release, archive=b"", compiled=b"")
        assert releases.heads(conn, "core") == (make_release(), later)
        assert releases.heads(conn) == (other, make_release(), later)
        assert releases.packs(conn) == ("another", "core")


def test_withdraw(database, make_release, at):
    """A release is withdrawn once, with the reason; its bytes stay, and so does the first reason."""
    with database.write(ACROSS) as conn:
        releases.insert(conn, make_release(), archive=b"a", compiled=b"b")
        assert releases.withdraw(conn, "core", "1.0.0", at=at, because="wrong number")
        assert not releases.withdraw(conn, "core", "1.0.0", at=at, because="again")
        assert not releases.withdraw(conn, "core", "2.0.0", at=at, because="none such")
        expected = replace(make_release(), withdrawn_at=at, withdrawn_because="wrong number")
        assert releases.head(conn, "core", "1.0.0") == expected
        assert releases.archive(conn, "core", "1.0.0") == b"a"
