from concurrent.futures import ThreadPoolExecutor

import pytest

from coachkit.db import breaker as module
from coachkit.db.breaker import Breaker


@pytest.fixture
def clock(monkeypatch):
    """Turns the breaker's clock."""
    now = [1_000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def turn(seconds):
        now[0] += seconds

    return turn


def test_lets_all_through():
    """As long as nobody waited in vain, everybody may ask."""
    breaker = Breaker()
    assert [breaker.allows(), breaker.allows(), breaker.open] == [True, True, False]


def test_opens_at_once(clock):
    """After one who waited in vain nobody may ask, until the pause is over."""
    breaker = Breaker()
    breaker.failed()
    assert breaker.open
    clock(module.PAUSE_SECONDS - 0.01)
    assert not breaker.allows()


def test_one_tries(clock):
    """After the pause one of many may try, and the others may not meanwhile."""
    breaker = Breaker()
    breaker.failed()
    clock(module.PAUSE_SECONDS)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: breaker.allows(), range(100))) == 1


def test_try_in_vain(clock):
    """One who tried in vain begins another pause."""
    breaker = Breaker()
    breaker.failed()
    clock(module.PAUSE_SECONDS)
    assert breaker.allows()
    clock(module.TRY_SECONDS)
    breaker.failed()
    clock(module.PAUSE_SECONDS - 0.01)
    assert not breaker.allows()
    clock(0.01)
    assert breaker.allows()


def test_closes_at_once(clock):
    """The first answer lets everybody through."""
    breaker = Breaker()
    breaker.failed()
    clock(module.PAUSE_SECONDS)
    assert breaker.allows()
    breaker.succeeded()
    assert [breaker.allows(), breaker.allows(), breaker.open] == [True, True, False]


def test_never_told(clock):
    """One who never tells how the try went does not shut out the others for ever."""
    breaker = Breaker()
    breaker.failed()
    clock(module.PAUSE_SECONDS)
    assert breaker.allows()
    clock(module.TRY_SECONDS + module.PAUSE_SECONDS)
    assert breaker.allows()
