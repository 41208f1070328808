"""Makes a whole installation to read from: packs published, organisations made, editions served, the real app.

Everything is done through the functions that the commands use. A `House` has no clock to turn and no part replaced:
`house.publish()` is `coachkit pack publish`, `house.edition("northbridge")` is `coachkit edition publish northbridge`.

- `northbridge`, a university in en-GB and cy with an overlay, a logo and colours
- `harbour`, a recruiter in en-GB
- `eastgate`, a college in en-GB and cy with the library as it is
"""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import flask
import redis
import yaml
from flask.testing import FlaskClient
from packmaker import Change, make_pack

from coachkit.api.services import EXTENSION, Services
from coachkit.app import create_app
from coachkit.cli.edition import publish_edition
from coachkit.cli.installation import Installation, now, plugins
from coachkit.cli.pack import publish_pack
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.editions import channels, releases
from coachkit.hooks.core import content_folder
from coachkit.organisations import files, organisations
from coachkit.settings import Settings

PATIENCE = 5.0
"""Seconds after which a test gives up on what should come within one."""

_LOCALES = {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]}

NORTHBRIDGE: Mapping[str, Any] = {
    "default_locale": "en-GB",
    "locales": _LOCALES,
    "packs": {"example": ">=1.0,<2"},
    "brand": {
        "name": {"en-GB": "University of Northbridge", "cy": "Prifysgol Northbridge"},
        "logo": {
            "url": "https://careers.northbridge.example/logo.svg",
            "alt": {"en-GB": "University of Northbridge", "cy": "Prifysgol Northbridge"},
        },
        "colours": {"link": "#5a2d91", "heading": "#3b1f5b"},
        "fonts": {"body": "Atkinson Hyperlegible, Arial, sans-serif"},
        "voice": "Warm and plain",
        "careers_email": "careers@northbridge.example",
    },
    "overlay": [
        {
            "op": "insert",
            "target": "example:module/first-hour",
            "locale": "en-GB",
            "after": "feel",
            "section": "at-northbridge",
            "title": "People here you can talk to",
            "text": "Write to {{careers_email}} and say only that you were turned down.",
        },
        {
            "op": "replace",
            "target": "example:module/ask-for-feedback",
            "locale": "en-GB",
            "field": "summary",
            "text": "How to ask one good question.",
        },
    ],
}
HARBOUR: Mapping[str, Any] = {
    "default_locale": "en-GB",
    "locales": {"en-GB": ["en-GB"]},
    "packs": {"example": ">=1.0,<2"},
    "brand": {"name": "Harbour Recruitment", "careers_email": "people@harbour.example"},
}
EASTGATE: Mapping[str, Any] = {
    "default_locale": "en-GB",
    "locales": _LOCALES,
    "packs": {"example": ">=1.0,<2"},
    "brand": {"name": "Eastgate College", "careers_email": "hello@eastgate.example"},
}
ORGANISATIONS = {"northbridge": NORTHBRIDGE, "harbour": HARBOUR, "eastgate": EASTGATE}

_SMALL = """\
id: {pack}
version: {version}
title: The pack {pack}
description: A few modules.
licence: CC-BY-4.0
authors: [{{role: careers adviser}}]
default_locale: en-GB
locales: [en-GB]
coachkit: ">=0.1,<1"
visibility: {visibility}
"""


@dataclass
class House:
    """One installation, its folder, and the apps that were made over it."""

    settings: Settings
    database: Database
    folder: Path
    apps: list[flask.Flask] = field(default_factory=list)

    @property
    def here(self) -> Installation:
        """The installation as commands have it."""
        return Installation(self.settings, self.database, plugins(self.settings.plugins))

    def publish(self, **changes: Change) -> str:
        """Publish the small pack with these changes (see packmaker) and give its release's digest."""
        return self.publish_folder(make_pack(self._new_folder("pack"), **changes))

    def publish_small(self, pack: str, version: str = "1.0.0", visibility: str = "public", **modules: str) -> str:
        """Publish a pack of a few English modules by id, and nothing else."""
        folder = self._new_folder("pack") / pack
        (folder / "modules").mkdir(parents=True)
        description = _SMALL.format(pack=pack, version=version, visibility=visibility)
        (folder / "pack.yaml").write_text(description, encoding="utf-8")
        for name, text in modules.items():
            (folder / "modules" / f"{name}.md").write_text(text, encoding="utf-8")
        return self.publish_folder(folder)

    def publish_core(self) -> str:
        """Publish the first-party pack."""
        return self.publish_folder(content_folder() / "core")

    def publish_folder(self, folder: Path) -> str:
        """Publish the pack of a folder."""
        return publish_pack(self.here, folder).head.digest

    def withdraw(self, pack: str, version: str) -> None:
        """Withdraw a release."""
        with self.database.write(ACROSS) as conn:
            releases.withdraw(conn, pack, version, now(), "it was wrong")

    def organisation(self, slug: str, settings: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Make an organisation, by default the one of that name here, with `more` settings over those."""
        chosen = self._read({**(settings or ORGANISATIONS[slug]), **more})
        with self.database.write(ACROSS) as conn:
            organisations.create(conn, slug, chosen, now(), demo=True)

    def set(self, slug: str, settings: Mapping[str, Any]) -> None:
        """Replace an organisation's settings."""
        chosen = self._read(settings)
        with self.database.write(ACROSS) as conn:
            organisations.change(conn, slug, chosen, now())

    def edition(self, slug: str, channel: str | None = "live") -> str:
        """Publish what an organisation chose, point a channel at it (none if None), and give its digest."""
        return publish_edition(self.here, slug, channel)[0].digest

    def move(self, slug: str, channel: str, digest: str, *, public: bool | None = None) -> None:
        """Point a channel at an edition."""
        with self.database.write(ACROSS) as conn:
            channels.move(conn, organisations.find(conn, slug), channel, digest, now(), public=public)

    def rollback(self, slug: str, channel: str = "live") -> str:
        """Point a channel back, and give where it points now."""
        with self.database.write(ACROSS) as conn:
            return channels.rollback(conn, organisations.find(conn, slug), channel, now()).digest

    def app(self, **settings: Any) -> flask.Flask:
        """A new app over this installation, with nothing in its stores; `settings` replace some of the house's."""
        chosen = replace(self.settings, **settings)
        if chosen.redis_url:
            with redis.Redis.from_url(chosen.redis_url) as shared:
                shared.flushdb()
        app = create_app(chosen)
        self.apps.append(app)
        return app

    def client(self, **settings: Any) -> FlaskClient:
        """A client of a new app, which keeps no cookies and follows no redirects."""
        return self.app(**settings).test_client(use_cookies=False)

    def close(self, keep: int = 0) -> None:
        """Stop what the apps started, but for the first `keep` that were made."""
        while len(self.apps) > keep:
            parts = services_of(self.apps.pop())
            parts.keyring.stop()
            parts.pointers.stop()
            parts.database.dispose()
            if parts.shared:
                parts.shared.close()

    def _read(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        path = self._new_folder("organisation") / "settings.yaml"
        path.write_text(yaml.safe_dump(dict(settings), allow_unicode=True), encoding="utf-8")
        return files.read(path)

    def _new_folder(self, name: str) -> Path:
        number = 1 + sum(1 for each in self.folder.iterdir() if each.name.startswith(f"{name}-"))
        folder = self.folder / f"{name}-{number}"
        folder.mkdir()
        return folder


def services_of(app: flask.Flask) -> Services:
    """The working parts of an app."""
    return cast("Services", app.extensions[EXTENSION])


@contextmanager
def house_over(settings: Settings, database: Database, folder: Path) -> Iterator[House]:
    """A house with nothing in it yet; whatever its apps started ends with it."""
    house = House(settings, database, folder)
    try:
        yield house
    finally:
        house.close()


@contextmanager
def house_in(folder: Path, database: Database, redis_url: str | None = None) -> Iterator[House]:
    """A house over a database, with its files in a folder: for the tests of a file to share."""
    settings = Settings(
        database.url,
        bytes(range(32)),
        redis_url=redis_url,
        data_dir=folder,
        limit_failed_keys=10_000,
        limit_keyless=0,
    )
    with house_over(settings, database, folder) as house:
        yield house


def furnish(house: House) -> House:
    """The house with the small pack and the three organisations, each with its first edition at `live`."""
    house.publish()
    for slug in ORGANISATIONS:
        house.organisation(slug)
        house.edition(slug)
    return house


def eventually(holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What `holds()` gives as soon as that is true; gives up after so many seconds."""
    until = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < until, "it has not come to pass"
        time.sleep(0.01)
    return found


def install_plugin(site: Path, name: str, source: str, version: str = "1.0.0") -> None:
    """Install a plugin in a folder that is on the path: a module of that source, and its package's metadata."""
    module = name.replace("-", "_")
    for old in site.glob(f"{module}-*.dist-info"):
        shutil.rmtree(old)
    (site / f"{module}.py").write_text(source, encoding="utf-8")
    metadata = site / f"{module}-{version}.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[coachkit.v1]\n{name} = {module}\n", encoding="utf-8")
    sys.modules.pop(module, None)
    importlib.invalidate_caches()
