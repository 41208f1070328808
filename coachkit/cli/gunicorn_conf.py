"""How gunicorn serves CoachKit: one file for `coachkit web`, for containers and for whoever starts gunicorn themselves.

Every public name is one of gunicorn's settings or server hooks; whoever starts gunicorn may still override each of
them on its command line or in GUNICORN_CMD_ARGS. Importing it reads the environment and changes nothing. It knows
nothing of CoachKit's own settings: the application reads those.

`WEB_CONCURRENCY`, which many hosts set, is the number of worker processes, and `WEB_THREADS` the number of threads in
each.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from coachkit.errors import SettingsError
from coachkit.settings import positive, processes

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
    "on_reload",
    "on_starting",
    "post_fork",
    "pre_exec",
    "pre_fork",
    "preload_app",
    "secure_scheme_headers",
    "threads",
    "timeout",
    "when_ready",
    "worker_class",
    "worker_tmp_dir",
    "workers",
    "wsgi_app",
]


wsgi_app = "coachkit.wsgi:app"

# Said out loud because gunicorn's own default is to listen to the whole network when a variable PORT is about.
bind = "127.0.0.1:8000"

# A cached answer is pure computing, so a process for each core; two at least, so that one may die unnoticed. Threads
# are for requests that wait on the database; an idle connection holds none.
worker_class = "coachkit.cli.gunicorn_worker.Worker"
workers = processes()
threads = positive("WEB_THREADS", 8)

# Workers share what is loaded before they fork, and a fault at start stops the master instead of a loop of workers.
preload_app = True

# A worker shows that it lives by touching a file: in memory where there is such a place, since a disk may be slow to
# answer, or not to be written on at all.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None  # noqa: S108 gunicorn unlinks it

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

# Workers are not recycled by themselves: nothing is known to leak, and each new one starts with an empty store. Who
# wants it says GUNICORN_CMD_ARGS="--max-requests 100000 --max-requests-jitter 20000"; the jitter keeps them from
# stopping all at once.


def on_starting(server: Arbiter) -> None:
    """Empty `PROMETHEUS_MULTIPROC_DIR`, where it is set, of what earlier processes counted.

    gunicorn calls this in the master, before the first worker starts. A master that takes over from a running one
    (SIGUSR2) leaves everything, since the old one's workers still count. What was counted while loading the
    application goes too: that is nothing, and each worker opens files of its own.
    """
    if server.master_pid == 0:
        for file in _counts():
            file.unlink(missing_ok=True)


def when_ready(server: Arbiter) -> None:  # noqa: ARG001 — gunicorn tells the two apart by place
    """Set apart what workers will share, before the first one starts."""
    _settle_down()


def on_reload(server: Arbiter) -> None:
    """Let the new workers serve with the settings as they are now, and with the old ones if those cannot be used.

    gunicorn calls this in the master on SIGHUP, before it starts the workers that replace the running ones. What was
    loaded before the fork would otherwise stay as it is. Code stays: SIGUSR2 or a restart takes a new version.
    """
    served = server.app.callable
    if served is None:
        return  # each worker loads the application itself
    gc.unfreeze()
    log = server.log or logging.getLogger(__name__)
    sys.modules.pop("coachkit.wsgi", None)
    server.app.callable = None
    try:
        server.app.wsgi()
    except Exception as error:
        server.app.callable = served
        known = isinstance(error, SettingsError)
        log.warning("The settings from before serve on: %s", error, exc_info=None if known else error)
    _settle_down()


def pre_exec(server: Arbiter) -> None:
    """Start a new master (SIGUSR2) as this one was started, which gunicorn does not know of `python -m gunicorn`.

    It would run the file `gunicorn/__main__.py`, whose folder then hides Python's own `http`.
    """
    if Path(sys.argv[0]).name == "__main__.py":
        server.START_CTX["args"] = [sys.executable, "-m", "gunicorn", *sys.argv[1:]]


def pre_fork(server: Arbiter, worker: Worker) -> None:
    """Give a new worker a place that no living one has: its files of counts are named by it.

    So a worker goes on counting where a dead one stopped, nothing is lost, and there are never more files than there
    were workers at one time. Named by process number they would become more with each worker that is replaced.
    """
    taken = {getattr(each, "place", None) for each in server.WORKERS.values()}
    free = next(number for number in range(len(taken) + 1) if f"{server.pid}-{number}" not in taken)
    worker.place = f"{server.pid}-{free}"  # type: ignore[attr-defined] # it goes with the worker through a reload


def post_fork(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 — gunicorn tells the two apart by place
    """Let this worker count in the files of its place."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import values

        place = worker.place  # type: ignore[attr-defined]
        values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def child_exit(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001 — gunicorn tells the two apart by place
    """Take a dead worker out of the gauges that count the living, such as requests under way.

    gunicorn calls this in the master, after each worker's end.
    """
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess  # which would not notice the variable being set after its import

        # its number too: what counts without labels, as a plugin may, was named before the fork
        for name in (worker.place, worker.pid):  # type: ignore[attr-defined]
            multiprocess.mark_process_dead(name)  # type: ignore[no-untyped-call] # theirs has no annotations


def _settle_down() -> None:
    """Let workers leave alone what they share: to look for garbage in it takes time, and copies its memory to each."""
    gc.collect()
    gc.freeze()


def _counts() -> list[Path]:
    """The files that processes count in, and nothing else that may lie beside them."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return sorted(Path(folder).glob("*.db")) if folder else []
