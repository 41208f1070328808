"""Who may read what the API answers: whoever shows no key that does not hold, from a page of any origin.

The one place where credentials are judged, for the fast lane and for Flask, and where other sites' pages are let in
(CORS; the Fetch standard, 3.2). Knows no route by name, only where the API begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import flask

from coachkit.errors import FieldError, Unauthorised

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

API: Final = "/v1/"
"""All addresses of the API begin so; what is beside it takes no key and is for no other site's page."""

FOR_ANY_PAGE: Final = (
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        "CoachKit-Edition, CoachKit-Request-Id, Deprecation, ETag, Link, Retry-After, Sunset",
    ),
)
"""What lets a page of any origin read an answer, and those of its headers that browsers would hide."""
PREFLIGHT: Final = {
    "Access-Control-Allow-Headers": "Accept, Accept-Language, Content-Type, If-None-Match",
    "Access-Control-Max-Age": "86400",
}
"""What a page may send. Keys are not among it: they are for servers, and public content needs none."""


_CREDENTIAL: Final = "HTTP_AUTHORIZATION"


def register(app: flask.Flask) -> None:
    """Let the app refuse credentials that do not hold, before anything else, and open the API to pages."""
    app.before_request(_check_credential)
    app.after_request(_open_to_pages)


def may_read(environ: WSGIEnvironment, organisation: str) -> bool:
    """Whether a caller may have an organisation's kept answers; no key has been given out, so none holds yet."""
    del organisation
    return _CREDENTIAL not in environ


def _check_credential() -> None:
    if flask.request.path.startswith(API) and _CREDENTIAL in flask.request.environ:
        error = FieldError("invalid-key", "This key does not hold. Public content needs none.", header="Authorization")
        raise Unauthorised("What the header Authorization holds is no key of this server.", (error,))


def _open_to_pages(response: flask.Response) -> flask.Response:
    if flask.request.path.startswith(API):
        response.headers.update(FOR_ANY_PAGE)
        if flask.request.method == "OPTIONS" and "Allow" in response.headers:
            response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(response.allow))
            response.headers.update(PREFLIGHT)
    return response
