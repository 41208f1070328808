"""Files that commands write: whole and durable under their names, or not at all, and for their owner's eyes alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the path's name once all of it is on the disk. What was there is replaced."""
    with drafted(path) as draft, draft.open("wb") as file:
        yield file


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """The same for who opens it by itself: an empty file beside the path, of mode 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        _sync(draft)
        draft.replace(path)
        _sync(path.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
