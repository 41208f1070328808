"""An audit as a file: what is written is read back, equal audits are equal bytes, and anything else has its line."""

import json
from datetime import UTC, datetime

import pytest

from coachkit.db.audit import Entry, Head
from coachkit.organisations.audit_lines import LineError, broken, lines, read

ENTRY = Entry(1, datetime(2026, 11, 22, 9, 30, tzinfo=UTC), "command", "a.b", "live", None, {"x": 1}, None, "sha256:00")
HEAD = Head(1, "sha256:00")


def changed(**changes):
    """The line of an entry with these keys replaced."""
    (_, line) = lines("northbridge", HEAD, [ENTRY])
    return json.dumps(json.loads(line) | changes).encode()


def test_there_and_back():
    """What is written is read back, and is the same bytes again."""
    written = list(lines("northbridge", HEAD, [ENTRY]))
    told = read(written)
    entries = list(told.entries)
    assert (told.organisation, told.head, entries) == ("northbridge", HEAD, [ENTRY])
    assert list(lines("northbridge", told.head, entries)) == written
    assert written[0] == (
        b'{"format":"coachkit-audit","hash":"sha256:00","length":1,"organisation":"northbridge","version":1}\n'
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"[" * 5_000, "not JSON"),
        (b"[" * 100 + b"]" * 100, "deeper"),
        (b"[" * 400_001, "objects and lists"),
        (b" " * (16 * 1024 * 1024 + 1), "larger"),
        (b"{}", "an entry is action, actor"),
        (changed(more=1), "an entry is"),
        (changed(actor=None), "an entry is"),
        (changed(number="1"), "number"),
        (changed(number=True), "number"),
        (changed(number=2**53), "number"),
        (changed(previous=1), "number"),
        (changed(at="2026-11-22T09:30:00"), "time"),
        (changed(at=7), "time"),
        (changed(at="yesterday"), "time"),
    ],
)
def test_lines_that_are_no_entries(line, said):
    """A line that is no entry is refused by its number, whatever it is."""
    head, _ = lines("northbridge", HEAD, [ENTRY])
    with pytest.raises(LineError, match=said) as caught:
        list(read([head, line]).entries)
    assert caught.value.line == 2
    assert [place for place, _ in broken([head, line])] == [2]


@pytest.mark.parametrize(
    "head",
    [
        b"{}",
        b'{"format":"coachkit-audit","version":2,"organisation":"a","length":0,"hash":null}',
        b'{"format":"coachkit-audit","version":1,"organisation":"a","length":-1,"hash":null}',
        b'{"format":"coachkit-audit","version":1,"organisation":1,"length":0,"hash":null}',
        b'{"format":"coachkit-audit","version":1,"organisation":"a","length":0,"hash":0}',
    ],
)
def test_heads_that_are_none(head):
    """A file that does not begin as an audit does is none."""
    with pytest.raises(LineError, match="line 1"):
        read([head])


def test_an_empty_file():
    """An empty file is no audit."""
    assert [place for place, _ in broken([])] == [1]
