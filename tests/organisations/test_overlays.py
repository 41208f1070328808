"""Changing an overlay part by part, and own resources one by one, in an organisation's draft."""

from datetime import timedelta

import pytest
from packmaker import module, replacing
from publishing import AT, SLUG, example, organisation, publish, settings

from coachkit.db import audit as audit_rows
from coachkit.db import channels
from coachkit.db.scopes import ACROSS
from coachkit.editions.choices import overlay_part
from coachkit.editions.choices_schema import ChoicesSchema, wrong_in_stored
from coachkit.errors import Conflict, InvalidBody, LimitReached, NotFound, PreconditionFailed
from coachkit.organisations import organisations, overlays
from coachkit.organisations.audit import COMMAND, Actor, broken
from coachkit.organisations.organisations import enter
from coachkit.settings import Settings

LATER = AT + timedelta(hours=1)
KEY = Actor("key", "abc")
LIMITS = Settings(database_url="sqlite://", secret_key=bytes(32))
FEW = Settings(database_url="sqlite://", secret_key=bytes(32), max_overlay=1, max_resources=1)
FEEL = {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "section": "feel", "text": "Ours."}
HIDE = {"op": "hide", "target": "module/first-hour", "section": "step"}
FUND = {"kind": "module", "id": "fund", "source": {"en-GB": module("Fund")}}
OVER = {"pack": "example", "version": "1.0.0"}
FINE = {"modules/first-hour.md": replacing("It is **fine**", "It is **right**")}
FEEL_ID, HIDE_ID = overlay_part(FEEL).id, overlay_part(HIDE).id
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def doing(database):
    """Calls a function of `overlays` with the organisation as it is stored, in a transaction of its own."""
    example(database)
    organisation(database)

    def call(function, *arguments, **named):
        with database.write(ACROSS) as conn:
            return function(conn, enter(conn, SLUG), *arguments, **named)

    return call


@pytest.fixture
def put(doing):
    return lambda value, actor=KEY, **named: doing(
        overlays.put, value, actor=actor, at=LATER, **({"limits": LIMITS} | named)
    )


def audit(database):
    """Number, actor, action, subject, before and after of each entry about parts, in an audit whose chain must hold."""
    with database.read(ACROSS) as conn:
        found = enter(conn, SLUG)
        entries = list(audit_rows.entries(conn, found.id))
        assert not list(broken(entries, audit_rows.head(conn, found.id)))
    ours = [each for each in entries if each.action.startswith(("overlay.", "resource."))]
    return [(n, each.actor, each.action, each.subject, each.before, each.after) for n, each in enumerate(ours, 1)]


def test_one_target_in_two_spellings(put):
    """A part whose target is written with its pack takes the place of the one without, and the other way round."""
    put(FEEL)
    for target, words in (("example:module/first-hour", "Named."), ("module/first-hour", "Bare.")):
        changed = put(FEEL | {"target": target, "text": words})
        assert [(each.id, each.value["target"], each.value["text"]) for each in overlays.parts(changed)] == [
            (FEEL_ID, target, words)
        ]


@SQLITE
def test_two_spellings_that_are_stored(database, doing):
    """Parts that were stored for one target in two spellings are both there, and each can be removed."""
    both = [FEEL, FEEL | {"target": "example:module/first-hour", "text": "Theirs."}]
    organisation(database, overlay=both)
    first, second = doing(lambda _, found: overlays.parts(found))
    assert first.id == FEEL_ID != second.id
    left = doing(overlays.remove, second.id, actor=KEY, at=LATER)
    assert [each.value["text"] for each in overlays.parts(left)] == ["Ours."]
    assert wrong_in_stored(settings(overlay=both)) == {}
    assert ChoicesSchema().validate(settings(overlay=both)) != {}


def test_add_change_and_remove(database, doing, put):
    """A part is added at the end, changed where it stands and removed; each is a revision and an entry of the audit."""
    put(FEEL)
    put(HIDE)
    changed = put(FEEL | {"text": "Other.", "title": "T"}, COMMAND)
    assert [each.value for each in overlays.parts(changed)] == [
        FEEL | {"text": "Other.", "title": "T", "over": OVER},
        HIDE | {"over": OVER},
    ]
    assert (changed.revision, changed.updated_at) == (4, LATER)
    last = doing(overlays.remove, FEEL_ID, actor=KEY, at=LATER)
    assert [each.id for each in overlays.parts(last)] == [HIDE_ID]
    first, other = FEEL | {"over": OVER}, FEEL | {"text": "Other.", "title": "T", "over": OVER}
    assert audit(database) == [
        (1, "key abc", "overlay.set", FEEL_ID, None, first),
        (2, "key abc", "overlay.set", HIDE_ID, None, HIDE | {"over": OVER}),
        (3, "command", "overlay.set", FEEL_ID, first, other),
        (4, "key abc", "overlay.remove", FEEL_ID, other, None),
    ]


@SQLITE
def test_readers_see_nothing(database, doing, put):
    """What is served stays as it is until an edition is published."""
    before = publish(database)
    put(FEEL)
    with database.read(ACROSS) as conn:
        assert channels.get(conn, enter(conn, SLUG).id, "live").digest == before.digest
    assert publish(database).digest != before.digest


@SQLITE
def test_a_part_keeps_its_name(doing, put):
    """A part's name stays the same whatever is put before it or taken away, and whatever words it has."""
    put(HIDE)
    put(FEEL)
    put(FEEL | {"text": "Other."})
    found = overlays.part(doing(overlays.remove, HIDE_ID, actor=KEY, at=LATER), FEEL_ID)
    assert (found.position, found.value["text"]) == (0, "Other.")


@SQLITE
def test_what_is_not_there(doing):
    """A part that there is not is not found, whatever is to be done with it."""
    for function, more in ((overlays.remove, ()), (overlays.decide, ("keep",))):
        with pytest.raises(NotFound, match="no part 0123"):
            doing(function, "0123", *more, actor=KEY, at=LATER)


def test_a_lost_race_changes_nothing(database, doing, put):
    """Who read an earlier revision changes nothing, and leaves no entry."""
    put(FEEL, expected_revision=1)
    for function, arguments in (
        (overlays.put, (HIDE,)),
        (overlays.remove, (FEEL_ID,)),
        (overlays.put_resource, (FUND,)),
    ):
        limits = {} if function is overlays.remove else {"limits": LIMITS}
        with pytest.raises(Conflict, match="revision 2, not 1"):
            doing(function, *arguments, actor=KEY, at=LATER, expected_revision=1, **limits)
    assert len(audit(database)) == 1


@SQLITE
def test_room(doing, put):
    """No more parts and resources are added than the operator allows; those that are there may be changed."""
    put(FEEL, limits=FEW)
    put(FEEL | {"text": "Other."}, limits=FEW)
    with pytest.raises(LimitReached, match="COACHKIT_MAX_OVERLAY"):
        put(HIDE, limits=FEW)
    doing(overlays.put_resource, FUND, actor=KEY, at=LATER, limits=FEW)
    doing(overlays.put_resource, FUND, actor=KEY, at=LATER, limits=FEW)
    with pytest.raises(LimitReached, match="COACHKIT_MAX_RESOURCES"):
        doing(overlays.put_resource, FUND | {"id": "other"}, actor=KEY, at=LATER, limits=FEW)


@SQLITE
def test_texts_have_a_bound_together(doing, put):
    """However short each text is, those of an overlay are bounded together: all are compiled at once."""
    long = "x" * 20_000
    overlay = [FEEL | {"target": f"module/m{number}", "text": long} for number in range(50)]
    whole = settings(overlay=overlay)
    assert ChoicesSchema().validate(whole) == {}
    doing(lambda conn, _: organisations.change(conn, SLUG, whole, LATER))
    with pytest.raises(InvalidBody) as caught:
        put(FEEL)
    assert [(each.code, each.pointer) for each in caught.value.errors] == [("too-long", "/text")]
    put(overlay[0] | {"text": "Shorter."})
    put(FEEL)
    assert "together" in ChoicesSchema().validate(settings(overlay=[*overlay, FEEL]))["overlay"][0]


@SQLITE
def test_whole_settings_fit(doing):
    """Settings that are stored whole are held to the same limits."""
    overlays.require_fits({"overlay": [FEEL], "resources": [FUND]}, FEW)
    overlays.require_fits({}, FEW)
    with pytest.raises(LimitReached, match="COACHKIT_MAX_OVERLAY"):
        overlays.require_fits({"overlay": [FEEL, HIDE]}, FEW)
    with pytest.raises(LimitReached, match="COACHKIT_MAX_RESOURCES"):
        overlays.require_fits({"resources": [FUND, FUND]}, FEW)


def test_keep_and_take(database, doing, put):
    """A part that a release has left undecided is kept over it, or taken away, and the audit says which."""
    put(FEEL)
    put(HIDE)
    changes = {
        "modules/first-hour.md": lambda text: FINE["modules/first-hour.md"](text).replace("you are ready", "you can")
    }
    example(database, "1.1.0", **changes)
    assert [each.id for each in doing(overlays.undecided)] == [FEEL_ID, HIDE_ID]
    now = OVER | {"version": "1.1.0"}
    kept = doing(overlays.decide, FEEL_ID, "keep", actor=KEY, at=LATER, seen="1.1.0")
    assert overlays.part(kept, FEEL_ID).value == FEEL | {"over": now}
    taken = doing(overlays.decide, HIDE_ID, "take", actor=KEY, at=LATER)
    assert [each.id for each in overlays.parts(taken)] == [FEEL_ID]
    assert doing(overlays.undecided) == []
    assert audit(database)[2:] == [
        (3, "key abc", "overlay.keep", FEEL_ID, FEEL | {"over": OVER}, FEEL | {"over": now}),
        (4, "key abc", "overlay.take", HIDE_ID, HIDE | {"over": OVER}, None),
    ]


@SQLITE
def test_nothing_to_decide(database, doing, put):
    """Where no release says something else there is nothing to decide, nor about what was not seen."""
    put(FEEL)
    with pytest.raises(Conflict, match="nothing to decide"):
        doing(overlays.decide, FEEL_ID, "take", actor=KEY, at=LATER)
    example(database, "1.1.0", **FINE)
    for seen in ("1.0.5", "other@1.1.0"):
        with pytest.raises(PreconditionFailed, match=r"example@1\.1\.0"):
            doing(overlays.decide, FEEL_ID, "keep", actor=KEY, at=LATER, seen=seen)
    assert overlays.part(doing(lambda _, found: found), FEEL_ID).value["over"] == OVER


def test_the_same_words_again(database, doing, put):
    """Putting the same words again decides nothing; other words are over the release of now."""
    put(FEEL)
    example(database, "1.1.0", **FINE)
    assert overlays.part(put(FEEL), FEEL_ID).value["over"] == OVER
    assert len(doing(overlays.undecided)) == 1
    put(FEEL | {"text": "Written over what it says now."})
    assert doing(overlays.undecided) == []


def test_own_resources(database, doing):
    """An own resource is added, changed where it stands and removed, and the audit has each."""
    doing(overlays.put_resource, FUND, actor=KEY, at=LATER, limits=LIMITS)
    other = FUND | {"source": {"en-GB": module("Other")}}
    assert doing(overlays.put_resource, other, actor=KEY, at=LATER, limits=LIMITS).settings["resources"] == [other]
    assert publish(database).edition.catalogue["module", "fund"] == "own"
    assert doing(overlays.remove_resource, "module", "fund", actor=KEY, at=LATER).settings["resources"] == []
    assert [each[2:] for each in audit(database)] == [
        ("resource.set", "module/fund", None, FUND),
        ("resource.set", "module/fund", FUND, other),
        ("resource.remove", "module/fund", other, None),
    ]


@SQLITE
def test_resources_that_do_not_go_with_the_rest(database, doing):
    """A resource without its original is refused where that is missing, and nothing is stored."""
    with pytest.raises(InvalidBody) as caught:
        doing(overlays.put_resource, FUND | {"source": {"cy": "T"}}, actor=KEY, at=LATER, limits=LIMITS)
    ((code, pointer),) = [(each.code, each.pointer) for each in caught.value.errors]
    assert (code, pointer) == ("invalid-value", "/source")
    with pytest.raises(NotFound, match="no module fund of its own"):
        doing(overlays.remove_resource, "module", "fund", actor=KEY, at=LATER)
    assert audit(database) == []
