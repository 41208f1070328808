from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.confined import wire

FRAMES = st.lists(st.tuples(st.sampled_from([b"a", b"\0"]), st.binary(max_size=40)), max_size=6)


@given(FRAMES, st.lists(st.integers(1, 20), min_size=1, max_size=40))
def test_any_pieces(frames, sizes) -> None:
    """In whatever pieces frames arrive, they come out as they were, as soon as they are whole."""
    stream = b"".join(wire.frame(*each) for each in frames)
    together = wire.Frames(40)
    found = []
    while stream:
        size = sizes[len(stream) % len(sizes)]
        found += together.add(stream[:size])
        stream = stream[size:]
    assert found == frames


def test_too_long() -> None:
    """A frame that says that it is too long is refused before it has come."""
    with pytest.raises(ValueError, match="41 bytes"):
        list(wire.Frames(40).add(wire.frame(b"a", bytes(41))[:5]))


@pytest.mark.parametrize("cut", [0, 3, 5, 8])
def test_cut_off(cut: int) -> None:
    """A frame that is cut off is no frame."""
    reads, writes = os.pipe()
    os.write(writes, wire.frame(b"a", b"1234")[:cut])
    os.close(writes)
    assert wire.receive(reads) is None
    os.close(reads)


def test_more_than_a_pipe_holds() -> None:
    """A long frame is sent whole while the other side reads it."""
    reads, writes = os.pipe()
    payload = os.urandom(3 * 1024 * 1024)
    sending = threading.Thread(target=wire.send, args=(writes, b"a", payload))
    sending.start()
    assert wire.receive(reads) == (b"a", payload)
    sending.join()
    os.close(reads)
    os.close(writes)
