"""Resources of an organisation's own: compiled as a pack's are, served beside the packs, known by what they say."""

import json
from dataclasses import replace

import pytest
from packmaker import FILES, module
from publishing import AT, SLUG, TOOLS, codes, example, organisation, publish, refused, release, small_files

from coachkit.db import editions
from coachkit.db.scopes import ACROSS
from coachkit.editions import choices_schema, inputs, manifest
from coachkit.editions import own as limited
from coachkit.editions.choices import OWN, from_settings
from coachkit.editions.choices_schema import ChoicesSchema
from coachkit.editions.library import Library, size_of
from coachkit.editions.manifest import changes, digests_of
from coachkit.editions.publish import prepare
from coachkit.organisations.organisations import find

FUND = module("The fund", "## Who {#who}\n\nAsk {{careers_email}}, after [the first hour](example:first-hour#feel).\n")
CRONFA = """\
---
title: Y gronfa
---
## Pwy {#who}

Holwch {{careers_email}}.
"""
RESOURCE = {"kind": "module", "id": "fund", "source": {"en-GB": FUND, "cy": CRONFA}}
TEMPLATE = """\
title: Ask us
summary: A message to us.
topics: [feedback]
stages: [applied]
last_reviewed: 2026-11-01
review_by: 2027-11-01
placeholders:
  zebra: {type: text, label: A zebra}
  apple: {type: text, label: An apple}
subject: About {{zebra}}
"""
LIST = FILES["checklists/before-you-reply.yaml"].replace(", resource: ask-for-feedback#what", "")
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
KEY = ("module", "fund")


def own(**changes):
    return RESOURCE | changes


def source(text, **translated):
    return own(source={"en-GB": text, **translated})


def chosen(database, *resources, **more):
    organisation(database, resources=list(resources), **more)
    return publish(database)


def text(selection):
    return "".join(part for parts in selection.parts() for part in parts if isinstance(part, str))


def loaded(database, digest):
    return Library(database).edition(1, SLUG, digest)


def test_served_beside_the_packs(database):
    """An own resource is in the catalogue as the pack `own`'s, and is served in its locales."""
    example(database)
    edition = loaded(database, chosen(database, RESOURCE).digest)
    assert edition.catalogue[KEY] == OWN
    assert edition.catalogue["module", "first-hour"] == "example"
    assert "Ask " in text(edition.select(*KEY, "en-GB"))
    welsh = edition.select(*KEY, "cy")
    assert "Holwch " in text(welsh)
    assert welsh.fallback == {"summary": "en-GB"}
    assert set(edition.digests[KEY]) == {"en-GB", "cy"}


def test_loaded_without_compiling(database, monkeypatch):
    """An edition is loaded from what was stored, equal to what was published, whoever can compile by then."""
    example(database)
    checklist = own(kind="checklist", id="before", source={"en-GB": LIST})
    template = own(
        kind="template", id="ask", source={"en-GB": f"---\n{TEMPLATE}---\nDear {{{{zebra}}}} {{{{apple}}}},\n"}
    )
    prepared = chosen(database, RESOURCE, checklist, template)
    monkeypatch.setattr("coachkit.editions.own.checked", None)
    edition = loaded(database, prepared.digest)
    assert edition.releases[OWN] == prepared.edition.releases[OWN]
    assert list(edition.resource("template", "ask").facts["placeholders"]) == ["zebra", "apple"]
    assert edition.digests == prepared.edition.digests


def test_in_the_digest(database):
    """The sources are in the edition's inputs; another text is another edition, another order the same one."""
    example(database)
    other = own(id="other")
    first = chosen(database, RESOURCE, other)
    assert json.loads(first.inputs)["resources"] == [RESOURCE, other]
    assert chosen(database, other, RESOURCE).digest == first.digest
    assert chosen(database, own(source={"en-GB": FUND}), other).digest != first.digest
    assert b"resources" not in chosen(database).inputs


def test_inputs_read_back(database):
    """An edition's inputs, read back, are the same resources."""
    example(database)
    parsed = inputs.parse(chosen(database, RESOURCE).inputs)
    assert [(each.kind, each.id, each.source) for each in from_settings(parsed.settings).resources] == [
        ("module", "fund", RESOURCE["source"])
    ]


@SQLITE
def test_version_is_what_it_says(database):
    """A resource's version is SemVer and follows from its text: it changes when that does, and with nothing else."""
    example(database)
    first = chosen(database, RESOURCE).edition
    again = chosen(database, own(id="another"), RESOURCE, brand={"name": "N", "careers_email": "a@b.example"}).edition
    other = chosen(database, source(FUND.replace("Ask ", "Write to "))).edition
    version = first.resource(*KEY).version
    assert version == f"0.0.0+{first.resource(*KEY).digest.removeprefix('sha256:')[:12]}"
    assert again.resource(*KEY).version == version
    assert other.resource(*KEY).version != version
    assert first.releases[OWN].manifest.version != other.releases[OWN].manifest.version


@SQLITE
def test_only_its_own_documents_change(database):
    """Another text of one's own changes that document, and no other's digest."""
    example(database)
    before = chosen(database, RESOURCE, own(id="other"))
    after = chosen(database, source(FUND.replace("Ask ", "Write to "), cy=CRONFA), own(id="other"))
    found = changes(*(digests_of(manifest.dump(each.edition)) for each in (before, after)))
    assert {(each["id"], each["locale"]) for each in found} == {("fund", "en-GB"), ("fund", "cy")}


def test_own_resources_are_no_release(database):
    """An edition's releases are its packs' alone, so nothing that is stored by release knows of `own`."""
    example(database)
    prepared = chosen(database, RESOURCE)
    with database.read(ACROSS) as conn:
        row = editions.get(conn, find(conn, SLUG).id, prepared.digest)
    assert [each.pack for each in inputs.parse(row.inputs).releases] == ["example"]


@SQLITE
def test_links_from_the_overlay_and_from_packs(database):
    """The overlay links to own resources, and so does a pack that requires `own`; where none is there, it is said."""
    linking = small_files(
        "linking", 'requires: {own: "*"}\n', hello=module("Hello", "## A {#a}\n\n[F](own:fund#who).\n")
    )
    example(database)
    release(database, linking)
    part = {"op": "replace", "target": "example:module/first-hour", "locale": "en-GB", "section": "feel"}
    both = {"packs": {"example": "*", "linking": "*"}, "overlay": [part | {"text": "See [it](own:module/fund)."}]}
    assert chosen(database, RESOURCE, **both).edition.catalogue["module", "hello"] == "linking"
    found = refused(database, resources=[own(id="other")], **both)
    assert {each.code for each in found} == {"missing-target"}
    assert len(found) == 2
    assert ("packs/own", "requirement") in codes(refused(database, **both))


@SQLITE
def test_placeholders_and_slots_of_the_packs(database):
    """An own resource shows the support contacts of the chosen packs, and their placeholders must have values."""
    example(database)
    sensitive = FUND.replace("review_by:", "sensitive: true\nsupport: [listening]\nreview_by:")
    edition = loaded(database, chosen(database, source(sensitive)).digest)
    (contact,) = edition.contacts(OWN, "listening", "en-GB")
    assert contact.contact.name == "Samaritans"
    assert edition.releases[OWN].manifest.placeholders["careers_email"].label["cy"] == "E-bost gyrfaoedd"
    without = refused(database, resources=[source(sensitive)], brand={"name": "N"})
    assert any("module/fund needs a value for careers_email" in each.message for each in without)


@SQLITE
def test_a_clash_goes_by_preference(database):
    """An own resource under a pack's id clashes with it, unless the organisation prefers one of the two."""
    example(database)
    clashing = own(
        id="first-hour", source={"en-GB": FUND.replace("example:first-hour#feel", "example:ask-for-feedback")}
    )
    assert codes(refused(database, resources=[clashing]))[0] == ("packs", "id-clash")
    release(database, small_files("plain", hello=module("Hello")))
    mine = own(id="hello", source={"en-GB": module("Mine")})
    preferred = chosen(database, mine, packs={"plain": "*"}, prefer={"module/hello": OWN})
    assert preferred.edition.catalogue["module", "hello"] == OWN


@SQLITE
def test_overlay_over_an_own_resource(database):
    """The overlay works on own resources as on others, and is over no release."""
    example(database)
    part = {"op": "replace", "target": "own:module/fund", "locale": "cy", "field": "summary", "text": "Crynodeb."}
    prepared = chosen(database, RESOURCE, overlay=[part])
    assert prepared.edition.select(*KEY, "cy").fallback == {}


WRONG = [
    (FUND.replace("title: The fund\n", ""), "source/en-GB", "missing-key", 2),
    (FUND.replace("careers_email", "carers_email"), "source/en-GB", "unknown-placeholder", 11),
    (FUND.replace("example:first-hour", "other:first-hour"), "source/en-GB", "undeclared-pack", 11),
    (FUND.replace("(example:first-hour#feel)", "(nothing)"), "source/en-GB", "missing-target", 11),
    (FUND.replace("Ask", "<b>Ask</b>"), "source/en-GB", "raw-html", 11),
    (FUND.replace("Ask", "![A](images/a.png)"), "source/en-GB", "image-missing", 11),
    (FUND.replace("topics: [first-response]", "topics: &a [b]"), "source/en-GB", "yaml-alias", 4),
    ("no front matter", "source/en-GB", "front-matter-missing", 1),
    (FUND.replace("title: The", "title: a\u0007b"), "source/en-GB", "control-character", 2),
]


@pytest.mark.parametrize(("text", "place", "code", "line"), WRONG, ids=[each[2] for each in WRONG])
@SQLITE
def test_held_to_what_packs_are_held_to(database, text, place, code, line):
    """What is wrong with a source is said at its place in the settings, with its line, as it is to authors."""
    example(database)
    found = refused_now(database, own(id="good"), source(text))
    assert (f"resources/1/{place}", code, line) in [(*each, problem.line) for each, problem in found]


def refused_now(database, *resources):
    problems = refused(database, resources=list(resources))
    return list(zip(codes(problems), problems, strict=True))


@SQLITE
def test_a_translation_of_nothing(database):
    """A translation says what its original does not, or is in a locale of no chain: both are said there."""
    example(database)
    strange = CRONFA.replace("{#who}", "{#pwy}")
    places = [each for each, _ in refused_now(database, source(FUND, cy=strange, fr=CRONFA))]
    assert ("resources/0/source/cy", "translation-of-nothing") in places
    assert ("resources/0/source/fr", "unknown-locale") in places


@SQLITE
def test_what_costs_too_much_is_a_problem(database, monkeypatch):
    """A source that takes more than its share ends its reader, not the process that publishes."""
    monkeypatch.setattr(limited, "LIMITS", replace(limited.LIMITS, file_seconds=0.05))
    example(database)
    costly = FUND + "\n" + "[a](" * 4_900
    ((place, code), _), *_ = refused_now(database, source(costly[: choices_schema.SOURCE_LENGTH]))
    assert (place, code) == ("resources/0/source/en-GB", "too-slow")


@SQLITE
def test_no_work_for_organisations_without(database, monkeypatch):
    """Publishing compiles nothing where there are no own resources."""
    monkeypatch.setattr("coachkit.editions.own.checked", None)
    example(database)
    organisation(database)
    with database.read(ACROSS) as conn:
        assert OWN not in prepare(conn, find(conn, SLUG), TOOLS, AT).edition.releases


@SQLITE
def test_it_weighs(database):
    """Own resources, which no two editions share, count as part of what an edition takes in memory."""
    example(database)
    light = chosen(database).edition
    heavy = chosen(database, source(FUND + "\n" + "word " * 5_000)).edition
    assert size_of(heavy) - size_of(light) > 2 * 25_000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"packs": {"own": "*"}}, "stands for the organisation's own resources"),
        ({"resources": [own(kind="book")]}, "is not one of module, questionnaire"),
        ({"resources": [own(id="The Fund")]}, "is not a name"),
        ({"resources": [RESOURCE, RESOURCE]}, "there is a module fund already"),
        ({"resources": [own(source={"cy": CRONFA})]}, "there is none in en-GB, the default locale"),
        ({"resources": [own(source={})]}, "Length must be between 1 and 40"),
        ({"resources": [source("x" * (choices_schema.SOURCE_LENGTH + 1))]}, "Length must be between 1 and 60000"),
        (
            {"resources": [own(id=f"a{each}", source={"en-GB": "x" * 60_000}) for each in range(17)]},
            "more than 1,000,000 characters",
        ),
    ],
)
def test_shape(changes, words):
    """What cannot be a resource is refused when settings are read."""
    base = {"default_locale": "en-GB", "locales": {"en-GB": ["en-GB"]}, "packs": {"a": "*"}, "brand": {"name": "N"}}
    assert words in str(ChoicesSchema().validate(base | changes))
