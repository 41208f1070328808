"""Pointers as a worker has them. What moves here is moved over a Database of its own, as another process has it."""

import subprocess
import sys
import threading
import time

import pytest
from publishing import AT, SLUG, brand, example, organisation, publish
from silence import closed, hanging, locked

from coachkit.db import migrate
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.editions import channels
from coachkit.editions.library import Library
from coachkit.editions.pointers import STALE_AFTER_SECONDS, Pointers
from coachkit.organisations.organisations import find

PATIENCE = 20
"""Seconds after which a test gives up on what should come much sooner."""


@pytest.fixture
def pointers(database):
    """The pointers of this process."""
    found = Pointers(database, Library(database))
    yield found
    found.stop()


@pytest.fixture
def other(database):
    """The same database as somebody else reaches it."""
    found = Database(database.url)
    yield found
    found.dispose()


@pytest.fixture
def digests(database):
    """The digests of two editions that no channel points at."""
    example(database)
    found = []
    for voice in ("one", "two"):
        organisation(database, brand=brand(voice=voice))
        found.append(publish(database, channel=None).digest)
    return found


@pytest.fixture
def move(other):
    """Moves a channel."""

    def move(digest, name="live", public=None, slug=SLUG):
        with other.write(ACROSS) as conn:
            channels.move(conn, find(conn, slug), name, digest, AT, public=public)

    return move


def wait_until(condition, what="it did not come about"):
    turn = threading.Event()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return time.monotonic()
        turn.wait(0.01)
    pytest.fail(what)


def points_at(pointers, name="live", slug=SLUG):
    served = pointers.channel(slug, name)
    return served and served.digest


def test_what_is_served(pointers, digests, move):
    """A channel gives its edition's head: digest, locales with the default one first, enabled plugins."""
    move(digests[0])
    served = pointers.channel(SLUG, "live")
    assert (served.organisation, served.digest, served.organisation_id) == (SLUG, digests[0], 1)
    assert (served.shape.default_locale, served.shape.locales) == ("en-GB", ("en-GB", "cy"))
    assert served.shape.plugins == {}


def test_nothing_there(pointers, digests, move):
    """There is nothing at a channel, an organisation or an edition that there is not."""
    move(digests[0])
    assert pointers.channel(SLUG, "autumn-2026") is None
    assert pointers.channel("nobody", "live") is None
    assert pointers.edition("nobody", digests[0]) is None
    assert pointers.edition(SLUG, "sha256:00") is None


def test_private_channels_do_not_answer(pointers, digests, move):
    """A channel that is not public is not there for readers, from the moment it is moved in private."""
    move(digests[0], "preview")
    assert points_at(pointers, "preview") is None
    move(digests[0])
    wait_until(lambda: points_at(pointers) == digests[0])
    move(digests[0], public=False)
    wait_until(lambda: points_at(pointers) is None)


def test_an_edition_answers_once_published(pointers, digests, move):
    """An edition's own address answers only after a public channel pointed at it, and then for ever."""
    assert pointers.edition(SLUG, digests[0]) is None
    move(digests[0], "preview")
    assert pointers.edition(SLUG, digests[0]) is None
    move(digests[0])
    wait_until(lambda: pointers.edition(SLUG, digests[0]))
    move(digests[1])
    wait_until(lambda: points_at(pointers) == digests[1])
    assert pointers.edition(SLUG, digests[0]).digest == digests[0]
    assert pointers.edition(SLUG, digests[1]).digest == digests[1]


def test_what_is_known_at_a_look(pointers, digests, move):
    """Where a channel leads is known at a look once it was asked for, until it moves; of others nothing is known."""
    move(digests[0])
    assert pointers.leads(SLUG, "live") is pointers.leads("nobody", "live") is None
    served = pointers.channel(SLUG, "live")
    assert pointers.leads(SLUG, "live") is served
    move(digests[1])
    wait_until(lambda: pointers.leads(SLUG, "live") is not served)
    assert points_at(pointers) == digests[1]
    assert pointers.leads(SLUG, "live").digest == digests[1]


def test_editions_alike_share_their_shape(database, pointers, digests, move):
    """What decides how requests are answered is in memory once for all editions that have it alike."""
    organisation(database, "harbour")
    publish(database, "harbour", channel="live")
    move(digests[0])
    one, other = pointers.channel(SLUG, "live"), pointers.channel("harbour", "live")
    assert one.digest != other.digest
    assert one.shape is other.shape


def test_another_organisations_edition(database, pointers, digests, move):
    """An edition is found at its own organisation only."""
    organisation(database, "harbour")
    theirs = publish(database, "harbour").digest
    move(digests[0])
    assert pointers.edition("harbour", theirs)
    assert pointers.edition(SLUG, theirs) is None
    assert pointers.edition("harbour", digests[0]) is None


def test_new_organisations_and_channels(database, pointers, digests, move):
    """An organisation or a channel made after this process began is found."""
    assert points_at(pointers) is None
    assert pointers.channel("harbour", "live") is None
    organisation(database, "harbour")
    theirs = publish(database, "harbour").digest
    assert points_at(pointers, slug="harbour") == theirs
    move(digests[0], "autumn-2026")
    wait_until(lambda: points_at(pointers, "autumn-2026") == digests[0])


MOVE = """
import sys, time
sys.path.insert(0, "tests")
from publishing import AT, SLUG
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.editions import channels
from coachkit.organisations.organisations import find

database = Database(sys.argv[1])
with database.write(ACROSS) as conn:
    channels.move(conn, find(conn, SLUG), "live", sys.argv[2], AT)
print(time.monotonic())
database.dispose()
"""


def test_seen_within_a_second(database, pointers, digests, move, pytestconfig):
    """A move that another process makes is seen in less than a second."""
    move(digests[0])
    assert points_at(pointers) == digests[0]
    command = [sys.executable, "-c", MOVE, database.url, digests[1]]
    with subprocess.Popen(command, cwd=pytestconfig.rootpath, stdout=subprocess.PIPE, text=True) as mover:
        seen = wait_until(lambda: points_at(pointers) == digests[1])
        moved = float(mover.communicate()[0])
    assert seen - moved < 1


def test_nothing_runs_before_the_first_look_up(database):
    """Pointers that nobody asked have no thread, are not stale, and can be stopped."""
    pointers = Pointers(database, Library(database))
    assert "coachkit-watch" not in [thread.name for thread in threading.enumerate()]
    assert not pointers.are_stale()
    pointers.stop()


FORKED = """
import os, signal, sys
sys.path.insert(0, "tests")
from publishing import AT, SLUG
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.editions import channels
from coachkit.editions.library import Library
from coachkit.editions.pointers import Pointers
from coachkit.organisations.organisations import find

url, one, two = sys.argv[1:]
database, other = Database(url), Database(url)
pointers = Pointers(database, Library(database))
assert pointers.channel(SLUG, "live").digest == one
with other.write(ACROSS) as conn:
    channels.move(conn, find(conn, SLUG), "live", two, AT)
child = os.fork()
if child == 0:
    signal.alarm(20)  # a child that stands still ends by itself
    digest = pointers.channel(SLUG, "live").digest
    pointers.stop()
    os._exit(digest != two)
pointers.stop()
print(os.waitpid(child, 0)[1])
database.dispose()
other.dispose()
"""


def test_fork(database, digests, move, pytestconfig):
    """What a process knew before it was forked is not believed in the child, which follows moves by itself."""
    move(digests[0])
    command = [sys.executable, "-W", "error", "-c", FORKED, database.url, *digests]
    done = subprocess.run(command, check=False, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("0\n", "")


# --- silence ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("database", "silent"),
    [("sqlite", locked), ("postgres", closed), ("postgres", hanging)],
    indirect=["database"],
    ids=["sqlite-locked", "postgres-closed", "postgres-hanging"],
)
def test_silence(database, pointers, digests, move, silent):
    """While the database is silent the last known pointers serve and say that they are stale; then it catches up."""
    move(digests[0])
    assert points_at(pointers) == digests[0]
    assert not pointers.are_stale()
    with silent(database):
        began = time.monotonic()
        noticed = wait_until(pointers.are_stale, "nobody noticed that the database is silent")
        assert points_at(pointers) == digests[0]
        assert pointers.edition(SLUG, digests[0])
        assert STALE_AFTER_SECONDS / 2 < noticed - began < STALE_AFTER_SECONDS + 2
    move(digests[1])
    wait_until(lambda: points_at(pointers) == digests[1], "moves are not followed again")
    wait_until(lambda: not pointers.are_stale())


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_silent_from_the_start(tmp_path, database):
    """A process that starts while the database is silent follows it as soon as it answers."""
    later = Database(f"sqlite:///{tmp_path / 'later' / 'coachkit.sqlite'}")
    pointers = Pointers(later, Library(later))
    with pytest.raises(Exception, match="does not answer"):
        pointers.channel(SLUG, "live")
    wait_until(pointers.are_stale)
    (tmp_path / "later").mkdir()
    migrate.upgrade(later)
    example(later)
    organisation(later)
    digest = publish(later).digest
    wait_until(lambda: not pointers.are_stale())
    assert points_at(pointers) == digest
    pointers.stop()
    later.dispose()
