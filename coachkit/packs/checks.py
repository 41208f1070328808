"""What the parts of one resource must be to each other: ids, dates, what covers what, where a pathway leads.

Works on documents that may be wrong in other ways; what has the wrong type is passed over, `validate` reports it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from coachkit.packs.destinations import BadDestinationError, parse_reference
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.markdown_source import BODY
from coachkit.packs.model import PLACEHOLDER_TYPES, Kind, Manifest
from coachkit.packs.questionnaire_checks import check_questionnaire
from coachkit.packs.retiring import RETIRING
from coachkit.packs.values import problem_with
from coachkit.packs.yaml_source import Node

END = "end"
"""What a step leads to where a pathway ends."""


def check_resource(
    kind: Kind, name: str, top: Node, findings: Findings, *, sections: Collection[str], manifest: Manifest | None
) -> None:
    """Everything about one resource in its default locale that its shape alone does not say.

    `sections` are the ids of its Markdown texts. Without a manifest nothing is said about what it declares.
    """
    _check_dates(top, findings)
    _check_retiring(kind, name, top, manifest, findings)
    if kind == "module":
        _check_covers(top, sections, findings)
        _check_support(top, manifest, findings)
    elif kind == "template":
        _check_covers(top, [BODY], findings)
        _check_personal(top, manifest, findings)
    elif kind == "checklist":
        _check_covers(top, check_ids(top.entries("items"), findings), findings)
    elif kind == "pathway":
        _check_covers(top, check_ids(top.entries("steps"), findings), findings)
        _check_steps(top.entries("steps"), findings)
    else:
        _check_covers(top, check_ids(top.entries("sections"), findings), findings)
        check_questionnaire(name, top, findings)


def check_ids(entries: Iterable[Node], findings: Findings) -> list[str]:
    """The ids of a list's entries in order; one that is there already is reported."""
    seen: dict[str, int | None] = {}
    for entry in entries:
        node = entry.get("id")
        if node is None or node.text is None:
            continue
        if node.text in seen:
            message = f"the id “{node.text}” is taken (first in line {seen[node.text]})"
            findings.error(node.place, "duplicate-id", message, "choose another id")
        seen.setdefault(node.text, node.place.line)
    return list(seen)


def check_example(placeholder: Node, findings: Findings) -> None:
    """Report an example that could not be filled in where it stands as an example."""
    example = placeholder.get("example")
    wanted = next((known for known in PLACEHOLDER_TYPES if known == placeholder.text_of("type")), None)
    wrong = problem_with(example.text, wanted) if example and example.text and wanted else None
    if example and wrong:
        findings.error(example.place, "invalid-value", wrong, f"the type is {wanted}")


def _check_dates(top: Node, findings: Findings) -> None:
    reviewed, by = top.text_of("last_reviewed"), top.get("review_by")
    if reviewed and by and by.text and by.text <= reviewed:
        message = f"review_by is {by.text}, which is not after last_reviewed ({reviewed})"
        findings.error(by.place, "invalid-value", message, "choose a later date")


def _check_retiring(kind: Kind, name: str, top: Node, manifest: Manifest | None, findings: Findings) -> None:
    said = top.get(RETIRING)
    if said is None:
        return
    since, until, instead = said.text_of("since"), said.get("until"), said.get("instead")
    if since and until and until.text and until.text <= since:
        message = f"until is {until.text}, which is not after since ({since})"
        findings.error(until.place, "invalid-value", message, "choose a later date")
    if instead and instead.text and _is_itself(instead.text, kind, name, manifest):
        message = "nothing can stand in its own stead"
        findings.error(instead.place, "invalid-value", message, "name another resource or leave the key out")


def _is_itself(text: str, kind: Kind, name: str, manifest: Manifest | None) -> bool:
    try:
        found = parse_reference(text)
    except BadDestinationError:
        return False
    own = found.pack is None or (manifest is not None and found.pack == manifest.id)
    return own and (found.kind, found.id) == (kind, name)


def _check_covers(top: Node, sections: Collection[str], findings: Findings) -> None:
    for cover in top.entries("covers"):
        section = cover.get("section")
        if section and section.text and section.text not in sections:
            hint = nearest(section.text, sections) or (f"there are {', '.join(sections)}" if sections else None)
            findings.error(section.place, "missing-target", f"there is no “{section.text}” in this resource", hint)


def _check_support(top: Node, manifest: Manifest | None, findings: Findings) -> None:
    sensitive, slots = top.get("sensitive"), top.entries("support")
    if sensitive and sensitive.value is True and not slots:
        hint = "name a slot of pack.yaml: support: [listening]"
        findings.error(sensitive.place, "contact-missing", "a sensitive module shows no support contact", hint)
    for slot in slots if manifest else ():
        if slot.text and manifest and slot.text not in manifest.support:
            hint = nearest(slot.text, manifest.support) or "declare it under support: in pack.yaml"
            findings.error(slot.place, "missing-target", f"pack.yaml has no support slot “{slot.text}”", hint)


def _check_personal(top: Node, manifest: Manifest | None, findings: Findings) -> None:
    for name, node in top.mapped("placeholders"):
        check_example(node, findings)
        if manifest and name in manifest.placeholders:
            message = f"pack.yaml has a placeholder “{name}” already"
            findings.error(node.key_place, "duplicate-id", message, "choose another name for the personal one")


def _check_steps(steps: list[Node], findings: Findings) -> None:
    ids = [step.text_of("id") for step in steps]
    order = {name: position for position, name in reversed(list(enumerate(ids))) if name is not None}
    reached = {0}
    before: int | None = None
    for position, step in enumerate(steps):
        before = _check_day(step, before, findings)
        if ids[position] == END:
            findings.error(step.place, "invalid-value", "a step cannot be called end", "choose another id")
        check_ids(step.entries("branches"), findings)
        reached |= _targets(step, position, order, findings)
        if position not in reached:
            message = f"no step leads to “{ids[position]}”"
            findings.error(
                step.place, "unreachable-step", message, "let a `next` or a branch of an earlier step name it"
            )


def _check_day(step: Node, before: int | None, findings: Findings) -> int | None:
    """The greatest day so far, this step's among them."""
    day = step.get("day")
    number = day.number if day else None
    if day is None or number is None or number != int(number):
        return before
    if before is not None and number < before:
        message = f"day {number} comes after day {before}"
        findings.error(day.place, "invalid-value", message, "days never decrease along the list")
    return int(number) if before is None else max(before, int(number))


def _targets(step: Node, position: int, order: dict[str, int], findings: Findings) -> set[int]:
    """The positions of the steps that this one leads to; ways back and to nowhere are reported."""
    after = step.get("next")
    found = {position + 1} if after is None or after.text is None else set()
    ways = [branch.get("to") for branch in step.entries("branches")]
    for way in [after, *ways]:
        if way is None or way.text is None or way.text == END:
            continue
        target = order.get(way.text)
        if target is None:
            hint = nearest(way.text, [*order, END])
            findings.error(way.place, "missing-target", f"there is no step “{way.text}”", hint)
        elif target <= position:
            message = f"“{way.text}” is not a later step"
            findings.error(way.place, "invalid-value", message, "a pathway only leads forwards")
        else:
            found.add(target)
    return found
