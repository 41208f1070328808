import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.cache.frames import Frame
from coachkit.cache.store import MemoryStore, size_of

MIB = 1024 * 1024


def frame(key, body=b"x" * 1000):
    return Frame(key, "northbridge", 200, (("ETag", f'"{key}"'),), body)


@pytest.fixture
def store():
    """A store in which about eighty documents and twenty variants of `frame` fit."""
    return MemoryStore(size_of(frame("a")) * 100)


def keys_of(store, keys):
    return [key for key in keys if store.get(key) is not None]


def test_get_what_was_put(store):
    """What was put under a key is what is found under it, and nothing under another."""
    store.put(frame("a"), variant=False)
    assert store.get("a") == frame("a")
    assert store.get("b") is None


def test_replaced(store):
    """A frame put under a key takes the place of the one before it, in bytes too, whichever share either is in."""
    for variant, body in [(False, b"1"), (True, b"2"), (False, b"3")]:
        store.put(frame("a", body), variant=variant)
    assert store.get("a") == frame("a", b"3")
    assert store.counts().bytes == size_of(frame("a", b"3"))


def test_least_recently_used_leaves():
    """What was used last stays; what was not used for longest leaves first."""
    store = MemoryStore(size_of(frame("00")) * 20, variant_share=0, packed_share=0)
    for n in range(20):
        store.put(frame(f"{n:02}"), variant=False)
    store.get("00")
    store.put(frame("20"), variant=False)
    assert store.get("01") is None
    assert store.get("00") == frame("00")


def test_variants_evict_no_document(store):
    """However many variants are put, every document stays."""
    documents = [f"d{n}" for n in range(70)]
    for key in documents:
        store.put(frame(key), variant=False)
    for n in range(100):
        store.put(frame(f"v{n}"), variant=True)
    assert keys_of(store, documents) == documents
    assert store.counts().evictions > 0


def test_variants_take_at_most_a_fifth():
    """With nothing else in the store, variants take a fifth of its bytes and no more."""
    store = MemoryStore(MIB)
    for n in range(2000):
        store.put(frame(f"v{n}"), variant=True)
    assert 0.19 * MIB < store.counts().bytes <= 0.2 * MIB


@pytest.mark.parametrize(("variant", "limit"), [(False, 0.8 * MIB / 8), (True, 0.2 * MIB / 8)])
def test_giants_are_not_kept(variant, limit):
    """A frame larger than an eighth of its share is not kept and evicts nothing; a little smaller it is kept."""
    store = MemoryStore(MIB)
    rest = size_of(frame("a", b""))
    store.put(frame("kept", b"x" * (int(limit) - rest - 10)), variant=variant)
    store.put(frame("giant", b"x" * (int(limit) - rest + 1)), variant=variant)
    assert keys_of(store, ["kept", "giant"]) == ["kept"]
    assert store.counts().evictions == 0


def test_giant_in_place_of_small(store):
    """A frame that is too large to keep does not leave an older one standing under its key."""
    store.put(frame("a"), variant=False)
    store.put(frame("a", b"x" * 100_000), variant=False)
    assert store.get("a") is None


def test_no_room_at_all():
    """A store of no bytes keeps nothing."""
    store = MemoryStore(0)
    store.put(frame("a"), variant=False)
    assert store.get("a") is None


@given(
    st.floats(0, 1),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3000), st.booleans(), st.booleans()), max_size=80),
)
def test_bound_holds(packed_share, steps):
    """After any puts and gets the bytes counted are within the bound, and what is counted as held is found whole."""
    store = MemoryStore(20_000, packed_share=packed_share)
    last = {}
    for key, length, variant, put in steps:
        if put:
            last[str(key)] = frame(str(key), b"%d" % key * length)
            store.put(last[str(key)], variant=variant)
        else:
            store.get(str(key))
        assert store.counts().bytes <= 20_000
    entries = store.counts().entries
    held = [kept for key in range(31) if (kept := store.get(str(key))) is not None]
    assert len(held) == entries
    assert held == [last[each.key] for each in held]


def test_documents_that_had_to_leave_are_found_packed():
    """A document for which the open shelf has no room is kept packed, and is found the same, again and again."""
    store = MemoryStore(size_of(frame("00")) * 20, variant_share=0)
    put = [frame(f"{n:02}", b"%d" % n * 500) for n in range(30)]
    for each in put:
        store.put(each, variant=False)
    counts = store.counts()
    assert (counts.entries, counts.packed > 0, counts.evictions) == (30, True, 0)
    for _ in range(2):
        assert [store.get(each.key) for each in put] == put
        assert store.counts().entries == 30


def test_what_is_found_packed_twice_is_kept_open():
    """Of documents that are found packed, only one that is found again before long takes another's place."""
    store = MemoryStore(size_of(frame("00")) * 20, variant_share=0)
    for n in range(30):
        store.put(frame(f"{n:02}"), variant=False)
    alone = store.counts().packed
    for key in ("00", "01", "02"):
        store.get(key)
    assert store.counts().packed == alone
    found = store.get("00")
    assert store.get("00") is found
    assert store.get("01") is not store.get("02")


def test_what_is_alike_takes_little_room():
    """Of the same document of many organisations several times as many are kept as would fit open."""
    body = b"".join(b"Sentence %d of what every organisation says alike. " % n for n in range(120))
    size = size_of(frame("org-00", body))
    store = MemoryStore(size * 40, variant_share=0)
    put = [
        Frame(f"org-{n:03}", f"org-{n:03}", 200, (("ETag", f'"{n}"'),), body + b"But %d says this." % n, "a module")
        for n in range(200)
    ]
    for each in put:
        store.put(each, variant=False)
    assert store.counts().entries == 200
    assert [store.get(each.key) for each in put] == put
    assert {store.get(each.key).family for each in put} == {"a module"}


def test_counted_bytes_are_real():
    """The memory that a full store takes is no more than what it counts."""
    store = MemoryStore(8 * MIB)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for n in range(2000):
        headers = tuple((f"Header-{n}-{i}", f"value {n} {i}") for i in range(6))
        store.put(Frame(f"org/{n:060}", f"northbridge-{n}", 200, headers, b"%d" % n * 100), variant=False)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0 < after - before <= store.counts().bytes


def test_counts(store):
    """What had to leave, and what is there, is counted."""
    for n in range(1_000):
        store.put(frame(str(n)), variant=False)
    counts = store.counts()
    assert counts.entries == len(keys_of(store, map(str, range(1_000))))
    assert counts.evictions == 1_000 - counts.entries > 0


def test_many_threads():
    """Threads that put and get at once find what was put under a key or nothing, and never pass the bound."""
    store = MemoryStore(100_000)

    def work(seed):
        for n in range(2000):
            key = str((n * seed) % 97)
            store.put(frame(key), variant=n % 3 == 0)
            found = store.get(key)
            assert found is None or found == frame(key)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [3, 5, 7, 11]))
    counts = store.counts()
    assert counts.bytes <= 100_000
    assert counts.entries == len(keys_of(store, map(str, range(97))))


def test_forgets_an_organisation():
    """What is kept of an organisation goes, open, packed or a variant; of others what is packed against its own."""
    store = MemoryStore(200_000, packed_share=0.9)
    text = b"".join(b"%d " % (n * n) for n in range(400))
    everybody = [f"{slug}\n{n}" for slug in ("northbridge", "harbour", "north") for n in range(30)]
    for key in everybody:
        slug = key.partition("\n")[0]
        family = "alike" if slug != "north" else "other"
        whole = Frame(key, slug, 200, (("ETag", f'"{key}"'),), text + key.encode(), family)
        store.put(whole, variant=key.endswith("0"))
    assert keys_of(store, everybody) == everybody
    store.forget("northbridge", "northbridge\n")
    left = keys_of(store, everybody)
    assert not [key for key in left if key.startswith("northbridge\n")]
    assert [key for key in left if key.startswith("north\n")] == [key for key in everybody if key.startswith("north\n")]
    assert any(key.startswith("harbour\n") for key in left)
    assert b"northbridge" not in pickle.dumps([each for name, each in vars(store).items() if name != "_lock"])
