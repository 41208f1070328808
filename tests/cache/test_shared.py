import threading
import time

import pytest
import redis
import redisserver
from faulty import FaultyProxy

from coachkit.cache import breaker
from coachkit.cache.frames import Frame, seal
from coachkit.cache.link import Link
from coachkit.cache.shared import EXCHANGE_SECONDS, LARGEST, LEASE_SECONDS, WAIT_SECONDS, SharedStore

SECRET = bytes(range(32))


def frame(key="a key", organisation="northbridge", body=b"a body"):
    return Frame(key, organisation, 200, (("ETag", '"x"'),), body)


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
    """Makes a store, as another worker would have it."""
    links = []

    def store(secret=SECRET, namespace="1"):
        links.append(Link(f"redis://127.0.0.1:{proxy.port}/0"))
        return SharedStore(links[-1], secret, namespace, faults.append)

    yield store
    for link in links:
        link.drop()


@pytest.fixture
def store(make):
    return make()


def get(store, key="a key", organisation="northbridge"):
    return store.errand(key, organisation).get()


def names(server):
    return list(server.scan_iter())


def put(store, *frames):
    for each in frames:
        store.errand(each.key, each.organisation).put(each)


# --- what is kept -------------------------------------------------------------------------------


def test_another_worker_finds_what_one_has_put(make):
    """A frame comes back whole, from any process with the same secret."""
    put(make(), frame())
    assert get(make()) == frame()


def test_what_was_never_put_is_not_there(store, faults):
    """A missing key is no fault."""
    assert (get(store), faults) == (None, [])


def test_nothing_can_be_read_from_names(store, server):
    """The names in Redis show neither the organisation nor the path."""
    put(store, frame(key="northbridge\n/v1/orgs/northbridge/modules/first-hour"))
    assert [b"northbridge" in name or b"first" in name for name in names(server)] == [False]


def test_everything_put_expires(store, server):
    """Nothing stays in Redis for ever, leases included."""
    errand = store.errand("a key", "northbridge")
    errand.wait()
    assert [server.ttl(name) <= LEASE_SECONDS for name in names(server)] == [True]
    errand.put(frame())
    assert [0 < server.ttl(name) <= 86_400 for name in names(server)] == [True]


def test_what_is_too_large_stays_where_it_was_made(store, server):
    """A giant is not sent, and whoever waits for it is let go."""
    errand = store.errand("a key", "northbridge")
    assert errand.wait() is None
    errand.put(frame(body=b"x" * LARGEST))
    errand.leave()
    assert names(server) == []


@pytest.mark.parametrize("other", [{"secret": bytes(32)}, {"namespace": "2"}], ids=["secret", "version"])
def test_installations_do_not_meet(make, other):
    """What was put with another secret, or by another version of the code, is not there."""
    put(make(**other), frame())
    assert get(make()) is None


# --- what is not ours ---------------------------------------------------------------------------


def name(store, key="a key"):
    return store.name(key, "northbridge")


FORGED = {
    "another organisation's frame": lambda: seal(frame(organisation="harbour"), SECRET),
    "another key's frame": lambda: seal(frame(key="another"), SECRET),
    "sealed with another secret": lambda: seal(frame(), bytes(32)),
    "no frame": lambda: b"hello",
    "nothing": lambda: b"",
    "cut short": lambda: seal(frame(), SECRET)[:-1],
    "longer": lambda: seal(frame(), SECRET) + b"x",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_is_not_ours_is_a_miss(store, server, faults, forged):
    """What does not prove to be our frame, under this key and for this organisation, is a miss and is told."""
    server.set(name(store), forged())
    assert (get(store), faults) == (None, ["NotOurs"])


def test_any_flipped_bit_is_a_miss(store, server):
    """No byte of a frame can be changed unnoticed."""
    sealed = seal(frame(), SECRET)
    for place in range(len(sealed)):
        server.set(name(store), sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
        assert get(store) is None


def test_the_wrong_type_is_a_miss_and_is_mended(store, server, faults):
    """Something else under our name is a miss, and the next frame takes its place."""
    server.lpush(name(store), "x")
    assert (get(store), faults) == (None, ["ResponseError"])
    put(store, frame())
    assert get(store) == frame()


# --- one render ---------------------------------------------------------------------------------


def test_one_of_many_renders(make):
    """However many workers miss one key at once, one is told to render, and all the others get its frame."""
    stores, told, got = [make() for _ in range(12)], [], []
    start = threading.Barrier(len(stores))

    def ask(store):
        errand = store.errand("a key", "northbridge")
        start.wait()
        found = errand.wait()
        if found is None:
            told.append(store)
            time.sleep(0.1)
            errand.put(frame())
        else:
            got.append(found)

    threads = [threading.Thread(target=ask, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(told), got) == (1, [frame()] * 11)


def test_whoever_leaves_lets_the_next_one_render(make):
    """One that was to render and did not lets another do it at once, and not only when its time is over."""
    first, second = make().errand("a key", "northbridge"), make().errand("a key", "northbridge")
    assert first.wait() is None
    threading.Timer(0.1, first.leave).start()
    began = time.monotonic()
    assert second.wait() is None
    assert time.monotonic() - began < WAIT_SECONDS


def test_nobody_waits_for_ever(make):
    """One that is gone is waited for briefly, and not until its lease is over."""
    assert make().errand("a key", "northbridge").wait() is None
    began = time.monotonic()
    assert make().errand("a key", "northbridge").wait() is None
    assert WAIT_SECONDS <= time.monotonic() - began < LEASE_SECONDS


def test_a_lease_ends_by_itself(make, server):
    """One that is gone with its lease keeps nobody from the next one for longer than that."""
    assert make().errand("a key", "northbridge").wait() is None
    assert [server.pttl(name) <= LEASE_SECONDS * 1000 for name in names(server)] == [True]


def test_leaving_gives_back_only_ones_own(make, server):
    """One that holds no lease takes none away, and one that has put its frame gives its lease back once."""
    first, second = make().errand("a key", "northbridge"), make().errand("a key", "northbridge")
    first.wait()
    second.leave()
    assert len(names(server)) == 1


def test_a_lease_that_is_over_is_not_given_back(make, server):
    """One that took longer than its lease leaves alone the lease that another has by then."""
    late, next_one = make().errand("a key", "northbridge"), make().errand("a key", "northbridge")
    late.wait()
    within_5_seconds(lambda: not names(server))
    next_one.wait()
    late.leave()
    assert len(names(server)) == 1


@pytest.mark.parametrize("odd", [b"*-1\r\n" * 3, b"$-1\r\n" * 3], ids=["no list", "nothing"])
def test_a_render_that_nobody_has_is_not_waited_for(store, proxy, odd):
    """Where the render is not to be had and nobody has it either, as often as it is asked, nobody waits for it."""
    proxy.reply(odd)
    began = time.monotonic()
    assert store.errand("a key", "northbridge").wait() is None
    assert time.monotonic() - began < WAIT_SECONDS


@pytest.mark.parametrize("there", [b"no frame", None], ids=["not ours", "a list"])
def test_what_is_not_ours_is_not_waited_for(make, server, there):
    """Where another has the render, and something that is no frame of ours is there, nobody waits until it is put."""
    store = make()
    assert make().errand("a key", "northbridge").wait() is None
    if there is None:
        server.lpush(name(store), "x")
    else:
        server.set(name(store), there)
    errand = store.errand("a key", "northbridge")
    began = time.monotonic()
    assert [errand.wait(), errand.get(), errand.wait()] == [None] * 3
    assert time.monotonic() - began < WAIT_SECONDS


# --- what goes wrong ----------------------------------------------------------------------------

FAULTS = {
    "killed": lambda proxy: proxy.refuse(),
    "silent": lambda proxy: proxy.blackhole(),
    "slow": lambda proxy: proxy.slow(0.1),
    "dribbling": lambda proxy: proxy.dribble(0.02),
    "cut short": lambda proxy: proxy.truncate(),
    "flipped": lambda proxy: proxy.flip(5),
    "wants a password": lambda proxy: proxy.reply(b"-NOAUTH Authentication required.\r\n"),
    "wrong type": lambda proxy: proxy.reply(b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
    "full": lambda proxy: proxy.reply(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"),
    "read only": lambda proxy: proxy.reply(b"-READONLY You can't write against a read only replica.\r\n"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_a_miss_and_costs_little(store, proxy, faults, fault):
    """Whatever is wrong, nothing is found, nobody waits for long, and it is told."""
    put(store, frame())
    fault(proxy)
    began = time.monotonic()
    errand = store.errand("a key", "northbridge")
    assert errand.get() is None
    assert errand.wait() is None
    errand.put(frame())
    assert time.monotonic() - began < 0.1 + 0.1
    assert faults
    assert store.trouble()


def test_a_fault_ends_an_errand(store, proxy):
    """Whoever has met a fault knows that nothing more will come of asking, and a miss is none."""
    errand = store.errand("a key", "northbridge")
    errand.get()
    assert not errand.over
    FAULTS["silent"](proxy)
    errand.get()
    assert errand.over


@pytest.mark.parametrize("fault", ["killed", "silent", "slow"])
def test_after_a_few_faults_nobody_asks(store, proxy, fault):
    """Once nothing has answered a few times in a row, requests do not wait for Redis at all."""
    FAULTS[fault](proxy)
    for _ in range(breaker.FAILURES):
        get(store)
    began = time.monotonic()
    for _ in range(50):
        get(store)
    assert time.monotonic() - began < EXCHANGE_SECONDS


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_comes_back_by_itself(store, proxy, fault):
    """Soon after Redis recovers it is used again, with nothing restarted."""
    put(store, frame())
    fault(proxy)
    for _ in range(breaker.FAILURES + 1):
        get(store)
    proxy.forward()
    within_5_seconds(lambda: get(store) == frame())


def test_trouble_is_over_soon(store, proxy):
    """Within 5 seconds of the recovery no trouble is told any more, also where nobody reads meanwhile."""
    proxy.blackhole()
    for _ in range(breaker.FAILURES):
        get(store)
    proxy.forward()
    assert store.trouble()
    within_5_seconds(lambda: not store.trouble())


def within_5_seconds(holds):
    until = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_no_trouble_is_told_while_all_is_well(store):
    """A Redis that keeps and gives back is no trouble, however often it is tried."""
    assert [store.trouble() for _ in range(3)] == [None] * 3


@pytest.mark.parametrize("setting", [("maxmemory", "1"), ("min-replicas-to-write", "3")], ids=["full", "read only"])
def test_a_real_server_that_refuses_writes_is_trouble(tmp_path, setting, faults):
    """A server that is full, or may not write, is told to the operator, and costs readers nothing but misses."""
    with redisserver.running(tmp_path) as server:
        with redis.Redis(port=server.port) as client:
            client.config_set(*setting)
        link = Link(f"redis://127.0.0.1:{server.port}")
        store = SharedStore(link, SECRET, "1", faults.append)
        put(store, frame())
        assert get(store) is None
        assert store.trouble()
        link.drop()
