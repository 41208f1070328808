"""The way to Redis (or Valkey, or any server that speaks its protocol): one exchange at a time, within a moment.

redis-py's connections without its client, pool and retries: on the request path nothing may take longer than it is
given, and whatever goes wrong is one and the same to the caller. Knows nothing of what is kept there.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.sentinel import MasterNotFoundError

from coachkit import process

IDLE: Final = 64
"""Connections that a process keeps for the next exchange; more are closed after use."""

SENTINEL_SCHEME: Final = "redis+sentinel://"
_PLAIN: Final[Mapping[str, Any]] = {"protocol": 2, "driver_info": None}
"""How every connection speaks: by the protocol that all versions know, and without saying who we are."""

Command = tuple[str | bytes | int, ...]
Reply = bytes | int | None | ResponseError | list[Any]


class LinkError(Exception):
    """Redis did not answer in time, or not as Redis does. The message says what happened, without any address."""


class Link:
    """Exchanges with the server at a URL.

    `redis://`, `rediss://` and `unix://` as redis-py reads them, or `redis+sentinel://` with the sentinels' addresses
    and the service's name: `redis+sentinel://user:password@one:26379,two:26379/service/0`. Raises ValueError for any
    other.

    Safe to share between threads and across a fork: connections are made on first use, by each process for itself.
    """

    def __init__(self, url: str) -> None:
        try:
            self._sentinels, self._options = _read(url)
        except ValueError:  # whose words may hold a part of the password
            raise ValueError(_WANTED) from None
        self._idle_by_pid: dict[int, deque[Any]] = {}

    def exchange(self, commands: Sequence[Command], seconds: float) -> list[Reply]:
        """Send all commands at once and give their replies, in order; an error that the server replies is a value.

        Takes at most `seconds`, connecting included. Raises LinkError for everything else that can go wrong; the
        connection is not used again then, nor are those that idled beside it.
        """
        ends = time.monotonic() + seconds
        connection: Any = None
        try:
            connection = self._taken() or self._connected(ends)
            connection.ends = ends
            for command in commands:
                connection.send_command(*command)
            replies = [_reply(connection) for _ in commands]
        except (RedisError, OSError, ValueError, LookupError, RecursionError, MemoryError, TypeError) as error:
            self.drop(connection)
            raise LinkError(_said(error)) from error
        except BaseException:
            self.drop(connection)
            raise
        if any(isinstance(reply, ReadOnlyError) for reply in replies):
            self.drop(connection)  # it is no master any more: the next connection finds the one that is
        elif len(self._idle) < IDLE:
            self._idle.append(connection)
        else:
            connection.disconnect()
        return replies

    def _taken(self) -> Any:
        """A connection that idled, None if there is none: another thread may have just taken the last."""
        with suppress(IndexError):
            return self._idle.pop()
        return None

    def drop(self, connection: Any = None) -> None:
        """Close a connection that cannot be trusted, and those of this process that idle."""
        if connection is not None:
            connection.disconnect()
        while idle := self._taken():
            idle.disconnect()

    @property
    def _idle(self) -> deque[Any]:
        pid = process.number()
        return self._idle_by_pid.get(pid) or self._idle_by_pid.setdefault(pid, deque())

    def _connected(self, ends: float) -> Any:
        options = dict(self._options)
        kind = options.pop("connection_class", Connection)
        if self._sentinels:
            options["host"], options["port"] = self._master(options.pop("service"), ends)
        left = max(ends - time.monotonic(), 0.001)
        made = _TIMED[kind](**options, socket_timeout=left, socket_connect_timeout=left)
        made.ends = ends
        return made

    def _master(self, service: str, ends: float) -> tuple[str, int]:
        """Where the master of the service is now, as the first sentinel says that answers in its share of the time.

        Asked over connections of our own: redis-py's Sentinel tries each again and again, which takes seconds.
        """
        for left, (host, port) in zip(range(len(self._sentinels), 0, -1), self._sentinels, strict=True):
            share = max(ends - time.monotonic(), 0.001) / left
            timed = {"socket_timeout": share, "socket_connect_timeout": share}
            sentinel = _TIMED[Connection](host=host, port=port, **_PLAIN, **timed)
            sentinel.ends = time.monotonic() + share
            try:
                sentinel.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
                said = _reply(sentinel)
            except (RedisError, OSError):
                continue
            finally:
                sentinel.disconnect()
            match said:
                case [bytes() as name, bytes() as number]:
                    return name.decode(), int(number)
        raise MasterNotFoundError


def _reply(connection: Any) -> Reply:
    try:
        reply: Reply = connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error
    return reply


def _said(error: BaseException) -> str:
    """What happened, for the log: the kind of error, and not its words, which may hold an address."""
    return type(error).__name__


# --- connections whose exchanges end at a given moment ------------------------------------------


class _Socket:
    """A socket of which all reads and writes together end at one moment, however little each of them brings.

    redis-py's own timeout is for each read alone: a peer that sends a byte now and then would hold a request for ever.
    """

    def __init__(self, inner: socket.socket, connection: _Timed) -> None:
        self._inner = inner
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def recv(self, size: int) -> bytes:
        self._inner.settimeout(self._left())
        return self._inner.recv(size)

    def recv_into(self, buffer: Any) -> int:
        self._inner.settimeout(self._left())
        return self._inner.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        self._inner.settimeout(self._left())
        self._inner.sendall(data)

    def _left(self) -> float:
        left = self._connection.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Timed:
    """What is added to redis-py's connections: `ends`, on the monotonic clock, when an exchange under way must be over.

    The one place that reaches below redis-py's public face: it offers no limit for an exchange as a whole.
    """

    ends = 0.0

    def _connect(self) -> Any:
        return _Socket(super()._connect(), self)  # type: ignore[misc]


class _Tcp(_Timed, Connection):
    """A timed connection over TCP."""


class _Tls(_Timed, SSLConnection):
    """The same over TLS."""


class _Unix(_Timed, UnixDomainSocketConnection):
    """The same over a Unix socket."""


_TIMED: Final[Mapping[type[object], type[Any]]] = {
    Connection: _Tcp,
    SSLConnection: _Tls,
    UnixDomainSocketConnection: _Unix,
}


# --- addresses ----------------------------------------------------------------------------------


_WANTED: Final = (
    "write redis://host:6379/0 or redis+sentinel://host:26379,host:26379/service, with %2F for a / in a password"
)


def _read(url: str) -> tuple[list[tuple[str, int]], dict[str, Any]]:
    """The sentinels that a URL names, if any, and what to make connections with. Raises ValueError."""
    options: dict[str, Any] = dict(_PLAIN)
    if not url.startswith(SENTINEL_SCHEME):
        return [], options | parse_url(url)  # type: ignore[no-untyped-call] # nor has this
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    found = [urlsplit(f"//{host}") for host in hosts]
    service, _, number = parts.path.strip("/").partition("/")
    if not service or not all(each.hostname for each in found) or not (number or "0").isdecimal():
        raise ValueError(_WANTED)
    options |= {"service": service, "db": int(number or 0)}
    if parts.username:
        options["username"] = unquote(parts.username)
    if parts.password:
        options["password"] = unquote(parts.password)
    return [(str(each.hostname), each.port or 26379) for each in found], options
