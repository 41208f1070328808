"""Cuts from a document's texts the passage that shows best why it was found, and marks the words that were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from typing import Final

from coachkit.search import words
from coachkit.search.entries import Text
from coachkit.search.languages import language, primary
from coachkit.search.markup import joined
from coachkit.search.query import Surface, Wanted

LONGEST: Final = 240
"""Characters of a snippet."""
_BEFORE: Final = 60
"""Characters that may stand before the first hit, so that a reader sees where it belongs."""
_MORE: Final = "…"
_ROOM: Final = LONGEST - 2 * len(_MORE)
_NEAR: Final = 12
"""Characters between two words that stand together: room for two little words."""
_TOGETHER: Final = 0.25
_POINTS: Final = (". ", "? ", "! ", "· ", ": ")


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a snippet, plain text; `hit` says whether it is what the reader looked for."""

    text: str
    hit: bool


@dataclass(frozen=True, slots=True)
class Snippet:
    """A passage in runs, and the locale it is in; without runs where a document has no text to cut from."""

    runs: tuple[Run, ...]
    locale: str | None


@dataclass(frozen=True, slots=True)
class _Found:
    """A hit in a passage: where it stands, which of the wanted words it is, and what it is worth."""

    start: int
    end: int
    word: int
    worth: float


@dataclass(frozen=True, slots=True)
class _Window:
    """The hits of a passage that fit into one snippet together."""

    text: str
    locale: str
    hits: tuple[_Found, ...]
    worth: float


def snippet(texts: Sequence[Text], wanted: Sequence[Wanted]) -> Snippet:
    """The passage with the most of what is wanted, of equal ones the first; without any, how the document begins."""
    meanings = _meanings(wanted)
    passages = list(_passages(texts))
    best: _Window | None = None
    for locale, text in passages:
        for window in _windows(locale, text, _hits(locale, text, meanings)):
            if best is None or window.worth > best.worth:
                best = window
    if best is None and passages:
        locale, text = passages[0]
        best = _Window(text, locale, (), 0.0)
    return Snippet(_runs(best), best.locale) if best else Snippet((), None)


def _meanings(wanted: Sequence[Wanted]) -> dict[Surface, tuple[int, float]]:
    """For each word of the texts that is wanted: for which of the wanted words it stands best, and how well."""
    found: dict[Surface, tuple[int, float]] = {}
    for number, each in enumerate(wanted):
        for surface, fit in each.surfaces.items():
            if not each.little and fit > found.get(surface, (0, 0.0))[1]:
                found[surface] = (number, fit)
    return found


def _passages(texts: Sequence[Text]) -> Iterator[tuple[str, str]]:
    """What a snippet may be cut from, with its locale: each text, and headings together with what they head."""
    heading: Text | None = None
    for text in texts:
        if not text.shown or text.role == "title":
            continue
        if heading and (text.role == "heading" or text.locale != heading.locale):
            yield heading.locale, heading.text
            heading = None
        if text.role == "heading":
            heading = text
        else:
            yield text.locale, joined([heading.text, text.text]) if heading else text.text
            heading = None
    if heading:
        yield heading.locale, heading.text


def _hits(locale: str, text: str, meanings: Mapping[Surface, tuple[int, float]]) -> list[_Found]:
    code = primary(locale)
    own = {surface: meaning for (of, surface), meaning in meanings.items() if of == code}
    found: list[_Found] = []
    if not own:
        return found
    for match in language(code).word.finditer(text):
        for form in words.forms(match[0]):
            if meaning := own.get(form):
                found.append(_Found(match.start(), match.end(), *meaning))
                break
    return found


def _windows(locale: str, text: str, hits: Sequence[_Found]) -> Iterator[_Window]:
    """For each hit, it and those after it that fit beside it.

    A word's first counts whole and its others a little; two words that stand together count for more.
    """
    for at, first in enumerate(hits):
        within = _beside(first, islice(hits, at, None))
        worth: dict[int, float] = {}
        for hit in within:
            worth[hit.word] = max(worth.get(hit.word, 0.0), hit.worth)
        together = sum(_stand_together(one, other) for one, other in pairwise(within))
        bonus = _TOGETHER * min(together, len(worth) - 1) + len(within) / 1000
        yield _Window(text, locale, within, sum(worth.values()) + bonus)


def _beside(first: _Found, hits: Iterable[_Found]) -> tuple[_Found, ...]:
    """Those of the hits that fit into a snippet with the first of them, which is always in it."""
    return tuple(takewhile(lambda hit: hit is first or hit.end <= first.start + _ROOM, hits))


def _stand_together(one: _Found, other: _Found) -> bool:
    return one.word != other.word and other.start - one.end <= _NEAR


def _runs(window: _Window) -> tuple[Run, ...]:
    start, end = _bounds(window)
    runs: list[Run] = []
    at = start
    before, after = _MORE if start else "", _MORE if end < len(window.text.rstrip()) else ""
    for hit in window.hits:
        runs.append(Run(window.text[at : hit.start], hit=False))
        runs.append(Run(window.text[hit.start : min(hit.end, end)], hit=True))
        at = hit.end
    runs.append(Run(window.text[at:end], hit=False))
    runs = [Run(before, hit=False), *runs, Run(after, hit=False)]
    return tuple(_merged(runs))


def _merged(runs: Sequence[Run]) -> Iterator[Run]:
    """The same text with neighbours of one sort as one run, and no empty ones."""
    held = Run("", hit=False)
    for run in runs:
        if run.hit == held.hit:
            held = Run(held.text + run.text, run.hit)
            continue
        if held.text:
            yield held
        held = run
    if held.text:
        yield held


def _bounds(window: _Window) -> tuple[int, int]:
    """Where the snippet begins and ends: at a point or between words, the hits within it."""
    text, room = window.text, _ROOM
    first = window.hits[0].start if window.hits else 0
    last = window.hits[-1].end if window.hits else 0
    if len(text) <= LONGEST:
        return 0, len(text)
    if last <= room:
        start = 0
    else:
        lead = text[max(first - min(_BEFORE, room - (last - first)), 0) : first]
        start = first - len(lead) + _after_point(lead)
    return start, max(_end(text, start, start + room), min(last, start + room))


def _after_point(lead: str) -> int:
    """Where in what stands before a hit to begin: after its first full stop, or else after its first space."""
    points = [lead.find(point) + len(point) for point in _POINTS if point in lead]
    return min(points) if points else lead.find(" ") + 1


def _end(text: str, start: int, most: int) -> int:
    if most >= len(text):
        return len(text)
    space = text.rfind(" ", start, most + 1)
    return most if space <= start else space
