"""The way to the database: transactions on SQLite or PostgreSQL, from any process and thread.

Nothing is opened before it is used, and each process opens its own: a Database made before a fork serves every
child. Knows no table.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import PoolProxiedConnection

from coachkit.errors import SettingsError, Unavailable

_PATIENCE: Final = 5
"""Seconds to wait for a lock or for a free connection of the pool."""
_CONNECT: Final = 3
"""Seconds to wait for PostgreSQL to answer."""
_PASSING: Final = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
}
"""What SQLite answers when its file, not our statement, is at fault."""


@dataclass(frozen=True)
class _Engines:
    """One process's engines. On SQLite they have a pool each; on PostgreSQL they share one."""

    read: Engine
    write: Engine


class Database:
    """The database at an address, `sqlite:///path` or `postgresql://…`.

    Raises SettingsError if the address is neither.
    """

    def __init__(self, url: str) -> None:
        self.url: Final = url
        self._address = _address(url)
        self._engines_by_pid: dict[int, _Engines] = {}

    def __repr__(self) -> str:
        return f"Database({self._address.render_as_string(hide_password=True)!r})"

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; otherwise it is PostgreSQL."""
        return self._address.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the database, and that cannot write.

        Raises Unavailable if the database is locked, full or does not answer, here and in the block.
        """
        with _answering(), self._engines().read.begin() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: committed, and durable, when the block ends; undone if it raises.

        On SQLite writers take turns from the first statement on, so none fails half-way for having read first.
        Raises Unavailable if the database is locked, full or does not answer, here and in the block.
        """
        with _answering(), self._engines().write.begin() as conn:
            if not self.is_sqlite:
                conn.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}s'")
            yield conn

    def detached(self) -> PoolProxiedConnection:
        """A DBAPI connection that belongs to the caller alone, in no transaction; the caller closes it.

        Raises Unavailable as `read` does.
        """
        with _answering():
            connection = self._engines().read.raw_connection()
            connection.detach()
            return connection

    def dispose(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        mine = self._engines_by_pid.pop(os.getpid(), None)
        if mine is not None:
            mine.read.dispose()
            mine.write.dispose()

    def _engines(self) -> _Engines:
        """This process's own engines.

        Those of the process it was forked from stay referenced and untouched: collecting them would close, from here,
        connections that the parent still uses.
        """
        pid = os.getpid()
        mine = self._engines_by_pid.get(pid)
        if mine is None:  # two threads may both get here: an engine connects to nothing yet, and one of them is kept
            make = _sqlite_engines if self.is_sqlite else _postgresql_engines
            mine = self._engines_by_pid.setdefault(pid, make(self._address))
        return mine


def _address(url: str) -> URL:
    wanted = "write sqlite:///path/to/file or postgresql://user:password@host/name"
    try:
        address = make_url(url)
    except sa.exc.ArgumentError:
        raise SettingsError(f"The database's address cannot be read; {wanted}") from None
    if address.drivername in {"postgresql", "postgresql+psycopg"}:
        return address.set(drivername="postgresql+psycopg")
    if address.drivername == "sqlite" and address.database not in {None, "", ":memory:"}:
        return address
    raise SettingsError(f"The database's address begins {address.drivername!r} or names no file; {wanted}")


# --- SQLite -------------------------------------------------------------------------------------


def _sqlite_engines(address: URL) -> _Engines:
    engines = _Engines(read=_sqlite_engine(address), write=_sqlite_engine(address))
    _begin_with(engines.read, "BEGIN")
    _begin_with(engines.write, "BEGIN IMMEDIATE")
    event.listen(engines.read, "connect", _refuse_writes)
    return engines


def _sqlite_engine(address: URL) -> Engine:
    # isolation_level None: the driver begins nothing by itself, so every transaction begins as we say
    engine = sa.create_engine(
        address, connect_args={"timeout": _PATIENCE, "isolation_level": None}, pool_timeout=_PATIENCE
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _begin_with(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        conn.exec_driver_sql(statement)


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
    deadline = time.monotonic() + _PATIENCE
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


# --- PostgreSQL ---------------------------------------------------------------------------------


def _postgresql_engines(address: URL) -> _Engines:
    engine = sa.create_engine(
        address, connect_args={"connect_timeout": _CONNECT}, pool_timeout=_PATIENCE, pool_pre_ping=True
    )
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return _Engines(read=reading, write=engine)


# --- errors -------------------------------------------------------------------------------------


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the driver says when the database itself is at fault into Unavailable, which shows no SQL."""
    try:
        yield
    except PoolTimeoutError as error:
        raise _unavailable("All connections to the database are in use") from error
    except (DatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        if isinstance(cause, sqlite3.Error):
            at_fault = _sqlite_code(cause) in _PASSING
        else:
            at_fault = isinstance(error, OperationalError)
        if not at_fault:
            raise  # the database answers: what was asked of it is our fault, and waiting does not mend it
        raise _unavailable("The database does not answer") from error


def _sqlite_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code: the low byte of the extended one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _unavailable(detail: str) -> Unavailable:
    return Unavailable(f"{detail}; try again in a moment", headers={"Retry-After": "1"})
