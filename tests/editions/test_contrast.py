import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.editions.contrast import DEFAULTS, ROLES, ratio, too_faint

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.00),
        ("#0000ff", "#ffffff", 8.59),
        ("#00ff00", "#000000", 15.30),
        ("#949494", "#ffffff", 3.03),
    ],
)
def test_known_ratios(one, other, expected):
    """Ratios are those of WCAG 2.2, as published for well-known pairs."""
    assert ratio(one, other) == pytest.approx(expected, abs=0.005)


@given(COLOURS, COLOURS)
def test_symmetry_and_bounds(one, other):
    """A ratio does not depend on which colour is in front, and lies between 1 and 21."""
    assert ratio(one, other) == ratio(other, one)
    assert 1 <= ratio(one, other) <= 21.0000001


@given(COLOURS)
def test_case_does_not_matter(colour):
    """A colour is the same in capitals."""
    assert ratio(colour.upper(), "#ffffff") == ratio(colour, "#ffffff")


def test_defaults_are_readable():
    """A brand that names no colour is readable, and every role has a default."""
    assert too_faint({}) == []
    assert set(DEFAULTS) == set(ROLES)


@pytest.mark.parametrize(
    ("role", "least", "faint", "enough"),
    [
        ("text", 4.5, "#777777", "#767676"),
        ("link", 4.5, "#777777", "#767676"),
        ("heading", 3.0, "#959595", "#949494"),
        ("control", 3.0, "#959595", "#949494"),
        ("focus", 3.0, "#959595", "#949494"),
    ],
)
def test_each_pair_has_its_least(role, least, faint, enough):
    """Text and links need 4.5 on the background; large text, control boundaries and focus indicators 3."""
    (found,) = too_faint({role: faint})
    assert (found.pair.role, found.pair.least, found.colour, found.background) == (role, least, faint, "#ffffff")
    assert found.ratio == ratio(faint, "#ffffff") < least
    assert too_faint({role: enough}) == []


def test_background_is_judged_with_defaults():
    """A background of the brand's own is judged against the colours that the brand leaves as they are."""
    assert {each.pair.role for each in too_faint({"background": "#000000"})} == {"text", "heading", "link", "focus"}
