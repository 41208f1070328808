"""An operator moves from the embedded engines to PostgreSQL and Redis, and no reader can tell."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis
from appmaker import eventually
from running import Service, clean_environment, free_port, running

ROOT = Path(__file__).parents[2]
COACHKIT = Path(sys.executable).with_name("coachkit")
NORTHBRIDGE, HARBOUR = "/v1/orgs/northbridge", "/v1/orgs/harbour"
PATHS = [
    NORTHBRIDGE,
    HARBOUR,
    "/v1/packs",
    f"{NORTHBRIDGE}/modules",
    f"{NORTHBRIDGE}/modules/first-hour",
    f"{NORTHBRIDGE}/modules/first-hour?format=html",
    f"{NORTHBRIDGE}/modules/ask-for-feedback?locale=cy",
    f"{HARBOUR}/templates/thank-you-after-rejection?format=html",
]
EACH_TIME = {"Date", "CoachKit-Request-Id", "Cache-Status"}


@pytest.fixture
def address(postgres: Callable[[str], str]) -> Iterator[str]:
    """The address of an empty PostgreSQL database, of a server that loses nothing."""
    with closing(psycopg.connect(postgres("postgres"), autocommit=True)) as conn:
        conn.execute("CREATE DATABASE operated")
        for value in ("on", "off"):
            conn.execute(f"ALTER SYSTEM SET fsync = {value}")
            conn.execute("SELECT pg_reload_conf()")
            eventually(lambda value=value: conn.execute("SHOW fsync").fetchone() == (value,))
            if value == "on":
                yield postgres("operated")
        conn.execute("DROP DATABASE operated WITH (FORCE)")


def steps(database: str, cache: str) -> str:
    """The guide's commands up to the one that serves, for these addresses."""
    guide = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    block = re.search(r"^## From one machine.*?^```sh\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)[1]
    commands, serving, _ = block.rpartition("coachkit serve")
    assert serving
    for told, here in {
        "postgresql://coachkit:password@127.0.0.1/coachkit": f"'{database}'",
        "redis://127.0.0.1:6379/0": cache,
    }.items():
        assert commands.count(told) == 1
        commands = commands.replace(told, here)
    return commands


def answers(service: Service, paths: list[str]) -> dict[str, tuple[int, dict[str, str], bytes]]:
    """What readers get, without what is different each time."""
    found = {}
    for path in paths:
        status, headers, body = service.get(path)
        assert status == 200, body
        found[path] = (status, {name: value for name, value in headers.items() if name not in EACH_TIME}, body)
    return found


def test_moving_to_postgresql_and_redis(tmp_path: Path, address: str, redis_url: str) -> None:
    """By the guide's commands alone the same editions are served with the same bytes and the same headers."""
    port = free_port()
    command = [COACHKIT, "demo", "--port", str(port), "--data", "var"]
    with running(command, port=port, cwd=tmp_path, home=tmp_path) as service:
        edition = service.get(NORTHBRIDGE)[1]["CoachKit-Edition"]
        paths = [*PATHS, f"{NORTHBRIDGE}/editions/{edition}/modules/first-hour?locale=cy"]
        before = answers(service, paths)
        assert service.stop(signal.SIGTERM) == 0

    environ = clean_environment(tmp_path) | {"PATH": f"{COACHKIT.parent}:/usr/bin:/bin"}
    told = f"{steps(address, redis_url)}\nenv | grep ^COACHKIT_ > told.txt"
    done = subprocess.run(
        ["sh", "-eu", "-c", told], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    settings = dict(line.split("=", 1) for line in (tmp_path / "told.txt").read_text("utf-8").splitlines())
    (tmp_path / "var" / "coachkit.sqlite").unlink()

    port = free_port()
    command = [COACHKIT, "serve", "--bind", f"127.0.0.1:{port}"]
    with running(command, port=port, cwd=tmp_path, home=tmp_path, environ=settings) as service:
        after = answers(service, paths)
        assert after == before
        assert service.get(NORTHBRIDGE)[1]["CoachKit-Edition"] == edition
    with closing(redis.Redis.from_url(redis_url)) as client:
        assert client.dbsize() >= len(paths) - 1
