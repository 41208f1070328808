"""The choice of a locale and of a format, from header texts alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.api.negotiation import format_for, locale_for
from coachkit.hooks.types import Format

JSON, HTML, EMAIL = (
    Format("json", "application/json", lambda _: b""),
    Format("html", "text/html", lambda _: b""),
    Format("email", "text/html", lambda _: b"", negotiable=False),
)
OFFERED = (JSON, EMAIL, HTML)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        (" */* ", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/*", JSON),
        ("text/html", HTML),
        ("text/*", HTML),
        (BROWSER, HTML),
        ("text/html;q=0.4, application/json;q=0.5", JSON),
        ("text/html;q=0.5, application/json;q=0.4", HTML),
        ("text/html, application/json", JSON),
        ("text/plain, */*;q=0.1", JSON),
        ("text/html;q=0, */*", JSON),
        ("application/json; charset=utf-8", JSON),
        ("text/html; charset=UTF-8", HTML),
        ("text/plain", None),
        ("application/json;q=0, text/html;q=0", None),
        ("*/*;q=0", None),
        ("text", None),
    ],
)
def test_format(accept, chosen):
    """Accept chooses by quality, and JSON where the caller does not mind; a format of ?format= alone never."""
    assert format_for(accept, OFFERED) is chosen


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("application/json;q=0, */*", HTML),
        ("*/*, application/json;q=0", HTML),
        ("text/*;q=0.9, text/html;q=0.1, application/json;q=0.5", JSON),
        ("application/json;q=0.1, */*;q=0.5", HTML),
        ("*/*, application/*;q=0.2", HTML),
    ],
)
def test_most_specific_range_counts(accept, chosen):
    """What a narrower range says of a type holds, whatever a wider one would allow (RFC 9110, 12.5.1)."""
    assert format_for(accept, OFFERED) is chosen


LOCALES = ("en-GB", "cy", "zh-Hant-TW")


@pytest.mark.parametrize(
    ("accept_language", "chosen"),
    [
        (None, "en-GB"),
        ("", "en-GB"),
        ("cy", "cy"),
        ("CY", "cy"),
        ("cy-GB", "cy"),
        ("cy-Latn-GB", "cy"),
        ("en-gb", "en-GB"),
        ("en-GB-oxendict", "en-GB"),
        ("zh-Hant-TW-x-private", "zh-Hant-TW"),
        ("fr, cy;q=0.5", "cy"),
        ("cy;q=0.5, en-GB;q=0.4", "cy"),
        ("en-GB;q=0.4, cy;q=0.5", "cy"),
        ("fr-FR, de;q=0.9", "en-GB"),
        ("*", "en-GB"),
        ("*, cy;q=0.5", "cy"),
        ("cy;q=0", "en-GB"),
        ("cy-GB;q=0, en-GB;q=0.1", "en-GB"),
        ("zh", "en-GB"),
        ("c", "en-GB"),
        ("cyan", "en-GB"),
        (";;,,=", "en-GB"),
    ],
)
def test_locale(accept_language, chosen):
    """Each range is shortened from its end until a locale has just that name (RFC 4647, 3.4); else the default."""
    assert locale_for(accept_language, LOCALES, "en-GB") == chosen


def test_bare_language_is_another_default():
    """`en` alone matches no `en-GB`, as lookup has it, and so gets the default, whichever that is."""
    assert locale_for("en", LOCALES, "cy") == "cy"


@given(st.text(max_size=60))
def test_any_header_finds_a_served_locale(accept_language):
    """Whatever the header holds, the locale is one that is served."""
    assert locale_for(accept_language, LOCALES, "en-GB") in LOCALES


@given(
    st.one_of(st.text(max_size=60), st.lists(st.sampled_from(["text/html", "*/*", ";q=0.3", ",", "a/b"])).map("".join))
)
def test_any_header_finds_a_format_or_none(accept):
    """Whatever the header holds, the format is one that may be negotiated, or none."""
    assert format_for(accept, OFFERED) in {JSON, HTML, None}
