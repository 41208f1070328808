import threading
import time

import pytest
import redis
from faulty import FaultyProxy

from coachkit.cache import breaker
from coachkit.cache.limits import PARTS, Buckets
from coachkit.cache.link import Link
from coachkit.cache.shared import EXCHANGE_SECONDS, SharedStore
from coachkit.cache.shared_limits import SharedCounts

SECRET = bytes(range(32))


@pytest.fixture
def proxy(redis_server, redis_url):
    with FaultyProxy(("127.0.0.1", redis_server.port)) as proxy:
        yield proxy


@pytest.fixture
def server(redis_server):
    with redis.Redis(port=redis_server.port) as client:
        yield client


@pytest.fixture
def faults():
    return []


@pytest.fixture
def make(proxy, faults):
    """Makes what counts, as another worker would have it."""
    links = []

    def counts(secret=SECRET):
        links.append(Link(f"redis://127.0.0.1:{proxy.port}/0"))
        return SharedCounts(SharedStore(links[-1], secret, "1", faults.append))

    yield counts
    for link in links:
        link.drop()


@pytest.fixture
def counts(make):
    return make()


def spend(counts, caller="key a", limit="write", quota=10, seconds=60):
    return counts.spend(limit, caller, quota, seconds)


def granted(counts, times, **given):
    return sum(spend(counts, **given).granted for _ in range(times))


def let_pass(server, seconds):
    """Let so much time have passed: what was spent, was spent so many seconds earlier."""
    for name in server.scan_iter():
        left, held = server.pttl(name), server.hgetall(name)
        earlier = {int(first) - 1_000 * seconds: each.split() for first, each in held.items()}
        server.delete(name)
        moved = {first: f"{int(last) - 1_000 * seconds} {int(count)}" for first, (last, count) in earlier.items()}
        server.hset(name, mapping=moved)
        server.pexpire(name, left)


def test_as_many_as_there_are(counts):
    """A caller gets its tokens and then none; another caller, and the same under another limit, has others."""
    assert granted(counts, 25) == 10
    assert granted(counts, 25, caller="key b") == 10
    assert granted(counts, 25, limit="miss") == 10


def test_standing(counts):
    """Each token that is taken leaves one less, and whoever is refused hears when some come back."""
    assert [spend(counts).left for _ in range(12)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert 59 < spend(counts).wait <= 60


def test_exact_across_workers(make):
    """However many workers ask at once, together they give out as many as there are and no more."""
    workers, start, got, lost = [make() for _ in range(8)], threading.Barrier(8), [], []

    def ask(counts):
        start.wait()
        for _ in range(40):
            standing = spend(counts, quota=100)
            (got if standing else lost).append(standing)  # a busy machine may not answer in time

    threads = [threading.Thread(target=ask, args=(counts,)) for counts in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 100 - len(lost) <= sum(each.granted for each in got) <= 100


def test_tokens_come_back(counts, server):
    """What was spent comes back after its time, and not before."""
    granted(counts, 4)
    let_pass(server, 30)
    granted(counts, 6)
    let_pass(server, 29)
    refused = spend(counts)
    assert not refused.granted
    assert 0 < refused.wait <= 1
    let_pass(server, 1)
    assert granted(counts, 10) == 4
    assert 28 < spend(counts).wait <= 30


def test_those_who_never_pause(counts, server):
    """What is held of a caller does not grow with what it spends."""
    for _ in range(100):
        spend(counts, quota=1_000)
        let_pass(server, 1)
    (name,) = server.scan_iter()
    assert server.hlen(name) <= PARTS + 1


def test_as_in_process(counts, server):
    """Redis counts as each process does: asked the same at the same times, both say the same."""
    now, pauses = 1_000.0, [0, 0, 3, 1, 1, 7, 20, 0, 30, 0, 0, 61, 0, 4, 3, 59, 0, 0, 58, 0, 5, 0]
    buckets = Buckets(4, 60, 10, lambda: now)
    for pause in pauses:
        now += pause
        let_pass(server, pause)
        here, there = buckets.spend("a"), spend(counts, quota=4)
        assert (there.granted, there.left) == (here.granted, here.left)
        assert there.wait == pytest.approx(here.wait, abs=2)


def test_a_clock_that_went_back(counts, server):
    """What Redis says was spent in the future keeps nobody waiting."""
    granted(counts, 10)
    let_pass(server, -100)
    assert granted(counts, 10) == 10


def test_nothing_can_be_read_and_all_expires(counts, server):
    """The names in Redis say neither who nor what, and nothing stays longer than it counts."""
    spend(counts, caller="key a")
    spend(counts, caller="key b", seconds=3_600)
    names = list(server.scan_iter())
    assert not any(word in name for name in names for word in (b"key", b"write"))
    assert sorted(round(server.ttl(name), -1) for name in names) == [60, 3_600]


def test_installations_do_not_meet(make):
    """Another secret is another installation."""
    assert granted(make(), 10) == 10
    assert granted(make(secret=bytes(32)), 10) == 10


NONSENSE = {
    "an error": b"-ERR no\r\n",
    "nothing": b"$-1\r\n",
    "a text": b"$2\r\nOK\r\n",
    "a number": b":1\r\n",
    "too few": b"*2\r\n:1\r\n:1\r\n",
    "texts": b"*3\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n",
    "neither yes nor no": b"*3\r\n:2\r\n:1\r\n:1\r\n",
    "more than there are": b"*3\r\n:1\r\n:10\r\n:1\r\n",
    "fewer than none": b"*3\r\n:1\r\n:-1\r\n:1\r\n",
    "refused with some left": b"*3\r\n:0\r\n:1\r\n:1\r\n",
    "no wait": b"*3\r\n:0\r\n:0\r\n:0\r\n",
    "a wait without end": b"*3\r\n:0\r\n:0\r\n:60001\r\n",
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_what_the_script_does_not_say(counts, proxy, faults, nonsense):
    """Whatever comes back that cannot be the answer is none, and is told."""
    proxy.reply(nonsense)
    assert spend(counts) is None
    assert faults


def test_what_is_not_ours(counts, server, faults):
    """Something else under our name, or among what is spent, is no answer, and is told."""
    spend(counts)
    (name,) = server.scan_iter()
    server.hset(name, "x", "y")
    assert spend(counts) is None
    server.set(name, "x")
    assert spend(counts) is None
    assert len(faults) == 2


FAULTS = {
    "killed": lambda proxy: proxy.refuse(),
    "silent": lambda proxy: proxy.blackhole(),
    "slow": lambda proxy: proxy.slow(0.1),
    "dribbling": lambda proxy: proxy.dribble(0.02),
    "cut short": lambda proxy: proxy.truncate(),
    "read only": lambda proxy: proxy.reply(b"-READONLY You can't write against a read only replica.\r\n"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_costs_little_and_ends(counts, proxy, faults, fault):
    """Whatever is wrong, nothing is said, nobody waits long, it is told; and soon after it is over it counts again."""
    spend(counts)
    fault(proxy)
    began = time.monotonic()
    for _ in range(breaker.FAILURES + 20):
        assert spend(counts) is None
    if fault is not FAULTS["read only"]:
        assert time.monotonic() - began < (breaker.FAILURES + 1) * EXCHANGE_SECONDS + 0.2
    assert faults
    proxy.forward()
    until = time.monotonic() + 5
    while spend(counts) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
