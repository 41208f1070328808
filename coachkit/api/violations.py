"""What marshmallow says of a value that breaks rules, as errors with a place, a code and a detail.

Knows schemas and their messages; knows nothing of requests, statuses or Flask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from marshmallow import Schema, fields
from marshmallow.exceptions import SCHEMA

from coachkit.packs.findings import nearest

Path = tuple[str | int, ...]
Holder = Schema | fields.Field[Any] | None
"""The schema or field that a message is about; None where the schema does not say."""


class Coded(str):
    """A validator's message that brings its own code: `raise ValidationError(Coded("out-of-range", "…"))`."""

    __slots__ = ("code",)

    code: str

    def __new__(cls, code: str, message: str) -> Self:
        """`code` is one of `problems.CODES`; `message` is the error's detail."""
        coded = super().__new__(cls, message)
        coded.code = code
        return coded


@dataclass(frozen=True)
class Violation:
    """One rule broken at one place; `path` is empty for the value as a whole."""

    path: Path
    code: str
    detail: str


def violations(messages: Any, schema: Schema) -> Iterator[Violation]:
    """Every message of a ValidationError that `schema` raised, with its place and code, in marshmallow's order."""
    return _walk(messages, schema, ())


def pointer(path: Path) -> str:
    """The path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def names_of(schema: Schema) -> Mapping[str, fields.Field[Any]]:
    """The fields by the names that callers use for them."""
    return {field.data_key if field.data_key is not None else name: field for name, field in schema.fields.items()}


def _walk(messages: Any, holder: Holder, path: Path) -> Iterator[Violation]:
    if isinstance(messages, Mapping):
        for key, below in messages.items():
            yield from _step(key, below, holder, path)
    elif isinstance(messages, Iterable) and not isinstance(messages, str):
        for message in messages:
            yield from _walk(message, holder, path)
    else:
        yield _violation(messages, holder, path)


def _step(key: Any, below: Any, holder: Holder, path: Path) -> Iterator[Violation]:
    """The messages below one key, which is a name, an index, or one of marshmallow's own words."""
    if key == SCHEMA:
        yield from _walk(below, holder, path)
    elif isinstance(holder, fields.Mapping) and isinstance(below, Mapping):
        yield from _walk(below.get("key", []), holder.key_field, (*path, key))
        yield from _walk(below.get("value", []), holder.value_field, (*path, key))
    else:
        schema = holder.schema if isinstance(holder, fields.Nested) else holder
        if isinstance(schema, Schema) and not isinstance(key, int) and key not in names_of(schema):
            yield _unknown(key, schema, below, path)
        else:
            yield from _walk(below, _below(holder, schema, key), (*path, key))


def _below(holder: Holder, schema: Holder, key: Any) -> Holder:
    """What the schema has at `key`; an index into many of one schema leads to that schema."""
    match schema:
        case fields.List():
            return schema.inner
        case fields.Tuple():
            item: fields.Field[Any] = schema.tuple_fields[key]
            return item
        case Schema() if isinstance(key, int):
            return holder
        case Schema():
            return names_of(schema).get(key)
        case _:
            return None


def _unknown(key: str, schema: Schema, messages: Any, path: Path) -> Violation:
    """A name that is no field of the schema: marshmallow's own finding, or a validator's about a made-up name."""
    if messages != [schema.error_messages["unknown"]]:
        return next(_walk(messages, None, (*path, key)), Violation((*path, key), "invalid-value", "Not valid."))
    hint = nearest(key, names_of(schema))
    return Violation((*path, key), "unknown-field", f"Unknown field{'; ' + hint if hint else '.'}")


def _violation(message: Any, holder: Holder, path: Path) -> Violation:
    return Violation(path, getattr(message, "code", None) or _code(str(message), holder), str(message))


def _code(message: str, holder: Holder) -> str:
    """The code of one of marshmallow's own messages; they carry none themselves."""
    counted = isinstance(holder, fields.List | fields.Tuple | fields.Mapping) or (
        isinstance(holder, fields.Nested) and holder.many
    )
    match message.split(" ", 2)[:2]:
        case ["Missing", "data"]:
            return "missing"
        case ["Field", "may"]:
            return "null"
        case ["Longer", "than"]:
            return "too-many" if counted else "too-long"
        case ["Shorter", "than"]:
            return "too-few" if counted else "too-short"
        case ["Number", "too"]:
            return "out-of-range"
        case ["Must", "be"] if "than" in message:
            return "out-of-range"
        case _:
            return "invalid-value"
