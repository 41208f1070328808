"""Reads an organisation's settings from a YAML file, with every problem at its line and column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coachkit.editions.choices_schema import NAMES, UNKNOWN, ChoicesSchema
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import Place
from coachkit.packs.text import decode
from coachkit.packs.yaml_source import Node, load

FILE_SIZE = 1024 * 1024
_STRUCTURE = frozenset({"_schema", "value", "key"})
"""Steps of marshmallow's errors that are no keys of the file."""


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
            for place, message, hint in _wrong(ChoicesSchema().validate(settings), loaded.top):
                findings.error(place, "invalid-value", message, hint)
        elif loaded is not None:
            findings.error(Place(name, 1, 1), "wrong-type", "the settings are a mapping of keys to values")
    findings.raise_errors()
    return settings


def _wrong(errors: Any, node: Node) -> Iterator[tuple[Place, str, str | None]]:
    """Each of marshmallow's errors, at the place of the nearest key or entry that the file has."""
    if isinstance(errors, list):
        yield from ((node.place, str(error), None) for error in errors)
        return
    for step, below in errors.items():
        if step in _STRUCTURE:
            yield from _wrong(below, node)
            continue
        child = node.listed()[step] if isinstance(step, int) else node.get(step)
        if child is None:
            yield from ((node.place, f"{step}: {error}", None) for error in _flat(below))
        elif below == [UNKNOWN]:
            yield child.key_place, f"there is no key “{step}” here", nearest(step, NAMES)
        else:
            yield from _wrong(below, child)


def _flat(errors: Any) -> Iterator[str]:
    if isinstance(errors, list):
        yield from (str(error) for error in errors)
    else:
        for below in errors.values():
            yield from _flat(below)
