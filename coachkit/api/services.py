"""What the views work with: made once an application, in `app.py`, and found through Flask's own registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

import flask

from coachkit.api.access import Gate
from coachkit.api.limiting import Limits
from coachkit.api.reading import FAILED, READING, Reader, Reading
from coachkit.api.routes import Routes
from coachkit.api.smorest import Api
from coachkit.cache.store import MemoryStore
from coachkit.db.database import Database
from coachkit.editions.edition import Edition
from coachkit.editions.library import Library
from coachkit.editions.pointers import Pointers
from coachkit.editions.publish import Tools
from coachkit.hooks.dispatch import Dispatch
from coachkit.organisations.keyring import Keyring
from coachkit.organisations.peppers import Peppers
from coachkit.organisations.quotas import Quotas
from coachkit.search.shelf import Shelf
from coachkit.settings import Settings

if TYPE_CHECKING:
    from coachkit.cache.shared import SharedStore

EXTENSION = "coachkit"


@dataclass
class Services:
    """The working parts of one application. `routes` is set once every blueprint is registered."""

    database: Database
    library: Library
    pointers: Pointers
    reader: Reader
    dispatch: Dispatch
    secret: bytes
    api: Api
    keyring: Keyring
    gate: Gate
    tools: Tools
    """What editions are made with."""
    quotas: Quotas
    peppers: Peppers
    settings: Settings
    limits: Limits
    store: MemoryStore
    """Where each process keeps answers."""
    indexes: Shelf
    shared: SharedStore | None = None
    """Where this installation has Redis."""
    routes: Routes | None = None


class Asking(NamedTuple):
    """A reading request as whoever answers it needs it, inside Flask and in the fast lane."""

    services: Services
    reading: Reading
    if_none_match: str | None

    @property
    def edition(self) -> Edition:
        """The edition that it is answered from."""
        served = self.reading.served
        return self.services.library.edition(served.organisation_id, served.organisation, served.digest)


def services() -> Services:
    """Those of the application that is answering."""
    return cast("Services", flask.current_app.extensions[EXTENSION])


def reading() -> Reading:
    """The reading request that is being answered: as the fast lane settled it, or settled now, or refused."""
    if failed := flask.request.environ.get(FAILED):
        raise failed
    settled = flask.request.environ.get(READING)
    if settled is None:
        routes = services().routes
        matched = routes.match(flask.request.path) if routes else None
        if matched is None:
            raise RuntimeError(f"{flask.request.endpoint} is read but has not declared itself cacheable")
        route, values = matched
        query = list(flask.request.args.items(multi=True))
        settled = services().reader.settle(route.declared, values, query, flask.request.environ)
    return cast("Reading", settled)


def asking(request: Reading) -> Asking:
    """A reading request with what Flask knows of it."""
    return Asking(services(), request, flask.request.headers.get("If-None-Match"))


def edition_of(request: Reading) -> Edition:
    """The edition that a reading request is answered from."""
    return asking(request).edition
