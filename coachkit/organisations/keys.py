"""What a key is, and how it is made, listed and revoked. Which key a request shows is `keyring.py`'s work.

A key's token is given to whoever makes it, once; what is stored is its keyed hash. A key never changes what it may do:
another is made, and the old one revoked.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import Connection

from coachkit.db import audit as audit_rows
from coachkit.db import keys as rows
from coachkit.db.keys import KeyRow
from coachkit.db.organisations import Organisation
from coachkit.errors import FieldError, Forbidden, InvalidBody, NotFound
from coachkit.organisations import audit, tokens
from coachkit.organisations.audit import Actor
from coachkit.organisations.origins import is_origin
from coachkit.organisations.peppers import Pepper, Peppers
from coachkit.organisations.quotas import require_room
from coachkit.organisations.tokens import Kind, Token
from coachkit.packs.findings import nearest
from coachkit.packs.text import REFUSED

SCOPES: Final = (
    "content:read",
    "answers:write",
    "results:read",
    "kits:write",
    "content:write",
    "settings:write",
    "keys:write",
    "audit:read",
)
"""Everything that a key may be for."""
OF_PUBLISHABLE: Final = ("content:read", "answers:write")
"""What every publishable key is for, and nothing else."""
NAME_LENGTH: Final = 100
ORIGINS: Final = 20
"""Origins that a key may have."""
_ID_BITS: Final = 95
_ID_DIGITS: Final = 16
"""Random bits of an id, and what they take to base 62."""


@dataclass(frozen=True)
class Key:
    """A key, without its token and the hash of that. One of no organisation is an operator's, and stands above all."""

    id: str
    organisation: str | None
    """The organisation's slug."""
    organisation_id: int | None
    kind: Kind
    name: str
    scopes: tuple[str, ...]
    """In the order of SCOPES."""
    origins: tuple[str, ...]
    """The pages that may use it, as browsers tell; empty where any may."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_on: date | None
    pepper: str
    """The short name of the pepper that its hash was made with."""

    @property
    def is_operator(self) -> bool:
        """Whether it stands above organisations."""
        return self.organisation_id is None

    @property
    def actor(self) -> Actor:
        """Who does what is done with this key, as the audit says it."""
        return Actor("key", self.id)

    def may(self, scope: str, organisation_id: int) -> bool:
        """Whether it is for this, at this organisation. Whether it holds is the keyring's to say."""
        return scope in self.scopes and (self.is_operator or self.organisation_id == organisation_id)

    def admits(self, origin: str | None) -> bool:
        """Whether a page of that origin may use it; a request that names none comes from no other site's page."""
        return not self.origins or origin is None or origin in self.origins

    def holds(self, at: datetime) -> bool:
        """Whether it is neither revoked nor expired at a moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True)
class Wanted:
    """A key as somebody asks for it; `create` checks it. Scopes are for secret keys, origins for publishable ones."""

    kind: Kind
    name: str
    scopes: Sequence[str] = ()
    origins: Sequence[str] = ()
    expires_at: datetime | None = None


def create(
    conn: Connection,
    organisation: Organisation,
    wanted: Wanted,
    *,
    peppers: Peppers,
    most: int,
    actor: Actor,
    at: datetime,
    entropy: bytes | None = None,
) -> tuple[Key, Token]:
    """Make a key of an organisation; the token is to be shown once, and is nowhere else.

    `entropy` is ENTROPY_BYTES random bytes, where the same token must come again. Raises InvalidBody, with all that is
    wrong with what is wanted; LimitReached where `most` of the organisation's keys hold already; Conflict where a key
    was made from the same entropy.
    """
    _require(wanted, at)
    audit_rows.locked_head(conn, organisation.id)  # so that nobody else makes one between the count and the insert
    require_room(rows.holding(conn, organisation.id, at), most, "keys that hold", "max_keys")
    key, token = _made(conn, organisation, wanted, peppers[0], at=at, entropy=entropy)
    audit.record(conn, organisation.id, actor, "key.create", key.id, at=at, after=_granted(key))
    return key, token


def create_operators(
    conn: Connection, name: str, expires_at: datetime | None, *, peppers: Peppers, at: datetime
) -> tuple[Key, Token]:
    """Make an operator's key, which may do everything everywhere; the transaction's scope is ACROSS.

    No organisation's audit has it. Raises InvalidBody, with all that is wrong.
    """
    wanted = Wanted("sec", name, SCOPES, expires_at=expires_at)
    _require(wanted, at)
    return _made(conn, None, wanted, peppers[0], at=at)


def revoke(conn: Connection, organisation: Organisation | None, key_id: str, *, actor: Actor, at: datetime) -> Key:
    """Let a key of an organisation, or an operator's, hold no more, and return it; one that is revoked stays as it is.

    Raises NotFound where there is none of that id, another organisation's too.
    """
    organisation_id = organisation.id if organisation else None
    key = get(conn, organisation_id, key_id)
    if key.revoked_at is None and rows.revoke(conn, key_id, at):
        if organisation:
            audit.record(conn, organisation.id, actor, "key.revoke", key_id, at=at, before=_granted(key))
        key = get(conn, organisation_id, key_id)
    return key


def listing(
    conn: Connection, organisation_id: int | None, *, after: str = "", limit: int | None = None
) -> tuple[Key, ...]:
    """Keys of an organisation, or the operator's, by id, from the one after `after` on; those of the past too."""
    return tuple(from_row(row) for row in rows.of_organisation(conn, organisation_id, after=after, limit=limit))


def get(conn: Connection, organisation_id: int | None, key_id: str) -> Key:
    """The key of an organisation, or of the operator's, of that id. Raises NotFound, for another's too."""
    row = rows.get(conn, organisation_id, key_id)
    if row is None:
        raise NotFound(f"There is no key {key_id!r} here")
    return from_row(row)


def anybodys(conn: Connection, key_id: str) -> Key:
    """The key of that id, whosever it is, where the transaction's scope is ACROSS. Raises NotFound."""
    row = rows.anybodys(conn, key_id)
    if row is None:
        raise NotFound(f"There is no key {key_id!r}")
    return from_row(row)


def find(conn: Connection, token: Token, peppers: Peppers) -> Key | None:
    """The key of a token, whosever it is and whether or not it holds, where the scope is ACROSS; None if it has none.

    For what is asked once: the keyring is for what is asked all the time.
    """
    row = rows.by_hashes(conn, [pepper.hash(token) for pepper in peppers])
    return None if row is None else from_row(row)


def from_row(row: KeyRow) -> Key:
    """The key that is stored in a row."""
    given = {each.name: getattr(row, each.name) for each in fields(Key)}
    scopes = tuple(scope for scope in SCOPES if scope in row.scopes)  # the same texts for all: a worker has many keys
    return Key(**given | {"kind": cast("Kind", row.kind), "scopes": scopes, "origins": tuple(row.origins)})


def require_grant(giver: Key, wanted: Wanted) -> None:
    """Raise Forbidden where a key would make another one that may do what it may not do itself."""
    scopes = OF_PUBLISHABLE if wanted.kind == "pub" else wanted.scopes
    if beyond := [scope for scope in SCOPES if scope in scopes and scope not in giver.scopes]:
        raise Forbidden(f"This key may not give what it has not got: {', '.join(beyond)}")


def shape(key: Key) -> dict[str, Any]:
    """A key as JSON."""
    return {
        "id": key.id,
        "organisation": key.organisation,
        **_granted(key),
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
        "last_used_on": key.last_used_on.isoformat() if key.last_used_on else None,
    }


def _granted(key: Key) -> dict[str, Any]:
    return {
        "kind": key.kind,
        "name": key.name,
        "scopes": list(key.scopes),
        "origins": list(key.origins),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }


def _made(
    conn: Connection,
    organisation: Organisation | None,
    wanted: Wanted,
    pepper: Pepper,
    *,
    at: datetime,
    entropy: bytes | None = None,
) -> tuple[Key, Token]:
    token = tokens.make(wanted.kind, secrets.token_bytes(tokens.ENTROPY_BYTES) if entropy is None else entropy)
    asked = OF_PUBLISHABLE if wanted.kind == "pub" else wanted.scopes
    row = KeyRow(
        id=f"key_{tokens.base62(secrets.randbits(_ID_BITS), _ID_DIGITS)}",
        organisation_id=organisation.id if organisation else None,
        organisation=organisation.slug if organisation else None,
        kind=wanted.kind,
        name=wanted.name,
        hash=pepper.hash(token),
        pepper=pepper.name,
        scopes=[scope for scope in SCOPES if scope in asked],
        origins=list(dict.fromkeys(wanted.origins)),
        created_at=at,
        expires_at=wanted.expires_at,
        revoked_at=None,
        last_used_on=None,
    )
    rows.insert(conn, row)
    return from_row(row), token


# --- what may be asked for ----------------------------------------------------------------------


def _require(wanted: Wanted, at: datetime) -> None:
    """Raise InvalidBody, with all that is wrong, where no key can be as it is wanted."""
    wrong = tuple(problems(wanted, at))
    if wrong:
        raise InvalidBody(" ".join(error.detail for error in wrong), wrong)


def problems(wanted: Wanted, at: datetime) -> Iterator[FieldError]:
    """Everything that is wrong with a key as it is wanted."""
    if wanted.kind not in tokens.KINDS:
        yield FieldError("invalid-value", f"A key is {' or '.join(tokens.KINDS)}.", pointer="/kind")
    yield from _name(wanted.name)
    yield from _scopes(wanted)
    yield from _origins(wanted)
    yield from _expiry(wanted.expires_at, at)


def _name(name: str) -> Iterator[FieldError]:
    if not name.strip():
        yield FieldError("too-short", "A key needs a name.", pointer="/name")
    if len(name) > NAME_LENGTH:
        yield FieldError("too-long", f"A key's name has at most {NAME_LENGTH} characters.", pointer="/name")
    if REFUSED.search(name) or len(name.splitlines()) > 1:
        yield FieldError("invalid-text", "A key's name is one line without control characters.", pointer="/name")


def _scopes(wanted: Wanted) -> Iterator[FieldError]:
    if wanted.kind == "pub":
        if wanted.scopes and set(wanted.scopes) != set(OF_PUBLISHABLE):
            detail = f"A publishable key has the scopes {' and '.join(OF_PUBLISHABLE)}, and no others: give none."
            yield FieldError("invalid-value", detail, pointer="/scopes")
        return
    if not wanted.scopes:
        yield FieldError("too-few", f"A secret key needs a scope: {', '.join(SCOPES)}.", pointer="/scopes")
    if len(wanted.scopes) > len(SCOPES):
        yield FieldError("too-many", f"There are {len(SCOPES)} scopes.", pointer="/scopes")
    for place, scope in enumerate(wanted.scopes[: len(SCOPES)]):
        if scope not in SCOPES:
            hint = nearest(scope, SCOPES) or f"There are {', '.join(SCOPES)}."
            detail = f"“{scope[:_SHOWN]}” is not a scope. {hint[0].upper()}{hint[1:]}"
            yield FieldError("invalid-value", detail, pointer=f"/scopes/{place}")


def _origins(wanted: Wanted) -> Iterator[FieldError]:
    if wanted.origins and wanted.kind != "pub":
        detail = "Only publishable keys have origins: a secret key is for no page."
        yield FieldError("invalid-value", detail, pointer="/origins")
    if len(wanted.origins) > ORIGINS:
        yield FieldError("too-many", f"A key has at most {ORIGINS} origins.", pointer="/origins")
    for place, origin in enumerate(wanted.origins[:ORIGINS]):
        if not is_origin(origin):
            detail = f"“{origin[:_SHOWN]}” is not an origin such as https://careers.example.org, in lower case."
            yield FieldError("invalid-value", detail, pointer=f"/origins/{place}")


def _expiry(expires_at: datetime | None, at: datetime) -> Iterator[FieldError]:
    if expires_at is None:
        return
    if expires_at.tzinfo is None:
        yield FieldError("invalid-value", "The time needs its zone, such as Z for UTC.", pointer="/expires_at")
    elif expires_at <= at:
        yield FieldError("out-of-range", "A key expires in the future, or never.", pointer="/expires_at")


_SHOWN: Final = 60
"""At most this many characters of what was given are said back."""
