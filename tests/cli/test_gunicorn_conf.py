"""Against a real gunicorn, serving an application of three lines that counts itself as alive."""

from __future__ import annotations

import http.client
import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from gunicorn.config import make_settings

from coachkit.errors import SettingsError

CONF = "coachkit.cli.gunicorn_conf"
ROOT = Path(__file__).parents[2]
BOOTING = r"Booting worker with pid: (\d+)"

APPLICATION = """\
import os, prometheus_client
alive = prometheus_client.Gauge("alive", "Living processes", multiprocess_mode="livesum")
busy = prometheus_client.Gauge("busy", "Living processes", ("doing",), multiprocess_mode="livesum")
def app(environ, start_response):
    alive.set(1)
    busy.labels("counting").set(1)
    seen = [("Pid", str(os.getpid())), ("Scheme", environ["wsgi.url_scheme"])]
    start_response("200 OK", [("Content-Length", "0"), *seen])
    return [b""]
"""


def conf() -> ModuleType:
    """The module as a starting gunicorn would see it, with the environment of this moment."""
    spec = importlib.util.find_spec(CONF)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Server:
    process: subprocess.Popen[str]
    connection: http.client.HTTPConnection

    def read_until(self, pattern: str) -> str:
        """The pattern's group in the first of the next lines that gunicorn logs to have it."""
        return _read_until(self.process, pattern)

    def get(self, **headers: str) -> http.client.HTTPMessage:
        """The answer's headers, over one connection that stays open."""
        self.connection.request("GET", "/", headers=headers)
        response = self.connection.getresponse()
        response.read()
        return response.headers


def _read_until(process: subprocess.Popen[str], pattern: str) -> str:
    for line in process.stderr:
        if found := re.search(pattern, line):
            return found[1]
    return pytest.fail(f"gunicorn stopped before it logged {pattern!r}")


@contextmanager
def gunicorn(folder: Path, **environ: str) -> Iterator[Server]:
    (folder / "tiny.py").write_text(APPLICATION, encoding="utf-8")
    command = [sys.executable, "-m", "gunicorn", "-c", f"python:{CONF}", "--bind", "127.0.0.1:0", "tiny:app"]
    environ = os.environ | {"WEB_CONCURRENCY": "1"} | environ
    with subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            port = _read_until(process, r"Listening at: http://127\.0\.0\.1:(\d+)")
            with closing(http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)) as connection:
                yield Server(process, connection)
        finally:
            process.terminate()


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    folder = tmp_path / "counts"
    folder.mkdir()
    return folder


def test_settings_are_gunicorns() -> None:
    """Every public name is a setting that this gunicorn knows, so none is misspelt and silently ignored."""
    assert set(conf().__all__) <= set(make_settings())


def test_container_file_is_the_same() -> None:
    """docker/gunicorn.conf.py gives gunicorn the very same settings."""
    spec = importlib.util.spec_from_file_location("docker_gunicorn_conf", ROOT / "docker" / "gunicorn.conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    named = importlib.import_module(CONF)
    assert {name: getattr(module, name) for name in named.__all__} == {
        name: getattr(named, name) for name in named.__all__
    }


def test_environment_sets_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """WEB_CONCURRENCY is the number of workers and WEB_THREADS the threads in each."""
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    monkeypatch.setenv("WEB_THREADS", "5")
    assert (conf().workers, conf().threads) == (3, 5)


def test_default_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing set, or set to nothing, there are at least two workers, and several threads in each."""
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    monkeypatch.setenv("WEB_THREADS", "")
    assert conf().workers >= 2
    assert conf().threads == 8


@pytest.mark.parametrize("text", ["0", "-1", "two", "²", "1.5"])
def test_senseless_size(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A size that is no whole number of 1 or more is refused, by the variable's name and with the value."""
    monkeypatch.setenv("WEB_THREADS", text)
    with pytest.raises(SettingsError, match=f"WEB_THREADS: '{re.escape(text)}'"):
        conf()


def test_earlier_counts_are_cleared(tmp_path: Path, counts: Path) -> None:
    """A start empties the folder of counts of what earlier processes left, and touches nothing else in it."""
    (counts / "counter_1.db").write_bytes(b"old")
    (counts / "notes.txt").write_text("kept", encoding="utf-8")
    with gunicorn(tmp_path, PROMETHEUS_MULTIPROC_DIR=str(counts)):
        assert not (counts / "counter_1.db").exists()
        assert (counts / "notes.txt").read_text(encoding="utf-8") == "kept"


def test_dead_worker_is_no_longer_counted(tmp_path: Path, counts: Path) -> None:
    """A worker that dies leaves the gauges of the living, those with labels and those without."""
    with gunicorn(tmp_path, PROMETHEUS_MULTIPROC_DIR=str(counts)) as server:
        pid = int(server.read_until(BOOTING))
        server.get()
        ours = {f"gauge_livesum_{pid}.db", f"gauge_livesum_{server.process.pid}-0.db"}
        assert ours <= files_in(counts)
        os.kill(pid, signal.SIGKILL)
        server.read_until(BOOTING)
        assert not ours & files_in(counts)


def files_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_serves_without_counts(tmp_path: Path) -> None:
    """Without a folder for counts a worker that dies is replaced all the same."""
    with gunicorn(tmp_path, PROMETHEUS_MULTIPROC_DIR="") as server:
        os.kill(int(server.read_until(BOOTING)), signal.SIGKILL)
        assert int(server.read_until(BOOTING))


def test_sigterm_stops_at_once(tmp_path: Path) -> None:
    """SIGTERM stops everything with exit code 0, and an idle connection does not hold it up."""
    with gunicorn(tmp_path) as server:
        worker = int(server.get()["Pid"])
        server.process.terminate()
        assert server.process.wait(timeout=7) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def test_no_control_socket(tmp_path: Path) -> None:
    """Gunicorn opens no control socket: it says so, and the folder where it would be stays empty."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    with gunicorn(tmp_path, XDG_RUNTIME_DIR=str(runtime), GUNICORN_CMD_ARGS="--log-level debug") as server:
        assert server.read_until("Control socket (disabled|listening)") == "disabled"
        assert list(runtime.iterdir()) == []


def test_neighbour_does_not_set_scheme(tmp_path: Path) -> None:
    """What a client on this machine says of the scheme is not believed by gunicorn."""
    with gunicorn(tmp_path) as server:
        assert server.get(**{"X-Forwarded-Proto": "https"})["Scheme"] == "http"
