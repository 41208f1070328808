"""Whose rows a transaction sees: on PostgreSQL the server itself keeps organisations apart."""

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.engine import make_url

from coachkit.db import channels, migrate, organisations
from coachkit.db.changes import counted
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS, MIGRATING, NOTHING, ORDINARY, OWNER, WIDE, Scope, narrow, only
from coachkit.db.tables import OF_ORGANISATIONS, audit, erasures, metadata, releases
from coachkit.db.tables import channels as channel_table
from coachkit.db.tables import organisations as organisation_table

on_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)
ERASED = {erasures.name}
"""Tables that name an organisation which is no more: the tombstones say nothing else."""


@pytest.fixture
def moved(database: Database, served, at):
    """Two organisations, each with a channel that points at its edition; their numbers by slug."""
    with database.write(ACROSS) as conn:
        for organisation_id in served.values():
            channels.move(conn, organisation_id, "live", "e1", public=True, at=at)
    return served


def count(conn, table) -> int:
    return conn.scalar(sa.select(sa.func.count()).select_from(table))


def test_every_table_of_organisations_is_known():
    """Each table that names an organisation is one whose rows are kept apart, but for the tombstones."""
    named = {table.name for table in metadata.sorted_tables if "organisation_id" in table.c}
    assert named - ERASED == set(OF_ORGANISATIONS) - {"organisations"}
    assert OF_ORGANISATIONS["organisations"] == "id"


@on_postgres
def test_walls_stand(database):
    """Row-level security is on and forced for every table with an organisation, for either role and no other."""
    with database.read(OWNER) as conn:
        flags = {
            row.relname: (row.relrowsecurity, row.relforcerowsecurity)
            for row in conn.exec_driver_sql("SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class")
        }
        policies = {
            (row.tablename, row.roles) for row in conn.exec_driver_sql("SELECT tablename, roles::text FROM pg_policies")
        }
    for table in OF_ORGANISATIONS:
        assert flags[table] == (True, True), table
        assert {roles for name, roles in policies if name == table} == {f"{{{ORDINARY}}}", f"{{{WIDE}}}"}, table


@on_postgres
def test_roles_are_ordinary(database):
    """No role of requests owns a table, logs in, or may pass row-level security by."""
    with database.read(OWNER) as conn:
        owners = set(conn.exec_driver_sql("SELECT tableowner FROM pg_tables WHERE schemaname = 'public'").scalars())
        roles = conn.exec_driver_sql(
            "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname LIKE 'coachkit%%'"
        ).all()
    assert owners == {MIGRATING}
    assert {row.rolname for row in roles} == {ORDINARY, WIDE, MIGRATING}
    assert not any(row.rolsuper or row.rolbypassrls or row.rolcanlogin for row in roles)


@on_postgres
def test_a_query_that_forgets_its_organisation(database, moved):
    """Without an organisation a transaction finds no row of any; what all share it does find."""
    with database.read() as conn:
        assert {name: count(conn, metadata.tables[name]) for name in OF_ORGANISATIONS} == dict.fromkeys(
            OF_ORGANISATIONS, 0
        )
        assert count(conn, releases) > 0


@on_postgres
def test_only_its_own(database, moved):
    """With an organisation it finds that one's rows, whatever the query forgets to ask."""
    for slug, number in moved.items():
        with database.read(only(number)) as conn:
            assert conn.scalars(sa.select(organisation_table.c.slug)).all() == [slug]
            assert set(conn.scalars(sa.select(channel_table.c.organisation_id))) == {number}


@on_postgres
def test_nobody_elses_can_be_changed(database, moved, at):
    """Another organisation's rows are not changed, not removed and not added, whatever the statement says."""
    mine, theirs = moved["northbridge"], moved["harbour"]
    with database.write(only(mine)) as conn:
        changed = conn.execute(sa.update(channel_table).values(public=False).where(sa.true()))
        assert changed.rowcount == 1
    with database.write(only(mine)) as conn:
        assert conn.execute(sa.delete(channel_table).where(channel_table.c.organisation_id == theirs)).rowcount == 0
    added = {"organisation_id": theirs, "name": "mine", "public": True, "digest": "e1", "moved_at": at, "change": 0}
    with pytest.raises(sa.exc.ProgrammingError, match="row-level security"), database.write(only(mine)) as conn:
        conn.execute(sa.insert(channel_table).values(added))
    with database.read(ACROSS) as conn:
        assert dict(conn.execute(sa.select(channel_table.c.organisation_id, channel_table.c.public)).all()) == {
            mine: False,
            theirs: True,
        }


@on_postgres
def test_releases_are_not_an_organisations_to_change(database, moved):
    """An organisation's work reads releases and never writes one."""
    with pytest.raises(sa.exc.ProgrammingError) as refused, database.write(only(moved["harbour"])) as conn:
        conn.execute(sa.delete(releases))
    assert isinstance(refused.value.orig, InsufficientPrivilege)


@on_postgres
def test_the_next_transaction_starts_anew(database, moved):
    """A scope ends with its transaction, also on a connection that is used again."""
    for scope, found in ((ACROSS, 2), (NOTHING, 0), (only(moved["harbour"]), 1), (NOTHING, 0)):
        with database.read(scope) as conn:
            assert count(conn, channel_table) == found
            told = conn.exec_driver_sql("SELECT current_user").scalar()
            assert told == scope.role


def test_narrowing(database, moved):
    """A transaction that began across organisations goes on with one."""
    with database.read(ACROSS) as conn:
        assert organisations.slugs(conn) == ("harbour", "northbridge")
        narrow(conn, only(moved["harbour"]))
        assert organisations.get(conn, "harbour") is not None
        assert (organisations.get(conn, "northbridge") is None) is not database.is_sqlite


@pytest.mark.parametrize("scope", ["ordinary", "across"])
def test_the_audit_only_grows(database, moved, at, scope):
    """No role changes an entry of the audit or takes one away."""
    mine = moved["northbridge"]
    entry = {"number": 1, "at": at, "actor": "command", "action": "a.b", "subject": "c", "hash": "sha256:0"}
    with database.write(only(mine)) as conn:
        conn.execute(sa.insert(audit).values(organisation_id=mine, **entry))
    chosen = ACROSS if scope == "across" else only(mine)
    with pytest.raises(sa.exc.DBAPIError), database.write(chosen) as conn:
        conn.execute(sa.update(audit).values(action="d.e"))
    with pytest.raises(sa.exc.DBAPIError), database.write(chosen) as conn:
        conn.execute(sa.delete(audit))
    with database.read(ACROSS) as conn:
        assert conn.scalars(sa.select(audit.c.action)).all() == ["a.b"]


def test_numbers_are_not_used_again(database, moved, at):
    """The number of an organisation that was erased is nobody's afterwards."""
    with database.write(ACROSS) as conn:
        gone = organisations.insert(conn, "gone", name="Gone", settings={}, at=at).id
        conn.execute(sa.delete(organisation_table).where(organisation_table.c.id == gone))
        conn.execute(sa.insert(erasures).values(organisation_id=gone, erased_at=at, change=0))
        assert organisations.insert(conn, "next", name="Next", settings={}, at=at).id > gone


@on_postgres
def test_who_serves_need_not_migrate(database, moved, postgres):
    """A user with the two roles of requests serves and changes nothing of the tables."""
    name = make_url(database.url).database
    with psycopg.connect(postgres("postgres"), autocommit=True) as conn:
        conn.execute("CREATE ROLE portal LOGIN NOSUPERUSER")
        conn.execute(f"GRANT {ORDINARY}, {WIDE} TO portal")
    serving = Database(make_url(postgres(name)).set(username="portal").render_as_string(hide_password=False))
    try:
        assert migrate.current(serving) == migrate.expected()
        with serving.read(only(moved["harbour"])) as conn:
            assert count(conn, channel_table) == 1
        with serving.write(ACROSS) as conn:
            assert counted(conn) == 2
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), serving.write(Scope(MIGRATING)) as conn:
            pass
        with pytest.raises(sa.exc.ProgrammingError, match="must be owner"), serving.write(OWNER) as conn:
            conn.exec_driver_sql("DROP TABLE channels CASCADE")
    finally:
        serving.dispose()
        with psycopg.connect(postgres("postgres"), autocommit=True) as conn:
            conn.execute("DROP ROLE portal")
