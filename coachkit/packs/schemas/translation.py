"""Makes the shape of a translation from the shape of what is translated: its texts, and the ids that lead to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from marshmallow import fields

from coachkit.packs.schemas.fields import Choice, ListOf, MapOf, Plain, Shape, Sub, Text

STATUS = "status"
MADE_FROM = "made_from"
_MARK = r"[0-9a-f]{12}"


def is_mark(text: str) -> bool:
    """Whether a text is a mark that an original may have."""
    return re.fullmatch(_MARK, text) is not None


TRANSLATION = "translation"


class TranslationShape(Shape):
    """How far a translation has come."""

    status = Choice("draft until a second person has signed it.", of=("draft", "signed"), required=True)
    made_from = Plain(
        "The mark of the original's texts that it says the same as.",
        pattern=_MARK,
        shape="twelve digits or letters from a to f, between quotation marks; checking the pack tells which",
        longest=12,
    )


@cache
def translation_of(shape: type[Shape]) -> type[Shape]:
    """The shape of a translation of a file of this shape: everything optional, only texts, ids and `translation`."""
    about = Sub(TranslationShape, "How far the translation has come.")
    return _shape(shape, {TRANSLATION: about})


def _shape(shape: type[Shape], more: Mapping[str, fields.Field[Any]]) -> type[Shape]:
    declared = cast("Mapping[str, fields.Field[Any]]", shape._declared_fields)  # noqa: SLF001 - how fields are listed
    texts = {name: _field(field) for name, field in declared.items()}
    kept = {name: field for name, field in texts.items() if field is not None}
    made = Shape.from_dict({**kept, **more}, name=f"{shape.__name__}Translation")
    translated = cast("type[Shape]", made)
    translated.facts = frozenset(declared) - kept.keys()
    return translated


def _field(field: fields.Field[Any]) -> fields.Field[Any] | None:
    """What stands for a field in a translation, None if nothing in it is translated."""
    description = field.metadata["description"]
    if isinstance(field, Text):
        return Text(description, longest=field.longest, one_line=field.one_line, fills=field.fills)
    if isinstance(field, Sub):
        inner = _nested(field, {})
        return Sub(inner, description) if inner else None
    if isinstance(field, ListOf) and isinstance(field.inner, Sub):
        inner = _nested(field.inner, {"id": _identifier(field.inner)})
        return ListOf(Sub(inner, description), description) if inner else None
    if isinstance(field, MapOf) and isinstance(field.key_field, Plain) and field.value_field is not None:
        value = _field(field.value_field)
        return MapOf(field.key_field, value, description) if value else None
    return None


def _nested(field: Sub, more: Mapping[str, fields.Field[Any]]) -> type[Shape] | None:
    shape = cast("type[Shape]", type(field.schema))
    translated = _shape(shape, more)
    return translated if translated._declared_fields.keys() - more.keys() else None  # noqa: SLF001 - as above


def _identifier(field: Sub) -> fields.Field[Any]:
    """The id by which a list's entry is found again, needed in a translation whether or not it is in the source."""
    named = field.schema.declared_fields.get("id")
    description = named.metadata["description"] if named else "The entry's id."
    return Plain(description, longest=64, required=True)
