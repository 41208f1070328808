"""What is published works on its own: built, installed with its pins in an empty environment, and run far from here."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STARTED_IN = 60.0
"""Seconds for a first start, which makes a database and publishes all packs, perhaps on a busy machine."""
STOPPED_IN = 20.0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the wheel and its pins, and not even pip."""
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    pip = (sys.executable, "-m", "pip", "--python", environment, "install", "--quiet", "--no-compile")
    run(*pip, "--require-hashes", "--requirement", ROOT / "requirements" / "serve.txt")
    run(*pip, "--no-deps", wheel)
    return environment / "bin"


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def files_below(folder: Path) -> set[str]:
    """What belongs to a folder: paths with forward slashes, without what Python keeps there for itself."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in paths}


@contextmanager
def demo(bin_folder: Path, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`coachkit demo`, ready, in an empty folder and a session of its own, knowing nothing of this environment."""
    command = [bin_folder / "coachkit", "demo", "--port", str(port), "--data", folder / "var"]
    environ = {"HOME": str(folder), "PATH": os.defpath, "LANG": "C.UTF-8"}
    output = folder / "output.txt"
    working = folder / "working"
    working.mkdir()
    with output.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=working, env=environ, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_until_ready(process, port, output)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    until = time.monotonic() + STARTED_IN
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError):
            if get(port, "/readyz")[0] == 200:
                return
        time.sleep(0.05)
    pytest.fail(f"coachkit demo is not ready, exit code {process.returncode}:\n{output.read_text(errors='replace')}")


def get(port: int, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_wheel_is_complete(wheel: Path) -> None:
    """The wheel holds the whole package, the packs in `content/` and both licences, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = {f"coachkit/{name}" for name in files_below(ROOT / "coachkit")}
    content = {f"coachkit/_content/{name}" for name in files_below(ROOT / "content")}
    assert "coachkit/_content/core/pack.yaml" in names
    assert {name for name in names if name.startswith("coachkit/")} == package | content
    others = {re.sub(r"^[^/]*\.dist-info/", "", name) for name in names - package - content}
    assert others == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE", "licenses/content/LICENSE"}


def test_wheel_serves(installed: Path, tmp_path: Path) -> None:
    """`coachkit demo` in an empty folder answers with a module in Welsh; SIGTERM stops it and all it started."""
    port = free_port()
    with demo(installed, tmp_path, port) as process:
        status, headers, body = get(port, "/v1/orgs/northbridge/modules/first-hour?locale=cy")
        assert status == 200, body
        module = json.loads(body)
        assert (module["kind"], module["id"], module["locale"]) == ("module", "first-hour", "cy")
        assert module["sections"]
        assert headers["Content-Language"].split(",")[0] == "cy"
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", headers["CoachKit-Edition"])

        process.terminate()
        assert process.wait(timeout=STOPPED_IN) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        with socket.create_server(("127.0.0.1", port)):
            pass
    assert list((tmp_path / "working").iterdir()) == []
