"""The compiled form of a release as bytes, for keeping beside its source archive, and back.

Equal releases give equal bytes: JSON with sorted keys, deflated. The bytes of images are not in it; they are in the
archive, and `Image.data` is empty after loading.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import orjson

from coachkit.packs import parts
from coachkit.packs.model import (
    Compiled,
    Contact,
    Image,
    Kind,
    Manifest,
    Placeholder,
    Resource,
    Section,
    SupportSlot,
    kind_named,
)

LAYOUT = 1
"""The number of this layout; bytes of another one are refused."""
SIZE_LIMIT = 128 * 1024 * 1024
"""The most bytes that a release may have before `dump` deflates it, and that `load` inflates it to."""


class TooLargeError(ValueError):
    """The compiled release is larger than any that would be loaded."""


def dump(compiled: Compiled) -> bytes:
    """The release as bytes, the same for the same pack. Image bytes are left out; authors' orders of keys are kept.

    Raises TooLargeError for more than SIZE_LIMIT bytes.
    """
    text = to_json(compiled)
    if len(text) > SIZE_LIMIT:
        raise TooLargeError(f"compiled, the pack would have more than {SIZE_LIMIT // 1024 // 1024} MiB")
    return zlib.compress(text, 6)


def to_json(compiled: Compiled) -> bytes:
    """The release as JSON, of any size; what is said of `dump` holds."""
    value = {
        "layout": LAYOUT,
        "manifest": asdict(compiled.manifest),
        "resources": [_resource_to_json(compiled.resources[name]) for name in sorted(compiled.resources)],
        "images": {name: [image.path, image.media_type] for name, image in compiled.images.items()},
        "compiler": compiled.compiler,
        "directives": compiled.directives,
    }
    return orjson.dumps(value)


def load(data: bytes) -> Compiled:
    """The release that `dump` wrote, with images without bytes; ValueError if the bytes are anything else."""
    return from_json(_inflated(data))


def from_json(text: bytes | str) -> Compiled:
    """The release that `to_json` wrote; ValueError if the text is anything else."""
    value = orjson.loads(text)
    if not isinstance(value, dict) or value.get("layout") != LAYOUT:
        raise ValueError(f"this is not a compiled release of layout {LAYOUT}")
    try:
        resources = [_resource_from_json(entry) for entry in value["resources"]]
        return Compiled(
            manifest=_manifest_from_json(value["manifest"]),
            resources={(resource.kind, resource.id): resource for resource in resources},
            images={name: Image(path, media_type, b"") for name, (path, media_type) in value["images"].items()},
            compiler=value["compiler"],
            directives=tuple(value["directives"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the compiled release is damaged: {error}") from error


def _inflated(data: bytes) -> bytes:
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(data, SIZE_LIMIT)
        if not inflate.eof or inflate.unused_data:
            raise ValueError("the compiled release is cut off, too long or followed by something else")
    except zlib.error as error:
        raise ValueError(f"this is not a compiled release: {error}") from error
    return text


def _resource_to_json(resource: Resource) -> Mapping[str, Any]:
    return {
        "kind": resource.kind,
        "id": resource.id,
        "version": resource.version,
        "digest": resource.digest,
        "facts": resource.facts,
        "lines": {
            locale: {path: parts.to_json(line) for path, line in lines.items()}
            for locale, lines in resource.lines.items()
        },
        "sections": {
            locale: [
                [one.id, one.title, parts.to_json(one.html), parts.to_json(one.markdown)]
                for one in resource.sections[locale]
            ]
            for locale in resource.sections
        },
        "drafts": sorted(resource.drafts),
        "signed": sorted(resource.signed),
        "outdated": sorted(resource.outdated),
        "fills": {locale: sorted(names) for locale, names in resource.fills.items()},
        "references": [parts.reference_to_json(reference) for reference in resource.references],
    }


def _resource_from_json(value: Mapping[str, Any]) -> Resource:
    return Resource(
        kind=_kind(value["kind"]),
        id=value["id"],
        version=value["version"],
        digest=value["digest"],
        facts=value["facts"],
        lines={
            locale: {path: parts.from_json(line) for path, line in lines.items()}
            for locale, lines in value["lines"].items()
        },
        sections={
            locale: tuple(
                Section(id_, title, parts.from_json(html), parts.from_json(markdown))
                for id_, title, html, markdown in sections
            )
            for locale, sections in value["sections"].items()
        },
        drafts=frozenset(value["drafts"]),
        signed=frozenset(value.get("signed", ())),  # which COMPILER 1 did not write, nor the next line's
        outdated=frozenset(value.get("outdated", ())),
        fills={locale: frozenset(names) for locale, names in value["fills"].items()},
        references=tuple(parts.reference_from_json(reference) for reference in value["references"]),
    )


def _kind(name: str) -> Kind:
    kind = kind_named(name)
    if kind is None:
        raise ValueError(f"“{name}” is not a kind of resource")
    return kind


def _manifest_from_json(value: Mapping[str, Any]) -> Manifest:
    slots = {
        name: SupportSlot(
            slot["id"],
            slot["description"],
            {locale: tuple(map(_contact, contacts)) for locale, contacts in slot["contacts"].items()},
        )
        for name, slot in value["support"].items()
    }
    known = {
        "authors": tuple(value["authors"]),
        "locales": tuple(value["locales"]),
        "placeholders": {name: Placeholder(**one) for name, one in value["placeholders"].items()},
        "support": slots,
    }
    return Manifest(**{**value, **known})


def _contact(value: Mapping[str, Any]) -> Contact:
    day = value["verified_on"]
    return Contact(**{**value, "verified_on": date.fromisoformat(day) if day is not None else None})
