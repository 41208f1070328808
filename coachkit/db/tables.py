"""The tables, and the four column types that keep their values honest on both databases.

Knows no query and no meaning: what a manifest or an organisation's settings hold is their owners' business.
`migrations/` makes these tables; a test holds the two against each other.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Utc(TypeDecorator[datetime]):
    """A moment in UTC: a naive time is refused, and what is read back is aware on every database."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Called by SQLAlchemy for each value written."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time needs its zone, {value.isoformat()} has none; use datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Called by SQLAlchemy for each value read."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON value, stored as text with sorted keys, so that equal values are equal rows."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Called by SQLAlchemy for each value written."""
        return None if value is None else orjson.dumps(value, default=dict, option=orjson.OPT_SORT_KEYS).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Called by SQLAlchemy for each value read."""
        return None if value is None else orjson.loads(value)


class Compressed(TypeDecorator[bytes]):
    """Bytes, stored compressed."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Called by SQLAlchemy for each value written."""
        return None if value is None else zlib.compress(value, 6)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Called by SQLAlchemy for each value read."""
        return None if value is None else zlib.decompress(value)


_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers rows by itself only as INTEGER

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("pack", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("visibility", sa.Text, nullable=False),
    sa.Column("manifest", Json, nullable=False),
    sa.Column("archive", Compressed, nullable=False),
    sa.Column("compiled", sa.LargeBinary, nullable=False),
    sa.Column("compiler", sa.Integer, nullable=False),
    sa.Column("directives", Json, nullable=False),
    sa.Column("resources", Json, nullable=False),
    sa.Column("versions", Json, nullable=False),
    sa.Column("published_at", Utc, nullable=False),
    sa.Column("withdrawn_at", Utc),
    sa.Column("withdrawn_because", sa.Text),
    sa.CheckConstraint("visibility IN ('public', 'private')", name="visibility"),
)

images = sa.Table(
    "images",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

organisations = sa.Table(
    "organisations",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("settings", Json, nullable=False),
    sa.Column("demo", sa.Boolean, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("updated_at", Utc, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("change", sa.BigInteger, nullable=False, server_default="0", index=True),
    sa.Column("access", Json),
    sa.Column("audit_length", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("audit_hash", sa.Text),
)

editions = sa.Table(
    "editions",
    metadata,
    sa.Column("organisation_id", sa.BigInteger, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("inputs", sa.LargeBinary, nullable=False),
    sa.Column("manifest", sa.LargeBinary, nullable=False),
    sa.Column("demo", sa.Boolean, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("published", sa.Boolean, nullable=False),
    sa.Column("settings", Compressed),
    sa.Column("kept_until", Utc),
)

edition_releases = sa.Table(
    "edition_releases",
    metadata,
    sa.Column("organisation_id", sa.BigInteger, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("pack", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.ForeignKeyConstraint(["organisation_id", "digest"], ["editions.organisation_id", "editions.digest"]),
    sa.ForeignKeyConstraint(["pack", "version"], ["releases.pack", "releases.version"]),
    sa.Index(None, "pack", "version"),
)

channels = sa.Table(
    "channels",
    metadata,
    sa.Column("organisation_id", sa.BigInteger, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("moved_at", Utc, nullable=False),
    sa.Column("change", sa.BigInteger, nullable=False, index=True),
    sa.ForeignKeyConstraint(["organisation_id", "digest"], ["editions.organisation_id", "editions.digest"]),
)

channel_moves = sa.Table(
    "channel_moves",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True),
    sa.Column("organisation_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("from_digest", sa.Text),
    sa.Column("to_digest", sa.Text, nullable=False),
    sa.Column("moved_at", Utc, nullable=False),
    sa.Column("note", sa.Text),
    sa.ForeignKeyConstraint(["organisation_id", "to_digest"], ["editions.organisation_id", "editions.digest"]),
    sa.Index(None, "organisation_id", "name"),
)

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("organisation_id", sa.BigInteger, sa.ForeignKey("organisations.id"), index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("pepper", sa.Text, nullable=False),
    sa.Column("scopes", Json, nullable=False),
    sa.Column("origins", Json, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("expires_at", Utc),
    sa.Column("revoked_at", Utc),
    sa.Column("last_used_on", sa.Date),
    sa.Column("change", sa.BigInteger, nullable=False, index=True),
    sa.CheckConstraint("kind IN ('pub', 'sec')", name="kind"),
    sa.CheckConstraint("organisation_id IS NOT NULL OR kind = 'sec'", name="operator"),
)

hostnames = sa.Table(
    "hostnames",
    metadata,
    sa.Column("organisation_id", sa.BigInteger, sa.ForeignKey("organisations.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("verified_at", Utc),
    sa.Column("looked_at", Utc),
    sa.Column("finding", sa.Text),
    sa.Column("missing_since", Utc),
    sa.Index(
        "uq_hostnames_verified",
        "name",
        unique=True,
        postgresql_where=sa.text("verified_at IS NOT NULL"),
        sqlite_where=sa.text("verified_at IS NOT NULL"),
    ),
)

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("organisation_id", sa.BigInteger, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("local_time", sa.Text, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("due_at", Utc, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("settled_at", Utc),
    sa.ForeignKeyConstraint(["organisation_id", "digest"], ["editions.organisation_id", "editions.digest"]),
    sa.CheckConstraint("state IN ('pending', 'done', 'cancelled', 'failed')", name="state"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True),
    sa.Column("organisation_id", sa.BigInteger, sa.ForeignKey("organisations.id"), index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("due_at", Utc, nullable=False, index=True),
    sa.Column("every_seconds", sa.Integer),
    sa.Column("claim", sa.Text),
    sa.Column("claimed_until", Utc),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("failed_at", Utc),
    sa.Column("fault", sa.Text),
    sa.UniqueConstraint("kind", "subject"),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("organisation_id", sa.BigInteger, primary_key=True),
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("claim", sa.Text, nullable=False),
    sa.Column("claimed_until", Utc, nullable=False),
    sa.Column("created_at", Utc, nullable=False, index=True),
    sa.Column("status", sa.Integer),
    sa.Column("headers", Json),
    sa.Column("body", sa.LargeBinary),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("organisation_id", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("before", Json),
    sa.Column("after", Json),
    sa.Column("previous", sa.Text),
    sa.Column("hash", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"]),
)

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("organisation_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("erased_at", Utc, nullable=False),
    sa.Column("change", sa.BigInteger, nullable=False, index=True),
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

POINTERS = "pointers"
"""The counter that every move of a channel, and every other change that workers are to see at once, raises by one."""

OF_ORGANISATIONS = {
    table.name: "id" if table is organisations else "organisation_id"
    for table in metadata.sorted_tables
    if table is organisations or "organisation_id" in table.c
}
"""The tables with rows of organisations, and the column that says whose a row is; tombstones are nobody's."""
del OF_ORGANISATIONS["erasures"]
