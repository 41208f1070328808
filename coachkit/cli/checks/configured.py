"""Settings, where each comes from, and the places they name: files, folders, room on the disk."""

from __future__ import annotations

import os
import platform
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from coachkit import __version__
from coachkit.cli import gunicorn_conf
from coachkit.cli.checks.findings import Finding, Report
from coachkit.settings import Settings

HIDDEN: Final = "(not shown)"
FEW_BYTES: Final = 16
"""Different bytes that a random key of 32 has at least: fewer than these happen to nobody."""
SHORT_TOKEN: Final = 24
"""Characters of a token that nobody guesses."""
LITTLE: Final = 512 * 1024**2
NOTHING: Final = 64 * 1024**2
"""Bytes free on a disk below which to warn, and below which nothing can be relied on."""

_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


def check(settings: Settings, environ: Mapping[str, str] = os.environ) -> Report:
    """Everything that can be said of the settings without asking anybody."""
    facts = {
        "coachkit": __version__,
        "python": platform.python_version(),
        "gunicorn": version("gunicorn"),
        "workers": gunicorn_conf.workers,
        "threads": gunicorn_conf.threads,
    }
    found = [
        *config_file(environ),
        *secrets(settings),
        *addresses(settings),
        *folders(settings),
        *disks(settings),
        *memory(settings.cache_bytes, gunicorn_conf.workers),
    ]
    return Report(facts, tuple(found))


def origins(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[dict[str, str]]:
    """Each setting's name, its value with nothing secret in it, and where it was given."""
    config = environ.get("COACHKIT_CONFIG")
    in_file = tomllib.loads(Path(config).read_text(encoding="utf-8")) if config else {}
    listed = []
    for each in fields(settings):
        variable = f"COACHKIT_{each.name.upper()}"
        given = variable if environ.get(variable) else str(config) if each.name in in_file else "default"
        listed.append({"name": each.name, "value": shown(each.name, getattr(settings, each.name)), "from": given})
    return listed


def shown(name: str, value: Any) -> str:
    """A setting's value as anybody may see it."""
    if value is None:
        return "none"
    if name == "database_url":
        address = make_url(value).set(query={})
        host = (address.host or "").rpartition("@")[2]  # before it stands what of a password is not escaped
        return str(address.set(host=host or None).render_as_string(hide_password=True))
    if name == "redis_url":
        scheme, _, rest = str(value).partition("://")
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
    if name in {each.name for each in fields(Settings) if not each.repr}:
        return HIDDEN
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def config_file(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether others may read the file that has the secrets."""
    config = environ.get("COACHKIT_CONFIG")
    if config and Path(config).stat().st_mode & 0o077:
        yield Finding(
            config,
            "config-open",
            "other users of this machine may read the settings file",
            "it holds the secret key, and perhaps the database's password",
            f"chmod 600 {config}",
        )


def secrets(settings: Settings) -> Iterator[Finding]:
    """Whether what must not be guessed can be."""
    if _is_weak(settings.secret_key):
        yield Finding(
            "secret_key",
            "secret-weak",
            "the secret key was not made at random",
            "who guesses it can forge what is kept in Redis, and tell one organisation's ETags from another's",
            "set the one that `coachkit secret` prints; every ETag changes once; for keys see docs/keys.md",
        )
    if any(pepper is not None and _is_weak(pepper) for pepper in settings.key_peppers):
        yield Finding(
            "key_peppers",
            "pepper-weak",
            "a pepper was not made at random",
            "who guesses it and can write into the database can make a key",
            "put one that `coachkit secret` prints before it, as docs/keys.md says",
        )
    if settings.metrics_token is not None and len(settings.metrics_token) < SHORT_TOKEN:
        yield Finding(
            "metrics_token",
            "token-short",
            f"the token for /metrics has {len(settings.metrics_token)} characters",
            "a short one can be guessed, over the network and by anybody",
            "take the one that `coachkit secret` prints",
            "warning",
        )


def _is_weak(key: bytes) -> bool:
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    return len(set(key)) < FEW_BYTES or len(steps) < FEW_BYTES


def addresses(settings: Settings) -> Iterator[Finding]:
    """Whether the public address and the proxies in front of it fit together."""
    public = urlsplit(settings.public_url or "")
    if public.scheme == "http" and public.hostname not in _LOOPBACK:
        yield Finding(
            "public_url",
            "public-url-insecure",
            f"{settings.public_url} is not https",
            "what a reader opens about a rejection can be read and changed on the way",
            "let the proxy in front terminate TLS, and write the https address",
        )
    if public.scheme == "https" and settings.trusted_proxies == 0:
        yield Finding(
            "trusted_proxies",
            "proxy-untrusted",
            "readers come over https, which is a proxy's work, and no proxy is trusted",
            "CoachKit then takes the proxy for the reader, and http for the scheme",
            "set COACHKIT_TRUSTED_PROXIES to how many proxies are in front, 1 for docker/nginx.conf",
            "warning",
        )
    if settings.trusted_proxies and settings.metrics_token is None:
        yield Finding(
            "metrics_token",
            "metrics-closed",
            "behind a proxy /metrics answers only to a token, and there is none",
            "nobody can scrape this installation",
            "set COACHKIT_METRICS_TOKEN to what `coachkit secret` prints, and give it to the scraper",
            "warning",
        )


def folders(settings: Settings) -> Iterator[Finding]:
    """Whether the folders that are named are there, can be written, and are not everybody's."""
    for name, folder in (("data_dir", settings.data_dir), ("metrics_dir", settings.metrics_dir)):
        if folder is not None and not _can_be_written(folder):
            yield Finding(
                name,
                "folder-unwritable",
                f"{folder} cannot be written by this user",
                "CoachKit keeps files there, and makes it where it is missing",
                f"make it writable for the user that serves: chown or chmod {folder}",
            )
    if settings.data_dir is not None and settings.data_dir.is_dir() and settings.data_dir.stat().st_mode & 0o022:
        yield Finding(
            "data_dir",
            "folder-open",
            f"other users of this machine may write in {settings.data_dir}",
            "whoever can replace the database or the settings decides what readers see",
            f"chmod go-w {settings.data_dir}",
        )
    if settings.metrics_dir is None and gunicorn_conf.workers > 1:
        yield Finding(
            "metrics_dir",
            "metrics-apart",
            f"each of {gunicorn_conf.workers} workers counts for itself",
            "a scrape shows whichever worker answered it, so that counts seem to go back",
            "set COACHKIT_METRICS_DIR to a folder in memory, such as /dev/shm/coachkit-metrics",
            "warning",
        )
    for folder in settings.packs:
        if not folder.is_dir():
            yield Finding(
                "packs",
                "pack-folder-missing",
                f"{folder} is not there",
                "`coachkit pack publish --offered` fails as a whole",
                "put the pack there, or take it out of COACHKIT_PACKS",
            )


def disks(settings: Settings) -> Iterator[Finding]:
    """Whether there is room where CoachKit writes."""
    database = make_url(settings.database_url)
    kept = Path(database.database or "").parent if database.get_backend_name() == "sqlite" else None
    written = [folder for folder in (kept, settings.data_dir, settings.metrics_dir) if folder is not None]
    for folder in dict.fromkeys(_existing(each) for each in written):
        yield from room(folder, shutil.disk_usage(folder).free)


def room(folder: Path, free: int) -> Iterator[Finding]:
    """What so many free bytes mean for a folder."""
    if free < LITTLE:
        yield Finding(
            str(folder),
            "disk-full" if free < NOTHING else "disk-low",
            f"{free // 1024**2} MiB are free there",
            "without room nothing can be published, and a database may stop",
            "make room, or move the installation to a larger disk",
            "error" if free < NOTHING else "warning",
        )


def memory(cache_bytes: int, workers: int, machine: int | None = None) -> Iterator[Finding]:
    """Whether all workers' stores leave room in this machine's memory, by default as the system tells it."""
    if machine is None:
        names = os.sysconf_names
        if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(names):
            return
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if cache_bytes * workers > machine / 2:
        yield Finding(
            "cache_bytes",
            "cache-too-large",
            f"{workers} workers may keep {cache_bytes * workers // 1024**2} of {machine // 1024**2} MiB of memory",
            "the system ends a process when memory runs out",
            "lower COACHKIT_CACHE_BYTES or WEB_CONCURRENCY",
            "warning",
        )


def _can_be_written(folder: Path) -> bool:
    return os.access(_existing(folder), os.W_OK | os.X_OK) and (folder.is_dir() or not folder.exists())


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.exists())
