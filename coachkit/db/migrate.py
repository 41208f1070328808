"""Brings a database's tables to the shape this version of CoachKit works with.

A migration is a file of `migrations/versions`, written by hand, named by its number; it imports nothing of ours,
so it does the same for ever. There is no way down: a backup is.

Every command and every worker asks which number a database is at. That needs no Alembic, which takes a sixth of a
second to import, so it is imported to migrate, and not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect

from coachkit.db.database import Database
from coachkit.db.scopes import MIGRATING, OWNER, Scope, narrow
from coachkit.errors import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER: Final = Path(__file__).with_name("migrations")
_NUMBERED: Final = "[0-9][0-9][0-9][0-9]_*.py"
_TABLE: Final = "alembic_version"
_LOCK: Final = 0x636F616368  # "coach": the number of PostgreSQL's advisory lock that migrations take


def upgrade(database: Database) -> None:
    """Bring the database up to date, all of it or nothing; one that is up to date is not touched.

    Any number of processes may call this at once: one migrates, the others wait as for any lock. Raises SettingsError
    if a newer CoachKit has migrated the database already, Unavailable if it does not answer.
    """
    if current(database) == expected():
        return
    with database.write(OWNER) as conn:
        if not database.is_sqlite:
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            _own(conn)
        _refuse_newer(_revision(conn))
        _upgrade(conn)


def current(database: Database) -> str | None:
    """The number of the last migration the database has had; None before the first."""
    with database.read(OWNER) as conn:
        return _revision(conn)


def expected() -> str:
    """The number of the last migration that this version of CoachKit has."""
    return max(_known())


def _known() -> set[str]:
    return {file.name.partition("_")[0] for file in (_FOLDER / "versions").glob(_NUMBERED)}


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table(_TABLE):
        return None
    number: str | None = conn.exec_driver_sql(f"SELECT version_num FROM {_TABLE}").scalar()  # noqa: S608 a constant
    return number


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in _known():
        raise SettingsError(
            f"A newer CoachKit has changed this database (migration {revision}; this one knows up to {expected()}): "
            "install that version, or restore a backup made before it"
        )


def _own(conn: Connection) -> None:
    """Migrate as the role that owns the tables, once they are its own."""
    owner = conn.exec_driver_sql(f"SELECT tableowner FROM pg_tables WHERE tablename = '{_TABLE}'").scalar()  # noqa: S608 the same
    if owner == MIGRATING:
        narrow(conn, Scope(MIGRATING))


def _upgrade(conn: Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


def _config() -> Config:
    """Alembic's configuration without an ini file; it reads a percent sign as the start of a variable."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config
