"""Limits that the kernel keeps, each passed by a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import resource, signal, sys, time
from coachkit.confined.guard import Guard
from coachkit.confined.limits import MIB, Limits

def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass

def guard(seconds=100, patience=100, **limits):
    return Guard(Limits(**limits), seconds, patience)

{body}
print("alive")
"""

TWICE = "g = guard(file_seconds=0.3)\nfor path in {paths!r}:\n    with g.file(path): burn(0.2)"


def run(body: str) -> tuple[int, str]:
    """How a process ended that did this within limits, and what it printed."""
    # Not measured: what measures writes files, which is not allowed here.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", SCRIPT.format(body=body)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr.rpartition("\n")[0].rpartition("\n")[2]


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        ("with guard(file_seconds=0.1).file('a'): burn(5)", signal.SIGPROF),
        ("with guard(file_seconds=0.1).file('a'): sum(iter(int, 1))", signal.SIGPROF),
        (TWICE.format(paths=["a", "a"]), signal.SIGPROF),
        ("with guard(silence=0.1).file('a'): time.sleep(5)", signal.SIGALRM),
        ("guard(silence=0.1); time.sleep(5)", signal.SIGALRM),
        ("guard(patience=0.1); time.sleep(5)", signal.SIGALRM),
        ("guard(seconds=0.1); burn(5)", signal.SIGXCPU),
        (
            "signal.signal(signal.SIGPROF, signal.SIG_IGN)\nwith guard(file_seconds=0.1).file('a'): burn(5)",
            signal.SIGPROF,
        ),
    ],
)
def test_ends(body: str, sign: signal.Signals) -> None:
    """Who passes a limit is ended by its signal, in C code too, and whatever was ignored before."""
    assert run(body) == (-sign, "")


@pytest.mark.parametrize(
    "body",
    [
        TWICE.format(paths=["a", "b"]),
        "with guard(file_seconds=0.1).file('a'): pass\nburn(0.3)",
        "g = guard(silence=2)\nfor path in 'abcde':\n    with g.file(path): time.sleep(0.5)",
        "g, kept = guard(file_bytes=8 * MIB), []\nfor path in 'abc':\n    with g.file(path): kept += [bytes(6 * MIB)]",
    ],
)
def test_does_not_end(body: str) -> None:
    """What two files cost is not added up, and between files there is no limit but the pack's."""
    assert run(body) == (0, "alive\n")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("with guard(file_bytes=8 * MIB).file('a'): bytearray(16 * MIB)", "MemoryError"),
        ("guard(pack_bytes=8 * MIB); bytearray(16 * MIB)", "MemoryError"),
        ("guard(); open('/tmp/coachkit-test', 'wb', 0).write(b'x')", "OSError: [Errno 27] File too large"),
        (
            "guard(); kept = [open('/dev/null') for _ in range(100)]",
            "OSError: [Errno 24] Too many open files: '/dev/null'",
        ),
        (
            "guard(); resource.setrlimit(resource.RLIMIT_CPU, (1_000, 1_000))",
            "ValueError: not allowed to raise maximum limit",
        ),
    ],
)
def test_refuses(body: str, error: str) -> None:
    """Memory, files and higher limits are refused to whoever asks for more."""
    code, said = run(body)
    assert (code, said) == (1, error)


def test_crowded() -> None:
    """A file is told where the pack has less memory left than a file may take."""
    body = "g, kept = guard(file_bytes=32 * MIB, pack_bytes=40 * MIB), []\n"
    body += "for path in 'ab':\n    with g.file(path) as crowded: print(crowded); kept.append(bytearray(10 * MIB))"
    assert run(body) == (0, "False\nTrue\nalive\n")
