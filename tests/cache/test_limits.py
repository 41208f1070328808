import json
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.cache.limits import PARTS, Buckets, recorded, share, whole

MINUTE = 60.0
LATER = MINUTE / PARTS
"""How much later than after the limit's time a token may come back."""


class Clock:
    """A monotonic clock that stands until it is moved."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(clock):
    def buckets(quota=10, seconds=MINUTE, most=100):
        return Buckets(quota, seconds, most, clock)

    return buckets


def spend(buckets, caller="a", times=1):
    """How many of so many tokens a caller gets."""
    return sum(buckets.spend(caller).granted for _ in range(times))


def test_as_many_as_there_are(make):
    """A caller gets its tokens at any speed, and then none; others have their own."""
    buckets = make()
    assert spend(buckets, times=25) == 10
    assert spend(buckets, "b", 25) == 10


def test_standing(make, clock):
    """Each token that is taken leaves one less, and whoever is refused hears after which time it gets one."""
    buckets = make()
    assert [buckets.spend("a").left for _ in range(11)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    refused = buckets.spend("a")
    assert not refused.granted
    assert refused.wait == MINUTE
    clock.now += refused.wait - 0.01
    assert not buckets.spend("a").granted
    clock.now += 0.02
    assert buckets.spend("a") == (True, 9, MINUTE)


def test_tokens_come_back_as_they_were_spent(make, clock):
    """Not all of them come back at once, but each after its time."""
    buckets = make()
    spend(buckets, times=4)
    clock.now += 30
    spend(buckets, times=6)
    assert spend(buckets) == 0
    clock.now += 30 + LATER
    assert spend(buckets, times=10) == 4
    clock.now += 30
    assert spend(buckets, times=10) == 6


PAUSES = st.lists(st.floats(0, 40, allow_nan=False), min_size=1, max_size=60)


@given(quota=st.integers(1, 8), pauses=PAUSES)
def test_never_more_in_any_minute(quota, pauses):
    """In no minute, wherever it begins, does a caller get more than the quota."""
    clock = Clock()
    buckets = Buckets(quota, MINUTE, 10, clock)
    granted = []
    for pause in pauses:
        clock.now += pause
        if buckets.spend("a").granted:
            granted.append(clock.now)
    for began in granted:
        assert sum(began <= at < began + MINUTE for at in granted) <= quota


@given(quota=st.integers(1, 8), pauses=PAUSES)
def test_never_less(quota, pauses):
    """Whoever asks for no more than the quota in a time that little longer is never refused."""
    clock = Clock()
    buckets = Buckets(quota, MINUTE, 10, clock)
    asked = []
    for pause in pauses:
        clock.now += pause
        if sum(clock.now - at < MINUTE + LATER for at in asked) < quota:
            asked.append(clock.now)
            assert buckets.spend("a").granted


@given(pauses=PAUSES)
def test_what_is_left_is_there(pauses):
    """Whatever happened before, as many as are left can be taken at once, and after the wait one more."""
    clock = Clock()
    buckets = Buckets(5, MINUTE, 10, clock)
    for pause in pauses:
        clock.now += pause
        left = buckets.spend("a").left
    assert spend(buckets, times=left + 1) == left
    clock.now += buckets.spend("a").wait + 0.001
    assert buckets.spend("a").granted


def test_many_threads(make):
    """However many threads ask at once, no token is given twice."""
    buckets, start, got = make(quota=20_000), threading.Barrier(8), []

    def ask():
        start.wait()
        got.append(spend(buckets, times=5_000))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 20_000


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # that threads and forks do not go together
def test_a_child_begins_anew(make):
    """A forked child has its buckets full, whatever its parent was doing with them, and the parent keeps its own."""
    buckets = make()
    spend(buckets, times=10)
    there, end = os.pipe()
    with buckets._lock:  # noqa: SLF001 — as another thread would hold it at that moment
        child = os.fork()
        if not child:
            os.write(end, json.dumps([spend(buckets, times=20), len(buckets)]).encode())
            os._exit(0)
    os.waitpid(child, 0)
    assert json.loads(os.read(there, 100)) == [10, 1]
    assert spend(buckets) == 0
    os.close(there)
    os.close(end)


def test_bounded(make):
    """However many callers there are, no more than so many are held."""
    buckets = make(most=100)
    for number in range(1_000):
        spend(buckets, f"{number}")
        assert len(buckets) <= 100


def test_who_is_forgotten_has_all_tokens(make, clock):
    """Those go whose tokens are all back; whoever has spent some has still spent them."""
    buckets = make(most=100)
    for number in range(90):
        spend(buckets, f"old {number}", 10)
    clock.now += MINUTE + LATER
    spend(buckets, "a", 10)
    for number in range(30):
        spend(buckets, f"new {number}")
    assert spend(buckets) == 0
    assert len(buckets) == 31


def test_who_spent_most_is_not_forgotten(make):
    """Where more callers than are held have spent something, those who spent least are forgotten first."""
    buckets = make(most=100)
    spend(buckets, "a", 10)
    for number in range(10_000):
        spend(buckets, f"{number}")
    assert spend(buckets) == 0


@pytest.mark.parametrize(
    ("quota", "processes", "each"),
    [(6_000, 1, 6_000), (6_000, 2, 6_000), (6_000, 3, 4_000), (6_000, 8, 1_500), (20, 16, 2), (5, 3, 3), (1, 8, 1)],
)
def test_share(quota, processes, each):
    """Each process has twice its share, never more than the whole, and at least one."""
    assert share(quota, processes) == each


@given(st.integers(1, 10_000), st.integers(1, 64))
def test_shares_together(quota, processes):
    """All together have at most twice the quota, unless that is less than one for each."""
    assert share(quota, processes) * processes <= max(2 * quota, processes)


def test_recorded():
    """Where spending is recorded the record says how a caller stands, and when the oldest that counts is over."""
    assert recorded(3, 60, []) == (True, 2, 60)
    assert recorded(3, 60, [70, 60]) == (True, 2, 60)
    assert recorded(3, 60, [10, 50]) == (True, 0, 10)
    assert recorded(3, 60, [10, 50, 20]) == (False, 0, 10)
    assert recorded(3, 60, [1, 10, 50, 20]) == (False, 0, 40)


@pytest.mark.parametrize(("seconds", "told"), [(0, 1), (0.2, 1), (1, 1), (1.01, 2), (59.5, 60)])
def test_whole_seconds(seconds, told):
    """Seconds are told rounded up, and never as none."""
    assert whole(seconds) == told
