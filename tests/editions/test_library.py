import gc
import os
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from packmaker import appending
from publishing import SLUG, brand, example, organisation, publish

from coachkit.db import editions
from coachkit.db.scopes import ACROSS
from coachkit.editions.library import Library, size_of
from coachkit.errors import NotFound

OVERLAY = [
    {
        "op": "replace",
        "target": "module/first-hour",
        "locale": "cy",
        "section": "feel",
        "text": "Gair {{careers_email}}.",
    }
]


@pytest.fixture
def make(database):
    """Makes editions that share a release, and gives their digests."""
    example(database)

    def make(count):
        digests = []
        for number in range(count):
            organisation(database, brand=brand(voice=str(number)), overlay=OVERLAY)
            digests.append(publish(database).digest)
        return digests

    return make


@pytest.fixture
def asked():
    """The statements that databases are asked while the test runs."""
    statements = []

    def note(conn, cursor, statement, *_):
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield statements
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def loads(asked, table):
    return sum(f"FROM {table}" in statement for statement in asked)


def test_loaded_is_published(database):
    """An edition that is loaded is the edition that was published, but for the bytes of images."""
    example(database)
    organisation(database, overlay=OVERLAY)
    made = publish(database).edition
    found = Library(database).edition(1, SLUG, made.digest)
    assert (found.organisation, found.digest, found.locales) == (made.organisation, made.digest, made.locales)
    assert (found.catalogue, found.digests) == (made.catalogue, made.digests)
    for kind, name in made:
        for locale in made.locales:
            assert found.select(kind, name, locale) == made.select(kind, name, locale)


def test_not_there(database):
    """An edition that there is not, or that is another organisation's, is not found."""
    example(database)
    organisation(database)
    digest = publish(database).digest
    library = Library(database)
    for number, slug, name in [(1, SLUG, "sha256:00"), (2, "harbour", digest)]:
        with pytest.raises(NotFound, match=f"{slug} has no edition {name}"):
            library.edition(number, slug, name)


def test_loaded_once(database, make, asked):
    """An edition is loaded once, and a release once for all editions that share it."""
    one, two = make(2)
    library = Library(database)
    asked.clear()
    first = library.edition(1, SLUG, one)
    assert library.edition(1, SLUG, one) is first
    second = library.edition(1, SLUG, two)
    assert second.releases["example"] is first.releases["example"]
    assert (loads(asked, "editions"), loads(asked, "releases")) == (2, 1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_bounded(database, make, asked):
    """No more than so many editions are kept: the one that was used longest ago is forgotten, and its memory free."""
    one, two, three = make(3)
    size = size_of(Library(database).edition(1, SLUG, one))
    library = Library(database, edition_bytes=int(2.5 * size), stored_bytes=1)
    forgotten = weakref.ref(library.edition(1, SLUG, two))
    library.edition(1, SLUG, one)
    library.edition(1, SLUG, three)
    gc.collect()
    assert forgotten() is None
    asked.clear()
    library.edition(1, SLUG, one)
    library.edition(1, SLUG, three)
    assert loads(asked, "editions") == 0
    library.edition(1, SLUG, two)
    assert loads(asked, "editions") == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_stored_forms_are_kept_longer(database, make, asked):
    """An edition that was forgotten comes from its stored form, without the database, and is the same."""
    one, two = make(2)
    library = Library(database, edition_bytes=1)
    first = library.edition(1, SLUG, one)
    library.edition(1, SLUG, two)
    asked.clear()
    again = library.edition(1, SLUG, one)
    assert (asked, again is first, again) == ([], False, first)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_stored_forms_are_bounded(database, make, asked):
    """Stored forms take no more than so many bytes."""
    one, two, three = make(3)
    with database.read(ACROSS) as conn:
        row = editions.get(conn, 1, one)
    library = Library(database, edition_bytes=1, stored_bytes=int(2.5 * (len(row.inputs) + len(row.manifest) + 512)))
    for digest in (one, two, three):
        library.edition(1, SLUG, digest)
    asked.clear()
    library.edition(1, SLUG, two)
    assert loads(asked, "editions") == 0
    library.edition(1, SLUG, one)
    assert loads(asked, "editions") == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_releases_are_bounded(database, make, asked):
    """No more than so many releases are kept beside the editions that use them."""
    (one,) = make(1)
    example(database, "1.1.0", **{"modules/ask-for-feedback.md": appending("\nMore.\n")})
    (two,) = make(1)
    library = Library(database, edition_bytes=1, releases=1)
    for digest in (one, two, one):
        library.edition(1, SLUG, digest)
    assert loads(asked, "releases") >= 3


def test_many_threads(database, make):
    """However many threads ask for an edition at once, all get it."""
    (digest,) = make(1)
    library = Library(database)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: library.edition(1, SLUG, digest), range(32)))
    assert {edition.digest for edition in found} == {digest}
    assert library.edition(1, SLUG, digest) in found


FORKED = """
import os, signal, sys, threading
from coachkit.db.database import Database
from coachkit.db import editions
from coachkit.editions.library import Library, size_of

url, digest, other = sys.argv[1:]
database = Database(url)
library = Library(database)
library.edition(1, "northbridge", digest)
asking = threading.Event()

def ask():
    while not asking.is_set():
        library.edition(1, "northbridge", digest)

threads = [threading.Thread(target=ask) for _ in range(3)]
for thread in threads:
    thread.start()
children = []
for _ in range(30):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that stands still ends by itself
        one = library.edition(1, "northbridge", digest)
        two = library.edition(1, "northbridge", other)
        database.dispose()
        os._exit((one.digest, two.digest) != (digest, other))
    children.append(child)
asking.set()
for thread in threads:
    thread.join()
print([os.waitpid(child, 0)[1] for child in children].count(0))
database.dispose()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_fork(database, make):
    """A library serves every child, also of a process that was in the midst of using it when it forked."""
    digests = make(2)
    # Not measured: the measuring has locks of its own, which stay locked in a child of a process with threads.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    quiet = "ignore:This process:DeprecationWarning"  # that threads and forks do not go together is the point
    command = [sys.executable, "-W", quiet, "-c", FORKED, database.url, *digests]
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("30\n", "")
