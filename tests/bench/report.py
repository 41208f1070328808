"""What was measured, as Markdown: tables with goals, ratios and whether they are met, and the page they stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from bench.compare import Slice, Spread, ratio, spread
from bench.facts import Facts

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
TEMPLATE = Path(__file__).with_name("page.md")


@dataclass(frozen=True)
class Goal:
    """What was asked for, what was found, and whether that is it."""

    asked: str
    found: str
    met: bool

    @property
    def verdict(self) -> str:
        """For a table's cell."""
        return "met" if self.met else "**missed**"


@dataclass(frozen=True)
class Row:
    """One line of a table: its cells, and its goals, if it has any."""

    cells: Sequence[str]
    goals: Sequence[Goal] = ()


@dataclass(frozen=True)
class Table:
    """A heading, what the table is of in a paragraph, the names of the cells, and the rows."""

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Row]

    @property
    def missed(self) -> list[str]:
        """The goals that are not met, each in a line."""
        return [
            f"{self.title}: {row.cells[0]}: {goal.found}, where {goal.asked} is asked for"
            for row in self.rows
            for goal in row.goals
            if not goal.met
        ]

    def markdown(self) -> str:
        """The table under its heading."""
        numbers = "--:|" * (len(self.columns) - 1)
        lines = [_line([*self.columns, "goal", "found", ""]), f"|---|{numbers}---|---|---|"]
        for row in self.rows:
            said = [[goal.asked, goal.found, goal.verdict] for goal in row.goals] or [["", "", ""]]
            blank = [""] * len(row.cells)
            lines += [_line([*(blank if n else row.cells), *goal]) for n, goal in enumerate(said)]
        return f"## {self.title}\n\n{self.about}\n\n" + "\n".join(lines) + "\n"


def page(tables: Sequence[Table], facts: Facts, command: str) -> str:
    """The whole page."""
    missed = [f"- {line}" for table in tables for line in table.missed]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        command=command,
        commit=facts.commit,
        machine=facts.machine,
        versions="\n".join(f"- {line}" for line in facts.versions),
        missed="\n".join(["These goals are missed:", "", *missed]) if missed else "Every goal is met.",
        tables="\n".join(table.markdown() for table in tables),
    )


def at_least(asked: float, of: Sequence[Slice], to: Sequence[Slice], name: str = "") -> Goal:
    """So many times as much as another: answers a second, and answers for a second of CPU, or it is not met.

    `name` is the other's, where that is not the first row.
    """
    speed = ratio([each.per_second for each in of], [each.per_second for each in to])
    cpu = ratio([each.cpu for each in to], [each.cpu for each in of])
    found = f"{speed.said('.2f')} a second, {cpu.said('.2f')} for its CPU"
    return Goal(f"≥ {asked:g} times {name}" if name else f"≥ {asked:g}", found, min(speed.median, cpu.median) >= asked)


def at_most(asked: str, bound: float, found: Spread, said: str) -> Goal:
    """A measurement whose median should be no larger than the bound; both as they should be said."""
    return Goal(asked, said, found.median <= bound)


def speed_cells(name: str, slices: Sequence[Slice]) -> list[str]:
    """A contender's name, its answers a second and its CPU time for each, with their bounds."""
    speed, cpu = spread([each.per_second for each in slices]), spread([each.cpu for each in slices])
    return [name, speed.said(",.0f"), cpu.said(",.0f")]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
