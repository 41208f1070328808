"""Which process this is, and who is to know when it is another: the system is asked once in each.

To ask it costs as much as to find a kept answer does.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """What a forked child has from its parent and must not take for its own."""

    def forked(self) -> None:
        """Called in the child, before anything else runs there: only attributes may be set."""


_number = os.getpid()
_told: WeakSet[Forkable] = WeakSet()


def number() -> int:
    """The process's number, also in a child that was forked."""
    return _number


def tell(one: Forkable) -> None:
    """Call its `forked` in each child that is forked from now on, as long as it lives."""
    _told.add(one)


def _forked() -> None:
    global _number  # noqa: PLW0603 — there is one process
    _number = os.getpid()
    for one in list(_told):
        one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
