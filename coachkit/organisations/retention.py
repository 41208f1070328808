"""What is kept no longer than somebody may need it: answers to be repeated, and editions that nobody ever read.

Everything else that grows is history, and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from coachkit.db import editions, idempotency, organisations

REPEATABLE: Final = timedelta(hours=24)
"""How long a request that is sent again under its Idempotency-Key is answered as it was."""
UNREAD: Final = timedelta(days=30)
"""How long an edition stays that was never published, and that no channel, schedule or preview is for."""
AT_ONCE: Final = 200
"""Editions that go in one transaction."""


@dataclass(frozen=True)
class Cleared:
    """How much of each is gone."""

    answers: int
    editions: int


def clear(
    writing: Callable[[], AbstractContextManager[Connection]], at: datetime, go_on: Callable[[], None] = lambda: None
) -> Cleared:
    """Remove what is too old at a time, of all organisations, in as many transactions as it takes.

    `writing` begins one that sees all organisations; `go_on` is called after each, and may raise to stop: whoever
    comes next goes on from there.
    """
    with writing() as conn:
        answers = idempotency.forget(conn, at - REPEATABLE)
    gone = 0
    while True:
        go_on()
        with writing() as conn:
            found = editions.unused(conn, at - UNREAD, AT_ONCE)
            gone += _forget(conn, found, at)
        if len(found) < AT_ONCE:
            return Cleared(answers, gone)


def _forget(conn: Connection, found: Sequence[tuple[int, str]], at: datetime) -> int:
    """Forget those of these editions that are still unused once nobody else can come to need one, and count them."""
    organisations.hold_all(conn, {organisation_id for organisation_id, _ in found})
    still = set(editions.unused(conn, at - UNREAD, AT_ONCE)) & set(found)
    for organisation_id, digest in still:
        editions.delete(conn, organisation_id, digest)
    return len(still)
