from __future__ import annotations

from contextlib import contextmanager

import pytest
from compiling import DIRECTIVES
from hypothesis import given, settings
from hypothesis import strategies as st
from packmaker import FILES, pack_files, replacing

from coachkit.packs import stored
from coachkit.packs.check import check
from coachkit.packs.findings import Findings
from coachkit.packs.model import Place
from coachkit.packs.source import Source


def checked(**changes):
    return check(Source(pack_files(**changes)), DIRECTIVES)


def test_valid_pack():
    """A valid pack is compiled, without problems."""
    result = checked()
    assert result.problems == ()
    assert result.compiled is not None
    assert stored.load(stored.dump(result.compiled)).resources == result.compiled.resources


def test_invalid_pack():
    """A pack with an error is not compiled, and what the reader and the compiler found is told together."""
    changes = {
        "modules/first-hour.md": replacing(":::tip", ":::tpi"),
        "checklists/before-you-reply.yaml": replacing("topics:", "topcis:"),
    }
    result = checked(**changes)
    assert result.compiled is None
    assert {"unknown-directive", "unknown-key"} <= {problem.code for problem in result.problems}


def test_warnings_do_not_keep_it():
    """A pack with warnings only is compiled."""
    result = checked(**{"modules/first-hour.md": FILES["modules/first-hour.md"].replace("\n", "\r\n")})
    assert [problem.severity for problem in result.problems] == ["warning"]
    assert result.compiled is not None


def test_earlier_findings_count():
    """What was found while the files were fetched is told too, and counts."""
    findings = Findings()
    findings.error(Place("modules/x.md"), "symlink", "it is a link")
    result = check(Source(pack_files()), DIRECTIVES, findings)
    assert result.compiled is None
    assert [problem.code for problem in result.problems] == ["symlink"]


def test_every_file_is_metered():
    """All work on each file is done while it is metered, once to read it and once more for what is compiled."""
    entered: list[str] = []
    inside: list[str] = []

    @contextmanager
    def meter(path):
        assert inside == []
        inside.append(path)
        entered.append(path)
        yield
        inside.pop()

    files = pack_files()
    assert check(Source(files), DIRECTIVES, meter=meter).compiled is not None
    companions = {"README.md", "LICENSE"}
    assert set(entered) == set(files) - companions
    assert {path for path in entered if entered.count(path) > 1} == set(files) - companions - {
        "pack.yaml",
        "images/breathe.svg",
    }


@pytest.mark.parametrize("path", ["modules/first-hour.md", "locales/cy/modules/first-hour.md"])
def test_place_in_the_file(path):
    """A problem inside Markdown is told with the line of the file, front matter counted."""
    result = checked(**{path: replacing("{{careers_email}}", "{{nobody}}")})
    [problem] = [one for one in result.problems if one.code == "unknown-placeholder"]
    line = FILES[path].split("{{careers_email}}")[0].count("\n") + 1
    assert (problem.file, problem.line) == (path, line)


@settings(max_examples=150, deadline=None)
@pytest.mark.no_cover
@given(
    st.sampled_from(sorted(path for path in FILES if path.endswith((".md", ".yaml")))),
    st.integers(0, 60),
    st.sampled_from(
        [
            "",
            "x",
            "- a",
            "a: b",
            "  ",
            "---",
            "{{x}}",
            ":::",
            "placeholders: [1]",
            "support: {a: b}",
            "\t",
            "<b>",
            "!!x",
        ]
    ),
    st.booleans(),
)
def test_broken_lines_never_raise(path, at, line, insert):
    """Whatever line is changed in whatever file, the pack is compiled or its errors are told."""

    def change(text):
        lines = text.split("\n")
        at_ = at % len(lines)
        return "\n".join([*lines[:at_], line, *lines[at_ + (not insert) :]])

    result = checked(**{path: change})
    assert (result.compiled is None) == any(problem.severity == "error" for problem in result.problems)
