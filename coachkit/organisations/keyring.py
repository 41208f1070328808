"""The keys that a process knows: which one a token is, at the cost of a look-up, and true within a second.

True in the database only: a key is loaded on first use and dropped by the poll that moves pointers. No token is kept,
but a hash of it that is keyed with a secret of the process's own. When the database is silent, known keys hold on.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from os import urandom
from typing import Final, NamedTuple
from weakref import WeakSet

import structlog
from sqlalchemy import Connection

from coachkit import process
from coachkit.db import keys as rows
from coachkit.db.database import Database
from coachkit.db.keys import Changed, KeyRow
from coachkit.db.scopes import ACROSS
from coachkit.editions.pointers import Pointers
from coachkit.errors import Unavailable
from coachkit.organisations import tokens
from coachkit.organisations.keys import Key, from_row
from coachkit.organisations.peppers import Peppers
from coachkit.organisations.tokens import Fault, Token

KEYS: Final = 10_000
"""How many keys a process knows at most: about a kilobyte each."""
NOTE_SECONDS: Final = 10.0
"""How long the first use of a key on a day waits to be written down, together with others'."""
_NAME_BYTES: Final = 16
_AT_ONCE: Final = 0.0

_log = structlog.get_logger("coachkit.organisations")


class _Rehash(NamedTuple):
    """The hash that finds a key, and the one with the newest pepper that is to find it."""

    old: str
    new: str
    pepper: str


@dataclass(slots=True, eq=False)
class _Held:
    """A key that is known. Its use goes without a word until `due`: it may have expired, or it is another day."""

    key: Key
    rehash: _Rehash | None
    due: float
    """In seconds since the epoch, as a clock that is asked each time gives them."""


class _Use(NamedTuple):
    held: _Held
    day: date


class _Known:
    """What one process knows. A child that was forked knows nothing of it: it may have changed before it watched."""

    def __init__(self) -> None:
        self.hash = blake2b(digest_size=_NAME_BYTES, key=urandom(64))
        """Names tokens: keyed already, to be copied."""
        self.recent: dict[bytes, _Held] = {}
        self.earlier: dict[bytes, _Held] = {}
        """Those that are forgotten next unless they are used."""
        self.era = object()
        """Another one as soon as a key has changed."""
        self.used: dict[str, _Use] = {}
        """What is to be written down, by the ids of keys."""
        self.timer: threading.Timer | None = None
        self.lock = threading.Lock()

    def keep(self, name: bytes, held: _Held, most: int) -> None:
        """Know a key; those used least recently are forgotten by halves. The caller has the lock."""
        if len(self.recent) >= most // 2:
            self.recent, self.earlier = {}, self.recent
        self.recent[name] = held

    def drop(self, changed: Changed) -> None:
        """Forget keys that have changed, and those that are being loaded."""
        with self.lock:
            for some in (self.recent, self.earlier):
                for name in [name for name, held in some.items() if _is_among(held.key, changed)]:
                    del some[name]
            self.era = object()


class Keyring:
    """The keys of each process that uses it. Nothing runs before the first look-up, also in a forked child."""

    def __init__(
        self, database: Database, pointers: Pointers, peppers: Peppers, clock: Callable[[], float], most: int = KEYS
    ) -> None:
        """`pointers` tells of changes; `clock` gives seconds since the epoch; at most `most` keys are known at once."""
        self._database = database
        self._pointers = pointers
        self._peppers = peppers
        self._clock = clock
        self._most = most
        self._known = _Known()
        pointers.follow(self.moved)
        process.tell(self)
        _living.add(self)

    def forked(self) -> None:
        """Called in a forked child: what its parent knew may have changed before the child watches."""
        self._known = _Known()

    def find(self, text: str) -> Key | None:
        """The key whose token a text is, if it holds now; None for whatever else it is.

        Raises Unavailable where the key is not known and the database does not answer.
        """
        known = self._known
        hashed = known.hash.copy()
        hashed.update(text.encode("ascii", "replace"))
        name = hashed.digest()
        held = known.recent.get(name) or self._not_recent(known, name, text)
        if held is None:
            return None
        now = self._clock()
        if now >= held.due and not self._is_used(known, held, datetime.fromtimestamp(now, UTC)):
            return None
        return held.key

    def moved(self, conn: Connection, before: int) -> None:
        """Forget the keys that have changed since the counter stood there; called by the poll that moves pointers."""
        changed = rows.changed_since(conn, before)
        if any(changed):
            self._known.drop(changed)

    def note_uses(self) -> None:
        """Write down on which day keys were used last, and hash those anew that an older pepper hashed.

        It is done by itself, NOTE_SECONDS after a use. Raises Unavailable; then nothing is lost.
        """
        self._note(self._known)

    def stop(self) -> None:
        """Write down what is not yet, if the database answers, and forget all keys.

        It is done by itself where a process ends in order, and no thread is left.
        """
        known, self._known = self._known, _Known()
        timer = known.timer
        if timer:
            timer.cancel()
            timer.join()
        with suppress(Unavailable):
            self._note(known)

    def _not_recent(self, known: _Known, name: bytes, text: str) -> _Held | None:
        """A key that has not been used of late, or is not known yet."""
        with known.lock:
            held = known.earlier.pop(name, None)
            if held:
                known.keep(name, held, self._most)
                return held
        token = tokens.parse(text)
        return None if isinstance(token, Fault) else self._load(known, name, token)

    def _load(self, known: _Known, name: bytes, token: Token) -> _Held | None:
        hashes = {pepper.hash(token): pepper.name for pepper in self._peppers}
        self._pointers.ensure()
        while True:
            era = known.era
            with self._database.read(ACROSS) as conn:
                row = rows.by_hashes(conn, hashes)
            held = None if row is None else _held(row, hashes)
            if held is None or not held.key.holds(datetime.fromtimestamp(self._clock(), UTC)):
                return None
            with known.lock:
                if era is known.era:  # else it may have been revoked in between: read again
                    known.keep(name, held, self._most)
                    return held

    def _is_used(self, known: _Known, held: _Held, now: datetime) -> bool:
        """Whether the key still holds; if so, its first use on a day is noted."""
        if not held.key.holds(now):
            return False
        held.due = _due(held.key, now.date())
        with known.lock:
            if held.key.id in known.used or len(known.used) < self._most:
                known.used[held.key.id] = _Use(held, now.date())
            self._write_soon(known)
        return True

    def _write_soon(self, known: _Known) -> None:
        """Have the uses written by a thread of its own, off the request's path. The caller has the lock."""
        if known.timer is None and known is self._known:
            timer = threading.Timer(NOTE_SECONDS, self._write_uses, [known])
            timer.daemon, timer.name = True, "coachkit-key-uses"
            with suppress(RuntimeError):  # no thread can be had; the next use tries again
                timer.start()
                known.timer = timer

    def _write_uses(self, known: _Known) -> None:
        try:
            self._note(known)
        except Exception as error:  # noqa: BLE001 — whatever it is, the keys hold and the next round tries again
            _log.warning("the days on which keys were used cannot be written down; trying on", exc_info=error)
        with known.lock:
            known.timer = None
            if known.used:
                self._write_soon(known)

    def _note(self, known: _Known) -> None:
        with known.lock:
            used, known.used = known.used, {}
        if not used:
            return
        try:
            with self._database.write(ACROSS) as conn:
                _write(conn, used)
        except BaseException:
            with known.lock:
                known.used = used | known.used
                self._write_soon(known)
            raise
        for use in used.values():
            use.held.rehash = None


def _stop_all() -> None:
    """Called at the process's end, a forked worker's too."""
    for keyring in tuple(_living):
        try:
            keyring.stop()
        except Exception as error:  # noqa: BLE001 — the process ends whatever it is; the keys will be used again
            _log.warning("the days on which keys were used last cannot be written down", exc_info=error)


_living: Final[WeakSet[Keyring]] = WeakSet()
atexit.register(_stop_all)


def _held(row: KeyRow, hashes: Mapping[str, str]) -> _Held:
    """A key as it was found by one of these hashes, whose first is the newest pepper's."""
    newest, pepper = next(iter(hashes.items()))
    key = from_row(row)
    if row.hash != newest:
        return _Held(key, _Rehash(row.hash, newest, pepper), _AT_ONCE)
    return _Held(key, None, _due(key, row.last_used_on) if row.last_used_on else _AT_ONCE)


def _due(key: Key, noted: date) -> float:
    """When to look again at a key whose use on a day is noted: on the next, or when it expires."""
    tomorrow = datetime.combine(noted + timedelta(days=1), time.min, UTC)
    return (tomorrow if key.expires_at is None else min(tomorrow, key.expires_at)).timestamp()


def _is_among(key: Key, changed: Changed) -> bool:
    return key.id in changed.keys or key.organisation_id in changed.organisations


def _write(conn: Connection, used: Mapping[str, _Use]) -> None:
    for day in sorted({use.day for use in used.values()}):
        rows.note_use(conn, [key_id for key_id, use in used.items() if use.day == day], day)
    for key_id, use in sorted(used.items()):
        if use.held.rehash:
            rows.rehash(conn, key_id, **use.held.rehash._asdict())
