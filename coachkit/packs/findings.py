"""Collects everything that is wrong with a pack, so that an author hears of all of it at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from coachkit.errors import PackInvalid, Problem
from coachkit.packs.model import Place


class Findings:
    """The problems found so far; reading and compiling go on after each for as long as that makes sense."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def error(self, place: Place, code: str, message: str, hint: str | None = None) -> None:
        """Something that keeps the pack from being published."""
        self._problems.append(Problem(place.file, place.line, place.column, code, message, hint))

    def warning(self, place: Place, code: str, message: str, hint: str | None = None) -> None:
        """Something the author should know of."""
        self._problems.append(Problem(place.file, place.line, place.column, code, message, hint, "warning"))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, without repeats, ordered by file, line and column."""
        return tuple(
            sorted(dict.fromkeys(self._problems), key=lambda p: (p.file, p.line or 0, p.column or 0, p.code, p.message))
        )

    @property
    def failed(self) -> bool:
        """Whether any of them is an error."""
        return any(problem.severity == "error" for problem in self._problems)

    def raise_errors(self) -> None:
        """Raise PackInvalid with all problems if any is an error."""
        if self.failed:
            raise PackInvalid(self.problems)


def nearest(found: str, valid: Iterable[str]) -> str | None:
    """`did you mean “x”?` for the nearest valid name, None where nothing is near."""
    matches = difflib.get_close_matches(found, list(valid), n=1, cutoff=0.6)
    return f"did you mean “{matches[0]}”?" if matches else None
