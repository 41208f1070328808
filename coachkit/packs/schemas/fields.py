"""The fields that authoring files are made of: marshmallow fields that take nothing but what an author may write.

Each knows what it wants in words (`wanted`), refuses with a Fault that carries a problem code, and describes itself to
JSON Schema through its metadata. A `Text` is what translators translate; everything else is a fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self

from marshmallow import RAISE, Schema, ValidationError, fields, missing

from coachkit.packs.destinations import BadDestinationError, parse_reference
from coachkit.packs.findings import nearest
from coachkit.packs.model import NAME_LENGTH, NAME_PATTERN, PLACEHOLDER_PATTERN, Kind, Reference

_MESSAGES = {
    "required": "missing-key",
    "null": "wrong-type",
    "invalid": "wrong-type",
    "type": "wrong-type",
    "unknown": "unknown-key",
}
"""marshmallow's own reasons as problem codes; the words are found where the file is at hand."""

EXPRESSION_LENGTH = 500
REFERENCE_PATTERN = rf"(?:{NAME_PATTERN}:)?(?:[a-z]+/)?{NAME_PATTERN}(?:#{NAME_PATTERN})?"
"""What JSON Schema is told of references."""
_DAY_LENGTH = 40
"""Room for a date in words, so that its author is told of its form and not of its length."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Fault(str):
    """What is wrong with a value: a sentence that knows its problem code and hint."""

    __slots__ = ("code", "hint")

    code: str
    hint: str | None

    def __new__(cls, code: str, message: str = "", hint: str | None = None) -> Self:
        """The sentence `message`, which may be left to be found where the file is at hand."""
        fault = super().__new__(cls, message)
        fault.code = code
        fault.hint = hint
        return fault


def refuse(code: str, message: str = "", hint: str | None = None) -> ValidationError:
    """The error a field raises for this fault."""
    return ValidationError([Fault(code, message, hint)])


class Shape(Schema):
    """A mapping with known keys; every other key is refused.

    `facts` are keys of the file this one translates that are not translated (only in translations). `later` are keys
    that came after the first COMPILER: where they are not written they leave no fact, not even None, so that a pack
    without them compiles to what it always did.
    """

    facts: ClassVar[frozenset[str]] = frozenset()
    later: ClassVar[frozenset[str]] = frozenset()
    error_messages = _MESSAGES

    class Meta:
        """Nothing is passed over."""

        unknown = RAISE


def _options(description: str, options: Mapping[str, Any], **schema: Any) -> dict[str, Any]:
    """A marshmallow field's keyword arguments, with what JSON Schema is told."""
    known = {key: value for key, value in schema.items() if value is not None}
    return {**options, "metadata": {"description": description, **known}, "error_messages": _MESSAGES}


def tell(field: fields.Field[Any], **schema: Any) -> None:
    """Tell JSON Schema more about a field; `schema` holds keywords that OpenAPI does not know."""
    field.metadata = {**field.metadata, **schema}


class Plain(fields.String):
    """Text that is a fact: nobody translates it. At least one character, at most `longest`, on one line."""

    wanted = "a text"

    def __init__(
        self, description: str, *, longest: int = 200, pattern: str | None = None, shape: str = "", **options: Any
    ) -> None:
        super().__init__(
            **_options(
                description, options, minLength=1, maxLength=longest, pattern=pattern and f"^(?:{pattern.strip('^$')})$"
            )
        )
        self.longest = longest
        self.pattern = re.compile(pattern, re.ASCII) if pattern else None
        self.shape = shape
        self.one_line = True

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str):
            raise refuse("wrong-type")
        text = value.strip()
        if not text:
            raise refuse("invalid-value", "the text is empty", "write a text or leave the key out")
        if len(value) > self.longest:
            raise refuse("invalid-value", f"the text has {len(value)} characters", f"at most {self.longest} fit here")
        if self.one_line and "\n" in text:
            raise refuse("invalid-value", "the text has more than one line", "write it in one line")
        if self.pattern and not self.pattern.fullmatch(value):
            raise refuse("invalid-value", f"“{value}” is not {self.wanted}", self.shape or None)
        self.check(value)
        return value

    def check(self, value: str) -> None:
        """Refuse a text of the right shape that is wrong all the same."""


class Text(Plain):
    """Text that people read and translators translate. `fills`: placeholders may stand in it."""

    def __init__(
        self, description: str, *, longest: int = 2_000, one_line: bool = True, fills: bool = False, **options: Any
    ) -> None:
        super().__init__(description, longest=longest, **options)
        self.one_line = one_line
        self.fills = fills


class Name(Plain):
    """An id or a name from a list of the author's own: lower-case letters, digits and hyphens."""

    wanted = "a name"

    def __init__(self, description: str, *, pattern: str = NAME_PATTERN, shape: str = "", **options: Any) -> None:
        shape = shape or "use lower-case letters and digits, with single hyphens between them"
        super().__init__(description, longest=NAME_LENGTH, pattern=pattern, shape=shape, **options)


def placeholder_name(description: str) -> Name:
    """The name of a placeholder."""
    return Name(description, pattern=PLACEHOLDER_PATTERN, shape="use lower-case letters, digits and _, a letter first")


class Choice(Plain):
    """One of a few words."""

    wanted = "one of the words that are possible here"

    def __init__(self, description: str, *, of: Iterable[str], **options: Any) -> None:
        super().__init__(description, **options)
        self.choices = tuple(of)
        self.wanted = "one of " + ", ".join(self.choices)
        tell(self, enum=[*self.choices, None] if self.allow_none else list(self.choices))

    def check(self, value: str) -> None:
        """Refuse what is none of the words, with the nearest that is."""
        if value not in self.choices:
            hint = nearest(value[:NAME_LENGTH], self.choices)
            raise refuse("invalid-value", f"“{value}” is not {self.wanted}", hint)


class Day(Plain):
    """A date as ISO 8601 writes it: 2026-11-01."""

    wanted = "a date such as 2026-11-01"

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(description, longest=_DAY_LENGTH, **options)
        tell(self, format="date", maxLength=10)

    def check(self, value: str) -> None:
        """Refuse what the calendar does not have."""
        try:
            known = _DATE.fullmatch(value) and date.fromisoformat(value)
        except ValueError:
            known = None
        if not known:
            raise refuse("invalid-value", f"“{value}” is not {self.wanted}")


class Ref(Plain):
    """A reference to another resource: `[pack:][kind/]id[#section]`; of one kind only where `kind` says so."""

    wanted = "a reference such as ask-for-feedback, checklist/before-you-reply or core:module/first-hour#feel"

    def __init__(self, description: str, *, kind: Kind | None = None, **options: Any) -> None:
        super().__init__(description, longest=4 * NAME_LENGTH, **options)
        self.kind = kind
        tell(self, pattern=f"^(?:{REFERENCE_PATTERN})$")

    def check(self, value: str) -> None:
        """Refuse what is no reference, and kinds that do not exist or are not the one wanted."""
        try:
            found = self.parse(value)
        except BadDestinationError as error:
            raise refuse("invalid-value", str(error), error.hint) from None
        if self.kind and found.kind != self.kind:
            raise refuse("invalid-value", f"“{value}” is a {found.kind}", f"a {self.kind} is wanted here")

    def parse(self, value: str) -> Reference:
        """The reference that a text is, of the wanted kind where it names none; BadDestinationError if it is none."""
        found = parse_reference(value)
        return replace(found, kind=self.kind) if self.kind and "/" not in value else found


class Expression(Plain):
    """A condition over answers, as text; read where answers are scored."""

    wanted = "a condition such as researched <= 2"

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(description, longest=EXPRESSION_LENGTH, **options)


class Flag(fields.Boolean):
    """true or false, and no other way to say it."""

    wanted = "true or false"

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(**_options(description, options))

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise refuse("wrong-type")
        return value


class Number(fields.Decimal):
    """A number, whole or decimal, exact as written, within bounds that belong to it."""

    wanted = "a number"

    def __init__(
        self, description: str, *, least: int | None = -(10**9), most: int | None = 10**9, **options: Any
    ) -> None:
        super().__init__(**_options(description, options, minimum=least, maximum=most))
        self.least = least
        self.most = most

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise refuse("wrong-type")
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            raise refuse("invalid-value", f"{value} is out of range", f"from {self.least} to {self.most}")
        return value


class Whole(Number):
    """A whole number."""

    wanted = "a whole number"

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(description, **options)
        tell(self, type="integer")

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        number = super()._deserialize(value, attr, data, **kwargs)
        if number != int(number):
            raise refuse("wrong-type")
        return int(number)


class ListOf(fields.List[Any]):
    """A list of one field, with at least `least` entries; `distinct`: none twice."""

    wanted = "a list"

    def __init__(
        self,
        inner: fields.Field[Any],
        description: str,
        *,
        least: int = 0,
        most: int | None = None,
        distinct: bool = False,
        **options: Any,
    ) -> None:
        known = _options(description, options, minItems=least or None, maxItems=most, uniqueItems=distinct or None)
        super().__init__(inner, **known)
        self.least = least
        self.most = most
        self.distinct = distinct

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise refuse("wrong-type")
        if len(value) < self.least:
            raise refuse("invalid-value", f"the list has {len(value)} entries", f"write at least {self.least}")
        if self.most is not None and len(value) > self.most:
            raise refuse("invalid-value", f"the list has {len(value)} entries", f"write at most {self.most}")
        loaded = super()._deserialize(value, attr, data, **kwargs)
        if self.distinct:
            _refuse_repeats(value)
        return list(loaded)


def _refuse_repeats(values: list[Any]) -> None:
    faults: dict[int, list[Fault]] = {}
    for position, value in enumerate(values):
        if value in values[:position]:
            faults[position] = [Fault("invalid-value", f"“{value}” is in the list already", "keep one of them")]
    if faults:
        raise ValidationError(faults)


class MapOf(fields.Dict):
    """A mapping from names of the author's choice to one field."""

    wanted = "a mapping"

    def __init__(self, keys: Plain, values: fields.Field[Any], description: str, **options: Any) -> None:
        super().__init__(keys=keys, values=values, **_options(description, options))
        pattern = keys.metadata.get("pattern")
        if pattern:
            tell(self, schema={"propertyNames": {"pattern": pattern}})


class Sub(fields.Nested):
    """A mapping with known keys inside another."""

    wanted = "a mapping"

    def __init__(self, shape: type[Shape], description: str, **options: Any) -> None:
        super().__init__(shape, **_options(description, options))


def absent(field: fields.Field[Any]) -> Any:
    """The fact that stands for a key that is not written."""
    if field.load_default is missing:
        return None
    return field.load_default() if callable(field.load_default) else field.load_default
