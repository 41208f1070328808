"""What reading one pack may cost, and whether this system can hold a process to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

MIB = 1024 * 1024
NO_MEMORY = 77
"""The exit status of a child that has no memory left, and none to say so with."""
STATM = Path("/proc/self/statm")
"""Where Linux says how much memory a process has."""


@dataclass(frozen=True)
class Limits:
    """What one pack and each of its files may cost. Seconds are of CPU where nothing else is said."""

    file_seconds: float = 2.0
    """All the work on one file together."""
    file_bytes: int = 256 * MIB
    """Memory above what the process had before the file."""
    pack_seconds: float = 180.0
    """The whole pack, with every new start after a file that cost too much."""
    pack_bytes: int = 1024 * MIB
    """Memory of the whole process above what it began with."""
    silence: float = 60.0
    """Seconds on the clock after which a file is given up; on a busy machine 2 s of CPU may take many."""
    patience: float = 900.0
    """Seconds on the clock for the whole pack."""
    given_up: int = 5
    """So many files may be given up before the rest of the pack is not looked at."""


def missing() -> Literal["processes", "memory"] | None:
    """What cannot be limited here: nothing at all (Windows), or memory (macOS); None where all limits hold."""
    if find_spec("resource") is None or not hasattr(os, "fork"):
        return "processes"
    return None if STATM.exists() else "memory"
