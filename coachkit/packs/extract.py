"""Takes a document apart by its shape: facts, texts to translate, references, and the ids that lead to them.

Takes what is right and passes over what is not; finding faults is for `validate`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from marshmallow import fields

from coachkit.packs.destinations import BadDestinationError
from coachkit.packs.model import Line, Place, Reference
from coachkit.packs.schemas.fields import ListOf, MapOf, Ref, Shape, Sub, Text, absent
from coachkit.packs.yaml_source import Node


@dataclass
class Extract:
    """What a document holds.

    `entries` has, by path, the place of each list entry's id, of each mapping's key, and of each text that is needed.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    references: list[tuple[Reference, Place]] = field(default_factory=list)
    entries: dict[str, Place] = field(default_factory=dict)


def extract(shape: type[Shape], top: Node) -> Extract:
    """Everything that the document says, as far as it keeps to the shape."""
    found = Extract()
    found.facts = _shape(shape(), top, "", found)
    return found


def _shape(schema: Any, node: Node, prefix: str, found: Extract) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, part in schema.fields.items():
        child = node.get(name)
        if isinstance(part, Text) and part.required and isinstance(node.value, dict):
            # A needed text that is missing or wrong may be translated: its absence is reported where it is absent.
            found.entries[prefix + name] = (child or node).place
        if child is not None:
            facts[name] = _value(part, child, prefix + name, found)
        elif name not in schema.later:
            facts[name] = absent(part)
    return facts


def _value(part: fields.Field[Any], node: Node, path: str, found: Extract) -> Any:
    if isinstance(part, Text):
        if node.text and node.text.strip():
            found.lines[path] = Line(node.text.strip(), node.place, part.fills)
        return None
    if isinstance(part, Ref):
        return _reference(part, node, found)
    if isinstance(part, Sub):
        return _shape(part.schema, node, f"{path}/", found)
    if isinstance(part, ListOf) and isinstance(node.value, list):
        return [_entry(part.inner, entry, path, found) for entry in node.listed()]
    if isinstance(part, MapOf) and part.value_field is not None:
        return {key: _mapped(part.value_field, child, f"{path}/{key}", found) for key, child in node.pairs()}
    return plain(node.value)


def _entry(part: fields.Field[Any], node: Node, path: str, found: Extract) -> Any:
    """One entry of a list, known by its id, or by its position where it has none."""
    named = node.text_of("id")
    if named is not None:
        found.entries.setdefault(f"{path}/{named}", node.get("id").place)  # type: ignore[union-attr]
    return _value(part, node, f"{path}/{node.path[-1] if named is None else named}", found)


def _mapped(part: fields.Field[Any], node: Node, path: str, found: Extract) -> Any:
    found.entries[path] = node.key_place
    return _value(part, node, path, found)


def _reference(part: Ref, node: Node, found: Extract) -> str | None:
    try:
        reference = part.parse(node.text or "")
    except BadDestinationError:
        return None
    found.references.append((reference, node.place))
    return str(reference)


def plain(value: Any) -> Any:
    """A value as JSON holds it: a decimal that is whole as a whole number, another as the nearest double."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return value
