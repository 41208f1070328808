"""The index of one set of documents in one locale: which words stand where, kept small, never changed once built.

Postings and BM25 are ours, for three reasons that were measured. Sets here are small, and SQLite's bm25() counts a word
for nothing once it stands in half of them. A thread stays behind for each index of tantivy's, and building one takes
three times the memory. And in neither can one word's forms, mutations and misspellings count together as one word.
What is hard is left to libraries: Snowball's stems, and rapidfuzz's edit distances.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from coachkit.packs.model import Kind
from coachkit.search import words
from coachkit.search.entries import ROLES, Entry, Text
from coachkit.search.languages import Language, language, primary

FIELDS: Final = len(ROLES)
_BITS: Final = 10
_MOST: Final = (1 << _BITS) - 1
"""A word that stands in one field more often than that stands there that often."""
_COUNTS: Final = (1 << _BITS * FIELDS) - 1
_DOCUMENT: Final = 250
"""Bytes for a document's key and lengths, and below for a word's place in a mapping: measured and rounded up."""
_PLACE: Final = 104

Counts = int
"""How often a word stands in each field of a document: `_BITS` for each, the last of ROLES in the lowest."""


def counted(field: int, often: int) -> Counts:
    """So many times in one field."""
    return min(often, _MOST) << _BITS * (FIELDS - 1 - field)


def times(counts: Counts, field: int) -> int:
    """How often in one field."""
    return counts >> _BITS * (FIELDS - 1 - field) & _MOST


def both(one: Counts, other: Counts) -> Counts:
    """The sum of two counts, field by field."""
    if (one | other) <= _MOST:
        return min(one + other, _MOST)
    return sum(counted(field, times(one, field) + times(other, field)) for field in range(FIELDS))


@dataclass(frozen=True)
class Vocabulary:
    """The words of one language in an index, as they stand, folded.

    `of_root` has, for a root that is not such a word or not the only one, the words that are forms of it.
    `spellings` are words and roots, sorted.
    """

    language: Language
    postings: Mapping[str, array[int]]
    of_root: Mapping[str, tuple[str, ...]]
    spellings: tuple[str, ...]

    def surfaces(self, spelling: str) -> tuple[str, ...]:
        """The words of the texts that a spelling stands for: itself, if it is one, and those that are forms of it."""
        own = (spelling,) if spelling in self.postings else ()
        return own + self.of_root.get(spelling, ())

    def beginning(self, prefix: str) -> Iterator[str]:
        """The spellings that begin so and go on, sorted."""
        at = bisect_left(self.spellings, prefix)
        while at < len(self.spellings) and self.spellings[at].startswith(prefix):
            if self.spellings[at] != prefix:
                yield self.spellings[at]
            at += 1

    def standing(self, surface: str) -> Iterator[tuple[int, Counts]]:
        """In which documents a word stands and how often, in the order of the documents."""
        for posting in self.postings.get(surface, ()):
            yield posting >> _BITS * FIELDS, posting & _COUNTS


@dataclass(frozen=True)
class Index:
    """The words of every document. `keys` are the documents' kinds and ids, by number; `size` is about its bytes."""

    keys: tuple[tuple[Kind, str], ...]
    vocabularies: Mapping[str, Vocabulary]
    lengths: tuple[array[float], ...]
    """For each field, how long it is in each document, as a multiple of the mean."""
    size: int
    _packed: tuple[bytes, ...]

    def texts(self, document: int) -> tuple[Text, ...]:
        """The texts of a document, as they were given."""
        return tuple(Text(*each) for each in orjson.loads(zlib.decompress(self._packed[document])))


def build(entries: Iterable[Entry]) -> Index:
    """The index of these documents. Takes them one by one and keeps their texts packed."""
    keys: list[tuple[Kind, str]] = []
    packed: list[bytes] = []
    lengths = [array("f") for _ in ROLES]
    drafts: dict[str, _Draft] = {}
    for document, entry in enumerate(entries):
        keys.append((entry.kind, entry.id))
        packed.append(_pack(entry.texts))
        for length, total in zip(lengths, _add(entry, document, drafts), strict=True):
            length.append(total)
    settled = {code: draft.settled() for code, draft in sorted(drafts.items())}
    own = tuple(_relative(length) for length in lengths)
    size = sum(map(sys.getsizeof, packed)) + sum(map(_size, settled.values())) + _DOCUMENT * len(keys)
    return Index(tuple(keys), settled, own, size, tuple(packed))


def _add(entry: Entry, document: int, drafts: dict[str, _Draft]) -> list[int]:
    """Note the words of a document, and give how many there are in each field."""
    texts: dict[str, list[list[str]]] = {}
    for text in entry.texts:
        fields = texts.setdefault(primary(text.locale), [[] for _ in ROLES])
        fields[ROLES.index(text.role)].append(text.text)
    totals = [0] * FIELDS
    for code, fields in texts.items():
        draft = drafts.get(code) or drafts.setdefault(code, _Draft(code))
        own = draft.add(document, ["\n".join(field) for field in fields])
        totals = [one + other for one, other in zip(totals, own, strict=True)]
    return totals


class _Draft:
    """The words of one language met so far."""

    def __init__(self, code: str) -> None:
        self.language = language(code)
        self.postings: dict[str, array[int]] = {}

    def add(self, document: int, fields: Sequence[str]) -> list[int]:
        """Note the words of a document's fields, and give how many there are in each."""
        found: dict[str, Counts] = {}
        totals: list[int] = []
        for field, text in enumerate(fields):
            met = Counter(self.language.word.findall(text))
            totals.append(met.total())
            for word, often in met.items():
                counts = counted(field, often)
                for form in words.forms(word):
                    known = found.get(form)
                    found[form] = counts if known is None else both(known, counts)
        for form, counts in found.items():
            postings = self.postings.get(form)
            if postings is None:
                postings = self.postings[form] = array("Q")
            postings.append(document << _BITS * FIELDS | counts)
        return totals

    def settled(self) -> Vocabulary:
        """The same, with what the words are forms of."""
        of_root: dict[str, list[str]] = {}
        for word in sorted(self.postings):
            for root in self.language.roots(word):
                if root != word:
                    of_root.setdefault(root, []).append(word)
        roots = {root: tuple(found) for root, found in of_root.items()}
        return Vocabulary(self.language, self.postings, roots, tuple(sorted({*self.postings, *roots})))


def _pack(texts: Iterable[Text]) -> bytes:
    values = [[each.role, each.locale, each.text, each.shown] for each in texts]
    return zlib.compress(orjson.dumps(values), level=1)


def _relative(lengths: array[float]) -> array[float]:
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    return array("f", (length / mean if mean else 1.0 for length in lengths))


def _size(vocabulary: Vocabulary) -> int:
    """About how many bytes a vocabulary takes: its words, its postings, and a place in a mapping for each."""
    own = sum(sys.getsizeof(word) + sys.getsizeof(found) + _PLACE for word, found in vocabulary.postings.items())
    roots = sum(sys.getsizeof(root) + sys.getsizeof(found) + _PLACE for root, found in vocabulary.of_root.items())
    return own + roots + sys.getsizeof(vocabulary.spellings)
