"""`Idempotency-Key`: a request that creates something may be sent again, and is done once.

As draft-ietf-httpapi-idempotency-key-header has it. What a request does and the answer to it are written in one
transaction, under a claim that was committed before; so both are there or neither, whatever dies in between, and a
repeat gets the answer that is stored. Owns that header and what repeats are answered; knows nothing of what is created.

    @blueprint.route("/keys", methods=["POST"])
    @creates(blueprint)
    @blueprint.arguments(KeySchema)
    @blueprint.response(201, CreatedKeySchema)
    def create(once: Once, body: dict[str, Any], organisation: str) -> flask.Response:
        who = …                                          # may they? refuse before anything is done
        return once.do(only(who.organisation_id), who.caller, lambda effect: _made(effect, body))

    def _made(effect: Effect, body: dict[str, Any]) -> Answer:
        …                                                # with effect.conn, at effect.at
        return Answer(201, {…}, {"Location": …})
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

import flask
import marshmallow as ma
import orjson
from sqlalchemy import Connection

from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.db import idempotency as rows
from coachkit.db.database import CHANGING, Database
from coachkit.db.idempotency import NOBODY, Name, Stored
from coachkit.db.scopes import Scope, narrow
from coachkit.errors import Conflict, FieldError, KeyReused, Unavailable

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
"""The header of an answer that was given before: `true`, and absent on the first one."""
LEASE: Final = timedelta(seconds=30)
"""For how long whoever has claimed a request is left to do it."""
KEPT: Final = timedelta(hours=24)
"""For how long an answer is replayed at least; whoever forgets rows leaves younger ones alone."""
LONGEST: Final = 255
"""Characters of a key."""
SECRET_BYTES: Final = 32
_RETRY: Final = {"Retry-After": "1"}

R = TypeVar("R")


@dataclass(frozen=True)
class Effect:
    """What whoever creates something works with: a transaction, its time, and a secret that nobody else knows.

    `secret` (SECRET_BYTES bytes) is for what is shown once: it is the same whenever the answer is replayed, and is not
    stored. It is made again from the caller's key, from what is stored and from the installation's secret, all three.
    """

    conn: Connection
    at: datetime
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What was created, to be stored with it and said: a status of success, JSON without secrets, and headers.

    Without a body (None) there is none, as 204 has it.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for what is no success: a refusal is raised, so that nothing of it is stored."""
        if not 200 <= self.status < 300:  # noqa: PLR2004 — RFC 9110, 15.3
            raise ValueError(f"{self.status} is no success; raise what is refused")


Make = Callable[[Effect], Answer]
Reveal = Callable[[Any, bytes], Any]
"""From an answer's body and the effect's secret to the body that the caller is shown."""


class Once:
    """One request that creates something, with the Idempotency-Key that came with it; None where none did."""

    def __init__(self, key: str | None) -> None:
        self._key = key

    def do(
        self,
        scope: Scope,
        caller: str,
        make: Make,
        reveal: Reveal | None = None,
        ready: Callable[[], object] = lambda: None,
    ) -> flask.Response:
        """What `make` answers, done now; or, if this caller sent the same before, what was answered then.

        `make` writes with its effect's connection, in a transaction of that scope in which its answer is stored too,
        and refuses by raising: then all is undone, and the request may be sent again. `reveal` puts a secret into the
        body each time that it is said. `ready` is called before the transaction, for what takes long and writes
        nothing; not for a replay. Whether the caller may do this is settled before.

        Raises Conflict while the same is being done, or if another took over what took too long here; KeyReused if
        the key came with another request before; Unavailable as the database does, and whatever `make` raises.
        """
        database, secret = services().database, services().secret
        if self._key is None:
            fresh = os.urandom(SECRET_BYTES)
            ready()
            with database.write(scope, CHANGING) as conn:
                return _response(_said(make(Effect(conn, datetime.now(UTC), fresh))), reveal, fresh)
        asked = _Asked(database, scope, _name(secret, scope, caller, self._key), _request(secret))
        found = asked.before() or asked.claim()
        if isinstance(found, Stored):
            shown = _secret(secret, self._key, asked.name, found.claim)
            response = _response(_replayable(found, asked.request), reveal, shown)
            response.headers[REPLAYED] = "true"
            return response
        shown = _secret(secret, self._key, asked.name, found)
        return _response(asked.answered(found, make, shown, ready), reveal, shown)


class HeadersSchema(ma.Schema):
    """The key, and whoever does the request once for it."""

    key = ma.fields.String(
        data_key=HEADER,
        validate=ma.validate.Regexp(f"^[!-~]{{1,{LONGEST}}}$", error=f"Not 1 to {LONGEST} visible ASCII characters."),
        metadata={
            "description": "Any text that is new for each thing to create, such as a UUID. Sent again with the same "
            f"key within {KEPT // timedelta(hours=1)} hours, the same request is done once and answered as before, "
            f"with `{REPLAYED}: true`; another request with it is 422, and one that is still being done 409.",
            "example": "01980d0c-2c3e-7a64-9d1e-5d3f3a1f7c55",
        },
    )

    @ma.post_load
    def _once(self, headers: dict[str, Any], **_: object) -> Once:
        return Once(headers.get("key"))


def creates(blueprint: Blueprint) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Declare that a view creates something: the view gets a Once, and the header and its refusals are documented."""

    def declared(view: Callable[..., R]) -> Callable[..., R]:
        refusing = view
        for status in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
            refusing = blueprint.alt_response(status, response=status.name)(refusing)
        return blueprint.arguments(HeadersSchema, location="headers")(refusing)

    return declared


# --- one request, as the database knows it ------------------------------------------------------


@dataclass(frozen=True)
class _Said:
    """An answer as it is stored."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Asked:
    """A request with a key: which row is its own, and what it asks for."""

    database: Database
    scope: Scope
    name: Name
    request: str

    def before(self) -> Stored | None:
        """What there is already, unless its claim has run out; repeats that only look keep no writer waiting."""
        with self.database.read(self.scope, CHANGING) as conn:
            found = rows.stored(conn, self.name)
        if found and found.status is None and found.request == self.request:
            return found if datetime.now(UTC) < found.claimed_until else None
        return found

    def claim(self) -> Stored | str:
        """A claim of ours, committed before anything is done; or what somebody else has there. Raises Conflict."""
        claim, at = os.urandom(16).hex(), datetime.now(UTC)
        with self.database.write(self.scope, CHANGING) as conn:
            if rows.claimed(conn, self.name, self.request, claim, at=at, until=at + LEASE):
                return claim
            found = rows.stored(conn, self.name)
        if found is None:  # who had it gave it up a moment ago
            raise _in_flight()
        return found

    def answered(self, claim: str, make: Make, secret: bytes, ready: Callable[[], object]) -> _Said:
        """What comes of it, stored with it; if anything is raised, nothing of it is done and the claim is given up."""
        try:
            ready()
            with self.database.write(self.scope, CHANGING) as conn:
                said = _said(make(Effect(conn, datetime.now(UTC), secret)))
                self._store(conn, claim, said)
        except BaseException:
            self._give_up(claim)
            raise
        return said

    def _store(self, conn: Connection, claim: str, said: _Said) -> None:
        """Store the answer in the transaction of what it tells of. Raises Conflict, which undoes both."""
        narrow(conn, self.scope)  # `make` may have gone on with another
        if not rows.answered(conn, self.name, claim, **vars(said)):
            detail = "This took so long that the same request, sent again, was begun anew; ask again for its answer."
            raise Conflict(detail, headers=dict(_RETRY))

    def _give_up(self, claim: str) -> None:
        """Let the next one try at once. Where the database is silent, it lets them when the lease has run out."""
        with suppress(Unavailable), self.database.write(self.scope, CHANGING) as conn:
            rows.release(conn, self.name, claim)


def _replayable(found: Stored, request: str) -> _Said:
    """The answer that is stored. Raises KeyReused if it is to another request, Conflict if there is none yet."""
    if found.request != request:
        error = FieldError("idempotency-key-reused", "It came with another request before.", header=HEADER)
        raise KeyReused("A key stands for one request alone: the same method, address and body.", (error,))
    if found.status is None or found.headers is None or found.body is None:
        raise _in_flight()
    return _Said(found.status, found.headers, found.body)


def _in_flight() -> Conflict:
    return Conflict("The same request is being done at this moment; ask again for its answer.", headers=dict(_RETRY))


def _said(answer: Answer) -> _Said:
    body = b"" if answer.body is None else orjson.dumps(answer.body)
    typed = {"Content-Type": "application/json"} if body else {}
    headers = {**typed, "Cache-Control": "no-store", **answer.headers}
    return _Said(answer.status, dict(sorted(headers.items())), body)  # in the order in which they are stored


def _response(said: _Said, reveal: Reveal | None, secret: bytes) -> flask.Response:
    """What is said, the first time and each time after, from the very bytes that are stored."""
    body = said.body if reveal is None else orjson.dumps(reveal(orjson.loads(said.body), secret))
    response = flask.Response(body, status=said.status)
    response.headers.clear()
    response.headers.update(said.headers)
    return response


# --- keyed hashes -------------------------------------------------------------------------------


def _name(secret: bytes, scope: Scope, caller: str, key: str) -> Name:
    organisation_id = scope.organisation or NOBODY
    return Name(organisation_id, caller, _hash(secret, "name", str(organisation_id), caller, key).hex())


def _request(secret: bytes) -> str:
    """What stands for the request's method, address and body, of which nothing is kept."""
    request = flask.request
    address = request.root_path + request.path, request.query_string.decode("latin-1")
    body = hashlib.blake2b(request.get_data(cache=True)).hexdigest()
    return _hash(secret, "request", request.method, *address, body).hex()


def _secret(secret: bytes, key: str, name: Name, claim: str) -> bytes:
    return _hash(secret, "secret", str(name.organisation_id), name.caller, key, claim)


def _hash(secret: bytes, purpose: str, *parts: str) -> bytes:
    data = orjson.dumps([purpose, *parts])
    return hashlib.blake2b(data, digest_size=SECRET_BYTES, key=secret[:64], person=b"coachkit once").digest()
