"""Hostnames of an organisation's own: claimed, proved by a record in the DNS, and lost when the record is gone.

Anybody may claim any name: a claim is nothing until the record is found, and nobody learns from it who else has
claimed the name. Whoever has proved that they rule the name, and only they, hear that another organisation holds it.
The DNS itself is asked by `lookups.py`.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from coachkit.db import hostnames as rows
from coachkit.db import organisations as organisation_rows
from coachkit.db.hostnames import Hostname, Times
from coachkit.db.organisations import Organisation
from coachkit.errors import FieldError, InvalidBody, NotFound
from coachkit.organisations.audit import Actor, record
from coachkit.organisations.dnsnames import NotAHostnameError, canonical
from coachkit.organisations.quotas import require_room

KIND: Final = "hostnames"
"""The kind of the job that looks at what is due."""
EVERY: Final = timedelta(minutes=2)
"""How often it does."""
AT_ONCE: Final = 200
"""How many claims it looks at each time."""
SILENT_IN_A_ROW: Final = 5
"""After so many looks without an answer it leaves the others to the next time."""
FOUND, MISSING, TAKEN, SILENT = "found", "missing", "taken", "no-answer"
"""What a look comes to: the record is there; it is not; it is, and another organisation holds the name; the DNS does
not say."""
GRACE: Final = timedelta(days=7)
"""How long a verified name may lack its record."""
CLAIM, VERIFY, LOSE, RELEASE = "hostname.claim", "hostname.verify", "hostname.lose", "hostname.release"
"""The audit's words for it."""
_YOUNG: Final = timedelta(days=3)
_YOUNG_EVERY: Final = timedelta(minutes=5)
_OLD: Final = timedelta(days=30)
_OLD_EVERY: Final = timedelta(days=1)


def claim(
    conn: Connection, organisation: Organisation, name: str, *, most: int, actor: Actor, at: datetime
) -> Hostname:
    """Claim a name, of which an organisation may have so many; `shape` says which record proves it.

    Claimed again it is the same claim. Raises InvalidBody for what is no host's name, and LimitReached.
    """
    try:
        sound = canonical(name)
    except NotAHostnameError as error:
        raise InvalidBody(str(error), (FieldError("invalid-value", str(error), pointer="/name"),)) from None
    organisation_rows.hold(conn, organisation.id)
    claims = {each.name: each for each in rows.of_organisation(conn, organisation.id)}
    if sound in claims:
        return claims[sound]
    require_room(len(claims), most, "hostnames", "max_hostnames")
    made = Hostname(organisation.id, sound, secrets.token_urlsafe(24), at.astimezone(UTC))
    rows.insert(conn, made)
    record(conn, organisation.id, actor, CLAIM, sound, at=at)
    return made


def release(conn: Connection, organisation: Organisation, name: str, *, actor: Actor, at: datetime) -> None:
    """Give a name up, verified or not. Raises NotFound."""
    organisation_rows.hold(conn, organisation.id)
    before = _known(conn, organisation, name)
    rows.remove(conn, organisation.id, before.name)
    if before.verified_at is not None:
        organisation_rows.touch(conn, organisation.id)
    verified_at = before.verified_at and before.verified_at.isoformat()
    record(conn, organisation.id, actor, RELEASE, before.name, at=at, before={"verified_at": verified_at})


def get(conn: Connection, organisation: Organisation, name: str) -> Hostname:
    """An organisation's claim of a name, in any form of it. Raises NotFound."""
    return _known(conn, organisation, name)


def listing(conn: Connection, organisation: Organisation) -> tuple[Hostname, ...]:
    """An organisation's claims, by name."""
    return rows.of_organisation(conn, organisation.id)


def verified(conn: Connection, organisation_id: int) -> str | None:
    """The name under which what an organisation serves is linked to: the first that was verified, None without one."""
    return rows.verified(conn, organisation_id)


def shape(hostname: Hostname) -> dict[str, Any]:
    """A claim as JSON, with the record that proves it."""
    return {
        "name": hostname.name,
        "record": {"name": record_name(hostname), "type": "TXT", "value": record_value(hostname)},
        "verified": hostname.verified_at is not None,
        "created_at": hostname.created_at.isoformat(),
        "verified_at": _written(hostname.verified_at),
        "looked_at": _written(hostname.looked_at),
        "finding": hostname.finding,
        "missing_since": _written(hostname.missing_since),
    }


def record_name(hostname: Hostname) -> str:
    """Where the DNS has the record that proves a claim."""
    return f"_coachkit.{hostname.name}"


def record_value(hostname: Hostname) -> str:
    """The text of that record."""
    return f"coachkit-verification={hostname.token}"


# --- looking ------------------------------------------------------------------------------------


def due(conn: Connection, at: datetime, limit: int = AT_ONCE) -> tuple[Hostname, ...]:
    """Claims of all organisations that are to be looked at: new ones often, verified ones and waiting ones daily.

    A claim that is never proved is looked at for a month; after that only who asks for it has it looked at.
    """
    times = Times(
        young_since=at - _YOUNG, young_looked=at - _YOUNG_EVERY, old_since=at - _OLD, old_looked=at - _OLD_EVERY
    )
    return rows.due(conn, times, limit)


def settle(conn: Connection, hostname: Hostname, finding: str, *, actor: Actor, at: datetime) -> Hostname | None:
    """Keep what a look at a claim came to, in the caller's transaction; None where the claim is gone meanwhile."""
    try:
        organisation_rows.hold(conn, hostname.organisation_id)
    except NotFound:
        return None
    before = rows.get(conn, hostname.organisation_id, hostname.name)
    if before is None or before.token != hostname.token:
        return None
    after = _after(conn, before, finding, at)
    new = {name: value for name, value in vars(after).items() if name not in {"organisation_id", "name", "token"}}
    rows.change(conn, before.organisation_id, before.name, new)
    if (action := _told(before, after)) is not None:
        organisation_rows.touch(conn, before.organisation_id)
        record(conn, before.organisation_id, actor, action, before.name, at=at, after={"finding": after.finding})
    return after


def _after(conn: Connection, before: Hostname, finding: str, at: datetime) -> Hostname:
    """What a claim is once a look has come to something; a claim is verified here, if it is to be had."""
    looked = replace(before, looked_at=at, finding=finding)
    if finding == SILENT:
        return looked
    if not _is_sound(before.name):  # no claim of ours: it came from elsewhere
        return replace(looked, finding=MISSING)
    if finding == FOUND and (before.verified_at or rows.verify(conn, before.organisation_id, before.name, at)):
        return replace(looked, verified_at=before.verified_at or at, missing_since=None)
    if finding == FOUND:
        return replace(looked, finding=TAKEN)
    if before.verified_at is None:
        return looked
    since = before.missing_since or at
    return replace(looked, missing_since=since) if at - since < GRACE else _lost(looked)


def _lost(hostname: Hostname) -> Hostname:
    return replace(hostname, verified_at=None, missing_since=None)


def _told(before: Hostname, after: Hostname) -> str | None:
    """What the audit says of a look; None where it changed nothing."""
    if (before.verified_at is None) == (after.verified_at is None):
        return None
    return VERIFY if before.verified_at is None else LOSE


# --- parts --------------------------------------------------------------------------------------


def _known(conn: Connection, organisation: Organisation, name: str) -> Hostname:
    try:
        found = rows.get(conn, organisation.id, canonical(name))
    except NotAHostnameError:
        found = None
    if found is None:
        raise NotFound(f"{organisation.slug} has not claimed {name}")
    return found


def _is_sound(name: str) -> bool:
    try:
        return canonical(name) == name
    except NotAHostnameError:
        return False


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
