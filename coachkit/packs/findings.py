"""Collects everything that is wrong with a pack, so that an author hears of all of it at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from coachkit.errors import PackInvalid, Problem
from coachkit.packs.model import Place

MOST = 1_000
"""So many problems are kept; after them only whether there were more, so that no pack can fill the memory."""


class Findings:
    """The problems found so far; reading and compiling go on after each for as long as that makes sense."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._failed = False

    def _add(self, problem: Problem) -> None:
        self._failed = self._failed or problem.severity == "error"
        if len(self._problems) < MOST:
            self._problems.append(problem)
        elif len(self._problems) == MOST:
            message = f"there are more problems; the first {MOST} are listed"
            self._problems.append(Problem(".", None, None, "too-many-problems", message, None, "warning"))

    def extend(self, other: Findings) -> None:
        """Everything that another collection holds as well."""
        for problem in other.problems:
            self._add(problem)

    @property
    def full(self) -> bool:
        """Whether further problems would not be kept, so that looking for them is of no use."""
        return len(self._problems) > MOST

    def error(self, place: Place, code: str, message: str, hint: str | None = None) -> None:
        """Something that keeps the pack from being published."""
        self._add(Problem(place.file, place.line, place.column, code, message, hint))

    def warning(self, place: Place, code: str, message: str, hint: str | None = None) -> None:
        """Something the author should know of."""
        self._add(Problem(place.file, place.line, place.column, code, message, hint, "warning"))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, without repeats, ordered by file, line and column."""
        return tuple(
            sorted(dict.fromkeys(self._problems), key=lambda p: (p.file, p.line or 0, p.column or 0, p.code, p.message))
        )

    @property
    def failed(self) -> bool:
        """Whether any of them is an error."""
        return self._failed

    def raise_errors(self) -> None:
        """Raise PackInvalid with all problems if any is an error."""
        if self.failed:
            raise PackInvalid(self.problems)


def nearest(found: str, valid: Iterable[str]) -> str | None:
    """`did you mean “x”?` for the nearest valid name, None where nothing is near."""
    matches = difflib.get_close_matches(found, list(valid), n=1, cutoff=0.6)
    return f"did you mean “{matches[0]}”?" if matches else None
