"""Reads and compiles a pack that somebody else wrote, within limits: the one way for all packs, whoever asks.

A file that costs too much, or ends what reads it, becomes a problem, and the others are read without it. Knows what a
pack is, and not how the process that reads it is held to its limits.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from coachkit.confined.limits import Limits, missing
from coachkit.packs.check import Checked, check
from coachkit.packs.findings import Findings
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
    lacking = missing()
    if lacking is not None:
        _log.warning("packs are read without limits: check only what you trust", unlimited=lacking)
    if lacking == "processes":
        return _unlimited(source, plugins, findings, progress)
    from coachkit.confined.attempts import Attempts  # which needs what lacks there

    return Attempts(source, plugins, findings, progress, limits).result()


def _unlimited(source: Source, plugins: Sequence[str], findings: Findings, progress: Progress) -> Checked:
    from coachkit.hooks import core, manager
    from coachkit.hooks.dispatch import Dispatch

    dispatch = Dispatch(manager.build(plugins, [(core.NAME, core)]))
    return check(source, dispatch.directives(), findings, progress)
