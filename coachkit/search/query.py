"""What a reader's words stand for in an index: themselves, their other forms, their completions, what was meant.

There is no syntax: every character that is no letter or digit only parts words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from coachkit.search import words
from coachkit.search.index import Index, Vocabulary

MOST_WORDS: Final = 20
"""Words of a query that are looked for; nobody's question needs more, and each takes time."""
MOST_COMPLETIONS: Final = 64
"""Completions of one word, the shortest first."""

EXACT: Final = 1.0
FORM: Final = 0.9
"""Another form of the word: a plural, an -ing, a mutation."""
PREFIX: Final = 0.6
MISSPELT: Final = (0.4, 0.3)
"""By how many edits away it is."""

Surface = tuple[str, str]
"""A language and a word of the texts in it, folded."""


@dataclass(frozen=True)
class Wanted:
    """One of a reader's words: the words of the texts that it may mean, and how well each fits (0 to 1).

    `little` says that it is a word such as *how* or *sut*, which says little about what is looked for.
    """

    surfaces: Mapping[Surface, float]
    little: bool = False


def understand(index: Index, question: str) -> tuple[Wanted, ...]:
    """What each of the words stands for in this index, without those that stand for nothing in it.

    The last word may still be being typed, unless a space follows it.
    """
    wanted: list[Wanted] = []
    for word, typing in _asked(index, words.clean(question)).items():
        surfaces: dict[Surface, float] = {}
        for code, vocabulary in index.vocabularies.items():
            known = _known(vocabulary, word, typing=typing)
            surfaces.update({(code, surface): fit for surface, fit in known.items()})
        surfaces = surfaces or _meant(index, word)
        if surfaces:
            wanted.append(Wanted(surfaces, little=_is_little(index, word)))
    if all(each.little for each in wanted):
        return tuple(Wanted(each.surfaces) for each in wanted)
    return tuple(wanted)


def edits(word: str) -> int:
    """How many typing errors a word may have: letters wrong, missing, too many, or two that changed places."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2  # noqa: PLR2004 the rule is these two numbers


def _asked(index: Index, text: str) -> dict[str, bool]:
    """The words that are asked for, as any language of the index cuts them, and whether each may go on."""
    found: dict[str, bool] = {}
    for vocabulary in index.vocabularies.values():
        for match in vocabulary.language.word.finditer(text):
            *before, last = words.asked(match[0])
            found.update(dict.fromkeys(before, False))
            found[last] = found.get(last, False) or match.end() == len(text)
    return dict(islice(found.items(), MOST_WORDS))


def _is_little(index: Index, word: str) -> bool:
    """Whether a word says little in any language of the index, as a letter by itself does (the s of *employer's*)."""
    letter = len(word) == 1 and word.isascii()
    return letter or any(word in vocabulary.language.stops for vocabulary in index.vocabularies.values())


def _known(vocabulary: Vocabulary, word: str, *, typing: bool) -> dict[str, float]:
    """The words of the texts that are this one, a form of it, or where it is being typed begin with it."""
    found = {word: EXACT} if word in vocabulary.postings else {}
    for root in vocabulary.language.roots(word):
        for surface in vocabulary.surfaces(root):
            found.setdefault(surface, FORM)
    if typing and len(word) >= (4 if found else 2):
        completions = sorted(vocabulary.beginning(word), key=lambda each: (len(each), each))
        for completion in completions[:MOST_COMPLETIONS]:
            for surface in vocabulary.surfaces(completion):
                found.setdefault(surface, PREFIX)
    return found


def _meant(index: Index, word: str) -> dict[Surface, float]:
    """The words of the texts that a misspelt word most likely means: those the fewest edits away, and their forms."""
    if not (most := edits(word)):
        return {}
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    near: dict[int, dict[Surface, float]] = {}
    for code, vocabulary in index.vocabularies.items():
        spellings = vocabulary.spellings
        for spelling, distance, _ in process.extract(
            word, spellings, scorer=OSA.distance, score_cutoff=most, limit=None
        ):
            for surface in vocabulary.surfaces(spelling):
                near.setdefault(distance, {})[code, surface] = MISSPELT[distance - 1]
    return near[min(near)] if near else {}
