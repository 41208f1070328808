"""The whole way from an author's files to a compiled release, or to everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coachkit.errors import Problem
from coachkit.packs.compile import compile_pack
from coachkit.packs.directives import Directive
from coachkit.packs.findings import Findings
from coachkit.packs.model import Compiled
from coachkit.packs.progress import Meter, Progress, silent, unmetered
from coachkit.packs.reader import read_pack
from coachkit.packs.source import Source


@dataclass(frozen=True)
class Checked:
    """A compiled pack, None if any problem is an error, and all problems in file order."""

    compiled: Compiled | None
    problems: tuple[Problem, ...]


def check(
    source: Source,
    directives: Sequence[tuple[str, Directive]],
    findings: Findings | None = None,
    progress: Progress = silent,
    meter: Meter = unmetered,
) -> Checked:
    """Read and compile a pack with these directives, each with its maker `plugin-name@version`.

    `findings` are those of reading the source from where it lay; they count as the pack's own. This has no limits but
    the format's own: what others wrote goes through `confined.checking.checked`.
    """
    findings = findings or Findings()
    pack = read_pack(source, findings, progress, meter)
    compiled = compile_pack(pack, directives, findings, progress, meter) if pack is not None else None
    return Checked(None if findings.failed else compiled, findings.problems)
