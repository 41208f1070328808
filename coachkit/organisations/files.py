"""Reads an organisation's settings from a YAML file, with every problem at its line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import marshmallow as ma

from coachkit.editions.choices_schema import UNKNOWN, ChoicesSchema
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import Place
from coachkit.packs.text import decode
from coachkit.packs.yaml_source import Node, load

FILE_SIZE = 1024 * 1024

Field = ma.fields.Field[Any] | None
Wrong = tuple[Place, str, str | None]


def read(path: Path) -> dict[str, Any]:
    """The settings in a file. Raises PackInvalid, with all problems, if they cannot be used."""
    findings = Findings()
    name = path.name
    settings: dict[str, Any] = {}
    if path.stat().st_size > FILE_SIZE:
        findings.error(Place(name), "too-large", f"the file is larger than {FILE_SIZE:,} bytes")
    elif (text := decode(path.read_bytes(), name, findings)) is not None:
        loaded = load(text, name, findings)
        if loaded is not None and isinstance(loaded.data, dict):
            settings = loaded.data
            for place, message, hint in _wrong(
                ChoicesSchema().validate(settings), loaded.top, ma.fields.Nested(ChoicesSchema)
            ):
                findings.error(place, "invalid-value", message, hint)
        elif loaded is not None:
            findings.error(Place(name, 1, 1), "wrong-type", "the settings are a mapping of keys to values")
    findings.raise_errors()
    return settings


def _wrong(errors: Any, node: Node, field: Field) -> Iterator[Wrong]:
    """Each of marshmallow's errors, at the place of the nearest key or entry that the file has."""
    if isinstance(errors, list):
        yield from ((node.place, str(error), None) for error in errors)
    elif isinstance(field, ma.fields.List):
        for position, below in errors.items():
            yield from _wrong(below, node.listed()[position], field.inner)
    elif isinstance(field, ma.fields.Nested):
        for key, below in errors.items():
            yield from _wrong_key(key, below, node, field.schema.fields)
    else:
        values = field.value_field if isinstance(field, ma.fields.Dict) else None
        for key, below in errors.items():
            child = node.get(key) or node
            yield from ((child.key_place, str(error), None) for error in below.get("key", ()))
            yield from _wrong(below.get("value", []), child, values)


def _wrong_key(key: str, errors: Any, node: Node, fields: Mapping[str, Field]) -> Iterator[Wrong]:
    """The errors of one key of a mapping whose keys are known."""
    child = node.get(key)
    if key == "_schema":  # marshmallow's word for the mapping as a whole
        yield from _wrong(errors, node, None)
    elif child is None:
        yield from ((node.place, f"{key}: {error}", None) for error in _flat(errors))
    elif errors == [UNKNOWN]:
        yield child.key_place, f"there is no key “{key}” here", nearest(key, fields)
    else:
        yield from _wrong(errors, child, fields.get(key))


def _flat(errors: Any) -> Iterator[str]:
    if isinstance(errors, list):
        yield from (str(error) for error in errors)
    else:
        for below in errors.values():
            yield from _flat(below)
