"""Starts servers on a core of their own, and says what they cost: CPU time and memory, of all their processes.

The load runs in the process that calls this, on another core. Where the system cannot pin processes, or there is one
core only, nothing is pinned, and `PINNED` says so.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from coachkit.cli import gunicorn_conf

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 60.0
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
PINNED = len(_CORES) > 1
"""Whether servers have a core to themselves, and the load another."""
_MB = 1_000_000


class ServerError(Exception):
    """A server did not start; the message has what it said."""


@dataclass(frozen=True)
class Command:
    """How a server is started: it listens on the port that stands for {port}, and is ready when `ready` answers 200."""

    argv: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/"


@dataclass(frozen=True)
class Memory:
    """MB (10⁶ bytes) of one worker: what is its own, and its share of what processes hold together."""

    own: float
    proportional: float


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    seconds_to_ready: float

    def cpu_seconds(self) -> float:
        """CPU seconds of all its processes until now, to 0.01 s each."""
        return float(sum(each.user + each.system for each in (one.cpu_times() for one in self._processes())))

    def workers(self) -> list[Memory]:
        """The memory of each process that answers: those that were started by the one that was started."""
        found = [one.memory_full_info() for one in self._processes()[1:]]
        return [Memory(each.uss / _MB, getattr(each, "pss", each.rss) / _MB) for each in found]

    def _processes(self) -> list[psutil.Process]:
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]


@contextmanager
def serving(command: Command, log: Path) -> Iterator[Server]:
    """The server, ready, on the servers' core; it and all it started are killed at the end. Raises ServerError."""
    port = _free_port()
    environ = {"HOME": str(log.parent), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **command.environ}
    argv = [each.replace("{port}", str(port)) for each in command.argv]
    began = time.perf_counter()
    with log.open("wb") as output, on_servers_core():
        process = subprocess.Popen(
            argv, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_until_ready(process, port, command.ready, log)
        yield Server(process, port, time.perf_counter() - began)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def python(*argv: str, peers: Path | None = None) -> list[str]:
    """A command of this environment's Python, or of the one in a folder."""
    return [str(peers / "bin" / "python") if peers else sys.executable, *argv]


def gunicorn(app: str, *, peers: Path | None = None, folder: Path | None = None) -> list[str]:
    """One gthread worker, for CoachKit and what is compared with it as `coachkit web` sets it up, for others alike."""
    argv = ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1"]
    if peers is None:
        argv += ["--config", str(Path(gunicorn_conf.__file__))]
    else:
        argv += ["--worker-class", "gthread", "--threads", str(gunicorn_conf.threads), "--preload"]
        argv += ["--keep-alive", str(gunicorn_conf.keepalive), "--no-control-socket"]
    if folder is not None:
        argv += ["--pythonpath", str(folder)]
    return python(*argv, app, peers=peers)


def granian(app: str, *, folder: Path | None = None) -> list[str]:
    """One worker of granian's WSGI server with one thread for Python."""
    argv = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}", "--no-ws"]
    if folder is not None:
        argv += ["--working-dir", str(folder)]
    return python(*argv, "--workers", "1", "--blocking-threads", "1", app)


def leave_servers_core() -> None:
    """Keep this process, and the load in it, off the servers' core."""
    if PINNED:
        os.sched_setaffinity(0, _CORES[1:])


@contextmanager
def on_servers_core() -> Iterator[None]:
    """What is started meanwhile stays on the servers' core."""
    if not PINNED:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _CORES[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection,
        ):
            connection.request("GET", path, headers={"Connection": "close"})
            if connection.getresponse().status == http.client.OK:
                return
        time.sleep(0.005)
    said = log.read_text(encoding="utf-8", errors="replace")[-4_000:]
    raise ServerError(f"{process.args!r} is not ready; exit code {process.returncode}, and it said:\n{said}")
