"""Counting, across processes."""

import os
import subprocess
import sys

import pytest

WRITER = """
import os, sys
from coachkit.api import metrics

assert not os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]), "a file before the fork"

def work():
    for _ in range(3):
        metrics.count_request("GET", "/v1/orgs/<org>", 200, "memory", 0.0001)
    metrics.count_render("html")
    metrics.count_hook_fault("pirate", "formats")
    metrics.write_down()

children = []
for _ in range(2):
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
sys.stdout.write(metrics.exposition()[0].decode())
"""


def counted(tmp_path):
    """What a scrape says after two forked processes have each done the same work."""
    done = subprocess.run(
        [sys.executable, "-c", WRITER],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "line",
    [
        'coachkit_request_seconds_count{cache="memory",method="GET",route="/v1/orgs/<org>",status="2xx"} 6.0',
        'coachkit_request_seconds_bucket{cache="memory",le="0.0005",method="GET",route="/v1/orgs/<org>",status="2xx"} 6.0',  # noqa: E501 as it is exposed
        'coachkit_renders_total{format="html"} 2.0',
        'coachkit_hook_faults_total{hook="formats",plugin="pirate"} 2.0',
    ],
)
def test_the_counts_of_all_processes_are_added_up(tmp_path, line):
    """What two processes count is one sum to whoever asks either, and no file is open before they fork."""
    assert line in counted(tmp_path)


def test_no_label_names_an_organisation(tmp_path):
    """Labels are those of code and not of who is served."""
    labels = {part.split("=")[0] for line in counted(tmp_path) if "{" in line for part in labels_of(line)}
    assert labels == {"cache", "method", "route", "status", "le", "format", "plugin", "hook"}


def labels_of(line):
    return line[line.index("{") + 1 : line.index("}")].split(",")


def test_hits_are_seen_at_the_scrape_of_their_own_process(tmp_path):
    """What a store answered stands in the very next exposition of the process that counted it, every request once."""
    script = """
import sys
from coachkit.api import metrics

for seconds in (0.0001, 0.0005, 0.0006, 7.0):
    metrics.count_request("GET", "/v1/orgs/<org>", 200, "redis", seconds)
for _ in range(2):
    sys.stdout.write(metrics.exposition()[0].decode() + "\\f")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    first, second, _ = (
        [line for line in text.splitlines() if line.startswith("coachkit")] for text in done.stdout.split("\f")
    )
    assert first == second
    labels = 'cache="redis",{}method="GET",route="/v1/orgs/<org>",status="2xx"'
    for bound, count in (("0.0005", 2), ("0.001", 3), ("5.0", 3), ("+Inf", 4)):
        written = labels.format(f'le="{bound}",')
        assert f"coachkit_request_seconds_bucket{{{written}}} {count}.0" in done.stdout
    assert f"coachkit_request_seconds_sum{{{labels.format('')}}} 7.0012" in done.stdout
