"""Plugins' boxes: which of two has a name, and what one that fails does to a pack and to the others."""

import pytest
from structlog.testing import capture_logs
from test_dispatch import dispatch, plugin

from coachkit.hooks.dispatch import FAULTS_BEFORE_QUARANTINE
from coachkit.hooks.types import Directive
from coachkit.packs.findings import Findings
from coachkit.packs.markdown import section
from coachkit.packs.markdown_check import Surroundings
from coachkit.packs.model import MarkdownText, Place, Reference


def leaves(call):
    raise SystemExit(3)


def fails(call):
    raise ValueError("no")


def lies(call):
    return 7


def writes(call):
    return f"<p>{call.title}</p>{call.html}"


def compiled(asked, name):
    """The HTML of a text with that box, and what was found."""
    findings = Findings()
    directives = {each.name: each for _, each in asked.directives()}
    around = Surroundings(Reference("p", "module", "m"), "en-GB", directives=directives)
    text = MarkdownText("s", "S", f":::{name}\nText.\n:::\n", Place("modules/m.md", 1, 1))
    return "".join(map(str, section(text, around, findings).html)), findings.problems


def test_first_of_two():
    """Of two boxes with one name that of the first plugin counts, and the other is reported with both names."""
    one, two = Directive("note", {"en": "One"}), Directive("note", {"en": "Two"})
    asked = dispatch(plugin("alpha", lambda: [one]), plugin("beta", lambda: [two]))
    with capture_logs() as logs:
        found = asked.directives()
    assert found == [("alpha@1.0.0", one)]
    assert [(log["plugin"], log["taken_by"]) for log in logs] == [("beta", "alpha")]


def test_render():
    """What a box's own code writes is what stands there."""
    asked = dispatch(plugin("alpha", lambda: [Directive("note", {"en": "Note"}, writes)]))
    assert compiled(asked, "note")[0] == "<p>Note</p><p>Text.</p>\n"


@pytest.mark.parametrize("render", [leaves, fails, lies])
def test_render_fails(render):
    """A box that raises, exits or returns no text is a problem at its line, and after some of them it is not asked."""
    notes = plugin("alpha", lambda: [Directive("note", {"en": "Note"}, render)])
    asked = dispatch(notes, plugin("beta", lambda: [Directive("tip", {"en": "Tip"}, writes)]))
    _, problems = compiled(asked, "note")
    assert [(each.code, each.line) for each in problems] == [("directive-failed", 1)]
    assert compiled(asked, "tip")[0].startswith("<p>Tip</p>")
    for _ in range(FAULTS_BEFORE_QUARANTINE):
        compiled(asked, "note")
    assert asked.quarantined == ("alpha",)
