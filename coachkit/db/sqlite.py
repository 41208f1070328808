"""How a process opens an SQLite file: in WAL mode, durable, and waiting for a lock no longer than there is patience."""

from __future__ import annotations

import random
import sqlite3
import time
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor

from coachkit.db import patience

LOCK_SECONDS: Final = 5.0
"""How long a lock is waited for by whom patience does not make shorter."""
_LOOK_SECONDS: Final = 0.003
"""About how long a writer waits before it looks again whether the file is free. SQLite's own wait grows to 0.1 s, and
whoever looks so seldom finds it taken by another each time, as long as others go on writing."""
_PASSING: Final = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
}
"""What SQLite answers when its file, not our statement, is at fault."""
_LOCKED: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}


def reading(address: URL, pool_seconds: float) -> Engine:
    """The engine of transactions that read."""
    engine = _engine(address, pool_seconds)
    event.listen(engine, "begin", _begin_reading)
    event.listen(engine, "connect", _refuse_writes)
    return engine


def writing(address: URL, pool_seconds: float) -> Engine:
    """The engine of transactions that write; they take turns from their first statement on."""
    engine = _engine(address, pool_seconds)
    event.listen(engine, "begin", _begin_writing)
    return engine


def is_at_fault(error: sqlite3.Error) -> bool:
    """Whether the file is at fault, and not what was asked of it."""
    return _code(error) in _PASSING


def is_locked(error: sqlite3.Error) -> bool:
    """Whether a lock was waited for in vain."""
    return _code(error) in _LOCKED


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code: the low byte of the extended one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _engine(address: URL, pool_seconds: float) -> Engine:
    # isolation_level None: the driver begins nothing by itself, so every transaction begins as we say
    engine = sa.create_engine(
        address, connect_args={"isolation_level": None}, pool_timeout=pool_seconds, hide_parameters=True
    )
    event.listen(engine, "do_connect", _wait_while_opening)
    event.listen(engine, "connect", _prepare)
    return engine


def _begin_reading(conn: Connection) -> None:
    conn.exec_driver_sql(f"PRAGMA busy_timeout = {1_000 * _lock_seconds():.0f}")
    conn.exec_driver_sql("BEGIN")


def _begin_writing(conn: Connection) -> None:
    """Take a turn: of those who wait, any may be next, so that each is before long."""
    until = time.monotonic() + _lock_seconds()
    cursor = conn.connection.cursor()  # the driver's: that it is not our turn yet is no fault of the transaction's
    cursor.execute("PRAGMA busy_timeout = 0")
    while True:
        try:
            cursor.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > until:
                raise
            time.sleep(random.uniform(0.5, 1.5) * _LOOK_SECONDS)  # noqa: S311 — nothing secret
    cursor.execute(f"PRAGMA busy_timeout = {1_000 * _lock_seconds():.0f}")
    cursor.close()


def _lock_seconds() -> float:
    return min(LOCK_SECONDS, patience.current().left)


def _wait_while_opening(dialect: object, record: object, arguments: object, named: dict[str, Any]) -> None:  # noqa: ARG001 — the event's shape
    named["timeout"] = _lock_seconds()


def _prepare(connection: DBAPIConnection, record: object) -> None:  # noqa: ARG001 — the event's shape
    cursor = connection.cursor()
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _use_wal(cursor: DBAPICursor) -> None:
    """Let readers and a writer work side by side.

    The file remembers it, so this asks before it changes anything: the change needs the file alone, and of several
    that try it at once SQLite tells some at once that it is locked, however long the busy timeout is.
    """
    deadline = time.monotonic() + _lock_seconds()
    while True:
        cursor.execute("PRAGMA journal_mode")
        if cursor.fetchone() == ("wal",):
            return
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _refuse_writes(connection: DBAPIConnection, record: object) -> None:  # noqa: ARG001 — the event's shape
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()
