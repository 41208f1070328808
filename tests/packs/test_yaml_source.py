from __future__ import annotations

import json
from decimal import Decimal

import pytest
from cputime import cpu_seconds
from hypothesis import given
from hypothesis import strategies as st

from coachkit.packs.findings import Findings
from coachkit.packs.model import Place
from coachkit.packs.source import MAX_TEXT
from coachkit.packs.yaml_source import load, resolve


def codes(text: str):
    findings = Findings()
    loaded = load(text, "x.yaml", findings)
    return loaded, [(p.line, p.column, p.code) for p in findings.problems]


def data(text: str):
    loaded, problems = codes(text)
    assert problems == []
    assert loaded is not None
    return loaded.data


def test_places_count_from_the_first_line_of_the_text_in_its_file():
    """Front matter that starts in line 2 has its keys and values where the author sees them."""
    loaded = load("title: One\nitems:\n  - {id: a}\n", "m.md", Findings(), first_line=2)
    assert loaded is not None
    assert loaded.keys[("title",)] == Place("m.md", 2, 1)
    assert loaded.values[("title",)] == Place("m.md", 2, 8)
    assert loaded.values[("items", 0, "id")] == Place("m.md", 4, 10)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("+3", 3),
        ("1.50", Decimal("1.50")),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("0b1", "0b1"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("1e5", "1e5"),
        (".5", ".5"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2026-11-01", "2026-11-01"),
        ("tRUE", "tRUE"),
        ("\u0661", "\u0661"),
        ("9" * 5_000, "9" * 5_000),
    ],
)
def test_plain_scalars_are_what_yaml_1_2_says_and_text_where_yaml_1_1_would_differ(written, value):
    """Whole numbers, decimals, true, false and null; everything else is text."""
    found = resolve(written)
    assert found == value
    assert type(found) is type(value)


def test_decimals_are_exact():
    """0.1 is a tenth, not the double next to it."""
    assert data("a: 0.1")["a"] == Decimal("0.1")


def test_what_is_quoted_is_text():
    """Quotation marks make text of anything."""
    assert data("a: \"1\"\nb: 'true'\nc: |\n  2\n") == {"a": "1", "b": "true", "c": "2\n"}


def test_how_a_scalar_was_written_is_remembered():
    """A hint can quote the author."""
    loaded, _ = codes("a: 1.0\nb: ~\nc: text\n")
    assert loaded is not None
    assert loaded.written == {("a",): "1.0", ("b",): "~"}


def test_an_empty_document_is_an_empty_mapping():
    """Nothing but comments is a mapping without keys."""
    assert data("# nothing\n") == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2\n", (2, 1, "duplicate-key")),
        ("a: {b: 1, b: 2}\n", (1, 11, "duplicate-key")),
        ("a: 1\n'a': 2\n", (2, 1, "duplicate-key")),
        ("a: &x 1\n", (1, 4, "yaml-alias")),
        ("a: *x\n", (1, 4, "yaml-alias")),
        ("<<: {a: 1}\n", (1, 1, "yaml-alias")),
        ("a: !!python/object:os.system 1\n", (1, 4, "yaml-tag")),
        ("a: !x 1\n", (1, 4, "yaml-tag")),
        ("---\na: 1\n---\nb: 2\n", (3, 1, "yaml-syntax")),
        ("%YAML 1.1\n---\na: 1\n", (1, 1, "yaml-syntax")),
        ("? [a]\n: 1\n", (1, 3, "yaml-syntax")),
        ("a: {{x}}\n", (1, 5, "yaml-syntax")),
        ("a: [1\nb: 2\n", (2, 2, "yaml-syntax")),
        ('a: "\\UFFFFFFFF"\n', (1, 5, "yaml-syntax")),
        ("%YAML 1." + "1" * 5_000 + "\n---\na: 1\n", (1, 9, "yaml-syntax")),
        ('a: "\\ud800"\n', (1, 4, "control-character")),
        ('"\\0": 1\n', (1, 1, "control-character")),
    ],
)
def test_what_is_not_read_is_reported_at_its_place(text, problem):
    """Each is one problem with line and column."""
    found = codes(text)[1]
    if problem[2] == "yaml-syntax" and text.startswith(("a: [1", 'a: "')):
        assert [each[2] for each in found] == ["yaml-syntax"]
    else:
        assert found == [problem]


def test_the_first_of_two_equal_keys_is_kept():
    """A later one is reported and passed over."""
    loaded, _ = codes("a: 1\nb: 2\na: 3\n")
    assert loaded is not None
    assert loaded.data == {"a": 1, "b": 2}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(12)
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[" * 50_000, "yaml-too-deep"),
        ("{a: " * 50_000, "yaml-too-deep"),
        ("- " * 50_000, "yaml-too-deep"),
        ("a: [" * 50_000, "yaml-too-deep"),
        ("[" + "a," * 30_000 + "]", "yaml-too-big"),
        ("- a\n" * 30_000, "yaml-too-big"),
        (BOMB, "yaml-alias"),
        ("a: [" + "a\n" * (MAX_TEXT // 2 - 2), "yaml-syntax"),
        ("\n" * MAX_TEXT, None),
        ("a: |\n" + "\n" * (MAX_TEXT - 5), None),
        ("a: " + "b " * (MAX_TEXT // 2 - 2), None),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_no_file_takes_long_to_read(text, code):
    """Whatever a file of the greatest size holds, reading it ends within 4 s of CPU (1 s if the machine is idle)."""
    findings = Findings()
    loaded = []
    assert cpu_seconds(lambda: loaded.append(load(text, "x.yaml", findings))) < 4
    if code is None:
        assert findings.problems == ()
    else:
        assert loaded == [None]
        assert {problem.code for problem in findings.problems} == {code}


@given(st.text(alphabet=st.sampled_from("ab1:-[]{}\"'&*!|>%@`#,? \n\\<\t~"), max_size=60))
def test_no_text_makes_reading_raise(text):
    """Reading ends with data or with an error that is reported, whatever the text."""
    findings = Findings()
    loaded = load(text, "x.yaml", findings)
    assert loaded is not None or findings.failed


VALUES = st.recursive(
    st.text(alphabet="abc \u00e9\U0001f600:#'\"", max_size=8)
    | st.booleans()
    | st.none()
    | st.integers(-(10**9), 10**9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet="abcé", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(alphabet="abcé", min_size=1, max_size=5), VALUES, max_size=4))
def test_json_is_read_as_it_is(value):
    """JSON is YAML: what it says is what is read."""
    assert data(json.dumps(value, ensure_ascii=False)) == value
