from __future__ import annotations

from dataclasses import replace

import pytest
from compiling import PLACEHOLDERS, compiled, resource
from hypothesis import given
from hypothesis import strategies as st

from coachkit.packs.diff import diff
from coachkit.packs.model import Placeholder, SupportSlot

FACTS = {"topics": ["one"], "items": [{"id": "wait", "text": None}], "last_reviewed": "2026-11-01"}


def one(**changes):
    return resource(**{"text": {"feel": "A.", "step": "B."}, "facts": FACTS, "cy": "C.", **changes})


def release(*resources, **manifest):
    plain = {"placeholders": {}, **manifest}
    return compiled(*(resources or (one(),)), change=lambda given: replace(given, **plain))


def step(new, old=None):
    return diff(old or release(), new).step


def test_nothing():
    """Equal releases do not differ, whatever their versions."""
    same = diff(release(), release(version="2.0.0"))
    assert (same.added, same.removed, same.changed, same.step, same.reasons) == ((), (), (), "none", ())


def test_what_changed():
    """A changed resource tells its facts, lines, sections and locales that differ, and nothing else."""
    new = release(
        one(
            text={"feel": "A.", "step": "X."},
            lines={"title": "A title", "summary": "S"},
            cy="Y.",
            facts={**FACTS, "audience": ["x"]},
        )
    )
    [change] = diff(release(), new).changed
    assert (change.kind, change.id) == ("module", "first-hour")
    assert (change.facts, change.lines) == (("audience",), ("summary",))
    assert (change.sections, change.locales) == (("feel", "step"), ("cy", "en-GB"))


def test_added_and_removed():
    """Resources that only one release has are named."""
    found = diff(release(one()), release(one(id_="second")))
    assert (found.added, found.removed, found.changed) == (("module/second",), ("module/first-hour",), ())


def test_sections_in_another_order():
    """Sections that changed places are changed."""
    [change] = diff(release(), release(one(text={"step": "B.", "feel": "A."}, cy=None))).changed
    assert change.sections == ("feel", "step")


TEMPLATE = {"kind": "template", "id_": "t", "text": "Hi {{who}}"}


def template(**declared):
    return release(
        resource(
            **{**TEMPLATE, "text": " ".join(f"{{{{{name}}}}}" for name in declared)}, facts={"placeholders": declared}
        )
    )


WHO = {"type": "text", "required": True}
LEAVING = {"retiring": {"since": "2026-10-01", "until": "2027-03-01", "instead": "module/second"}}
LATER = {"type": "text", "required": False}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (release(), release(one(text={"feel": "X.", "step": "B."})), "patch"),
        (release(), release(one(facts={**FACTS, "last_reviewed": "2027-11-01"})), "patch"),
        (release(), release(one(facts={**FACTS, "topics": ["two"]})), "minor"),
        (release(), release(one(text={"feel": "A.", "step": "B.", "more": "C."})), "minor"),
        (release(), release(one(text={"feel": "A."})), "major"),
        (release(), release(one(facts={**FACTS, "items": [*FACTS["items"], {"id": "new"}]})), "minor"),
        (release(), release(one(facts={**FACTS, "items": []})), "major"),
        (release(one(cy=None)), release(), "minor"),
        (release(), release(one(cy=None)), "major"),
        (release(), release(one(), one(id_="second")), "minor"),
        (release(one(), one(id_="second")), release(), "major"),
        (release(), release(locales=("en-GB",)), "major"),
        (release(), release(locales=("en-GB", "cy", "fr")), "minor"),
        (release(), release(title="Another"), "patch"),
        (release(), release(placeholders={"name": PLACEHOLDERS["name"]}), "major"),
        (release(), release(placeholders={"name": replace(PLACEHOLDERS["name"], required=False)}), "minor"),
        (release(placeholders=PLACEHOLDERS), release(), "major"),
        (
            release(placeholders={"a": Placeholder("a", "url", {})}),
            release(placeholders={"a": Placeholder("a", "text", {})}),
            "major",
        ),
        (
            release(placeholders={"a": Placeholder("a", "url", {})}),
            release(placeholders={"a": Placeholder("a", "url", {"cy": "A"})}),
            "patch",
        ),
        (release(), release(support={"s": SupportSlot("s", "S", {})}), "major"),
        (release(support={"s": SupportSlot("s", "S", {})}), release(support={"s": SupportSlot("s", "T", {})}), "patch"),
        (release(), release(requires={"other": ">=2"}), "major"),
        (template(who=WHO), template(who=WHO, b=WHO), "major"),
        (template(who=WHO), template(who=WHO, b=LATER), "minor"),
        (template(who=WHO, b=LATER), template(who=WHO), "major"),
        (template(who=LATER), template(who=WHO), "major"),
        (template(who=WHO), template(who=LATER), "patch"),
        (release(), release(one(facts=FACTS | LEAVING)), "minor"),
        (release(one(facts=FACTS | LEAVING)), release(), "minor"),
    ],
)
def test_step(old, new, expected):
    """Removing or asking for more is major, adding is minor, wording is a patch."""
    assert step(new, old) == expected


@pytest.mark.parametrize("fact", ["options", "sections", "scores"])
def test_scoring(fact):
    """A questionnaire whose same answers may get another result is a major change."""
    old = release(resource("questionnaire", "q", "", facts={fact: {"a": 1}}))
    new = release(resource("questionnaire", "q", "", facts={fact: {"a": 2}}))
    assert step(new, old) == "major"


def test_reasons():
    """The step is that of the first reason, and each reason says where and what."""
    found = diff(release(), release(one(text={"feel": "A.", "more": "B."})))
    assert [(r.step, r.where, r.what) for r in found.reasons] == [
        ("major", "module/first-hour (en-GB)", "the section “step” was removed"),
        ("minor", "module/first-hour (en-GB)", "the section “more” was added"),
        ("patch", "module/first-hour", "its texts or facts changed"),
    ]


def test_reasons_of_retiring():
    """That something retires is told with its days and successor; that it is gone, with whether it did."""
    stays, leaves = release(one(), one(id_="second")), release(one(facts=FACTS | LEAVING), one(id_="second"))
    since = {"retiring": {"since": "2026-10-01", "until": None, "instead": None}}
    told = [
        diff(*each).reasons[0].what
        for each in (
            (stays, leaves),
            (stays, release(one(facts=FACTS | since), one(id_="second"))),
            (leaves, stays),
            (leaves, release(one(id_="second"))),
            (stays, release(one(id_="second"))),
        )
    ]
    assert told == [
        "is retiring from 2026-10-01, and goes on 2027-03-01; module/second stands in its stead",
        "is retiring from 2026-10-01",
        "is no longer retiring",
        "was removed, as it was retiring",
        "was removed, and was not retiring before",
    ]


IDS = st.sets(st.sampled_from(["a", "b", "c", "d"]), min_size=1)


@given(IDS, IDS)
def test_removal_is_major(before, after):
    """The step is major exactly if a resource is gone, minor if there are only new ones, none if there are the same."""
    old, new = (release(*(one(id_=id_) for id_ in sorted(ids))) for ids in (before, after))
    expected = "major" if before - after else "minor" if after - before else "none"
    assert step(new, old) == expected
