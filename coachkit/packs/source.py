"""A pack's files as bytes: which belong to it, and the one archive they make.

Owns the bounds on what a pack may hold and knows the names files may have; knows nothing of what is in them.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import FOLDERS, KIND_OF_FOLDER, NAME_LENGTH, NAME_PATTERN, Kind, Place

MANIFEST = "pack.yaml"
IMAGES = "images"
LOCALES = "locales"
COMPANIONS = ("README", "LICENSE", "CHANGELOG")
"""What the names of files at the top start with that go with a pack and are not read."""
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".svg")

MAX_FILES = 5_000
MAX_IMAGE = 2 * 1024 * 1024
MAX_TEXT = 512 * 1024
MAX_TOTAL = 64 * 1024 * 1024
MAX_ARCHIVE = MAX_TOTAL + (MAX_FILES + 10) * 1024
"""Bytes of an archive: the files, a header for each, and what fills up their last blocks and the end."""

LOCALE_PATTERN = r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))?"
"""Language, script, region and variant of BCP 47, each in its usual case."""

_SUFFIX: Mapping[Kind, str] = {
    "module": ".md",
    "template": ".md",
    "checklist": ".yaml",
    "pathway": ".yaml",
    "questionnaire": ".yaml",
}
_COMPANION = re.compile(rf"(?:{'|'.join(COMPANIONS)})[A-Za-z0-9._-]{{0,60}}", re.ASCII)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.(?:png|jpg|jpeg|webp|svg)", re.ASCII)
_NAME = re.compile(NAME_PATTERN, re.ASCII)
_LOCALE = re.compile(LOCALE_PATTERN, re.ASCII)


@dataclass(frozen=True)
class Source:
    """A pack's files: path inside the pack, with forward slashes → bytes. Only files that belong to a pack."""

    files: Mapping[str, bytes]
    closed: frozenset[str] = frozenset()
    """The paths of files that are not looked into: they are there, and why they say nothing has been told."""


# --- what belongs to a pack -----------------------------------------------------------------------

Belonging = Literal["yes", "silent", "stray", "unknown"]
"""Part of the pack; passed over without a word; at the top and passed over with a warning; an error."""


def belonging(path: str) -> Belonging:
    """Whether a file of this path (relative, forward slashes) is part of a pack."""
    parts = path.split("/")
    if any(part.startswith(".") or part == "__pycache__" for part in parts) or path.endswith(".py"):
        return "silent"
    if len(parts) == 1:
        return "yes" if path == MANIFEST or _COMPANION.fullmatch(path) else "stray"
    if parts[0] == LOCALES:
        inside = len(parts) == _DEPTH_OF_TRANSLATION and _LOCALE.fullmatch(parts[1]) and _is_resource(parts[2:])
        return "yes" if inside else "unknown"
    if parts[0] == IMAGES:
        return "yes" if len(parts) == _DEPTH_OF_RESOURCE and _IMAGE.fullmatch(parts[1]) else "unknown"
    if parts[0] in KIND_OF_FOLDER:
        return "yes" if _is_resource(parts) else "unknown"
    return "stray"


_DEPTH_OF_RESOURCE = 2
_DEPTH_OF_TRANSLATION = 4


def is_entered(folder: str) -> bool:
    """Whether a folder of this path may hold files of a pack."""
    parts = folder.split("/")
    if parts[0] == LOCALES and len(parts) > 1:
        known = _LOCALE.fullmatch(parts[1]) is not None
        return known and (len(parts) == _DEPTH_OF_RESOURCE or parts[2:] in [[each] for each in KIND_OF_FOLDER])
    return parts in [[LOCALES], [IMAGES], *([each] for each in KIND_OF_FOLDER)]


def _is_resource(parts: list[str]) -> bool:
    if len(parts) != _DEPTH_OF_RESOURCE or parts[0] not in KIND_OF_FOLDER:
        return False
    suffix = _SUFFIX[KIND_OF_FOLDER[parts[0]]]
    stem = parts[1].removesuffix(suffix)
    return parts[1].endswith(suffix) and len(stem) <= NAME_LENGTH and _NAME.fullmatch(stem) is not None


def kind_and_id(path: str) -> tuple[str | None, Kind, str] | None:
    """The locale (None for the default one), kind and id of a resource's file; None if it is none."""
    parts = path.split("/")
    locale = parts[1] if parts[0] == LOCALES and len(parts) == _DEPTH_OF_TRANSLATION else None
    inner = parts[2:] if locale else parts
    if not _is_resource(inner):
        return None
    return locale, KIND_OF_FOLDER[inner[0]], inner[1].rsplit(".", 1)[0]


def path_of(kind: Kind, name: str) -> str:
    """The path of a resource's file, in the default locale."""
    return f"{FOLDERS[kind]}/{name}{_SUFFIX[kind]}"


def translation(path: str, locale: str) -> str:
    """The path of the file that translates a resource's file."""
    return f"{LOCALES}/{locale}/{path}"


def report_unknown(path: str, findings: Findings, what: Belonging) -> None:
    """Report a file or folder of this path as one that is no part of a pack; `what` is `stray` or `unknown`."""
    place = Place(printable(path))
    if what == "stray":
        name = path.split("/", 1)[0][:NAME_LENGTH]
        known = [MANIFEST, IMAGES, LOCALES, *KIND_OF_FOLDER]
        hint = nearest(name, known) or nearest(name.split(".", 1)[0], COMPANIONS)
        findings.warning(place, "unknown-file", "this is not part of a pack and is passed over", hint)
    else:
        findings.error(place, "unknown-file", "a pack has no such file", _expected(path))


def _expected(path: str) -> str:
    parts = path.split("/")
    prefix = ""
    if parts[0] == LOCALES:
        if len(parts) == 1 or not _LOCALE.fullmatch(parts[1]):
            return "translations are locales/<tag>/<folder>/<file>, the tag such as cy, en-GB or zh-Hant-TW"
        prefix, parts = f"{LOCALES}/{parts[1]}/", parts[2:]
    if parts and parts[0] in KIND_OF_FOLDER:
        kind = KIND_OF_FOLDER[parts[0]]
        return f"a {kind} is {prefix}{parts[0]}/<id>{_SUFFIX[kind]}; an id has lower-case letters, digits and hyphens"
    if parts and parts[0] == IMAGES and not prefix:
        return f"an image is {IMAGES}/<name> with one of {', '.join(IMAGE_SUFFIXES)}"
    return nearest(parts[0][:NAME_LENGTH] if parts else "", KIND_OF_FOLDER) or f"the folders are {_FOLDERS}"


_FOLDERS = ", ".join(KIND_OF_FOLDER)


def printable(path: str) -> str:
    """A path that can be shown and stored, whatever bytes the file's name has."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path)


def limit_of(path: str) -> int:
    """The most bytes a file of this path may have."""
    return MAX_IMAGE if path.startswith(f"{IMAGES}/") else MAX_TEXT


# --- adding files, within bounds ------------------------------------------------------------------


class Shelf:
    """Takes the files of one pack as they are found, and keeps the bounds on all of them together."""

    def __init__(self, findings: Findings) -> None:
        self.files: dict[str, bytes] = {}
        self._findings = findings
        self._seen = 0
        self._bytes = 0

    def takes(self, path: str) -> bool:
        """Whether the file of this path is to be read; what is wrong with its name is reported."""
        what = belonging(path)
        if what in ("stray", "unknown"):
            report_unknown(path, self._findings, what)
        return what == "yes"

    def counts(self) -> bool:
        """Count one more file; False, reported once, when there are too many."""
        self._seen += 1
        if self._seen == MAX_FILES + 1:
            self._findings.error(Place("."), "too-many-files", f"the pack has more than {MAX_FILES} files")
        return self._seen <= MAX_FILES

    def add(self, path: str, data: bytes) -> bool:
        """Keep a file; False when the pack is full. `data` may be cut one byte above the file's limit."""
        large = len(data) > limit_of(path)
        if large:
            message = f"the file is larger than {limit_of(path) // 1024} KiB"
            self._findings.error(Place(path), "too-large", message, "make it smaller or split it")
        self._bytes += len(data)
        if self._bytes > MAX_TOTAL:
            message = f"the pack is larger than {MAX_TOTAL // 1024 // 1024} MiB in all"
            self._findings.error(Place(path), "too-large", message, "split the pack")
            return False
        if not large:
            self.files[path] = data
        return True

    def done(self) -> Source:
        """The files, sorted; without pack.yaml an error is reported."""
        report_missing_manifest(self.files, self._findings)
        return Source(dict(sorted(self.files.items())))


def report_missing_manifest(files: Iterable[str], findings: Findings) -> bool:
    """Whether pack.yaml is missing, which is reported unless it, or the pack as a whole, could not be read."""
    if MANIFEST in files or any(problem.file in {MANIFEST, "."} for problem in findings.problems):
        return MANIFEST not in files
    findings.error(Place(MANIFEST), "no-pack", "there is no pack.yaml", "a pack's folder has pack.yaml at its top")
    return True


# --- archives -------------------------------------------------------------------------------------


def archive(source: Source) -> bytes:
    """The one archive of these files: an uncompressed POSIX ustar, the same bytes on every machine.

    Paths are sorted; times, owners and names are zero; every mode is 0644.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in sorted(source.files.items()):
            header = tarfile.TarInfo(path)
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return out.getvalue()


def digest(archive_bytes: bytes) -> str:
    """`sha256:` and the archive's SHA-256 in lower-case hex: what names a release."""
    return f"sha256:{hashlib.sha256(archive_bytes).hexdigest()}"


def read_archive(data: bytes, findings: Findings) -> Source:
    """Read an archive that `archive` made, in memory. Anything else is refused, with the reason, and has no files.

    Links, devices, absolute paths, paths with `..`, repeated ones, files that are not part of a pack and
    anything too large are errors. What passes is exactly `archive` of what is returned.
    """
    own = Findings()
    source = _unpacked(data, own)
    if not own.failed and archive(source) != data:
        own.error(Place("."), "bad-archive", "these are not the bytes that building the pack gives", _REBUILD)
    findings.extend(own)
    return Source({}) if own.failed else source


def _unpacked(data: bytes, findings: Findings) -> Source:
    shelf = Shelf(findings)
    for path, content in _members(data, findings):
        if not shelf.counts():
            break
        if path in shelf.files:
            findings.error(Place(path), "bad-archive", "the archive holds this file twice")
        elif belonging(path) != "yes":
            findings.error(Place(printable(path)), "unknown-file", "a pack has no such file", _expected(path))
        elif not shelf.add(path, content):
            break
    return shelf.done()


_REBUILD = "make the archive with coachkit pack build"
_BLOCK = 512
_NOT_FILES = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"6": "a pipe"}


def _members(data: bytes, findings: Findings) -> Iterator[tuple[str, bytes]]:
    """Path and content of each plain file of a ustar archive; the first thing that is none is reported and ends it.

    Read here and not by tarfile, which follows extensions (sparse files, long names, sizes in base 256) that
    `archive` never writes.
    """
    position = 0
    while position + _BLOCK <= len(data):
        header = data[position : position + _BLOCK]
        if not any(header):
            return
        fault, path, size = _header(header)
        if fault is None and position + _BLOCK + size > len(data):
            fault = ("bad-archive", "the archive is cut short")
        if fault is not None:
            findings.error(Place(printable(path) or "."), *fault, _REBUILD)
            return
        yield path, data[position + _BLOCK : position + _BLOCK + size]
        position += _BLOCK + -(-size // _BLOCK) * _BLOCK
    message = "the archive is cut short" if position else "this is not a tar archive"
    findings.error(Place("."), "bad-archive", message, _REBUILD)


def _header(header: bytes) -> tuple[tuple[str, str] | None, str, int]:
    """What is wrong with a member's header (code and message), its path and its size."""
    if header[257:263] != b"ustar\0":
        return ("bad-archive", "this is not a POSIX tar archive"), "", 0
    name, prefix = (part.split(b"\0", 1)[0].decode("utf-8", "replace") for part in (header[:100], header[345:500]))
    path = f"{prefix}/{name}" if prefix else name
    kind = header[156:157]
    if kind in _NOT_FILES:
        return ("symlink" if kind in b"12" else "bad-archive", f"the archive holds {_NOT_FILES[kind]}"), path, 0
    if kind != b"0":
        return ("bad-archive", "the archive holds something that is not a plain file"), path, 0
    if path.startswith("/") or "\\" in path or ".." in path.split("/"):
        return ("bad-archive", "the path leads out of the pack"), path, 0
    if not re.fullmatch(rb"[0-7]{11}\0", header[124:136]):
        return ("bad-archive", "the size is not written in octal"), path, 0
    return None, path, int(header[124:135], 8)
