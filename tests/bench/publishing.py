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
from statistics import mean
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


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds by the clock, CPU seconds, and MB (10⁶ bytes) at its largest; children included."""

    seconds: float
    cpu: float
    peak: float


def publishing(sizes: Sequence[int], rounds: int, repeats: int, folder: Path) -> Table:
    """The table of publishing packs of these sizes in two locales: the smallest, a middle one, and the largest.

    Beside the largest stand as many of the middle one as have as many modules together, published by one command and
    chosen for one edition: all of it takes long enough to be timed. What one and that many of the smallest take is
    what their starts cost. Each is published once in each round, into an installation of its own; one of the smallest
    and one of the middle, which take hardly longer than their start, are `repeats` times, and what they took is summed.
    """
    smallest, middle, largest = sorted(sizes)
    cases = [
        Case(1, smallest),
        Case(1, middle),
        Case(largest // middle, smallest),
        Case(largest // middle, middle),
        Case(1, largest),
    ]
    packs = {case: case.written(folder) for case in cases}
    packs_found: dict[Case, list[Cost]] = {case: [] for case in cases}
    editions_found: dict[Case, list[Cost]] = {case: [] for case in cases}
    for turn in range(rounds):
        for number, case in enumerate(cases if turn % 2 else reversed(cases)):
            for again in range(repeats if case in cases[:2] else 1):
                place = make_place(folder / f"publishing-{turn}-{number}-{again}")
                packs_found[case].append(cost(["pack", "publish", *map(str, packs[case])], place))
                _choose(place, packs[case], smallest)
                editions_found[case].append(cost(["edition", "publish", slug_of(1)], place))
    rows = [*_rows("publish", packs_found), *_rows("an edition of", editions_found)]
    rows += _with_goals({case: _together(packs_found[case], editions_found[case]) for case in cases})
    about = (
        "Generated modules of the size of the others here, in British English and Welsh: "
        "`coachkit pack publish` on the folders, then `coachkit edition publish` for one organisation, each into an "
        "installation that has nothing else. Memory is that of the command and all it starts, what they share counted "
        f"once, looked at every {_SAMPLE_EVERY * 1000:.0f} ms. Linear means: the CPU time for a module of one pack of "
        f"{largest:,}, beside that for a module of {largest // middle} packs of {middle:,} together, each less what as "
        f"many packs of {smallest} take; that is of packs, for both make one edition of as many modules. For editions, "
        f"the same is held beside one pack of {middle:,} and its edition: the sums of all rounds, in each of which "
        f"that pack and the one of {smallest} are published {repeats} times, since they take hardly longer than it "
        "takes to start."
    )
    return Table("Publishing", about, ("", "seconds", "CPU seconds", "peak MB"), rows)


def _choose(place: Place, packs: Sequence[Path], smallest: int) -> None:
    """Make an organisation that chose these packs; what it words itself is in their first modules."""
    with place.opened() as here, here.database.write(ACROSS) as conn:
        chosen = {pack.name: ">=1.0,<2" for pack in packs}
        choices = {**settings(slug_of(1), packs[0].name, smallest), "packs": chosen}
        organisations.create(conn, slug_of(1), choices, now())


@dataclass(frozen=True)
class Case:
    """So many packs, of so many modules each."""

    packs: int
    modules: int

    def __str__(self) -> str:
        modules = f"{self.modules:,} module{'s' if self.modules > 1 else ''}"
        return f"a pack of {modules}" if self.packs == 1 else f"{self.packs} packs of {modules}"

    def written(self, folder: Path) -> list[Path]:
        """The packs' folders, written now; no two of their modules have one id."""
        root = folder / f"packs-{self.packs}-{self.modules}"
        firsts = range(1, self.packs * self.modules + 1, self.modules)
        return [write_pack(root, self.modules, pack=f"{PACK}-{first}", first=first) for first in firsts]


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


def _rows(what: str, found: Mapping[Case, Sequence[Cost]]) -> list[Row]:
    return [Row(_cells(f"{what} {case}", found[case])) for case in found]


def _with_goals(found: Mapping[Case, Sequence[Cost]]) -> list[Row]:
    one_small, one_middle, many_small, many, one = found
    rounds = len(found[one])

    def each(case: Case, start: Case) -> list[float]:
        """CPU seconds for a module, in each round."""
        modules = case.packs * (case.modules - start.modules)
        costs, starts = _cpu_by_round(found[case], rounds), _cpu_by_round(found[start], rounds)
        return [(cost - least) / modules for cost, least in zip(costs, starts, strict=True)]

    of_packs = spread(
        [large / usual for large, usual in zip(each(one, one_small), each(many, many_small), strict=True)]
    )
    of_both = spread([sum(each(one, one_small)) / sum(each(one_middle, one_small))])
    goals = [
        at_most(f"≤ {_LINEAR_WITHIN:g} times that of {of}", _LINEAR_WITHIN, growth, f"{growth.median:.2f}")
        for of, growth in ((f"{many.modules:,}", of_packs), (f"{one_middle} alone", of_both))
    ]
    *rows, last = _rows("both, of", found)
    return [*rows, Row(last.cells, goals)]


def _cpu_by_round(costs: Sequence[Cost], rounds: int) -> list[float]:
    """The CPU seconds of one command in each round, the mean of those in which it ran several times."""
    times = len(costs) // rounds
    return [mean(each.cpu for each in costs[first : first + times]) for first in range(0, len(costs), times)]


def _cells(name: str, costs: Sequence[Cost]) -> list[str]:
    return [
        name,
        spread([each.seconds for each in costs]).said(".2f"),
        spread([each.cpu for each in costs]).said(".2f"),
        f"{max(each.peak for each in costs):,.0f}",
    ]
