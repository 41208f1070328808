"""Compiles an organisation's overlay: its own wording over what the chosen releases say.

Texts of an overlay are held to the same rules as a pack's, and may use the placeholders and images of the pack whose
resource they change. Those of sections, but for a few short ones, are compiled as packs are: in a process of its own,
within limits. Everything that is wrong is reported, at the number of the part it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from coachkit.confined.checking import written
from coachkit.confined.limits import MIB, Limits
from coachkit.editions.choices import Choices, OverlayPart
from coachkit.editions.edition import Key
from coachkit.editions.selection import Insertion, ResourceOverlay
from coachkit.errors import Problem
from coachkit.packs import loose, markdown
from coachkit.packs.directives import Directive
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.markdown import Written
from coachkit.packs.markdown_check import Surroundings
from coachkit.packs.model import (
    Compiled,
    Line,
    Parts,
    Place,
    PlaceholderType,
    Reference,
    Resource,
    Section,
)
from coachkit.packs.source import Source

LIMITS = Limits(pack_seconds=30, pack_bytes=512 * MIB, silence=20, patience=60)
"""What all texts of one overlay may cost together; each of them what a file of a pack may."""


SHORT = 600
"""Characters of all texts together that are compiled here, unless there are boxes with code of their own.

Whatever they say, that takes less than half a second; another process takes longer to begin than most texts of the
length.
"""


@dataclass
class _Draft:
    """What the parts met so far do to one resource."""

    hidden: bool = False
    lines: dict[str, dict[str, Parts]] = field(default_factory=dict)
    sections: dict[str, dict[str, Section]] = field(default_factory=dict)
    insertions: dict[str, Insertion] = field(default_factory=dict)
    hidden_sections: set[str] = field(default_factory=set)
    order: tuple[str, ...] = ()

    def settled(self) -> ResourceOverlay:
        """The same, frozen."""
        return ResourceOverlay(
            self.hidden,
            self.lines,
            self.sections,
            tuple(self.insertions.values()),
            frozenset(self.hidden_sections),
            self.order,
        )


@dataclass(frozen=True)
class Overlaid:
    """An overlay compiled: what it does to each resource, who made its boxes, and what is wrong with it."""

    resources: Mapping[Key, ResourceOverlay]
    directives: tuple[str, ...]
    """The directive plugins whose boxes it has, `name@version`, sorted."""
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Bench:
    """What compiling one part needs at hand, and where it says what it found and used."""

    directives: Mapping[str, Directive]
    written: Mapping[str, Written]
    """The texts of sections, by the file of their part's place; not those that could not be compiled."""
    wrong: Mapping[str, Sequence[Problem]]
    """What is wrong with them."""
    findings: Findings
    used: set[str]
    """The names of the directives met so far."""


@dataclass(frozen=True)
class _Target:
    """The resource that a part is about, the release it is in, and where the part stands in the settings."""

    compiled: Compiled
    resource: Resource
    place: Place

    @property
    def own_sections(self) -> tuple[Section, ...]:
        """Its sections in the author's order."""
        return self.resource.sections.get(self.compiled.manifest.default_locale, ())


def compile_overlay(
    organisation: str,
    choices: Choices,
    releases: Mapping[str, Compiled],
    directives: Sequence[tuple[str, Directive]],
    plugins: Sequence[str],
) -> Overlaid:
    """What the overlay does to each resource; `directives` are those that may be used, each with its maker.

    They are those of CoachKit and of `plugins`, by name. Of two directives with one name the first counts.
    """
    drafts: dict[Key, _Draft] = {}
    used: set[str] = set()
    by_name = {directive.name: directive for _, directive in reversed(directives)}
    makers = {directive.name: maker for maker, directive in reversed(directives)}
    findings = [Findings() for _ in choices.overlay]
    met = _met(organisation, choices, releases, findings)
    texts, wrong = _texts(met, directives, plugins)
    for number, part, target in sorted(met, key=_when):
        draft = drafts.setdefault((target.resource.kind, target.resource.id), _Draft())
        _APPLY[part.operation](part, target, draft, _Bench(by_name, texts, wrong, findings[number], used))
    settled = {key: draft.settled() for key, draft in drafts.items()}
    whole = (_of_all(each, organisation) for each in wrong.get(_ALL, ()))
    found = (*(problem for each in findings for problem in each.problems), *whole)
    return Overlaid(settled, tuple(sorted({makers[name] for name in used})), found)


_ALL = "."
"""The file of problems that all texts together have."""


def _of_all(found: Problem, organisation: str) -> Problem:
    message = found.message.replace("the pack", "the overlay")
    return replace(found, file=f"{organisation}/overlay", message=message, hint="shorten its texts")


def _met(
    organisation: str, choices: Choices, releases: Mapping[str, Compiled], findings: Sequence[Findings]
) -> list[tuple[int, OverlayPart, _Target]]:
    """The parts that are about something, by number, each with what that is."""
    met = []
    for number, part in enumerate(choices.overlay):
        place = Place(f"{organisation}/overlay/{number}")
        target = _target(part, choices, releases, place, findings[number])
        if target is not None and _locale_fits(part, choices, place, findings[number]):
            met.append((number, part, target))
    return met


def _texts(
    met: Sequence[tuple[int, OverlayPart, _Target]],
    directives: Sequence[tuple[str, Directive]],
    plugins: Sequence[str],
) -> tuple[Mapping[str, Written], Mapping[str, Sequence[Problem]]]:
    """The texts of sections, compiled, and what is wrong with them, by the file of their part's place."""
    own = [(part.text or "", part.locale or "", target) for _, part, target in met if _is_section(part)]
    texts = {target.place.file: loose.dump(text, _around(target, locale, {})) for text, locale, target in own}
    if sum(len(text) for text, _, _ in own) <= SHORT and all(each.render is None for _, each in directives):
        findings = Findings()
        compiled = loose.load(loose.compile_all(Source(texts), directives, findings))
        problems = findings.problems
    else:
        compiled, problems = written(texts, plugins, LIMITS)
    wrong: dict[str, list[Problem]] = {}
    for each in problems:
        wrong.setdefault(each.file, []).append(each)
    return compiled, wrong


def _is_section(part: OverlayPart) -> bool:
    return part.operation in {"replace", "insert"} and part.field is None


def _when(met: tuple[int, OverlayPart, _Target]) -> tuple[bool, int]:
    """Sections are put in order once all of them are known; else parts apply as they are written."""
    return met[1].operation == "reorder", met[0]


def _target(
    part: OverlayPart, choices: Choices, releases: Mapping[str, Compiled], place: Place, findings: Findings
) -> _Target | None:
    key = (part.target.kind, part.target.id)
    name = f"{part.target.kind}/{part.target.id}"
    offering = sorted(pack for pack, compiled in releases.items() if key in compiled.resources)
    serving = choices.serving(name, offering)
    pack = part.target.pack or serving
    if pack not in offering:
        known = [f"{kind}/{each}" for compiled in releases.values() for kind, each in compiled.resources]
        findings.error(place, "missing-target", f"no chosen pack offers {part.target}", nearest(name, known))
        return None
    if pack != serving:
        message = f"nobody would see this: {name} is served from {serving}"
        findings.error(place, "missing-target", message, f"write {serving}:{name}, or prefer: {{{name}: {pack}}}")
        return None
    compiled = releases[pack]
    return _Target(compiled, compiled.resources[key], place)


def _locale_fits(part: OverlayPart, choices: Choices, place: Place, findings: Findings) -> bool:
    if part.locale is None or part.locale in choices.reached:
        return True
    message = f"no chain of this organisation reaches {part.locale}, so nobody would see this"
    findings.error(place, "unknown-locale", message, f"locales are {', '.join(sorted(choices.reached))}")
    return False


def _replace(part: OverlayPart, target: _Target, draft: _Draft, bench: _Bench) -> None:
    locale, text = part.locale or "", part.text or ""
    if part.field is not None:
        paths = {path for lines in target.resource.lines.values() for path in lines}
        if part.field not in paths:
            message = f"{target.resource.kind}/{target.resource.id} has no field {part.field}"
            bench.findings.error(target.place, "missing-target", message, nearest(part.field, paths))
            return
        fills = target.resource.kind == "template" and part.field == "subject"
        around = _around(target, locale, bench.directives)
        made = markdown.line(Line(text, target.place, fills), around, bench.findings)
        draft.lines.setdefault(locale, {})[part.field] = made
        return
    own = {section.id: section for section in target.own_sections}
    if part.section not in own:
        _no_section(target, part.section or "", bench.findings)
        return
    title = part.title or _title(target, part.section, locale)
    draft.sections.setdefault(locale, {})[part.section] = _section(part, title, target, bench)


def _hide(part: OverlayPart, target: _Target, draft: _Draft, bench: _Bench) -> None:
    if part.section is None:
        draft.hidden = True
    elif part.section in {section.id for section in target.own_sections}:
        draft.hidden_sections.add(part.section)
    else:
        _no_section(target, part.section, bench.findings)


def _insert(part: OverlayPart, target: _Target, draft: _Draft, bench: _Bench) -> None:
    own = {section.id for section in target.own_sections}
    section_id, anchor = part.section or "", part.after or part.before or ""
    if target.resource.kind != "module":
        message = f"a {target.resource.kind} has no sections to insert between"
        bench.findings.error(target.place, "invalid-value", message)
    elif section_id in own:
        message = f"{target.resource.id} has a section {section_id} already"
        bench.findings.error(target.place, "duplicate-id", message, "replace it, or choose another id")
    elif anchor not in own | set(draft.insertions):
        _no_section(target, anchor, bench.findings)
    else:
        draft.insertions.setdefault(section_id, Insertion(section_id, anchor, part.after is not None))
        section = _section(part, part.title, target, bench)
        draft.sections.setdefault(part.locale or "", {})[section_id] = section


def _reorder(part: OverlayPart, target: _Target, draft: _Draft, bench: _Bench) -> None:
    known = {section.id for section in target.own_sections} | set(draft.insertions)
    for section_id in part.sections:
        if section_id not in known:
            _no_section(target, section_id, bench.findings)
    draft.order = part.sections


_APPLY = {"replace": _replace, "hide": _hide, "insert": _insert, "reorder": _reorder}


def _section(part: OverlayPart, title: str | None, target: _Target, bench: _Bench) -> Section:
    section_id = part.section or ""
    for problem in bench.wrong.get(target.place.file, ()):
        bench.findings.add(problem)
    made = bench.written.get(target.place.file, Written())
    bench.used.update(made.directives)
    return Section(section_id, title, made.html, made.markdown)


def _title(target: _Target, section_id: str, locale: str) -> str | None:
    """The release's own title of a section in a locale, or else in the pack's default one."""
    sections = target.resource.sections
    for each in (locale, target.compiled.manifest.default_locale):
        for section in sections.get(each, ()):
            if section.id == section_id:
                return section.title
    return None


def _around(target: _Target, locale: str, directives: Mapping[str, Directive]) -> Surroundings:
    manifest = target.compiled.manifest
    types: dict[str, PlaceholderType] = {name: each.type for name, each in manifest.placeholders.items()}
    if target.resource.kind == "template":
        personal = target.resource.facts.get("placeholders") or {}
        types |= {name: facts["type"] for name, facts in personal.items()}
    pictures = {image.path: name for name, image in target.compiled.images.items()}
    page = Reference(manifest.id, target.resource.kind, target.resource.id)
    return Surroundings(page, locale, types, pictures, directives)


def _no_section(target: _Target, section_id: str, findings: Findings) -> None:
    known = [section.id for section in target.own_sections]
    hint = nearest(section_id, known) or (f"it has {', '.join(known)}" if known else "it has no sections")
    message = f"{target.resource.kind}/{target.resource.id} has no section {section_id}"
    findings.error(target.place, "missing-target", message, hint)
