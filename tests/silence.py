"""Makes a test's database silent, each in a way of its own kind, as long as a block lasts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from coachkit.db.database import Database

HOLD = """
import fcntl, sys
with open(sys.argv[1], "r+b") as index:
    fcntl.lockf(index, fcntl.LOCK_EX, 8, 120)
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """SQLite's file held by somebody else, as while it is being recovered: nobody can read or write."""
    index = database.url.removeprefix("sqlite:///") + "-shm"
    command = [sys.executable, "-c", HOLD, index]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == "held\n"
        yield
        holder.stdin.close()


@contextmanager
def closed(database: Database) -> Iterator[None]:
    """PostgreSQL ends every connection to the database and accepts no other."""
    name = psycopg.conninfo.conninfo_to_dict(database.url)["dbname"]
    with psycopg.connect(database.url, dbname="postgres", autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        yield
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@contextmanager
def hanging(database: Database) -> Iterator[None]:
    """PostgreSQL's processes for this database stand still: it takes questions and answers none."""
    name = psycopg.conninfo.conninfo_to_dict(database.url)["dbname"]
    with psycopg.connect(database.url, dbname="postgres", autocommit=True) as conn:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        pids = [pid for (pid,) in conn.execute(query, [name])]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def silent(database: Database) -> AbstractContextManager[None]:
    """Silent in the usual way of its kind."""
    return locked(database) if database.is_sqlite else closed(database)
