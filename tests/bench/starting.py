"""What it takes to start: the command line's help, a service that is ready, and the memory of each worker."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from bench.compare import spread
from bench.load import each_once, request
from bench.reading import ADDRESS, Reading
from bench.report import Row, Table, at_most
from bench.servers import ROOT, Command, on_servers_core, python, serving

_COMMAND = "from coachkit.cli import main; main()"
_HELP_WITHIN = 0.3
WORKERS = 4


def starting(reading: Reading, rounds: int, folder: Path) -> Table:
    """The table of starts: of the help, of a service, and what its workers weigh once each has answered."""
    shown = spread([_help() for _ in range(rounds)])
    ready: list[float] = []
    own: list[float] = []
    shared: list[float] = []
    web = python("-c", _COMMAND, "web", "--bind", "127.0.0.1:{port}")
    for _ in range(rounds):
        environ = reading.place.server_environ() | {"WEB_CONCURRENCY": str(WORKERS)}
        with serving(Command(web, environ, "/readyz"), folder / "starting.log") as server:
            ready.append(server.seconds_to_ready)
            each_once(server.port, [request(ADDRESS)] * 2_000, connections=64)
            workers = server.workers()
            own += [each.own for each in workers]
            shared += [each.proportional for each in workers]
    goal = at_most(f"≤ {_HELP_WITHIN:g} s", _HELP_WITHIN, shown, f"{shown.median:.2f} s")
    rows = [
        Row(["`coachkit --help`", shown.said(".2f", " s")], [goal]),
        Row([f"`coachkit web` with {WORKERS} workers, until it is ready", spread(ready).said(".2f", " s")]),
        Row(["a worker's own memory", spread(own).said(".0f", " MB")]),
        Row(["with its part of what they share", spread(shared).said(".0f", " MB")]),
    ]
    about = (
        "By the clock, from the start of a process, on files that the system has read before. Ready is a 200 from "
        "`/readyz`. Workers are forked from a master that has loaded the application (`--preload`); each has answered "
        "some of 2,000 requests before it is weighed."
    )
    return Table("Starting", about, ("", "found"), rows)


def _help() -> float:
    """Seconds for the help."""
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    with on_servers_core():
        began = time.perf_counter()
        subprocess.run(python("-c", _COMMAND, "--help"), cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began
