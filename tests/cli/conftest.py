"""Commands as people give them, run in this process with the streams that pytest captures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from packmaker import make_pack

from coachkit.cli import main
from coachkit.db.database import Database

SETTINGS: dict[str, Any] = {
    "default_locale": "en-GB",
    "locales": {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]},
    "packs": {"example": ">=1.0,<2"},
    "brand": {"name": "University of Northbridge", "careers_email": "careers@northbridge.example"},
}


@dataclass(frozen=True)
class Done:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout; anything else there fails."""
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty folder, with no settings but those the test makes, and in no terminal."""
    for name in os.environ:
        if name.startswith("COACHKIT_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "working-folder"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*arguments: object) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Done(ended.value.code or 0, out, err)

    return run


@pytest.fixture
def installed(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the installation of `database`, which must succeed or end as `status` says."""
    monkeypatch.setenv("COACHKIT_DATABASE_URL", database.url)
    monkeypatch.setenv("COACHKIT_SECRET_KEY", bytes(range(32)).hex())

    def succeed(*arguments: object, status: int = 0) -> Done:
        done = run(*arguments)
        assert done.status == status, done.out + done.err
        return done

    return succeed


@pytest.fixture
def settings_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes an organisation's settings, with these keys replaced, and gives the file."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "organisation.yaml"
        path.write_text(yaml.safe_dump({**SETTINGS, **changes}, allow_unicode=True), encoding="utf-8")
        return path

    return write


@pytest.fixture
def furnished(installed: Run, settings_file: Callable[..., Path], tmp_path: Path) -> Run:
    """Runs a command where `northbridge` serves example@1.0.0 at `live`."""
    installed("pack", "publish", make_pack(tmp_path))
    installed("org", "create", "northbridge", settings_file(), "--demo")
    installed("edition", "publish", "northbridge")
    return installed
