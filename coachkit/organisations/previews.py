"""Addresses that show a draft for a time, to whoever has them: signed, expiring, and known to no list.

Knows how such an address is made and read. What is served under it, and with which headers, is HTTP's business.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import Connection

from coachkit.db import editions
from coachkit.db.database import Database
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import ACROSS
from coachkit.editions.publish import Prepared, Tools, prepare
from coachkit.errors import FieldError, InvalidBody
from coachkit.organisations import publishing
from coachkit.organisations.audit import Actor, record
from coachkit.organisations.organisations import enter
from coachkit.organisations.quotas import Quotas

SHORTEST: Final = timedelta(hours=1)
LONGEST: Final = timedelta(days=30)
MAKE: Final = "preview.make"
"""The audit's word for it."""
TOKEN_LENGTH: Final = 512
"""The most characters a token may have; those made here have about 190."""


@dataclass(frozen=True)
class Preview:
    """An address that shows an edition until it expires. Whoever has the token may read it."""

    organisation: str
    prepared: Prepared
    token: str
    expires_at: datetime

    @property
    def path(self) -> str:
        """Where it is, path-absolute; the documents are below, as below an edition's address."""
        return path(self.organisation, self.token)


@dataclass(frozen=True)
class Shown:
    """What a token that holds shows, and until when."""

    organisation_id: int
    digest: str
    expires_at: datetime


def path(organisation: str, token: str) -> str:
    """Where an organisation's token shows what it shows, path-absolute."""
    return f"/v1/orgs/{organisation}/previews/{token}"


def make(
    database: Database,
    slug: str,
    tools: Tools,
    *,
    secret_key: bytes,
    quotas: Quotas,
    actor: Actor,
    at: datetime,
    lasting: timedelta,
) -> Preview:
    """Store the draft as an edition to which no channel moves, and give an address that shows it for that long.

    Raises NotFound, InvalidBody for a time that is shorter than SHORTEST or longer than LONGEST, PublishRefused with
    all that is wrong, Conflict where the draft is changed meanwhile, LimitReached.
    """
    require_bounded(lasting)
    with database.read(ACROSS) as conn:
        prepared = prepare(conn, enter(conn, slug), tools, at)
    with database.write(ACROSS) as conn:
        organisation = enter(conn, slug)
        return show(
            conn, organisation, prepared, secret_key=secret_key, quotas=quotas, actor=actor, at=at, lasting=lasting
        )


def show(
    conn: Connection,
    organisation: Organisation,
    prepared: Prepared,
    *,
    secret_key: bytes,
    quotas: Quotas,
    actor: Actor,
    at: datetime,
    lasting: timedelta,
) -> Preview:
    """Store a prepared draft and give its address, in the caller's transaction. Raises as `make` does."""
    require_bounded(lasting)
    expires_at = (at + lasting).astimezone(UTC).replace(microsecond=0)
    publishing.keep(conn, organisation, prepared, quotas=quotas, actor=actor, at=at)
    editions.keep_until(conn, organisation.id, prepared.digest, expires_at)
    after = {"expires_at": expires_at.isoformat()}
    record(conn, organisation.id, actor, MAKE, prepared.digest, at=at, after=after)
    token = sign(secret_key, Shown(organisation.id, prepared.digest, expires_at))
    return Preview(organisation.slug, prepared, token, expires_at)


def require_bounded(lasting: timedelta) -> None:
    """Raise InvalidBody, which names the field `hours`, for a time that is too short or too long."""
    if not SHORTEST <= lasting <= LONGEST:
        given = f"{lasting.total_seconds() / 3600:g}"
        detail = f"{given} hours is not between 1 hour and {LONGEST.days} days ({LONGEST.days * 24} hours)"
        raise InvalidBody(detail, (FieldError("out-of-range", detail, pointer="/hours"),))


def sign(secret_key: bytes, shown: Shown) -> str:
    """The token that shows this, for as long as it says to the second."""
    value = [shown.organisation_id, shown.digest, int(shown.expires_at.timestamp())]
    return str(_serializer(secret_key).dumps(value))


def read(secret_key: bytes, token: str, at: datetime) -> Shown | None:
    """What a token shows; None for one that was not made here with this key, or has expired. Never raises."""
    if len(token) > TOKEN_LENGTH or not token.isascii():
        return None
    try:
        told = _serializer(secret_key).loads(token)
    except BadData:
        return None
    organisation_id, digest, expires = told
    expires_at = datetime.fromtimestamp(expires, UTC)
    return Shown(organisation_id, digest, expires_at) if at < expires_at else None


def find(conn: Connection, organisation: Organisation, secret_key: bytes, token: str, at: datetime) -> Shown | None:
    """The same for one organisation, if it still has what the token shows; None for another organisation's token."""
    shown = read(secret_key, token, at)
    if shown is None or shown.organisation_id != organisation.id:
        return None
    return shown if editions.exists(conn, organisation.id, shown.digest) else None


def _serializer(secret_key: bytes) -> URLSafeSerializer:
    """What signs tokens: HMAC with SHA-256, compared in constant time, under a key of its own."""
    key = hashlib.blake2b(b"sign", digest_size=32, key=secret_key[:64], person=b"coachkit preview").digest()
    signing: dict[str, Any] = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeSerializer(key, salt=b"coachkit.preview.1", signer_kwargs=signing)
