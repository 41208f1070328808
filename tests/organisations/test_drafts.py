"""Drafts: what publishing would change, what keeps it back, and going back to what is live."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from publishing import AT, SLUG, TOOLS, brand, example, organisation, publish, settings

from coachkit.db import channels, editions
from coachkit.db import organisations as rows
from coachkit.db.scopes import ACROSS
from coachkit.db.tables import editions as editions_table
from coachkit.editions.inputs import parse
from coachkit.errors import Conflict, PreconditionFailed
from coachkit.organisations import drafts, publishing
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.organisations import enter
from coachkit.organisations.quotas import Quotas

QUOTAS = Quotas(editions=100, channels=10)
LATER = AT + timedelta(hours=1)
SUMMARY = {
    "op": "replace",
    "target": "example:module/ask-for-feedback",
    "locale": "en-GB",
    "field": "summary",
    "text": "How to ask one good question.",
}


@pytest.fixture
def served(database):
    """northbridge, with example@1.0.0 at `live`."""
    example(database)
    organisation(database)
    return publish_draft(database).prepared.digest


def publish_draft(database, channel="live"):
    return publishing.publish(database, SLUG, TOOLS, quotas=QUOTAS, actor=COMMAND, at=AT, channel=channel)


def drafted(database, at=LATER):
    with database.read(ACROSS) as conn:
        return drafts.draft(conn, enter(conn, SLUG), TOOLS, at)


def discarded(database, **expected):
    with database.write(ACROSS) as conn:
        return drafts.discard(conn, enter(conn, SLUG), actor=COMMAND, at=LATER, **expected)


def stored(database):
    with database.read(ACROSS) as conn:
        found = rows.get(conn, SLUG)
        return found.revision, found.settings


def actions(database):
    from coachkit.db import audit

    with database.read(ACROSS) as conn:
        return [(each.action, each.subject) for each in audit.entries(conn, rows.get(conn, SLUG).id)]


def without_settings(database):
    """Let every edition be as one that was stored before settings were kept with it."""
    with database.write(ACROSS) as conn:
        conn.execute(sa.update(editions_table).values(settings=None))


def test_nothing_changed(database, served):
    """A draft that is what is live changes nothing, and says on which edition and revision it stands."""
    found = drafted(database)
    assert (found.revision, found.live, found.edition, found.problems) == (1, served, served, ())
    assert (found.difference.changes, found.difference.releases) == ((), ())


def test_what_would_change(database, served):
    """The documents that publishing would change are said by locale, with the releases, and nothing is stored."""
    example(database, "1.1.0", **{"modules/first-hour.md": lambda text: text.replace("Put the kettle on", "Sit down")})
    organisation(database, overlay=[SUMMARY])
    found = drafted(database)
    assert found.difference.releases == ({"pack": "example", "from": "1.0.0", "to": "1.1.0"},)
    changed = {(each["op"], each["kind"], each["id"], each["locale"]) for each in found.difference.changes}
    assert ("changed", "module", "ask-for-feedback", "en-GB") in changed
    assert ("changed", "module", "first-hour", "en-GB") in changed
    with database.read(ACROSS) as conn:
        assert len(editions.listing(conn, rows.get(conn, SLUG).id)) == 1
    assert publish_draft(database).prepared.digest == found.edition


def test_added_and_removed(database, served):
    """A resource that is hidden is removed in each locale; one more locale adds every document in it."""
    locales = {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"], "en-IE": ["en-IE", "en-GB"]}
    organisation(database, locales=locales, overlay=[{"op": "hide", "target": "example:pathway/first-week"}])
    changes = drafted(database).difference.changes
    removed = [each for each in changes if each["op"] == "removed"]
    assert [(each["id"], each["locale"]) for each in removed] == [("first-week", "cy"), ("first-week", "en-GB")]
    assert {each["locale"] for each in changes if each["op"] == "added"} == {"en-IE"}


def test_first_draft(database):
    """Where nothing is live yet, all of it is added."""
    example(database)
    organisation(database)
    found = drafted(database)
    assert found.live is None
    assert {each["op"] for each in found.difference.changes} == {"added"}
    assert found.difference.releases == ({"pack": "example", "from": None, "to": "1.0.0"},)


def test_all_problems_at_once(database, served):
    """What keeps a draft from being published is all said, warnings apart, and then nothing is said of changes."""
    colours = {"text": "#777777", "background": "#888888"}
    organisation(database, brand=brand(colours=colours), values={"nonesuch": "x"})
    found = drafted(database)
    assert {"contrast", "unknown-placeholder"} <= {each.code for each in found.problems}
    assert (found.edition, found.difference, found.live) == (None, None, served)
    shape = found.shape()
    assert (shape["ok"], shape["changes"], shape["revision"]) == (False, None, 2)


def test_warnings(database, served):
    """A warning keeps nothing back, and is said."""
    leaving = {
        "modules/ask-for-feedback.md": lambda text: text.replace(
            "last_reviewed", "retiring: {since: 1999-12-31, until: 2000-01-01}\nlast_reviewed", 1
        )
    }
    example(database, "1.1.0", **leaving)
    found = drafted(database)
    assert ([each.code for each in found.warnings], found.problems) == (["overdue"], ())
    assert found.shape()["ok"]


def test_discard(database, served):
    """Discarding puts every key back as it was published, ranges too, under a new revision, and the audit has it."""
    organisation(database, packs={"example": "1.0.0"}, overlay=[SUMMARY], brand=brand(voice="Loud"))
    done = discarded(database)
    assert (done.changed, done.pinned, done.edition) == (True, {}, served)
    assert stored(database) == (3, settings())
    assert drafted(database).edition == served
    assert actions(database)[-2:] == [("settings.change", "settings"), ("draft.discard", served)]


def test_discard_leaves_what_holds_at_once(database, served):
    """What no edition is made of, such as who may read, is no draft and stays as it is."""
    organisation(database, overlay=[SUMMARY], timezone="Europe/London", access={"content": "keyed"})
    discarded(database)
    assert stored(database)[1] == settings(timezone="Europe/London", access={"content": "keyed"})


def test_discard_puts_rules_back(database, served):
    """The languages that are declared go back with those that are served."""
    locales = {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"], "en-IE": ["en-IE", "en-GB"]}
    organisation(database, locales=locales, parity=["en-GB", "en-IE"], banned_words={"en-IE": ["guru"]})
    discarded(database)
    assert stored(database)[1] == settings()


@pytest.mark.parametrize(("declared", "left"), [(["en-GB", "cy"], ["en-GB", "cy"]), (["en-GB", "en-IE"], None)])
def test_rules_that_nobody_knows_any_more(database, served, declared, left):
    """Where an edition kept no settings, the languages that are declared stay if it serves them."""
    without_settings(database)
    locales = {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"], "en-IE": ["en-IE", "en-GB"]}
    organisation(database, locales=locales, parity=declared)
    assert discarded(database).organisation.settings.get("parity") == left


def test_nothing_to_discard(database, served):
    """Where nothing was changed, nothing is: no revision, no entry."""
    before = stored(database), actions(database)
    assert not discarded(database).changed
    assert (stored(database), actions(database)) == before


def test_discard_to_the_last_publishing(database, served):
    """An edition that was published again from another document is discarded to that one."""
    organisation(database, packs={"example": ">=1.0,<3"})
    assert publish_draft(database).prepared.digest == served
    organisation(database, brand=brand(voice="Loud"))
    discarded(database)
    assert stored(database)[1] == settings(packs={"example": ">=1.0,<3"})


def test_a_stored_edition_is_not_published(database, served):
    """What is stored without a channel, as for a preview, is nothing to go back to."""
    organisation(database, packs={"example": ">=1.0,<3"})
    publish_draft(database, channel=None)
    discarded(database)
    assert stored(database)[1] == settings()


@pytest.mark.parametrize(
    ("packs", "left", "pinned"),
    [
        ({"example": ">=1.0,<3"}, {"example": ">=1.0,<3"}, {}),
        ({"example": ">=2.0"}, {"example": "1.0.0"}, {"example": "1.0.0"}),
    ],
)
def test_discard_without_stored_settings(database, served, packs, left, pinned):
    """From an edition that kept no settings its inputs are put back; a range that is not known is the version."""
    without_settings(database)
    organisation(database, packs=packs, overlay=[SUMMARY])
    done = discarded(database)
    assert (done.pinned, done.organisation.settings["packs"]) == (pinned, left)
    assert not done.organisation.settings["overlay"]
    assert drafted(database).edition == served


@pytest.mark.parametrize("kept", [b"not JSON", b"[]", b'{"packs": {}, "colour": "red"}'])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_discard_with_settings_that_break_rules(database, served, kept):
    """What was kept by other rules than those of now is not put back: the edition's inputs are."""
    with database.write(ACROSS) as conn:
        conn.execute(sa.update(editions_table).values(settings=kept))
    organisation(database, overlay=[SUMMARY])
    assert discarded(database).organisation.settings["packs"] == settings()["packs"]
    assert drafted(database).edition == served


def test_stale_discard(database, served):
    """Who saw an older revision discards nothing."""
    organisation(database, overlay=[SUMMARY])
    before = stored(database)
    with pytest.raises(PreconditionFailed, match="at revision 2, not 1"):
        discarded(database, expected_revision=1)
    assert stored(database) == before
    assert discarded(database, expected_revision=2).changed


def test_nothing_live(database):
    """Where nothing was ever published there is nothing to go back to."""
    example(database)
    organisation(database)
    publish_draft(database, channel="preview")
    with pytest.raises(Conflict, match="no live edition"):
        discarded(database)


def test_readers_see_nothing(database, served):
    """Looking at a draft and discarding it moves no channel."""
    organisation(database, overlay=[SUMMARY])
    drafted(database)
    discarded(database)
    with database.read(ACROSS) as conn:
        (channel,) = channels.of_organisation(conn, rows.get(conn, SLUG).id)
    assert (channel.digest, channel.moved_at) == (served, AT)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_edition_keeps_its_inputs(database, served):
    """The settings that are kept beside an edition are no part of it: its digest covers what it covered."""
    organisation(database, packs={"example": ">=1.0.0,<2.0.0"})
    assert publish(database).digest == served
    with database.read(ACROSS) as conn:
        row = editions.get(conn, rows.get(conn, SLUG).id, served)
    assert parse(row.inputs).settings["packs"] == {"example": "1.0.0"}
