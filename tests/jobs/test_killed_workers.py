"""Workers killed in the middle of what they do, again and again: each effect is there exactly once."""

import os
import random
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from appmaker import eventually

WORKERS = 3
AT_ONCE = 12
"""Jobs that are due together."""
LEASE_SECONDS = 1.0


@contextmanager
def workers(bench, folder):
    """So many processes, each of which can be killed for another to take its place."""

    def start():
        command = [sys.executable, "-m", "jobmaker", bench.database.url, str(folder / "queue.sqlite"), LEASE_SECONDS]
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with (folder / "workers.log").open("ab") as log:
            return subprocess.Popen(list(map(str, command)), env=environ, stdout=log, stderr=log)

    running = [start() for _ in range(WORKERS)]

    def kill(count):
        shot = random.sample(range(WORKERS), count)
        for place in shot:
            running[place].kill()
        for place in shot:
            running[place].wait()
            running[place] = start()

    try:
        yield kill
    finally:
        for each in running:
            each.kill()
            each.wait()


@pytest.mark.soak
def test_each_effect_once(bench, tmp_path: Path, repeats):
    """Each job is done exactly once, though one worker or all are shot every moment, in the middle of what they do."""
    kills = repeats(small=4, full=100)
    with workers(bench, tmp_path) as kill:
        for shot in range(kills):
            before = bench.claims
            for number in range(AT_ONCE):
                bench.plan(f"s{shot}-{number}", datetime.now(UTC) - timedelta(seconds=1))
            eventually(partial(lambda seen: bench.claims - seen, before), 60)
            kill(random.choice([1, WORKERS]))
        eventually(lambda: sum(bench.moves.values()) >= kills * AT_ONCE and not bench.left, 120)
    assert bench.moves == {f"s{shot}-{number}": 1 for shot in range(kills) for number in range(AT_ONCE)}
    assert "attempt=2" in (tmp_path / "workers.log").read_text("utf-8"), "nobody was shot in the middle of anything"
