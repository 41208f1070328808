"""The index itself: counts that add up, texts that come back, a size that is honest."""

import gc
import tracemalloc

import pytest
from finding import doc
from hypothesis import given
from hypothesis import strategies as st

from coachkit.search.entries import ROLES
from coachkit.search.index import FIELDS, both, build, counted, times

COUNTS = st.lists(st.integers(0, 2_000), min_size=FIELDS, max_size=FIELDS)


def packed(counts):
    return sum(counted(field, often) for field, often in enumerate(counts))


@given(COUNTS, COUNTS)
def test_counts_add_up(one, other):
    """Counts are added field by field, and one field never runs over into the next."""
    total = both(packed(one), packed(other))
    most = times(packed([5_000] * FIELDS), 0)
    for field in range(FIELDS):
        assert times(total, field) == min(min(one[field], most) + min(other[field], most), most)


@pytest.mark.parametrize("often", [1, 3, 5_000])
def test_where_words_stand(often):
    """Each word is noted with how often it stands in each field of each document."""
    entries = [doc("a", title="Kind", text="kind " * often), doc("b", text="cruel")]
    vocabulary = build(entries).vocabularies["en"]
    ((document, counts),) = vocabulary.standing("kind")
    assert document == 0
    assert times(counts, ROLES.index("title")) == 1
    assert times(counts, ROLES.index("text")) == min(often, 1_023)
    assert [document for document, _ in vocabulary.standing("cruel")] == [1]
    assert list(vocabulary.standing("kindly")) == []


def test_texts_come_back():
    """The texts of a document are kept as they were given."""
    entry = doc("a", "cy", title="Tŷ", summary="Un", heading="Dau", text="Tri ’ “ \x00")
    assert build([doc("b"), entry]).texts(1) == entry.texts


def test_nothing():
    """An index of nothing, or of documents without a word, can be asked."""
    assert build([]).keys == ()
    assert build([doc("a", text="…")]).vocabularies["en"].spellings == ()


def test_completions():
    """The spellings that go on from a beginning come sorted, without the beginning itself."""
    vocabulary = build([doc("a", text="feed feedback feel feeling fee zebra")]).vocabularies["en"]
    assert list(vocabulary.beginning("feed")) == ["feedback"]
    assert list(vocabulary.beginning("fee")) == ["feed", "feedback", "feel", "feeling"]
    assert list(vocabulary.beginning("zz")) == []


def test_size():
    """What an index says of its size is at least what it takes, and not twice as much."""
    texts = [" ".join(f"word{(number * step) % 4_000}" for step in range(1, 400)) for number in range(60)]
    entries = [doc(f"d{number}", text=text) for number, text in enumerate(texts)]
    build(entries)  # what is remembered once for all indexes is not this one's
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    index = build(entries)
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert taken <= index.size <= 2 * taken
