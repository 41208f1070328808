"""What a check says: what it found, why that matters, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from coachkit.errors import Problem, Severity


@dataclass(frozen=True)
class Finding:
    """Something that is wrong or will be; `code` is from the list in docs/operating.md.

    An error is unsafe, or keeps the installation from serving; a warning is worth an operator's afternoon.
    """

    subject: str
    code: str
    what: str
    why: str
    remedy: str
    severity: Severity = "error"

    @property
    def value(self) -> dict[str, Any]:
        """As other checks say it in JSON, with the reason beside it."""
        problem = Problem(self.subject, None, None, self.code, self.what, self.remedy, self.severity)
        return {**asdict(problem), "why": self.why}

    @property
    def lines(self) -> Iterable[str]:
        """As people read it."""
        yield f"{self.severity}: {self.subject}: {self.what} [{self.code}]"
        yield f"    why: {self.why}"
        yield f"    do:  {self.remedy}"


@dataclass(frozen=True)
class Report:
    """What was found of one part, and the facts about it that are neither good nor bad."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def problem(found: Problem, why: str) -> Finding:
    """What a check of content found, as a finding."""
    return Finding(found.file, found.code, found.message, why, found.hint or "", found.severity)
