"""Words: what parts them, and which of them are one."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.search import words


def cut(pattern, text):
    return pattern.findall(words.clean(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Tŷ", "ty"),
        ("DŴR", "dwr"),
        ("café", "cafe"),
        ("naïve", "NAIVE"),
        ("Ångström", "angstrom"),
        ("straße", "STRASSE"),
        ("smørrebrød", "smorrebrod"),
        ("œuvre", "oeuvre"),
        ("Łódź", "lodz"),
        ("ﬁrst", "first"),
        ("İstanbul", "istanbul"),
        ("ΆΛΦΑ", "αλφα"),
        ("ё", "е"),
        ("e\u0301te\u0301", "été"),
    ],
)
def test_folding(one, other):
    """Case and accents do not tell words apart, in whichever way they are written."""
    assert words.fold(one) == words.fold(other)


@pytest.mark.parametrize(("one", "other"), [("dŵr", "dur"), ("o", "0"), ("l", "1"), ("н", "h"), ("ll", "l")])
def test_not_folding(one, other):
    """Different letters do."""
    assert words.fold(one) != words.fold(other)


@given(st.text(max_size=30))
def test_folding_is_settled(text):
    """A folded word, folded again, is the same."""
    once = words.fold(text)
    assert words.fold(once) == once


@pytest.mark.parametrize(
    ("text", "apart", "together"),
    [
        ("the employer’s don't", ["the", "employer", "s", "don", "t"], ["the", "employer’s", "don't"]),
        ("i'w o’r dŵr", ["i", "w", "o", "r", "dŵr"], ["i'w", "o’r", "dŵr"]),
        ("'quoted' words' end", ["quoted", "words", "end"], ["quoted", "words", "end"]),
        ("self-compassion—and more", ["self-compassion", "and", "more"], ["self-compassion", "and", "more"]),
        ("a_b, 3.5 C++ (x)", ["a", "b", "3", "5", "C", "x"], ["a", "b", "3", "5", "C", "x"]),
        ("面接の後", ["面", "接", "の", "後"], ["面", "接", "の", "後"]),
        ("co\u00adopera\u200btion", ["cooperation"], ["cooperation"]),
        ("cafe\u0301 q\u0301x", ["café", "q\u0301x"], ["café", "q\u0301x"]),
        ("- ' ’ – … \u0301", [], []),
    ],
)
def test_cutting(text, apart, together):
    """Words end at blanks and points; an apostrophe within one parts it or not, as the language has it."""
    assert cut(words.APART, text) == apart
    assert cut(words.TOGETHER, text) == together


@given(st.text(max_size=300))
def test_cutting_keeps_the_text(text):
    """Whatever the text, each word stands where it was found, and no letter or digit is in none."""
    for pattern in (words.APART, words.TOGETHER):
        left = pattern.sub(" ", words.clean(text))
        assert not any(character.isalnum() for character in left)


@pytest.mark.parametrize(
    ("word", "forms", "asked"),
    [
        ("Employer’s", ("employers",), ("employers",)),
        ("follow-up", ("follow", "up", "followup"), ("follow", "up")),
        ("e-mail", ("e", "mail", "email"), ("email",)),
        ("e‑bost", ("e", "bost", "ebost"), ("ebost",)),
        ("tŷ", ("ty",), ("ty",)),
    ],
)
def test_forms(word, forms, asked):
    """A word with a hyphen is found by its parts and as one; it asks for its parts, unless one is a mere letter."""
    assert words.forms(word) == forms
    assert words.asked(word) == asked


@given(st.text(max_size=100))
def test_clean_text_is_composed(text):
    """A clean text is in one normal form, so that what looks the same is the same."""
    assert unicodedata.is_normalized("NFC", words.clean(text))
