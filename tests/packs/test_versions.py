from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.packs import versions
from coachkit.packs.versions import Range

NUMBER = st.integers(0, 3)
PRERELEASE = st.sampled_from(["", "-alpha", "-alpha.1", "-rc.2", "-rc.10", "-0"])
VERSION = st.builds("{}.{}.{}{}".format, NUMBER, NUMBER, NUMBER, PRERELEASE)
FINAL = st.builds("{}.{}.{}".format, NUMBER, NUMBER, NUMBER)
COMPARATOR = st.builds("{}{}".format, st.sampled_from([">=", "<=", "==", "!=", ">", "<"]), VERSION)
RANGE = st.one_of(st.just("*"), VERSION, st.lists(COMPARATOR, min_size=1, max_size=3).map(",".join))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("*", "0.0.1"),
        ("1.2.3", "1.2.3"),
        ("1.2", "1.2.0"),
        (">=1.2,<2", "1.2.0"),
        (" >= 1.2 , < 2 ", "1.99.0"),
        ("!=1.2.3", "1.2.4"),
        (">1", "1.0.1"),
        ("<=1", "1.0.0"),
        (">=2.0.0-rc.1,<3", "2.0.0-rc.2"),
        (">=2.0.0-rc.1,<3", "2.1.0"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("1.2.3", "1.2.3+build.5"),
        ("1.2.3+a", "1.2.3+a"),
        ("!=1.2.3+a", "1.2.3+b"),
    ],
)
def test_takes(text, version):
    """A range takes the versions that satisfy all its comparators."""
    assert Range.parse(text).matches(version)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("*", "1.0.0-rc.1"),
        ("1.2.3", "1.2.4"),
        ("1.2", "1.2.1"),
        (">=1.2,<2", "1.1.9"),
        (">=1.2,<2", "2.0.0"),
        (">=1.2,<2", "2.0.0-alpha"),
        (">=1.2,<2", "1.3.0-alpha"),
        ("!=1.2.3", "1.2.3"),
        ("!=1.2.3-rc.1", "1.2.3-rc.2"),
        (">=2.0.0-rc.2,<3", "2.0.0-rc.1"),
        (">=2.0.0-rc.1,<3", "2.1.0-rc.1"),
        ("1.2.3+a", "1.2.3+b"),
    ],
)
def test_leaves(text, version):
    """A range leaves what breaks a comparator, and pre-releases that it does not name."""
    assert not Range.parse(text).matches(version)


@pytest.mark.parametrize(
    "text",
    ["", " ", ",", ">=1,", "^1.2", "~1", "1.2,1.3", "1.2,<2", "latest", ">=", "=1", "===1", ">=v1", "01.2.3", "1.2.3.4",
     "1.x", "*,<2", ">=1 <2", "1.0.0-", "1.0.0-01", "٣.0.0"],
)  # fmt: skip
def test_unreadable_range_is_quoted(text):
    """What is no range is refused with a sentence that quotes the whole of it."""
    with pytest.raises(ValueError, match="not a range of versions") as caught:
        Range.parse(text)
    assert f"“{text}”" in str(caught.value)


@pytest.mark.parametrize("text", ["1", "1.2", "v1.2.3", "", "1.2.3\n", "1.2.3-", "1" * 5000 + ".0.0"])
def test_unreadable_version_is_refused(text):
    """What is no SemVer 2 version is a ValueError with a sentence, whatever its length."""
    with pytest.raises(ValueError, match="is not a SemVer version"):
        versions.parse(text)


@pytest.mark.parametrize("text", [">=" + "1" * 5000, "1," * 5000])
def test_long_range_is_refused(text):
    """A range of hostile length is refused, not worked on."""
    with pytest.raises(ValueError, match="range of versions"):
        Range.parse(text)


def test_precedence_is_semver():
    """Versions sort in the order that SemVer 2 section 11 gives, builds last."""
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
               "1.0.0-rc.1", "1.0.0", "1.0.0+a", "1.0.0+b", "1.2.0", "1.10.0", "2.0.0"]  # fmt: skip
    assert all(versions.key(low) < versions.key(high) for low, high in itertools.pairwise(ordered))


def test_best_of_none_is_none():
    """No match has no best."""
    assert Range.parse(">=2").best(["1.0.0", "2.0.0-rc.1"]) is None


def test_prints_as_written():
    """A range prints as its author wrote it."""
    assert str(Range.parse(" >=1.2, <2 ")) == " >=1.2, <2 "


@given(RANGE, st.lists(VERSION, max_size=8))
def test_best_matches_and_nothing_that_matches_is_higher(text, candidates):
    """The best is one that matches, and no other that matches has higher precedence."""
    wanted = Range.parse(text)
    matching = [version for version in candidates if wanted.matches(version)]
    best = wanted.best(iter(candidates))
    assert (best is None) == (not matching)
    assert best is None or (best in matching and all(versions.key(best) >= versions.key(other) for other in matching))


@given(st.lists(COMPARATOR, min_size=1, max_size=4), FINAL)
def test_comma_means_and(comparators, version):
    """For a final version, a list of comparators matches exactly where each alone does, in any order."""
    alone = all(Range.parse(comparator).matches(version) for comparator in comparators)
    for order in itertools.islice(itertools.permutations(comparators), 6):
        assert Range.parse(",".join(order)).matches(version) == alone


@given(st.text(max_size=40))
def test_any_text_is_a_range_or_a_value_error(text):
    """No text raises anything but ValueError."""
    with contextlib.suppress(ValueError):
        Range.parse(text).matches("1.0.0")
