"""Compiles a pack that was read: every text in parts, every name resolved, every resource known by its digest.

Reports to the findings all that is wrong with the pack as a whole; never raises for what an author wrote. Knows one
pack only: whether another pack has what this one points at is settled when an edition is published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from coachkit.packs import markdown, parts
from coachkit.packs.directives import Directive
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.markdown_check import Surroundings
from coachkit.packs.model import (
    PLACEHOLDER_TYPES,
    Compiled,
    Image,
    Kind,
    Pack,
    Parts,
    Place,
    PlaceholderType,
    Reference,
    Resource,
    Section,
    SourceResource,
)
from coachkit.packs.progress import Meter, Progress, silent, unmetered
from coachkit.packs.source import translation

COMPILER = 2
"""Raised whenever the same pack would compile to something else."""
TRANSLATIONS_KNOWN = 2
"""The first COMPILER whose releases say which translations are signed, and which are older than their originals."""

_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/svg+xml": "svg"}


@dataclass(frozen=True)
class _Bench:
    """What compiling one pack needs at hand."""

    pack: Pack
    directives: Mapping[str, Directive]
    pictures: Mapping[str, str]
    targets: Mapping[tuple[Kind, str], frozenset[str]]
    """Each resource of the pack with the ids of its sections."""
    findings: Findings
    meter: Meter


@dataclass(frozen=True)
class _Texts:
    """The texts of one resource, compiled, with what they name."""

    lines: Mapping[str, Mapping[str, Parts]]
    sections: Mapping[str, tuple[Section, ...]]
    links: tuple[tuple[Reference, Place], ...]
    fills: Mapping[str, frozenset[str]]
    """By locale, personal placeholders among them."""
    directives: frozenset[str]


def compile_pack(
    pack: Pack,
    directives: Sequence[tuple[str, Directive]],
    findings: Findings,
    progress: Progress = silent,
    meter: Meter = unmetered,
) -> Compiled:
    """The release that a pack is, with every version that of its manifest; unusable if `findings` failed.

    `directives` are those that may be used, each with its maker `plugin-name@version`; of two with one name the
    first counts. Only makers of directives that the pack does use are named in the result.
    """
    makers = {directive.name: maker for maker, directive in reversed(directives)}
    by_name = {directive.name: directive for _maker, directive in reversed(directives)}
    images = {picture_name(image): image for _path, image in sorted(pack.images.items())}
    bench = _Bench(
        pack,
        by_name,
        {path: picture_name(image) for path, image in pack.images.items()},
        {(resource.kind, resource.id): _section_ids(pack, resource) for resource in pack.resources},
        findings,
        meter,
    )
    resources: dict[tuple[Kind, str], Resource] = {}
    used: set[str] = set()
    filled: set[str] = set()
    for source in progress(pack.resources, "Compiling"):
        if findings.hopeless:
            break
        texts = _texts(source, bench)
        with meter(source.place.file):
            resources[source.kind, source.id] = _resource(source, texts, bench)
        used |= texts.directives
        filled.update(*texts.fills.values())
    _report_unused(pack, filled, findings)
    makers_used = tuple(sorted({makers[name] for name in used}))
    return Compiled(pack.manifest, resources, images, COMPILER, makers_used)


def picture_name(image: Image) -> str:
    """The name under which a release serves an image: the SHA-256 of its bytes and its type's extension."""
    return f"{hashlib.sha256(image.data).hexdigest()}.{_EXTENSIONS[image.media_type]}"


# --- one resource -------------------------------------------------------------------------------


def _resource(source: SourceResource, texts: _Texts, bench: _Bench) -> Resource:
    manifest = bench.pack.manifest
    for reference, place in source.references:
        _check_reference(reference, place, bench)
    _check_personal(source, texts, bench)
    pointed = [*source.references, *texts.links]
    personal = _personal(source)
    return Resource(
        kind=source.kind,
        id=source.id,
        version=manifest.version,
        digest=_digest(source, texts, bench),
        facts=source.facts,
        lines=texts.lines,
        sections=texts.sections,
        drafts=source.drafts,
        fills={locale: names.difference(personal) for locale, names in texts.fills.items()},
        signed=source.signed,
        outdated=source.outdated,
        references=tuple(sorted({_whole(reference, manifest.id) for reference, _ in pointed}, key=str)),
    )


def _texts(source: SourceResource, bench: _Bench) -> _Texts:
    lines: dict[str, Mapping[str, Parts]] = {}
    sections: dict[str, tuple[Section, ...]] = {}
    fills: dict[str, frozenset[str]] = {}
    written: list[markdown.Written] = []
    for locale in dict.fromkeys([*source.lines, *source.sections]):
        own = locale == bench.pack.manifest.default_locale
        with bench.meter(source.place.file if own else translation(source.place.file, locale)):
            lines[locale], here = _written(source, locale, bench)
        sections[locale] = tuple(
            Section(text.id, text.title, one.html, one.markdown)
            for text, one in zip(source.sections.get(locale, ()), here, strict=True)
        )
        named = [name for line in lines[locale].values() for name in parts.fills(line)]
        fills[locale] = frozenset(named).union(*(one.fills for one in here))
        written += here
    links = tuple(link for one in written for link in one.links)
    return _Texts(lines, sections, links, fills, frozenset().union(*(one.directives for one in written)))


def _written(
    source: SourceResource, locale: str, bench: _Bench
) -> tuple[Mapping[str, Parts], Sequence[markdown.Written]]:
    """The lines and the sections of one resource in one locale, each compiled, and their links followed."""
    around = _surroundings(source, locale, bench)
    lines = {path: markdown.line(line, around, bench.findings) for path, line in source.lines.get(locale, {}).items()}
    sections = [markdown.section(text, around, bench.findings) for text in source.sections.get(locale, ())]
    for reference, place in (link for one in sections for link in one.links):
        _check_reference(reference, place, bench)
    return lines, sections


def _surroundings(source: SourceResource, locale: str, bench: _Bench) -> Surroundings:
    manifest = bench.pack.manifest
    declared = {name: placeholder.type for name, placeholder in manifest.placeholders.items()}
    return Surroundings(
        Reference(manifest.id, source.kind, source.id),
        locale,
        {**_personal(source), **declared},
        bench.pictures,
        bench.directives,
    )


def _personal(source: SourceResource) -> Mapping[str, PlaceholderType]:
    """A template's own placeholders with their types; text where the type is wrong, which the reader has reported."""
    declared = source.facts.get("placeholders")
    if source.kind != "template" or not isinstance(declared, Mapping):
        return {}
    types = {name: one.get("type") if isinstance(one, Mapping) else None for name, one in declared.items()}
    return {name: type_ if type_ in PLACEHOLDER_TYPES else "text" for name, type_ in types.items()}


def _check_personal(source: SourceResource, texts: _Texts, bench: _Bench) -> None:
    """Every personal placeholder stands in the text of the default locale, on which the others fall back."""
    used = texts.fills.get(bench.pack.manifest.default_locale, frozenset())
    place_of = source.lines.get(bench.pack.manifest.default_locale, {})
    for name in sorted(_personal(source).keys() - used):
        label = place_of.get(f"placeholders/{name}/label")
        message = f"“{name}” is declared, but neither the subject nor the text uses it"
        bench.findings.error(
            label.place if label else source.place, "unused-placeholder", message, f"write {{{{{name}}}}}"
        )


def _digest(source: SourceResource, texts: _Texts, bench: _Bench) -> str:
    """`sha256:` and hex over all that the resource serves.

    That is more than its own file: the contacts of the support slots it shows and the types of the placeholders
    it uses stand in pack.yaml, and a reader gets something else when they change.
    """
    manifest = bench.pack.manifest
    used = frozenset().union(*texts.fills.values()) & manifest.placeholders.keys()
    support = source.facts.get("support")
    slots = [name for name in manifest.support if isinstance(support, list) and name in support]
    serves = {
        "kind": source.kind,
        "id": source.id,
        "facts": _in_order(source, bench.findings),
        "lines": {
            locale: {path: parts.to_json(line) for path, line in lines.items()} for locale, lines in texts.lines.items()
        },
        "sections": {
            locale: [
                [one.id, one.title, parts.to_json(one.html), parts.to_json(one.markdown)]
                for one in texts.sections[locale]
            ]
            for locale in texts.sections
        },
        "drafts": sorted(source.drafts),
        "placeholders": {name: manifest.placeholders[name].type for name in used},
        "support": {name: manifest.support[name] for name in slots},
    }
    return f"sha256:{hashlib.sha256(orjson.dumps(serves, option=orjson.OPT_SORT_KEYS)).hexdigest()}"


def _in_order(source: SourceResource, findings: Findings) -> str:
    """The facts as JSON in the author's order of keys, which readers see: that of a template's placeholders, say."""
    try:
        return orjson.dumps(source.facts).decode()
    except TypeError as error:
        findings.error(source.place, "invalid-value", f"this cannot be written as JSON: {error}")
        return ""


# --- names across the pack ----------------------------------------------------------------------


def _section_ids(pack: Pack, resource: SourceResource) -> frozenset[str]:
    if resource.kind != "module":
        return frozenset()
    return frozenset(section.id for section in resource.sections.get(pack.manifest.default_locale, ()))


def _whole(reference: Reference, pack: str) -> Reference:
    return Reference(reference.pack or pack, reference.kind, reference.id, reference.section)


def _check_reference(reference: Reference, place: Place, bench: _Bench) -> None:
    manifest = bench.pack.manifest
    if reference.pack not in (None, manifest.id):
        if reference.pack not in manifest.requires:
            hint = nearest(str(reference.pack), manifest.requires) or "list it under requires: in pack.yaml"
            message = f"“{reference}” is in another pack, which this one does not require"
            bench.findings.error(place, "undeclared-pack", message, hint)
        return
    sections = bench.targets.get((reference.kind, reference.id))
    if sections is None:
        message = f"there is no {reference.kind} “{reference.id}” in this pack"
        bench.findings.error(place, "missing-target", message, _nearest_target(reference, bench.targets))
    elif reference.kind == "module" and not sections:
        return  # what keeps it from having any has been said
    elif reference.section is not None and reference.section not in sections:
        message = f"the {reference.kind} “{reference.id}” has no section “{reference.section}”"
        hint = nearest(reference.section, sections) or _known(sections)
        bench.findings.error(place, "missing-target", message, hint)


def _nearest_target(reference: Reference, targets: Iterable[tuple[Kind, str]]) -> str | None:
    """The same id of another kind, or else the nearest id of this kind."""
    others = sorted(f"{kind}/{id_}" for kind, id_ in targets if id_ == reference.id)
    if others:
        return f"there is {' and '.join(others)}: did you mean that?"
    return nearest(reference.id, [id_ for kind, id_ in targets if kind == reference.kind])


def _known(sections: Iterable[str]) -> str:
    listed = ", ".join(sorted(sections))
    return f"it has {listed}" if listed else "only modules have sections"


def _report_unused(pack: Pack, filled: Iterable[str], findings: Findings) -> None:
    for name in sorted(pack.manifest.placeholders.keys() - set(filled)):
        message = f"no text uses the placeholder “{name}”, but every organisation is asked for it"
        findings.warning(Place("pack.yaml"), "unused-placeholder", message, "use it or delete it")
