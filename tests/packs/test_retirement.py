"""What an author writes of a resource that is on its way out, and what follows from it."""

from datetime import date, timedelta

import pytest
from compiling import resource
from hypothesis import given
from hypothesis import strategies as st
from packmaker import FILES, PACK, module, pack_files, replacing
from publishing import compiled, release_files

from coachkit.hooks.core import DIRECTIVES
from coachkit.packs.check import check
from coachkit.packs.retiring import Retirement, overdue, retirement
from coachkit.packs.source import Source

ASK = "modules/ask-for-feedback.md"
FORM = "questionnaires/after-the-interview.yaml"
LIST = "checklists/before-you-reply.yaml"
EVERY_KIND = [ASK, "templates/thank-you.md", LIST, "pathways/first-week.yaml", FORM]
KEY = "last_reviewed: 2026-11-01\n"
"""A line that every resource has; what retires it is written above."""
WHOLE = "{since: 2026-10-01, until: 2027-03-01, instead: first-hour}"


def retiring(said):
    """The change that lets a resource say this of its retirement."""
    return replacing(KEY, f"retiring: {said}\n{KEY}")


def problems(path, said, **more):
    """Line, code, message and hint of everything that is wrong where a resource says this."""
    found = check(Source(pack_files(**{path: retiring(said), **more})), [("core@1", each) for each in DIRECTIVES])
    assert {each.file for each in found.problems} <= {path}
    return [(each.code, each.message, each.hint) for each in found.problems]


@pytest.mark.parametrize("path", EVERY_KIND)
def test_every_kind_may_retire(path):
    """A resource of any kind says since when, until when, and what stands in its stead."""
    found = compiled(pack_files(**{path: retiring(WHOLE)}))
    (leaving,) = [each for each in map(retirement, found.resources.values()) if each]
    assert leaving == Retirement(date(2026, 10, 1), date(2027, 3, 1), "module/first-hour")


def test_only_since_is_needed():
    """Who does not know yet when it goes, or what comes after it, leaves that out."""
    found = compiled(pack_files(**{ASK: retiring("{since: 2026-10-01}")}))
    assert retirement(found.resources["module", "ask-for-feedback"]) == Retirement(date(2026, 10, 1))


@pytest.mark.parametrize("instead", ["checklist/before-you-reply", "first-hour#feel", "example:module/first-hour"])
def test_instead_of_any_kind(instead):
    """What stands in its stead may be of another kind, or a section."""
    assert problems(ASK, f'{{since: 2026-10-01, instead: "{instead}"}}') == []


@pytest.mark.parametrize(
    ("said", "code", "words", "hint"),
    [
        ("{until: 2027-03-01}", "missing-key", "“since” is missing", "write since: and a date such as 2026-11-01"),
        ("2026-10-01", "wrong-type", "a mapping is wanted", None),
        ("{since: soon}", "invalid-value", "“soon” is not a date", None),
        ("{since: 2026-10-01, until: 2026-10-01}", "invalid-value", "which is not after since", "choose a later date"),
        ("{since: 2026-10-01, until: 2026-09-30}", "invalid-value", "which is not after since", "choose a later date"),
        ("{since: 2026-10-01, untill: 2027-03-01}", "unknown-key", "untill", "did you mean “until”?"),
        ("{since: 2026-10-01, instead: first-hur}", "missing-target", "first-hur", "did you mean “first-hour”?"),
        ("{since: 2026-10-01, instead: first-hour#fel}", "missing-target", "fel", "did you mean “feel”?"),
        ("{since: 2026-10-01, instead: core:first-hour}", "undeclared-pack", "core", "list it under requires:"),
        ("{since: 2026-10-01, instead: ask-for-feedback}", "invalid-value", "own stead", "name another resource"),
        ("{since: 2026-10-01, instead: ask-for-feedback#what}", "invalid-value", "own stead", "name another"),
        ("{since: 2026-10-01, instead: example:ask-for-feedback}", "invalid-value", "own stead", "name another"),
    ],
)
def test_what_cannot_be(said, code, words, hint):
    """What is wrong with it is one problem, whose hint says what would be right."""
    ((found, message, advice),) = problems(ASK, said)
    assert found == code
    assert words in message
    assert (advice or "").startswith(hint or "")


def test_another_resource_of_the_same_id_is_another():
    """A module may give way to a checklist of its own name."""
    name = "checklists/ask-for-feedback.yaml"
    said = "{since: 2026-10-01, instead: checklist/ask-for-feedback}"
    assert problems(ASK, said, **{name: FILES[LIST]}) == []


def test_translations_do_not_retire():
    """That it goes is a fact, and the same in every language."""
    path = "locales/cy/modules/ask-for-feedback.md"
    found = check(Source(pack_files(**{path: replacing("title:", f"retiring: {WHOLE}\ntitle:")})), ()).problems
    assert "not-translatable" in {each.code for each in found if each.file == path}


def test_nothing_else_is_another():
    """A resource that does not retire is what it was before there was such a key: no fact of it, no other digest."""
    found = compiled(release_files())
    assert all("retiring" not in each.facts for each in found.resources.values())
    assert all(retirement(each) is None for each in found.resources.values())
    other = compiled(release_files(**{ASK: retiring(WHOLE)}))
    assert {key for key in found.resources if found.resources[key].digest != other.resources[key].digest} == {
        ("module", "ask-for-feedback")
    }


def test_what_takes_its_place_is_a_reference():
    """Whoever publishes an edition learns what a retiring resource points at, as of every other reference."""
    more = {PACK: replacing("visibility: public\n", 'visibility: public\nrequires: {core: ">=1"}\n')}
    found = compiled(pack_files(**{ASK: retiring("{since: 2026-10-01, instead: core:checklist/x}")}, **more))
    assert "core:checklist/x" in map(str, found.resources["module", "ask-for-feedback"].references)


DAYS = st.dates(date(1900, 1, 2), date(2999, 12, 30))


@given(since=DAYS, until=st.none() | DAYS, today=DAYS)
def test_overdue(since, until, today):
    """What should have gone is overdue from that day on; what names no day never is."""
    facts = {"retiring": {"since": str(since), "until": until and str(until), "instead": None}}
    one = resource(facts=facts)
    found = list(overdue([one, resource()], today))
    assert found == ([(one, until)] if until and until <= today else [])
    if until:
        assert list(overdue([one], until))
        assert not list(overdue([one], until - timedelta(days=1)))


def test_a_module_written_by_hand():
    """The key may have lines of its own."""
    text = module("Old", extra="retiring:\n  since: 2026-10-01\n  instead: first-hour\n")
    found = compiled(pack_files(**{"modules/old.md": text}))
    assert retirement(found.resources["module", "old"]) == Retirement(date(2026, 10, 1), None, "module/first-hour")
