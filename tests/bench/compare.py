"""Loads servers in turn, over and over, so that what the machine does meanwhile happens to all of them alike."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.load import LoadError, load
from bench.servers import Command, Server, serving

MICRO = 1_000_000
TRIES = 4
"""How often a slice is taken in which a store gives what it should not: the machine may have held something up."""


@dataclass(frozen=True)
class Contender:
    """A server that takes part: what it is asked, over and over, and which part of its answers its store must give.

    `hits` None is for those that have no store of ours.
    """

    name: str
    command: Command
    requests: Sequence[bytes]
    hits: float | None = None


@dataclass(frozen=True)
class Effort:
    """How long it is measured: so often are all started anew, and loaded in turn so often each time, for so long."""

    rounds: int
    slices: int
    seconds: float
    warm_up: float


@dataclass(frozen=True)
class Slice:
    """One load: answers a second, µs of the server's CPU for each, and the part of them that its store gave."""

    per_second: float
    cpu: float
    hit_rate: float


@dataclass(frozen=True)
class Spread:
    """The median of several measurements, the smallest and the largest."""

    median: float
    low: float
    high: float

    def said(self, spec: str, unit: str = "") -> str:
        """All three, each as `spec` writes it, the unit once."""
        return f"{self.median:{spec}}{unit} ({self.low:{spec}} to {self.high:{spec}})"


def interleaved(contenders: Sequence[Contender], effort: Effort, folder: Path) -> dict[str, list[Slice]]:
    """Each contender's slices by its name, in the order in which they were taken: A B A B, and all anew.

    Raises LoadError where a store gives more or fewer of the answers than the contender says, time after time.
    """
    found: dict[str, list[Slice]] = {each.name: [] for each in contenders}
    for _ in range(effort.rounds):
        with ExitStack() as stack:
            servers = [
                stack.enter_context(serving(each.command, folder / f"server-{number}.log"))
                for number, each in enumerate(contenders)
            ]
            for each, server in zip(contenders, servers, strict=True):
                load(server.port, each.requests, effort.warm_up)
            for _ in range(effort.slices):
                for each, server in zip(contenders, servers, strict=True):
                    found[each.name].append(_slice(each, server, effort))
    return found


def slice_of(server: Server, requests: Sequence[bytes], seconds: float) -> Slice:
    """What a server gives and takes for so long."""
    before = server.cpu_seconds()
    done = load(server.port, requests, seconds)
    cpu = server.cpu_seconds() - before
    return Slice(done.per_second, cpu / done.answers * MICRO, done.hits / done.answers)


def spread(values: Sequence[float]) -> Spread:
    """The median and the bounds of at least one value."""
    return Spread(median(values), min(values), max(values))


def ratio(of: Sequence[float], to: Sequence[float]) -> Spread:
    """How many times as much the first are as the second, each with the one taken beside it."""
    return spread([one / other for one, other in zip(of, to, strict=True)])


def _slice(contender: Contender, server: Server, effort: Effort, tries: int = TRIES) -> Slice:
    found = slice_of(server, contender.requests, effort.seconds)
    if contender.hits is None or found.hit_rate == contender.hits:
        return found
    if tries == 1:
        given = f"{found.hit_rate:.0%} of the answers, not {contender.hits:.0%}"
        raise LoadError(f"{contender.name}: the store gave {given}")
    load(server.port, contender.requests, effort.warm_up)
    return _slice(contender, server, effort, tries - 1)
