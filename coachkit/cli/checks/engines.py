"""The database and Redis: reachable, up to date, safe to write to, quick."""

from __future__ import annotations

import stat
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from coachkit.cli.checks.findings import Finding, Report
from coachkit.cli.output import driver_said
from coachkit.db import migrate
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS, OWNER
from coachkit.db.tables import POINTERS, counters
from coachkit.errors import SettingsError, Unavailable

SLOW_DATABASE: Final = 0.02
SLOW_REDIS: Final = 0.01
"""Seconds for the smallest question, which whoever serves asks all the time."""
SKEW: Final = timedelta(seconds=2)
SAMPLES: Final = 5
PATIENCE: Final = 3.0
"""Seconds to wait for Redis, where a request would not wait for a tenth of one."""
REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gfs2"})
"""File systems that other machines share, on which SQLite's locks do not hold."""
OLDEST_POSTGRESQL: Final = 14


def database(database: Database) -> Report:
    """The database: whether it answers, is migrated, can be written, and how long the smallest question takes."""
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    facts: dict[str, Any] = {"kind": kind}
    file = Path(make_url(database.url).database or "") if database.is_sqlite else None
    if file is not None and not file.exists():
        return Report(facts, (_not_migrated("the database file is not there yet"),))
    try:
        revision = migrate.current(database)
        with database.read(OWNER) as conn:
            facts |= _about(conn, sqlite=database.is_sqlite)
            skew = _skew(conn) if not database.is_sqlite else timedelta()
            facts["milliseconds"] = round(1000 * _seconds(lambda: conn.execute(sa.text("SELECT 1"))), 2)
    except (Unavailable, DBAPIError, SettingsError) as error:
        return Report(facts, (_unreachable(driver_said(error) or str(error)),))
    facts["migration"] = revision
    found = [
        *migrated(revision, migrate.expected()),
        *slow_database(facts["milliseconds"] / 1000),
        *clock(skew),
        *(postgresql(facts) if not database.is_sqlite else ()),
        *(_file(file) if file is not None else ()),
        *(_writable(database) if revision == migrate.expected() else ()),
    ]
    return Report(facts, tuple(found))


def _about(conn: Connection, *, sqlite: bool) -> dict[str, Any]:
    if sqlite:
        return {
            "version": conn.execute(sa.text("SELECT sqlite_version()")).scalar_one(),
            "journal": conn.execute(sa.text("PRAGMA journal_mode")).scalar_one(),
        }
    asked = {"version": "server_version", "encoding": "server_encoding", "fsync": "fsync"}
    return {name: conn.execute(sa.text(f"SHOW {setting}")).scalar_one() for name, setting in asked.items()}


def _skew(conn: Connection) -> timedelta:
    """How far this machine's clock is ahead of the database's."""
    theirs: datetime = conn.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    return datetime.now(UTC) - theirs


def _seconds(ask: Callable[[], object]) -> float:
    """The median time of a question."""
    taken = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _unreachable(said: str) -> Finding:
    return Finding(
        "database_url",
        "database-unreachable",
        f"the database does not answer: {said.splitlines()[0]}",
        "what workers have in memory is still served, marked stale; everything else is a 503",
        "start it, or mend address, user, password and network in COACHKIT_DATABASE_URL",
    )


def _not_migrated(what: str) -> Finding:
    why = "nothing can be served or published without its tables"
    return Finding("database", "database-not-migrated", what, why, "coachkit migrate")


def migrated(revision: str | None, expected: str) -> Iterator[Finding]:
    """Whether the tables are those that this version works with."""
    if revision is None:
        yield _not_migrated("the database is empty")
    elif revision < expected:
        yield _not_migrated(f"the database is at {revision}, and this version works with {expected}")
    elif revision > expected:
        yield Finding(
            "database",
            "database-newer",
            f"the database is at {revision}, which this version does not know; it works with {expected}",
            "a newer CoachKit has changed it, and there is no way down",
            "install that version again, or restore the backup that was made before it",
        )


def slow_database(seconds: float) -> Iterator[Finding]:
    """What so many seconds for the smallest question mean."""
    if seconds > SLOW_DATABASE:
        yield Finding(
            "database",
            "database-slow",
            f"the smallest question takes {seconds * 1000:.0f} ms",
            "each worker asks four times a second, and every answer that is not kept asks several times",
            "move CoachKit and its database nearer to each other, or find what keeps the database busy",
            "warning",
        )


def clock(skew: timedelta) -> Iterator[Finding]:
    """What a clock so far ahead of the database's means."""
    if abs(skew) > SKEW:
        yield Finding(
            "clock",
            "clock-skew",
            f"this machine's clock is {abs(skew).total_seconds():.0f} s "
            f"{'ahead of' if skew > timedelta() else 'behind'} the database's",
            "times in histories are wrong, and so is what is due",
            "let both follow the same time server",
            "warning",
        )


def postgresql(facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether this PostgreSQL is one that holds what it is given."""
    if int(str(facts["version"]).split(".")[0]) < OLDEST_POSTGRESQL:
        yield Finding(
            "database",
            "database-old",
            f"PostgreSQL {facts['version']} is no longer mended by its makers",
            "CoachKit is tested on later ones",
            "upgrade it",
            "warning",
        )
    if facts["encoding"] != "UTF8":
        yield Finding(
            "database",
            "database-encoding",
            f"the database's encoding is {facts['encoding']}",
            "texts in other languages cannot be stored in it",
            "make a database with ENCODING 'UTF8', and move there with `coachkit migrate --from`",
        )
    if facts["fsync"] != "on":
        yield Finding(
            "database",
            "database-not-durable",
            "fsync is off",
            "what was acknowledged can be lost with the power, and the whole database with it",
            "set fsync = on in postgresql.conf",
        )


def _file(file: Path) -> Iterator[Finding]:
    mode = file.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield Finding(
            str(file),
            "database-open",
            "other users of this machine may write the database",
            "whoever can write it decides what readers see",
            f"chmod go-w {file}",
        )
    yield from shared(file, file_system(file, _mounts()))


def shared(file: Path, kind: str) -> Iterator[Finding]:
    """What a file system of that kind means for a database in it."""
    if kind in REMOTE or kind.startswith("fuse"):
        yield Finding(
            str(file),
            "database-on-network",
            f"the database is on {kind}",
            "SQLite's locks do not hold there: two writers can destroy it",
            "keep it on a disk of this machine, or use PostgreSQL",
        )


def file_system(file: Path, mounts: str) -> str:
    """The kind of file system that a file is on, by the text of /proc/self/mountinfo; empty where it cannot be said."""
    kinds: dict[Path, str] = {}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        place = before.split(" ")[4].encode().decode("unicode_escape")  # a space is written \040
        kinds[Path(place)] = after.split(" ")[0]
    resolved = file.resolve()
    return next((kinds[each] for each in (resolved, *resolved.parents) if each in kinds), "")


def _mounts() -> str:
    file = Path("/proc/self/mountinfo")
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _writable(database: Database) -> Iterator[Finding]:
    """Whether a row can be written; it is not left so."""
    try:
        with database.write(ACROSS) as conn, conn.begin_nested() as undone:
            conn.execute(sa.update(counters).where(counters.c.name == POINTERS).values(value=counters.c.value))
            undone.rollback()
    except (Unavailable, DBAPIError):
        yield Finding(
            "database",
            "database-read-only",
            "the database cannot be written",
            "readers are served, and nothing can be published",
            "see that it is no standby, that nobody holds a lock, and that this user may write the file and its folder",
        )


# --- Redis --------------------------------------------------------------------------------------


def redis(url: str | None) -> Report:
    """Redis, where one is configured: whether it answers, would write, drops what is old, and how quickly."""
    if url is None:
        return Report({"configured": False})
    try:
        from coachkit.cache.link import Link, LinkError
    except ImportError:
        return Report({"configured": True}, (_no_client(),))
    try:
        link = Link(url)
    except ValueError as error:
        return Report({"configured": True}, (_redis_unreadable(str(error)),))
    try:
        (told,) = link.exchange([("INFO",)], PATIENCE)
        if not isinstance(told, bytes):
            return Report({"configured": True}, (_redis_unreachable(str(told)),))
        seconds = _seconds(lambda: link.exchange([("PING",)], PATIENCE))
    except LinkError as error:
        return Report({"configured": True}, (_redis_unreachable(str(error)),))
    finally:
        link.drop()
    info = dict(line.split(":", 1) for line in told.decode().splitlines() if ":" in line)
    facts = {
        "configured": True,
        "version": info.get("valkey_version") or info.get("redis_version"),
        "maxmemory": int(info.get("maxmemory", 0)),
        "policy": info.get("maxmemory_policy"),
        "milliseconds": round(1000 * seconds, 2),
    }
    found = [*writes(info), *forgets(info), *slow_redis(seconds)]
    return Report(facts, tuple(found))


def _no_client() -> Finding:
    why = "each worker then keeps answers for itself alone"
    remedy = "pip install 'coachkit[redis]'"
    return Finding("redis_url", "redis-not-installed", "the client for Redis is not installed", why, remedy)


def _redis_unreadable(wanted: str) -> Finding:
    what = "the address of Redis cannot be read"
    return Finding("redis_url", "redis-unreadable", what, "nothing is served with such a setting", wanted)


def _redis_unreachable(said: str) -> Finding:
    return Finding(
        "redis_url",
        "redis-unreachable",
        f"Redis does not answer: {said}",
        "readers are served, more slowly, and /readyz says degraded",
        "start it, or mend address and password in COACHKIT_REDIS_URL; CoachKit finds it again by itself",
    )


def writes(info: Mapping[str, str]) -> Iterator[Finding]:
    """Whether this server takes what is written."""
    if info.get("role", "master") not in {"master", "primary"}:
        yield Finding(
            "redis_url",
            "redis-read-only",
            "this Redis is a replica",
            "nothing can be kept there",
            "name the primary, or let Sentinel find it: redis+sentinel://host:26379,host:26379/service",
        )


def forgets(info: Mapping[str, str]) -> Iterator[Finding]:
    """Whether this server drops what is old when it is full, and knows when it is."""
    policy, bound = info.get("maxmemory_policy", ""), int(info.get("maxmemory", 0))
    if bound == 0:
        yield Finding(
            "redis_url",
            "redis-unbounded",
            "this Redis has no maxmemory",
            "answers fill it until the system ends it, or the machine has no memory left",
            "CONFIG SET maxmemory 256mb and maxmemory-policy allkeys-lru, in its configuration file too",
            "warning",
        )
    elif policy == "noeviction":
        yield Finding(
            "redis_url",
            "redis-keeps-all",
            "this Redis drops nothing when it is full (noeviction)",
            "once it is full it takes nothing new, and helps no more",
            "CONFIG SET maxmemory-policy allkeys-lru, on a Redis of CoachKit's own",
        )


def slow_redis(seconds: float) -> Iterator[Finding]:
    """What so many seconds for the smallest question mean."""
    if seconds > SLOW_REDIS:
        yield Finding(
            "redis_url",
            "redis-slow",
            f"the smallest question takes {seconds * 1000:.0f} ms",
            "a request waits no longer than 50 ms for Redis, and then goes on without it",
            "move Redis nearer, or find what keeps it busy: redis-cli --latency, SLOWLOG GET",
            "warning",
        )
