"""Publishing generated packs, as a command: seconds, and the memory of it and of all it starts."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from bench.compare import spread
from bench.generator import PACK, write_pack
from bench.installation import Place, make_place, settings, slug_of
from bench.report import Row, Table, at_most
from bench.servers import ROOT, python
from coachkit.cli.installation import now
from coachkit.db.scopes import ACROSS
from coachkit.organisations import organisations

_COMMAND = "from coachkit.cli import main; main()"
_SAMPLE_EVERY = 0.02
"""Seconds between two looks at the memory."""
_LINEAR_WITHIN = 1.2
_OFTEN = 4
"""How often the smaller packs are published for each time the largest is: they take so little that they vary more."""


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds by the clock, CPU seconds, and MB (10⁶ bytes) at its largest; children included."""

    seconds: float
    cpu: float
    peak: float


def publishing(sizes: Sequence[int], rounds: int, folder: Path) -> Table:
    """The table of publishing packs of these sizes, three of them, in two locales; the smallest is what a start costs.

    Sizes are published in turn, into an installation of their own each time, the largest once in each round.
    """
    packs = {size: write_pack(folder / f"pack-{size}", size) for size in sizes}
    packs_found: dict[int, list[Cost]] = {size: [] for size in sizes}
    editions_found: dict[int, list[Cost]] = {size: [] for size in sizes}
    *smaller, largest = sorted(sizes)
    for turn in range(rounds):
        for number, size in enumerate([*smaller * _OFTEN, largest]):
            place = make_place(folder / f"publishing-{turn}-{number}")
            packs_found[size].append(cost(["pack", "publish", str(packs[size])], place))
            with place.opened() as here, here.database.write(ACROSS) as conn:
                organisations.create(conn, slug_of(1), settings(slug_of(1), PACK, min(sizes)), now())
            editions_found[size].append(cost(["edition", "publish", slug_of(1)], place))
    rows = [*_rows("the pack", packs_found), *_rows("an edition of it", editions_found)]
    rows += _with_goal("both", {size: _together(packs_found[size], editions_found[size]) for size in sizes})
    about = (
        "Generated modules of the size of the others here, in British English and Welsh: "
        "`coachkit pack publish` on the folder, then `coachkit edition publish` for one organisation, each into an "
        "installation that has nothing else. Memory is that of the command and all it starts, what they share counted "
        f"once, looked at every {_SAMPLE_EVERY * 1000:.0f} ms. Linear means: the CPU time for a module, less what the "
        f"smallest pack takes, beside the same for {sorted(sizes)[1]:,} modules."
    )
    return Table("Publishing", about, ("", "seconds", "CPU seconds", "peak MB"), rows)


def cost(arguments: Sequence[str], place: Place) -> Cost:
    """What one of our commands takes. Raises CalledProcessError if it fails."""
    argv = python("-c", _COMMAND, *arguments)
    environ = {"PATH": os.environ["PATH"], "HOME": str(place.folder), "LANG": "C.UTF-8", **place.environ}
    before = _children_cpu()
    began = time.perf_counter()
    process = subprocess.Popen(argv, env=environ, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with _Peak(process.pid) as peak:
        _, said = process.communicate()
    seconds = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv, stderr=said)
    return Cost(seconds, _children_cpu() - before, peak.megabytes)


class _Peak:
    """Looks at the memory of a process and all it starts until told to stop."""

    def __init__(self, pid: int) -> None:
        self.megabytes = 0.0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE_EVERY):
            with suppress(psutil.Error):
                first = psutil.Process(self._pid)
                self.megabytes = max(self.megabytes, sum(map(_memory, [first, *first.children(recursive=True)])))


def _memory(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        found = process.memory_full_info()
        return float(getattr(found, "pss", found.uss)) / 1_000_000
    return 0.0  # it has ended meanwhile


def _children_cpu() -> float:
    """CPU seconds of all processes that this one started and that have ended, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def _together(some: Sequence[Cost], others: Sequence[Cost]) -> list[Cost]:
    """What commands took that ran one after the other."""
    return [
        Cost(one.seconds + other.seconds, one.cpu + other.cpu, max(one.peak, other.peak))
        for one, other in zip(some, others, strict=True)
    ]


def _rows(what: str, found: Mapping[int, Sequence[Cost]]) -> list[Row]:
    return [Row(_cells(f"{what}, {size:,} module{'s' if size > 1 else ''}", found[size])) for size in found]


def _with_goal(what: str, found: Mapping[int, Sequence[Cost]]) -> list[Row]:
    smallest, middle, largest = sorted(found)

    def each(size: int) -> list[float]:
        starts = spread([cost.cpu for cost in found[smallest]]).median
        return [(cost.cpu - starts) / (size - smallest) for cost in found[size]]

    usual = spread(each(middle)).median
    growth = spread([one / usual for one in each(largest)])
    goal = at_most(f"≤ {_LINEAR_WITHIN:g} times that of {middle:,}", _LINEAR_WITHIN, growth, f"{growth.median:.2f}")
    *rows, last = _rows(what, found)
    return [*rows, Row(last.cells, [goal])]


def _cells(name: str, costs: Sequence[Cost]) -> list[str]:
    return [
        name,
        spread([each.seconds for each in costs]).said(".2f"),
        spread([each.cpu for each in costs]).said(".2f"),
        f"{max(each.peak for each in costs):,.0f}",
    ]
