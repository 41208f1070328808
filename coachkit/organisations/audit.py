"""What was done to an organisation, by whom, and what it was before: append-only, each entry chained to the one before.

An entry's hash is the SHA-256 of its RFC 8785 JSON, the hash of the entry before among it. Who takes an entry away, or
changes one, breaks the chain; who takes the last ones away leaves the organisation's own count behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import rfc8785
from sqlalchemy import Connection

from coachkit.db import audit as rows
from coachkit.db.audit import Entry, Head

VALUE_BYTES: Final = 4_096
"""How large a value of a document that was changed is told as it is."""
_ABSENT: Final = object()


@dataclass(frozen=True)
class Actor:
    """Who does something: a key by its id, the operator's commands, or the worker."""

    kind: str
    id: str | None = None

    def __str__(self) -> str:
        return self.kind if self.id is None else f"{self.kind} {self.id}"


COMMAND: Final = Actor("command")
"""Whoever may run commands where the installation is."""
WORKER: Final = Actor("worker")
"""What was planned and is done by itself."""


@dataclass(frozen=True)
class Broken:
    """Where a chain does not hold, and why."""

    number: int
    reason: str


def record(
    conn: Connection,
    organisation_id: int,
    actor: Actor,
    action: str,
    subject: str,
    *,
    at: datetime,
    before: Any = None,
    after: Any = None,
) -> Entry:
    """Add an entry in the transaction of what it tells of, so that there is both or neither.

    `action` is a word with a dot, such as `channel.move`; `subject` is what it was done to, such as `live`. `before`
    and `after` are JSON values without secrets.
    """
    length, previous = rows.locked_head(conn, organisation_id)
    number = length + 1
    said = {"actor": str(actor), "action": action, "subject": subject, "before": _plain(before), "after": _plain(after)}
    hash_ = _hash(number, at, said, previous)
    entry = Entry(number=number, at=at, previous=previous, hash=hash_, **said)
    rows.append(conn, organisation_id, entry)
    return entry


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an entry says of two documents that may be large: the keys in which they differ, of each.

    A value of more than VALUE_BYTES as RFC 8785 JSON stands there as its length and the SHA-256 of that JSON.
    """
    keys = [key for key in sorted({*before, *after}) if before.get(key, _ABSENT) != after.get(key, _ABSENT)]
    was, now = ({key: _bounded(each[key]) for key in keys if key in each} for each in (before, after))
    return was, now


def shape(entry: Entry) -> dict[str, Any]:
    """An entry as JSON: what its hash covers, and the hash."""
    return {**_covered(entry.number, entry.at, vars(entry), entry.previous), "hash": entry.hash}


def broken(entries: Iterable[Entry], head: Head) -> Iterator[Broken]:
    """Where the chain of an audit's entries, in order from the first, does not hold; nothing where all of it does."""
    number, previous = 0, None
    told = iter(entries)
    while True:
        try:
            entry = next(told, None)
        except ValueError as error:  # a row that somebody wrote by other means, or a line
            yield Broken(number + 1, getattr(error, "reason", "it cannot be read"))
            return
        if entry is None:
            break
        if entry.number != number + 1:
            yield Broken(number + 1, f"the entry is missing; the next one is {entry.number}")
        elif entry.previous != previous:
            yield Broken(entry.number, "it does not follow the entry before")
        if not _is_as_written(entry):
            yield Broken(entry.number, "it is not what was written")
        number, previous = entry.number, entry.hash
    if head.length != number:
        yield Broken(number + 1, f"{head.length} entries were written, and the last one here is {number}")
    elif head.hash != previous:
        yield Broken(number, "it is not the last one that was written")


def _is_as_written(entry: Entry) -> bool:
    try:
        return entry.hash == _hash(entry.number, entry.at, vars(entry), entry.previous)
    except rfc8785.CanonicalizationError:  # a number or a text that JSON has not
        return False


def _plain(value: Any) -> Any:
    """A JSON value as it will be read back."""
    return orjson.loads(orjson.dumps(value, default=dict))


def _bounded(value: Any) -> Any:
    data = rfc8785.dumps(value)
    return value if len(data) <= VALUE_BYTES else {"bytes": len(data), "digest": _digest(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _covered(number: int, at: datetime, said: Mapping[str, Any], previous: str | None) -> dict[str, Any]:
    named = {name: said[name] for name in ("actor", "action", "subject", "before", "after")}
    return {"number": number, "at": at.astimezone(UTC).isoformat(), **named, "previous": previous}


def _hash(number: int, at: datetime, said: Mapping[str, Any], previous: str | None) -> str:
    return _digest(rfc8785.dumps(_covered(number, at, said, previous)))
