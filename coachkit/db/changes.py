"""The counter by which every process learns of what it must see at once: a move of a channel, a revoked key.

Whoever makes such a change raises it in the same transaction and keeps the number in the changed row. The counter's
row is locked until that transaction commits, so numbers become visible in order: whoever has seen the counter at n has
seen every change up to n.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from coachkit.db.tables import POINTERS, counters


def raised(conn: Connection) -> int:
    """Raise the counter and read it; its row stays locked, so such changes are made one after the other."""
    conn.execute(sa.update(counters).where(counters.c.name == POINTERS).values(value=counters.c.value + 1))
    return counted(conn)


def counted(conn: Connection) -> int:
    """How many such changes there have been."""
    value: int = conn.execute(sa.select(counters.c.value).where(counters.c.name == POINTERS)).scalar_one()
    return value
