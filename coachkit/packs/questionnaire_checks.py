"""What the parts of a questionnaire must be to each other: types and their keys, ids, scales, scores, bands.

Shape only: expressions are texts here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal

from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import KINDS
from coachkit.packs.schemas.questionnaire import MAX_TEXT, TYPE_KEYS
from coachkit.packs.yaml_source import Node

_OF_TYPES = frozenset().union(*(needed | more for needed, more in TYPE_KEYS.values())) - {"use"}


def check_questionnaire(name: str, top: Node, findings: Findings) -> None:
    """Report what does not fit together; `name` is the file's stem."""
    named = top.get("id")
    if named and named.text and named.text != name:
        findings.error(named.place, "invalid-value", f"the file is called “{name}”", f"write id: {name}")
    scales = dict(top.mapped("options"))
    for scale in scales.values():
        _check_type(scale, findings)
    items = [item for section in top.entries("sections") for item in section.entries("items")]
    for item in items:
        _check_item(item, scales, findings)
    answers = _unique([*items, *(row for item in items for row in item.entries("rows"))], findings)
    _check_scores(dict(top.mapped("scores")), answers, findings)
    for entry in top.entries("recommend"):
        _check_recommendation(entry, findings)
    for listed in ("checks", "recommend"):
        _unique(top.entries(listed), findings)


def _unique(entries: Iterable[Node], findings: Findings) -> set[str]:
    seen: set[str] = set()
    for entry in entries:
        node = entry.get("id")
        if node is None or node.text is None:
            continue
        if node.text in seen:
            message = f"the id “{node.text}” is taken in this questionnaire"
            findings.error(node.place, "duplicate-id", message, "choose another id")
        seen.add(node.text)
    return seen


# --- items ----------------------------------------------------------------------------------------


def _check_item(item: Node, scales: dict[str, Node], findings: Findings) -> None:
    use, kind = item.get("use"), item.text_of("type")
    if use and use.text and use.text not in scales:
        hint = nearest(use.text, scales) or "declare it under options:"
        findings.error(use.place, "missing-target", f"there is no scale “{use.text}”", hint)
    if use is None and item.get("type") is None:
        findings.error(item.place, "missing-key", "the item has no type", "write type:, or use: and a scale's name")
    if kind == "matrix":
        scale = scales.get(use.text) if use and use.text else None
        if use and scale and scale.text_of("type") not in (None, "likert"):
            findings.error(use.place, "invalid-value", "a matrix uses a likert scale", "name another scale")
        _check_type(item, findings)
    elif use is not None:
        _refuse_beside_use(item, findings)
    else:
        _check_type(item, findings)


def _refuse_beside_use(item: Node, findings: Findings) -> None:
    for key, node in item.pairs():
        if key in _OF_TYPES or key == "type":
            message = f"“{key}” stands beside “use”"
            findings.error(node.key_place, "unknown-key", message, "the scale says it; leave one of them out")


def _check_type(answer: Node, findings: Findings) -> None:
    """The keys of an item or a scale against those of its type, and its numbers against each other."""
    kind = answer.text_of("type")
    if kind not in TYPE_KEYS or kind is None:
        return
    needed, more = TYPE_KEYS[kind]
    for key, node in answer.pairs():
        if key in _OF_TYPES and key not in needed | more:
            hint = nearest(key, needed | more) or _keys_of(kind, needed | more)
            findings.error(node.key_place, "unknown-key", f"“{key}” is not a key of {kind}", hint)
    for key in sorted(needed):
        if answer.get(key) is None:
            findings.error(answer.place, "missing-key", f"“{key}” is missing", f"{kind} needs it")
    _check_order(answer, "from", "to", findings, apart=True)
    _check_order(answer, "min", "max", findings, apart=kind == "slider")
    _check_step(answer, findings)
    if kind in ("text", "multi"):
        _check_bounds(answer, kind, findings)
    for listed in ("options", "rows"):
        _unique(answer.entries(listed) if listed == "options" else (), findings)
    _check_labels(answer, findings)


def _keys_of(kind: str, keys: Collection[str]) -> str:
    return f"{kind} has {', '.join(sorted(keys))}" if keys else f"{kind} has no keys of its own"


def _number(node: Node, key: str) -> tuple[Node, int | Decimal] | None:
    child = node.get(key)
    return (child, child.number) if child and child.number is not None else None


def _check_order(answer: Node, low: str, high: str, findings: Findings, *, apart: bool) -> None:
    first, last = _number(answer, low), _number(answer, high)
    if first and last and (last[1] < first[1] or (apart and last[1] == first[1])):
        message = f"“{high}” is {last[1]} and “{low}” is {first[1]}"
        findings.error(last[0].place, "invalid-value", message, f"“{high}” is the greater one")


def _check_step(answer: Node, findings: Findings) -> None:
    step = _number(answer, "step")
    if step and step[1] <= 0:
        findings.error(step[0].place, "invalid-value", f"the step is {step[1]}", "a step is above 0")


def _check_bounds(answer: Node, kind: str, findings: Findings) -> None:
    """Numbers of characters and of choices are whole, and no more than there can be."""
    most = MAX_TEXT if kind == "text" else len(answer.entries("options"))
    least = 1 if kind == "text" else 0
    for key in ("min", "max"):
        found = _number(answer, key)
        if found and (found[1] != int(found[1]) or not least <= found[1] <= most):
            message = f"“{key}” is {found[1]}"
            findings.error(found[0].place, "invalid-value", message, f"a whole number from {least} to {most}")


def _check_labels(answer: Node, findings: Findings) -> None:
    first, last = _number(answer, "from"), _number(answer, "to")
    for step, node in answer.mapped("labels"):
        known = step.removeprefix("-").isdecimal()
        if known and first and last and not first[1] <= int(step) <= last[1]:
            findings.error(node.key_place, "invalid-value", f"the scale has no step {step}", f"{first[1]} to {last[1]}")


# --- scores ---------------------------------------------------------------------------------------


def _check_scores(scores: dict[str, Node], answers: set[str], findings: Findings) -> None:
    for score in scores.values():
        made_of = [key for key in ("items", "of") if score.get(key) is not None]
        if len(made_of) != 1:
            hint = "write items: with items' ids, or of: with scores' names"
            findings.error(score.place, "missing-key", "a score is made of either items or scores", hint)
        _check_named(score.entries("items"), answers, "item", findings)
        _check_named(score.entries("of"), scores, "score", findings)
        parts = {entry.text for key in made_of for entry in score.entries(key) if entry.text}
        for name, node in score.mapped("weights"):
            if name not in parts:
                message = f"“{name}” is not part of this score"
                findings.error(node.key_place, "missing-target", message, nearest(name, parts))
        _check_outcome(score, findings)
    _check_loops(scores, findings)


def _check_named(entries: Iterable[Node], known: Collection[str], what: str, findings: Findings) -> None:
    for entry in entries:
        if entry.text and entry.text not in known:
            findings.error(
                entry.place, "missing-target", f"there is no {what} “{entry.text}”", nearest(entry.text, known)
            )


def _check_outcome(score: Node, findings: Findings) -> None:
    ends = [entry.number for entry in score.entries("scale_to")]
    match ends:
        case [int() | Decimal() as low, int() | Decimal() as high] if high <= low:
            place = score.entries("scale_to")[1].place
            findings.error(place, "invalid-value", f"the range ends at {high}, below {low}", "write [lower, upper]")
    missing = score.get("missing")
    if missing and missing.text_of("then") == "impute" and missing.get("value") is None:
        findings.error(missing.place, "missing-key", "“value” is missing", "impute needs the answer it puts in")
    for _, bands in score.mapped("bands"):
        before: int | Decimal | None = None
        for edge in _edges(bands):
            if before is not None and edge.number is not None and edge.number <= before:
                message = f"the band at {edge.number} comes after the one at {before}"
                findings.error(edge.place, "invalid-value", message, "write bands from the lowest edge up")
            before = edge.number


def _edges(bands: Node) -> Iterator[Node]:
    for band in bands.listed():
        parts = band.listed()
        if parts and parts[0].number is not None:
            yield parts[0]


def _check_loops(scores: dict[str, Node], findings: Findings) -> None:
    """A score may not be made of itself, through others either; the first score of a loop is named."""
    of = {name: [entry.text for entry in score.entries("of") if entry.text in scores] for name, score in scores.items()}
    done: set[str] = set()
    while ready := [name for name in of if name not in done and all(part in done for part in of[name])]:
        done.update(ready)
    for name, score in scores.items():
        if name not in done:
            message = f"the score “{name}” is made of itself"
            findings.error(score.key_place, "invalid-value", message, "let scores build on others only one way")
            return


# --- recommendations ------------------------------------------------------------------------------


def _check_recommendation(entry: Node, findings: Findings) -> None:
    targets = [kind for kind in KINDS if entry.get(kind) is not None]
    if len(targets) != 1:
        message = f"a recommendation names one resource; here are {len(targets)}"
        findings.error(
            entry.place, "missing-key" if not targets else "invalid-value", message, "write module: and its id"
        )
    if entry.get("because") is not None and entry.get("id") is None:
        findings.error(entry.place, "missing-key", "“id” is missing", "translations of `because` find it by its id")
