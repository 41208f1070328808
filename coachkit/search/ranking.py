"""Which documents answer a query, and how well: BM25 over four fields, the best first.

Pure arithmetic over an index: the same question of the same documents has the same answer, whoever asks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coachkit.packs.model import Kind
from coachkit.search.index import Counts, Index, both, times
from coachkit.search.query import Wanted

WEIGHTS: Final = (12.0, 5.0, 2.5, 1.0)
"""What a word in the title, the summary, a heading and the text is worth."""
SATURATION: Final = 1.2
"""How soon one more of the same word adds little: k1 of Robertson and Zaragoza, The Probabilistic Relevance Framework
(2009), and below b, how much a long field is held against a word in it."""
LENGTH: Final = 0.5
LITTLE: Final = 0.1
"""What a word that says little is worth beside one that says something."""
DIGITS: Final = 4
NUMBER: Final = 1
"""Raised with every change that makes another answer of the same documents, here, in `query` or in `snippets`."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that answers: its number in the index, what it is, and its score, greater than 0."""

    document: int
    kind: Kind
    id: str
    score: float

    @property
    def place(self) -> tuple[float, str, str]:
        """Where it stands among the others: by score, and then by kind and id."""
        return (-self.score, self.kind, self.id)


def ranked(index: Index, wanted: Sequence[Wanted]) -> tuple[Hit, ...]:
    """The documents that have at least half of the words, in their order.

    What a document's words are worth counts the less, the more is missing of what all of them are worth.
    """
    scores: dict[int, float] = {}
    had: dict[int, float] = {}
    have: dict[int, int] = {}
    worths = 0.0
    for each in wanted:
        found = _scores(index, each)
        worth = rarity(len(found), len(index.keys)) * (LITTLE if each.little else 1.0)
        worths += worth
        for document, score in found.items():
            scores[document] = scores.get(document, 0.0) + worth * score
            had[document] = had.get(document, 0.0) + worth
            have[document] = have.get(document, 0) + (not each.little)
    needed = sum(not each.little for each in wanted)
    hits = (
        Hit(document, *index.keys[document], round(score * had[document] / worths, DIGITS))
        for document, score in scores.items()
        if have[document] * 2 >= needed
    )
    return tuple(sorted((hit for hit in hits if hit.score > 0), key=lambda hit: hit.place))


def rarity(documents: int, of: int) -> float:
    """What a word is worth that stands in so many documents: never nothing, in however many it stands."""
    return math.log(1 + (of - documents + 0.5) / (documents + 0.5))


def _scores(index: Index, wanted: Wanted) -> dict[int, float]:
    """For each document that has the word in any of its meanings: how well it fits, times how much of it there is."""
    counts: dict[int, Counts] = {}
    fits: dict[int, float] = {}
    for (code, surface), fit in wanted.surfaces.items():
        for document, counted in index.vocabularies[code].standing(surface):
            known = counts.get(document)
            if known is None:
                counts[document], fits[document] = counted, fit
            else:
                counts[document], fits[document] = both(known, counted), max(fits[document], fit)
    return {document: fits[document] * _weight(index, document, counted) for document, counted in counts.items()}


def _weight(index: Index, document: int, counts: Counts) -> float:
    total = 0.0
    for field, weight in enumerate(WEIGHTS):
        if often := times(counts, field):
            length = 1 - LENGTH + LENGTH * index.lengths[field][document]
            total += weight * often / (often + SATURATION * length)
    return total
