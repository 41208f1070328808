"""JSON Schemas (2020-12) of every authoring file, so that editors complete and check while an author types.

Made from the shapes that validate; what no shape says (targets, order, uniqueness of ids) is not in them.
"""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields

from coachkit.packs.schemas import MANIFEST, SHAPES, Shape
from coachkit.packs.schemas.translation import translation_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schemas() -> dict[str, dict[str, Any]]:
    """Name → JSON Schema: `pack`, each kind, and `<kind>.translation`; of Markdown files it is the front matter's."""
    shapes = {"pack": MANIFEST, **{str(kind): shape for kind, shape in SHAPES.items()}}
    shapes |= {f"{kind}.translation": translation_of(shape) for kind, shape in SHAPES.items()}
    return {name: _schema(name, shape) for name, shape in shapes.items()}


def _schema(name: str, shape: type[Shape]) -> dict[str, Any]:
    made = _converter().schema2jsonschema(shape())  # type: ignore[no-untyped-call]
    return {"$schema": DIALECT, "title": _title(name), **made}


def _title(name: str) -> str:
    kind, _, translation = name.partition(".")
    if kind == "pack":
        return "CoachKit: pack.yaml"
    return f"CoachKit: the translation of a {kind}" if translation else f"CoachKit: a {kind}"


def _converter() -> OpenAPIConverter:
    """The resolver of apispec, with every nested shape written in place and the keywords that OpenAPI does not have."""
    plugin = MarshmallowPlugin(schema_name_resolver=_in_place)
    APISpec(title="CoachKit", version="1", openapi_version="3.1.0", plugins=[plugin])
    converter = plugin.converter
    if converter is None:  # pragma: no cover - APISpec has just made it
        raise RuntimeError
    converter.add_attribute_function(_more_keywords)  # type: ignore[no-untyped-call]
    return converter


def _in_place(_shape: Any) -> str:
    """No name for any shape, which makes apispec write it where it is used."""
    return ""


def _more_keywords(_converter: OpenAPIConverter, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    return dict(field.metadata.get("schema", {}))
