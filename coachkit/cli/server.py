"""Serving an installation with gunicorn."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click

from coachkit import settings as settings_module
from coachkit.cli import gunicorn_conf
from coachkit.cli.installation import installation
from coachkit.settings import Settings

BIND = "127.0.0.1:8000"

bind_option = click.option("--bind", default=BIND, show_default=True, help="HOST:PORT to listen on.")


@click.command()
@bind_option
def web(bind: str) -> None:
    """Serve this installation's HTTP side. Workers and threads: WEB_CONCURRENCY, WEB_THREADS."""
    run(settings_module.load(), bind)


@click.command()
@bind_option
def serve(bind: str) -> None:
    """Serve this installation. Workers and threads: WEB_CONCURRENCY, WEB_THREADS."""
    run(settings_module.load(), bind)


def run(settings: Settings, bind: str, environ: Mapping[str, str] = os.environ) -> NoReturn:
    """Become gunicorn, with our configuration. Raises SettingsError where the database is not up to date."""
    with installation(settings):
        pass
    environment = dict(environ)
    if settings.metrics_dir is not None:
        settings.metrics_dir.mkdir(parents=True, exist_ok=True)
        environment.setdefault("PROMETHEUS_MULTIPROC_DIR", str(settings.metrics_dir))
    configuration = str(Path(gunicorn_conf.__file__))
    command = [sys.executable, "-m", "gunicorn", "--config", configuration, "--bind", bind]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 our own interpreter, and no shell
