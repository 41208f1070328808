"""What each organisation's channels point at, known in this process and kept true by polling the database.

True in the database only: a move raises a counter there, every process sees it within POLL_SECONDS and a query,
and reads what moved. When the database is silent the last known pointers serve, and `stale` says so.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from coachkit.db import channels, organisations
from coachkit.db import editions as rows
from coachkit.db.database import Database
from coachkit.db.watch import Watch
from coachkit.editions import inputs

POLL_SECONDS = 0.25
STALE_AFTER_SECONDS = 1.0
EDITIONS = 20_000
"""How many editions' heads are kept in mind: about 1 KB each."""


@dataclass(frozen=True)
class Served:
    """An edition as the way to it needs it: which locales it serves, and which plugins its organisation enabled."""

    organisation: str
    organisation_id: int
    digest: str
    default_locale: str
    locales: tuple[str, ...]
    plugins: Mapping[str, str]
    """Name → the version with which the edition was made."""
    public: bool
    """Whether a public channel has ever pointed at it, so that its own address answers."""


@dataclass(frozen=True)
class _Channel:
    digest: str
    public: bool


class Pointers:
    """The pointers of one process. Nothing runs before the first look-up, so nothing is shared across a fork."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watch = Watch(database, interval=POLL_SECONDS, on_change=self._moved)
        self._channels: dict[str, dict[str, _Channel]] = {}
        self._ids: dict[str, int] = {}
        self._editions: OrderedDict[tuple[str, str], Served] = OrderedDict()
        self._moves_seen = 0
        self._lock = threading.Lock()

    def channel(self, organisation: str, name: str) -> Served | None:
        """The edition that a public channel of an organisation points at; None where there is none to be seen."""
        channel = self._known(organisation).get(name)
        if channel is None or not channel.public:
            return None
        return self._edition(organisation, channel.digest)

    def edition(self, organisation: str, digest: str) -> Served | None:
        """An edition by its digest, if a public channel has ever pointed at it."""
        self._known(organisation)
        served = self._edition(organisation, digest)
        return served if served and served.public else None

    @property
    def stale(self) -> bool:
        """Whether the database has been silent for so long that a move may have been missed."""
        silent = self._watch.silent_since
        return silent is not None and time.monotonic() - silent > STALE_AFTER_SECONDS

    def stop(self) -> None:
        """End the polling thread of this process, if it runs."""
        self._watch.stop()

    def _known(self, organisation: str) -> Mapping[str, _Channel]:
        self._watch.ensure()
        known = self._channels.get(organisation)
        if known is not None:
            return known
        while True:
            moves_seen = self._moves_seen
            with self._database.read() as conn:
                row = organisations.get(conn, organisation)
                if row is None:
                    return {}
                found = channels.of_organisation(conn, row.id)
            with self._lock:
                if moves_seen == self._moves_seen:  # else one that came in between may be missing: read again
                    self._ids[organisation] = row.id
                    known = {each.name: _Channel(each.digest, each.public) for each in found}
                    return self._channels.setdefault(organisation, known)

    def _edition(self, organisation: str, digest: str) -> Served | None:
        with self._lock:
            served = self._editions.get((organisation, digest))
            if served:
                self._editions.move_to_end((organisation, digest))
                return served
            organisation_id = self._ids.get(organisation)
        if organisation_id is None:
            return None
        with self._database.read() as conn:
            served = _load(conn, organisation, organisation_id, digest)
        if served and served.public:
            with self._lock:
                self._editions[organisation, digest] = served
                while len(self._editions) > EDITIONS:
                    self._editions.popitem(last=False)
        return served

    def _moved(self, before: int, after: int) -> None:
        """Called by the watch: read where the channels that moved point now, for all organisations in one query."""
        del after
        with self._database.read() as conn:
            moves = channels.moved_since(conn, before)
        with self._lock:
            self._moves_seen += 1
            for move in moves:
                if move.organisation in self._channels:
                    known = self._channels[move.organisation]
                    self._channels[move.organisation] = {**known, move.name: _Channel(move.digest, move.public)}


def _load(conn: Connection, organisation: str, organisation_id: int, digest: str) -> Served | None:
    row = rows.get(conn, organisation_id, digest)
    if row is None:
        return None
    parsed = inputs.parse(row.inputs)
    default = parsed.settings["default_locale"]
    return Served(
        organisation=organisation,
        organisation_id=organisation_id,
        digest=digest,
        default_locale=default,
        locales=(default, *sorted(set(parsed.settings["locales"]) - {default})),
        plugins={each.name: each.version for each in parsed.plugins},
        public=row.published,
    )
