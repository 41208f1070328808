"""Reads a pack's files from where they lie: a folder, or an archive. Nothing outside is opened, no link is followed.

Whoever can write there may change it meanwhile: each folder is opened once, and what is in it is opened from there,
so that no path is walked twice. Systems without such openings (Windows) walk paths.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from coachkit.packs.findings import Findings
from coachkit.packs.model import Place
from coachkit.packs.source import (
    MANIFEST,
    MAX_ARCHIVE,
    MAX_FILES,
    Shelf,
    Source,
    belonging,
    is_entered,
    limit_of,
    printable,
    read_archive,
    report_unknown,
)

_AS_DESCRIPTOR = os.open in os.supports_dir_fd and os.scandir in os.supports_fd
_PLAIN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe is opened without waiting
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


def read_path(path: Path, findings: Findings) -> Source:
    """The files of the pack at a path: its folder, the pack.yaml in it, or its archive."""
    path = path.parent if path.name == MANIFEST else path
    if path.is_dir():
        return read_folder(path, findings)
    data = _read(os.open(path, _PLAIN), MAX_ARCHIVE + 1)
    if data is None or len(data) > MAX_ARCHIVE:
        message = "this is not a regular file" if data is None else "the archive is larger than any pack"
        findings.error(Place("."), "bad-archive", message, "name a pack's folder, or the archive that build made")
        return Source({})
    return read_archive(data, findings)


def read_folder(path: Path, findings: Findings) -> Source:
    """Read the files of the pack in this folder, and nothing outside it; symlinks are never followed.

    What does not belong to a pack is reported as the format says; what is too large is reported and left out, and so
    is what cannot be read.
    """
    if not path.is_dir():
        findings.error(Place(MANIFEST), "no-pack", "there is no such folder", "name the folder that holds pack.yaml")
        return Source({})
    walk = _Walk(Shelf(findings), findings)
    try:
        with _opened(path, None) as folder:
            walk.folder(folder, "")
    except OSError as error:
        walk.unreadable(".", error)
    return walk.shelf.done()


@dataclass(frozen=True)
class _Folder:
    """A folder to read; where the system can, an open one, whatever becomes of the path that led to it."""

    path: Path
    descriptor: int | None

    def entries(self) -> list[os.DirEntry[str]]:
        """What may belong to a pack, by name; one more at most than a pack may have."""
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as scan:
            heard = (
                entry for entry in scan if belonging(entry.name) != "silent" or belonging(f"{entry.name}/x") != "silent"
            )
            return sorted(itertools.islice(heard, MAX_FILES + 1), key=lambda entry: entry.name)

    def open(self, name: str, flags: int) -> int:
        """A descriptor of what is in this folder under a name, unless that is a link."""
        if self.descriptor is None:
            return os.open(self.path / name, flags | _NO_LINK)
        return os.open(name, flags | _NO_LINK, dir_fd=self.descriptor)


@contextmanager
def _opened(path: Path, above: _Folder | None) -> Iterator[_Folder]:
    """The folder of a path, which is in the one above if there is one."""
    if not _AS_DESCRIPTOR:
        yield _Folder(path, None)
        return
    descriptor = above.open(path.name, _FOLDER) if above else os.open(path, _FOLDER)
    try:
        yield _Folder(path, descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class _Walk:
    """One walk through a pack's folder."""

    shelf: Shelf
    findings: Findings

    def folder(self, folder: _Folder, prefix: str) -> bool:
        """Take everything in a folder; False when the pack is full."""
        return all(self._entry(folder, f"{prefix}{entry.name}", entry) for entry in folder.entries())

    def _entry(self, folder: _Folder, name: str, entry: os.DirEntry[str]) -> bool:
        if not self.shelf.counts():
            return False
        try:
            if entry.is_symlink():
                self._link(name)
            elif entry.is_dir(follow_symlinks=False):
                return self._below(folder, name, entry.name)
            elif not entry.is_file(follow_symlinks=False):
                self._irregular(name)
            elif self.shelf.takes(name):
                return self._file(folder, name, entry.name)
        except OSError as error:
            self.unreadable(name, error)
        return True

    def _below(self, above: _Folder, name: str, entry: str) -> bool:
        if not is_entered(name):
            report_unknown(name, self.findings, "unknown" if "/" in name else "stray")
            return True
        with _opened(above.path / entry, above) as folder:
            return self.folder(folder, f"{name}/")

    def _file(self, folder: _Folder, name: str, entry: str) -> bool:
        data = _read(folder.open(entry, _PLAIN), limit_of(name) + 1)
        if data is None:
            self._irregular(name)
            return True
        return self.shelf.add(name, data)

    def _link(self, name: str) -> None:
        self.findings.error(Place(printable(name)), "symlink", "this is a symbolic link", "put the file itself here")

    def _irregular(self, name: str) -> None:
        self.findings.error(Place(printable(name)), "unknown-file", "this is not a regular file", "delete it")

    def unreadable(self, name: str, error: OSError) -> None:
        """Report what could not be opened or read."""
        if error.errno == errno.ELOOP:  # it has become a link since it was listed
            self._link(name)
        else:
            message = f"this cannot be read: {error.strerror}"
            self.findings.error(Place(printable(name)), "unreadable", message, "see who may read it, and check again")


def _read(descriptor: int, limit: int) -> bytes | None:
    """At most `limit` bytes of an open file; None if it is no regular one."""
    with open(descriptor, "rb") as opened:
        return opened.read(limit) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
