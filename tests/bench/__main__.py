"""Measures what is asked for, and writes the page: `python -m bench [--quick] [--only PART]`."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import facts, organisations, publishing, reading, starting
from bench.compare import Effort
from bench.report import PAGE, Table, page
from bench.servers import ROOT, leave_servers_core

PEERS = ROOT / "build" / "bench" / "peers"
COMMAND = "make bench"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    effort: Effort
    packs: tuple[int, int, int]
    packs_rounds: int
    packs_repeats: int
    crowds: tuple[int, ...]
    crowd_requests: int
    crowd_slices: int
    crowd_seconds: float
    starts: int


FULL = Size(Effort(3, 24, 0.3, 1.0), (1, 100, 1_000), 3, 5, (1, 100, 10_000), 100_000, 15, 2.0, 5)
QUICK = Size(Effort(1, 2, 0.3, 0.1), (1, 20, 80), 1, 2, (1, 5, 50), 1_000, 2, 0.5, 1)


@dataclass(frozen=True)
class Bench:
    """One run: its folder, how much it measures, and the installation that several parts read from."""

    folder: Path
    size: Size
    reading: reading.Reading

    def cached(self) -> list[Table]:
        """A cached module."""
        return reading.cached(self.reading, self.size.effort, self.folder)

    def uncached(self) -> list[Table]:
        """A module that is not cached."""
        return [reading.uncached(self.reading, self.size.effort, self.folder, PEERS)]

    def publishing(self) -> list[Table]:
        """Publishing."""
        size = self.size
        return [publishing.publishing(size.packs, size.packs_rounds, size.packs_repeats, self.folder)]

    def organisations(self) -> list[Table]:
        """Many organisations."""
        size = self.size
        return [
            organisations.organisations(
                size.crowds, size.crowd_requests, size.crowd_slices, size.crowd_seconds, self.folder
            )
        ]

    def starting(self) -> list[Table]:
        """Starting."""
        return [starting.starting(self.reading, self.size.starts, self.folder)]


PARTS: Mapping[str, Callable[[Bench], list[Table]]] = {
    "cached": Bench.cached,
    "uncached": Bench.uncached,
    "publishing": Bench.publishing,
    "organisations": Bench.organisations,
    "starting": Bench.starting,
}


def main() -> None:
    """Measure, and print what was found; the whole of it is also written to the page."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short, to try it; the page is not written")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; the page is not written")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was started ends too
    leave_servers_core()
    tables: list[Table] = []
    with _folder() as folder:
        bench = Bench(folder, QUICK if given.quick else FULL, reading.prepare(folder))
        for name in given.only or PARTS:
            for table in PARTS[name](bench):
                sys.stdout.write(table.markdown() + "\n")
                sys.stdout.flush()
                tables.append(table)
    if not (given.quick or given.only):
        PAGE.write_text(page(tables, facts.gather(PEERS), COMMAND), encoding="utf-8")
        sys.stdout.write(f"{PAGE.relative_to(ROOT)} is written.\n")
    missed = [line for table in tables for line in table.missed]
    sys.stdout.write("\n".join(["Missed:", *missed, ""]) if missed else "Every goal is met.\n")


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for all that is made to be measured, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=PEERS.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
