from dataclasses import replace

import pytest

from coachkit.editions.selection import Insertion, ResourceOverlay, order, select
from coachkit.packs.model import Fill, Resource, Section

ENGLISH = "en-GB"
WELSH = ("cy", ENGLISH)


def section(section_id, text):
    return Section(section_id, section_id.title(), (text,), (text,))


def resource(lines, sections):
    return Resource(
        kind="module",
        id="first-hour",
        version="1.0.0",
        digest="sha256:00",
        facts={},
        lines={locale: {path: (text,) for path, text in texts.items()} for locale, texts in lines.items()},
        sections={
            locale: tuple(section(each, text) for each, text in texts.items()) for locale, texts in sections.items()
        },
        drafts=frozenset(),
        fills={},
        references=(),
    )


MODULE = resource(
    {ENGLISH: {"title": "Hour", "summary": "About"}, "cy": {"title": "Awr"}},
    {ENGLISH: {"feel": "Feel", "step": "Step", "rest": "Rest"}, "cy": {"step": "Cam"}},
)
PLAIN = ResourceOverlay()


def shown(selection):
    """Field or section → text, locale and origin."""
    lines = {path: (*picked.value, picked.locale, picked.origin) for path, picked in selection.lines.items()}
    sections = {p.value.id: (*p.value.html, p.locale, p.origin) for p in selection.sections}
    return lines | sections


def test_chain_is_walked_per_field_and_section():
    """Each field and each section is the first that the chain has, whatever became of the others."""
    assert shown(select(MODULE, PLAIN, WELSH, ENGLISH)) == {
        "title": ("Awr", "cy", "release"),
        "summary": ("About", "en-GB", "release"),
        "feel": ("Feel", "en-GB", "release"),
        "step": ("Cam", "cy", "release"),
        "rest": ("Rest", "en-GB", "release"),
    }


def test_english_never_falls_to_welsh():
    """A chain of one locale shows that locale alone; what it lacks is missing and not borrowed."""
    welsh_only = resource({"cy": {"title": "Awr"}, ENGLISH: {"summary": "About"}}, {ENGLISH: {"feel": "Feel"}})
    found = select(welsh_only, PLAIN, (ENGLISH,), ENGLISH)
    assert found.languages == (ENGLISH,)
    assert found.missing == ("title",)
    assert "title" not in found.lines


def test_missing_sections_are_named():
    """A section that no locale of the chain has is missing, and so are fields, by their paths."""
    found = select(MODULE, PLAIN, ("cy",), ENGLISH)
    assert found.missing == ("summary", "sections/feel", "sections/rest")


def test_overlay_beats_release_within_a_locale():
    """Within one locale the organisation's wording stands before the release's."""
    overlay = ResourceOverlay(lines={ENGLISH: {"title": ("Ours",)}}, sections={"cy": {"step": section("step", "Ni")}})
    found = shown(select(MODULE, overlay, WELSH, ENGLISH))
    assert found["step"] == ("Ni", "cy", "overlay")
    assert shown(select(MODULE, overlay, (ENGLISH,), ENGLISH))["title"] == ("Ours", ENGLISH, "overlay")


def test_release_in_an_earlier_locale_beats_overlay_in_a_later():
    """For a Welsh reader a Welsh text of the release stands before an English one of the organisation."""
    overlay = ResourceOverlay(
        lines={ENGLISH: {"title": ("Ours",), "summary": ("Ours",)}},
        sections={ENGLISH: {"step": section("step", "Ours"), "feel": section("feel", "Ours")}},
    )
    found = shown(select(MODULE, overlay, WELSH, ENGLISH))
    assert found["title"] == ("Awr", "cy", "release")
    assert found["step"] == ("Cam", "cy", "release")
    assert found["summary"] == ("Ours", ENGLISH, "overlay")
    assert found["feel"] == ("Ours", ENGLISH, "overlay")


def test_fallback_and_languages():
    """`fallback` maps what is in another locale to that locale; `languages` has every locale, the main one first."""
    found = select(MODULE, PLAIN, WELSH, ENGLISH)
    assert found.fallback == {"summary": ENGLISH, "sections/feel": ENGLISH, "sections/rest": ENGLISH}
    assert found.languages == ("cy", ENGLISH)
    assert select(MODULE, PLAIN, (ENGLISH,), ENGLISH).fallback == {}


def test_main_language_comes_first_even_where_nothing_is_in_it():
    """The locale asked for leads the languages although every text is from another."""
    found = select(MODULE, PLAIN, ("fr", ENGLISH), ENGLISH)
    assert found.languages == ("fr", ENGLISH)


def test_order_is_that_of_the_packs_default_locale():
    """Sections stand in the author's order, however a translation orders its own."""
    swapped = replace(
        MODULE, sections={**MODULE.sections, "cy": (section("rest", "Gorffwys"), section("feel", "Teimlo"))}
    )
    assert [each.value.id for each in select(swapped, PLAIN, WELSH, ENGLISH).sections] == ["feel", "step", "rest"]


@pytest.mark.parametrize(
    ("insertions", "hidden", "expected"),
    [
        ([("new", "feel", True)], (), ["feel", "new", "step", "rest"]),
        ([("new", "feel", False)], (), ["new", "feel", "step", "rest"]),
        ([("new", "rest", True)], (), ["feel", "step", "rest", "new"]),
        ([("new", "step", True), ("more", "new", True)], (), ["feel", "step", "new", "more", "rest"]),
        ([("one", "feel", True), ("two", "feel", True)], (), ["feel", "one", "two", "step", "rest"]),
        ([("one", "step", False), ("two", "step", False)], (), ["feel", "one", "two", "step", "rest"]),
        ([("new", "step", True)], ("step",), ["feel", "new", "rest"]),
        ([], ("feel", "rest"), ["step"]),
        ([("new", "gone", True)], (), ["feel", "step", "rest"]),
    ],
)
def test_order_with_insertions_and_hides(insertions, hidden, expected):
    """Insertions stand beside their anchor, also one that is inserted or hidden; hidden sections are gone."""
    overlay = ResourceOverlay(
        insertions=tuple(Insertion(*each) for each in insertions), hidden_sections=frozenset(hidden)
    )
    assert order(["feel", "step", "rest"], overlay) == expected


def test_hidden_section_is_not_missing():
    """A section that is hidden is not shown in any locale, and nobody misses it."""
    found = select(MODULE, ResourceOverlay(hidden_sections=frozenset({"feel", "rest"})), ("cy",), ENGLISH)
    assert found.missing == ("summary",)


def test_insertion_in_one_locale_only():
    """An inserted section shows where the chain reaches its locale, and is missed nowhere else."""
    overlay = ResourceOverlay(
        insertions=(Insertion("new", "feel", after=True),), sections={"cy": {"new": section("new", "Newydd")}}
    )
    assert shown(select(MODULE, overlay, WELSH, ENGLISH))["new"] == ("Newydd", "cy", "overlay")
    english = select(MODULE, overlay, (ENGLISH,), ENGLISH)
    assert "new" not in shown(english)
    assert english.missing == ()


def test_fills_are_those_of_the_texts_shown():
    """Only the placeholders of texts that show are counted, not those of a text that another replaced."""
    filled = Section("feel", "Feel", (Fill("careers_email"),), ())
    module = replace(MODULE, sections={ENGLISH: (filled,)})
    assert select(module, PLAIN, (ENGLISH,), ENGLISH).fills() == {"careers_email"}
    overlay = ResourceOverlay(sections={ENGLISH: {"feel": section("feel", "Ours")}})
    assert select(module, overlay, (ENGLISH,), ENGLISH).fills() == set()
