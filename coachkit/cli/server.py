"""Serving an installation with gunicorn."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, NoReturn

import click
from gunicorn.util import parse_address

from coachkit import settings as settings_module
from coachkit.cli import gunicorn_conf, together
from coachkit.cli.installation import installation
from coachkit.cli.output import json_option, show
from coachkit.confined import wardens
from coachkit.errors import SettingsError
from coachkit.settings import Settings

BIND = "127.0.0.1:8000"

bind_option = click.option("--bind", default=BIND, show_default=True, help="HOST:PORT to listen on.")


@click.command()
@bind_option
@json_option
def web(bind: str, *, as_json: bool) -> None:
    """Serve this installation's HTTP side. Workers and threads: WEB_CONCURRENCY, WEB_THREADS."""
    settings = _checked(bind, as_json=as_json)
    run_web(settings, bind)


@click.command()
@bind_option
@json_option
def serve(bind: str, *, as_json: bool) -> None:
    """Serve this installation, and do its work in the background: `coachkit web` and `coachkit worker` as one.

    Workers and threads: WEB_CONCURRENCY, WEB_THREADS.
    """
    settings = _checked(bind, as_json=as_json)
    sys.exit(run_both(settings, bind))


def _checked(bind: str, *, as_json: bool) -> Settings:
    settings = settings_module.load()
    refuse_taken(bind, "--bind")
    with installation(settings):  # which refuses a database that is not up to date
        show({"bind": bind}, (), as_json=as_json)
    return settings


def refuse_taken(bind: str, option: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raise SettingsError where nobody can listen at HOST:PORT: at once, where gunicorn would try on for seconds.

    `option` is where the address can be changed. Unix sockets and those that systemd hands down are left to gunicorn.
    """
    try:
        address = parse_address(bind)
        if isinstance(address, tuple) and "LISTEN_FDS" not in environ:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            with socket.socket(family) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
                listener.bind(address)
    except (RuntimeError, OverflowError) as error:  # how gunicorn and Python refuse a port
        raise SettingsError(f"{bind} is not HOST:PORT: {error}") from None
    except OSError as error:
        raise SettingsError(f"Cannot listen at {bind}: {error.strerror}. Choose another with {option}") from None


def run_web(settings: Settings, bind: str) -> NoReturn:
    """Become gunicorn, with our configuration; the database is up to date."""
    command, environment = _gunicorn(bind), _environment(settings, os.environ)
    _leave_nothing_open()
    os.execve(sys.executable, command, environment)  # noqa: S606 our own interpreter, and no shell


def run_both(settings: Settings, bind: str, environ: Mapping[str, str] = os.environ) -> int:
    """Run gunicorn and a worker until they are told to stop, or one of them ends; the database is up to date.

    Gives an exit status. HUP lets both begin anew with the settings as they are then.
    """
    environment = _environment(settings, environ)
    commands = {"web": _gunicorn(bind), "worker": [sys.executable, "-m", "coachkit.cli", "worker"]}
    _leave_nothing_open()
    return together.run(commands, environment, _PASSED)


_PASSED: Final[Mapping[int, Collection[str]]] = {
    signal.SIGHUP: ("web", "worker"),
    signal.SIGTTIN: ("web",),
    signal.SIGTTOU: ("web",),
}
"""Signals that gunicorn or the worker has a use for, as docs/operating.md has them."""


def _gunicorn(bind: str) -> list[str]:
    configuration = str(Path(gunicorn_conf.__file__))
    return [sys.executable, "-m", "gunicorn", "--config", configuration, "--bind", bind]


def _environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    environment = dict(environ)
    if settings.metrics_dir is not None:
        settings.metrics_dir.mkdir(parents=True, exist_ok=True)
        environment.setdefault("PROMETHEUS_MULTIPROC_DIR", str(settings.metrics_dir))
    return environment


def _leave_nothing_open() -> None:
    sys.stdout.flush()
    wardens.close()
