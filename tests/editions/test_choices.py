"""Choices and the inputs of an edition, which hold them with every range resolved."""

import json
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from publishing import brand, settings

from coachkit.editions import inputs
from coachkit.editions.choices import from_settings
from coachkit.packs.model import Contact

LOCALES = st.sampled_from(["en-GB", "cy", "fr"])
TEXT = st.text(min_size=1, max_size=20)
BY_LOCALE = st.one_of(TEXT, st.dictionaries(LOCALES, TEXT, min_size=1))
CONTACTS = st.lists(
    st.fixed_dictionaries({"name": TEXT}, optional={"hours": st.one_of(st.none(), TEXT)}), min_size=1, max_size=3
)
SETTINGS = st.fixed_dictionaries(
    {
        "default_locale": LOCALES,
        "locales": st.dictionaries(LOCALES, st.lists(LOCALES, min_size=1, unique=True), min_size=1),
        "packs": st.just({"core": ">=1"}),
        "brand": st.fixed_dictionaries(
            {"name": BY_LOCALE},
            optional={
                "voice": st.one_of(st.none(), TEXT),
                "support": st.dictionaries(st.just("listening"), st.dictionaries(LOCALES, CONTACTS, min_size=1)),
            },
        ),
    },
    optional={
        "values": st.dictionaries(st.sampled_from(["a", "b"]), BY_LOCALE),
        "prefer": st.just({"module/a": "core"}),
    },
)
CORE = inputs.ReleaseInput("core", "1.2.0", "sha256:aa", 1, ("coachkit-core@0.1.0",))
NOTES = inputs.PluginInput("notes", "2.0.0", "sha256:bb")


def turned(value):
    """The same with every mapping's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(each) for each in value] if isinstance(value, list) else value


@given(SETTINGS)
def test_order_of_keys_does_not_matter(chosen):
    """Equal settings give equal bytes, whatever order their keys are written in."""
    one = inputs.canonical("northbridge", chosen, [CORE], [NOTES])
    assert inputs.canonical("northbridge", turned(chosen), [CORE], [NOTES]) == one


@given(SETTINGS)
def test_read_back(chosen):
    """Inputs read back are the same choices, with exact versions for ranges."""
    parsed = inputs.parse(inputs.canonical("northbridge", chosen, [CORE], [NOTES]))
    assert (parsed.releases, parsed.plugins) == ((CORE,), (NOTES,))
    expected = from_settings(chosen | {"packs": {"core": "1.2.0"}, "plugins": ["notes"]})
    assert from_settings(parsed.settings) == expected
    again = inputs.canonical("northbridge", parsed.settings, parsed.releases, parsed.plugins)
    assert inputs.parse(again) == parsed


def test_order_of_releases_does_not_matter():
    """Releases are in the order of their packs' names, however they were found."""
    other = inputs.ReleaseInput("alpha", "1.0.0", "sha256:cc", 1, ())
    one = inputs.canonical("northbridge", settings(), [CORE, other], [])
    assert inputs.canonical("northbridge", settings(), [other, CORE], []) == one
    assert [each["pack"] for each in json.loads(one)["releases"]] == ["alpha", "core"]


def test_ranges_are_not_inputs():
    """What was asked for is not in the inputs, only what it came to."""
    one = inputs.canonical("northbridge", settings(packs={"core": "*"}), [CORE], [])
    assert inputs.canonical("northbridge", settings(packs={"core": ">=1,<2"}), [CORE], []) == one


def test_values_along_a_chain():
    """A value is the first along the chain, then the one for every locale, then the brand's own."""
    choices = from_settings(settings(values={"a": {"cy": "ni"}, "b": "both", "careers_email": {"cy": "cy@b.example"}}))
    assert choices.value("a", ("cy", "en-GB")) == "ni"
    assert choices.value("a", ("en-GB",)) is None
    assert choices.value("b", ("cy",)) == choices.value("b", ("en-GB",)) == "both"
    assert choices.value("careers_email", ("cy", "en-GB")) == "cy@b.example"
    assert choices.value("careers_email", ("en-GB",)) == "careers@northbridge.example"
    assert choices.value("nothing", ("cy", "en-GB")) is None


def test_name_along_a_chain():
    """The organisation's name is the first along the chain, and in the default locale where the chain has none."""
    choices = from_settings(settings(brand=brand(name={"en-GB": "Northbridge", "cy": "Pontogledd"})))
    assert choices.name(("cy", "en-GB")) == choices.value("organisation_name", ("cy", "en-GB")) == "Pontogledd"
    assert choices.name(("en-GB",)) == choices.name(("fr",)) == "Northbridge"


def test_brand():
    """A brand has its logo and its contacts as values."""
    contact = {"name": "Meic", "phone": "080880 23456", "verified_on": "2026-11-01"}
    logo = {"url": "https://b.example/logo.svg", "alt": "Northbridge"}
    made = from_settings(settings(brand=brand(logo=logo, support={"listening": {"cy": [contact]}}))).brand
    assert (made.logo.url, made.logo.alt) == ("https://b.example/logo.svg", {"*": "Northbridge"})
    assert made.support["listening"]["cy"] == (Contact("Meic", phone="080880 23456", verified_on=date(2026, 11, 1)),)
