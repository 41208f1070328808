"""Documents as JSON: the shapes of the API's contract."""

from __future__ import annotations

from typing import Any

import orjson

from coachkit.hooks.types import Document, Format


def shape(document: Document) -> dict[str, Any]:
    """A document as the API's JSON shows it: the summary's fields, `fallback`, and the kind's own."""
    return {
        "kind": document.kind,
        "id": document.id,
        "pack": document.pack,
        "version": document.version,
        "locale": document.locale,
        "title": document.title,
        "summary": document.summary,
        "topics": list(document.topics),
        "stages": list(document.stages),
        "audience": list(document.audience),
        "fallback": dict(document.fallback),
        **document.body,
    }


def render(document: Document) -> bytes:
    """A document as UTF-8 JSON."""
    return orjson.dumps(shape(document))


JSON = Format("json", "application/json", render)
