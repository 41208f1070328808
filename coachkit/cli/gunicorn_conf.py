"""How gunicorn serves CoachKit: one file for `coachkit web`, for containers and for whoever starts gunicorn themselves.

Every public name is one of gunicorn's settings or server hooks; whoever starts gunicorn may still override each of
them on its command line or in GUNICORN_CMD_ARGS. Importing it reads the environment and changes nothing. It knows
nothing of CoachKit's own settings: the application reads those.

`WEB_CONCURRENCY`, which many hosts set, is the number of worker processes, and `WEB_THREADS` the number of threads in
each.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from coachkit.errors import SettingsError

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

__all__ = [
    "accesslog",
    "bind",
    "child_exit",
    "control_socket_disable",
    "forwarder_headers",
    "graceful_timeout",
    "keepalive",
    "limit_request_field_size",
    "limit_request_fields",
    "on_starting",
    "preload_app",
    "secure_scheme_headers",
    "threads",
    "timeout",
    "worker_class",
    "workers",
    "wsgi_app",
]


def _positive(variable: str, default: int) -> int:
    """The whole number, 1 or more, that an environment variable holds; an empty one counts as not set."""
    text = os.environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and int(text)):
        raise SettingsError(f"{variable}: {text!r} is not a whole number of 1 or more")
    return int(text)


def _usable_cores() -> int:
    """The cores that this process may run on, where the system tells; macOS tells only how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


wsgi_app = "coachkit.wsgi:app"

# Said out loud because gunicorn's own default is to listen to the whole network when a variable PORT is about.
bind = "127.0.0.1:8000"

# A cached answer is pure computing, so a process for each core; two at least, so that one may die unnoticed. Threads
# are for requests that wait on the database; an idle connection holds none.
worker_class = "coachkit.cli.gunicorn_worker.Worker"
workers = _positive("WEB_CONCURRENCY", max(2, _usable_cores()))
threads = _positive("WEB_THREADS", 8)

# Workers share what is loaded before they fork, and a fault at start stops the master instead of a loop of workers.
preload_app = True

# A proxy keeps its connections for about a minute: the side that waits longer here never closes one just being used.
keepalive = 75
# Seconds without a sign of life before a worker is replaced, and seconds for its last answers when it is told to stop:
# fewer than the ten that container engines allow between SIGTERM and SIGKILL.
timeout = 30
graceful_timeout = 8

# Headers of one name are joined, so a request could make us read 800 KB of wishes; readers send about 20 short ones.
limit_request_fields = 64
limit_request_field_size = 4094

# The application writes its own access log, with no address in it.
accesslog = None

# Nobody steers the server but by signals.
control_socket_disable = True

# What a proxy says about the client is believed in one place, the application, by COACHKIT_TRUSTED_PROXIES; gunicorn
# would believe everybody on this machine.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# Workers are not recycled (`max_requests`): nothing is known to leak, each new one starts with an empty store, and the
# counts of each dead one would stay to be added up at every scrape.


def on_starting(server: Arbiter) -> None:
    """Empty `PROMETHEUS_MULTIPROC_DIR`, where it is set, of what earlier processes counted.

    gunicorn calls this in the master, before the first worker starts. A master that takes over from a running one
    (SIGUSR2) leaves everything, since the old one's workers still count. What was counted while loading the
    application goes too: that is nothing, and each worker opens files of its own.
    """
    if server.master_pid == 0:
        for file in _counts():
            file.unlink(missing_ok=True)


def child_exit(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 — gunicorn tells the two apart by place
    """Take a dead worker out of the gauges that count the living, such as requests under way.

    gunicorn calls this in the master, after each worker's end.
    """
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess  # which would not notice the variable being set after its import

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call] # theirs has no annotations


def _counts() -> list[Path]:
    """The files that processes count in, and nothing else that may lie beside them."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return sorted(Path(folder).glob("*.db")) if folder else []
