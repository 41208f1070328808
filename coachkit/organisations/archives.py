"""The archive of one organisation: which members it has, what each may be, and how it is read without being believed.

It is a plain tar. `manifest.json` comes first and names every other member with its size and SHA-256. Knows nothing of
what the members say. `docs/archives.md` describes the format.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, NamedTuple

import rfc8785

from coachkit.db import archives as rows
from coachkit.errors import ArchiveInvalid, Problem
from coachkit.organisations import bounded_json, plain_tar
from coachkit.organisations.plain_tar import TarError
from coachkit.packs.source import MAX_ARCHIVE

FORMAT: Final = "coachkit-organisation"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
AUDIT: Final = "audit.jsonl"
MAX_MEMBERS: Final = 130_000
MAX_TOTAL: Final = 8 * 1024**3
"""Bytes of an archive, members and all."""
_MEBIBYTE: Final = 1024**2
_HEX: Final = "[0-9a-f]{64}"
_CHUNK: Final = _MEBIBYTE

LISTS: Final[Mapping[str, rows.Part]] = {
    "organisation.json": rows.ORGANISATION,
    "releases.jsonl": rows.RELEASES,
    "editions.jsonl": rows.EDITIONS,
    "edition_releases.jsonl": rows.EDITION_RELEASES,
    "channels.jsonl": rows.CHANNELS,
    "channel_moves.jsonl": rows.CHANNEL_MOVES,
    "hostnames.jsonl": rows.HOSTNAMES,
    "schedules.jsonl": rows.SCHEDULES,
}
"""The members that have rows, one on a line."""
_BYTES: Final = (
    (re.compile(rf"releases/{_HEX}/source\.tar"), MAX_ARCHIVE),
    (re.compile(rf"releases/{_HEX}/compiled"), 128 * _MEBIBYTE),
    (re.compile(rf"editions/{_HEX}/inputs\.json"), bounded_json.MAX_BYTES),
    (re.compile(rf"editions/{_HEX}/manifest"), 64 * _MEBIBYTE),
)
"""The members that have one thing's bytes, and how many those may be."""
LIST_BYTES: Final = 1024 * _MEBIBYTE


class Listed(NamedTuple):
    """A member as the manifest names it."""

    name: str
    size: int
    sha256: str


def release_member(digest: str, name: str) -> str:
    """What holds a release's `source.tar` or `compiled`."""
    return f"releases/{digest.removeprefix('sha256:')}/{name}"


def edition_member(digest: str, name: str) -> str:
    """What holds an edition's `inputs.json` or `manifest`."""
    return f"editions/{digest.removeprefix('sha256:')}/{name}"


def manifest(slug: str, listed: list[Listed]) -> bytes:
    """The first member: what this is, and what every other member is to be."""
    said = [{"name": each.name, "bytes": each.size, "sha256": each.sha256} for each in listed]
    whole: dict[str, Any] = {"format": FORMAT, "version": VERSION, "organisation": slug, "members": said}
    return rfc8785.dumps(whole)


def invalid(name: str, code: str, message: str, hint: str | None = None) -> ArchiveInvalid:
    """An archive that cannot be gone on with, and why."""
    return ArchiveInvalid([Problem(name, None, None, code, message, hint)])


@dataclass(frozen=True)
class Archive:
    """An archive lying in an open file. What is read of it has been held against the manifest every time."""

    file: BinaryIO
    slug: str
    digest: str
    """SHA-256 of the manifest, and so of everything."""
    listed: Mapping[str, Listed]
    _offsets: Mapping[str, int]

    def read(self, name: str) -> bytes:
        """A member's bytes. Raises ArchiveInvalid where there is none, or it is not what the manifest says."""
        return b"".join(self._chunks(name))

    def lines(self, name: str) -> Iterator[bytes]:
        """A member's lines, as they are read; at the end it shows whether they were what the manifest says."""
        left = b""
        for chunk in self._chunks(name):
            *whole, left = (left + chunk).split(b"\n")
            yield from whole
            if len(left) > bounded_json.MAX_BYTES:
                raise invalid(name, "bad-archive", "a line is too long")
        if left:
            raise invalid(name, "bad-archive", "the last line does not end")

    def _chunks(self, name: str) -> Iterator[bytes]:
        listed = self.listed.get(name)
        if listed is None:
            raise invalid(name, "missing-member", "the archive has no such member, and needs it")
        hasher, done = hashlib.sha256(), 0
        while done < listed.size:
            self.file.seek(self._offsets[name] + done)
            chunk = self.file.read(min(_CHUNK, listed.size - done))
            if not chunk:
                break
            hasher.update(chunk)
            done += len(chunk)
            yield chunk
        if hasher.hexdigest() != listed.sha256:
            raise invalid(name, "wrong-digest", "these are not the bytes that manifest.json names")


def opened(file: BinaryIO) -> Archive:
    """The archive in an open file, as far as its manifest and its members' names go. Raises ArchiveInvalid."""
    if file.seek(0, 2) > MAX_TOTAL:
        raise invalid(".", "too-large", f"the archive is larger than {MAX_TOTAL // 1024**3} GiB")
    try:
        found = list(plain_tar.members(file, MAX_MEMBERS + 1))
    except TarError as error:
        raise invalid(error.name or ".", "bad-archive", str(error), "make it with coachkit org export") from None
    if not found or found[0].name != MANIFEST:
        raise invalid(MANIFEST, "bad-archive", "an organisation's archive begins with it")
    first, *rest = found
    file.seek(first.offset)
    data = file.read(first.size)
    slug, listed = _read_manifest(data)
    if [(each.name, each.size) for each in listed] != [(each.name, each.size) for each in rest]:
        raise invalid(MANIFEST, "bad-archive", "it does not name the members that follow, in their order and sizes")
    refuse(listed)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    by_name = {each.name: each for each in listed}
    return Archive(file, slug, digest, by_name, {each.name: each.offset for each in rest})


def _read_manifest(data: bytes) -> tuple[str, list[Listed]]:
    try:
        said = bounded_json.parse(data, bounded_json.MAX_BYTES * 2)
    except ValueError as error:
        raise invalid(MANIFEST, "bad-archive", str(error)) from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise invalid(MANIFEST, "bad-archive", f"this is not the manifest of a {FORMAT}")
    if said.get("version") != VERSION:
        message = f"the archive is of format version {str(said.get('version'))[:20]}, and this CoachKit reads {VERSION}"
        raise invalid(MANIFEST, "unknown-version", message, "import it with the CoachKit that made it, or a newer one")
    slug, members = said.get("organisation"), said.get("members")
    listed = [_listed(each) for each in members] if isinstance(members, list) else [None]
    sound = [each for each in listed if each is not None]
    if not isinstance(slug, str) or len(sound) < len(listed) or len({each.name for each in sound}) < len(sound):
        raise invalid(MANIFEST, "bad-archive", "it names an organisation, and each member once with bytes and sha256")
    return slug, sound


def _listed(said: Any) -> Listed | None:
    if not isinstance(said, dict) or said.keys() != {"name", "bytes", "sha256"}:
        return None
    name, size, sha256 = said["name"], said["bytes"], said["sha256"]
    right = isinstance(name, str) and type(size) is int and isinstance(sha256, str) and re.fullmatch(_HEX, sha256)
    return Listed(name, size, sha256) if right else None


def refuse(listed: Sequence[Listed]) -> None:
    """Raise ArchiveInvalid for members that no import reads: unknown ones, too many, or too large."""
    if len(listed) > MAX_MEMBERS:
        raise invalid(".", "too-large", f"the archive has more than {MAX_MEMBERS:,} members")
    problems = []
    for each in listed:
        most = _limit(each.name)
        if most is None:
            message = "this version of CoachKit knows no such member"
            hint = "a newer CoachKit has made the archive: import it with that version or a newer one"
            problems.append(Problem(each.name, None, None, "unknown-member", message, hint))
        elif each.size > most:
            message = f"it is larger than {most // _MEBIBYTE:,} MiB"
            problems.append(Problem(each.name, None, None, "too-large", message))
    if problems:
        raise ArchiveInvalid(problems[:100])


def _limit(name: str) -> int | None:
    """How many bytes a member of that name may have; None where no member is called so."""
    if name in LISTS or name == AUDIT:
        return LIST_BYTES
    return next((most for pattern, most in _BYTES if pattern.fullmatch(name)), None)
