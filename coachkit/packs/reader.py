"""Makes a pack of an author's files: every file is read, each resource is merged with its translations.

Reports all that is wrong short of what stands inside the Markdown, which is the compiler's, and so is whether the
targets of references exist. A broken file never keeps the others from being read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from coachkit.packs import markdown_source
from coachkit.packs.checks import check_resource
from coachkit.packs.extract import extract
from coachkit.packs.findings import Findings
from coachkit.packs.images import SUFFIXES, read_image
from coachkit.packs.manifest import read_manifest
from coachkit.packs.model import Image, Kind, Manifest, MarkdownText, Pack, Place, SourceResource
from coachkit.packs.progress import Meter, Progress, silent, unmetered
from coachkit.packs.schemas import SHAPES
from coachkit.packs.source import IMAGES, LOCALES, MANIFEST, Source, kind_and_id, report_missing_manifest
from coachkit.packs.text import decode
from coachkit.packs.translations import Original, Translation, mark, read_translation, report_orphan
from coachkit.packs.validate import validate
from coachkit.packs.yaml_source import Loaded, Node, load

Key = tuple[Kind, str]
Files = Mapping[str | None, str]
"""Locale (None for the default one) → path of one resource's files."""


@dataclass(frozen=True)
class _Desk:
    """What reading each resource needs."""

    source: Source
    manifest: Manifest | None
    default: str
    findings: Findings
    meter: Meter

    def text(self, path: str) -> str | None:
        """A file's text; None, with the reason reported, if it is not clean UTF-8."""
        return None if path in self.source.closed else decode(self.source.files[path], path, self.findings)


def read_pack(source: Source, findings: Findings, progress: Progress = silent, meter: Meter = unmetered) -> Pack | None:
    """The pack that these files are; None only if pack.yaml cannot be used at all.

    A pack is returned even where parts of it are wrong, so that a compiler can look for more; whether it may be
    published is for `findings` to say.
    """
    with meter(MANIFEST):
        manifest = _manifest(source, findings)
    desk = _Desk(source, manifest, manifest.default_locale if manifest else "en", findings, meter)
    resources = _resources(desk, progress)
    images = {path: _image(path, desk) for path in source.files if path.startswith(f"{IMAGES}/")}
    return Pack(manifest, resources, images) if manifest else None


def _manifest(source: Source, findings: Findings) -> Manifest | None:
    if report_missing_manifest(source.files, findings) or MANIFEST in source.closed:
        return None
    text = decode(source.files[MANIFEST], MANIFEST, findings)
    folders = {path.split("/", 2)[1] for path in source.files if path.startswith(f"{LOCALES}/")}
    return None if text is None else read_manifest(text, folders, findings)


def _resources(desk: _Desk, progress: Progress) -> tuple[SourceResource, ...]:
    """Every resource, by kind and id; files that translate none of them are reported."""
    files = _by_resource(desk.source)
    found = []
    for (kind, name), paths in progress(sorted(files.items(), key=lambda entry: entry[0]), "Reading"):
        if desk.findings.hopeless:
            break
        if None in paths:
            found.append(_resource(kind, name, paths, desk))
            continue
        others = [id_ for (other, id_), several in files.items() if other == kind and None in several]
        for path in paths.values():
            with desk.meter(path):
                report_orphan(kind, name, path, others, desk.findings)
    return tuple(found)


def _by_resource(source: Source) -> dict[Key, dict[str | None, str]]:
    files: dict[Key, dict[str | None, str]] = defaultdict(dict)
    for path in source.files:
        known = kind_and_id(path)
        if known:
            locale, kind, name = known
            files[kind, name][locale] = path
    return files


def _resource(kind: Kind, name: str, paths: Files, desk: _Desk) -> SourceResource:
    """One resource with all its locales; of a file that cannot be read, as much as it gives."""
    path = str(paths[None])
    with desk.meter(path):
        loaded, sections, sound = _original(kind, path, desk)
        found = extract(SHAPES[kind], loaded.top if loaded else Node(_NOTHING, (), {}))
        if loaded:
            validate(SHAPES[kind], loaded, desk.findings)
            ids = [text.id for text in sections]
            check_resource(kind, name, loaded.top, desk.findings, sections=ids, manifest=desk.manifest)
    original = Original(
        [*found.lines, *found.entries] if loaded else None,
        [text.id for text in sections] if sound else None,
        mark(found.lines, sections) if loaded and sound and len(paths) > 1 else None,
    )
    translated = {
        str(locale): _translation(kind, file, original, desk)
        for locale, file in sorted(paths.items(), key=lambda entry: str(entry[0]))
        if locale not in (None, desk.default)
    }
    return SourceResource(
        kind=kind,
        id=name,
        facts=found.facts,
        lines={desk.default: found.lines, **{locale: each.lines for locale, each in translated.items()}},
        sections={desk.default: sections, **{locale: each.sections for locale, each in translated.items()}},
        references=tuple(found.references),
        place=Place(path),
        drafts=frozenset(locale for locale, each in translated.items() if each.draft),
        signed=frozenset(locale for locale, each in translated.items() if each.signed),
        outdated=frozenset(locale for locale, each in translated.items() if each.outdated),
    )


_NOTHING = Loaded({}, {}, {(): Place(".")}, {})


def _original(kind: Kind, path: str, desk: _Desk) -> tuple[Loaded | None, tuple[MarkdownText, ...], bool]:
    """What the file in the default locale holds: its YAML or front matter, its Markdown texts, and if those are all."""
    text = desk.text(path)
    if text is None:
        return None, (), False
    if kind not in ("module", "template"):
        return load(text, path, desk.findings), (), True
    parts = markdown_source.split(text, path, desk.findings)
    own = Findings()
    sections = (markdown_source.sections if kind == "module" else markdown_source.body)(parts, path, own)
    desk.findings.extend(own)
    return parts.front, sections, not own.failed


def _translation(kind: Kind, path: str, original: Original, desk: _Desk) -> Translation:
    with desk.meter(path):
        text = desk.text(path)
        return Translation() if text is None else read_translation(kind, path, text, original, desk.findings)


def _image(path: str, desk: _Desk) -> Image:
    """The image; a stand-in of the type its name says where it is wrong, so that its uses are not wrong as well."""
    suffix = PurePosixPath(path).suffix
    named = next(kind for kind, suffixes in SUFFIXES.items() if suffix in suffixes)
    with desk.meter(path):
        image = None if path in desk.source.closed else read_image(path, desk.source.files[path], desk.findings)
    return image or Image(path, named, b"")
