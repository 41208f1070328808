from datetime import timedelta

import pytest
import sqlalchemy as sa

from coachkit.db import channels, editions, releases
from coachkit.db.editions import Edition, EditionHead, Use
from coachkit.db.scopes import ACROSS


def test_insert_and_read(database, served, at):
    """An edition comes back as it was stored, whole or without its bytes, not published yet."""
    id_ = served["northbridge"]
    with database.read(ACROSS) as conn:
        head = EditionHead(id_, "e1", demo=False, created_at=at, published=False)
        assert editions.head(conn, id_, "e1") == head
        assert editions.get(conn, id_, "e1") == Edition(**vars(head), inputs=b"inputs", manifest=b"manifest")


def test_of_another_organisation(database, served):
    """An edition of one organisation is nothing to another."""
    with database.read(ACROSS) as conn:
        assert editions.get(conn, served["harbour"], "e2") is None
        assert editions.head(conn, served["harbour"], "e2") is None
        assert not editions.exists(conn, served["harbour"], "e2")
        assert editions.exists(conn, served["northbridge"], "e2")


def test_again_changes_nothing(database, served, at):
    """An edition that is there already stays as it is."""
    id_ = served["northbridge"]
    with database.write(ACROSS) as conn:
        before = editions.get(conn, id_, "e1")
        later = at + timedelta(days=1)
        assert not editions.insert(conn, id_, "e1", inputs=b"", manifest=b"", releases=[], at=later, demo=True)
        assert editions.get(conn, id_, "e1") == before


def test_listing(database, served):
    """An organisation's editions, newest first, and nobody else's."""
    with database.read(ACROSS) as conn:
        listed = editions.listing(conn, served["northbridge"])
    assert [(one.organisation_id, one.digest) for one in listed] == [(served["northbridge"], d) for d in ("e2", "e1")]


def test_release_must_exist(database, served, at):
    """No edition can name a release that is not stored."""
    with pytest.raises(sa.exc.IntegrityError), database.write(ACROSS) as conn:
        editions.insert(conn, served["harbour"], "e9", inputs=b"", manifest=b"", releases=[("core", "9.0.0")], at=at)


def test_using_release(database, served, at):
    """Who uses a release: every edition of every organisation, with the channels that point at it now."""
    with database.write(ACROSS) as conn:
        for name in ("preview", "live"):
            channels.move(conn, served["northbridge"], name, "e2", public=name == "live", at=at)
        channels.move(conn, served["harbour"], "live", "e1", public=True, at=at)
        assert editions.using_release(conn, "core", "1.0.0") == (
            Use("harbour", "e1", ("live",)),
            Use("northbridge", "e2", ("live", "preview")),
            Use("northbridge", "e1", ()),
        )
        assert editions.using_release(conn, "core", "2.0.0") == ()


def test_settings(database, served, at):
    """The document that an edition was made from is kept beside it, until it is published from another."""
    id_ = served["northbridge"]
    with database.write(ACROSS) as conn:
        assert editions.settings(conn, id_, "e1") is None
        editions.insert(conn, id_, "e3", inputs=b"", manifest=b"", releases=[], at=at, settings={"b": [1], "a": "é"})
        editions.insert(conn, id_, "e3", inputs=b"", manifest=b"", releases=[], at=at, settings={})
        assert editions.settings(conn, id_, "e3") == {"a": "é", "b": [1]}
        editions.keep_settings(conn, id_, "e3", {"a": 2})
        assert editions.settings(conn, id_, "e3") == {"a": 2}
        assert editions.settings(conn, served["harbour"], "e3") is None


def test_keep_until(database, served, at):
    """An edition is kept until the latest time that anybody asked for."""
    id_, day = served["northbridge"], timedelta(days=1)
    with database.write(ACROSS) as conn:
        assert editions.kept_until(conn, id_, "e1") is None
        for until in (at + day, at + 3 * day, at + 2 * day):
            editions.keep_until(conn, id_, "e1", until)
        assert editions.kept_until(conn, id_, "e1") == at + 3 * day
        assert editions.kept_until(conn, id_, "e2") is None


def test_what_is_shown_is_used(database, served, at):
    """An edition that is to be kept until a time is unused only from then on."""
    id_, day = served["northbridge"], timedelta(days=1)
    with database.write(ACROSS) as conn:
        assert (id_, "e1") in editions.unused(conn, at + day, 10)
        editions.keep_until(conn, id_, "e1", at + 2 * day)
        assert (id_, "e1") not in editions.unused(conn, at + day, 10)
        assert (id_, "e1") not in editions.unused(conn, at + 2 * day, 10)
        assert (id_, "e1") in editions.unused(conn, at + 3 * day, 10)
        assert (id_, "e2") in editions.unused(conn, at + day, 10)


def test_withdrawn(database, served, at):
    """The releases of an edition that have been withdrawn are named, and no others."""
    with database.write(ACROSS) as conn:
        assert editions.withdrawn(conn, served["northbridge"], "e1") == ()
        releases.withdraw(conn, "core", "1.0.0", at=at, because="it was wrong")
        assert editions.withdrawn(conn, served["northbridge"], "e1") == (("core", "1.0.0"),)
        assert editions.withdrawn(conn, served["northbridge"], "e9") == ()
