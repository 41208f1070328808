import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.cache.frames import Frame, seal, unseal

SECRET = bytes(range(32))
FRAME = Frame(
    "k", "northbridge", 200, (("ETag", '"abc"'), ("Content-Language", "cy, en-GB")), b'{"title": "Yr awr gyntaf"}'
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
frames = st.builds(
    Frame,
    key=texts,
    organisation=texts,
    status=st.integers(100, 599),
    headers=st.lists(st.tuples(texts, texts), max_size=5).map(tuple),
    body=st.binary(max_size=200),
    family=st.just(""),
)


def opened(data, frame, secret=SECRET):
    return unseal(data, key=frame.key, organisation=frame.organisation, secret=secret)


@given(frames)
def test_round_trip(frame):
    """Every frame comes back from its bytes as it was."""
    assert opened(seal(frame, SECRET), frame) == frame


@given(frames, st.data())
def test_changed_byte(frame, data):
    """A sealed frame with any one byte changed is nothing."""
    sealed = bytearray(seal(frame, SECRET))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    assert opened(bytes(sealed), frame) is None


@given(frames, st.data())
def test_cut_short(frame, data):
    """A sealed frame that was cut short anywhere is nothing."""
    sealed = seal(frame, SECRET)
    assert opened(sealed[: data.draw(st.integers(0, len(sealed) - 1))], frame) is None


@given(frames, st.binary(min_size=1, max_size=20))
def test_made_longer(frame, more):
    """A sealed frame with anything after it is nothing."""
    assert opened(seal(frame, SECRET) + more, frame) is None


@given(st.binary(max_size=300))
def test_any_bytes(data):
    """Bytes that nobody sealed are nothing, with or without our mark in front."""
    assert opened(data, FRAME) is None
    assert opened(b"CKF1" + data, FRAME) is None


@pytest.mark.parametrize(
    ("key", "organisation", "secret"),
    [("other", "northbridge", SECRET), ("k", "harbour", SECRET), ("k", "northbridge", bytes(32))],
    ids=["key", "organisation", "secret"],
)
def test_of_another(key, organisation, secret):
    """A frame is not opened under another key, for another organisation or with another secret."""
    assert unseal(seal(FRAME, SECRET), key=key, organisation=organisation, secret=secret) is None
