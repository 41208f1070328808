import math
import threading
from concurrent.futures import ThreadPoolExecutor

from coachkit.db.patience import Patience, current


def work(seconds):
    """Keep busy for so long."""
    threading.Event().wait(seconds)


def test_waiting_counts():
    """What is waited is gone from a patience, down to nothing."""
    patience = Patience(0.05)
    with patience.waiting():
        work(0.02)
        assert 0 < patience.left <= 0.03
    assert patience.left <= 0.03
    with patience.waiting():
        work(0.04)
        assert patience.left == 0
    assert patience.left == 0


def test_work_does_not_count():
    """What is not waited costs no patience."""
    patience = Patience(0.05)
    with patience.waiting():
        pass
    left = patience.left
    work(0.06)
    assert patience.left == left > 0.04


def test_waiting_within_waiting():
    """A wait within another counts once, and the outer one goes on counting after it."""
    patience = Patience(1)
    with patience.waiting():
        with patience.waiting():
            work(0.05)
        before = patience.left
        work(0.05)
        assert 0.85 < patience.left < before < 0.95 + 0.01


def test_current():
    """The innermost one counts, for its own thread only, and outside of any there is no end of patience."""
    outer, inner = Patience(5), Patience(1)
    assert current().left == math.inf
    with outer.ours():
        with inner.ours():
            assert current() is inner
        assert current() is outer
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: current().left).result() == math.inf
    assert current().left == math.inf
