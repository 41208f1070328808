"""The store that all processes share, in Redis: a help under the process's own store, and never a need.

Every frame is sealed: what does not prove to be ours, under that key and for that organisation, is a miss and is
dropped. Whatever goes wrong is a miss too; where nothing answers a few times in a row, nobody asks for a while. Knows
nothing of HTTP.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from redis.exceptions import ResponseError

from coachkit.cache.breaker import Breaker
from coachkit.cache.frames import Frame, seal, unseal
from coachkit.cache.link import Command, Link, LinkError, Reply

EXCHANGE_SECONDS: Final = 0.05
"""The longest that one exchange may take, connecting included."""
ERRAND_SECONDS: Final = 0.09
"""The longest that a request may spend on all its exchanges, beside waiting for another to render."""
LEASE_SECONDS: Final = 2.0
"""The longest that one worker has a render to itself."""
WAIT_SECONDS: Final = 0.7
"""The longest that another waits for it: what it waits for may itself be waiting, for a database that is silent."""
KEPT_SECONDS: Final = 86_400
PROBE_SECONDS: Final = 10
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a sealed frame; larger ones stay in the process that made them."""
FAULT_SHOWS_SECONDS: Final = 3.0
"""For how long a fault is told by `trouble`."""
_POLLS: Final = (0.01, 0.02, 0.04)
"""Seconds between two looks at what another worker is rendering; the last one again and again."""

PREFIX: Final = b"ck:"
"""How the names of everything in Redis begin."""

_LEASED: Final = b"1"

_log = structlog.get_logger("coachkit.cache")


def beginning(secret: bytes, organisation: str) -> bytes:
    """How the names of all that is kept for an organisation begin, whichever version keeps it."""
    digest = hashlib.blake2b(organisation.encode(), digest_size=8, key=secret, person=b"coachkit org")
    return PREFIX + digest.hexdigest().encode() + b":"


@dataclass(frozen=True)
class _Fault:
    """What went wrong last, and when on the monotonic clock."""

    kind: str
    at: float


class SharedStore:
    """Frames in Redis. Safe to share between threads and across a fork.

    `secret` (16 to 64 bytes) seals the frames and hides their keys; `namespace` keeps apart what must not meet, such as
    the answers of another version of the code. `on_fault(kind)` is told of each fault, for the metrics.
    """

    def __init__(self, link: Link, secret: bytes, namespace: str, on_fault: Callable[[str], None]) -> None:
        self._link = link
        self._secret = secret
        self._namespace = namespace.encode()
        self._on_fault = on_fault
        self._breaker = Breaker(on_open=self._opened, on_close=self._closed)
        self._last_fault: _Fault | None = None

    def errand(self, key: str, organisation: str) -> Errand:
        """What one request does here about one key."""
        return Errand(self, key, organisation)

    def trouble(self) -> str | None:
        """What is wrong with Redis at this moment, tried with a value written and read back; None if nothing is."""
        return self._recent_fault() or self._tried()

    def _recent_fault(self) -> str | None:
        fault = self._last_fault
        return fault.kind if fault and time.monotonic() - fault.at < FAULT_SHOWS_SECONDS else None

    def _tried(self) -> str | None:
        probe = Frame(f"probe {os.urandom(8).hex()}", "", 200, (), b"")
        errand = self.errand(probe.key, probe.organisation)
        errand.put(probe, PROBE_SECONDS)
        kept = errand.get() is not None
        return self._recent_fault() or (None if kept else "NotKept")

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        self._link.drop()

    # --- for errands and limits -----------------------------------------------------------------

    def name(self, key: str, organisation: str | None = None) -> bytes:
        """What a key is called in Redis: nothing can be read from it, and no other installation has it.

        With an organisation's slug, the name begins as all of that organisation's do.
        """
        data = self._namespace + b"\n" + key.encode()
        digest = hashlib.blake2b(data, digest_size=20, key=self._secret, person=b"coachkit key")
        return (beginning(self._secret, organisation) if organisation else PREFIX) + digest.hexdigest().encode()

    def exchange(self, commands: tuple[Command, ...], seconds: float = EXCHANGE_SECONDS) -> list[Reply] | None:
        """The replies, an error among them counted as a fault; None where Redis is not asked or does not answer."""
        if not self._breaker.allows():
            return None
        try:
            replies = self._link.exchange(commands, min(seconds, EXCHANGE_SECONDS))
        except LinkError as error:
            self._fault(str(error))
            self._breaker.failed()
            return None
        self._breaker.succeeded()
        for reply in replies:
            if isinstance(reply, ResponseError):
                self._fault(type(reply).__name__)
        return replies

    def unsealed(self, reply: Reply, key: str, organisation: str) -> Frame | None:
        """The frame that a reply is; what is no frame of ours is a fault."""
        if reply is None or isinstance(reply, ResponseError):
            return None
        if isinstance(reply, bytes):
            frame = unseal(reply, key=key, organisation=organisation, secret=self._secret)
            if frame is not None:
                return frame
        self.distrust(reply)
        return None

    def distrust(self, reply: Reply) -> None:
        """Say that a reply is none that could be: it may not be the answer to what was asked, nor may the next one."""
        if isinstance(reply, ResponseError):
            return  # which was counted when it came
        self._link.drop()
        self._fault("NotOurs")

    def seal(self, frame: Frame) -> bytes | None:
        """The frame as bytes to keep; None for one that is too large."""
        sealed = seal(frame, self._secret)
        return sealed if len(sealed) <= LARGEST else None

    def _fault(self, kind: str) -> None:
        self._last_fault = _Fault(kind, time.monotonic())
        self._on_fault(kind)

    def _opened(self) -> None:
        fault = self._last_fault
        _log.warning("Redis is not used; trying on", reason=fault.kind if fault else None)

    def _closed(self) -> None:
        _log.info("Redis is used again")


class Errand:
    """What one request does about one key, within ERRAND_SECONDS; after a fault it asks nothing more."""

    def __init__(self, store: SharedStore, key: str, organisation: str) -> None:
        self._store = store
        self._key = key
        self._organisation = organisation
        self._name = store.name(key, organisation)
        self._lease_name = self._name + b":l"
        self._left = ERRAND_SECONDS
        self._leased_until = 0.0
        self._doubtful = False
        """Whether something was said that cannot be the frame: then nothing comes of waiting for another."""

    @property
    def over(self) -> bool:
        """Whether there was a fault, or no time is left: nothing is asked or kept any more."""
        return self._left <= 0

    def get(self) -> Frame | None:
        """The frame that is kept under the key; None where there is none that proves to be ours."""
        replies = self._exchange(("GET", self._name))
        return self._frame(replies[0]) if replies else None

    def _frame(self, reply: Reply) -> Frame | None:
        frame = self._store.unsealed(reply, self._key, self._organisation)
        self._doubtful = frame is None and reply is not None
        return frame

    def wait(self) -> Frame | None:
        """The frame, if another worker is rendering it and keeps it in time; None for whoever is to render it.

        One worker is told None at once and has LEASE_SECONDS to `put` the frame or to `leave`; then the next is told,
        and after WAIT_SECONDS everybody. None is told too where what is said cannot be the frame, and where nobody has
        the render although it is not to be had, twice in a row.
        """
        ends = time.monotonic() + WAIT_SECONDS
        polls = iter(_POLLS)
        pause = 0.0
        held = True
        while time.monotonic() < ends and not self._doubtful:
            asked_at = time.monotonic()
            # the lease first: where it is free because another has just put the frame, the frame is seen
            replies = self._exchange(self._lease(), ("GET", self._lease_name), ("GET", self._name))
            if replies is None:
                return None
            if isinstance(replies[0], ResponseError):
                self._left = 0  # what may not write a lease may not write a frame
                return None
            leased = replies[0] is not None
            if leased:
                self._leased_until = asked_at + LEASE_SECONDS
            frame = self._frame(replies[2])
            if frame or leased:
                return frame
            held, was_held = replies[1] == _LEASED, held
            if self._doubtful or not (held or was_held):
                return None
            self._left = ERRAND_SECONDS  # it answers: the wait is for the other worker
            pause = next(polls, pause)
            time.sleep(pause)
        return None

    def put(self, frame: Frame, seconds: int = KEPT_SECONDS) -> None:
        """Keep the frame for some seconds, and let those who wait look."""
        sealed = self._store.seal(frame)
        if sealed is not None:
            self._exchange(("SET", self._name, sealed, "EX", seconds), *self._release())

    def leave(self) -> None:
        """Let another worker render, where this one was to and did not."""
        if release := self._release():
            self._exchange(*release)

    def _lease(self) -> Command:
        return ("SET", self._lease_name, _LEASED, "NX", "PX", int(LEASE_SECONDS * 1000))

    def _release(self) -> tuple[Command, ...]:
        """What gives back the lease, once, while there is one: after its time it may be another's."""
        until, self._leased_until = self._leased_until, 0.0
        return (("DEL", self._lease_name),) if time.monotonic() < until else ()

    def _exchange(self, *commands: Command) -> list[Reply] | None:
        if self.over:
            return None
        began = time.monotonic()
        replies = self._store.exchange(commands, self._left)
        self._left = 0 if replies is None else self._left - (time.monotonic() - began)
        return replies
