from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from coachkit.db import migrate
from coachkit.db.changes import counted
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS, OWNER
from coachkit.db.tables import metadata
from coachkit.errors import SettingsError


def test_tables_agree(database):
    """The tables that the migrations make are those that the queries are written against."""
    with database.read(ACROSS) as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []


def test_current(database):
    """A migrated database is at the number that this version expects."""
    assert migrate.current(database) == migrate.expected()


def test_expected_is_the_last():
    """The number that is read off the files' names is that of the migration which Alembic does last."""
    assert migrate.expected() == ScriptDirectory.from_config(migrate._config()).get_current_head()  # noqa: SLF001


def test_again_changes_nothing(database):
    """Migrating a database that is up to date leaves it as it is."""
    migrate.upgrade(database)
    with database.read(ACROSS) as conn:
        assert counted(conn) == 0


def test_new_file_has_no_number(tmp_path):
    """A database that was never migrated has no number yet."""
    database = Database(f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert migrate.current(database) is None
    database.dispose()


def test_percent_sign_in_path(tmp_path, monkeypatch):
    """CoachKit may be installed in a folder with a percent sign in its name."""
    copy = tmp_path / "100% %(here)s" / "migrations"
    copy.parent.mkdir()
    copy.symlink_to(Path(migrate.__file__).with_name("migrations"), target_is_directory=True)
    monkeypatch.setattr(migrate, "_FOLDER", copy)
    assert migrate.expected() == ScriptDirectory.from_config(migrate._config()).get_current_head() == "0002"  # noqa: SLF001


def test_all_at_once(database):
    """Processes that start together on a new database all find it migrated, and one of them did it."""
    if database.is_sqlite:
        url = database.url.replace("coachkit.sqlite", "new.sqlite")
    else:
        url = database.url
        with database.write(OWNER) as conn:
            conn.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    databases = [Database(url) for _ in range(8)]
    with ThreadPoolExecutor(len(databases)) as pool:
        list(pool.map(migrate.upgrade, databases))
    with databases[0].read(ACROSS) as conn:
        assert counted(conn) == 0
    for each in databases:
        each.dispose()


def test_newer_database_is_refused(database):
    """A database that a newer CoachKit has migrated is refused with both numbers, and with what to do."""
    with database.write(OWNER) as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match=r"migration 9999; this one knows up to 0002.*install that version"):
        migrate.upgrade(database)
