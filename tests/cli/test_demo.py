"""`coachkit demo` as a newcomer runs it: a process of its own, over a folder that does not exist yet."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from appmaker import eventually
from running import Service, clean_environment, free_port, running

from coachkit.hooks.core import content_folder

COACHKIT = Path(sys.executable).with_name("coachkit")
MODULE = "/v1/orgs/northbridge/modules/first-hour"
PATHS = (MODULE, f"{MODULE}?locale=cy", f"{MODULE}?format=html", "/v1/orgs/harbour/modules", "/v1/packs")


def rows(data: Path) -> str:
    """Everything that the demo's database holds, but for what is due: that moves on as it is done."""
    with closing(sqlite3.connect(data / "coachkit.sqlite")) as connection:
        return "\n".join(line for line in connection.iterdump() if not line.startswith('INSERT INTO "jobs"'))


def answers(service: Service) -> list[tuple[bytes, str | None, str | None]]:
    """Body, ETag and edition of several answers."""
    found = [service.get(path) for path in PATHS]
    return [(body, headers["ETag"], headers["CoachKit-Edition"]) for _, headers, body in found]


@dataclass(frozen=True)
class FirstRun:
    """What the first start left, and how it stopped."""

    data: Path
    rows: str
    answers: list[tuple[bytes, str | None, str | None]]
    status: int
    stopped_in: float
    gone: bool


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def first_run(home: Path) -> FirstRun:
    """The demo's first start in this folder, stopped by SIGTERM."""
    port, data = free_port(), home / "the data's folder"
    command = [COACHKIT, "demo", "--port", str(port), "--data", data]
    with running(command, port=port, cwd=home, home=home) as service:
        answered = answers(service)
        stored = rows(data)
        began = time.monotonic()
        status = service.stop(signal.SIGTERM)
        return FirstRun(data, stored, answered, status, time.monotonic() - began, service.is_gone())


@dataclass(frozen=True)
class Again:
    """The demo started a second time, and the seconds until it answered."""

    service: Service
    data: Path
    started_in: float

    @property
    def said(self) -> str:
        """What it printed."""
        return self.service.output.read_text(encoding="utf-8")

    def lines(self, heading: str) -> list[str]:
        """The indented lines below one that begins so."""
        return re.search(rf"^{heading}.*\n((?:  .*\n)+)", self.said, re.MULTILINE)[1].split("\n")[:-1]


@pytest.fixture(scope="module")
def again(first_run: FirstRun, home: Path) -> Iterator[Again]:
    port = free_port()
    command = [COACHKIT, "demo", "--port", str(port), "--data", first_run.data]
    began = time.monotonic()
    with running(command, port=port, cwd=home, home=home) as service:
        yield Again(service, first_run.data, time.monotonic() - began)
        assert service.interrupt() == 0, "Ctrl-C ends it with exit code 0"


def shell(line: str, home: Path) -> str:
    """What a line prints that somebody pasted into a terminal."""
    environ = clean_environment(home)
    environ["PATH"] = f"{COACHKIT.parent}:{environ['PATH']}"
    return subprocess.run(["sh", "-c", line], env=environ, capture_output=True, text=True, check=True).stdout


def test_sigterm_stops_it(first_run: FirstRun) -> None:
    """SIGTERM ends it with exit code 0, in time, and leaves no process and no taken port."""
    assert (first_run.status, first_run.gone) == (0, True)
    assert first_run.stopped_in < 8


def test_second_start_is_quick(again: Again) -> None:
    """A second start answers in under 5 s."""
    assert again.started_in < 5


def test_second_start_changes_nothing(first_run: FirstRun, again: Again) -> None:
    """After a second start every row of the database is as it was, and every answer to its ETag and edition."""
    assert rows(again.data) == first_run.rows
    assert answers(again.service) == first_run.answers


def test_files_are_private(again: Again) -> None:
    """The settings, with their secret, are for their owner alone, and so is the folder of everything."""
    assert stat.S_IMODE(again.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((again.data / "coachkit.toml").stat().st_mode) == 0o600
    assert "secret_key" in (again.data / "coachkit.toml").read_text(encoding="utf-8")


def test_pages_to_open(again: Again) -> None:
    """Every address it prints to open is a page."""
    addresses = [line.strip() for line in again.lines("Open")]
    assert len(addresses) == 3
    for address in addresses:
        status, headers, _ = again.service.get(address.removeprefix(f"http://127.0.0.1:{again.service.port}"))
        assert (status, headers.get_content_type()) == (200, "text/html"), address


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are for curl")
def test_curl_lines(again: Again, home: Path) -> None:
    """The three requests it prints work as printed: an organisation, a module in Welsh with English, a message."""
    organisation, module, message = [shell(line, home) for line in again.lines("Try")]
    assert json.loads(organisation)["id"] == "northbridge"
    head, _, body = module.replace("\r\n", "\n").partition("\n\n")
    assert head.startswith("HTTP/1.1 200 OK\n")
    assert "\nContent-Language: cy, en-GB\n" in head
    assert json.loads(body)["locale"] == "cy"
    assert "Sam Price" in message


def test_export_line(again: Again, home: Path) -> None:
    """After the line that exports the settings, every command works on the demo's installation."""
    (line,) = again.lines("In another terminal")
    shown = shell(f"{line.strip()} && coachkit org show harbour --json", home)
    assert json.loads(shown)["name"] == "Harbour Recruitment"


def test_two_workers(again: Again) -> None:
    """At least two workers answer, so that one may die unnoticed."""
    masters = [psutil.Process(pid) for pid in again.service.workers()]
    (master,) = [each for each in masters if "gunicorn" in each.cmdline()]
    eventually(lambda: len(master.children()) >= 2, 30)


PLANNED = [("hostnames",), ("retention",), ("reviews",), ("schedule-turns",)]


def test_worker_runs(again: Again) -> None:
    """What is to be done again and again is planned, and done once at the start."""
    with closing(sqlite3.connect(again.data / "coachkit.sqlite")) as connection:
        query = "SELECT kind FROM jobs WHERE due_at > datetime('now') ORDER BY kind"
        eventually(lambda: connection.execute(query).fetchall() == PLANNED, 30)


def test_port_in_use(again: Again, tmp_path: Path) -> None:
    """A port that is taken is said at once, with what to do, before anything is made."""
    began = time.monotonic()
    command = [COACHKIT, "demo", "--port", str(again.service.port), "--data", tmp_path / "var", "--json"]
    done = subprocess.run(command, env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (problem,) = json.loads(done.stdout)["problems"]
    assert f"127.0.0.1:{again.service.port}" in problem["message"]
    assert "--port" in problem["message"]
    assert not (tmp_path / "var").exists()
    assert time.monotonic() - began < 5


def test_edited_pack_and_other_settings(first_run: FirstRun, tmp_path: Path) -> None:
    """A pack edited without a new version is warned about and what is stored serves; so it is with a broken one.

    With --json stdout is one document all the same. And the variables of another installation do not lead the demo
    astray to its database.
    """
    data, edited, broken = tmp_path / "var", tmp_path / "edited", tmp_path / "broken"
    shutil.copytree(first_run.data, data)
    for folder in (edited, broken):
        shutil.copytree(content_folder() / "core", folder)
    with (edited / "modules" / "first-hour.md").open("a", encoding="utf-8") as file:
        file.write("\nOne more sentence.\n")
    (broken / "modules" / "first-hour.md").write_text("nothing", encoding="utf-8")
    environ = {
        "COACHKIT_PACKS": f"{edited},{broken}",
        "COACHKIT_DATABASE_URL": f"sqlite:///{tmp_path / 'mine.sqlite'}",
        "COACHKIT_SECRET_KEY": "0" * 64,
    }
    port = free_port()
    command = ["sh", "-c", 'exec "$0" "$@" 2>said.txt', COACHKIT, "demo", "--port", str(port), "--data", data, "--json"]
    with running(command, port=port, cwd=tmp_path, home=tmp_path, environ=environ) as service:
        assert answers(service) == first_run.answers
        printed = json.loads(service.output.read_text(encoding="utf-8"))
    warnings = (tmp_path / "said.txt").read_text(encoding="utf-8")
    assert re.search(r"warning: edited: core@1\.0\.0 .*The stored release is served\.", warnings)
    assert re.search(r"^broken/modules/first-hour\.md:.* error: ", warnings, re.MULTILINE)
    assert printed["address"] == f"http://127.0.0.1:{port}"
    assert rows(data) == first_run.rows
    assert not (tmp_path / "mine.sqlite").exists()


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    """A folder that cannot be made is named with the reason, and no trace."""
    (tmp_path / "file").touch()
    command = [COACHKIT, "demo", "--port", str(free_port()), "--data", tmp_path / "file" / "var"]
    done = subprocess.run(command, env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr
