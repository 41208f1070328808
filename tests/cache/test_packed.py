"""Packed frames: whatever they are packed against, each comes back as it was, within the bound."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.cache.frames import Frame
from coachkit.cache.packed import PackedShelf, Pattern, pack, unpack

ALIKE = b"".join(b"Sentence %d that all organisations have. " % n for n in range(100))
FRAMES = st.builds(
    Frame,
    key=st.text(max_size=8),
    organisation=st.text(max_size=8),
    status=st.just(200),
    headers=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3).map(tuple),
    body=st.one_of(st.binary(max_size=50), st.binary(max_size=20).map(lambda own: ALIKE + own)),
    family=st.sampled_from(["", "module", "list"]),
)


def one(n, body=ALIKE, family="module"):
    return Frame(f"key {n}", f"org-{n}", 200, (("ETag", f'"{n}"'),), body + b"%d" % n, family)


def noise(n, length=2_000):
    return random.Random(n).randbytes(length)


def kept(shelf, frame):
    """Put a frame on a shelf as a store does."""
    pattern = shelf.pattern(frame)
    shelf.add(frame.key, pack(frame, pattern), pattern)


@given(FRAMES, st.one_of(st.none(), st.binary(max_size=40_000).map(Pattern)))
def test_whole_again(frame, pattern):
    """A frame comes back as it was, its family too, whatever it was packed against."""
    found = unpack(frame.key, pack(frame, pattern))
    assert found == frame


def test_against_its_like_it_is_small():
    """What a frame shares with its pattern takes no room; the pattern is not used where it does not help."""
    pattern = Pattern(one(1).body)
    assert len(pack(one(2), pattern).data) < len(pack(one(2), None).data) / 2
    assert pack(one(3, noise(3)), pattern).pattern is None


@given(st.integers(0, 30_000), st.lists(st.one_of(FRAMES, st.text(max_size=1)), max_size=60))
def test_bound_holds(size, steps):
    """After any frames put, dropped and found, the bytes are within the bound, and all that is there is whole."""
    shelf, put = PackedShelf(size), {}
    for step in steps:
        if isinstance(step, str):
            shelf.drop(step)
        else:
            put[step.key] = step
            kept(shelf, step)
        assert 0 <= shelf.bytes <= size
    for key in list(shelf):
        assert unpack(key, shelf.find(key)) == put[key]


def test_nothing_is_counted_that_is_gone():
    """When all frames have gone, the patterns that families have are all that is counted; then those may go too."""
    shelf = PackedShelf(200_000)
    for n in range(50):
        kept(shelf, one(n, family=f"family {n % 3}"))
    for key in list(shelf):
        shelf.drop(key)
    patterns = sum(shelf.pattern(one(n, family=f"family {n}")).size for n in range(3))
    assert (len(shelf), shelf.bytes) == (0, patterns)


def test_least_recently_found_leaves_first():
    """What was found last stays."""
    shelf = PackedShelf(20_000)
    for n in range(10):
        kept(shelf, one(n, noise(n, 1_000), family=""))
    assert shelf.find("key 0") is not None
    while shelf.evictions == 0:
        kept(shelf, one(len(shelf) + 10, noise(len(shelf), 1_000), family=""))
    assert ("key 0" in shelf, "key 1" in shelf) == (True, False)


def test_a_family_changes_its_pattern():
    """Where the frames of a family have become others, it gets another pattern, and those of before stay readable."""
    shelf = PackedShelf(500_000)
    kept(shelf, one(0))
    kept(shelf, one(1))
    before = shelf.find("key 1").pattern
    other = noise(0, 6_000)
    for n in range(2, 40):
        kept(shelf, one(n, other))
    after = shelf.find("key 39").pattern
    assert None is not after is not before
    assert unpack("key 1", shelf.find("key 1")) == one(1)


def test_patterns_take_a_part_only():
    """However many families there are, their patterns leave most of the room to frames."""
    shelf = PackedShelf(100_000)
    for n in range(200):
        kept(shelf, one(n, family=f"family {n}"))
    assert len(shelf) > 50
    assert sum(shelf.find(key).pattern is not None for key in list(shelf)) > 0


@pytest.mark.parametrize("size", [0, 100])
def test_no_room(size):
    """A shelf too small for anything keeps nothing."""
    shelf = PackedShelf(size)
    kept(shelf, one(1))
    assert (len(shelf), shelf.bytes) == (0, 0)
