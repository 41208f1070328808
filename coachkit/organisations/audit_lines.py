"""An organisation's audit as JSON lines: its head first, then each entry. The way out of an installation, and back.

Equal audits give equal bytes. Whoever keeps such a file can hold it against the installation later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeGuard

import rfc8785

from coachkit.db.audit import Entry, Head
from coachkit.organisations import audit, bounded_json
from coachkit.organisations.audit import Broken

FORMAT: Final = "coachkit-audit"
VERSION: Final = 1
_TEXTS: Final = ("actor", "action", "subject", "hash")
_KEYS: Final = {"number", "at", *_TEXTS, "before", "after", "previous"}


class Audit(NamedTuple):
    """An audit as a file tells it: whose it is, its head, and its entries, read as they are asked for."""

    organisation: str
    head: Head
    entries: Iterator[Entry]


class LineError(ValueError):
    """A line that is none of an audit; the message says what is wrong with it."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"line {line}: {reason}")


def lines(slug: str, head: Head, entries: Iterable[Entry]) -> Iterator[bytes]:
    """The file's lines, each with the character that ends it."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "organisation": slug,
        "length": head.length,
        "hash": head.hash,
    }
    yield rfc8785.dumps(said) + b"\n"
    for entry in entries:
        yield rfc8785.dumps(audit.shape(entry)) + b"\n"


def read(given: Iterable[bytes]) -> Audit:
    """The audit in a file's lines. Raises LineError, for an entry's line when the entry's turn comes."""
    numbered = enumerate(given, start=1)
    line, data = next(numbered, (1, b""))
    said = _mapping(line, data)
    if said.get("format") != FORMAT or said.get("version") != VERSION:
        raise LineError(line, f"this is not the beginning of an audit: format {FORMAT}, version {VERSION}")
    slug, length, hash_ = said.get("organisation"), said.get("length"), said.get("hash")
    if not isinstance(slug, str) or not is_number(length) or not isinstance(hash_, str | None):
        raise LineError(line, "the head is an organisation, a length and a hash")
    return Audit(slug, Head(length, hash_), (_entry(line, data) for line, data in numbered))


def broken(given: Iterable[bytes]) -> Iterator[tuple[int, Broken]]:
    """Where the chain in a file's lines does not hold, and on which line."""
    try:
        told = read(given)
        yield from ((each.number + 1, each) for each in audit.broken(told.entries, told.head))
    except LineError as error:
        yield error.line, Broken(error.line - 1, error.reason)


def _entry(line: int, data: bytes) -> Entry:
    said = _mapping(line, data)
    if said.keys() != _KEYS or any(not is_text(said[key]) for key in _TEXTS):
        raise LineError(line, f"an entry is {', '.join(sorted(_KEYS))}")
    if not is_number(said["number"]) or not (said["previous"] is None or is_text(said["previous"])):
        raise LineError(line, "an entry's number is one, and the hash before it a text")
    try:
        at = datetime.fromisoformat(said["at"])
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise LineError(line, "an entry's time is written as 2026-11-22T09:30:00+00:00")
    return Entry(**{**said, "at": at})


def _mapping(line: int, data: bytes) -> dict[str, Any]:
    try:
        return bounded_json.parse_object(data)
    except ValueError as error:
        raise LineError(line, str(error)) from None


def is_text(value: Any) -> TypeGuard[str]:
    """Whether a JSON value is a text that every database can keep."""
    return isinstance(value, str) and "\0" not in value


def is_number(value: Any) -> TypeGuard[int]:
    """Whether a JSON value is a whole number from 0 on that every reader of JSON understands."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
