"""Publishing and moving within an organisation's quotas, told to the audit, also when many do so at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from publishing import AT, SLUG, TOOLS, brand, example, organisation

from coachkit.db import audit as audit_rows
from coachkit.db import channels, editions
from coachkit.db.scopes import ACROSS
from coachkit.editions.publish import prepare
from coachkit.errors import Conflict, LimitReached
from coachkit.organisations import moving, publishing
from coachkit.organisations.audit import COMMAND, broken
from coachkit.organisations.organisations import change, enter
from coachkit.organisations.quotas import Quotas

ROOM = Quotas(editions=100, channels=100)


@pytest.fixture
def publish(database):
    """Publishes northbridge with a voice, so that each is another edition."""
    example(database)

    def publish(voice="one", channel="live", quotas=ROOM):
        organisation(database, brand=brand(voice=voice))
        return publishing.publish(database, SLUG, TOOLS, quotas=quotas, actor=COMMAND, at=AT, channel=channel)

    return publish


def actions(database):
    with database.read(ACROSS) as conn:
        id_ = enter(conn, SLUG).id
        entries = list(audit_rows.entries(conn, id_))
        assert list(broken(entries, audit_rows.head(conn, id_))) == []
        return [(each.action, each.subject) for each in entries if each.action != "settings.change"][1:]


def test_publish(database, publish):
    """A new edition and the move to it are two entries; what is there already leaves none."""
    stored = publish(channel=None)
    assert (stored.new, stored.moved) == (True, None)
    moved = publish()
    assert (moved.new, moved.moved.name, moved.prepared.digest) == (False, "live", stored.prepared.digest)
    assert publish().moved is None
    assert actions(database) == [("edition.publish", stored.prepared.digest), ("channel.move", "live")]


def test_editions_have_a_quota(database, publish):
    """One edition too many is refused, by the setting's name, and nothing of it is kept; old ones can be published."""
    publish("one")
    with pytest.raises(LimitReached, match="COACHKIT_MAX_EDITIONS"):
        publish("two", quotas=Quotas(editions=1, channels=9))
    assert not publish("one", quotas=Quotas(editions=1, channels=9)).new
    assert len(actions(database)) == 2


def test_channels_have_a_quota(database, publish):
    """One channel too many is refused, by the setting's name; those there are can be moved."""
    digest = publish().prepared.digest
    tight = Quotas(editions=9, channels=1)
    with database.write(ACROSS) as conn:
        found = enter(conn, SLUG)
        with pytest.raises(LimitReached, match="COACHKIT_MAX_CHANNELS"):
            moving.move(conn, found, "autumn", digest, quotas=tight, actor=COMMAND, at=AT)
        moving.move(conn, found, "live", digest, quotas=tight, actor=COMMAND, at=AT)


def test_choices_that_changed_meanwhile(database, publish):
    """What was prepared from other choices than those of now is a Conflict."""
    publish()
    with database.read(ACROSS) as conn:
        found = enter(conn, SLUG)
        prepared = prepare(conn, found, TOOLS, AT)
    with database.write(ACROSS) as conn:
        change(conn, SLUG, found.settings, AT)
    with database.write(ACROSS) as conn, pytest.raises(Conflict, match="publish again"):
        publishing.settle(conn, found, prepared, quotas=ROOM, actor=COMMAND, at=AT, channel="live")


def test_many_at_once(database, publish):
    """Publishing, moving and changing settings at once: each is done once and told once, and none waits for ever."""
    one, two = (publish(voice).prepared.digest for voice in ("one", "two"))

    def act(n):
        with database.write(ACROSS) as conn:
            found = enter(conn, SLUG)
            if n == 0:
                moving.rollback(conn, found, "live", actor=COMMAND, at=AT)
            else:
                name = ("live", f"c{n % 3}")[n % 2]
                moving.move(conn, found, name, (one, two)[n % 2], quotas=ROOM, actor=COMMAND, at=AT)

    def publish_again(n):
        publishing.publish(database, SLUG, TOOLS, quotas=ROOM, actor=COMMAND, at=AT, channel=f"p{n}")

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(act, n) for n in range(18)] + [pool.submit(publish_again, n) for n in range(4)]
        for each in done:
            each.result()
    told = [action for action in actions(database) if action[0].startswith("channel.")]
    assert len(told) == 2 + 18 + 4


def test_quota_holds_at_once(database, publish):
    """However many make channels at once, there are never more than the quota."""
    digest = publish().prepared.digest
    tight = Quotas(editions=9, channels=4)

    def make(n):
        with database.write(ACROSS) as conn:
            moving.move(conn, enter(conn, SLUG), f"c{n}", digest, quotas=tight, actor=COMMAND, at=AT)

    with ThreadPoolExecutor(8) as pool:
        failed = [each.exception() for each in [pool.submit(make, n) for n in range(12)]]
    assert sum(isinstance(each, LimitReached) for each in failed) == 9
    with database.read(ACROSS) as conn:
        found = enter(conn, SLUG)
        assert len(channels.of_organisation(conn, found.id)) == 4
        assert editions.count(conn, found.id) == 1
