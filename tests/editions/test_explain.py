import pytest
from packmaker import PACK, replacing
from publishing import example, organisation, publish

from coachkit.editions.explain import explain, locales_named, resource_named
from coachkit.errors import BadRequest, NotFound

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

IDS = ("first-hour", "ask-for-feedback")
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


def told(edition, locale, named="module/ask-for-feedback"):
    entries = explain(edition, *resource_named(edition, named), locale)
    return {
        each["field"]: (each["pack"], each["version"], each["locale"], each["missing_in"], each["origin"])
        for each in entries
    }


def test_each_field(edition):
    """For each field and section: its pack and version, the locale it is from, those without it, and who wrote it."""
    release = ("example", "1.4.0")
    assert told(edition, "en-GB") == {
        "title": (*release, "en-GB", [], "release"),
        "summary": (*release, "en-GB", [], "overlay"),
        "sections/when": (*release, "en-GB", [], "overlay"),
        "sections/what": (*release, "en-GB", [], "release"),
    }
    assert told(edition, "cy") == {
        "title": (*release, "cy", [], "release"),
        "summary": (*release, "en-GB", ["cy"], "overlay"),
        "sections/when": (*release, "cy", [], "release"),
        "sections/here": (*release, "cy", [], "overlay"),
        "sections/what": (*release, "en-GB", ["cy"], "release"),
    }


def test_in_the_order_of_the_document(edition):
    """Sections are told of in the order in which readers meet them, after the lines."""
    assert [each for each in told(edition, "cy") if "/" in each] == ["sections/when", "sections/here", "sections/what"]


def test_entries_of_lists(edition):
    """A line inside a list is told of by its path."""
    fields = told(edition, "cy", "checklist/before-you-reply")
    assert fields["items/wait/text"][2:] == ("cy", [], "release")
    assert fields["items/wait/reason"][2:] == ("en-GB", ["cy"], "release")


def test_values(database):
    """What stands in a text's placeholders is told with that text, as it is in the document's locale, and no other."""
    example(database)
    organisation(database, values={"careers_email": {"cy": "gyrfaoedd@northbridge.example"}})
    edition = publish(database).edition
    english, welsh = (
        {each["field"]: each["values"] for each in explain(edition, "module", "first-hour", locale)}
        for locale in ("en-GB", "cy")
    )
    assert english.pop("sections/step") == {"careers_email": "careers@northbridge.example"}
    assert welsh["sections/step"] == {"careers_email": "gyrfaoedd@northbridge.example"}
    assert set(map(str, english.values())) == {"{}"}


def test_no_value(database):
    """Where nobody has given a value, so that its label stands there, that is told."""
    example(database, **{PACK: replacing("required: true", "required: false")})
    organisation(database, brand={"name": "N"})
    edition = publish(database).edition
    values = {each["field"]: each["values"] for each in explain(edition, "module", "first-hour", "cy")}
    assert values["sections/step"] == {"careers_email": None}


def test_a_readers_own_values_are_not_told(edition):
    """A template's personal placeholders are the reader's; only the organisation's are told."""
    (body,) = [each for each in explain(edition, "template", "thank-you", "en-GB") if each["field"] == "sections/body"]
    assert body["values"] == {"careers_email": "careers@northbridge.example"}


def test_the_version_is_the_documents(database):
    """The version is the one that the document names: a release that left the resource alone does not show."""
    example(database)
    example(database, "1.1.0", **{"modules/first-hour.md": replacing("Nothing needs", "Nothing at all needs")})
    organisation(database)
    edition = publish(database).edition
    versions = {name: {each[1] for each in told(edition, "cy", f"module/{name}").values()} for name in IDS}
    assert versions == {"first-hour": {"1.1.0"}, "ask-for-feedback": {"1.0.0"}}


@pytest.mark.parametrize("named", ["module/ask-for-feedbak", "ask-for-feedback", "book/ask-for-feedback", ""])
def test_what_is_not_served(edition, named):
    """A resource that the edition does not serve is not found, with the nearest one where one is near."""
    with pytest.raises(NotFound) as caught:
        resource_named(edition, named)
    assert f"This edition serves no {named}" in caught.value.detail
    assert named in ("", "book/ask-for-feedback") or "module/ask-for-feedback" in caught.value.detail


def test_locales(edition):
    """One locale alone or all of them; one that the edition does not serve is refused, with those that it does."""
    assert locales_named(edition, "cy") == ("cy",)
    assert locales_named(edition, None) == ("en-GB", "cy")
    with pytest.raises(BadRequest, match="en-GB, cy"):
        locales_named(edition, "fr")
