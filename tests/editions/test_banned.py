"""Words that an organisation bans: refused in its own texts, told of in those of packs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packmaker import module
from publishing import brand, example, organisation, publish, refused, release, small_files

from coachkit.editions.banned import _Lists

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

FEEL = {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "section": "feel", "text": "Fine."}


def found(database, words, **changes):
    """Place and message of each refusal."""
    problems = refused(database, banned_words=words, **changes)
    assert {each.code for each in problems} == {"banned-word"}
    return [(each.file.split("/", 1)[1], each.message) for each in problems if each.severity == "error"]


def used(words, text, locale="en-GB"):
    return _Lists({locale: words}).used(locale, text)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("failure", "No failure here"),
        ("failure", "FAILURE."),
        ("failure", "**failure**"),
        ("failure", "[failure](https://a.example)"),
        ("Get over it", "Now get\nover it!"),
        ("get over it", "get *over* it"),
        ("café", "A cafe"),
        ("cafe", "Cafe\u0301s café"),
        ("failure", "a failure's end"),
        ("don't", "We don\u2019t"),
        ("straße", "STRASSE"),
        ("mam-gu", "mam gu"),
        ("C++", "with c"),
    ],
)
def test_a_word_is_found(word, text):
    """A word is found whatever its case, accents and punctuation, and is named as the list has it."""
    assert used([word], text) == (word,)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("fail", "failing, unfailing"),
        ("failure", "[here](https://failure.example/failure)"),
        ("get over it", "get over. You can do it"),
        ("get over it", ""),
        ("over it", "moreover it"),
    ],
)
def test_other_words_are_not(word, text):
    """Part of a word is not the word, nor is part of an address."""
    assert used([word], text) == ()


def test_several():
    """Each word that is used is named once, in the order of the text; the longest of several that begin alike."""
    assert used(["get", "lost", "get over it"], "lost, lost, get over it, get") == ("lost", "get over it", "get")


@given(
    st.lists(st.text(alphabet="abc", min_size=1, max_size=3), min_size=1, max_size=4), st.text("abc .-", max_size=30)
)
def test_found_if_and_only_if_it_is_a_word(words, text):
    """A single word is found where it is one of the text's words, and only there."""
    there = set(text.replace(".", " ").replace("-", " ").split())
    assert set(used(words, text)) == {word for word in words if word in there}


def test_locales():
    """A list holds for its locale and for those below it, and for no other."""
    lists = _Lists({"en": ["lift"], "en-GB": ["elevator"], "cy": ["methiant"]})
    assert lists.used("en-GB", "lift elevator methiant") == ("lift", "elevator")
    assert lists.used("en-US", "lift elevator methiant") == ("lift",)
    assert lists.used("cy", "lift elevator methiant") == ("methiant",)
    assert lists.used("eng", "lift") == lists.used("", "lift") == ()


@SQLITE
def test_own_texts(database):
    """Each own text that uses a word is refused at its place: overlay, own resources, and the brand's voice."""
    example(database)
    own = module("Losers", "## One {#one}\n\nText of a {{careers_email}} loser.\n")
    overlay = [
        FEEL | {"text": "You are no **Loser**."},
        FEEL | {"locale": "cy", "text": "Loser, collwr."},
        {"op": "hide", "target": "module/first-hour", "section": "step"},
        FEEL | {"section": "step", "title": "No losers or loser", "text": "Fine."},
    ]
    resources = [{"kind": "module", "id": "own", "source": {"en-GB": own}}]
    places = found(
        database,
        {"en-GB": ["loser"], "cy": ["collwr"]},
        overlay=overlay,
        resources=resources,
        brand=brand(voice="No loser talk"),
    )
    assert places == [
        ("brand/voice", "you do not use “loser”"),
        ("overlay/0", "you do not use “loser”"),
        ("overlay/1", "you do not use “collwr”"),
        ("overlay/3", "you do not use “loser”"),
        ("resources/0/source/en-GB", "you do not use “loser”"),
    ]


@SQLITE
def test_packs_texts_are_warnings(database):
    """A word in a text of a pack that readers see keeps nothing back, and the warning names the resource."""
    example(database)
    organisation(database, banned_words={"en-GB": ["kettle", "disappointed", "interviewer"], "cy": ["dawel"]})
    told = [(each.file, each.code, each.severity, each.message) for each in publish(database).warnings]
    where, checked = "northbridge/packs/example", ("banned-word", "warning")
    assert told == [
        (where, *checked, "example:checklist/before-you-reply uses “dawel” in cy"),
        (where, *checked, "example:module/first-hour uses “disappointed”, “kettle” in en-GB"),
        (where, *checked, "example:template/thank-you uses “interviewer” in en-GB"),
    ]


@SQLITE
def test_what_is_not_seen_is_not_told_of(database):
    """A text that the overlay replaces or hides is nobody's concern."""
    example(database)
    words = {"en-GB": ["kettle", "calm", "thirds"]}
    hide = {"op": "hide", "target": "checklist/before-you-reply"}
    organisation(database, overlay=[FEEL, hide], banned_words=words)
    assert publish(database).warnings == ()


@SQLITE
def test_nothing_is_looked_at_without_a_list(database, monkeypatch):
    """Organisations that ban no words are published without a look at their words."""
    monkeypatch.setattr("coachkit.editions.publish.banned", None)
    example(database)
    organisation(database)
    publish(database)


@SQLITE
def test_banned_words_change_no_edition(database):
    """A list of words is not in the digest: with and without it the same edition is published."""
    release(database, small_files("plain", hello=module("Hello")))
    organisation(database, packs={"plain": "*"})
    plain = publish(database).digest
    organisation(database, packs={"plain": "*"}, banned_words={"en-GB": ["nothing"]})
    assert publish(database).digest == plain
