"""Taking out of Redis what is kept for one organisation, of real servers that answer, stand still or are away."""

import socket

import pytest
import redis

from coachkit.cache.forgetting import forget
from coachkit.cache.frames import Frame
from coachkit.cache.link import Link
from coachkit.cache.shared import SharedStore, beginning

SECRET = bytes(range(32))


@pytest.fixture
def link(redis_url):
    """The way to a Redis with nothing in it."""
    link = Link(redis_url)
    yield link
    link.drop()


@pytest.fixture
def keep(link):
    """Keeps answers for an organisation, as one version or another does."""

    def keep(organisation, number, version="1"):
        store = SharedStore(link, SECRET, version, lambda _: None)
        for n in range(number):
            key = f"{organisation} {n}"
            errand = store.errand(key, organisation)
            assert errand.wait() is None
            errand.put(Frame(key, organisation, 200, (), b"canary of " + organisation.encode()))

    return keep


def values(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        return [client.get(name) for name in client.scan_iter(count=1_000)]


def test_one_organisations(link, keep, redis_url):
    """All that is kept for an organisation goes, whichever version kept it, however much there is; the rest stays."""
    keep("northbridge", 1_500)
    keep("northbridge", 10, version="2")
    keep("harbour", 20)
    done = forget(link, beginning(SECRET, "northbridge"), 30)
    assert (done.number, done.fault) == (1_510, None)
    left = values(redis_url)
    assert len(left) == 20
    assert all(b"harbour" in each for each in left)


def test_names_tell_nothing(keep, redis_url):
    """Whoever sees the names learns no slug from them, nor finds another installation's."""
    keep("northbridge", 1)
    with redis.Redis.from_url(redis_url) as client:
        (name,) = client.keys()
    assert b"northbridge" not in name
    assert name.startswith(beginning(SECRET, "northbridge"))
    assert not name.startswith(beginning(bytes(32), "northbridge"))


def test_a_server_that_is_away():
    """Where nobody answers it says so, and when."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = forget(Link(f"redis://127.0.0.1:{port}/0"), beginning(SECRET, "northbridge"), 5)
    assert done.number == 0
    assert done.fault


def test_no_time(link, keep):
    """Where the time is over it stops, and says that there may be more."""
    keep("northbridge", 3)
    assert forget(link, beginning(SECRET, "northbridge"), 0) == (0, "TooSlow")
