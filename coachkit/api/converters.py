"""The parts of addresses: names, digests, versions, kinds, images; as routes take them and the reference shows them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from werkzeug.routing import BaseConverter

from coachkit.api.smorest import Api
from coachkit.packs.model import FOLDERS, NAME_LENGTH, NAME_PATTERN


class Slug(BaseConverter):
    """A pack's, an organisation's or a resource's id."""

    regex = rf"(?=[^/]{{1,{NAME_LENGTH}}}(?:/|$)){NAME_PATTERN}"


class Digest(BaseConverter):
    """`sha256:` and 64 lower-case hexadecimal digits."""

    regex = r"sha256:[0-9a-f]{64}"


class KindFolder(BaseConverter):
    """A kind of resource, in the plural."""

    regex = "|".join(FOLDERS.values())


class Version(BaseConverter):
    """A SemVer version; whether there is such a release is another question."""

    regex = r"[0-9A-Za-z.+-]{1,128}"


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
    Digest: {"type": "string", "pattern": f"^{Digest.regex}$"},
    KindFolder: {"type": "string", "enum": list(FOLDERS.values())},
    Version: {"type": "string", "pattern": f"^{Version.regex}$"},
    ImageName: {"type": "string", "pattern": f"^{ImageName.regex}$"},
}


def describe(api: Api) -> None:
    """Tell the OpenAPI document what each part of an address may be."""
    for converter, schema in _SCHEMAS.items():
        api.register_converter(converter, partial(_schema, schema))


def _schema(schema: dict[str, Any], converter: BaseConverter) -> dict[str, Any]:
    del converter
    return schema
