"""What changed between two releases of a pack, and which SemVer step that asks for.

Major: something that others may rely on is gone or asks for more than before. Minor: something was added. Patch:
wording only. Knows compiled releases, not how they are stored or shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coachkit.packs.model import Compiled, Kind, Manifest, Resource, Section
from coachkit.packs.retiring import RETIRING, Retirement, retirement

Step = Literal["none", "patch", "minor", "major"]
_ORDER: tuple[Step, ...] = ("none", "patch", "minor", "major")

_WORDING_FACTS = frozenset({"last_reviewed", "review_by"})
"""Facts that change whenever somebody has read a text again, and on which nothing is built."""
_SCORING = frozenset({"options", "sections", "scores"})
"""The facts of a questionnaire that decide which result the same answers get."""


@dataclass(frozen=True, order=True)
class Reason:
    """Why a step is asked for: `where` is `kind/id` or `pack.yaml`, `what` says in a few words what happened there."""

    step: Step
    where: str
    what: str


@dataclass(frozen=True)
class Change:
    """What changed in one resource that both releases have."""

    kind: Kind
    id: str
    facts: tuple[str, ...]
    """Top-level facts that differ."""
    lines: tuple[str, ...]
    """Paths of the short texts that differ in any locale."""
    sections: tuple[str, ...]
    """Ids of the sections that differ in any locale, or stand elsewhere."""
    locales: tuple[str, ...]
    """The locales in which texts differ."""


@dataclass(frozen=True)
class Diff:
    """Everything that differs, resources as `kind/id`, all of it sorted; `step` is the largest of the reasons'."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Change, ...]
    step: Step
    reasons: tuple[Reason, ...]


def diff(old: Compiled, new: Compiled) -> Diff:
    """What one has to know to name the release after `old` that has the content of `new`."""
    both = sorted(old.resources.keys() & new.resources.keys())
    changes = [_change(old.resources[name], new.resources[name]) for name in both]
    added = tuple(sorted(f"{kind}/{id_}" for kind, id_ in new.resources.keys() - old.resources.keys()))
    gone = sorted(old.resources.keys() - new.resources.keys())
    removed = tuple(f"{kind}/{id_}" for kind, id_ in gone)
    reasons = [
        *(_removed(old.resources[key]) for key in gone),
        *(Reason("minor", name, "was added") for name in added),
        *_manifest(old.manifest, new.manifest),
        *(reason for name in both for reason in _resource(old.resources[name], new.resources[name])),
    ]
    ordered = sorted(set(reasons), key=lambda reason: (-_ORDER.index(reason.step), reason.where, reason.what))
    step = ordered[0].step if ordered else "none"
    return Diff(added, removed, tuple(change for change in changes if _any(change)), step, tuple(ordered))


# --- what changed -------------------------------------------------------------------------------


def _change(old: Resource, new: Resource) -> Change:
    lines = [(locale, path) for locale, path in _differing(_flat_lines(old), _flat_lines(new))]
    sections = [(locale, id_) for locale, id_ in _differing(_flat_sections(old), _flat_sections(new))]
    return Change(
        kind=new.kind,
        id=new.id,
        facts=tuple(_differing(old.facts, new.facts)),
        lines=tuple(sorted({path for _, path in lines})),
        sections=tuple(sorted({id_ for _, id_ in sections})),
        locales=tuple(sorted({locale for locale, _ in [*lines, *sections]} | (old.drafts ^ new.drafts))),
    )


def _any(change: Change) -> bool:
    return bool(change.facts or change.lines or change.sections or change.locales)


def _differing(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> list[Any]:
    """The keys, sorted, that only one side has or whose values differ."""
    missing = object()
    return sorted(name for name in old.keys() | new.keys() if old.get(name, missing) != new.get(name, missing))


def _flat_lines(resource: Resource) -> dict[tuple[str, str], Any]:
    return {(locale, path): line for locale, lines in resource.lines.items() for path, line in lines.items()}


def _flat_sections(resource: Resource) -> dict[tuple[str, str], tuple[int, Section]]:
    """Each section with its position, which readers see too."""
    return {
        (locale, section.id): (position, section)
        for locale, sections in resource.sections.items()
        for position, section in enumerate(sections)
    }


# --- which step ---------------------------------------------------------------------------------


def _manifest(old: Manifest, new: Manifest) -> Iterator[Reason]:
    where = "pack.yaml"
    yield from _gone_or_new(where, "the locale", old.locales, new.locales)
    yield from _gone_or_new(where, "the placeholder", old.placeholders, new.placeholders, new_step="none")
    for name, placeholder in new.placeholders.items():
        before = old.placeholders.get(name)
        if before is None:
            step: Step = "major" if placeholder.required else "minor"
            kind = "required" if placeholder.required else "optional"
            yield Reason(step, where, f"the {kind} placeholder “{name}” was added")
        elif placeholder.type != before.type:
            yield Reason("major", where, f"the placeholder “{name}” has another type")
        elif placeholder.required and not before.required:
            yield Reason("major", where, f"the placeholder “{name}” is now required")
        elif placeholder != before:
            yield Reason("patch", where, f"the placeholder “{name}” was reworded")
    yield from _gone_or_new(where, "the support slot", old.support, new.support, new_step="major")
    yield from (
        Reason("patch", where, f"the support slot “{name}” changed")
        for name in sorted(old.support.keys() & new.support.keys())
        if old.support[name] != new.support[name]
    )
    if old.requires != new.requires:
        yield Reason("major", where, "what the pack requires changed")
    for field in ("title", "description", "licence", "authors", "coachkit", "visibility", "default_locale"):
        if getattr(old, field) != getattr(new, field):
            step = "major" if field in {"default_locale", "licence", "visibility"} else "patch"
            yield Reason(step, where, f"“{field}” changed")


def _removed(old: Resource) -> Reason:
    """That something is gone, and whether those who rely on it were told."""
    told = "as it was retiring" if retirement(old) else "and was not retiring before"
    return Reason("major", f"{old.kind}/{old.id}", f"was removed, {told}")


def _resource(old: Resource, new: Resource) -> Iterator[Reason]:
    where = f"{new.kind}/{new.id}"
    change = _change(old, new)
    if not _any(change) and old.digest == new.digest:
        return
    yield Reason("patch", where, "its texts or facts changed")
    yield from _gone_or_new(where, "the locale", _locales(old), _locales(new))
    for locale in sorted(_locales(old) & _locales(new)):
        before, after = _ids(old.sections.get(locale, ())), _ids(new.sections.get(locale, ()))
        yield from _gone_or_new(f"{where} ({locale})", "the section", before, after)
    yield from _gone_or_new(where, "the part", _part_ids(old.facts), _part_ids(new.facts))
    yield from _personal(where, old, new)
    yield from _facts(where, change, new.kind)
    yield from _retiring(where, retirement(old), retirement(new))


def _personal(where: str, old: Resource, new: Resource) -> Iterator[Reason]:
    """What a template asks of its readers."""
    before, after = (one.facts.get("placeholders") or {} for one in (old, new))
    for name in sorted(before.keys() - after.keys()):
        yield Reason("major", where, f"the placeholder “{name}” was removed")
    for name in sorted(after):
        wanted, had = after[name], before.get(name)
        if had is None:
            required = wanted.get("required", True)
            yield Reason("major" if required else "minor", where, f"the placeholder “{name}” was added")
        elif wanted.get("type") != had.get("type") or (wanted.get("required") and not had.get("required")):
            yield Reason("major", where, f"the placeholder “{name}” asks for something else")


def _facts(where: str, change: Change, kind: Kind) -> Iterator[Reason]:
    for name in change.facts:
        if kind == "questionnaire" and name in _SCORING:
            yield Reason("major", where, f"“{name}” changed, so the same answers may get another result")
        elif name not in _WORDING_FACTS | {"items", "steps", "placeholders", RETIRING}:
            yield Reason("minor", where, f"“{name}” changed")


def _retiring(where: str, old: Retirement | None, new: Retirement | None) -> Iterator[Reason]:
    """That it is on its way out, or no longer is, or otherwise than before."""
    if old == new:
        return
    if new is None:
        yield Reason("minor", where, "is no longer retiring")
        return
    until = f", and goes on {new.until}" if new.until else ""
    instead = f"; {new.instead} stands in its stead" if new.instead else ""
    yield Reason("minor", where, f"is retiring from {new.since}{until}{instead}")


def _gone_or_new(
    where: str, what: str, old: Iterable[str], new: Iterable[str], new_step: Step = "minor"
) -> Iterator[Reason]:
    before, after = set(old), set(new)
    yield from (Reason("major", where, f"{what} “{name}” was removed") for name in sorted(before - after))
    if new_step != "none":
        yield from (Reason(new_step, where, f"{what} “{name}” was added") for name in sorted(after - before))


def _locales(resource: Resource) -> set[str]:
    return {locale for locale, texts in [*resource.lines.items(), *resource.sections.items()] if texts}


def _ids(sections: Iterable[Section]) -> list[str]:
    return [section.id for section in sections]


def _part_ids(facts: Any, prefix: str = "") -> set[str]:
    """The paths of all entries of lists that have an id, wherever they stand: items, steps, branches, rows."""
    if isinstance(facts, Mapping):
        return {id_ for name, value in facts.items() for id_ in _part_ids(value, f"{prefix}{name}/")}
    if isinstance(facts, list | tuple):
        found: set[str] = set()
        for entry in facts:
            if isinstance(entry, Mapping) and isinstance(entry.get("id"), str):
                path = f"{prefix}{entry['id']}"
                found |= {path} | _part_ids(entry, f"{path}/")
        return found
    return set()
