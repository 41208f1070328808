"""Reads an organisation's settings, or one part of its overlay, from YAML; each problem at its line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import marshmallow as ma

from coachkit.editions.choices import SETTINGS_BYTES
from coachkit.editions.choices_schema import UNKNOWN, ChoicesSchema, OverlaySchema
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import Place
from coachkit.packs.text import decode
from coachkit.packs.yaml_source import Node, load

FILE_SIZE = SETTINGS_BYTES

Field = ma.fields.Field[Any] | None
Wrong = tuple[Place, str, str, str | None]
"""Where, the code, what is wrong, and what would be right."""
_SAID = {
    "Missing data for required field.": ("missing-key", "it is missing", None),
    "Field may not be null.": ("wrong-type", "a value is needed here", "write one, or leave the key out"),
    "Not a valid string.": ("wrong-type", "a text is needed here", "put it between quotation marks"),
    "Not a valid mapping type.": ("wrong-type", "a mapping of keys to values is needed here", None),
    "Invalid input type.": ("wrong-type", "a mapping of keys to values is needed here", None),
    "Not a valid list.": ("wrong-type", "a list is needed here", "write [one, two]"),
    "Not a valid email address.": ("invalid-value", "this is not an e-mail address", "such as careers@example.org"),
}
"""marshmallow's own words for what has no better ones from its field, and ours."""


def read(path: Path) -> dict[str, Any]:
    """The settings in a file. Raises PackInvalid, with all problems, if they cannot be used."""
    return _read(path, ChoicesSchema, "the settings are")


def read_part(path: Path) -> dict[str, Any]:
    """The part of an overlay in a file of its own. Raises PackInvalid, with all problems, if it cannot be used."""
    return _read(path, OverlaySchema, "a part of an overlay is")


def _read(path: Path, schema: type[ma.Schema], what: str) -> dict[str, Any]:
    findings = Findings()
    name = path.name
    value: dict[str, Any] = {}
    if path.stat().st_size > FILE_SIZE:
        findings.error(Place(name), "too-large", f"the file is larger than {FILE_SIZE:,} bytes")
    elif (text := decode(path.read_bytes(), name, findings)) is not None:
        loaded = load(text, name, findings)
        if loaded is not None and isinstance(loaded.data, dict):
            value = loaded.data
            for place, code, message, hint in _wrong(schema().validate(value), loaded.top, ma.fields.Nested(schema)):
                findings.error(place, code, message, hint)
        elif loaded is not None:
            findings.error(Place(name, 1, 1), "wrong-type", f"{what} a mapping of keys to values")
    findings.raise_errors()
    return value


def _wrong(errors: Any, node: Node, field: Field) -> Iterator[Wrong]:
    """Each of marshmallow's errors, at the place of the nearest key or entry that the file has."""
    if isinstance(errors, list):
        yield from ((node.place, *_said(str(error))) for error in errors)
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
            yield from ((child.key_place, *_said(str(error))) for error in below.get("key", ()))
            yield from _wrong(below.get("value", []), child, values)


def _wrong_key(key: str, errors: Any, node: Node, fields: Mapping[str, Field]) -> Iterator[Wrong]:
    """The errors of one key of a mapping whose keys are known."""
    child = node.get(key)
    if key == "_schema":  # marshmallow's word for the mapping as a whole
        yield from _wrong(errors, node, None)
    elif child is None:
        for code, message, hint in map(_said, _flat(errors)):
            yield node.place, code, f"{key}: {message}", hint
    elif errors == [UNKNOWN]:
        yield child.key_place, "unknown-key", f"there is no key “{key}” here", nearest(key, fields)
    else:
        yield from _wrong(errors, child, fields.get(key))


def _said(error: str) -> tuple[str, str, str | None]:
    """The code, the words and the hint for an error of marshmallow's."""
    return _SAID.get(error, ("invalid-value", error, None))


def _flat(errors: Any) -> Iterator[str]:
    if isinstance(errors, list):
        yield from (str(error) for error in errors)
    else:
        for below in errors.values():
            yield from _flat(below)
