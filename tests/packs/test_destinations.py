from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.packs.destinations import ADDRESS_LENGTH, BadDestinationError, parse_destination, parse_reference
from coachkit.packs.model import KINDS, Reference

PAGE = Reference("core", "module", "first-hour")
NAME = st.from_regex(r"[a-z0-9]{1,5}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)


@given(st.none() | NAME, st.sampled_from(KINDS), NAME, st.none() | NAME)
def test_reference_round_trip(pack, kind, id_, section):
    """Every reference reads back from how it prints."""
    reference = Reference(pack, kind, id_, section)
    assert parse_reference(str(reference)) == reference


def test_module_is_the_default():
    """A reference that names no kind means a module."""
    assert parse_reference("first-hour") == Reference(None, "module", "first-hour")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "a b",
        "a/b/c",
        "x/a",
        "modules/a",
        "a#",
        "#a",
        ":a",
        "a:",
        "a.md",
        "-a",
        "a-",
        "a--b",
        "a\n",
        "é",
        "a" * 65,
    ],
)
def test_no_reference(text):
    """What is no reference is refused with what would be right."""
    with pytest.raises(BadDestinationError) as caught:
        parse_reference(text)
    assert caught.value.hint


def test_own_section():
    """`#section` means a section of the page."""
    assert parse_destination("#feel", PAGE) == Reference("core", "module", "first-hour", "feel")


@pytest.mark.parametrize(
    "text",
    [
        "https://",
        "https:///a",
        "https://a b",
        "https://u@a.org",
        "https://u:p@a.org",
        "https://a.org:x",
        'https://a.org/"',
        "https://a.org\\b",
        "https://[::1",
        "HTTPS:a",
        "mailto:",
        "mailto:a",
        "mailto:a@b",
        "mailto:a@b.c?x=<",
        "tel:",
        "tel:abc",
        "tel:+",
        "http://a.org",
        "ftp://a.org",
        "javascript:alert(1)",
        "data:text/html,x",
        "//a.org",
        "/a",
        "../a",
        "a.html",
        "?a",
        " https://a.org",
        "https://a.org/" + "a" * ADDRESS_LENGTH,
    ],
)
def test_refused(text):
    """An address that is odd in any way is refused with what would be right."""
    with pytest.raises(BadDestinationError) as caught:
        parse_destination(text, PAGE)
    assert caught.value.hint


@given(
    st.text(max_size=40)
    | st.builds("{}:{}".format, st.sampled_from(["https", "HTTPS", "mailto", "tel"]), st.text(max_size=30))
)
def test_anything(text):
    """Any text is a reference, is refused, or is an address of a known scheme without odd characters."""
    with contextlib.suppress(BadDestinationError):
        found = parse_destination(text, PAGE)
        assert isinstance(found, Reference) or found.startswith(("https://", "mailto:", "tel:"))
        assert isinstance(found, Reference) or not set(found) & set(' "<>\\`\n\t')
