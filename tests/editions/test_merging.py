"""What becomes of an organisation's wording when a new release changes the text under it."""

import pytest
from packmaker import replacing
from publishing import AT, SLUG, codes, example, organisation, publish, refused, release, settings, small_files

from coachkit.db.scopes import ACROSS
from coachkit.editions.choices import Over, overlay_part, part_ids
from coachkit.editions.merging import Wording, keep, merges, settle_over, take
from coachkit.organisations import organisations
from coachkit.organisations.organisations import find

HOUR = "modules/first-hour.md"
FEEL = {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "section": "feel", "text": "Ours."}
SUMMARY = {"op": "replace", "target": "example:module/first-hour", "locale": "cy", "field": "summary", "text": "Ni."}
HIDE = {"op": "hide", "target": "module/first-hour", "section": "step"}
INSERT = {
    "op": "insert",
    "target": "module/first-hour",
    "locale": "en-GB",
    "section": "here",
    "after": "feel",
    "title": "Here",
    "text": "Ours.",
}
FINE = {HOUR: replacing("It is **fine** to be disappointed.", "It is **right** to write to {{careers_email}}.")}
LINK = {HOUR: replacing("you are ready, [ask", "you are calm, [ask")}
FIRST, SECOND = Over("example", "1.0.0"), Over("example", "1.1.0")
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def chosen(database):
    """Stores an overlay over 1.0.0, and gives what is stored."""
    example(database)
    return lambda *parts: organisation(database, overlay=[dict(part) for part in parts]).settings


def now(database):
    """What is undecided in the settings that are stored."""
    with database.read(ACROSS) as conn:
        return merges(conn, find(conn, SLUG).settings)


def written_over(stored):
    return [part.get("over") for part in stored["overlay"]]


def test_parts_are_told_what_they_were_written_over(database, chosen):
    """What replaces a text or hides a section is given the release of now; what does neither is given nothing."""
    over = {"pack": "example", "version": "1.0.0"}
    stored = chosen(FEEL, INSERT, HIDE, {"op": "hide", "target": "pathway/first-week"}, SUMMARY)
    assert written_over(stored) == [over, None, over, None, over]


@SQLITE
def test_what_is_said_stays(database, chosen):
    """A part that says over what it was written keeps that, whatever there is now."""
    example(database, "1.1.0", **FINE)
    said = {"pack": "example", "version": "1.0.0"}
    assert written_over(chosen(FEEL | {"over": said})) == [said]


@SQLITE
def test_the_same_words_stay_over_what_they_were_written_over(database, chosen):
    """Storing a file again settles nothing by itself; other words are over the release of now."""
    chosen(FEEL, SUMMARY)
    example(database, "1.1.0", **FINE)
    stored = chosen(SUMMARY, FEEL | {"text": "Ours, with another word."})
    assert written_over(stored) == [vars(FIRST), vars(SECOND)]


@SQLITE
def test_what_no_release_offers_stays_open(database):
    """A part about what there is not yet is stored without a release, and is told of one when it is stored again."""
    assert written_over(organisation(database, overlay=[FEEL]).settings) == [None]
    example(database)
    assert written_over(organisation(database, overlay=[FEEL]).settings) == [vars(FIRST)]


@SQLITE
def test_settling_is_of_no_cost_to_others(database):
    """Settings in which there is nothing to settle are given back as they are."""
    chosen = settings(overlay=[INSERT])
    with database.read(ACROSS) as conn:
        assert settle_over(conn, chosen) is chosen
        assert settle_over(conn, without := settings()) is without


def test_three_texts(database, chosen):
    """A section that a new release words otherwise is shown in three texts, as their authors would write them."""
    chosen(INSERT, FEEL | {"title": "Ours"})
    example(database, "1.1.0", **FINE)
    (merge,) = now(database)
    assert (merge.position, merge.operation, merge.target) == (1, "replace", "example:module/first-hour")
    assert (merge.locale, merge.field, merge.section) == ("en-GB", None, "feel")
    assert (merge.over, merge.now) == (FIRST, SECOND)
    assert merge.old.title == merge.new.title == "Feel it first"
    assert "It is **fine** to be disappointed." in merge.old.text
    assert "It is **right** to write to {{careers_email}}." in merge.new.text
    assert "images/breathe.svg" in merge.new.text
    assert merge.theirs == Wording("Ours", "Ours.")


@SQLITE
def test_a_title_counts(database, chosen):
    """A section whose title alone has changed is undecided too."""
    chosen(FEEL)
    example(database, "1.1.0", **{HOUR: replacing("## Feel it first", "## Feel it")})
    (merge,) = now(database)
    assert (merge.old.title, merge.new.title, merge.theirs.title) == ("Feel it first", "Feel it", None)


@SQLITE
def test_a_field(database, chosen):
    """A field is compared in the part's own locale, and where the release has none there, in the pack's."""
    title = SUMMARY | {"target": "checklist/before-you-reply", "field": "items/wait/reason"}
    chosen(SUMMARY, title)
    checklist = "checklists/before-you-reply.yaml"
    example(
        database,
        "1.1.0",
        **{
            "locales/cy/modules/first-hour.md": replacing("Beth i'w wneud", "Beth i wneud"),
            checklist: replacing("A reply can wait for a day", "It can wait"),
        },
    )
    welsh, english = now(database)
    assert welsh.old.text.startswith("Beth i'w wneud")
    assert welsh.new.text.startswith("Beth i wneud")
    assert (english.old, english.new) == (Wording(None, "A reply can wait for a day"), Wording(None, "It can wait"))
    assert (english.locale, english.theirs) == ("cy", Wording(None, "Ni."))


@SQLITE
def test_a_translation_that_comes_later(database, chosen):
    """Where the release has a text of its own by now in the part's locale, that is a change."""
    part = FEEL | {"target": "module/ask-for-feedback", "locale": "cy", "section": "what"}
    chosen(part)
    welsh = "locales/cy/modules/ask-for-feedback.md"
    example(database, "1.1.0", **{welsh: lambda text: f"{text}\n## Beth i ofyn {{#what}}\n\nBeth?\n"})
    (merge,) = now(database)
    assert merge.old.text.startswith("- What went well?")
    assert merge.new == Wording("Beth i ofyn", "Beth?")


@SQLITE
def test_a_hidden_section(database, chosen):
    """A section that is hidden is compared in each locale of the chains, and has no text of theirs."""
    chosen(HIDE)
    example(database, "1.1.0", **LINK)
    (merge,) = now(database)
    assert (merge.operation, merge.locale, merge.section, merge.theirs) == ("hide", "en-GB", "step", None)
    assert "you are calm, [ask for feedback](example:module/ask-for-feedback#when)" in merge.new.text


@SQLITE
def test_what_is_not_touched(database, chosen):
    """A release that changes something else leaves nothing to decide, in the same resource or in another."""
    chosen(FEEL, SUMMARY, HIDE)
    example(database, "1.1.0", **{HOUR: replacing("summary: What to do", "summary: What one does")})
    assert now(database) == []
    example(database, "1.2.0", **{"templates/thank-you.md": replacing("Thank you for your time.", "Thank you.")})
    assert now(database) == []
    publish(database)


def test_publishing_waits_for_a_decision(database, chosen):
    """While anything is undecided publishing is refused, at each part's number, with the command that decides."""
    stored = chosen(FEEL, INSERT, SUMMARY, HIDE)
    publish(database)
    changes = {HOUR: lambda text: LINK[HOUR](FINE[HOUR](text))}
    example(database, "1.1.0", **changes)
    found = refused(database, overlay=stored["overlay"])
    assert codes(found) == [("overlay/0", "overlay-undecided"), ("overlay/3", "overlay-undecided")]
    assert found[0].hint.endswith(f"coachkit overlay merge {SLUG} {overlay_part(FEEL).id}")
    assert "example@1.1.0" in found[0].message
    assert "example@1.0.0" in found[0].message


def test_keep(database, chosen):
    """Who keeps their own words publishes them over the new release, and is asked again only by a newer one."""
    stored = chosen(FEEL)
    example(database, "1.1.0", **FINE)
    (merge,) = now(database)
    kept = keep(stored, merge.position, merge.now)
    assert written_over(kept) == [vars(SECOND)]
    assert written_over(stored) == [vars(FIRST)]
    with database.write(ACROSS) as conn:
        organisations.change(conn, SLUG, kept, AT)
    assert now(database) == []
    section = publish(database).edition.select("module", "first-hour", "en-GB").sections[0]
    assert "".join(each for each in section.value.html if isinstance(each, str)) == "<p>Ours.</p>\n"
    example(database, "1.2.0", **{HOUR: replacing("It is **fine**", "It is **good**")})
    assert [(each.over, each.now.version) for each in now(database)] == [(SECOND, "1.2.0")]


def test_take(database, chosen):
    """Who takes the release's text has one part less, and serves the new text."""
    stored = chosen(INSERT, FEEL, SUMMARY)
    example(database, "1.1.0", **FINE)
    (merge,) = now(database)
    taken = take(stored, merge.position)
    assert [part.get("section") or part["field"] for part in taken["overlay"]] == ["here", "summary"]
    with database.write(ACROSS) as conn:
        organisations.change(conn, SLUG, taken, AT)
    section = publish(database).edition.select("module", "first-hour", "en-GB").sections[0]
    assert section.origin == "release"
    assert "<strong>right</strong>" in "".join(each for each in section.value.html if isinstance(each, str))


@SQLITE
def test_over_is_not_in_the_digest(database, chosen):
    """Over which release a part was written changes nothing for readers, nor the edition's digest."""
    said = chosen(FEEL)
    first = publish(database, channel=None).digest
    silent = [{key: value for key, value in part.items() if key != "over"} for part in said["overlay"]]
    with database.write(ACROSS) as conn:
        organisations.rows.update(conn, SLUG, name="N", settings=settings(overlay=silent), at=AT)
    assert publish(database, channel=None).digest == first


@SQLITE
def test_a_target_that_is_gone_is_another_problem(database, chosen):
    """A section that the new release does not have is missing, and nothing is left to decide about it."""
    stored = chosen(FEEL)
    gone = replacing("## Feel it first {#feel}", "## Feel it first {#felt}")
    example(
        database,
        "1.1.0",
        **{
            HOUR: lambda text: gone(text).replace("section: feel", "section: felt").replace("(#feel)", "(#felt)"),
            "locales/cy/modules/first-hour.md": replacing("{#feel}", "{#felt}"),
        },
    )
    assert now(database) == []
    assert codes(refused(database, overlay=stored["overlay"])) == [("overlay/0", "missing-target")]


@SQLITE
def test_a_release_that_is_not_known(database, chosen):
    """A part over a release that this installation does not have is compared with nothing, and is undecided."""
    chosen(FEEL | {"over": {"pack": "example", "version": "0.9.0"}})
    (merge,) = now(database)
    assert (merge.old, merge.over.version) == (None, "0.9.0")
    assert merge.new.title == "Feel it first"


@SQLITE
def test_another_pack_that_serves(database, chosen):
    """An organisation that prefers another pack's text by now is asked about it."""
    stored = chosen(FEEL)
    other = small_files("alpha", first_hour=FILE)
    release(database, other)
    organisation(
        database,
        overlay=stored["overlay"],
        packs={"example": "*", "alpha": "*"},
        prefer={"module/first-hour": "alpha"},
    )
    (merge,) = now(database)
    assert (str(merge.over), str(merge.now)) == ("example@1.0.0", "alpha@1.0.0")
    assert merge.new == Wording("Feel", "Something else.")


FILE = """\
---
title: The first hour
summary: Of another pack.
topics: [first-response]
stages: [applied]
last_reviewed: 2026-11-01
review_by: 2027-11-01
---
## Feel {#feel}

Something else.
"""


def test_names_of_parts():
    """A part keeps its name when its words or its place change, and no two parts that differ share one."""
    parts = [FEEL, SUMMARY, HIDE, INSERT, FEEL | {"locale": "cy"}, HIDE | {"section": "feel"}]
    assert len({overlay_part(part).id for part in parts}) == len(parts)
    assert overlay_part(FEEL | {"text": "Other", "title": "T"}).id == overlay_part(FEEL).id
    assert overlay_part(INSERT | {"after": "step"}).id == overlay_part(INSERT).id


def test_names_with_and_without_a_pack():
    """A target with its pack is the one without; parts that are stored for both have two names all the same."""
    bare = FEEL | {"target": FEEL["target"].rpartition(":")[2]}
    named = [FEEL | {"target": f"{pack}:{bare['target']}"} for pack in ("example", "other")]
    assert {overlay_part(part).id for part in [bare, *named]} == {overlay_part(bare).id}
    for overlay in ([bare, *named], [*named, bare], [named[0], bare, HIDE]):
        names = part_ids(overlay_part(part) for part in overlay)
        assert (names[0], len(set(names))) == (overlay_part(bare).id, 3)
