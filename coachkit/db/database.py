"""The way to the database: transactions on SQLite or PostgreSQL, from any process and thread.

Nothing is opened before it is used, and each process opens its own: a Database made before a fork serves every
child. Knows no table.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import PoolProxiedConnection

from coachkit import process
from coachkit.db import sqlite
from coachkit.db.breaker import TRY_SECONDS, Breaker
from coachkit.db.patience import SECONDS, Patience
from coachkit.db.scopes import NOTHING, SCOPE, Scope
from coachkit.errors import SettingsError, Unavailable

SERVING: Final = 1.25
"""The patience, in seconds, of what serves readers: who asks hears within 2 s that there is no answer, also from a
busy machine."""
CHANGING: Final = 6.0
"""That of who changes something, and takes turns with others who do."""
_POOL_SECONDS: Final = 5.0
"""How long a free connection, and on PostgreSQL a lock, is waited for by whom patience does not make shorter."""


@dataclass(frozen=True)
class _Engines:
    """One process's engines. On SQLite they have a pool each; on PostgreSQL they share one."""

    read: Engine
    write: Engine
    breaker: Breaker = field(default_factory=Breaker)


class Database:
    """The database at an address, `sqlite:///path` or `postgresql://…`.

    `patience` is how many seconds a transaction waits for it in all: for a connection, for locks, for answers. While
    it is known to be silent, one at a time waits, for TRY_SECONDS at most, and all others hear so at once. Without
    patience's end, as commands have it whose work may take long, only a connection and a lock are waited for no
    longer than 5 s each. Raises SettingsError if the address is neither.
    """

    def __init__(self, url: str, patience: float = math.inf) -> None:
        self.url: Final = url
        self._address = _address(url)
        self._patience = patience
        self._engines_by_pid: dict[int, _Engines] = {}

    def __repr__(self) -> str:
        return f"Database({self._address.render_as_string(hide_password=True)!r})"

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; otherwise it is PostgreSQL."""
        return self._address.get_backend_name() == "sqlite"

    @contextmanager
    def read(self, scope: Scope = NOTHING, patience: float | None = None) -> Iterator[Connection]:
        """A transaction that sees one moment of the database, and that cannot write; whose rows, `scope` says.

        `patience` is how many seconds it waits in all, where that is not what every transaction of this Database waits.
        Raises Unavailable if the database is locked, full or does not answer, here and in the block.
        """
        engines = self._engines()
        with self._transaction(engines, engines.read, scope, patience) as conn:
            yield conn

    @contextmanager
    def write(self, scope: Scope = NOTHING, patience: float | None = None) -> Iterator[Connection]:
        """A transaction that may write: committed, and durable, when the block ends; undone if it raises.

        Whose rows it sees, `scope` says; it can write no others. `patience` is as for `read`.

        On SQLite writers take turns from the first statement on, so none fails half-way for having read first.
        Raises Unavailable if the database is locked, full or does not answer, here and in the block. When it did not
        answer the end of the block, what was written may be there or not.
        """
        engines = self._engines()
        with self._transaction(engines, engines.write, scope, patience) as conn:
            if not self.is_sqlite:
                conn.exec_driver_sql(f"SET LOCAL lock_timeout = '{_POOL_SECONDS:.0f}s'")
            yield conn

    def detached(self) -> PoolProxiedConnection:
        """A DBAPI connection that belongs to the caller alone, in no transaction; the caller closes it.

        Raises Unavailable as `read` does.
        """
        engines = self._engines()
        with self._asking(engines, engines.read) as patience, patience.waiting():
            connection = engines.read.raw_connection()
            connection.detach()
            return connection

    def dispose(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        mine = self._engines_by_pid.pop(process.number(), None)
        if mine is not None:
            mine.read.dispose()
            mine.write.dispose()

    @contextmanager
    def _transaction(
        self, engines: _Engines, engine: Engine, scope: Scope, seconds: float | None = None
    ) -> Iterator[Connection]:
        with self._asking(engines, engine, seconds) as patience, ExitStack() as begun:
            with patience.waiting():
                conn = begun.enter_context(_connected(engine, patience))
                conn.execution_options(**{SCOPE: scope, SECONDS: seconds})
                begun.enter_context(conn.begin())
            yield conn

    @contextmanager
    def _asking(self, engines: _Engines, engine: Engine, seconds: float | None = None) -> Iterator[Patience]:
        """Ask, if there is hope of an answer, and tell the breaker how it went; Unavailable, which shows no SQL."""
        breaker = engines.breaker
        seconds = self._patience if seconds is None else seconds
        if breaker.open and math.isfinite(seconds):
            seconds = min(seconds, TRY_SECONDS)
        if not breaker.allows():
            raise _unavailable(_SILENT)
        patience = Patience(seconds)
        try:
            with patience.ours():
                yield patience
        except Unavailable:
            raise  # from another transaction, within this one
        except PoolTimeoutError as error:
            raise _unavailable("All connections to the database are in use") from error
        except (DatabaseError, sqlite3.DatabaseError) as error:
            cause = error.orig if isinstance(error, DatabaseError) else error
            if not _is_at_fault(error, cause):
                breaker.succeeded()
                raise  # the database answers: what was asked of it is our fault, and waiting does not mend it
            if breaker.open or patience.in_vain or (engine is engines.read and _is_locked(cause)):
                breaker.failed()
            raise _unavailable(_SILENT) from error
        except Exception:
            breaker.succeeded()
            raise
        breaker.succeeded()

    def _engines(self) -> _Engines:
        """This process's own engines.

        Those of the process it was forked from stay referenced and untouched: collecting them would close, from here,
        connections that the parent still uses.
        """
        pid = process.number()
        mine = self._engines_by_pid.get(pid)
        if mine is None:  # two threads may both get here: an engine connects to nothing yet, and one of them is kept
            mine = self._engines_by_pid.setdefault(pid, self._make_engines())
        return mine

    def _make_engines(self) -> _Engines:
        pool_seconds = min(_POOL_SECONDS, self._patience)
        if self.is_sqlite:
            return _Engines(sqlite.reading(self._address, pool_seconds), sqlite.writing(self._address, pool_seconds))
        from coachkit.db import postgresql  # its driver is installed where it is used

        engine = postgresql.engine(self._address, pool_seconds, self._patience)
        return _Engines(engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True), engine)


def _connected(engine: Engine, patience: Patience) -> Connection:
    """A connection as soon as one is free, while there is patience: a pool's own wait is that of who has least."""
    while True:
        try:
            return engine.connect()
        except PoolTimeoutError:
            if not 0 < patience.left < math.inf:
                raise


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


# --- errors -------------------------------------------------------------------------------------

_SILENT: Final = "The database does not answer"


def _is_at_fault(error: Exception, cause: BaseException | None) -> bool:
    """Whether the database itself is at fault, and not what was asked of it."""
    if isinstance(cause, sqlite3.Error):
        return sqlite.is_at_fault(cause)
    return isinstance(error, OperationalError)


def _is_locked(cause: BaseException | None) -> bool:
    """Whether a lock was waited for in vain: to read; one who writes waits for another writer."""
    return isinstance(cause, sqlite3.Error) and sqlite.is_locked(cause)


def _unavailable(detail: str) -> Unavailable:
    return Unavailable(f"{detail}; try again in a moment", headers={"Retry-After": "1"})
