"""The parts of addresses: names, digests, versions, kinds, images; as routes take them and the reference shows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, ClassVar

import flask
from werkzeug.routing import BaseConverter, Rule

from coachkit.api.problems import shown
from coachkit.api.smorest import Api
from coachkit.errors import BadRequest, FieldError
from coachkit.packs.model import FOLDERS, NAME_LENGTH, NAME_PATTERN


class Part(BaseConverter):
    """A part of a path that must look right: anything is taken here, and `check` refuses what does not."""

    regex = r"[^/]+"
    pattern: ClassVar[str]
    wanted: ClassVar[str]


class Slug(Part):
    """A pack's, an organisation's or a resource's id."""

    pattern = rf"(?=.{{1,{NAME_LENGTH}}}\Z){NAME_PATTERN}"
    wanted = f"a name of lower-case letters, digits and hyphens, at most {NAME_LENGTH} characters"


class Digest(Part):
    """`sha256:` and 64 lower-case hexadecimal digits."""

    pattern = r"sha256:[0-9a-f]{64}"
    wanted = "sha256: and 64 lower-case hexadecimal digits"


class KindFolder(BaseConverter):
    """A kind of resource, in the plural."""

    regex = "|".join(FOLDERS.values())


class Version(Part):
    """A SemVer version; whether there is such a release is another question."""

    pattern = r"(?=.{1,128}\Z)[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
    wanted = "a SemVer version such as 1.2.3"


class ImageName(BaseConverter):
    """What an image holds, as a digest, and its extension."""

    regex = r"[0-9a-f]{64}\.(?:png|jpg|webp|svg)"


CONVERTERS: Mapping[str, type[BaseConverter]] = {
    "slug": Slug,
    "digest": Digest,
    "kind": KindFolder,
    "version": Version,
    "image": ImageName,
}

_SCHEMAS: Mapping[type[BaseConverter], dict[str, Any]] = {
    Slug: {"type": "string", "pattern": f"^{NAME_PATTERN}$", "maxLength": NAME_LENGTH},
    Digest: {"type": "string", "pattern": f"^{Digest.pattern}$"},
    KindFolder: {"type": "string", "enum": list(FOLDERS.values())},
    Version: {"type": "string", "maxLength": 128},
    ImageName: {"type": "string", "pattern": f"^{ImageName.regex}$"},
}


class LateRule(Rule):
    """A rule that learns how its addresses are put together when one first is.

    That is most of what making an app takes, and most addresses are only ever read.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        make = cache(partial(super()._compile_builder, append_unknown))

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            return make().__get__(rule)(**values)  # type: ignore[no-any-return]

        return build


def register(app: flask.Flask) -> None:
    """Teach the app's routes these parts, and let it refuse those that do not look right."""
    app.url_rule_class = LateRule
    app.url_map.converters |= CONVERTERS
    app.before_request(_check)


def _check() -> None:
    """Raise BadRequest with every part of the path that cannot be what stands there."""
    request = flask.request
    if request.url_rule is None:
        return
    errors = [
        FieldError("invalid-value", f"{shown(str(value))} is not {part.wanted}.", parameter=name)
        for name, value in (request.view_args or {}).items()
        if (part := _part(request.url_rule, name)) and not re.fullmatch(part.pattern, str(value), re.ASCII)
    ]
    if errors:
        raise BadRequest("The path cannot be read.", tuple(errors))


def _part(rule: Rule, name: str) -> Part | None:
    converter = rule._converters.get(name)  # noqa: SLF001 werkzeug has no other way to ask
    return converter if isinstance(converter, Part) else None


def describe(api: Api) -> None:
    """Tell the OpenAPI document what each part of an address may be."""

    def parts() -> None:
        for converter, schema in _SCHEMAS.items():
            api.register_converter(converter, partial(_schema, schema))

    api.describe(parts)


def _schema(schema: dict[str, Any], converter: BaseConverter) -> dict[str, Any]:
    del converter
    return schema
