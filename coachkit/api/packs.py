"""The public packs and their releases."""

from __future__ import annotations

from typing import Any

import flask

from coachkit.api import schemas
from coachkit.api.answers import json_bytes
from coachkit.api.fastlane import etag
from coachkit.api.services import services
from coachkit.api.smorest import Blueprint
from coachkit.db import releases as rows
from coachkit.editions import releases
from coachkit.errors import NotFound

blueprint = Blueprint("packs", __name__, url_prefix="/v1/packs", description="What there is to choose from")

_AGE = "public, max-age=60"


@blueprint.route("")
@blueprint.response(200, schemas.PacksSchema)
def packs() -> flask.Response:
    """The public packs, by id, with the releases that are not withdrawn."""
    services().reader.require_json(flask.request.environ)
    with services().database.read() as conn:
        heads = [head for head in rows.heads(conn) if head.visibility == "public" and head.withdrawn_at is None]
        by_pack: dict[str, list[str]] = {}
        for head in heads:
            by_pack.setdefault(head.pack, []).append(head.version)
        current = {pack: releases.current(conn, pack, public_only=True) for pack in by_pack}
    items = [
        {
            "pack": pack,
            "title": head.manifest["title"],
            "description": head.manifest["description"],
            "licence": head.manifest["licence"],
            "current": head.version,
            "releases": by_pack[pack],
        }
        for pack, head in sorted(current.items())
        if head is not None
    ]
    return _answer({"items": items})


@blueprint.route("/<slug:pack>/releases/<version:version>")
@blueprint.response(200, schemas.ReleaseSchema)
def release(pack: str, version: str) -> flask.Response:
    """One release; 410 once it is withdrawn, with a Link to the current one."""
    services().reader.require_json(flask.request.environ)
    with services().database.read() as conn:
        if rows.head(conn, pack, version) is None:
            raise NotFound("")
        head = releases.public(conn, pack, version)
    return _answer(
        {"pack": head.pack, "version": head.version, "digest": head.digest, "withdrawn": head.withdrawn_at is not None}
    )


def _answer(value: dict[str, Any]) -> flask.Response:
    response = flask.Response(json_bytes(value), content_type="application/json")
    response.headers["Cache-Control"] = _AGE
    response.headers["ETag"] = etag(services().secret, json_bytes(value).decode())
    response.make_conditional(flask.request)
    return response
