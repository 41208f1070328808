import pytest
from publishing import example, organisation, publish

from coachkit.editions.explain import explain
from coachkit.errors import BadRequest, NotFound

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

OVERLAY = [
    {"op": "replace", "target": "module/ask-for-feedback", "locale": "en-GB", "field": "summary", "text": "Ours"},
    {"op": "replace", "target": "module/ask-for-feedback", "locale": "en-GB", "section": "when", "text": "Ours"},
    {
        "op": "insert",
        "target": "module/ask-for-feedback",
        "locale": "cy",
        "section": "here",
        "after": "when",
        "title": "Yma",
        "text": "Yn Northbridge.",
    },
]


@pytest.fixture
def edition(database):
    """An edition with an overlay."""
    example(database, "1.4.0")
    organisation(database, overlay=OVERLAY)
    return publish(database).edition


def told(edition, *arguments):
    return {
        (each["locale"], each["field"]): (each["pack"], each["version"], each["from"], each["origin"])
        for each in explain(edition, *arguments)
    }


def test_each_field(edition):
    """For each field and section of each locale: its pack and version, the locale it is from, and who wrote it."""
    assert told(edition, "module/ask-for-feedback") == {
        ("en-GB", "title"): ("example", "1.4.0", "en-GB", "release"),
        ("en-GB", "summary"): ("example", "1.4.0", "en-GB", "overlay"),
        ("en-GB", "sections/when"): ("example", "1.4.0", "en-GB", "overlay"),
        ("en-GB", "sections/what"): ("example", "1.4.0", "en-GB", "release"),
        ("cy", "title"): ("example", "1.4.0", "cy", "release"),
        ("cy", "summary"): ("example", "1.4.0", "en-GB", "overlay"),
        ("cy", "sections/when"): ("example", "1.4.0", "cy", "release"),
        ("cy", "sections/here"): ("example", "1.4.0", "cy", "overlay"),
        ("cy", "sections/what"): ("example", "1.4.0", "en-GB", "release"),
    }


def test_one_locale(edition):
    """With a locale it tells of that one only."""
    assert {locale for locale, _ in told(edition, "checklist/before-you-reply", "cy")} == {"cy"}
    fields = {field for _, field in told(edition, "checklist/before-you-reply", "cy")}
    assert {"title", "items/wait/text", "items/wait/reason"} <= fields


@pytest.mark.parametrize("named", ["module/ask-for-feedbak", "ask-for-feedback", "book/ask-for-feedback", ""])
def test_what_is_not_served(edition, named):
    """A resource that the edition does not serve is not found, with the nearest one where one is near."""
    with pytest.raises(NotFound) as caught:
        explain(edition, named)
    assert f"This edition serves no {named}" in caught.value.detail
    assert named in ("", "book/ask-for-feedback") or "module/ask-for-feedback" in caught.value.detail


def test_locale_that_is_not_served(edition):
    """A locale that the edition does not serve is refused, with those that it does."""
    with pytest.raises(BadRequest, match="en-GB, cy"):
        explain(edition, "module/first-hour", "fr")
