"""The API's document at /openapi.json, and the browsable reference at /docs with its assets served from here.

The assets are those of Swagger UI as the package flask-swagger-ui brings them; the page and the script that
starts it are ours, since the package's own page has a script in it that a strict policy forbids.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import flask

from coachkit.api.smorest import Api
from coachkit.errors import NotFound

POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For /docs. Swagger UI sets styles from script, which needs no exception, and draws its icons from data."""

_DIST: Final = Path(str(importlib.resources.files("flask_swagger_ui") / "dist"))
_ASSETS: Final[Mapping[str, str]] = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>CoachKit: the reference</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<noscript><p>Browsing takes JavaScript. <a href="openapi.json">The document itself</a> does not.</p></noscript>
<main id="swagger-ui"></main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START: Final = """\
SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""


def blueprint(api: Api) -> flask.Blueprint:
    """`/openapi.json` and `/docs` for everything that is registered with the API before the first request."""
    reference = flask.Blueprint("reference", __name__)
    reference.add_url_rule("/openapi.json", "document", _serve_document(functools.cache(lambda: document(api))))
    reference.add_url_rule("/docs", "docs", lambda: _text(_PAGE, "text/html"))
    reference.add_url_rule("/docs/start.js", "start", lambda: _text(_START, "text/javascript"))
    reference.add_url_rule("/docs/<string:name>", "asset", _asset)
    return reference


def document(api: Api) -> bytes:
    """The OpenAPI document as JSON in UTF-8: the same bytes for the same API, whatever order it was put together in."""
    return json.dumps(api.spec.to_dict(), ensure_ascii=False, sort_keys=True, indent=1).encode()


def _serve_document(make: Callable[[], bytes]) -> Callable[[], flask.Response]:
    def serve() -> flask.Response:
        response = flask.Response(make(), mimetype="application/json")
        response.headers["Access-Control-Allow-Origin"] = "*"
        return _kept(response, hashlib.sha256(make()).hexdigest())

    return serve


def _asset(name: str) -> flask.Response:
    if name not in _ASSETS:
        raise NotFound("")
    return flask.send_file(_DIST / name, mimetype=_ASSETS[name], etag=f"{_version()}-{name}", max_age=86400)


@functools.cache
def _version() -> str:
    return (_DIST / "VERSION").read_text("utf-8").strip()


def _text(text: str, mimetype: str) -> flask.Response:
    response = flask.Response(text, mimetype=mimetype)
    response.headers["Content-Security-Policy"] = POLICY
    return _kept(response, hashlib.sha256(text.encode()).hexdigest())


def _kept(response: flask.Response, digest: str) -> flask.Response:
    """The response with an ETag and five minutes to be kept, or 304 to those who have it."""
    response.set_etag(digest[:32])
    response.cache_control.public = True
    response.cache_control.max_age = 300
    response.make_conditional(flask.request)
    return response
