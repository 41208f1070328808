"""`coachkit serve` and `coachkit worker` as people run them: what ends one ends both, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from appmaker import eventually
from running import STARTED_IN, Service, clean_environment, free_port, running

from coachkit.cli.worker import REPEATING
from coachkit.db import jobs
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.settings import write_config

COACHKIT = Path(sys.executable).with_name("coachkit")
STARTED = "worker started"


@pytest.fixture
def environ(database: Database, tmp_path: Path) -> dict[str, str]:
    """The variables of an installation, whose settings are in a file."""
    write_config(
        tmp_path / "coachkit.toml",
        {"database_url": database.url, "secret_key": bytes(range(32)).hex(), "data_dir": str(tmp_path)},
    )
    return {"COACHKIT_CONFIG": str(tmp_path / "coachkit.toml"), "WEB_CONCURRENCY": "1"}


@pytest.fixture
def service(environ: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """Both, ready."""
    port = free_port()
    command = [COACHKIT, "serve", "--bind", f"127.0.0.1:{port}"]
    with running(command, port=port, cwd=tmp_path, home=tmp_path, environ=environ) as service:
        eventually(lambda: STARTED in said(service), STARTED_IN)
        yield service


def said(service: Service) -> str:
    return service.output.read_text(encoding="utf-8")


def part(service: Service, word: str) -> psutil.Process:
    """The process of the two in whose command a word is."""
    (found,) = [each for each in map(psutil.Process, service.workers()) if word in each.cmdline()]
    return found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_stopped(service: Service, sign: signal.Signals) -> None:
    """A signal to the first process alone stops both, with status 0, and leaves nothing."""
    assert service.stop(sign) == 0
    eventually(service.is_gone)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_interrupted(service: Service) -> None:
    """Ctrl-C, which reaches all of them, ends them with status 0 and leaves nothing."""
    assert service.interrupt() == 0
    eventually(service.is_gone)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("word", ["gunicorn", "worker"])
def test_one_dies(service: Service, word: str) -> None:
    """If one of the two dies the other is stopped, the exit status says so, and the log which it was."""
    part(service, word).kill()
    assert service.process.wait(30) == 128 + signal.SIGKILL
    eventually(service.is_gone)
    assert f"the {'web' if word == 'gunicorn' else word} process ended by itself (signal 9)" in said(service)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_first_dies_at_once(database: Database, environ: dict[str, str], tmp_path: Path) -> None:
    """If the web side cannot even start, the worker is not begun, and the exit status is the web side's."""
    environ = clean_environment(tmp_path) | environ | {"GUNICORN_CMD_ARGS": "--no-such-option"}
    command = [COACHKIT, "serve", "--bind", f"127.0.0.1:{free_port()}"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "the web process ended by itself (exit status 2)" in done.stderr
    assert STARTED not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it there alone")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_killed(service: Service) -> None:
    """Shot, it leaves neither of the two behind."""
    service.process.kill()
    service.process.wait()
    eventually(service.is_gone, 20)


def test_repeating_jobs_are_done(service: Service, database: Database) -> None:
    """What is for every day is planned once, done at the first start, and due again at its hour."""
    eventually(lambda: due(database).keys() == REPEATING.keys() and min(due(database).values()) > datetime.now(UTC), 30)
    daily = {kind: hour for kind, (every, hour) in REPEATING.items() if every == timedelta(days=1)}
    assert {kind: each.time() for kind, each in due(database).items() if kind in daily} == daily


def due(database: Database) -> dict[str, datetime]:
    """When each job of everybody's is due."""
    with database.read(ACROSS) as conn:
        found = jobs.due(conn, tuple(REPEATING), datetime.now(UTC) + timedelta(days=9), 10)
    return {each.kind: each.due_at for each in found}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_begins_anew(service: Service, environ: dict[str, str]) -> None:
    """HUP lets the worker begin anew in the same process, and one with settings that cannot be used goes on."""
    pid, config = part(service, "worker").pid, Path(environ["COACHKIT_CONFIG"])
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: said(service).count(STARTED) == 2, STARTED_IN)
    config.write_text(config.read_text("utf-8") + "nonsense = 1\n", encoding="utf-8")
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the settings from before hold on" in said(service))
    assert part(service, "worker").pid == pid
    assert service.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_supervisor_has_nothing_open(service: Service) -> None:
    """The process that watches the two has one thread, and neither a socket nor a database."""
    process = Path("/proc", str(service.process.pid))
    opened = [str(each.readlink()) for each in (process / "fd").iterdir()]
    assert len(list((process / "task").iterdir())) == 1
    assert not [each for each in opened if each.startswith("socket:") or "sqlite" in each]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_worker_is_told_to_stop(database: Database, environ: dict[str, str], tmp_path: Path) -> None:
    """A worker by itself says in JSON how many jobs it does at once, logs to stderr, and ends with 0 on SIGTERM."""
    command = [COACHKIT, "worker", "--threads", "3", "--json"]
    environ = clean_environment(tmp_path) | environ
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert STARTED in process.stderr.readline()
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, '{\n  "threads": 3\n}\n')
    assert "worker stopped" in err


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_worker_waits_for_the_database(database: Database, environ: dict[str, str], tmp_path: Path) -> None:
    """A worker that finds no answering database waits for it, and shows meanwhile and afterwards that it lives."""
    pulse = tmp_path / "pulse"
    file, aside = tmp_path / "coachkit.sqlite", tmp_path / "aside.sqlite"
    database.dispose()
    file.rename(aside)
    file.mkdir()
    environ = clean_environment(tmp_path) | environ
    command = [COACHKIT, "worker", "--pulse", pulse]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert "waits for the database" in process.stderr.readline()
        beats_again(pulse)
        file.rmdir()
        aside.rename(file)
        assert STARTED in process.stderr.readline()
        beats_again(pulse)
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


def beats_again(pulse: Path) -> None:
    """Let the file be old, and wait until it is touched."""
    os.utime(pulse, (0, 0))
    eventually(lambda: pulse.stat().st_mtime > 0)


def test_worker_whose_pulse_nobody_could_feel(run, tmp_path: Path) -> None:
    """A worker that could not touch its file does not begin, and says so."""
    done = run("worker", "--pulse", tmp_path / "nowhere" / "pulse")
    assert (done.status, "cannot be written" in done.err) == (2, True)


@pytest.mark.parametrize("environ", [{"COACHKIT_DATABASE_URL": "sqlite:///none.sqlite"}, {}])
def test_worker_without_an_installation(environ: dict[str, str], tmp_path: Path) -> None:
    """A worker whose database is not there yet, or that has no settings, ends at once and says what to do."""
    environ = clean_environment(tmp_path) | {"COACHKIT_SECRET_KEY": bytes(range(32)).hex()} | environ
    done = subprocess.run([COACHKIT, "worker"], env=environ, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "coachkit migrate" in done.stderr or "COACHKIT_DATABASE_URL" in done.stderr
    assert list(tmp_path.iterdir()) == []
