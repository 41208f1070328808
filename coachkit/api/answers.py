"""Makes the 200 and 304 answers of reading routes: the body when it is needed, and the headers kept with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import flask
import orjson

from coachkit.api.fastlane import etag, holds
from coachkit.api.reading import Cacheable, Reading
from coachkit.api.services import Asking, Services, asking

_NOWHERE = "base-uri 'none'; form-action 'none'; frame-ancestors"
HTML_POLICY = f"default-src 'none'; img-src 'self'; {_NOWHERE}"
"""A representation opened by itself runs nothing, sends nothing and loads only its own pictures; whom it may be framed
by follows."""
EMAIL_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https:; {_NOWHERE}"
"""One that wears the organisation's brand has its styles in it, and the logo is wherever the organisation keeps it."""


class Answer(NamedTuple):
    """A 200, or a 304 without a body, with the headers that are kept with it."""

    status: Literal[200, 304]
    headers: dict[str, str]
    body: bytes


def answer(
    request: Reading,
    *,
    made_from: Sequence[str],
    render: Callable[[], bytes],
    languages: Callable[[], Sequence[str]],
    surrogates: Sequence[str] = (),
    links: Sequence[str] = (),
) -> flask.Response:
    """What `made` makes of a request that Flask answers."""
    return response(
        made(
            asking(request),
            made_from=made_from,
            render=render,
            languages=languages,
            surrogates=surrogates,
            links=links,
        )
    )


def plainly(
    services: Services, declared: Cacheable, request: Reading, path: Mapping[str, Any], if_none_match: str | None
) -> Answer | None:
    """The answer to a request that its route answers plainly; None for any other, which is Flask's to answer.

    A plugin's format is Flask's: if it fails, it is asked and blamed once.
    """
    if declared.plain is None or request.way.query or not request.way.plugin.core:
        return None
    answered: Answer = declared.plain(Asking(services, request, if_none_match), path)
    return answered


def response(answered: Answer) -> flask.Response:
    """An answer as Flask gives it on."""
    return flask.Response(answered.body, status=answered.status, headers=answered.headers)


def made(
    asked: Asking,
    *,
    made_from: Sequence[str],
    render: Callable[[], bytes],
    languages: Callable[[], Sequence[str]],
    surrogates: Sequence[str] = (),
    links: Sequence[str] = (),
) -> Answer:
    """The answer to a reading request, not rendered where the caller has it already.

    `made_from` names everything that the body is made from, beside format, locale and query; `languages` are those
    present, the main one first, none where there is no text for people.
    """
    request = asked.reading
    chosen = (request.way.format.name, request.way.maker, request.way.locale, request.way.wishes)
    tag = etag(asked.services.secret, request.organisation, *chosen, *made_from)
    kept = holds(asked.if_none_match, tag)
    body = b"" if kept else render()
    headers = {} if kept else _of_body(request, languages())
    served = request.served
    headers["ETag"] = tag
    headers["Cache-Control"] = request.way.cache_control
    headers["CoachKit-Edition"] = served.digest
    headers["Surrogate-Key"] = " ".join((f"org/{served.organisation}", f"edition/{served.digest}", *surrogates))
    if request.way.vary:
        headers["Vary"] = ", ".join(request.way.vary)
    if links:
        headers["Link"] = ", ".join(links)
    if request.way.format.media_type == "text/html":
        policy = EMAIL_POLICY if request.way.format.branded else HTML_POLICY
        headers["Content-Security-Policy"] = f"{policy} {request.way.frame_ancestors}"
    return Answer(304 if kept else 200, headers, body)


def _of_body(request: Reading, languages: Sequence[str]) -> dict[str, str]:
    media_type = request.way.format.media_type
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    headers = {"Content-Type": f"{media_type}{charset}"}
    if languages:
        headers["Content-Language"] = ", ".join(languages)
    return headers


def json_bytes(value: object) -> bytes:
    """A value as UTF-8 JSON."""
    return orjson.dumps(value)
