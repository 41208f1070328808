import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from coachkit.cache.flight import Flight


def test_rendered_once():
    """Of many who miss the same key at once, one makes it and all the others find it."""
    flight, kept, made = Flight(), {}, []
    together = threading.Barrier(8)

    def ask(_):
        together.wait()
        with flight.key("a"):
            if "a" not in kept:
                made.append(threading.get_ident())
                kept["a"] = "rendered"
            return kept["a"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == ["rendered"] * 8
    assert len(made) == 1


def test_others_wait_for_the_first():
    """Whoever asks while the first one works gets its turn, as not the first, when that one has ended."""
    flight, working, turns = Flight(), threading.Event(), []

    def second():
        working.wait()
        with flight.key("a") as first:
            turns.append(("second", first))

    other = threading.Thread(target=second)
    other.start()
    with flight.key("a") as first:
        working.set()
        other.join(0.05)
        turns.append(("first", first))
    other.join()
    assert turns == [("first", True), ("second", False)]


def test_other_keys_do_not_wait():
    """Somebody who makes one key keeps nobody from another."""
    flight = Flight()
    with flight.key("a") as a, flight.key("b") as b:
        assert (a, b) == (True, True)


def test_waiting_is_bounded():
    """Nobody waits longer than the bound for one who does not end."""
    flight = Flight(wait=0.05)
    with flight.key("a"):
        began = time.monotonic()
        with flight.key("a") as first:
            assert not first
        assert 0.05 <= time.monotonic() - began < 1


def test_failure_lets_the_others_go():
    """When the first one fails, its error is its own, and the key is free again."""
    flight = Flight()
    with pytest.raises(ZeroDivisionError), flight.key("a"):
        raise ZeroDivisionError
    with flight.key("a") as first:
        assert first
