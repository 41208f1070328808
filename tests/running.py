"""Starts CoachKit as people start it, on a free port and knowing nothing of the environment of the tests."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil
import pytest

STARTED_IN = 60.0
"""Seconds for a first start, which makes a database and publishes all packs, perhaps on a busy machine."""
STOPPED_IN = 20.0


@dataclass(frozen=True)
class Service:
    """A running CoachKit, in a session of its own."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path

    def get(self, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of what is at a path."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def stop(self, sign: signal.Signals) -> int:
        """Send one signal to the process that was started, to none of those it started, and give its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(timeout=STOPPED_IN)

    def interrupt(self) -> int:
        """Press Ctrl-C: SIGINT goes to everything that runs in the terminal. Gives the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=STOPPED_IN)

    def workers(self) -> set[int]:
        """The processes that answer: the children of the one that was started."""
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """Let one worker alone answer: the others stand still meanwhile."""
        others = self.workers() - {worker}
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)

    def is_gone(self) -> bool:
        """Whether none of all that was started is left, and the port is free again."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            with socket.create_server(("127.0.0.1", self.port)):
                return True
        return False


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    port: int,
    cwd: Path,
    home: Path,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Service]:
    """The command's service when it is ready; whatever is left of it at the end is killed."""
    environ = {**clean_environment(home), **environ}
    output = home / "output.txt"
    with output.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=cwd, env=environ, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    service = Service(process, port, output)
    try:
        _wait_until_ready(service)
        yield service
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def clean_environment(home: Path) -> dict[str, str]:
    """What every process needs, and nothing of the tests' own."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_ready(service: Service) -> None:
    until = time.monotonic() + STARTED_IN
    while time.monotonic() < until and service.process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            if service.get("/readyz")[0] == 200:
                return
        time.sleep(0.05)
    said = service.output.read_text(encoding="utf-8", errors="replace")
    pytest.fail(f"{service.process.args} is not ready; exit code {service.process.returncode}, and it said:\n{said}")
