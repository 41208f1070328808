"""The shape of an organisation's settings, as its file or a request gives them.

Shape only: whether packs exist, colours contrast and placeholders have values is settled when an edition is
published (`validate.py`), because that depends on the releases chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, get_args

import marshmallow as ma
from marshmallow import validate

from coachkit.editions.choices import OWN, Operation, part_id, spelled_id
from coachkit.editions.contrast import ROLES
from coachkit.editions.places import is_origin, is_timezone
from coachkit.packs.model import KINDS, NAME_LENGTH, NAME_PATTERN, PLACEHOLDER_PATTERN
from coachkit.packs.values import problem_with
from coachkit.packs.versions import Range
from coachkit.packs.versions import parse as parse_version

LOCALE_PATTERN = r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?"
REFERENCE_PATTERN = rf"(?:{NAME_PATTERN}:)?(?:{'|'.join(KINDS)})/{NAME_PATTERN}"
TEXT_LENGTH = 500
SECTION_LENGTH = 20_000
SECTIONS = 200
"""So many sections may be put in order."""
SOURCE_LENGTH = 60_000
"""Characters of a resource of the organisation's own in one locale."""
SOURCES_LENGTH = 1_000_000
"""Characters of all of them together."""
OVERLAY_LENGTH = 1_000_000
"""Characters of all texts of an overlay together, which are compiled where it is published."""
ENTRIES = 10_000
"""No overlay has more parts, and no organisation more resources, however many the operator allows."""


def _pattern(pattern: str, wanted: str) -> validate.Regexp:
    return validate.Regexp(re.compile(rf"\A(?:{pattern})\Z"), error=f"“{{input}}” is not {wanted}")


def _https(value: str) -> None:
    if wrong := problem_with(value, "url"):
        raise ma.ValidationError(wrong)


def _short_names(reference: str) -> None:
    if any(len(name) > NAME_LENGTH for name in re.split("[:/]", reference)):
        raise ma.ValidationError(f"no name has more than {NAME_LENGTH} characters")


NAME = [validate.Length(max=NAME_LENGTH), _pattern(NAME_PATTERN, "a name of lower-case letters, digits and hyphens")]
LOCALE = _pattern(LOCALE_PATTERN, "a locale such as en-GB or cy")
REFERENCE: list[Callable[[str], object]] = [
    _pattern(REFERENCE_PATTERN, "a resource such as core:module/first-hour"),
    _short_names,
]
COLOUR = _pattern(r"#[0-9a-fA-F]{6}", "a colour such as #1a2b3c")
HTTPS: list[Callable[[str], object]] = [validate.Length(max=2_000), _https]
PHONE = _pattern(r"\+?[0-9(][0-9 ()-]{1,22}[0-9)]", "a phone")
TEXT = validate.Length(min=1, max=TEXT_LENGTH)
PUBLIC = "public"
LOCALES, PACKS, PLUGINS = 40, 50, 50
"""So many an organisation may name."""
ORIGINS = 50
"""So many sites may be named for one purpose."""
BANNED_WORDS = 500
"""So many words may be banned in a locale."""


def _is_origin(value: str) -> None:
    if not is_origin(value):
        raise ma.ValidationError(f"“{value[:TEXT_LENGTH]}” is not an origin such as https://careers.example.org")


def _is_timezone(value: str) -> None:
    if not is_timezone(value):
        raise ma.ValidationError(f"“{value[:NAME_LENGTH]}” is not a time zone such as Europe/London")


def _is_word(value: str) -> None:
    if not any(character.isalnum() for character in value):
        raise ma.ValidationError(f"“{value[:NAME_LENGTH]}” has neither a letter nor a digit")


def _is_version(value: str) -> None:
    try:
        parse_version(value)
    except ValueError as error:
        raise ma.ValidationError(str(error)) from None


def _distinct(values: list[str]) -> None:
    if twice := sorted({value for value in values if values.count(value) > 1}):
        raise ma.ValidationError(f"{', '.join(twice)} stands here twice")


def _none_or_several(values: list[str]) -> None:
    if len(values) == 1:
        raise ma.ValidationError("name two locales or more")


class TextByLocale(ma.fields.Field[Any]):
    """A text written once for every locale, or a mapping from locale to text."""

    _map = ma.fields.Dict(keys=ma.fields.String(validate=LOCALE), values=ma.fields.String(validate=TEXT))
    _text = ma.fields.String(validate=TEXT)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str):
            return self._text.deserialize(value, attr, data, **kwargs)
        if isinstance(value, dict) and value:
            return self._map.deserialize(value, attr, data, **kwargs)
        raise ma.ValidationError("write a text, or a mapping from locale to text")


UNKNOWN = "There is no such key"
_ADDRESS = ("op", "target", "locale", "field", "section")
"""The keys by which a part of the overlay is known."""


class _Schema(ma.Schema):
    error_messages = {"unknown": UNKNOWN}  # noqa: RUF012 marshmallow declares it for instances

    class Meta:
        """Unknown keys are refused."""

        unknown = ma.RAISE


class ContactSchema(_Schema):
    """A support contact. `verified_on` is the day on which somebody checked it against its owner."""

    name = ma.fields.String(required=True, validate=TEXT)
    phone = ma.fields.String(load_default=None, allow_none=True, validate=PHONE)
    url = ma.fields.String(load_default=None, allow_none=True, validate=HTTPS)
    hours = ma.fields.String(load_default=None, allow_none=True, validate=TEXT)
    verified_on = ma.fields.String(load_default=None, allow_none=True)

    @ma.validates("verified_on")
    def _is_a_day(self, value: str | None, data_key: str) -> None:
        del data_key
        if value is not None and problem_with(value, "date"):
            raise ma.ValidationError(f"“{value}” is not a day such as 2026-11-01")


class LogoSchema(_Schema):
    """Where the logo is, and what it shows in words."""

    url = ma.fields.String(required=True, validate=HTTPS)
    alt = TextByLocale(required=True)


class BrandSchema(_Schema):
    """How the organisation looks and sounds, and whom its readers can turn to."""

    name = TextByLocale(required=True)
    logo = ma.fields.Nested(LogoSchema, load_default=None, allow_none=True)
    colours = ma.fields.Dict(
        keys=ma.fields.String(validate=validate.OneOf(ROLES, error="“{input}” is not one of {choices}")),
        values=ma.fields.String(validate=COLOUR),
        load_default=dict,
    )
    fonts = ma.fields.Dict(
        keys=ma.fields.String(validate=validate.OneOf(("body", "heading"), error="“{input}” is not one of {choices}")),
        values=ma.fields.String(validate=_pattern(r"[A-Za-z0-9 ,'-]{1,200}", "a list of font names")),
        load_default=dict,
    )
    voice = ma.fields.String(load_default=None, allow_none=True, validate=TEXT)
    careers_email = ma.fields.Email(load_default=None, allow_none=True)
    support = ma.fields.Dict(
        keys=ma.fields.String(validate=NAME),
        values=ma.fields.Dict(
            keys=ma.fields.String(validate=LOCALE),
            values=ma.fields.List(ma.fields.Nested(ContactSchema), validate=validate.Length(min=1, max=20)),
        ),
        load_default=dict,
    )


def _origins() -> ma.fields.List[str]:
    """A field for sites: scheme, host and port, and nothing behind them."""
    validates = [_is_origin]
    return ma.fields.List(
        ma.fields.String(validate=validates), load_default=list, validate=[validate.Length(max=ORIGINS), _distinct]
    )


class OverSchema(_Schema):
    """The release that a part of the overlay was written over."""

    pack = ma.fields.String(required=True, validate=NAME)
    version = ma.fields.String(required=True, validate=_is_version)


class OverlaySchema(_Schema):
    """One part of the overlay; which keys go together depends on `op`."""

    op = ma.fields.String(required=True, validate=validate.OneOf(get_args(Operation)))
    target = ma.fields.String(required=True, validate=REFERENCE)
    locale = ma.fields.String(validate=LOCALE)
    field = ma.fields.String(validate=TEXT)
    section = ma.fields.String(validate=NAME)
    before = ma.fields.String(validate=NAME)
    after = ma.fields.String(validate=NAME)
    title = ma.fields.String(validate=TEXT)
    text = ma.fields.String(validate=validate.Length(min=1, max=SECTION_LENGTH))
    sections = ma.fields.List(
        ma.fields.String(validate=NAME), validate=[validate.Length(min=1, max=SECTIONS), _distinct]
    )
    over = ma.fields.Nested(OverSchema)

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _keys_go_together(self, data: dict[str, Any], original: dict[str, Any], **_: Any) -> None:
        if "op" not in data:
            return
        needed, allowed = {
            "replace": ({"locale", "text"}, {"field", "section", "title", "over"}),
            "hide": (set(), {"section", "over"}),
            "insert": ({"locale", "section", "title", "text"}, {"before", "after"}),
            "reorder": ({"sections"}, set()),
        }[data["op"]]
        given = set(original) & set(self.fields) - {"op", "target"}
        errors = {key: [f"“{data['op']}” needs it"] for key in needed - given}
        errors |= {key: [f"“{data['op']}” does not take it"] for key in given - needed - allowed}
        if data["op"] == "replace" and ("field" in given) == ("section" in given):
            errors["field"] = ["name one of field and section"]
        elif data["op"] == "replace" and {"field", "title"} <= given:
            errors["title"] = ["only a section has a title; replace the field “title” for that of the resource"]
        if data["op"] == "insert" and ("before" in given) == ("after" in given):
            errors["after"] = ["name one of before and after"]
        if data["op"] == "hide" and "over" in given and "section" not in given:
            errors["over"] = ["only what hides a section takes it"]
        if errors:
            raise ma.ValidationError(errors)


class ResourceSchema(_Schema):
    """A resource of the organisation's own."""

    kind = ma.fields.String(required=True, validate=validate.OneOf(KINDS, error="“{input}” is not one of {choices}"))
    id = ma.fields.String(required=True, validate=NAME)
    source = ma.fields.Dict(
        keys=ma.fields.String(validate=LOCALE),
        values=ma.fields.String(validate=validate.Length(min=1, max=SOURCE_LENGTH)),
        required=True,
        validate=validate.Length(min=1, max=LOCALES),
    )


class AccessSchema(_Schema):
    """Who may read what the organisation serves, and which sites may use it in a browser; in force at once."""

    content = ma.fields.String(
        load_default=PUBLIC, validate=validate.OneOf((PUBLIC, "keyed"), error="“{input}” is not one of {choices}")
    )
    origins = _origins()
    frame_ancestors = _origins()


class ChoicesSchema(_Schema):
    """An organisation's settings."""

    _part_id: ClassVar[Callable[..., str]] = staticmethod(part_id)

    default_locale = ma.fields.String(required=True, validate=LOCALE)
    locales = ma.fields.Dict(
        keys=ma.fields.String(validate=LOCALE),
        values=ma.fields.List(ma.fields.String(validate=LOCALE), validate=validate.Length(min=1, max=8)),
        required=True,
        validate=validate.Length(min=1, max=LOCALES),
    )
    packs = ma.fields.Dict(
        keys=ma.fields.String(validate=NAME),
        values=ma.fields.String(),
        required=True,
        validate=validate.Length(min=1, max=PACKS),
    )
    brand = ma.fields.Nested(BrandSchema, required=True)
    prefer = ma.fields.Dict(
        keys=ma.fields.String(validate=REFERENCE), values=ma.fields.String(validate=NAME), load_default=dict
    )
    values = ma.fields.Dict(
        keys=ma.fields.String(validate=_pattern(PLACEHOLDER_PATTERN, "a placeholder's name")),
        values=TextByLocale(),
        load_default=dict,
    )
    overlay = ma.fields.List(ma.fields.Nested(OverlaySchema), load_default=list, validate=validate.Length(max=ENTRIES))
    resources = ma.fields.List(
        ma.fields.Nested(ResourceSchema), load_default=list, validate=validate.Length(max=ENTRIES)
    )
    plugins = ma.fields.List(ma.fields.String(validate=TEXT), load_default=list, validate=validate.Length(max=PLUGINS))
    timezone = ma.fields.String(load_default="UTC", validate=_is_timezone)
    access = ma.fields.Nested(AccessSchema, load_default=dict)
    parity = ma.fields.List(
        ma.fields.String(validate=LOCALE),
        load_default=list,
        validate=[_none_or_several, _distinct],
    )
    banned_words = ma.fields.Dict(
        keys=ma.fields.String(validate=LOCALE),
        values=ma.fields.List(
            ma.fields.String(validate=[validate.Length(min=1, max=100), _is_word]),
            validate=validate.Length(min=1, max=BANNED_WORDS),
        ),
        load_default=dict,
    )

    @ma.validates("packs")
    def _ranges(self, value: dict[str, str], data_key: str) -> None:
        del data_key
        errors: dict[str, Any] = {}
        for pack, text in value.items():
            if pack == OWN:
                errors[pack] = {"key": [f"“{OWN}” stands for the organisation's own resources, and for no pack"]}
            try:
                Range.parse(text)
            except ValueError as error:
                errors.setdefault(pack, {})["value"] = [str(error)]
        if errors:
            raise ma.ValidationError(errors)

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _parts_differ(self, data: dict[str, Any], original: dict[str, Any], **_: Any) -> None:
        """Of two parts that do the same to the same, nobody would see one."""
        del data
        overlay = original.get("overlay")
        first: dict[str, int] = {}
        errors: dict[int, list[str]] = {}
        for position, part in enumerate(overlay if isinstance(overlay, list) else ()):
            named = [part.get(key) for key in _ADDRESS] if isinstance(part, dict) else [None]
            if named[0] and all(each is None or isinstance(each, str) for each in named):
                found = first.setdefault(self._part_id(*named), position)
                if found != position:
                    errors[position] = [f"entry {found}, counted from 0, does the same to the same: keep one of them"]
        if errors:
            raise ma.ValidationError({"overlay": errors})
        if isinstance(overlay, list) and overlay_length(overlay) > OVERLAY_LENGTH:
            raise ma.ValidationError({"overlay": [f"its texts have more than {OVERLAY_LENGTH:,} characters together"]})

    @ma.validates_schema(skip_on_field_errors=True)
    def _resources_go_together(self, data: dict[str, Any], **_: Any) -> None:
        """Each resource once, in the default locale at least, and all of them within bounds."""
        errors: dict[int, dict[str, list[str]]] = {}
        seen: set[tuple[str, str]] = set()
        length = 0
        for position, each in enumerate(data["resources"]):
            length += sum(map(len, each["source"].values()))
            if (each["kind"], each["id"]) in seen:
                errors[position] = {"id": [f"there is a {each['kind']} {each['id']} already"]}
            elif data["default_locale"] not in each["source"]:
                errors[position] = {"source": [f"there is none in {data['default_locale']}, the default locale"]}
            elif length > SOURCES_LENGTH:
                errors[position] = {"source": [f"with it all resources have more than {SOURCES_LENGTH:,} characters"]}
            seen.add((each["kind"], each["id"]))
        if errors:
            raise ma.ValidationError({"resources": errors})

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _locales_go_together(self, data: dict[str, Any], original: dict[str, Any], **_: Any) -> None:
        locales, default = original.get("locales"), data.get("default_locale")  # data lacks what has been refused
        if not isinstance(locales, dict):
            return
        chains = {locale: wrong for locale, chain in locales.items() if (wrong := _wrong_chain(locale, chain))}
        errors: dict[str, Any] = {}
        if chains:
            errors["locales"] = {locale: {"value": [wrong]} for locale, wrong in chains.items()}
        if default and default not in locales:
            errors["default_locale"] = [f"{default} is not one of locales"]
        elif default and _lacks(original.get("brand"), default):
            errors["brand"] = {"name": [f"there is none in {default}, the default locale"]}
        if unserved := [each for each in _texts(data.get("parity")) if each not in locales]:
            errors["parity"] = [f"{', '.join(unserved)} is not one of locales"]
        if unreached := _unreached(data.get("banned_words"), locales):
            errors["banned_words"] = {
                locale: {"key": [f"no chain reaches {locale}, so no text is in it"]} for locale in unreached
            }
        if errors:
            raise ma.ValidationError(errors)


class _StoredSchema(ChoicesSchema):
    _part_id = staticmethod(spelled_id)


def wrong_in_stored(settings: Mapping[str, Any]) -> Mapping[Any, Any]:
    """What is wrong with settings that were stored before, in marshmallow's words; nothing where they are sound.

    Of them, one target with its pack and without may be in two parts, which nobody may write any more.
    """
    return dict(_StoredSchema().validate(settings))


def overlay_length(overlay: Iterable[Any]) -> int:
    """The characters of an overlay's texts; what is no part of one has none."""
    texts = (part.get(key) for part in overlay if isinstance(part, dict) for key in ("title", "text"))
    return sum(len(text) for text in texts if isinstance(text, str))


def _wrong_chain(locale: str, chain: Any) -> str | None:
    """What is wrong with a chain as a chain; what is no list of locales has been refused as such."""
    if not isinstance(chain, list) or not chain or not all(isinstance(each, str) for each in chain):
        return None
    if chain[0] != locale:
        return f"the chain of {locale} begins with {locale} itself"
    return "a locale stands twice in the chain" if len(set(chain)) != len(chain) else None


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _unreached(banned: Any, locales: dict[str, Any]) -> list[str]:
    """The locales of banned words that no chain has, nor a locale below them: `en` counts where `en-GB` is reached."""
    reached = {each for chain in locales.values() for each in _texts(chain)}
    known = banned if isinstance(banned, dict) else {}
    return [each for each in known if not any(one == each or one.startswith(f"{each}-") for one in reached)]


def _lacks(brand: Any, locale: str) -> bool:
    """Whether a brand gives its name by locale and not in this one."""
    name = brand.get("name") if isinstance(brand, dict) else None
    return isinstance(name, dict) and bool(name) and locale not in name
