"""Wakes workers: Huey carries the numbers of jobs, on SQLite or on Redis, and nothing else.

What is due is in the table of jobs. A number that is lost, doubled or late costs time and nothing else, and one that
somebody made up wakes nobody but who finds that it is not due; so nothing here is trusted, sealed or unpickled.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from huey import Huey
from huey.api import Task
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import BaseStorage, SqliteStorage
from sqlalchemy.engine import make_url

from coachkit import process
from coachkit.errors import SettingsError
from coachkit.settings import Settings

if TYPE_CHECKING:
    from coachkit.cache.link import Link, Reply

MOST: Final = 1_000
"""Numbers that wait at once; with nobody there to take them the oldest are dropped."""
WAIT_SECONDS: Final = 1
"""How long whoever wants the next number waits for it."""
_PUT_SECONDS: Final = 0.05
"""How long Redis is waited for by whoever has a number for it."""
_SLACK_SECONDS: Final = 1.0
"""How much longer than WAIT_SECONDS Redis may take to say that there is none."""
_LOCK_SECONDS: Final = 0.25
"""How long a lock on the file of numbers is waited for."""
_LOOK_SECONDS: Final = 0.1
"""Between two looks into the file of numbers."""

_log = structlog.get_logger("coachkit.jobs")


class Queue:
    """The numbers of jobs that workers are to look at. Safe to share between threads and across a fork.

    `make` opens it, in each process on first use. What goes wrong is logged once, until it goes well again.
    """

    def __init__(self, make: Callable[[], Huey]) -> None:
        self._make = make
        self._by_pid: dict[int, Huey] = {}
        self._faulty = False

    def wake(self, job_id: int) -> bool:
        """Let some worker look at a job now. False, and no error, where that cannot be said: workers look anyway."""
        try:
            huey = self._opened()
            huey.enqueue(_task(huey, job_id))
        except Exception as error:  # noqa: BLE001 — whatever it is, the table of jobs has the truth
            self._failed(error)
            return False
        self._went_well()
        return True

    def next(self) -> int | None:
        """The number of a job to look at; None if none came within WAIT_SECONDS."""
        until = time.monotonic() + WAIT_SECONDS
        try:
            huey = self._opened()
            while (task := huey.dequeue()) is None and not huey.storage.blocking and time.monotonic() < until:
                time.sleep(_LOOK_SECONDS)
        except Exception as error:  # noqa: BLE001 — as above
            self._failed(error)
            time.sleep(max(0.0, until - time.monotonic()))
            return None
        self._went_well()
        return None if task is None else int(task.args[0])

    def close(self) -> None:
        """Close what this process has opened; the next use opens it again."""
        mine = self._by_pid.pop(process.number(), None)
        if mine is not None:
            mine.storage.close()

    def _opened(self) -> Huey:
        pid = process.number()
        mine = self._by_pid.get(pid)
        if mine is None:  # two threads may both get here: one of what they open is kept, the other has taken nothing
            mine = self._by_pid.setdefault(pid, self._make())
        return mine

    def _failed(self, error: Exception) -> None:
        with suppress(Exception):
            self.close()
        if not self._faulty:
            self._faulty = True
            _log.warning("the queue of jobs fails; what is due is found without it", reason=type(error).__name__)

    def _went_well(self) -> None:
        if self._faulty:
            self._faulty = False
            _log.info("the queue of jobs works again")


def of_installation(settings: Settings) -> Queue:
    """The queue that all processes of an installation share: in its Redis, or in a file on this machine.

    Raises SettingsError for an address of Redis that cannot be used.
    """
    name = hashlib.blake2b(b"jobs", digest_size=16, key=settings.secret_key, person=b"coachkit queue").hexdigest()
    if settings.redis_url is not None:
        link = _link(settings.redis_url)
        return Queue(lambda: carrying(name, RedisStorage, link=link))
    return Queue(lambda: carrying(name, FileStorage, filename=str(_file(settings, name))))


def _link(url: str) -> Link:
    try:
        from coachkit.cache.link import Link
    except ModuleNotFoundError as error:
        raise SettingsError(f"redis_url wants {error.name}: pip install 'coachkit[redis]'") from None
    try:
        return Link(url)
    except ValueError as error:
        raise SettingsError(f"redis_url cannot be read: {error}") from None


def _file(settings: Settings, name: str) -> Path:
    """Where the numbers wait: with the installation's own files, or its database, or where only who has the key finds.

    A folder in a place that all users of a machine share has a name that cannot be guessed, and is for its owner alone.
    """
    database = make_url(settings.database_url)
    if settings.data_dir is not None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return settings.data_dir / "queue.sqlite"
    if database.get_backend_name() == "sqlite":
        return Path(database.database or "").with_suffix(".queue.sqlite")
    folder = Path(tempfile.gettempdir(), f"coachkit-{name}")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "queue.sqlite"


def carrying(name: str, storage: type[BaseStorage], **options: Any) -> Huey:
    """A Huey of that name that carries numbers of jobs, by a kind of storage made with these options."""
    huey = Huey(name, results=False, serializer=_Numbers(), storage_class=storage, **options)
    huey.task(name=_TASK)(_look)
    return huey


# --- messages -----------------------------------------------------------------------------------


_TASK: Final = "look"
_DIGITS: Final = 18
"""More than any job's number has, and fewer than a database would refuse."""


def _look(job_id: int) -> None:
    """What a message is called; workers take its number and do the rest themselves."""


def _task(huey: Huey, job_id: int) -> Task:
    return huey.deserialize_task(b"%d" % job_id)


class _Numbers(Serializer):
    """A message is the decimal number of a job, and nothing that Huey would say beside it."""

    def _serialize(self, data: Message) -> bytes:
        return b"%d" % data.args[0]

    def _deserialize(self, data: bytes) -> Message:
        if not (data.isdigit() and len(data) <= _DIGITS):
            raise ValueError("a message is not the number of a job")
        return Message(id=data.decode("ascii"), name=f"{__name__}.{_TASK}", args=(int(data),))


# --- where they wait ----------------------------------------------------------------------------


class FileStorage(SqliteStorage):
    """Huey's own on SQLite, bounded. It needs no durability."""

    def __init__(self, name: str, filename: str) -> None:
        super().__init__(name, filename, cache_mb=1, fsync=False, timeout=_LOCK_SECONDS)

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Add a message."""
        if self.queue_size() >= MOST:
            self.flush_queue()
        super().enqueue(data, priority)


class RedisStorage(BaseStorage):
    """A list in Redis, over the link that answers are kept by: with all its addresses, and its bounded waits."""

    blocking = True

    def __init__(self, name: str, link: Link) -> None:
        super().__init__(name)
        self._key = b"ck:jobs:" + name.encode()
        self._link = link

    def enqueue(self, data: bytes, priority: float | None = None) -> None:  # noqa: ARG002 — there are none
        """Add a message; of too many the oldest goes."""
        _told(self._link.exchange([("LPUSH", self._key, data), ("LTRIM", self._key, 0, MOST - 1)], _PUT_SECONDS))

    def dequeue(self) -> bytes | None:
        """The message that waits longest, or comes within WAIT_SECONDS."""
        (found,) = _told(self._link.exchange([("BRPOP", self._key, WAIT_SECONDS)], WAIT_SECONDS + _SLACK_SECONDS))
        match found:
            case [bytes(), bytes() as data]:
                return data
        return None

    def close(self) -> None:
        """Close this process's connections."""
        self._link.drop()


def _told(replies: list[Reply]) -> list[Reply]:
    """The replies. Raises the first one that is an error."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies
