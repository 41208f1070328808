"""The installation that a command works on: its settings, its database, and what its plugins offer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from coachkit import settings as settings_module
from coachkit.api import logs
from coachkit.db import migrate
from coachkit.db.database import Database
from coachkit.errors import SettingsError
from coachkit.hooks import core, manager
from coachkit.hooks.dispatch import Dispatch
from coachkit.hooks.types import ContentPack
from coachkit.settings import Settings

if TYPE_CHECKING:
    from coachkit.editions.publish import Tools


@dataclass(frozen=True)
class Installation:
    """Everything a command needs, made once."""

    settings: Settings
    database: Database
    dispatch: Dispatch

    @property
    def tools(self) -> Tools:
        """What editions and releases are made with."""
        from coachkit.editions.publish import Tools  # and all that reads packs, which many do without

        plugins = {plugin.name: plugin.version for plugin in self.dispatch.manager.plugins if not plugin.core}
        return Tools(self.dispatch.directives(), plugins)

    def packs(self) -> list[Path]:
        """The folders of every pack on offer: plugins' own, CoachKit's, and those of the settings."""
        offered = self.dispatch.collect("coachkit_content_packs", ContentPack)
        return [pack.path for _, pack in offered] + list(self.settings.packs)


def plugins(allowed: tuple[str, ...] = ()) -> Dispatch:
    """The plugins that are allowed; what they log goes to stderr."""
    logs.configure()
    return Dispatch(manager.build(allowed, [(core.NAME, core)]))


def named_plugins(names: tuple[str, ...]) -> Dispatch:
    """The plugins that an author names, where there is no installation. Raises SettingsError for unusable ones."""
    dispatch = plugins(names)
    if unusable := dispatch.manager.unusable:
        raise SettingsError("\n".join(f"The plugin {each.name} cannot be used: {each.reason}" for each in unusable))
    return dispatch


@contextmanager
def installation(
    settings: Settings | None = None, *, migrated: bool = True, patience: float = math.inf
) -> Iterator[Installation]:
    """The installation of the environment's settings. Raises SettingsError, also for a database not yet migrated.

    `patience` is how many seconds a transaction waits for the database.
    """
    settings = settings or settings_module.load()
    database = Database(settings.database_url, patience)
    try:
        if migrated:
            require_migrated(database)
        yield Installation(settings, database, plugins(settings.plugins))
    finally:
        database.dispose()


def require_migrated(database: Database) -> None:
    """Raise SettingsError for a database that is not up to date, and Unavailable for one that does not answer."""
    file = make_url(database.url).database or ""
    if database.is_sqlite and not Path(file).exists():  # which SQLite would otherwise make
        raise SettingsError(f"There is no database yet: {file} is not there; run `coachkit migrate` first")
    if migrate.current(database) != migrate.expected():
        raise SettingsError("The database is not up to date: run `coachkit migrate` first")


def now() -> datetime:
    """This moment, in UTC: the one place where commands look at the clock."""
    return datetime.now(UTC)
