"""Databases of every released schema, with data in them, migrated forward; and the release before reads on."""

import json
import zlib
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from coachkit.db import channels, editions, migrate, organisations, releases
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS, OWNER, only

AT = datetime(2026, 3, 1, 8, 15, tzinfo=UTC)
FILLED = {
    "0001": [
        (
            (
                "INSERT INTO releases (pack, version, digest, title, visibility, manifest, archive, compiled, "
                "compiler, directives, resources, versions, published_at) VALUES "
                "('core', '1.0.0', 'sha256:c0', 'Core', 'public', '{}', :archive, :compiled, 1, '[]', '{}', '{}', :at)"
            ),
            {"archive": zlib.compress(b"archive"), "compiled": b"compiled", "at": AT},
        ),
        (
            "INSERT INTO images (name, media_type, data) VALUES ('ab.png', 'image/png', :data)",
            {"data": b"picture"},
        ),
        (
            (
                "INSERT INTO organisations (slug, name, settings, demo, created_at, updated_at, revision) "
                "VALUES ('northbridge', 'Northbridge', :settings, false, :at, :at, 3)"
            ),
            {"settings": json.dumps({"packs": {"core": ">=1.0"}}), "at": AT},
        ),
        (
            (
                "INSERT INTO editions (organisation_id, digest, inputs, manifest, demo, created_at, published) "
                "VALUES (1, 'sha256:e1', :inputs, :manifest, false, :at, true)"
            ),
            {"inputs": b"inputs", "manifest": b"manifest", "at": AT},
        ),
        (
            (
                "INSERT INTO edition_releases (organisation_id, digest, pack, version) "
                "VALUES (1, 'sha256:e1', 'core', '1.0.0')"
            ),
            {},
        ),
        (
            (
                "INSERT INTO channels (organisation_id, name, public, digest, moved_at, change) "
                "VALUES (1, 'live', true, 'sha256:e1', :at, 1)"
            ),
            {"at": AT},
        ),
        (
            (
                "INSERT INTO channel_moves (organisation_id, name, from_digest, to_digest, moved_at, note) "
                "VALUES (1, 'live', NULL, 'sha256:e1', :at, 'the first')"
            ),
            {"at": AT},
        ),
        ("UPDATE counters SET value = 1 WHERE name = 'pointers'", {}),
    ]
}
"""What a release with that schema as its last one left in a database, in its own words."""
READ_BEFORE = {
    "0001": [
        (
            "SELECT organisations.id, channels.name, channels.public, channels.digest FROM organisations "
            "LEFT OUTER JOIN channels ON channels.organisation_id = organisations.id "
            "WHERE organisations.slug = 'northbridge'"
        ),
        (
            "SELECT organisations.slug, channels.organisation_id, channels.name, channels.public, channels.digest, "
            "channels.change FROM channels JOIN organisations ON organisations.id = channels.organisation_id "
            "WHERE channels.change > 0 ORDER BY channels.change"
        ),
        (
            "SELECT organisation_id, digest, inputs, manifest, demo, created_at, published FROM editions "
            "WHERE organisation_id = 1 AND digest = 'sha256:e1'"
        ),
        "SELECT compiled FROM releases WHERE pack = 'core' AND version = '1.0.0'",
        "SELECT name, media_type, data FROM images WHERE name = 'ab.png'",
        "SELECT id, slug, name, settings, demo, created_at, updated_at, revision FROM organisations",
        "SELECT value FROM counters WHERE name = 'pointers'",
    ]
}
"""What that release asks a database while it serves readers."""


@pytest.fixture
def ordinary(postgres):
    """A PostgreSQL database whose owner is no superuser, as that owner reaches it."""
    with closing(psycopg.connect(postgres("postgres"), autocommit=True)) as conn:
        conn.execute("CREATE ROLE keeper LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS")
        conn.execute("CREATE DATABASE kept OWNER keeper")
        for role in ("coachkit_organisation", "coachkit_across", "coachkit_migrations"):
            exists = conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
            if exists:  # made by the superuser of these tests, and not by the keeper
                conn.execute(f"GRANT {role} TO keeper WITH ADMIN OPTION")
        address = make_url(postgres("kept")).set(username="keeper")
        database = Database(address.render_as_string(hide_password=False))
        yield database
        database.dispose()
        conn.execute("DROP DATABASE kept WITH (FORCE)")
        conn.execute("DROP OWNED BY keeper")
        conn.execute("DROP ROLE keeper")


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request, tmp_path):
    """A database without any table, of each kind in turn."""
    if request.param == "postgres":
        yield request.getfixturevalue("ordinary")
        return
    database = Database(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    yield database
    database.dispose()


def upgraded_to(database, revision):
    with database.write(OWNER) as conn:
        config = migrate._config()  # noqa: SLF001 — there is no way but forwards to all of it
        config.attributes["connection"] = conn
        command.upgrade(config, revision)


@contextmanager
def as_before(database):
    """A transaction as the release before began it: it knows no roles."""
    with database.read(OWNER) as conn:
        yield conn


@pytest.mark.parametrize("revision", sorted(FILLED))
def test_forward_with_data(empty, revision):
    """What a release before had stored is all there after migrating, and is read by this version."""
    upgraded_to(empty, revision)
    with empty.write(OWNER) as conn:
        for statement, values in FILLED[revision]:
            conn.execute(sa.text(statement), values)
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.expected()
    with empty.read(ACROSS) as conn:
        organisation = organisations.get(conn, "northbridge")
        assert organisation is not None
        assert (organisation.revision, organisation.settings) == (3, {"packs": {"core": ">=1.0"}})
        found = channels.of_slug(conn, "northbridge")
        assert found is not None
        assert (found.id, found.reached, found.targets) == (1, (None, None), (("live", True, "sha256:e1"),))
        assert [move.note for move in channels.history(conn, 1, "live")] == ["the first"]
        assert releases.archive(conn, "core", "1.0.0") == b"archive"
    with empty.read(only(1)) as conn:
        edition = editions.get(conn, 1, "sha256:e1")
        assert edition is not None
        assert (edition.inputs, edition.manifest, edition.published) == (b"inputs", b"manifest", True)


@pytest.mark.parametrize("revision", sorted(FILLED))
def test_the_release_before_reads_on(empty, revision):
    """What the release before asks while it serves gets the same answers after migrating as before."""
    upgraded_to(empty, revision)
    with empty.write(OWNER) as conn:
        for statement, values in FILLED[revision]:
            conn.execute(sa.text(statement), values)
    with as_before(empty) as conn:
        before = [[tuple(row) for row in conn.execute(sa.text(each))] for each in READ_BEFORE[revision]]
    assert all(before)
    migrate.upgrade(empty)
    with as_before(empty) as conn:
        after = [[tuple(row) for row in conn.execute(sa.text(each))] for each in READ_BEFORE[revision]]
    assert after == before


def test_every_released_schema_is_tried():
    """Each migration but the last one is a schema that a release had."""
    (head,) = ScriptDirectory.from_config(migrate._config()).get_heads()  # noqa: SLF001
    scripts = ScriptDirectory.from_config(migrate._config()).walk_revisions()  # noqa: SLF001
    assert {each.revision for each in scripts} - {head} == set(FILLED) == set(READ_BEFORE)


def test_a_number_follows_the_last_one(empty):
    """What is stored after migrating is numbered on."""
    upgraded_to(empty, "0001")
    with empty.write(OWNER) as conn:
        for statement, values in FILLED["0001"]:
            conn.execute(sa.text(statement), values)
    migrate.upgrade(empty)
    with empty.write(ACROSS) as conn:
        assert organisations.insert(conn, "harbour", name="Harbour", settings={}, at=AT).id == 2
