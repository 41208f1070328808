"""The Dockerfile's own lines, carried out in a folder, make what starts, serves, says how it is, and writes nowhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from imagemaker import Image, build
from loading import patiently
from running import Service, free_port, running

import coachkit

pytestmark = pytest.mark.soak

ROOT = Path(__file__).parents[2]
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
NOBODY = 65_534
SECRET = bytes(range(32)).hex()


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image, read-only but for /tmp."""
    folder = Path(tempfile.mkdtemp(prefix="coachkit-image-"))  # not pytest's own, which other users may not enter
    folder.chmod(0o755)
    try:
        image = build(ROOT / "docker" / "Dockerfile", ROOT, folder)
        freeze(image)
        yield image
    finally:
        for each, _, _ in os.walk(folder):
            Path(each).chmod(0o755)
        shutil.rmtree(folder)


def freeze(image: Image) -> None:
    """Let nobody write in the image but in /tmp; it belongs to nobody where that can be said."""
    for path in (image.root, *image.root.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~WRITABLE | stat.S_IRGRP | stat.S_IROTH)
            if os.geteuid() == 0:
                os.chown(path, NOBODY, NOBODY)
    image.path("/tmp").chmod(0o1777)  # noqa: S108 the image's


@pytest.fixture(scope="module")
def as_user(image: Image) -> list[str]:
    """What a command starts with to be run as the image's user, or by a root that may do nothing more than others.

    The second where the tests run as root from an interpreter that lies where other users may not enter.
    """
    if os.geteuid() != 0:
        return []
    uid, gid = image.user.split(":")
    bound = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    other = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *bound]
    python = image.path("/opt/coachkit/bin/python").resolve()
    tried = subprocess.run([*other, "test", "-r", python], check=False)
    return other if tried.returncode == 0 else ["setpriv", *bound]


@pytest.fixture
def environ(image: Image) -> Iterator[dict[str, str]]:
    """The image's variables and those of an installation, whose database is a volume."""
    volume = Path(tempfile.mkdtemp(prefix="coachkit-volume-"))
    volume.chmod(0o777)
    own = {"COACHKIT_DATABASE_URL": f"sqlite:///{volume}/coachkit.sqlite", "COACHKIT_SECRET_KEY": SECRET}
    yield image.environment() | own
    shutil.rmtree(volume)


def tell(image: Image, as_user: list[str], environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    """Run the image with these arguments, as `docker run` would."""
    command = [*as_user, *program(image, arguments)]
    return subprocess.run(
        command, cwd=image.path("."), env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def program(image: Image, arguments: tuple[str, ...] | list[str]) -> list[str]:
    """The command line, its program looked up where the image's PATH leads."""
    first, *rest = [*image.entrypoint, *arguments]
    found = shutil.which(first, path=image.environment()["PATH"])
    assert found is not None
    assert Path(found).is_relative_to(image.root)
    return [found, *rest]


@contextmanager
def started(image: Image, as_user: list[str], environ: dict[str, str]) -> Iterator[Service]:
    """The image's own command, on loopback and on a port that is free."""
    port = free_port()
    arguments = [re.sub(r"0\.0\.0\.0:\d+", f"127.0.0.1:{port}", each) for each in image.command]
    assert arguments != image.command
    command = [*as_user, *program(image, arguments)]
    with tempfile.TemporaryDirectory() as home:
        environ = {"WEB_CONCURRENCY": "2", **environ}
        with running(command, port=port, cwd=image.path("."), home=Path(home), environ=environ) as service:
            yield service


def contents(image: Image) -> dict[str, tuple[int, float]]:
    """Everything in the image but /tmp, with what would change if it were written to."""
    files = (path for path in image.root.rglob("*") if not path.is_relative_to(image.path("/tmp")))  # noqa: S108
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime) for path in files}


def test_serves_from_a_read_only_root(image: Image, as_user: list[str], environ: dict[str, str]) -> None:
    """The image migrates, publishes what it offers and serves it, and writes nothing outside /tmp and its volume."""
    before = contents(image)
    for arguments in (("migrate",), ("pack", "publish", "--offered")):
        done = tell(image, as_user, environ, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    with started(image, as_user, environ) as service:
        status, _, body = service.get("/v1/packs")
        assert status == 200, body
        assert [pack["pack"] for pack in json.loads(body)["items"]] == ["core"]
        assert len(list(image.path("/tmp/metrics").glob("histogram_*.db"))) > 0  # noqa: S108
        assert service.stop(signal.Signals[image.stop_signal]) == 0
        assert service.is_gone()
    assert contents(image) == before


def test_health(image: Image, as_user: list[str], environ: dict[str, str]) -> None:
    """The health check succeeds while the service answers, and fails once it does not."""
    assert tell(image, as_user, environ, "migrate").returncode == 0
    with started(image, as_user, environ) as service:
        check = [each.replace("8000", str(service.port)) for each in image.health]
        assert healthy(check, image, as_user, environ)
        os.killpg(service.process.pid, signal.SIGSTOP)
        began = time.monotonic()
        assert not healthy(check, image, as_user, environ)
        assert time.monotonic() - began < 5
        os.killpg(service.process.pid, signal.SIGCONT)
        patiently(lambda: healthy(check, image, as_user, environ))
    assert not healthy(check, image, as_user, environ)


def healthy(check: list[str], image: Image, as_user: list[str], environ: dict[str, str]) -> bool:
    program = shutil.which(check[0], path=image.environment()["PATH"])
    done = subprocess.run([*as_user, program, *check[1:]], env=environ, capture_output=True, check=False)
    return done.returncode == 0


def test_holds_every_engine(image: Image, as_user: list[str], environ: dict[str, str]) -> None:
    """What PostgreSQL and Redis need is in the image, pip is not, and the packs are."""
    ask = "import importlib.util as u; print([u.find_spec(n) is not None for n in ('psycopg', 'redis', 'pip')])"
    python = image.path("/opt/coachkit/bin/python")
    said = subprocess.run([*as_user, python, "-c", ask], env=environ, capture_output=True, text=True, check=True)
    assert said.stdout == "[True, True, False]\n"
    assert list(image.path("/opt/coachkit/lib").glob("python*/site-packages/coachkit/_content/core/pack.yaml"))


def test_version(image: Image, as_user: list[str], environ: dict[str, str]) -> None:
    """The image is of this version, and any command can be given to it."""
    assert tell(image, as_user, environ, "--version").stdout.split()[-1] == coachkit.__version__


def test_nothing_secret_is_baked_in(image: Image) -> None:
    """The image has no database, no key, no settings file and nothing of the checkout that it does not need."""
    assert not [name for name in image.env if name.startswith("COACHKIT_") and name != "COACHKIT_METRICS_DIR"]
    assert sorted(path.name for path in image.root.iterdir()) == ["opt", "tmp", "usr"]
    names = {path.name for path in image.path("/opt/coachkit").rglob("*")}
    assert not names & {"coachkit.toml", "tests", ".git", "coachkit.sqlite"} - {"tests"}


def test_user_is_a_number(image: Image) -> None:
    """The user is not root and has a fixed number, which an orchestrator can see."""
    uid, gid = map(int, image.user.split(":"))
    assert min(uid, gid) >= 10_000


def test_labels(image: Image) -> None:
    """The image says what it is and under which licence."""
    assert image.labels["org.opencontainers.image.title"] == "CoachKit"
    assert image.labels["org.opencontainers.image.licenses"] == "Apache-2.0 AND CC-BY-4.0"
