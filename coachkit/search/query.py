"""What a reader's words stand for in an index: themselves, their other forms, their completions, what was meant.

There is no syntax: every character that is no letter or digit only parts words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from coachkit.search import words
from coachkit.search.index import Index

MOST_WORDS: Final = 20
"""Words of a query that are looked for; nobody's question needs more, and each takes time."""
MOST_COMPLETIONS: Final = 64
"""Completions of one word, the shortest first."""
_ELSE: Final = 2
"""Letters from which a word is completed that stands nowhere as it is, and below one that does."""
_ALSO: Final = 4

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

    The last word may still be being typed, unless a space follows it. Little words count only beside others, or where
    nothing else was asked for.
    """
    asked = _asked(index, words.clean(question))
    little = {word for word in asked if _is_little(index, word)}
    wanted: list[Wanted] = []
    for word, typing in asked.items():
        surfaces = _known(index, word)
        if typing and len(word) >= (_ALSO if surfaces else _ELSE):
            surfaces = _completed(index, word) | surfaces
        surfaces = surfaces or _meant(index, word)
        if surfaces:
            wanted.append(Wanted(surfaces, little=word in little and len(little) < len(asked)))
    return () if all(each.little for each in wanted) else tuple(wanted)


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


def _known(index: Index, word: str) -> dict[Surface, float]:
    """The words of the texts that are this one, or another form of it."""
    found: dict[Surface, float] = {}
    for code, vocabulary in index.vocabularies.items():
        if word in vocabulary.postings:
            found[code, word] = EXACT
        for root in vocabulary.language.roots(word):
            for surface in vocabulary.surfaces(root):
                found.setdefault((code, surface), FORM)
    return found


def _completed(index: Index, word: str) -> dict[Surface, float]:
    """The words of the texts that begin with this one, and their forms."""
    found: dict[Surface, float] = {}
    for code, vocabulary in index.vocabularies.items():
        completions = sorted(vocabulary.beginning(word), key=lambda each: (len(each), each))
        for completion in completions[:MOST_COMPLETIONS]:
            found |= {(code, surface): PREFIX for surface in vocabulary.surfaces(completion)}
    return found


def _meant(index: Index, word: str) -> dict[Surface, float]:
    """The words of the texts that a misspelt one most likely means, and their forms.

    Those the fewest edits away; of these those that begin as it does, since few go wrong in the first letter.
    """
    if not (most := edits(word)):
        return {}
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    near: dict[tuple[int, bool], dict[Surface, float]] = {}
    for code, vocabulary in index.vocabularies.items():
        spellings = vocabulary.spellings
        for spelling, distance, _ in process.extract(
            word, spellings, scorer=OSA.distance, score_cutoff=most, limit=None
        ):
            means = near.setdefault((distance, spelling[0] != word[0]), {})
            means |= {(code, surface): MISSPELT[distance - 1] for surface in vocabulary.surfaces(spelling)}
    return near[min(near)] if near else {}
