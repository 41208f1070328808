from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coachkit.packs.findings import MOST, Findings
from coachkit.packs.model import Place


@given(*[st.integers(0, 3) | st.integers(MOST - 2, MOST + 3)] * 2)
def test_no_error_is_crowded_out(errors, warnings):
    """However many warnings come before, the first errors are told, and whether there were more."""
    findings = Findings()
    for number in range(warnings):
        findings.warning(Place("w", number + 1), "crlf", "it is")
    for number in range(errors):
        findings.error(Place("e", number + 1), "bom", "it is")
    told = [problem.severity for problem in findings.problems if problem.code != "too-many-problems"]
    assert (told.count("error"), told.count("warning")) == (min(errors, MOST), min(warnings, MOST))
    assert (len(told) < len(findings.problems)) == (errors > MOST or warnings > MOST)
    assert findings.failed is (errors > 0)
