"""Checks a document against its shape and tells its author, place by place, what is wrong and what would be right.

marshmallow finds the faults; here they get their place in the file, what was found there and the nearest valid name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields

from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import NAME_LENGTH, Place
from coachkit.packs.schemas.fields import Fault, Flag, ListOf, MapOf, Plain, Shape, Sub
from coachkit.packs.yaml_source import Loaded, Node, shown

Owner = fields.Field[Any] | Schema
_YES = frozenset({"yes", "y", "on", "true"})
_NO = frozenset({"no", "n", "off", "false"})


def validate(shape: type[Shape], loaded: Loaded, findings: Findings) -> None:
    """Report everything in the document that its shape does not allow."""
    schema = shape()
    for owner, node, missing, fault in _faults(schema, loaded.top, schema.validate(loaded.data)):
        place, code, message, hint = _explain(owner, node, missing, fault)
        findings.error(place, code, message, hint)


def _faults(owner: Owner, node: Node, errors: Any) -> Iterator[tuple[Owner, Node, str | None, Fault]]:
    """Each fault with what was meant to stand there, where it is, and the key in question if it is about a key."""
    if isinstance(errors, Sequence):
        yield from ((owner, node, None, _fault(error)) for error in errors)
        return
    inside = owner.schema if isinstance(owner, Sub) else owner
    for key, below in errors.items():
        if isinstance(inside, Schema):
            yield from _faults_of_key(inside, node, key, below)
        elif isinstance(inside, ListOf):
            yield from _faults(inside.inner, node.listed()[key], below)
        elif isinstance(inside, MapOf):
            child = node.get(key) or node
            if "key" in below and inside.key_field:
                yield from ((inside.key_field, child, key, _fault(error)) for error in below["key"])
            if "value" in below and inside.value_field:
                yield from _faults(inside.value_field, child, below["value"])


def _faults_of_key(schema: Schema, node: Node, key: str, below: Any) -> Iterator[tuple[Owner, Node, str | None, Fault]]:
    child = node.get(key)
    field = schema.fields.get(key)
    if child is None:
        # Either a key that is missing, or `_schema`: the whole is not a mapping.
        yield from ((schema, node, key if field else None, _fault(error)) for error in below)
    elif field is None:
        yield from ((schema, child, key, _fault(error)) for error in below)
    else:
        yield from _faults(field, child, below)


def _fault(error: Any) -> Fault:
    return error if isinstance(error, Fault) else Fault(str(error))


def _explain(owner: Owner, node: Node, key: str | None, fault: Fault) -> tuple[Place, str, str, str | None]:
    """Place, code, message and hint of one fault."""
    if fault.code == "missing-key":
        return node.place, fault.code, f"“{key}” is missing", _wanted_hint(owner, key)
    if fault.code == "unknown-key":
        return _unknown_key(owner, node, key or "")
    if fault.code == "wrong-type":
        return _wrong_type(owner, node)
    return node.key_place if key else node.place, fault.code, str(fault), fault.hint


def _wanted_hint(owner: Owner, key: str | None) -> str | None:
    field = owner.fields.get(key) if isinstance(owner, Schema) and key else None
    return f"write {key}: and {_wanted(field)}" if field else None


def _unknown_key(owner: Owner, node: Node, key: str) -> tuple[Place, str, str, str | None]:
    valid: Mapping[str, Any] = owner.fields if isinstance(owner, Schema) else {}
    if isinstance(owner, Shape) and key in owner.facts:
        message = f"“{key}” is not translated"
        return node.key_place, "not-translatable", message, "leave it out; it is the same in every locale"
    hint = nearest(key[:NAME_LENGTH], valid)
    if hint is None and " " in key and node.loaded.written.get(node.path) == "":
        hint = "put a text that has a comma in it between quotation marks"
    hint = hint or f"the keys here are {', '.join(valid)}"
    return node.key_place, "unknown-key", f"“{shown(key)}” is not a key that is known here", hint


def _wrong_type(owner: Owner, node: Node) -> tuple[Place, str, str, str | None]:
    wanted = _wanted(owner)
    written = node.loaded.written.get(node.path)
    if isinstance(owner, Plain) and written:
        what = {bool: "a truth value", type(None): "nothing"}.get(type(node.value), "a number")
        message = f"without quotation marks {shown(written)} is {what}; {wanted} is wanted here"
        return node.place, "quote-it", message, f'write "{shown(written)}"'
    message = f"{_found(node, written)} stands here; {wanted} is wanted"
    return node.place, "wrong-type", message, _type_hint(owner, node, written)


def _type_hint(owner: Owner, node: Node, written: str | None) -> str | None:
    if isinstance(owner, Flag) and node.text is not None:
        word = node.text.strip().lower()
        return "write true" if word in _YES else "write false" if word in _NO else None
    if isinstance(owner, ListOf) and node.text:
        return f"write [{shown(node.text)}]"
    if written == "" or (node.value is None and written is None):
        return "write a value or leave the key out"
    if node.text is not None and not isinstance(owner, Plain | Sub | MapOf | Schema):
        return "write it without quotation marks" if _is_number(node.text) else None
    return None


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdecimal()


def _found(node: Node, written: str | None) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    if isinstance(node.value, str):
        return f"the text “{shown(node.value)}”"
    return shown(written) if written else "nothing"


def _wanted(owner: Owner | None) -> str:
    return str(getattr(owner, "wanted", "a mapping"))
