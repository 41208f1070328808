"""Backups of a whole installation: everything in its database at one moment, as a compressed SQLite file, and back.

The same for SQLite and PostgreSQL, so that either can be restored into either. Settings are no rows: secret keys and
peppers are in no backup.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from coachkit.db import copying, migrate
from coachkit.db.database import Database
from coachkit.errors import Conflict

APPLICATION_ID: Final = 0x434B4231
"""What SQLite's header says of whose file it is: CKB1."""
_NOTE: Final = "coachkit_backup"
"""The table that says when it was made and how many rows there are."""
_LEVEL: Final = 6
_NAME: Final = "backup.sqlite"


def back_up(
    source: Database, file: BinaryIO, folder: Path, at: datetime, begin: Callable[[str], None] = lambda _: None
) -> Mapping[str, int]:
    """Write a backup of everything in a database into an open file, and say how many rows there are by table.

    Others read and write meanwhile; what is written is one moment. The folder needs room for all of it, uncompressed,
    for a while. Raises as `copying.copy` does.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".coachkit-backup-") as work:
        path = Path(work) / _NAME
        copied = _copied(source, path, begin)
        _note(path, at, copied)
        with path.open("rb") as plain, gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
            shutil.copyfileobj(plain, packed)
    return copied


def restore(
    file: BinaryIO, target: Database, folder: Path | None = None, begin: Callable[[str], None] = lambda _: None
) -> Mapping[str, int]:
    """Fill an empty, migrated database with all that is in a backup, in one transaction; rows by table.

    The backup is checked first; one of an earlier version is brought up to date on the way. Raises Conflict for a file
    that is no whole backup and for a database with anything in it, SettingsError for a backup of a newer version. It
    needs room for all of it, uncompressed, in `folder`, by default where the system has temporary files.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".coachkit-restore-") as work:
        path = Path(work) / _NAME
        _unpack(file, path)
        _refuse_damaged(path)
        with _opened(path) as source:
            migrate.upgrade(source)
            return copying.copy(source, target, begin)


@contextmanager
def _opened(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    try:
        yield database
    finally:
        database.dispose()


def _copied(source: Database, path: Path, begin: Callable[[str], None]) -> Mapping[str, int]:
    with _opened(path) as target:
        migrate.upgrade(target)
        return copying.copy(source, target, begin)


def _note(path: Path, at: datetime, copied: Mapping[str, int]) -> None:
    """Say what the file is, in one file without a log."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"CREATE TABLE {_NOTE} (made_at TEXT NOT NULL, rows TEXT NOT NULL)")
        connection.execute(
            f"INSERT INTO {_NOTE} VALUES (?, ?)",  # noqa: S608 — a name of ours
            (at.isoformat(), json.dumps(dict(copied))),
        )
        connection.commit()
        connection.execute("PRAGMA journal_mode = DELETE")


def _unpack(file: BinaryIO, path: Path) -> None:
    try:
        with gzip.GzipFile(fileobj=file) as packed, path.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Conflict(f"This is no backup, or it is damaged: {error}") from None


def _refuse_damaged(path: Path) -> None:
    """Raise Conflict for what is no whole backup."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            if application != APPLICATION_ID:
                raise Conflict("This is an SQLite file, and not a backup that `coachkit backup` made")
            (sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if sound != "ok" or connection.execute("PRAGMA foreign_key_check").fetchone():
                raise Conflict(f"The backup is damaged: {sound}")
            (rows,) = connection.execute(f"SELECT rows FROM {_NOTE}").fetchone()  # noqa: S608 — a name of ours
            for table, number in json.loads(rows).items():
                (found,) = connection.execute(f"SELECT count(*) FROM {_quoted(table)}").fetchone()  # noqa: S608 — quoted
                if found != number:
                    raise Conflict(f"The backup is damaged: it has {found} rows of {number} in {table}")
    except sqlite3.DatabaseError as error:
        raise Conflict(f"This is no backup, or it is damaged: {error}") from None


def _quoted(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'
