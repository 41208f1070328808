"""Reads a resource's translation: its texts, by the ids of what is translated, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from coachkit.packs import markdown_source
from coachkit.packs.extract import Extract, extract
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import Kind, Line, MarkdownText, Place
from coachkit.packs.schemas import SHAPES
from coachkit.packs.schemas.translation import MADE_FROM, STATUS, TRANSLATION, is_mark, translation_of
from coachkit.packs.validate import validate
from coachkit.packs.yaml_source import Loaded, load


@dataclass(frozen=True)
class Original:
    """What a translation may translate: paths of texts and entries, and ids of sections; None where it is unknown."""

    paths: Collection[str] | None
    sections: Collection[str] | None
    mark: str | None = None
    """The `mark` of its texts, None where they could not all be read."""


@dataclass(frozen=True)
class Translation:
    """What one file in locales/ gives to its resource."""

    lines: Mapping[str, Line] = field(default_factory=dict)
    sections: tuple[MarkdownText, ...] = ()
    draft: bool = False
    signed: bool = False
    outdated: bool = False
    """Whether it says the same as an earlier original, as far as it tells."""


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
    status = loaded.top.get(TRANSLATION)
    said = status.text_of(STATUS) if status else None
    outdated = _is_outdated(loaded, original, findings)
    return Translation(lines, sections, draft=said == "draft", signed=said == "signed", outdated=outdated)


def mark(lines: Mapping[str, Line], sections: Iterable[MarkdownText]) -> str:
    """What a translation is made from, in twelve digits: another one whenever a text of the original changes."""
    texts = {
        "lines": {path: _fit(line.text) for path, line in lines.items()},
        "sections": {text.id: [text.title and _fit(text.title), _fit(text.markdown)] for text in sections},
    }
    return hashlib.sha256(orjson.dumps(texts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def _fit(text: str) -> str:
    """The text without halves of surrogate pairs, which are refused elsewhere and have no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _is_outdated(loaded: Loaded, original: Original, findings: Findings) -> bool:
    """Whether the translation names another original than there is, which is said with the right mark."""
    about = loaded.top.get(TRANSLATION)
    made_from = about.get(MADE_FROM) if about else None
    if made_from is None or original.mark in (None, made_from.text) or not is_mark(made_from.text or ""):
        return False
    hint = f'once it says what the original says, write made_from: "{original.mark}"'
    findings.warning(made_from.place, "translation-outdated", "the original has changed since this was made", hint)
    return True


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
