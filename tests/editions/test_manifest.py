"""What is settled when an edition is published: the catalogue and each document's digest, and how two differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packmaker import PACK, appending, replacing
from publishing import brand, example, organisation, publish

from coachkit.db import editions
from coachkit.db.scopes import ACROSS
from coachkit.editions import inputs, manifest
from coachkit.editions.choices import from_settings

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

EDITED = {"modules/ask-for-feedback.md": appending("\nAnd say thank you.\n")}
HOUR, ASK = ("module", "first-hour"), ("module", "ask-for-feedback")


@pytest.fixture
def edition(database):
    """Publishes an edition with these choices and gives it."""
    example(database)

    def make(**changes):
        organisation(database, **changes)
        return publish(database).edition

    return make


def differing(one, other):
    """The documents, as (id, locale), that differ between two editions."""
    return {(each["id"], each["locale"]) for each in manifest.changes(*map(named, (one, other)))}


def named(edition):
    return manifest.digests_of(manifest.dump(edition))


@SQLITE
def test_round_trip(database, edition):
    """An edition that is loaded from what was stored is the edition that was published."""
    overlay = [
        {"op": "hide", "target": "questionnaire/after-the-interview"},
        {"op": "hide", "target": "module/first-hour", "section": "step"},
        {
            "op": "insert",
            "target": "module/first-hour",
            "locale": "cy",
            "section": "here",
            "before": "feel",
            "title": "Yma",
            "text": "Yn {{careers_email}}.",
        },
        {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "field": "title", "text": "Now"},
    ]
    made = edition(overlay=overlay)
    with database.read(ACROSS) as conn:
        row = editions.get(conn, 1, made.digest)
    parsed = inputs.parse(row.inputs)
    loaded = manifest.load("northbridge", made.digest, from_settings(parsed.settings), made.releases, row.manifest)
    assert (loaded.catalogue, loaded.digests, loaded.overlays) == (made.catalogue, made.digests, made.overlays)
    assert ("questionnaire", "after-the-interview") not in loaded.catalogue
    for locale in made.locales:
        assert loaded.select(*HOUR, locale) == made.select(*HOUR, locale)
    assert manifest.digests_of(row.manifest) == named(made)


@SQLITE
def test_untouched_documents_keep_their_digests(database, edition):
    """A new version of a pack changes the documents it changed, and those that show their titles, and no other."""
    before = edition()
    example(database, "1.1.0", **EDITED)
    after = edition()
    assert after.resource(*ASK).version == "1.1.0"
    assert after.resource(*HOUR).version == "1.0.0"
    assert differing(before, after) == {("ask-for-feedback", "en-GB"), ("ask-for-feedback", "cy")}
    assert after.digests[HOUR] == before.digests[HOUR]


@SQLITE
def test_a_title_is_in_the_documents_that_show_it(database, edition):
    """A new title changes the documents that point at the resource, which show it."""
    before = edition()
    example(database, "1.1.0", **{"templates/thank-you.md": replacing("Thank you and a question", "Thank you")})
    changed = {name for name, _ in differing(before, edition())}
    assert changed == {"thank-you", "ask-for-feedback", "first-week"}


@SQLITE
def test_a_change_in_one_locale(database, edition):
    """A text changed in one locale gives its resource a new version, and leaves other resources' documents alone."""
    before = edition()
    path = "locales/cy/modules/ask-for-feedback.md"
    example(database, "1.1.0", **{path: appending("\nA diolch.\n")})
    after = edition()
    assert after.resource(*ASK).version == "1.1.0"
    assert ("ask-for-feedback", "cy") in differing(before, after)
    assert after.digests[HOUR] == before.digests[HOUR]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"brand": brand(voice="Plain", colours={"link": "#0000ff"})}, set()),
        ({"values": {"careers_email": {"cy": "gyrfa@b.example"}}}, {("first-hour", "cy"), ("thank-you", "cy")}),
        (
            {"brand": brand(support={"listening": {"cy": [{"name": "Meic"}]}})},
            {("first-hour", "cy")},
        ),
        (
            {
                "overlay": [
                    {"op": "replace", "target": "module/first-hour", "locale": "cy", "section": "step", "text": "Cam."}
                ]
            },
            {("first-hour", "cy")},
        ),
        (
            {
                "overlay": [
                    {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "section": "step", "text": "A."}
                ]
            },
            {("first-hour", "en-GB")},
        ),
        ({"default_locale": "cy"}, set()),
        ({"locales": {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"], "en": ["en", "en-GB"]}}, None),
    ],
)
@SQLITE
def test_a_documents_digest_covers_its_own_inputs(edition, changes, expected):
    """A choice changes the digests of the documents it changes, and leaves the others alone."""
    found = differing(edition(), edition(**changes))
    assert found == expected if expected is not None else {locale for _, locale in found} == {"en"}


@SQLITE
def test_the_label_stands_in_for_a_value(database, edition):
    """Where a value is optional and not given, its label is shown, and so is in the digest."""
    optional = replacing("required: true", "required: false")
    example(database, "1.1.0", **{PACK: optional})
    nobody = {"brand": {"name": "N"}}
    before = edition(packs={"example": "1.1.0"}, **nobody)
    example(database, "1.2.0", **{PACK: lambda text: optional(text).replace("E-bost gyrfaoedd", "E-bost")})
    found = differing(before, edition(packs={"example": "1.2.0"}, **nobody))
    assert ("first-hour", "cy") in found
    assert {name for name, _ in found} == {"first-hour", "thank-you"}


@SQLITE
def test_changes_by_operation(edition):
    """What was added, changed and removed is told by document."""
    whole = edition(locales={"en-GB": ["en-GB"]})
    title = {"op": "replace", "target": "module/first-hour", "locale": "en-GB", "field": "summary", "text": "Now"}
    hide = {"op": "hide", "target": "questionnaire/after-the-interview"}
    fewer = edition(locales={"en-GB": ["en-GB"]}, overlay=[title, hide])
    removed = {"op": "removed", "kind": "questionnaire", "id": "after-the-interview", "locale": "en-GB"}
    changed = {"op": "changed", "kind": "module", "id": "first-hour", "locale": "en-GB"}
    assert manifest.changes(named(whole), named(fewer)) == [changed, removed]
    assert manifest.changes(named(fewer), named(whole)) == [changed, removed | {"op": "added"}]
    assert manifest.changes(named(whole), named(whole)) == []


DIGESTS = st.dictionaries(
    st.sampled_from(["module/a", "module/b", "template/a"]),
    st.dictionaries(st.sampled_from(["en-GB", "cy"]), st.sampled_from(["sha256:1", "sha256:2"])),
)


@given(DIGESTS, DIGESTS)
def test_changes_lead_from_one_to_the_other(old, new):
    """Following the changes from one manifest leads to the other, in one order, and back with the ops turned."""
    documents = {(*name.split("/"), locale) for name, locales in old.items() for locale in locales}
    found = manifest.changes(old, new)
    for change in found:
        document = (change["kind"], change["id"], change["locale"])
        if change["op"] == "added":
            documents.add(document)
        else:
            assert document in documents
            documents -= {document} if change["op"] == "removed" else set()
    assert documents == {(*name.split("/"), locale) for name, locales in new.items() for locale in locales}
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert manifest.changes(new, old) == [change | {"op": turned[change["op"]]} for change in found]
