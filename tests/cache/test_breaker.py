import threading

import pytest

from coachkit.cache.breaker import FAILURES, PAUSE_SECONDS, Breaker


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def said():
    return []


@pytest.fixture
def breaker(clock, said):
    return Breaker(on_open=lambda: said.append("open"), on_close=lambda: said.append("close"), clock=clock)


def fail(breaker, times=FAILURES):
    for _ in range(times):
        breaker.failed()


def test_fewer_failures_than_it_takes_keep_it_closed(breaker, said):
    """One failure less than it takes, and everybody may still ask."""
    fail(breaker, FAILURES - 1)
    assert (breaker.allows(), breaker.open, said) == (True, False, [])


def test_failures_in_a_row_open_it(breaker, said):
    """After that many in a row nobody may ask, and it is said once."""
    fail(breaker, FAILURES + 2)
    assert (breaker.allows(), breaker.open, said) == (False, True, ["open"])


def test_a_success_between_starts_the_count_anew(breaker):
    """Failures with a success between them are not in a row."""
    fail(breaker, FAILURES - 1)
    breaker.succeeded()
    fail(breaker, FAILURES - 1)
    assert breaker.allows()


def test_one_may_try_after_the_pause(breaker, clock):
    """At the end of a pause one is let through, and the others wait for the next."""
    fail(breaker)
    clock.now += PAUSE_SECONDS
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    clock.now += PAUSE_SECONDS
    assert [breaker.allows() for _ in range(2)] == [True, False]


def test_a_try_that_succeeds_closes_it(breaker, clock, said):
    """One that tried and succeeded lets everybody ask again, and it is said once."""
    fail(breaker)
    clock.now += PAUSE_SECONDS
    breaker.allows()
    breaker.succeeded()
    breaker.succeeded()
    assert ([breaker.allows() for _ in range(3)], breaker.open, said) == ([True] * 3, False, ["open", "close"])


def test_a_try_that_fails_keeps_it_open(breaker, clock, said):
    """One that tried and failed makes everybody wait another pause, without saying it again."""
    fail(breaker)
    clock.now += PAUSE_SECONDS
    breaker.allows()
    breaker.failed()
    clock.now += PAUSE_SECONDS / 2
    assert (breaker.allows(), said) == (False, ["open"])


def test_of_many_threads_one_tries(breaker, clock):
    """However many ask at the end of a pause, one is let through."""
    fail(breaker)
    clock.now += PAUSE_SECONDS
    start, allowed = threading.Barrier(16), []

    def ask():
        start.wait()
        allowed.append(breaker.allows())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(allowed) == [False] * 15 + [True]
