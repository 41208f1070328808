"""Makes the 200 and 304 answers of reading routes: the body when it is needed, and the headers kept with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import flask
import orjson

from coachkit.api.fastlane import etag, holds
from coachkit.api.reading import Reading
from coachkit.api.services import services

_NOWHERE = "base-uri 'none'; form-action 'none'; frame-ancestors *"
HTML_POLICY = f"default-src 'none'; img-src 'self'; {_NOWHERE}"
"""A representation opened by itself runs nothing, sends nothing and loads only its own pictures."""
EMAIL_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https:; {_NOWHERE}"
"""One that wears the organisation's brand has its styles in it, and the logo is wherever the organisation keeps it."""


def answer(
    request: Reading,
    *,
    made_from: Sequence[str],
    render: Callable[[], bytes],
    languages: Callable[[], Sequence[str]],
    surrogates: Sequence[str] = (),
    links: Sequence[str] = (),
) -> flask.Response:
    """The answer to a reading request, not rendered where the caller has it already.

    `made_from` names everything that the body is made from, beside format, locale and query; `languages` are those
    present, the main one first, none where there is no text for people.
    """
    chosen = (request.format.name, request.maker, request.locale, urlencode(request.query))
    tag = etag(services().secret, request.organisation, *chosen, *made_from)
    if holds(flask.request.headers.get("If-None-Match"), tag):
        response = flask.Response(status=304)
    else:
        media_type = request.format.media_type
        charset = "; charset=utf-8" if media_type.startswith("text/") else ""
        response = flask.Response(render(), content_type=f"{media_type}{charset}")
        if present := languages():
            response.headers["Content-Language"] = ", ".join(present)
    served = request.served
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = request.cache_control
    response.headers["CoachKit-Edition"] = served.digest
    response.headers["Surrogate-Key"] = " ".join(
        (f"org/{served.organisation}", f"edition/{served.digest}", *surrogates)
    )
    if request.vary:
        response.headers["Vary"] = ", ".join(request.vary)
    if links:
        response.headers["Link"] = ", ".join(links)
    if request.format.media_type == "text/html":
        response.headers["Content-Security-Policy"] = EMAIL_POLICY if request.format.branded else HTML_POLICY
    return response


def json_bytes(value: object) -> bytes:
    """A value as UTF-8 JSON."""
    return orjson.dumps(value)
