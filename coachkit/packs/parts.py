"""Texts in parts: what stands between two values that are filled in later, as JSON and back.

Knows the shapes of `Part` only, not where the texts come from or how they are filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from coachkit.packs.model import Fill, Link, Part, Parts, Picture, Reference, kind_named


def merged(parts: Iterable[Part]) -> Parts:
    """The same text with neighbouring strings joined and empty ones left out."""
    out: list[Part] = []
    text: list[str] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
            continue
        _flush(text, out)
        out.append(part)
    _flush(text, out)
    return tuple(out)


def fills(parts: Parts) -> Iterator[str]:
    """The names of the placeholders that stand in a text."""
    return (part.name for part in parts if isinstance(part, Fill))


def to_json(parts: Parts) -> list[Any]:
    """A text as JSON values: strings as they are, the others as an object with one telling key."""
    return [_part_to_json(part) for part in parts]


def from_json(values: Any) -> Parts:
    """The text that `to_json` wrote; ValueError for anything else."""
    if not isinstance(values, list):
        raise ValueError(f"a text in parts is a list, not {type(values).__name__}")  # noqa: TRY004 one error for all
    return tuple(_part_from_json(value) for value in values)


def reference_to_json(reference: Reference) -> list[str | None]:
    """A reference as four JSON values."""
    return [reference.pack, reference.kind, reference.id, reference.section]


def reference_from_json(value: Any) -> Reference:
    """The reference that `reference_to_json` wrote; ValueError for anything else."""
    match value:
        case [str() | None as pack, str() as name, str() as id_, str() | None as section] if kind := kind_named(name):
            return Reference(pack, kind, id_, section)
        case _:
            raise ValueError(f"{value!r:.80} is no reference")


def _flush(text: list[str], out: list[Part]) -> None:
    if joined := "".join(text):
        out.append(joined)
    text.clear()


def _part_to_json(part: Part) -> Any:
    match part:
        case str():
            return part
        case Fill(name, position):
            return {"fill": name, "position": position}
        case Link(target):
            return {"link": reference_to_json(target)}
        case Picture(name):
            return {"picture": name}


def _part_from_json(value: Any) -> Part:
    match value:
        case str():
            return value
        case {"fill": str() as name, "position": "text" | "href" as position}:
            return Fill(name, position)
        case {"link": target}:
            return Link(reference_from_json(target))
        case {"picture": str() as name}:
            return Picture(name)
        case _:
            raise ValueError(f"{value!r:.80} is no part of a text")
