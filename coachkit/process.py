"""Which process this is. The system is asked once in each: it costs as much as finding a kept answer does."""

from __future__ import annotations

import os

_number = os.getpid()


def number() -> int:
    """The process's number, also in a child that was forked."""
    return _number


def _note() -> None:
    global _number  # noqa: PLW0603 — there is one process
    _number = os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note)
