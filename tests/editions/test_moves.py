"""Channels: moved, seen or not, and taken back. The editions here differ in the organisation's voice only."""

from datetime import timedelta

import pytest
from publishing import AT, SLUG, brand, example, organisation, publish

from coachkit.db import channels as rows
from coachkit.db import editions
from coachkit.db.scopes import ACROSS
from coachkit.editions import channels
from coachkit.errors import BadRequest, Conflict, NotFound
from coachkit.organisations.organisations import find


@pytest.fixture
def make(database):
    """Makes an edition and gives its digest; the channel is moved to it if one is named."""
    example(database)

    def make(name, channel="live"):
        organisation(database, brand=brand(voice=name))
        return publish(database, channel=channel).digest

    return make


@pytest.fixture
def act(database):
    """Calls something of `channels` on the organisation, in a transaction."""

    def act(function, *arguments, **options):
        with database.write(ACROSS) as conn:
            return function(conn, find(conn, SLUG), *arguments, **options)

    return act


@pytest.fixture
def history(act):
    """The history of a channel, the newest first: (from, to, note)."""

    def history(name="live"):
        moves = act(lambda conn, found: rows.history(conn, found.id, name))
        return [(move.from_digest, move.to_digest, move.note) for move in moves]

    return history


def back(act):
    return act(channels.rollback, "live", AT).digest


def test_rollback(make, act, history):
    """Rolling back goes to the edition before, and is a move like any other, with its own line in the history."""
    one, two = make("one"), make("two")
    assert back(act) == one
    assert history() == [(two, one, "rollback"), (one, two, None), (None, one, None)]


def test_rollback_twice(make, act):
    """Rolling back twice goes back two editions, and not to where one came from."""
    one, two, _ = make("one"), make("two"), make("three")
    assert back(act) == two
    assert back(act) == one


def test_rollback_after_a_new_publish(make, act):
    """After a new edition, what was rolled back before stays passed over."""
    one = make("one")
    make("two")
    assert back(act) == one
    make("three")
    assert back(act) == one


def test_rollback_and_forth(make, act):
    """An edition that was rolled back and then published again is one to go back from, and to, like any other."""
    one, two = make("one"), make("two")
    back(act)
    assert make("two") == two
    three = make("three")
    assert three not in (one, two)
    assert back(act) == two
    assert back(act) == one


def test_nothing_to_go_back_to(make, act):
    """Where there is no edition before, or no channel, that is said and nothing moves."""
    make("one")
    with pytest.raises(Conflict, match="no earlier edition to go back to"):
        back(act)
    make("two")
    back(act)
    with pytest.raises(Conflict, match="no earlier edition to go back to"):
        back(act)
    with pytest.raises(NotFound, match="autumn-2026"):
        act(channels.rollback, "autumn-2026", AT)


def test_moves_to_the_same_edition_are_passed_over(make, act):
    """A move to where the channel points already is no edition to go back to."""
    one, two = make("one"), make("two")
    act(channels.move, "live", two, AT, public=False)
    assert back(act) == one


def test_a_note_is_only_a_note(make, act):
    """An ordinary move with the word that rollbacks note is an ordinary move."""
    one, two, three = make("one"), make("two"), make("three", channel=None)
    act(channels.move, "live", three, AT, note="rollback")
    assert back(act) == two
    assert back(act) == one


def test_rollback_keeps_publicity(make, act):
    """Rolling back changes where a channel points and not who sees it."""
    make("one")
    two = make("two")
    act(channels.move, "live", two, AT, public=False)
    assert not act(channels.rollback, "live", AT).public


def test_publicity(make, act):
    """A new channel is public, but for `preview`; later moves leave that as it is unless they say."""
    one = make("one", channel=None)
    assert act(channels.move, "live", one, AT).public
    assert act(channels.move, "autumn-2026", one, AT).public
    assert not act(channels.move, "preview", one, AT).public
    assert not act(channels.move, "live", one, AT, public=False).public
    assert not act(channels.move, "live", one, AT).public
    assert act(channels.move, "preview", one, AT, public=True).public
    assert act(channels.move, "preview", one, AT).public


def test_a_public_channel_publishes_for_ever(make, act):
    """An edition is published once a public channel points at it, and stays so."""

    def published(digest):
        return act(lambda conn, found: editions.head(conn, found.id, digest).published)

    one, two = make("one", channel=None), make("two", channel=None)
    act(channels.move, "preview", one, AT)
    assert not published(one)
    act(channels.move, "live", one, AT)
    act(channels.move, "live", two, AT)
    assert published(one)
    assert published(two)


def test_history_has_notes_and_days(make, act):
    """Each move keeps its note and its moment."""
    one = make("one", channel=None)
    later = AT + timedelta(hours=1)
    act(channels.move, "live", one, later, note="Term begins")
    (move,) = act(lambda conn, found: rows.history(conn, found.id, "live"))
    assert (move.moved_at, move.note) == (later, "Term begins")


def test_only_editions_of_ones_own(database, make, act):
    """A channel points at an edition of its organisation only."""
    make("one")
    organisation(database, "harbour")
    theirs = publish(database, "harbour").digest
    for digest in (theirs, "sha256:00"):
        with pytest.raises(NotFound, match=f"{SLUG} has no edition"):
            act(channels.move, "live", digest, AT)


@pytest.mark.parametrize("name", ["", "Live", "live now", "a" * 65])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_names(make, act, name):
    """A channel has a name that an address can hold."""
    with pytest.raises(BadRequest, match="is not a name"):
        act(channels.move, name, make("one", channel=None), AT)
