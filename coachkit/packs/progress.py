"""How long work tells how far it is and which file it is at, without knowing to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Hands out the values of a loop one by one and may show, under a label, how many are done."""

    def __call__(self, values: Sequence[T], label: str) -> Iterable[T]:
        """The same values, in the same order."""
        ...


def silent(values: Sequence[T], label: str) -> Iterable[T]:
    """Say nothing."""
    del label
    return values


Meter = Callable[[str], AbstractContextManager[object]]
"""Entered, by its path, around each piece of work on one file: a file may come more than once, never inside another."""


def unmetered(path: str) -> AbstractContextManager[object]:
    """Measure nothing."""
    del path
    return nullcontext()
