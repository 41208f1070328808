"""What a child says is believed no further than its types."""

from __future__ import annotations

import json
import signal

import pytest

from coachkit.confined import wire
from coachkit.confined.listening import Heard
from coachkit.errors import Problem
from coachkit.packs.progress import silent

PROBLEM = {"file": "a", "line": 1, "column": None, "code": "x", "message": "m", "hint": None, "severity": "error"}


def heard(*events: object) -> Heard:
    found = Heard({"a", "b"}, silent)
    for event in events:
        found.listen(wire.SAID, wire.frame(wire.EVENT, json.dumps(event).encode()))
    return found


def test_the_file_that_it_is_at() -> None:
    """It is the last one named; one that the pack has not is none."""
    assert heard(["file", "a", False], ["file", "b", True]).at == "b"
    assert heard(["file", "a", False], ["file", "../../etc", False]).at is None


def test_problems() -> None:
    """Problems come as problems, and with them the end of the pack."""
    found = heard(["done", [PROBLEM]])
    assert (found.done, found.problems) == (True, (Problem("a", 1, None, "x", "m"),))


@pytest.mark.parametrize(
    "event",
    [
        None,
        "done",
        ["nonesuch"],
        ["file"],
        ["file", "a", 7],
        ["loop", "Reading", "many"],
        ["log", "__class__", {}],
        ["failed", 7],
        ["done", [None]],
        ["done", [{**PROBLEM, "line": "1"}]],
        ["done", [{**PROBLEM, "severity": "fatal"}]],
        ["done", [{key: value for key, value in PROBLEM.items() if key != "code"}]],
    ],
)
def test_anything_else(event: object) -> None:
    """What nobody of ours says is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 whatever its words
        heard(event)


def test_no_json() -> None:
    """What is no JSON is refused as well."""
    with pytest.raises(ValueError):  # noqa: PT011
        Heard((), silent).listen(wire.SAID, wire.frame(wire.EVENT, b"\xff"))


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3 << 8, 3), (signal.SIGPROF, -signal.SIGPROF)])
def test_how_it_ended(status: int, code: int) -> None:
    """The end is known by the process's exit status, and what it cost is counted."""
    found = Heard((), silent)
    found.listen(wire.ENDED, json.dumps([int(status), 1.5]).encode())
    assert (found.ended, found.code, found.seconds) == (True, code, 1.5)
