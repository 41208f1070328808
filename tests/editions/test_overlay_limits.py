"""What the texts of an overlay may cost: they are compiled in a process of its own, which has limits."""

from dataclasses import replace

import pytest
from appmaker import install_plugin
from cputime import cpu_seconds
from publishing import compiled, release_files, settings

from coachkit.confined.limits import MIB
from coachkit.editions import overlay
from coachkit.editions.choices import from_settings
from coachkit.editions.overlay import SHORT, compile_overlay
from coachkit.hooks import core, manager
from coachkit.hooks.dispatch import Dispatch
from coachkit.packs import markdown

PART = {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "section": "feel"}
AFTER = {"op": "insert", "target": "module/first-hour", "locale": "en-GB", "after": "feel", "title": "More"}
COLUMNS = 20
TABLE = "|" + "a|" * COLUMNS + "\n|" + "-|" * COLUMNS + "\n" + "|x\n" * 1_500
"""Short rows that Markdown fills up: of the texts that an overlay may have, one of the dearest for its length."""
ODD = """
from coachkit import hookimpl
from coachkit.hooks.types import Directive

@hookimpl
def coachkit_directives():
    return [Directive("odd", {"en": "Odd"}, lambda call: sum(iter(int, 1)))]
"""


@pytest.fixture(scope="module")
def releases():
    return {"example": compiled(release_files())}


@pytest.fixture
def impatient(monkeypatch):
    """Limits so low that a text need not be dear to go beyond."""
    monkeypatch.setattr(overlay, "LIMITS", replace(overlay.LIMITS, file_seconds=0.05))


def overlaid(releases, *parts, plugins=()):
    choices = from_settings(settings(overlay=list(parts)))
    directives = Dispatch(manager.build(plugins, [(core.NAME, core)])).directives()
    return compile_overlay("northbridge", choices, releases, directives, plugins)


def more(name, text):
    return {**AFTER, "section": name, "text": text}


def test_the_limits():
    """A text may take 2 s of CPU and 256 MiB, as a file of a pack may, and all of an overlay 30 s and 512 MiB."""
    limits = overlay.LIMITS
    assert (limits.file_seconds, limits.file_bytes, limits.pack_seconds, limits.pack_bytes) == (
        2,
        256 * MIB,
        30,
        512 * MIB,
    )


def test_elsewhere(releases):
    """What a text costs to compile, another process spends: here there is no Markdown to parse."""
    here = cpu_seconds(lambda: overlaid(releases, {**PART, "text": TABLE}))
    alone = cpu_seconds(lambda: markdown.syntax.parse(TABLE))
    assert here < alone / 2


def test_short(releases):
    """A few short texts, whatever they say, are compiled here and cost hardly anything; longer ones come out alike."""
    dear = ("|" + "a|" * 40 + "\n|" + "-|" * 40 + "\n" + "|\n" * SHORT)[:SHORT]
    assert cpu_seconds(lambda: overlaid(releases, {**PART, "text": dear})) < overlay.LIMITS.file_seconds
    part = {**PART, "text": ":::tip\nOurs, {{careers_email}}.\n:::\n\n[And](module/ask-for-feedback) *so*."}
    short, long = overlaid(releases, part), overlaid(releases, part, more("one", "a " * SHORT))
    here, there = (each.resources["module", "first-hour"].sections["en-GB"]["feel"] for each in (short, long))
    assert here == there
    assert short.directives == long.directives


def test_too_slow(releases, tmp_path, monkeypatch):
    """A text that takes too long is refused by the number of its part and the bound; the others are compiled."""
    install_plugin(tmp_path, "acme-costly", ODD)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(overlay, "LIMITS", replace(overlay.LIMITS, file_seconds=0.3))
    parts = [{**PART, "text": "Ours."}, more("one", ":::odd\na\n:::"), more("two", ":::tip\nOurs too.\n:::")]
    found = overlaid(releases, *parts, plugins=("acme-costly",))
    assert [(each.file, each.code) for each in found.problems] == [("northbridge/overlay/1", "too-slow")]
    assert "more than 0.3 seconds" in found.problems[0].message
    sections = found.resources["module", "first-hour"].sections["en-GB"]
    assert [bool(sections[each].html) for each in ("feel", "one", "two")] == [True, False, True]


def test_too_much_memory(releases, monkeypatch):
    """A text that takes too much memory is refused as one that takes too long is."""
    monkeypatch.setattr(overlay, "LIMITS", replace(overlay.LIMITS, file_bytes=8 * MIB, file_seconds=20))
    found = overlaid(releases, {**PART, "text": "Ours."}, more("one", TABLE))
    assert [(each.file, each.code) for each in found.problems] == [("northbridge/overlay/1", "too-much-memory")]
    assert "more than 8 MiB" in found.problems[0].message


def test_all_together(releases, monkeypatch):
    """Texts that cost too much together are refused as the overlay, and the bound is named."""
    monkeypatch.setattr(overlay, "LIMITS", replace(overlay.LIMITS, pack_seconds=1))
    found = overlaid(releases, *(more(f"part-{number}", TABLE) for number in range(4)))
    (problem,) = [each for each in found.problems if each.severity == "error"]
    assert (problem.file, problem.code) == ("northbridge/overlay", "too-slow")
    assert problem.message.startswith("the overlay takes more than 1 seconds")


def test_too_many(releases, impatient):
    """After so many that cost too much the rest is not looked at, and that is said."""
    found = overlaid(releases, *(more(f"part-{number}", TABLE) for number in range(7)))
    assert {each.code for each in found.problems} == {"too-slow", "too-many-problems"}
    assert found.problems[-1].message == "the rest of the overlay has not been looked at"
