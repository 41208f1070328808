"""The shelf of indexes: built once, bounded, its own in each process."""

import os
import threading
from dataclasses import replace

import pytest
from finding import doc
from hypothesis import given
from hypothesis import strategies as st

from coachkit.search.index import build
from coachkit.search.shelf import Shelf, key_of

INDEX = build([doc("a", text="words")])
DOCUMENTS = st.lists(st.tuples(*[st.text(alphabet="abc", min_size=1)] * 3), unique=True)


def sized(size):
    return replace(INDEX, size=size)


@given(DOCUMENTS, st.randoms())
def test_key_of_the_same_documents(documents, random):
    """A key goes by which documents there are, and not by their order."""
    other = list(documents)
    random.shuffle(other)
    assert key_of(documents) == key_of(other)


@given(DOCUMENTS, DOCUMENTS)
def test_key_of_other_documents(one, other):
    """Other documents have another key."""
    assert (key_of(one) == key_of(other)) == (set(one) == set(other))


def test_built_once():
    """What is there is not built again."""
    shelf = Shelf()
    first = shelf.get("a", lambda: sized(1))
    assert shelf.get("a", lambda: pytest.fail("built again")) is first


def test_most_indexes():
    """When there are too many, the one used longest ago goes."""
    shelf = Shelf(indexes=2)
    for key in ("a", "b", "a", "c"):
        shelf.get(key, lambda: sized(1))
    assert shelf.size == (2, 2)
    shelf.get("a", lambda: pytest.fail("a was used after b"))
    built = []
    shelf.get("b", lambda: built.append(1) or sized(1))
    assert built == [1]


def test_most_bytes():
    """When they take too many bytes, those used longest ago go until the rest fit."""
    shelf = Shelf(max_bytes=100)
    for key, size in (("a", 40), ("b", 40), ("c", 70)):
        shelf.get(key, lambda size=size: sized(size))
    assert shelf.size == (1, 70)


def test_one_too_large():
    """One that is larger than the bound is kept alone: it would otherwise be built for every question."""
    shelf = Shelf(max_bytes=100)
    shelf.get("a", lambda: sized(60))
    shelf.get("b", lambda: sized(500))
    assert shelf.size == (1, 500)
    shelf.get("b", lambda: pytest.fail("built again"))


def test_built_once_by_many():
    """Of many who ask at once, one builds and the others get the same."""
    shelf, built, found = Shelf(), [], []
    start, go_on = threading.Barrier(9), threading.Event()

    def make():
        built.append(1)
        go_on.wait(5)
        return sized(1)

    def ask():
        start.wait(5)
        found.append(shelf.get("a", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    start.wait(5)
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert built == [1]
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_cleared():
    """Once all is let go, nothing is kept or counted, and what is asked for is built anew."""
    shelf = Shelf()
    first = shelf.get("a", lambda: sized(1))
    shelf.clear()
    assert shelf.size == (0, 0)
    assert shelf.get("a", lambda: sized(2)) is not first
    assert shelf.size == (1, 2)


def test_failure_is_not_kept():
    """Who fails to build fails alone; the next one builds."""
    shelf = Shelf()
    with pytest.raises(ZeroDivisionError):
        shelf.get("a", lambda: 1 // 0)
    assert shelf.get("a", lambda: INDEX) is INDEX


def test_after_a_fork():
    """A forked process has a shelf of its own, and is not held up by a build that was under way in its parent."""
    shelf = Shelf()
    inside, finish = threading.Event(), threading.Event()

    def slow():
        inside.set()
        finish.wait(10)
        return sized(1)

    thread = threading.Thread(target=lambda: shelf.get("a", slow))
    thread.start()
    inside.wait(5)
    child = os.fork()
    if not child:
        os._exit(0 if shelf.size == (0, 0) and shelf.get("a", lambda: INDEX) is INDEX else 1)
    _, status = os.waitpid(child, 0)
    finish.set()
    thread.join(5)
    assert status == 0
    assert shelf.size == (1, 1)
