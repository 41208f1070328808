"""The keyring as a worker has it. What changes here changes over a Database of its own, as another process has it."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from publishing import AT, SLUG, organisation
from silence import silent

from coachkit.db.changes import raised
from coachkit.db.database import SERVING, Database
from coachkit.db.scopes import ACROSS, only
from coachkit.db.tables import erasures
from coachkit.db.tables import keys as table
from coachkit.editions.library import Library
from coachkit.editions.pointers import Pointers
from coachkit.errors import Unavailable
from coachkit.organisations import keyring as module
from coachkit.organisations import keys, tokens
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.keyring import Keyring
from coachkit.organisations.keys import Wanted
from coachkit.organisations.peppers import Pepper

PEPPERS = (Pepper(b"1" * 32),)
WANTED = Wanted("sec", "Portal", ["content:read"])
PATIENCE = 20
"""Seconds after which a test gives up on what should come much sooner."""
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.at = AT

    def __call__(self):
        return self.at.timestamp()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def mine(database):
    """The database as a worker reaches it."""
    found = Database(database.url, SERVING)
    yield found
    found.dispose()


@pytest.fixture
def pointers(mine):
    found = Pointers(mine, Library(mine))
    yield found
    found.stop()


@pytest.fixture
def other(database):
    """The same database as somebody else reaches it."""
    found = Database(database.url)
    yield found
    found.dispose()


@pytest.fixture
def ring(mine, pointers, clock):
    """Makes a keyring of this process."""
    made = []

    def ring(peppers=PEPPERS, **given):
        made.append(Keyring(mine, pointers, peppers, clock, **given))
        return made[-1]

    yield ring
    for each in made:
        each.stop()


@pytest.fixture
def make(other):
    """Makes a key, northbridge's unless another slug is given, and gives it with its token's text."""

    def make(wanted=WANTED, slug=SLUG, peppers=PEPPERS):
        found = organisation(other, slug)
        with other.write(only(found.id)) as conn:
            key, token = keys.create(conn, found, wanted, peppers=peppers, most=99, actor=COMMAND, at=AT)
        return key, token.text

    return make


@pytest.fixture
def revoke(other):
    """Revokes a key, and says when that was acknowledged."""

    def revoke(key):
        found = organisation(other, key.organisation)
        with other.write(only(found.id)) as conn:
            keys.revoke(conn, found, key.id, actor=COMMAND, at=AT)
        return time.monotonic()

    return revoke


@pytest.fixture
def soon(monkeypatch):
    """Has uses written down soon after them."""
    return lambda: monkeypatch.setattr(module, "NOTE_SECONDS", 0.05)


@pytest.fixture
def stored(database):
    """What is stored of a key."""
    return lambda key: row_of(database, key)


def row_of(database, key):
    with database.read(ACROSS) as conn:
        return conn.execute(sa.select(table).where(table.c.id == key.id)).one()


def wait_until(condition, what="it did not come about"):
    turn = threading.Event()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return time.monotonic()
        turn.wait(0.01)
    pytest.fail(what)


# --- finding -------------------------------------------------------------------------------------


def test_found(ring, make):
    """A token gives its key, with all that it may do, the first time and ever after; known keys are one object."""
    key, text = make()
    ring = ring()
    assert ring.find(text) == key
    assert ring.find(text) is ring.find(text)


def test_not_found(ring, make):
    """What is no token, mistyped, of another kind or nobody's gives no key."""
    _, text = make()
    ring = ring()
    strange = tokens.make("sec", bytes(tokens.ENTROPY_BYTES)).text
    for wrong in ("", "é", "\ud800", text[:-1], text.swapcase(), text.replace("sec", "pub"), f" {text}", strange):
        assert ring.find(wrong) is None
    assert ring.find(text)


@ONE_DATABASE
def test_typing_errors_need_no_database(database, ring, make):
    """What is no token is refused without a look-up: the database may be silent meanwhile."""
    _, text = make()
    ring = ring()
    with silent(database):
        assert ring.find(f"{text[:-1]}{'0' if text[-1] != '0' else '1'}") is None
        assert ring.find("hunter2") is None


def test_made_later(ring, make):
    """A key that is made after its token was refused is found: what is unknown is not remembered."""
    entropy = bytes(range(tokens.ENTROPY_BYTES))
    ring = ring()
    text = tokens.make("sec", entropy).text
    assert ring.find(text) is None
    make()
    assert ring.find(make()[1])


def test_expiry_is_looked_at_on_each_use(ring, make, clock):
    """A key that is known holds until the moment at which it expires."""
    _, text = make(replace(WANTED, expires_at=AT + timedelta(hours=1)))
    ring = ring()
    clock.at = AT + timedelta(minutes=59, seconds=59)
    assert ring.find(text)
    assert ring.find(text)
    clock.at = AT + timedelta(hours=1)
    assert ring.find(text) is None
    clock.at = AT + timedelta(days=2)
    assert ring.find(text) is None


def test_revoked_before_it_was_known(ring, make, revoke):
    """A key that was revoked before its first use here is none."""
    key, text = make()
    revoke(key)
    assert ring().find(text) is None


@ONE_DATABASE
def test_no_token_in_memory(ring, make):
    """Nothing that a process keeps of a key holds its token, or what the database finds it by."""
    key, text = make()
    ring = ring()
    assert ring.find(text) == key
    kept = repr([vars(known) for known in (ring._known,)]).encode()  # noqa: SLF001 — the promise is about the inside
    assert text.encode() not in kept
    assert PEPPERS[0].hash(tokens.parse(text)).encode() not in kept


@pytest.mark.parametrize("database", ["postgres"], indirect=True)  # SQLite itself waits ten seconds for such a lock
def test_bounded(database, ring, make):
    """No more keys are known than may be; those used least recently are forgotten, and found again."""
    texts = [make()[1] for _ in range(10)]
    ring = ring(most=4)
    for text in texts:
        assert ring.find(text)
        assert ring.find(texts[0])
    ring.note_uses()
    with silent(database):
        assert ring.find(texts[0])
        known = [text for text in texts if is_known(ring, text)]
    assert 2 <= len(known) <= 4
    for text in texts:
        wait_until(lambda text=text: is_known(ring, text))


def is_known(ring, text):
    try:
        return ring.find(text) is not None
    except Unavailable:
        return False


# --- changes -------------------------------------------------------------------------------------

REVOKE = """
import sys, time
sys.path.insert(0, "tests")
from publishing import AT, SLUG
from coachkit.db.database import SERVING, Database
from coachkit.db.scopes import ACROSS
from coachkit.organisations import keys
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.organisations import enter

database = Database(sys.argv[1])
with database.write(ACROSS) as conn:
    keys.revoke(conn, enter(conn, SLUG), sys.argv[2], actor=COMMAND, at=AT)
print(time.monotonic())
database.dispose()
"""


def test_revoked_within_a_second(database, ring, make, pytestconfig):
    """A key that another process revokes holds for less than a second, though it is used all the time."""
    key, text = make()
    kept, kept_text = make()
    ring = ring()
    assert ring.find(text)
    assert ring.find(kept_text)
    command = [sys.executable, "-c", REVOKE, database.url, key.id]
    with subprocess.Popen(command, cwd=pytestconfig.rootpath, stdout=subprocess.PIPE, text=True) as revoker:
        seen = wait_until(lambda: ring.find(text) is None)
        revoked = float(revoker.communicate()[0])
    assert seen - revoked < 1
    assert ring.find(kept_text) == kept


def test_used_by_many_while_revoked(ring, make, revoke):
    """Of many threads that use a key all the while, each sees within a second that it was revoked, and for good."""
    key, text = make()
    ring = ring()
    assert ring.find(text)
    between = threading.Event()

    def use(_):
        deadline = time.monotonic() + PATIENCE
        while ring.find(text) and time.monotonic() < deadline:
            between.wait(0.001)  # as between requests: threads that never rest would keep the one that looks from it
        return time.monotonic(), [ring.find(text) for _ in range(100)]

    with ThreadPoolExecutor(4) as pool:
        used = [pool.submit(use, n) for n in range(4)]
        revoked = revoke(key)
        for seen, after in (each.result() for each in used):
            assert seen - revoked < 1
            assert set(after) == {None}


@ONE_DATABASE
def test_what_is_used_is_not_forgotten(database, pointers, clock, make):
    """However many other keys come, one that is used between them is read once."""
    text, *others = [make()[1] for _ in range(10)]
    reading = Interrupted(database.url)
    ring = Keyring(reading, pointers, PEPPERS, clock, most=4)
    for other in others:
        assert ring.find(text)
        assert ring.find(other)
    assert reading.readings == len(others) + 1
    ring.stop()
    reading.dispose()


class Interrupted(Database):
    """A database after whose next reading something happens, before the reader goes on."""

    def __init__(self, url):
        super().__init__(url)
        self.happens = None
        self.readings = 0

    @contextmanager
    def read(self, *given):
        with super().read(*given) as conn:
            yield conn
        self.readings += 1
        happens, self.happens = self.happens, None
        if happens:
            happens()


def test_revoked_while_loaded(database, pointers, clock, make, revoke):
    """A key that is revoked between its reading and its being known does not stay."""
    key, text = make()
    told = threading.Event()
    reading = Interrupted(database.url)
    ring = Keyring(reading, pointers, PEPPERS, clock)
    pointers.follow(lambda *_: told.set())  # after the ring's own
    pointers.ensure()

    def revoke_and_be_told():
        revoke(key)
        assert told.wait(PATIENCE)

    reading.happens = revoke_and_be_told
    assert ring.find(text) is None
    assert reading.readings == 2
    assert ring.find(text) is None
    reading.dispose()


def test_other_changes_drop_nothing(database, pointers, clock, make, revoke):
    """What changes for others costs a known key no second reading."""
    (_, text), (another, _) = make(), make(slug="harbour")
    reading = Interrupted(database.url)
    ring = Keyring(reading, pointers, PEPPERS, clock)
    told = threading.Event()
    pointers.follow(lambda *_: told.set())
    assert ring.find(text)
    revoke(another)
    assert told.wait(PATIENCE)
    assert ring.find(text)
    assert reading.readings == 1
    reading.dispose()


def test_erased_with_its_organisation(other, ring, make):
    """Keys of an organisation that was erased, rows and all, hold no more; others' do."""
    key, text = make()
    _, kept = make(slug="harbour")
    ring = ring()
    assert ring.find(text)
    assert ring.find(kept)
    with other.write(ACROSS) as conn:
        conn.execute(sa.delete(table).where(table.c.organisation_id == key.organisation_id))
        tombstone = {"organisation_id": key.organisation_id, "erased_at": AT, "change": raised(conn)}
        conn.execute(sa.insert(erasures).values(tombstone))
    wait_until(lambda: ring.find(text) is None)
    assert ring.find(kept)


def test_followers_are_told_again(database, pointers, make, revoke):
    """A follower that fails is told of the same change again, and the others are told too."""
    first, second = [], []

    def fail_once(conn, before):
        del conn
        first.append(before)
        if len(first) == 1:
            raise ZeroDivisionError

    pointers.follow(fail_once)
    pointers.follow(lambda _, before: second.append(before))
    pointers.ensure()
    revoke(make()[0])
    wait_until(lambda: second)
    assert (first[:2], second[0]) == ([0, 0], 0)


FORKED = """
import os, signal, sys, time
sys.path.insert(0, "tests")
from publishing import AT, SLUG
from coachkit.db.database import SERVING, Database
from coachkit.db.scopes import ACROSS
from coachkit.editions.library import Library
from coachkit.editions.pointers import Pointers
from coachkit.organisations import keys
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.keyring import Keyring
from coachkit.organisations.organisations import enter
from coachkit.organisations.peppers import Pepper

url, key, kept = sys.argv[1:]
text, kept_text = sys.stdin.read().split()
database, other = Database(url), Database(url)
pointers = Pointers(database, Library(database))
ring = Keyring(database, pointers, (Pepper(b"1" * 32),), AT.timestamp)
assert ring.find(text).id == key
with other.write(ACROSS) as conn:
    keys.revoke(conn, enter(conn, SLUG), key, actor=COMMAND, at=AT)
child = os.fork()
if child == 0:
    signal.alarm(20)  # a child that stands still ends by itself
    right = ring.find(text) is None and ring.find(kept_text).id == kept
    with other.write(ACROSS) as conn:
        keys.revoke(conn, enter(conn, SLUG), kept, actor=COMMAND, at=AT)
    while ring.find(kept_text):
        time.sleep(0.01)
    ring.stop()
    pointers.stop()
    os._exit(not right)
ring.stop()
pointers.stop()
print(os.waitpid(child, 0)[1])
database.dispose()
other.dispose()
"""


def test_fork(database, make, pytestconfig):
    """What a process knew before it was forked is not believed in the child, which follows changes by itself."""
    (key, text), (kept, kept_text) = make(), make()
    command = [sys.executable, "-W", "error", "-c", FORKED, database.url, key.id, kept.id]
    given = {"input": f"{text}\n{kept_text}", "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run(command, check=False, cwd=pytestconfig.rootpath, **given)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_nothing_runs_before_the_first_look_up(ring):
    """A keyring that nobody asked has no thread, and can be stopped."""
    before = threading.active_count()
    ring().stop()
    assert threading.active_count() == before


def test_silence(database, ring, make, revoke):
    """While the database is silent known keys hold on, and unknown ones are not refused but unavailable."""
    (key, text), (_, unknown) = make(), make()
    ring = ring()
    assert ring.find(text) == key
    with silent(database):
        assert ring.find(text) == key
        with pytest.raises(Unavailable):
            ring.find(unknown)
    revoke(key)
    wait_until(lambda: ring.find(text) is None, "changes are not followed again")
    wait_until(lambda: is_known(ring, unknown))


# --- uses and peppers ----------------------------------------------------------------------------


def test_last_use_is_a_day(ring, make, stored, clock):
    """The day of a key's last use is written, not the time, and only of keys that were used."""
    (key, text), (unused, _) = make(), make()
    ring = ring()
    ring.find(text)
    assert stored(key).last_used_on is None
    ring.note_uses()
    assert (stored(key).last_used_on, stored(unused).last_used_on) == (AT.date(), None)
    clock.at = AT + timedelta(days=2)
    ring.find(text)
    ring.note_uses()
    assert stored(key).last_used_on == clock.at.date()


def test_written_once_a_day(database, ring, make):
    """Further uses on a day write nothing, in a process that has written it and in one that reads that it is."""
    _, text = make()
    first, second = ring(), ring()
    first.find(text)
    first.note_uses()
    second.find(text)
    with silent(database):
        for each in (first, second):
            assert each.find(text)
            each.note_uses()


def test_written_by_itself(ring, make, stored, soon):
    """The day of a use is written by a thread of its own, off the request's path."""
    soon()
    key, text = make()
    ring().find(text)
    wait_until(lambda: stored(key).last_used_on == AT.date())


def test_written_when_the_database_answers(database, ring, make, clock, soon):
    """A use that cannot be written is written later, by itself, and the key holds meanwhile."""
    soon()
    key, text = make()
    ring = ring()
    ring.find(text)
    ring.note_uses()
    clock.at = AT + timedelta(days=1)
    with silent(database):
        assert ring.find(text)
        wait_until(lambda: cannot_write(ring))
        assert ring.find(text)
    wait_until(lambda: row_of(database, key).last_used_on == clock.at.date())


def cannot_write(ring):
    try:
        ring.note_uses()
    except Unavailable:
        return True
    return False


def test_stop_writes(ring, make, stored):
    """What was not written yet is written when a process stops in order."""
    key, text = make()
    ring = ring()
    ring.find(text)
    ring.stop()
    assert stored(key).last_used_on == AT.date()


ENDING = """
import os, sys
from coachkit.db.database import SERVING, Database
from coachkit.editions.library import Library
from coachkit.editions.pointers import Pointers
from coachkit.organisations.keyring import Keyring
from coachkit.organisations.peppers import Pepper

url, at = sys.argv[1:]
database = Database(url, SERVING)
ring = Keyring(database, Pointers(database, Library(database)), (Pepper(b"1" * 32),), lambda: float(at))
child = os.fork()
if child == 0:
    assert ring.find(sys.stdin.read())
    sys.exit(0)  # as a worker of gunicorn ends
sys.exit(os.waitpid(child, 0)[1])
"""


@ONE_DATABASE
def test_a_process_that_ends_writes(database, make, stored, pytestconfig):
    """A worker that was forked and ends in order writes down by itself what it has not yet."""
    key, text = make()
    command = [sys.executable, "-W", "error", "-c", ENDING, database.url, str(AT.timestamp())]
    given = {"input": text, "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run(command, check=False, cwd=pytestconfig.rootpath, **given)
    assert (done.returncode, done.stderr) == (0, "")
    assert stored(key).last_used_on == AT.date()


NEW, OLD = Pepper(b"2" * 32), PEPPERS[0]


def test_peppers_rotate(ring, make, stored):
    """A key that an older pepper hashed holds, and is hashed with the newest when its use is written; for good."""
    key, text = make()
    rotating = ring((NEW, OLD))
    assert rotating.find(text) == key
    assert (stored(key).pepper, ring((NEW,)).find(text)) == (OLD.name, None)
    rotating.note_uses()
    assert (stored(key).pepper, stored(key).hash) == (NEW.name, NEW.hash(tokens.parse(text)))
    assert rotating.find(text) == key
    assert ring((NEW,)).find(text) == replace(key, last_used_on=AT.date(), pepper=NEW.name)
    assert ring((OLD,)).find(text) is None


def test_hashed_anew_on_the_same_day(ring, make, stored):
    """It is hashed anew though its use was written on the same day before, with the older pepper."""
    key, text = make()
    before = ring()
    before.find(text)
    before.note_uses()
    after = ring((NEW, OLD))
    after.find(text)
    after.note_uses()
    assert stored(key).pepper == NEW.name


def test_both_ways_meanwhile(ring, make, stored):
    """While some processes have the newest pepper first and others last, a key holds in all of them."""
    _, text = make()
    both = [ring((NEW, OLD)), ring((OLD, NEW))]
    for _ in range(2):
        for each in both:
            assert each.find(text)
            each.note_uses()
    assert all(ring(peppers).find(text) for peppers in ((NEW, OLD), (OLD, NEW)))
