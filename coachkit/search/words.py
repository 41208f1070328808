"""Cuts a text into words and folds them: case, accents, apostrophes and hyphens do not tell two words apart.

Knows letters, not languages: which language joins words how is said by the caller.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_APOSTROPHES: Final = "'’ʼ‘`´＇"  # noqa: RUF001 what readers type for one
_HYPHENS: Final = "‐‑-"  # noqa: RUF001 the same; last in a class a hyphen is itself
_UNSPACED: Final = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts that put no spaces between words: each character is taken for a word."""
_MARKS: Final = r"\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0670"
"""Accents, and the vowel points of Hebrew and Arabic."""
_RUN: Final = rf"[^\W_{_UNSPACED}][^\W_{_UNSPACED}]*(?:[{_MARKS}]+[^\W_{_UNSPACED}]*)*"
_MARK: Final = re.compile(rf"[{_MARKS}]")
_HYPHEN: Final = re.compile(rf"[{_HYPHENS}]")
_APOSTROPHE: Final = re.compile(rf"[{_APOSTROPHES}]")
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ı": "i"}  # noqa: RUF001
)
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")

APART: Final = re.compile(rf"[{_UNSPACED}]|{_RUN}(?:[{_HYPHENS}]{_RUN})*")
"""A word, where an apostrophe parts two: Welsh o'r, French l'entretien."""
TOGETHER: Final = re.compile(rf"[{_UNSPACED}]|{_RUN}(?:[{_APOSTROPHES}{_HYPHENS}]{_RUN})*")
"""A word, where an apostrophe stands within one: English don't, employer's."""


def clean(text: str) -> str:
    """A text with its letters composed and nothing in it that breaks a word without being seen."""
    return unicodedata.normalize("NFC", text if text.isascii() else _INVISIBLE.sub("", text))


def fold(word: str) -> str:
    """A word in lower case without accents, so that `tŷ`, `Tŷ` and `ty` are one."""
    if word.isascii():
        return word.lower()
    bare = _MARK.sub("", unicodedata.normalize("NFKD", word.casefold()))
    return _APOSTROPHE.sub("", bare).translate(_LETTERS)


@lru_cache(maxsize=16_384)
def forms(word: str) -> tuple[str, ...]:
    """What a word of a text is found by: itself folded, and of one with hyphens each part and all of it as one.

    Texts have the same words over and over, so some are remembered; never give it what a reader typed.
    """
    parts = _parts(word)
    return parts if len(parts) == 1 else (*parts, "".join(parts))


def asked(word: str) -> tuple[str, ...]:
    """The words that a reader's word asks for: `follow-up` for two, but `e-mail` for one."""
    parts = _parts(word)
    return ("".join(parts),) if any(len(part) == 1 for part in parts) else parts


def _parts(word: str) -> tuple[str, ...]:
    return tuple(fold(_APOSTROPHE.sub("", part)) for part in _HYPHEN.split(word))
