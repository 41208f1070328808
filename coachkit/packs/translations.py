"""Reads a resource's translation: its texts, by the ids of what is translated, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from coachkit.packs import markdown_source
from coachkit.packs.extract import Extract, extract
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import Kind, Line, MarkdownText, Place
from coachkit.packs.schemas import SHAPES
from coachkit.packs.schemas.translation import STATUS, TRANSLATION, translation_of
from coachkit.packs.validate import validate
from coachkit.packs.yaml_source import Loaded, load


@dataclass(frozen=True)
class Original:
    """What a translation may translate: paths of texts and entries, and ids of sections; None where it is unknown."""

    paths: Collection[str] | None
    sections: Collection[str] | None


@dataclass(frozen=True)
class Translation:
    """What one file in locales/ gives to its resource."""

    lines: Mapping[str, Line] = field(default_factory=dict)
    sections: tuple[MarkdownText, ...] = ()
    draft: bool = False


def read_translation(kind: Kind, file: str, text: str, original: Original, findings: Findings) -> Translation:
    """Read one translation and report what in it translates nothing."""
    shape = translation_of(SHAPES[kind])
    if kind in ("module", "template"):
        parts = markdown_source.split(text, file, findings, optional=True)
        loaded = parts.front
        if kind == "module":
            sections = markdown_source.sections(parts, file, findings, optional=True, known=original.sections)
        else:
            sections = markdown_source.body(parts, file, findings, optional=True)
    else:
        loaded, sections = load(text, file, findings), ()
    if loaded is None:
        return Translation(sections=sections)
    validate(shape, loaded, findings)
    found = extract(shape, loaded.top)
    lines = _kept(found, original, findings)
    return Translation(lines, sections, _is_draft(loaded))


def _is_draft(loaded: Loaded) -> bool:
    about = loaded.top.get(TRANSLATION)
    return about is not None and about.text_of(STATUS) == "draft"


def _kept(found: Extract, original: Original, findings: Findings) -> dict[str, Line]:
    """The lines that translate something; the first part of each path that leads nowhere is reported once."""
    if original.paths is None:
        return found.lines
    known = set(_prefixes(original.paths))
    places = {**found.entries, **{path: line.place for path, line in found.lines.items()}}
    reported: set[str] = set()
    for path, place in places.items():
        lost = next((prefix for prefix in _prefixes([path]) if prefix not in known), None)
        if lost is None or lost in reported:
            continue
        reported.add(lost)
        _report_nothing(lost, known, found.entries.get(lost, place), findings)
    return {path: line for path, line in found.lines.items() if path in known}


def _prefixes(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        parts = path.split("/")
        yield from ("/".join(parts[:length]) for length in range(1, len(parts) + 1))


def _report_nothing(lost: str, known: Collection[str], place: Place, findings: Findings) -> None:
    above, _, name = lost.rpartition("/")
    prefix = f"{above}/" if above else ""
    beside = [path[len(prefix) :] for path in known if path.startswith(prefix) and "/" not in path[len(prefix) :]]
    hint = nearest(name[:64], sorted(beside)) or (f"there are {', '.join(sorted(beside)[:10])}" if beside else None)
    findings.error(place, "translation-of-nothing", f"there is no “{lost[:80]}” to translate", hint)


def report_orphan(kind: Kind, name: str, file: str, others: Iterable[str], findings: Findings) -> None:
    """Report a translation of a resource that the pack does not have; `others` are the ids of those it has."""
    hint = nearest(name, others) or "write the resource in the default locale first"
    findings.error(Place(file), "translation-of-nothing", f"there is no {kind} “{name}” to translate", hint)
