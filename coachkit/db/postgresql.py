"""How a process connects to PostgreSQL: pooled, and waiting for it no longer than there is patience.

Neither libpq nor the server bounds a wait for a server that is silent: the one waits for its socket, the other's
timeouts need somebody to send them. So the driver's own waiting ends here. Imported only where PostgreSQL is used.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.abc import PQGen
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL

from coachkit.db import patience
from coachkit.db.patience import SECONDS, Patience
from coachkit.db.scopes import OWNER, SCOPE, Scope

T = TypeVar("T")

CONNECT_SECONDS: Final = 5.0
"""How long a connection is waited for by whom patience does not make shorter."""
IDLE_SECONDS: Final = 30
"""After how long the server ends a transaction whose client asks for nothing more: it may be gone."""
_LOOK_SECONDS: Final = 0.1
_KEEPALIVES: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Seconds, times and milliseconds after which a machine that is gone is noticed, however patient a transaction is."""


class Silent(psycopg.OperationalError):
    """PostgreSQL was waited for as long as there was patience."""


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that waits as long as the transaction around has patience, and is closed when it has none left."""

    def wait(self, gen: PQGen[T], interval: float = _LOOK_SECONDS, timeout: float | None = None) -> T:
        """What the driver waits for, every time that it does. Raises Silent."""
        mine = patience.current()
        with mine.waiting():
            try:
                return super().wait(_while_patient(gen, mine), min(interval, max(mine.left, 0.001)), timeout)
            except Silent:
                mine.in_vain = True
                self.close()
                raise


def engine(address: URL, pool_seconds: float, transaction_seconds: float) -> Engine:
    """The engine of one process.

    The server gives a statement up a little before a transaction of `transaction_seconds` does, so that the
    connection lives on and nobody is left waiting there; it does neither where they are infinite.
    """
    defaults = {**_KEEPALIVES, "connect_timeout": max(2, math.ceil(min(CONNECT_SECONDS, transaction_seconds)))}
    engine = sa.create_engine(
        address,
        connect_args={name: value for name, value in defaults.items() if name not in address.query},
        pool_timeout=pool_seconds,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "do_connect", _connect)
    _begin_within(engine, transaction_seconds)
    return engine


def _begin_within(engine: Engine, usual_seconds: float) -> None:
    """Set limits, and whose rows it sees, for each transaction only: the connection may be a pooler's."""

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        options = conn.get_execution_options()
        scope: Scope = options.get(SCOPE, OWNER)
        seconds = options.get(SECONDS)
        limits = _limits(usual_seconds if seconds is None else seconds)
        settings = [*limits, *([] if scope is OWNER else [scope.statement])]
        if settings:
            conn.exec_driver_sql(f"SELECT {', '.join(settings)}")


def _limits(seconds: float) -> list[str]:
    if not math.isfinite(seconds):
        return []
    limits = {
        "statement_timeout": round(900 * seconds),
        "idle_in_transaction_session_timeout": 1_000 * IDLE_SECONDS,
    }
    return [f"set_config('{name}', '{value}', true)" for name, value in limits.items()]


def _connect(dialect: object, record: object, arguments: tuple[Any, ...], named: dict[str, Any]) -> ImpatientConnection:  # noqa: ARG001 — the event's shape
    return _in_time(patience.current(), lambda: ImpatientConnection.connect(*arguments, **named))


def _in_time(mine: Patience, connect: Callable[[], ImpatientConnection]) -> ImpatientConnection:
    """The connection, made in a thread of its own, since nothing bounds the look-up of a name, and libpq only roughly.

    One that comes too late is closed; the thread ends when the driver and the resolver give up. Raises Silent.
    """
    seconds = min(CONNECT_SECONDS, mine.left)
    if not seconds:
        raise Silent("no time was left to connect")
    made: Future[ImpatientConnection] = Future()
    threading.Thread(target=_make, args=(connect, made), name="coachkit-connect", daemon=True).start()
    try:
        return made.result(seconds)
    except TimeoutError:
        if not made.cancel():
            return made.result()
        mine.in_vain = True
        raise Silent("no connection came about in time") from None


def _make(connect: Callable[[], ImpatientConnection], made: Future[ImpatientConnection]) -> None:
    try:
        connection = connect()
    except BaseException as error:  # noqa: BLE001 — who waits for it meets it
        error.__context__ = error.__traceback__ = None  # which would keep the half-made connection open
        if made.set_running_or_notify_cancel():
            made.set_exception(error)
        return
    if made.set_running_or_notify_cancel():
        made.set_result(connection)
    else:
        connection.close()


def _while_patient(gen: PQGen[T], mine: Patience) -> PQGen[T]:
    """The driver's steps, each followed by a look whether there is patience left for the next."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            wanted = gen.send(ready)
            if not mine.left:
                raise Silent("no answer came in time")
    except StopIteration as end:
        answer: T = end.value
        return answer
