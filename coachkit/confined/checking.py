"""Reads and compiles what somebody else wrote, within limits: the one way for all packs and texts, whoever asks.

A file that costs too much, or ends what reads it, becomes a problem, and the others are read without it. Knows what a
pack is, and not how the process that reads it is held to its limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from coachkit.confined.limits import Limits, missing
from coachkit.errors import Problem
from coachkit.hooks.dispatch import Dispatch
from coachkit.packs import loose
from coachkit.packs.check import Checked, check
from coachkit.packs.findings import Findings
from coachkit.packs.markdown import Written
from coachkit.packs.progress import Progress, silent
from coachkit.packs.source import Source

LIMITS = Limits()
_log = structlog.get_logger("coachkit.confined")


def checked(
    source: Source,
    plugins: Sequence[str] = (),
    findings: Findings | None = None,
    progress: Progress = silent,
    limits: Limits = LIMITS,
) -> Checked:
    """Read and compile a pack with the boxes of CoachKit and of these plugins, by name, in a process of its own.

    Gives what `packs.check.check` gives there, byte for byte; `findings` are those of reading the source from where
    it lay. That process gets the files' bytes, no secret of this one's environment, and no more of the machine than
    `limits` say. Files that go beyond are problems: `too-slow`, `too-much-memory` and `reader-failed`.

    Where the system cannot keep limits, that is logged, and the pack is read without them.
    """
    findings = findings or Findings()
    if _unlimited():
        return check(source, _dispatch(plugins).directives(), findings, progress)
    from coachkit.confined.attempts import Attempts  # which needs what lacks there

    return Attempts(source, plugins, findings, progress, limits).result()


def written(
    texts: Mapping[str, bytes], plugins: Sequence[str] = (), limits: Limits = LIMITS
) -> tuple[Mapping[str, Written], tuple[Problem, ...]]:
    """Compile texts that stand in no pack, as `packs.loose.dump` has them by name, as `checked` does a pack's files.

    Gives each that could be compiled, and all problems; one that goes beyond the limits is among the problems only. A
    problem's file is the name of its text, and `.` where all of them together cost too much.
    """
    findings, source = Findings(), Source(texts)
    if _unlimited():
        compiled = loose.compile_all(source, _dispatch(plugins).directives(), findings)
        return loose.load(compiled), findings.problems
    from coachkit.confined.attempts import Attempts  # which needs what lacks there

    heard = Attempts(source, plugins, findings, silent, limits, "texts").heard()
    if heard is None or heard.compiled is None:
        return {}, findings.problems
    return loose.load(heard.compiled), heard.problems


def _unlimited() -> bool:
    """Whether there can be no process of its own here; that, and any other limit that is lacking, is logged."""
    lacking = missing()
    if lacking is not None:
        _log.warning("packs are read without limits: check only what you trust", unlimited=lacking)
    return lacking == "processes"


def _dispatch(plugins: Sequence[str]) -> Dispatch:
    from coachkit.hooks import core, manager

    return Dispatch(manager.build(plugins, [(core.NAME, core)]))
