"""What the routes have in common by which organisations run themselves: who asks, what it is based on, how it is said.

Every change is made in one transaction that sees this organisation's rows alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import flask
from sqlalchemy import Connection

from coachkit.api.access import ADMITTED, Admission, declared
from coachkit.api.answers import json_bytes
from coachkit.api.fastlane import etag
from coachkit.api.idempotent import Answer, Effect, Once
from coachkit.api.parsing import MAX_BODY
from coachkit.api.requests import concerns
from coachkit.api.services import services
from coachkit.db import organisations as rows
from coachkit.db.database import CHANGING
from coachkit.db.organisations import Organisation
from coachkit.db.scopes import only
from coachkit.editions.choices import SETTINGS_BYTES
from coachkit.errors import BadRequest, FieldError, NotFound, PreconditionFailed, PreconditionRequired
from coachkit.organisations.audit import Actor

LARGEST: Final = SETTINGS_BYTES
"""Bytes of an organisation's settings as a request brings them: as many as they may have."""

View = TypeVar("View", bound=Callable[..., Any])
_TAGS: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


@dataclass(frozen=True)
class Work:
    """One organisation, as this request may read or change it."""

    conn: Connection
    organisation: Organisation
    actor: Actor
    at: datetime


def largest(size: int = LARGEST) -> Callable[[View], View]:
    """Declare that a view reads bodies of so many bytes, and not only of MAX_BODY."""

    def declare(view: View) -> View:
        view.__largest__ = max(size, MAX_BODY)  # type: ignore[attr-defined]
        return view

    return declare


def actor() -> Actor:
    """Who asks: the key that this request was admitted with."""
    admission: Admission = flask.request.environ[ADMITTED]
    if admission.key is None:
        raise RuntimeError(f"{flask.request.endpoint} is managed without a key")
    return admission.key.actor


def number(slug: str) -> int:
    """The number of the organisation that the path names. Raises NotFound."""
    found = services().pointers.number(slug)
    if found is None:
        raise NotFound("")
    return found


@contextmanager
def changing(slug: str) -> Iterator[Work]:
    """A transaction in which one organisation is changed; all of it or nothing."""
    with services().database.write(only(number(slug)), CHANGING) as conn:
        yield _work(conn, slug)


def creating(
    once: Once,
    slug: str,
    make: Callable[[Work, bytes], Answer],
    reveal: Callable[[Any, bytes], Any] | None = None,
    ready: Callable[[], object] = lambda: None,
) -> flask.Response:
    """What `make` answers, done in one transaction of one organisation, and done once where a key says so.

    `make(work, secret)`, `reveal` and `ready` are as `idempotent.Once.do` has them.
    """
    who = actor()

    def made(effect: Effect) -> Answer:
        return make(_work(effect.conn, slug, effect.at), effect.secret)

    return once.do(only(number(slug)), str(who), made, reveal, ready)


@contextmanager
def looking(slug: str) -> Iterator[Work]:
    """A transaction that sees one moment of one organisation."""
    with services().database.read(only(number(slug))) as conn:
        yield _work(conn, slug)


def _work(conn: Connection, slug: str, at: datetime | None = None) -> Work:
    found = rows.get(conn, slug)
    if found is None:
        raise NotFound("")
    concerns(slug)
    return Work(conn, found, actor(), at or datetime.now(UTC))


# --- what a change is based on ------------------------------------------------------------------


def tag(*made_from: object) -> str:
    """The strong ETag of what a managing address shows, made from whatever it shows."""
    return etag(services().secret, "managing", *map(str, made_from))


def draft_tag(organisation: Organisation) -> str:
    """The ETag of an organisation's draft, which is its settings as they are now."""
    return tag("draft", organisation.id, organisation.revision)


def require_match(current: str) -> None:
    """Raise PreconditionRequired without If-Match, and PreconditionFailed where it does not name the present ETag.

    Whoever takes it that there is none yet (`If-None-Match: *`) has not seen it either.
    """
    given = _tags("If-Match")
    if given is None and wants_new():
        error = FieldError("changed", "There is one already.", header="If-None-Match")
        raise PreconditionFailed("This is there already.", (error,), {"ETag": current})
    if given is None:
        error = FieldError("missing", "Send the ETag of what you saw.", header="If-Match")
        raise PreconditionRequired("A change says what it is based on.", (error,))
    if given != ["*"] and current not in given:
        error = FieldError("changed", "It is not that any more; fetch it again.", header="If-Match")
        raise PreconditionFailed("This has changed since.", (error,), {"ETag": current})


def require_new() -> None:
    """For something that is not there: raise PreconditionRequired unless If-None-Match is `*`."""
    if _tags("If-None-Match") != ["*"]:
        detail = "There is none of that name yet: send `*` to make it."
        raise PreconditionRequired(detail, (FieldError("missing", detail, header="If-None-Match"),))


def wants_new() -> bool:
    """Whether the caller takes it that there is none yet."""
    return _tags("If-None-Match") == ["*"]


def _tags(header: str) -> list[str] | None:
    given = flask.request.headers.get(header)
    if given is None:
        return None
    tags = [each.strip() for each in given.split(",")]
    if tags == ["*"]:
        return tags
    if not all(_TAGS.fullmatch(each) for each in tags):
        error = FieldError("invalid-value", "An ETag stands between quotation marks.", header=header)
        raise BadRequest(f"The header {header} cannot be read.", (error,))
    return tags


# --- how it is said -----------------------------------------------------------------------------


def answered(
    value: Mapping[str, Any] | None,
    status: int = 200,
    *,
    shown: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> flask.Response:
    """An answer that nobody keeps; `shown` is its ETag. Without a value it has no body."""
    body = b"" if value is None else json_bytes(value)
    response = flask.Response(body, status=status, content_type="application/json" if body else None)
    response.headers["Cache-Control"] = "no-store"
    if shown is not None:
        response.headers["ETag"] = shown
    response.headers.update(headers or {})
    return response


def register(app: flask.Flask) -> None:
    """Let the app read as much of a body as its view declares."""

    def allow() -> None:
        size = declared(app.view_functions.get(flask.request.endpoint or ""), "__largest__")
        if size:
            flask.request.max_content_length = size

    app.before_request(allow)
