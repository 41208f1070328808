"""An overlay on the example pack, compiled; no database is in it."""

import pytest
from packmaker import module
from publishing import DIRECTIVES, compiled, release_files, settings, small_files

from coachkit.editions.choices import from_settings
from coachkit.editions.overlay import compile_overlay
from coachkit.editions.selection import Insertion, order
from coachkit.packs.model import Fill, Link, Picture, Reference

FEEL = {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "section": "feel"}
TITLE = {"op": "replace", "target": "example:module/first-hour", "locale": "cy", "field": "title"}
INSERT = {
    "op": "insert",
    "target": "module/first-hour",
    "locale": "en-GB",
    "section": "here",
    "after": "feel",
    "title": "Here",
    "text": "At Northbridge.",
}
HOUR = ("module", "first-hour")


@pytest.fixture(scope="module")
def releases():
    return {"example": compiled(release_files())}


def overlaid(releases, *parts, **changes):
    choices = from_settings(settings(overlay=list(parts), **changes))
    found = compile_overlay("northbridge", choices, releases, DIRECTIVES, ())
    return found.resources, found.problems


def right(releases, *parts, **changes):
    """The overlay of one resource, which must be without problems."""
    overlays, problems = overlaid(releases, *parts, **changes)
    assert problems == ()
    (overlay,) = overlays.values()
    return overlay


def wrong(releases, *parts, **changes):
    """Place, code, message and hint of each problem."""
    return [(each.file, each.code, each.message, each.hint) for each in overlaid(releases, *parts, **changes)[1]]


def html(section):
    return "".join(part for part in section.html if isinstance(part, str))


def test_nothing(releases):
    """Without an overlay nothing is overlaid."""
    assert overlaid(releases) == ({}, ())


def test_replace_a_field(releases):
    """A field is replaced in its locale, as plain text."""
    overlay = right(releases, TITLE | {"text": "Awr *gyntaf* & mwy"})
    assert overlay.lines == {"cy": {"title": ("Awr *gyntaf* & mwy",)}}
    assert (overlay.sections, overlay.insertions, overlay.hidden) == ({}, (), False)


def test_replace_a_field_deep_in_a_list(releases):
    """Any text of a resource is replaced at its path."""
    part = {"op": "replace", "target": "checklist/before-you-reply", "locale": "en-GB", "field": "items/wait/reason"}
    overlay = right(releases, part | {"text": "It can wait"})
    assert overlay.lines == {"en-GB": {"items/wait/reason": ("It can wait",)}}


def test_replace_a_section(releases):
    """A section is replaced in its locale, and keeps the release's title there if it brings none of its own."""
    overlay = right(releases, FEEL | {"text": "Ours, **bold**."})
    section = overlay.sections["en-GB"]["feel"]
    assert section.title == "Feel it first"
    assert html(section) == "<p>Ours, <strong>bold</strong>.</p>\n"
    overlay = right(releases, FEEL | {"text": "Ours.", "title": "Our own"})
    assert overlay.sections["en-GB"]["feel"].title == "Our own"
    overlay = right(releases, FEEL | {"locale": "cy", "text": "Ni."})
    assert overlay.sections["cy"]["feel"].title == "Teimlwch yn gyntaf"


def test_replace_a_templates_body(releases):
    """A template's body is the section `body`, and may use its personal placeholders; its subject may too."""
    template = {"op": "replace", "target": "template/thank-you", "locale": "en-GB"}
    overlay = right(
        releases,
        template | {"section": "body", "text": "Dear {{interviewer_name}}"},
        template | {"field": "subject", "text": "On {{interview_date}}"},
    )
    assert Fill("interviewer_name") in overlay.sections["en-GB"]["body"].html
    assert overlay.lines["en-GB"]["subject"] == ("On ", Fill("interview_date"))


def test_hide(releases):
    """A resource is hidden whole, or a section of it, in every locale."""
    assert right(releases, {"op": "hide", "target": "module/first-hour"}).hidden
    overlay = right(releases, {"op": "hide", "target": "module/first-hour", "section": "feel"})
    assert (overlay.hidden, overlay.hidden_sections) == (False, {"feel"})


def test_insert(releases):
    """A section is inserted before or after another, once, with a text in each locale."""
    overlay = right(releases, INSERT, INSERT | {"locale": "cy", "title": "Yma", "text": "Yn Northbridge."})
    assert overlay.insertions == (Insertion("here", "feel", after=True),)
    titles = {locale: sections["here"].title for locale, sections in overlay.sections.items()}
    assert titles == {"en-GB": "Here", "cy": "Yma"}
    before = {key: value for key, value in INSERT.items() if key != "after"} | {"before": "step"}
    assert right(releases, before).insertions == (Insertion("here", "step", after=False),)


def test_insert_beside_an_insertion(releases):
    """A section may be inserted beside one that was inserted before it."""
    overlay = right(releases, INSERT, INSERT | {"section": "there", "after": "here"})
    assert overlay.insertions[1] == Insertion("there", "here", after=True)


def test_placeholders_directives_images_and_links(releases):
    """A text of the overlay has all that the pack's own have: placeholders, boxes, its images, references."""
    text = (
        "Write to {{careers_email}} or [us]({{careers_email}}).\n\n:::tip Quiet\nA word.\n:::\n\n"
        "![Calm](images/breathe.svg) and [ask](ask-for-feedback#when), [above](#step).\n"
    )
    parts = right(releases, FEEL | {"text": text}).sections["en-GB"]["feel"].html
    assert Fill("careers_email") in parts
    assert Fill("careers_email", "href") in parts
    assert Link(Reference("example", "module", "ask-for-feedback", "when")) in parts
    assert Link(Reference("example", "module", "first-hour", "step")) in parts
    assert any(isinstance(part, Picture) for part in parts)
    assert any('class="ck-box ck-tip"' in part for part in parts if isinstance(part, str))


def test_boxes_speak_the_parts_language(releases):
    """A box without a title has the words of the part's locale."""
    section = right(releases, FEEL | {"locale": "cy", "text": ":::tip\nGair.\n:::\n"}).sections["cy"]["feel"]
    assert "Awgrym" in html(section)


@pytest.mark.parametrize(
    ("part", "code", "words", "hint"),
    [
        ({"op": "hide", "target": "module/first-our"}, "missing-target", "no chosen pack offers", "module/first-hour"),
        ({"op": "hide", "target": "other:module/first-hour"}, "missing-target", "other:module/first-hour", None),
        ({"op": "hide", "target": "module/first-hour", "section": "feal"}, "missing-target", "no section feal", "feel"),
        (
            {"op": "hide", "target": "checklist/before-you-reply", "section": "x"},
            "missing-target",
            "no section x",
            "no sections",
        ),
        (TITLE | {"field": "titel", "text": "T"}, "missing-target", "has no field titel", "title"),
        (FEEL | {"section": "stepp", "text": "T"}, "missing-target", "has no section stepp", "step"),
        (TITLE | {"locale": "fr", "text": "T"}, "unknown-locale", "no chain of this organisation reaches fr", "cy"),
        (INSERT | {"section": "step"}, "duplicate-id", "has a section step already", "replace it"),
        (INSERT | {"after": "stpe"}, "missing-target", "no section stpe", "step"),
        (
            INSERT | {"target": "template/thank-you", "after": "body"},
            "invalid-value",
            "a template has no sections",
            None,
        ),
        (FEEL | {"text": "{{careers_mail}}"}, "unknown-placeholder", "careers_mail", "careers_email"),
        (TITLE | {"text": "{{careers_email}}"}, "placeholder-not-here", "", None),
        (FEEL | {"text": ":::tipp\nText.\n:::\n"}, "unknown-directive", "tipp", "tip"),
        (FEEL | {"text": ":::tip\nText.\n"}, "unclosed-directive", "", None),
        (FEEL | {"text": "<br>"}, "raw-html", "", None),
        (FEEL | {"text": "[x](http://a.example)"}, "bad-link", "", None),
        (FEEL | {"text": "![x](images/none.png)"}, "image-missing", "", None),
        (FEEL | {"text": "## Another\n\nText."}, "heading-level", "", None),
        (FEEL | {"text": "a\x07b"}, "control-character", "", None),
        (TITLE | {"text": "a\x07b"}, "control-character", "", None),
    ],
)
def test_wrong_parts(releases, part, code, words, hint):
    """What is wrong with a part is said at its number, with its code and the nearest that would be right."""
    (found,) = wrong(releases, {"op": "hide", "target": "pathway/first-week"}, part)
    assert found[:2] == ("northbridge/overlay/1", code)
    assert words in found[2]
    assert hint is None or hint in found[3]


def test_all_at_once(releases):
    """Everything that is wrong is reported in one go, and what is right is compiled all the same."""
    overlays, problems = overlaid(
        releases,
        FEEL | {"text": "{{nothing}} and <b>raw</b> and :::"},
        TITLE | {"locale": "fr", "text": "T"},
        TITLE | {"text": "Awr"},
        {"op": "hide", "target": "module/gone"},
        INSERT | {"after": "gone"},
    )
    assert {problem.file.rpartition("/")[2] for problem in problems} == {"0", "1", "3", "4"}
    assert {"unknown-placeholder", "raw-html"} <= {each.code for each in problems if each.file.endswith("/0")}
    assert overlays[HOUR].lines == {"cy": {"title": ("Awr",)}}


ORDER = {"op": "reorder", "target": "module/first-hour", "sections": ["step", "here", "feel"]}


def test_reorder(releases):
    """Sections are put in order, with those that a later part inserts among them."""
    overlay = right(releases, ORDER, INSERT)
    assert order(["feel", "step"], overlay) == ["step", "here", "feel"]


def test_reorder_names_some(releases):
    """What is not named follows what is, in the order in which it would have stood."""
    overlay = right(releases, INSERT, ORDER | {"sections": ["step"]})
    assert order(["feel", "step"], overlay) == ["step", "feel", "here"]
    assert order(["new", "feel", "step", "newer"], overlay) == ["step", "new", "feel", "here", "newer"]


def test_reorder_and_hide(releases):
    """A section that is hidden is not seen, wherever it was put; one that is in no locale is put nowhere."""
    hide = {"op": "hide", "target": "module/first-hour", "section": "step"}
    assert order(["feel", "step"], right(releases, ORDER, INSERT, hide)) == ["here", "feel"]
    assert order(["feel"], right(releases, ORDER, INSERT)) == ["here", "feel"]


@pytest.mark.parametrize(
    ("part", "words", "hint"),
    [
        (ORDER, "has no section here", "it has feel, step"),
        (ORDER | {"sections": ["feel", "steps"]}, "has no section steps", "did you mean “step”?"),
        (ORDER | {"target": "checklist/before-you-reply"}, "has no section step", "it has no sections"),
    ],
)
def test_reorder_what_is_not_there(releases, part, words, hint):
    """Each section that there is not is reported, at the part's number."""
    found = wrong(releases, {"op": "hide", "target": "pathway/first-week"}, part)
    assert {(place, code) for place, code, _, _ in found} == {("northbridge/overlay/1", "missing-target")}
    assert any(words in message and hint == told for _, _, message, told in found)


def test_numbers_are_in_order(releases):
    """Problems come in the order of the parts, also beyond the ninth."""
    found = wrong(releases, *[{"op": "hide", "target": f"module/gone-{number}"} for number in range(12)])
    assert [each[0].rpartition("/")[2] for each in found] == [str(number) for number in range(12)]


@pytest.fixture(scope="module")
def two_packs():
    """Two packs that offer one id, with other sections."""
    return {
        pack: compiled(small_files(pack, hello=module(pack.title(), f"## One {{#{pack}}}\n\nText.\n")))
        for pack in ("alpha", "beta")
    }


def test_a_bare_target_is_what_is_served(two_packs):
    """A target without a pack is the resource that the organisation serves."""
    chosen = {"packs": {"alpha": "*", "beta": "*"}, "prefer": {"module/hello": "beta"}}
    assert right(two_packs, {"op": "hide", "target": "module/hello", "section": "beta"}, **chosen).hidden_sections
    ((_, code, _, _),) = wrong(two_packs, {"op": "hide", "target": "module/hello", "section": "alpha"}, **chosen)
    assert code == "missing-target"


def test_a_target_that_another_pack_serves(two_packs):
    """A part about a resource that another pack serves under that id is refused, and changes nothing of the other's."""
    chosen = {"packs": {"alpha": "*", "beta": "*"}, "prefer": {"module/hello": "beta"}}
    overlays, (problem,) = overlaid(two_packs, {"op": "hide", "target": "alpha:module/hello"}, **chosen)
    assert overlays == {}
    assert (problem.code, problem.file) == ("missing-target", "northbridge/overlay/0")
    assert "beta" in problem.message
