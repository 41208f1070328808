"""How many requests are answered in which time: every limit there is, and what callers are told of it.

Callers are told by the fields of draft-ietf-httpapi-ratelimit-headers, `RateLimit-Policy` and `RateLimit`, and by 429
with `Retry-After`. Who a caller is, whoever asks here says: a text of their choosing. One that must not leave this
process, such as a client's address, is counted with `spend`, which asks nobody.

    charge(services().limits.writes, who.caller)     # in a view: raises TooManyRequests, or Unavailable

    standing = limits.reads.spend(who.caller)        # in the fast lane: in process, and never raises
    if not standing.granted:
        raise limits.reads.refusal(standing)
    headers += limits.reads.fields(standing)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final, Literal

import flask

from coachkit.cache.limits import Buckets, Standing, recorded, share, whole
from coachkit.errors import TooManyRequests, Unavailable
from coachkit.settings import Settings

if TYPE_CHECKING:
    from coachkit.cache.shared_limits import SharedCounts

_TOLD: Final = "coachkit_limits"
MOST: Final = 8_192
"""Callers of a limit that a process holds at once."""

Headers = tuple[tuple[str, str], ...]
Counted = Literal["each process", "redis, or process", "redis, or database"]
"""Where it is counted: for itself in each process, which has twice its share; or exactly in Redis, and where none is
configured in the process, or by what the database records."""
Silent = Literal["open", "closed", "no matter"]
"""What follows while Redis is configured and silent: each process counts for itself, or nobody is let through."""
Recorded = Callable[[datetime], Iterable[datetime]]
"""When it was done before, since a moment: as the database has it."""


@dataclass(frozen=True)
class Policy:
    """A limit: what is counted, of whom, in how many seconds, and the setting that says how many."""

    name: str
    what: str
    whose: str
    seconds: int
    setting: str
    counted: Counted
    silent: Silent


READS: Final = Policy("read", "kept answers", "key", 60, "limit_reads", "each process", "no matter")
MISSES: Final = Policy("miss", "answers made anew", "caller", 60, "limit_misses", "redis, or process", "open")
KEYLESS: Final = Policy(
    "keyless", "answers made anew without a key", "organisation", 60, "limit_keyless", "each process", "no matter"
)
WRITES: Final = Policy("write", "changes", "key", 60, "limit_writes", "redis, or process", "open")
KEY_CREATIONS: Final = Policy(
    "key-creation", "new keys", "organisation", 3_600, "limit_key_creations", "redis, or database", "closed"
)
FAILED_KEYS: Final = Policy(
    "failed-key", "keys that do not hold", "client address", 60, "limit_failed_keys", "each process", "no matter"
)
POLICIES: Final = (READS, MISSES, KEYLESS, WRITES, KEY_CREATIONS, FAILED_KEYS)
"""Every limit that there is."""


class Limit:
    """One limit as this process keeps it: `quota` in `policy.seconds` for each caller."""

    def __init__(self, policy: Policy, quota: int, processes: int, shared: SharedCounts | None) -> None:
        """`processes` is how many of them count, where each does for itself; `shared` is None without Redis."""
        mine = share(quota, processes) if policy.counted == "each process" else quota
        buckets = Buckets(mine, policy.seconds, MOST)
        self.policy: Final = policy
        self.quota: Final = quota
        self.spend: Final = buckets.spend
        """Take one of the caller's, counted in this process alone: fast, and never raises."""
        self._mine = mine
        self._shared = None if policy.counted == "each process" else shared
        self._named = f'"{policy.name}"'
        self._stated = ("RateLimit-Policy", f"{self._named};q={quota};w={policy.seconds}")

    def require(self, caller: str, done: Recorded | None = None) -> Headers:
        """Take one of the caller's, and give the fields for the answer.

        Counted in Redis where there is one. Where none is configured `done` says when it was done before, and without
        that this process counts. Raises TooManyRequests if none is left, Unavailable if Redis is silent and the limit
        closed.
        """
        standing = self._standing(caller, done)
        if not standing.granted:
            raise self.refusal(standing)
        return self.fields(standing)

    def confirm(self, done: Recorded) -> None:
        """Look again, in the transaction in which it was done: others may have done it since `require`.

        Where the database counts, `done` has what this transaction did too. Raises TooManyRequests if that was one too
        many, which undoes it. Redis has counted for all at once.
        """
        if self._shared is None:
            standing = self._recorded(done, self.quota + 1)
            if not standing.granted:
                raise self.refusal(standing)

    def fields(self, standing: Standing) -> Headers:
        """The RateLimit fields of an answer; a process with a share tells what is left of it as a part of the whole."""
        left = standing.left * self.quota // self._mine
        return self._stated, ("RateLimit", f"{self._named};r={left};t={whole(standing.wait)}")

    def refusal(self, standing: Standing) -> TooManyRequests:
        """What a caller hears that has none left: when to come again, and the fields."""
        policy, seconds = self.policy, whole(standing.wait)
        detail = f"At most {self.quota:,} {policy.what} in {_time(policy.seconds)} for one {policy.whose}"
        headers = {"Retry-After": str(seconds), **dict(self.fields(standing))}
        return TooManyRequests(f"{detail}; come again in {_time(seconds)}.", headers=headers)

    def _standing(self, caller: str, done: Recorded | None) -> Standing:
        if self._shared is None:
            return self.spend(caller) if done is None else self._recorded(done, self.quota)
        standing = self._shared.spend(self.policy.name, caller, self.quota, self.policy.seconds)
        if standing is not None:
            return standing
        if self.policy.silent == "closed":
            raise Unavailable("What counts these does not answer; try again in a moment", headers={"Retry-After": "1"})
        return self.spend(caller)

    def _recorded(self, done: Recorded, quota: int) -> Standing:
        at = datetime.now(UTC)
        since = at - timedelta(seconds=self.policy.seconds)
        return recorded(quota, self.policy.seconds, ((at - each).total_seconds() for each in done(since)))


@dataclass(frozen=True)
class Limits:
    """Every limit of an installation, as one of its processes keeps it."""

    reads: Limit
    misses: Limit
    keyless: Limit
    """Of none (0) nothing is counted."""
    writes: Limit
    key_creations: Limit
    failed_keys: Limit


def limits(settings: Settings, processes: int, shared: SharedCounts | None) -> Limits:
    """The limits as the settings say, for one of so many processes; `shared` is where all count, None without Redis."""
    return Limits(*(Limit(policy, getattr(settings, policy.setting), processes, shared) for policy in POLICIES))


def charge(limit: Limit, caller: str, done: Recorded | None = None) -> None:
    """Take one of the caller's for the current request, whose answer says what is left, whatever comes of it.

    Raises what `Limit.require` does. Of several limits each is told.
    """
    told = limit.require(caller, done)
    flask.g.setdefault(_TOLD, []).extend(told)


def register(app: flask.Flask) -> None:
    """Let the app's answers say what callers were charged for them."""
    app.after_request(_tell)


def _tell(response: flask.Response) -> flask.Response:
    response.headers.extend(flask.g.pop(_TOLD, ()))
    return response


def client(address: str) -> str:
    """Who an address is to a limit: itself, or the network of an IPv6 address (/64), which one client has to itself."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((int(parsed), 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _time(seconds: int) -> str:
    return {1: "a second", 60: "a minute", 3_600: "an hour"}.get(seconds, f"{seconds:,} seconds")
