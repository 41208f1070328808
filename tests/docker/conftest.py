"""CoachKit as it stands behind a proxy, with its demo organisations, for the tests of a file to share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from proxied import Proxy, nginx
from running import Service, free_port, running

COACHKIT = Path(sys.executable).with_name("coachkit")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    command = [COACHKIT, "demo", "--port", str(port), "--data", folder / "var"]
    environ = {"COACHKIT_TRUSTED_PROXIES": "1", "COACHKIT_METRICS_TOKEN": "known", "WEB_CONCURRENCY": "2"}
    with running(command, port=port, cwd=folder, home=folder, environ=environ) as service:
        yield service


@pytest.fixture(scope="module")
def proxy(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with nginx(tmp_path_factory.mktemp("nginx"), service.port) as proxy:
        yield proxy
