"""Welsh initial mutations: forms of one word share what they come from, and different words do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.search.welsh import radicals

SOFT = """
    profiad brofiad, pobl bobl, problem broblem, penderfyniad benderfyniad, pwysau bwysau, person berson,
    teulu deulu, teimlad deimlad, tystiolaeth dystiolaeth, taith daith, tasg dasg, tymor dymor,
    cyfweliad gyfweliad, cais gais, cyflogwr gyflogwr, cwestiwn gwestiwn, cymorth gymorth, cwmni gwmni,
    cyngor gyngor, clywed glywed, croeso groeso, cwrs gwrs, cryfder gryfder, camau gamau,
    bywyd fywyd, bwrdd fwrdd, blwyddyn flwyddyn, brawddeg frawddeg, blinder flinder,
    meddwl feddwl, mis fis, mentor fentor, methiant fethiant, merch ferch,
    diwrnod ddiwrnod, dechrau ddechrau, darllen ddarllen, diolch ddiolch, drws ddrws,
    gwaith waith, gyrfa yrfa, gobaith obaith, gradd radd, graddedigion raddedigion, gwybodaeth wybodaeth,
    gwasanaeth wasanaeth, gair air, gardd ardd, gofal ofal, glanhau lanhau, golau olau, gwlad wlad, gwneud wneud,
    llythyr lythyr, llais lais, llwyddo lwyddo, llwybr lwybr, llyfr lyfr,
    rhestr restr, rhan ran, rheolwr reolwr, rhesymau resymau
"""
NASAL = """
    cyfweliad nghyfweliad, cais nghais, cymhwyster nghymhwyster, cof nghof, profiad mhrofiad, pen mhen, pryder mhryder,
    teulu nheulu, tasg nhasg, gwaith ngwaith, gyrfa ngyrfa, gallu ngallu, gwrthod ngwrthod, bywyd mywyd, brawd mrawd,
    diwrnod niwrnod, dyfodol nyfodol, desg nesg
"""
ASPIRATE = """
    profiad phrofiad, pobl phobl, penderfyniad phenderfyniad, teulu theulu, teimladau theimladau, tristwch thristwch,
    cyfweliad chyfweliad, cyflogwr chyflogwr, cwestiwn chwestiwn, cwmni chwmni, cydweithwyr chydweithwyr,
    cwrtais chwrtais
"""
BEFORE_VOWELS = """
    adborth hadborth, ateb hateb, ymateb hymateb, amser hamser, ysgol hysgol, enw henw, egni hegni, awr hawr,
    ysgrifennu hysgrifennu, ofnau hofnau, incwm hincwm
"""
BOTH_MUTATED = """
    gyfweliad nghyfweliad, chyfweliad gyfweliad, waith ngwaith, brofiad mhrofiad, fywyd mywyd, ddiwrnod niwrnod,
    deulu theulu, yrfa ngyrfa, gwestiwn chwestiwn, phobl bobl
"""
DIFFERENT = """
    gardd hardd, coed oed, llaw glaw, merch perch, parch march, gwaith chwaith, mam pam, hawl mawl, llun clun,
    gwell pell, hen pen, hael cael, hael gael, haf gaf, rhodd modd, llais cais, cam am, ffrwd brwd, ffydd bydd,
    rhyw byw, rhoi troi, rhaid haid, swn cwn, trais llais, llawn iawn
"""


def pairs(text):
    return [tuple(pair.split()) for pair in text.replace("\n", " ").split(",")]


@pytest.mark.parametrize(("radical", "mutated"), pairs(f"{SOFT},{NASAL},{ASPIRATE},{BEFORE_VOWELS}"))
def test_mutated_words(radical, mutated):
    """A mutated word may come from its radical, whichever mutation it has met."""
    assert radical in radicals(mutated)


@pytest.mark.parametrize(("one", "other"), pairs(BOTH_MUTATED))
def test_two_mutated_words(one, other):
    """Two mutated forms of one word share the word that they come from."""
    assert set(radicals(one)) & set(radicals(other))


@pytest.mark.parametrize(("one", "other"), pairs(DIFFERENT))
def test_different_words(one, other):
    """Words that differ in their first letters only, and not as mutations do, stay two words."""
    assert not set(radicals(one)) & set(radicals(other))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("lan", {"glan", "llan"}),
        ("law", {"llaw", "glaw"}),
        ("ran", {"rhan", "gran"}),
        ("fawr", {"mawr", "bawr"}),
        ("ardd", {"gardd"}),
        ("hardd", {"ardd"}),
    ],
)
def test_ambiguous_forms(form, words):
    """A form that may come from several words has them all, beside itself."""
    assert set(radicals(form)) == {form} | words


@pytest.mark.parametrize(
    "word", ["ffrind", "ffordd", "llythyr", "rhestr", "chwilio", "chwarae", "gwaith", "pobl", "teulu", "cais", "swydd"]
)
def test_words_that_are_radical(word):
    """A beginning that no mutation makes is left alone; ff, ll, rh and chw are letters of their own."""
    assert radicals(word) == (word,)


@pytest.mark.parametrize("word", ["", "a", "y", "fy", "ei", "am", "ni", "gu"])
def test_short_words(word):
    """Words of one or two letters stand for themselves."""
    assert radicals(word) == (word,)


@given(st.text(max_size=12))
def test_any_word(word):
    """Whatever the word, it is the first of its own candidates, there are at most three, and none twice."""
    found = radicals(word)
    assert found[0] == word
    assert len(set(found)) == len(found) <= 3
