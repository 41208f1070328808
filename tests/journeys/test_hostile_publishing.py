"""A service goes on while people publish packs that mean harm: readers notice nothing, and nothing of them is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hostile_packs import CANARY, HARMLESS, HOSTILE
from running import Service, clean_environment, free_port, running

COACHKIT = Path(sys.executable).with_name("coachkit")
MODULE = "/v1/orgs/northbridge/modules/first-hour"
PATHS = (MODULE, f"{MODULE}?locale=cy", f"{MODULE}?format=html", "/v1/orgs/harbour/modules", "/v1/packs")
WORST = ("markdown-many-sections-that-cost", "folder-of-links", "archive-of-holes", "yaml-aliases")


def command(home: Path, *arguments: object) -> tuple[int, str]:
    """Exit status and output of a command on the installation in `home`."""
    environ = {**clean_environment(home), "COACHKIT_CONFIG": str(home / "var" / "coachkit.toml")}
    given = [COACHKIT, *map(str, arguments), "--json"]
    done = subprocess.run(given, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def answer(service: Service, path: str) -> tuple[object, ...]:
    status, headers, body = service.get(path)
    return path, status, headers["ETag"], body


@contextmanager
def reading(service: Service, seen: set[object]) -> Iterator[None]:
    """Read everything again and again meanwhile; what is answered, or goes wrong, is put into `seen`."""
    stopped = threading.Event()

    def read() -> None:
        while not stopped.is_set():
            for path in PATHS:
                try:
                    seen.add(answer(service, path))
                except OSError as error:
                    seen.add((path, repr(error)))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        stopped.set()
        reader.join()


@pytest.mark.soak
def test_readers_notice_nothing(tmp_path: Path, repeats: Callable[..., int]) -> None:
    """Each pack is refused with its problems, while every answer to readers has the same status and bytes."""
    refused = [*WORST, *sorted(HOSTILE.keys() - HARMLESS - set(WORST))][: repeats(small=4, full=len(HOSTILE))]
    port, seen = free_port(), set[object]()
    demo = [COACHKIT, "demo", "--port", str(port), "--data", tmp_path / "var"]
    with running(demo, port=port, cwd=tmp_path, home=tmp_path) as service:
        before = {answer(service, path) for path in PATHS}
        with reading(service, seen):
            for name in refused:
                folder = tmp_path / name
                (folder / "outside").mkdir(parents=True)
                for secret in ("secret.md", "pack.yaml", "first-hour.md"):
                    (folder / "outside" / secret).write_text(CANARY, encoding="utf-8")
                status, said = command(tmp_path, "pack", "publish", HOSTILE[name](folder))
                assert (status, CANARY in said) == (1, False), said
        assert {each[1] for each in before} == {200}
        assert seen == before
        assert {each["pack"] for each in json.loads(command(tmp_path, "pack", "list")[1])["releases"]} == {"core"}
