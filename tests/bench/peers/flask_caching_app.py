"""Flask with Flask-Caching, as its users would write it: a cached view, found in Redis on every request but the first.

BENCH_REDIS_PORT is Redis's, BENCH_BODY names the JSON that the view makes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import flask
from flask_caching import Cache

app = flask.Flask("bench")
cache = Cache(
    app,
    config={
        "CACHE_TYPE": "RedisCache",
        "CACHE_REDIS_HOST": "127.0.0.1",
        "CACHE_REDIS_PORT": int(os.environ["BENCH_REDIS_PORT"]),
        "CACHE_DEFAULT_TIMEOUT": 3600,
    },
)
BODY = json.loads(Path(os.environ["BENCH_BODY"]).read_bytes())


@app.get("/v1/orgs/<organisation>/modules/<slug>")
@cache.cached()
def module(organisation: str, slug: str) -> flask.Response:
    """One module."""
    del organisation, slug
    return flask.jsonify(BODY)
