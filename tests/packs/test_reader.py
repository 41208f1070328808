from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packmaker import Change, make_pack, module, pack_files, replacing

from coachkit.packs.findings import Findings
from coachkit.packs.folder import read_folder
from coachkit.packs.model import Contact, Line, MarkdownText, Pack, Place, Reference
from coachkit.packs.reader import read_pack
from coachkit.packs.schemas import SHAPES
from coachkit.packs.source import Source, archive, read_archive

LIST = "checklists/before-you-reply.yaml"
FORM = "questionnaires/after-the-interview.yaml"


def read(**changes: Change) -> Pack:
    findings = Findings()
    pack = read_pack(Source(pack_files(**changes)), findings)
    assert findings.problems == ()
    assert pack is not None
    return pack


def resource(pack: Pack, kind: str, name: str):
    return next(each for each in pack.resources if (each.kind, each.id) == (kind, name))


def test_a_folder_and_its_archive_give_the_same_pack(tmp_path):
    """What is built is what was written."""
    findings = Findings()
    source = read_folder(make_pack(tmp_path), findings)
    from_folder = read_pack(source, findings)
    from_archive = read_pack(read_archive(archive(source), findings), findings)
    assert findings.problems == ()
    assert from_folder == from_archive == read()


def test_the_manifest_holds_what_pack_yaml_says():
    """Values have their types, defaults are filled in."""
    manifest = read().manifest
    assert (manifest.id, manifest.version, manifest.default_locale) == ("example", "1.0.0", "en-GB")
    assert manifest.locales == ("en-GB", "cy")
    assert manifest.authors == ({"role": "careers adviser", "organisation": "CoachKit"},)
    assert manifest.placeholders["careers_email"].type == "email"
    contacts = manifest.support["listening"].contacts["en-GB"]
    url = "https://www.samaritans.org"
    assert contacts == (Contact("Samaritans", "116 123", url, "24 hours, every day", None),)


def test_lines_have_their_paths_and_places_in_each_locale():
    """Mapping keys and entries' ids lead to a text, whichever locale it is in."""
    lines = resource(read(), "pathway", "first-week").lines
    assert lines["cy"] == {
        "title": Line("Yr wythnos gyntaf", Place("locales/cy/pathways/first-week.yaml", 1, 8)),
        "steps/write/title": Line("Ysgrifennwch ateb", Place("locales/cy/pathways/first-week.yaml", 4, 12)),
        "steps/write/branches/heard/text": Line(
            "Rwyf wedi clywed yn ôl", Place("locales/cy/pathways/first-week.yaml", 6, 27)
        ),
    }
    assert set(lines["cy"]) < set(lines["en-GB"])


def test_facts_have_every_key_and_no_text():
    """None stands where a text will, and for what is not written; dates are ISO strings; references are whole."""
    facts = resource(read(), "checklist", "before-you-reply").facts
    assert facts == {
        "title": None,
        "summary": None,
        "topics": ["first-response"],
        "stages": ["applied", "screened", "interviewed", "final"],
        "audience": ["everyone"],
        "related": [],
        "covers": [],
        "last_reviewed": "2026-11-01",
        "review_by": "2027-11-01",
        "intro": None,
        "items": [
            {"id": "wait", "text": None, "reason": None, "resource": None},
            {"id": "read", "text": None, "reason": None, "resource": None},
            {"id": "ask", "text": None, "reason": None, "resource": "module/ask-for-feedback#what"},
        ],
    }


def test_facts_are_json_with_whole_numbers_whole():
    """2.0 in a file is 2; 0.5 is 0.5; every kind has all keys of its shape but that which came later."""
    pack = read(**{FORM: replacing("weight: 2", "weight: 2.0"), LIST: replacing("intro: Tick what is done.\n", "")})
    for each in pack.resources:
        assert json.loads(json.dumps(each.facts)) == each.facts
        assert set(SHAPES[each.kind]().fields) - {"retiring"} == set(each.facts)
    weight = resource(pack, "questionnaire", "after-the-interview").facts["recommend"][0]["weight"]
    assert (weight, type(weight)) == (2, int)


def test_references_are_found_with_their_places():
    """A bare one is a module's; a recommendation's key says its kind."""
    pack = read(**{FORM: replacing("module: first-hour", "checklist: before-you-reply")})
    path = "modules/first-hour.md"
    assert resource(pack, "module", "first-hour").references == (
        (Reference(None, "module", "ask-for-feedback"), Place(path, 7, 11)),
        (Reference(None, "checklist", "before-you-reply"), Place(path, 7, 29)),
    )
    assert resource(pack, "questionnaire", "after-the-interview").references[0][0] == Reference(
        None, "checklist", "before-you-reply"
    )


def test_sections_have_their_markdown_and_its_place():
    """Blank lines around a section's text are not part of it; its place is that of its first line."""
    sections = resource(read(), "module", "ask-for-feedback").sections
    file = "locales/cy/modules/ask-for-feedback.md"
    assert sections["cy"] == (MarkdownText("when", "Pryd i ofyn", "O fewn wythnos, ac unwaith.", Place(file, 7, 1)),)
    assert [(text.id, text.title) for text in sections["en-GB"]] == [("when", "When to ask"), ("what", "What to ask")]


def test_a_template_has_one_text_and_a_subject_that_fills():
    """Placeholders may stand in the subject and in no other line."""
    template = resource(read(), "template", "thank-you")
    assert [text.id for text in template.sections["en-GB"]] == ["body"]
    assert [path for path, line in template.lines["en-GB"].items() if line.fills] == ["subject"]
    assert template.lines["cy"]["placeholders/interviewer_name/label"].text == "Enw'r cyfwelydd"


def test_drafts_are_the_locales_that_say_so():
    """A signed translation and one that says nothing are no drafts."""
    drafts = {(each.kind, each.id) for each in read().resources if "cy" in each.drafts}
    assert drafts == {("module", "ask-for-feedback"), ("checklist", "before-you-reply")}


def test_headings_in_code_quotes_and_lists_start_no_section():
    """Only a `## ` at the top level does."""
    nested = "> ## Three {#three}\n\n- a\n\n  ## Four {#four}\n\n    ## Five {#five}\n"
    body = f"## One {{#one}}\n\n```\n## Two {{#two}}\n```\n\n{nested}"
    pack = read(**{"modules/new.md": module("New", body)})
    sections = resource(pack, "module", "new").sections["en-GB"]
    assert [text.id for text in sections] == ["one"]
    assert sections[0].markdown.startswith("```")


def test_a_translation_of_a_module_may_be_sections_alone():
    """Front matter may be left out; what is not translated falls back later."""
    pack = read(**{"locales/cy/modules/ask-for-feedback.md": "## Beth {#what}\n\nTestun.\n"})
    found = resource(pack, "module", "ask-for-feedback")
    assert found.lines["cy"] == {}
    assert [(text.id, text.place.line) for text in found.sections["cy"]] == [("what", 3)]


@pytest.mark.parametrize("path", sorted(path for path in pack_files() if path.endswith((".md", ".yaml"))))
@settings(max_examples=20)
@given(data=st.data())
def test_no_change_to_a_file_makes_reading_raise(path, data):
    """Whatever is cut out of a file or put into it, reading ends with a pack or with problems."""
    text = pack_files()[path]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    put = data.draw(
        st.sampled_from(
            [b"", b"-", b": ", b"[", b"{}", b"null", b"7", b"\n", b"'", b"true", b"\xff", b"  - ", b"---\n"]
        )
    )
    findings = Findings()
    pack = read_pack(Source(pack_files(**{path: text[:start] + put + text[end:]})), findings)
    assert pack is not None or findings.failed
