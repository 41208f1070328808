"""Collects everything that is wrong with a pack, so that an author hears of all of it at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from coachkit.errors import PackInvalid, Problem, Severity
from coachkit.packs.model import Place

MOST = 1_000
"""So many errors and so many warnings are kept; of more only that there are, so that no pack can fill the memory."""


class Findings:
    """The problems found so far; reading and compiling go on after each for as long as that makes sense."""

    def __init__(self) -> None:
        self._kept: dict[Severity, list[Problem]] = {"error": [], "warning": []}
        self._more = False

    def add(self, problem: Problem) -> None:
        """One more problem."""
        kept = self._kept[problem.severity]
        if len(kept) < MOST:
            kept.append(problem)
        elif not self._more:
            self._more = True
            message = f"there are more problems; of errors and of warnings the first {MOST:,} each are listed"
            self._kept["warning"].append(Problem(".", None, None, "too-many-problems", message, None, "warning"))

    def extend(self, other: Findings) -> None:
        """Everything that another collection holds as well."""
        for problem in other.problems:
            self.add(problem)

    @property
    def hopeless(self) -> bool:
        """Whether looking on is of no use: the pack is refused, and no further error would be kept."""
        return self._more and len(self._kept["error"]) >= MOST

    def error(self, place: Place, code: str, message: str, hint: str | None = None) -> None:
        """Something that keeps the pack from being published."""
        self.add(Problem(place.file, place.line, place.column, code, message, hint))

    def warning(self, place: Place, code: str, message: str, hint: str | None = None) -> None:
        """Something the author should know of."""
        self.add(Problem(place.file, place.line, place.column, code, message, hint, "warning"))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, without repeats, ordered by file, line and column."""
        every = dict.fromkeys([*self._kept["error"], *self._kept["warning"]])
        return tuple(sorted(every, key=lambda p: (p.file, p.line or 0, p.column or 0, p.code, p.message)))

    @property
    def failed(self) -> bool:
        """Whether any of them is an error."""
        return bool(self._kept["error"])

    def raise_errors(self) -> None:
        """Raise PackInvalid with all problems if any is an error."""
        if self.failed:
            raise PackInvalid(self.problems)


def nearest(found: str, valid: Iterable[str]) -> str | None:
    """`did you mean “x”?` for the nearest valid name, None where nothing is near."""
    matches = difflib.get_close_matches(found, list(valid), n=1, cutoff=0.6)
    return f"did you mean “{matches[0]}”?" if matches else None
