"""Welsh initial mutations (treigladau): from a word as it stands to the words it may be a form of.

The first letters of a Welsh word change with what stands before it: *cyfweliad*, dy *gyfweliad*, fy *nghyfweliad*,
ei *chyfweliad*. One written form can come from several words (*lan* from *glan* and from *llan*), so a word has
candidates, and two words may be one if they share a candidate. Source of the table: the usual one of soft (meddal),
nasal (trwynol) and aspirate (llaes) mutation and of h before vowels, as in P. W. Thomas, Gramadeg y Gymraeg (1996).
"""

from __future__ import annotations

from typing import Final

_VOWELS: Final = "aeiouwy"
_SHORTEST: Final = 3
"""Letters of the shortest word that is taken for a mutated one, or for what it comes from: too many are shorter."""

_FROM: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("chwa", ()),  # chwarae, chwaith: no word begins with cwa, cwi or cwo
    ("chwi", ()),
    ("chwo", ()),
    ("gwa", ()),  # gwaith, gwasanaeth: for the same reason
    ("gwi", ()),
    ("gwo", ()),
    ("ngh", ("c",)),  # nasal: fy nghyfweliad
    ("ng", ("g",)),  # nasal: fy ngwaith
    ("mh", ("p",)),  # nasal: fy mhrofiad
    ("nh", ("t",)),  # nasal: fy nhîm
    ("ph", ("p",)),  # aspirate: ei phrofiad
    ("th", ("t",)),  # aspirate: ei thîm
    ("ch", ("c",)),  # aspirate: ei chyfweliad
    ("dd", ("d",)),  # soft: dy ddiwrnod
    ("ff", ()),  # a letter of its own, which does not mutate
    ("ll", ()),  # a radical
    ("rh", ()),  # a radical
    ("b", ("p",)),  # soft: dy brofiad
    ("d", ("t",)),  # soft: dy dîm
    ("g", ("c",)),  # soft: dy gyfweliad
    ("f", ("b", "m")),  # soft: dy fywyd, dy feddwl
    ("l", ("ll", "gl")),  # soft: dy lythyr; dy lanhau
    ("r", ("rh", "gr")),  # soft: dy restr; dy radd
    ("m", ("b",)),  # nasal: fy mywyd
    ("n", ("d",)),  # nasal: fy niwrnod
)
"""The beginning of a word, and those it may have come from. The first one that fits counts: digraphs are letters."""


def radicals(word: str) -> tuple[str, ...]:
    """The words that a folded word may be a form of: itself first, then what may have mutated into it."""
    found = (word, *_unmutated(word))
    return tuple(each for each in found if each == word or len(each) >= _SHORTEST)


def _unmutated(word: str) -> tuple[str, ...]:
    if len(word) < _SHORTEST:
        return ()
    if word[0] in _VOWELS:
        return (f"g{word}",)  # soft: dy waith, yr ardd
    if word[0] == "h" and word[1] in _VOWELS:
        return (word[1:],)  # h before vowels: ei hadborth
    for beginning, sources in _FROM:
        if word.startswith(beginning):
            return tuple(source + word[len(beginning) :] for source in sources)
    return ()
