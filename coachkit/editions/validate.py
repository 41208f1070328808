"""What must hold before an organisation's choices become an edition; everything that does not is reported at once.

Works on an edition that is settled but not stored. The day is given, so nothing here has a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from coachkit.editions.choices import Brand
from coachkit.editions.contrast import too_faint
from coachkit.editions.edition import Edition, Key
from coachkit.editions.selection import Selection
from coachkit.errors import Problem, Severity
from coachkit.packs.findings import nearest
from coachkit.packs.model import KINDS, Contact, Link, Placeholder, Reference
from coachkit.packs.retiring import overdue
from coachkit.packs.values import problem_with

CONTACT_AGE = timedelta(days=365)
"""A contact verified longer ago than this counts as unverified."""
ONE_DAY = timedelta(days=1)
"""So far ahead of UTC a day may be where the contact was verified; a later one is still to come."""


def problem(  # noqa: PLR0917 - what a problem is made of
    organisation: str, where: str, code: str, message: str, hint: str | None = None, severity: Severity = "error"
) -> Problem:
    """A problem in an organisation's settings; `where` is the path of keys that leads to it."""
    return Problem(f"{organisation}/{where}" if where else organisation, None, None, code, message, hint, severity)


def validate(edition: Edition, *, demo: bool, today: date) -> list[Problem]:
    """Everything that keeps a settled edition from being published, but for its colours; and warnings, which do not."""
    selections = [edition.select(*key, locale) for key in edition for locale in edition.locales]
    found = [
        *_clashes(edition),
        *_languages(edition, selections),
        *_references(edition, selections),
        *_placeholders(edition, selections),
        *_slots(edition),
        *_contacts(edition, selections, demo=demo, today=today),
        *_overdue(edition, today),
    ]
    return list(dict.fromkeys(found))  # one value may be wrong in several locales, in the same words


def _clashes(edition: Edition) -> Iterator[Problem]:
    """Two packs that offer one id, unless the organisation says which it prefers."""
    prefer = edition.choices.prefer
    for key in sorted({key for compiled in edition.releases.values() for key in compiled.resources}):
        name = _name(key)
        packs = sorted(pack for pack, compiled in edition.releases.items() if key in compiled.resources)
        if len(packs) > 1 and name not in prefer:
            hint = f"write prefer: {{{name}: {packs[0]}}}, or whichever pack should serve it"
            yield problem(edition.organisation, "packs", "id-clash", f"{' and '.join(packs)} both offer {name}", hint)
        if name in prefer and prefer[name] not in packs:
            hint = f"{name} is in {' and '.join(packs)}"
            message = f"{prefer[name]} does not offer {name}"
            yield problem(edition.organisation, f"prefer/{name}", "missing-target", message, hint)
    known = {_name(key) for compiled in edition.releases.values() for key in compiled.resources}
    for name in sorted(set(prefer) - known):
        yield problem(
            edition.organisation, f"prefer/{name}", "missing-target", f"no pack offers {name}", nearest(name, known)
        )


def colours(organisation: str, brand: Brand) -> Iterator[Problem]:
    """The pairs of a brand's colours that cannot be read; known before any release is."""
    for faint in too_faint(brand.colours):
        yield problem(
            organisation,
            f"brand/colours/{faint.pair.role}",
            "contrast",
            f"{faint.pair.name}: {faint.colour} on {faint.background} has a contrast of {faint.ratio:.2f}, "
            f"and WCAG 2.2 AA asks for {faint.pair.least:g}",
            "choose a darker colour on a light background, or a lighter one on a dark background",
        )


def _languages(edition: Edition, selections: Iterable[Selection]) -> Iterator[Problem]:
    """Texts that no locale of a chain has."""
    for selection in selections:
        if selection.missing:
            resource = selection.resource
            chain = " → ".join(edition.chain(selection.locale))
            yield problem(
                edition.organisation,
                f"locales/{selection.locale}",
                "missing-locale",
                f"{resource.kind}/{resource.id} has no {', '.join(selection.missing[:3])} in {chain}",
                f"end the chain with a locale that the pack has: {', '.join(sorted(resource.lines))}",
            )


def _references(edition: Edition, selections: Iterable[Selection]) -> Iterator[Problem]:
    """Resources and sections that texts point at and that this edition does not serve."""
    seen: set[tuple[Key, Reference]] = set()
    for selection in selections:
        resource = selection.resource
        key = (resource.kind, resource.id)
        pack = edition.catalogue[key]
        links = {part.target for parts in selection.parts() for part in parts if isinstance(part, Link)}
        needed = {edition.reference(pack, text) for text in _needed(resource.facts)}
        for target in sorted(links | needed, key=str):
            if (key, target) not in seen and (wrong := _unserved(edition, target, selection.locale)):
                seen.add((key, target))
                message = f"{pack}:{_name(key)} points at {target}, {wrong}"
                hint = "choose the pack that has it, or do not hide it"
                yield problem(edition.organisation, "packs", "missing-target", message, hint)


def _needed(facts: Mapping[str, Any]) -> Iterator[str]:
    """The references of items, steps and recommendations. Those in `related` are left out of lists where need be."""
    for entry in (*(facts.get("items") or ()), *(facts.get("steps") or ()), *(facts.get("recommend") or ())):
        yield from (entry[name] for name in ("resource", *KINDS) if entry.get(name))


def _unserved(edition: Edition, target: Reference, locale: str) -> str | None:
    """Why readers would find nothing where a reference leads; None if they would."""
    if not edition.serves(target):
        served_by = edition.catalogue.get((target.kind, target.id))
        return "which this edition does not serve" + (f" (it serves {served_by}'s)" if served_by else "")
    sections = [picked.value.id for picked in edition.select(target.kind, target.id, locale).sections]
    if target.section is not None and target.section not in sections:
        return f"and that has no section {target.section} here"
    return None


def _placeholders(edition: Edition, selections: Iterable[Selection]) -> Iterator[Problem]:
    declared = {name for compiled in edition.releases.values() for name in compiled.manifest.placeholders}
    for name in sorted(set(edition.choices.values) - declared):
        yield problem(
            edition.organisation,
            f"values/{name}",
            "unknown-placeholder",
            f"no pack of this edition declares {name}",
            nearest(name, declared),
        )
    used: dict[tuple[str, str, str], str] = {}
    for selection in selections:
        pack = edition.catalogue[selection.resource.kind, selection.resource.id]
        for name in sorted(selection.fills() & set(edition.releases[pack].manifest.placeholders)):
            used.setdefault((pack, name, selection.locale), f"{selection.resource.kind}/{selection.resource.id}")
    for (pack, name, locale), where in used.items():
        yield from _value(edition, edition.releases[pack].manifest.placeholders[name], locale, where)


def _value(edition: Edition, placeholder: Placeholder, locale: str, where: str) -> Iterator[Problem]:
    value = edition.value(placeholder.name, locale)
    at = f"values/{placeholder.name}"
    if value is None:
        if placeholder.required:
            example = f", such as {placeholder.example}" if placeholder.example else ""
            yield problem(
                edition.organisation,
                at,
                "missing-value",
                f"{where} needs a value for {placeholder.name} in {locale}",
                f"write values: {{{placeholder.name}: …}}, a {placeholder.type}{example}",
            )
    elif wrong := problem_with(value, placeholder.type):
        yield problem(edition.organisation, at, "invalid-value", f"the value for {placeholder.name}: {wrong}")


def _slots(edition: Edition) -> Iterator[Problem]:
    slots = {slot for compiled in edition.releases.values() for slot in compiled.manifest.support}
    for slot in sorted(set(edition.choices.brand.support) - slots):
        yield problem(
            edition.organisation,
            f"brand/support/{slot}",
            "unknown-slot",
            f"no pack of this edition has a slot {slot} for support contacts",
            nearest(slot, slots),
        )


def _contacts(edition: Edition, selections: Iterable[Selection], *, demo: bool, today: date) -> Iterator[Problem]:
    """Contacts that a sensitive module lacks, and contacts that nobody has checked within a year."""
    shown: dict[tuple[str, str, Contact], None] = {}
    for selection in selections:
        resource, locale = selection.resource, selection.locale
        pack = edition.catalogue[resource.kind, resource.id]
        slots = resource.facts.get("support") or ()
        contacts = [(slot, each) for slot in slots for each in edition.contacts(pack, slot, locale)]
        for slot, each in contacts:
            shown[slot, each.locale, each.contact] = None
        if resource.facts.get("sensitive") and not contacts:
            yield problem(
                edition.organisation,
                f"brand/support/{(slots or ('',))[0]}",
                "contact-missing",
                f"{resource.kind}/{resource.id} is sensitive and has nobody to turn to in {locale}",
                "give contacts for one of its slots: " + ", ".join(slots),
            )
    if demo:
        return
    for slot, locale, contact in shown:
        if contact.verified_on is None or not -ONE_DAY <= today - contact.verified_on <= CONTACT_AGE:
            since = f"was last verified on {contact.verified_on}" if contact.verified_on else "is unverified"
            yield problem(
                edition.organisation,
                f"brand/support/{slot}/{locale}",
                "contact-unverified",
                f"{contact.name} {since}",
                "check it with its owner and write it with the day in verified_on, or name another contact",
            )


def _overdue(edition: Edition, today: date) -> Iterator[Problem]:
    """Resources that their packs' authors have told everybody would be gone by now."""
    for resource, day in overdue((edition.resource(*key) for key in edition), today):
        name = f"{resource.kind}/{resource.id}"
        pack = edition.catalogue[resource.kind, resource.id]
        message = f"{pack}:{name} was to go on {day} and is still served"
        hint = "choose a release without it, or hide it"
        yield problem(edition.organisation, f"packs/{pack}", "overdue", message, hint, "warning")


def _name(key: Key) -> str:
    return f"{key[0]}/{key[1]}"
