"""What is published works on its own: built, installed with its pins in an empty environment, and run far from here."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from running import free_port, running

ROOT = Path(__file__).parents[1]


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
    empty = tmp_path / "empty"
    empty.mkdir()
    command = [installed / "coachkit", "demo", "--port", str(port), "--data", tmp_path / "var"]
    with running(command, port=port, cwd=empty, home=tmp_path) as service:
        status, headers, body = service.get("/v1/orgs/northbridge/modules/first-hour?locale=cy")
        assert status == 200, body
        module = json.loads(body)
        assert (module["kind"], module["id"], module["locale"]) == ("module", "first-hour", "cy")
        assert module["sections"]
        assert headers["Content-Language"].split(",")[0] == "cy"
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", headers["CoachKit-Edition"])
        assert service.stop(signal.SIGTERM) == 0
        assert service.is_gone()
    assert list(empty.iterdir()) == []
