"""Checks what a reader gives for a template's placeholders, all at once. Nothing of it is kept or logged."""

from __future__ import annotations

from collections.abc import Mapping

from coachkit.errors import FieldError, InvalidBody
from coachkit.packs.findings import nearest
from coachkit.packs.model import Resource
from coachkit.packs.values import problem_with


def check_values(template: Resource, values: Mapping[str, str]) -> None:
    """Raise InvalidBody, with a pointer to each, for values that are missing, unknown or not of their type."""
    declared = template.facts["placeholders"] or {}
    errors = [
        FieldError("unknown-field", f"There is no such placeholder; {_near(name, declared)}", f"/values/{_token(name)}")
        for name in sorted(set(values) - set(declared))
    ]
    for name, placeholder in declared.items():
        pointer = f"/values/{name}"
        if name not in values:
            if placeholder["required"]:
                errors.append(FieldError("missing", f"A {placeholder['type']} is needed.", pointer))
        elif wrong := problem_with(values[name], placeholder["type"]):
            errors.append(FieldError("invalid-value", f"Here {wrong}.", pointer))
    if errors:
        raise InvalidBody("The template cannot be filled with these values.", tuple(errors))


def _near(name: str, declared: Mapping[str, object]) -> str:
    return nearest(name, declared) or f"there are {', '.join(declared) or 'none'}"


def _token(name: str) -> str:
    """A name as a token of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
