"""Whose rows a transaction sees: one organisation's, all organisations', or none.

On PostgreSQL each is a role of its own, and the server itself keeps organisations apart (row-level security): a query
that forgets its organisation finds nothing. SQLite has no roles; there the queries alone do it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

ORDINARY: Final = "coachkit_organisation"
"""The role of work for one organisation, which sees that one's rows."""
WIDE: Final = "coachkit_across"
"""The role of work across organisations: the operator's, and what moves pointers."""
MIGRATING: Final = "coachkit_migrations"
"""The role that owns the tables, for migrations alone."""
SCOPE: Final = "coachkit_scope"
"""The execution option of a connection that says with which scope its transaction begins."""


@dataclass(frozen=True)
class Scope:
    """What a transaction may see. Without a role it is whoever logs in, as before the first migration."""

    role: str | None
    organisation: int | None = None

    @property
    def statement(self) -> str:
        """What sets it for the rest of a transaction on PostgreSQL, as expressions of a SELECT."""
        organisation = "" if self.organisation is None else str(int(self.organisation))
        return f"set_config('role', '{self.role or 'none'}', true), set_config('coachkit.org', '{organisation}', true)"


NOTHING: Final = Scope(ORDINARY)
"""No organisation's rows: only what all share, such as releases."""
ACROSS: Final = Scope(WIDE)
"""Every organisation's rows."""
OWNER: Final = Scope(None)
"""As whoever logs in."""


def only(organisation_id: int) -> Scope:
    """The rows of one organisation, and what all share."""
    return Scope(ORDINARY, organisation_id)


def narrow(conn: Connection, scope: Scope) -> None:
    """Go on with another scope for the rest of the transaction."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(f"SELECT {scope.statement}")
