"""What each organisation's channels point at, known in this process and kept true by polling the database.

True in the database only: a move raises a counter there, every process sees it within POLL_SECONDS and a query,
and reads what moved. When the database is silent the last known pointers serve, and `stale` says so.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from coachkit import process
from coachkit.db import channels, erasures, organisations
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.db.watch import Watch
from coachkit.editions import inputs
from coachkit.editions.access import OPEN, Access, from_stored
from coachkit.editions.library import Library

POLL_SECONDS = 0.25
STALE_AFTER_SECONDS = 1.0
EDITIONS = 20_000
"""How many editions' heads are kept in mind: about 500 bytes each."""
SHAPES = 1_024
"""How many shapes are kept to be shared."""
Follower = Callable[[Connection, int], None]
"""Called with a transaction ACROSS and the counter of changes as it was, to read what has changed since."""

Forgetter = Callable[[str], object]
"""Called with the slug of an organisation that is erased, once nobody is led to it any more; it must not raise."""


@dataclass(frozen=True, eq=False)
class Shape:
    """What decides how requests for an edition are answered. Editions that have it alike share the object."""

    default_locale: str
    locales: tuple[str, ...]
    plugins: Mapping[str, str]
    """Name → the version with which the edition was made, in the organisation's order."""
    render: int
    """The render number with which it was made."""
    access: Access = OPEN
    """Who may read it now; what the organisation says of that holds for all its editions."""
    ways: dict[Any, Any] = field(default_factory=dict, repr=False)
    """What requests came to, kept by those who settle them."""


class Served(NamedTuple):
    """An edition as the way to it needs it: whose it is, and which locales and plugins it serves with."""

    organisation: str
    organisation_id: int
    digest: str
    shape: Shape


class _Channel(NamedTuple):
    digest: str
    public: bool


class _Known:
    """What one process knows. A child that was forked knows nothing of it: it may have moved before it watched."""

    def __init__(self) -> None:
        self.channels: dict[str, dict[str, _Channel]] = {}
        self.ids: dict[str, int] = {}
        self.access: dict[str, Access] = {}
        self.editions: OrderedDict[tuple[str, str], Served] = OrderedDict()
        self.leading: dict[tuple[str, str], Served] = {}
        """Where public channels lead; another one as soon as one has moved."""
        self.shapes: dict[Any, Shape] = {}
        self.erased: set[str] = set()
        """Organisations of which others in this process may still have something."""
        self.lock = threading.Lock()

    def forget(self, erased: Collection[int]) -> None:
        """Forget organisations by their numbers: their slugs may be others' by now. The lock is the caller's."""
        for slug in [slug for slug, number in self.ids.items() if number in erased]:
            for known in (self.ids, self.channels, self.access):
                known.pop(slug, None)
            self.erased.add(slug)
        for key in [key for key, served in self.editions.items() if served.organisation_id in erased]:
            del self.editions[key]
        if erased:
            self.shapes = {}

    def shared(self, shape: Shape) -> Shape:
        """A shape, or the one like it that others have."""
        like = (shape.default_locale, shape.locales, tuple(shape.plugins.items()), shape.render, shape.access)
        if like not in self.shapes and len(self.shapes) >= SHAPES:
            self.shapes.clear()
        return self.shapes.setdefault(like, shape)

    def read(self, others: Mapping[str, organisations.Reached]) -> None:
        """Know how readers come to organisations where that has changed. The caller has the lock."""
        for organisation, reached in others.items():
            if organisation in self.access:
                self.access[organisation] = from_stored(*reached)
                for key in [each for each in self.editions if each[0] == organisation]:
                    del self.editions[key]

    def move(self, moves: Iterable[channels.Pointer]) -> None:
        """Know where channels that have moved point. The caller has the lock."""
        for move in moves:
            if move.organisation in self.channels:
                pointing = self.channels[move.organisation]
                self.channels[move.organisation] = {**pointing, move.name: _Channel(move.digest, move.public)}
        self.leading = {}  # last: whoever sees it sees where the channels point now


class Pointers:
    """The pointers of each process that uses it. Nothing runs before the first look-up, also in a forked child."""

    def __init__(self, database: Database, library: Library, on_round: Callable[[], None] = lambda: None) -> None:
        """`on_round` is called in each process at every look at the database, by the thread that looks."""
        self._database = database
        self._library = library
        self._watch = Watch(database, interval=POLL_SECONDS, on_change=self._moved, on_round=on_round)
        self.are_stale = partial(self._watch.silent_for, STALE_AFTER_SECONDS)
        """Whether the database has been silent for so long that a move may have been missed."""
        self._followers: list[Follower] = []
        self._forgetters: list[Forgetter] = []
        self._known = _Known()
        process.tell(self)

    def follow(self, follower: Follower) -> None:
        """Let somebody else drop what has changed, in each process, when the counter is higher than it was.

        One that raises is called again, with the same counter, and so are all others.
        """
        self._followers.append(follower)

    def on_erased(self, forgetter: Forgetter) -> None:
        """Let somebody else drop what is kept of an organisation, in each process, when it is erased."""
        self._forgetters.append(forgetter)

    def ensure(self) -> None:
        """See that this process watches; a follower calls it before it reads what it is going to keep."""
        self._watch.ensure()

    def forked(self) -> None:
        """Called in a forked child: what its parent knew may have moved before the child watches."""
        self._known = _Known()

    def channel(self, organisation: str, name: str) -> Served | None:
        """The edition that a public channel of an organisation points at; None where there is none to be seen."""
        found = self.leads(organisation, name)
        if found is not None:
            return found
        leading = self._known.leading  # before the channels are looked at: one that moves meanwhile leaves it behind
        channel = self._channels(organisation).get(name)
        if channel is None or not channel.public:
            return None
        served = self._edition(organisation, channel.digest)
        if served is not None:
            if len(leading) >= EDITIONS:
                leading.clear()
            leading[organisation, name] = served
        return served

    def leads(self, organisation: str, name: str) -> Served | None:
        """The same where it is known already, at the cost of a look-up; else None, whatever is true."""
        return self._known.leading.get((organisation, name))

    def edition(self, organisation: str, digest: str) -> Served | None:
        """An edition by its digest, if a public channel has ever pointed at it."""
        self._channels(organisation)
        return self._edition(organisation, digest)

    def unpublished(self, organisation: str, digest: str) -> Served | None:
        """An edition by its digest, whether or not a channel has ever pointed at it: for whoever may see that."""
        organisation_id, access = self.number(organisation), self.access(organisation)
        stored = None if organisation_id is None else self._library.stored(organisation_id, digest)
        if organisation_id is None or access is None or stored is None:
            return None
        return Served(
            organisation, organisation_id, digest, self._known.shared(_shape(inputs.parse(stored.inputs), access))
        )

    def access(self, organisation: str) -> Access | None:
        """Who may read what an organisation serves; None where there is no such organisation."""
        self._channels(organisation)
        return self._known.access.get(organisation)

    def number(self, organisation: str) -> int | None:
        """The number of the organisation of that slug; None where there is none."""
        self._channels(organisation)
        return self._known.ids.get(organisation)

    def stop(self) -> None:
        """End the polling thread of this process, if it runs, and forget what it kept fresh."""
        self._watch.stop()
        self._known = _Known()

    def _channels(self, organisation: str) -> Mapping[str, _Channel]:
        self._watch.ensure()
        known = self._known
        pointing = known.channels.get(organisation)
        if pointing is not None:
            return pointing
        while True:
            leading = known.leading
            with self._database.read(ACROSS) as conn:
                found = channels.of_slug(conn, organisation)
            if found is None:
                return {}
            with known.lock:
                if leading is known.leading:  # else one that came in between may be missing: read again
                    known.ids[organisation] = found.id
                    known.access[organisation] = from_stored(*found.reached)
                    pointing = {each.name: _Channel(each.digest, each.public) for each in found.targets}
                    return known.channels.setdefault(organisation, pointing)

    def _edition(self, organisation: str, digest: str) -> Served | None:
        known = self._known
        while True:
            with known.lock:
                organisation_id, access = known.ids.get(organisation), known.access.get(organisation, OPEN)
                served = known.editions.get((organisation, digest))
                if served and served.organisation_id == organisation_id:
                    known.editions.move_to_end((organisation, digest))
                    return served
            if organisation_id is None:
                return None
            stored = self._library.published(organisation_id, digest)
            if stored is None:
                return None
            shape = _shape(inputs.parse(stored.inputs), access)
            with known.lock:
                if access == known.access.get(organisation, OPEN):  # else it has changed since: look again
                    served = Served(organisation, organisation_id, digest, known.shared(shape))
                    known.editions[organisation, digest] = served
                    while len(known.editions) > EDITIONS:
                        known.editions.popitem(last=False)
                    return served

    def _moved(self, before: int, after: int) -> None:
        """Called by the watch: read where the channels that moved point now, for all organisations in one query."""
        del after
        known = self._known
        with self._database.read(ACROSS) as conn:
            moves = channels.moved_since(conn, before)
            others = organisations.reached_since(conn, before)
            erased = erasures.since(conn, before)
            with known.lock:
                known.forget(erased)
                known.read(others)
                known.move(moves)
            for follower in self._followers:
                follower(conn, before)
            if erased:
                self._library.forget(conn, erased)
        self._forget(known)

    def _forget(self, known: _Known) -> None:
        """Let others drop what they have of those that are erased, here where nobody is led to them any more."""
        for slug in sorted(known.erased):
            for forgetter in self._forgetters:
                forgetter(slug)
            known.erased.discard(slug)


def _shape(parsed: inputs.Inputs, access: Access) -> Shape:
    default = parsed.settings["default_locale"]
    return Shape(
        default_locale=default,
        locales=(default, *sorted(set(parsed.settings["locales"]) - {default})),
        plugins={each.name: each.version for each in parsed.plugins},
        render=parsed.render,
        access=access,
    )
