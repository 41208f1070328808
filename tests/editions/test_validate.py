"""What keeps an edition from being published, each with its place, its code and what would be right."""

from datetime import UTC, datetime

import pytest
from packmaker import PACK, module, replacing
from publishing import brand, codes, example, organisation, publish, refused, release, small_files

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

HELLO = module("Hello")
VERIFIED = {PACK: replacing("verified_on: null", "verified_on: 2026-11-01")}
SAMARITANS = {"name": "Samaritans", "phone": "116 123"}
HOUR = "modules/first-hour.md"
DECLARED = """\
placeholders:
  note: {{type: {type}, label: {{en-GB: Note}}, required: {required}, example: {example}}}
"""
EXAMPLES = {
    "text": "A note",
    "email": "a@b.example",
    "url": "https://b.example",
    "phone": "029 2018 0000",
    "date": "2026-11-03",
}
NOTE = module("Note", "## One {#one}\n\nSee {{note}}.\n")


def noting(type_="text", required="true", pack="notes"):
    """A pack whose module uses a placeholder of this type."""
    return small_files(pack, DECLARED.format(type=type_, required=required, example=EXAMPLES[type_]), **{pack: NOTE})


def slots(**by_locale):
    """A brand whose slot `listening` has these contacts."""
    return brand(support={"listening": {key.replace("_", "-"): contacts for key, contacts in by_locale.items()}})


# --- ids ----------------------------------------------------------------------------------------


def test_clash_names_both_packs(database):
    """Two packs that offer one id are both named, with how to choose."""
    release(database, small_files("beta", hello=HELLO))
    release(database, small_files("alpha", hello=HELLO))
    (problem,) = refused(database, packs={"beta": "*", "alpha": "*"})
    assert codes((problem,)) == [("packs", "id-clash")]
    assert problem.message == "alpha and beta both offer module/hello"
    assert "prefer: {module/hello: alpha}" in problem.hint


@pytest.mark.parametrize("preferred", ["alpha", "beta"])
def test_preferred_pack_serves(database, preferred):
    """With a preference there is no clash, and the pack that is preferred serves the id."""
    release(database, small_files("beta", hello=HELLO))
    release(database, small_files("alpha", hello=HELLO))
    organisation(database, packs={"beta": "*", "alpha": "*"}, prefer={"module/hello": preferred})
    assert publish(database).edition.catalogue["module", "hello"] == preferred


def test_one_id_in_two_kinds_is_no_clash(database):
    """An id is unique in its kind only."""
    example(database)
    release(database, small_files("alpha", thank_you=HELLO))
    organisation(database, packs={"example": "*", "alpha": "*"})
    catalogue = publish(database).edition.catalogue
    assert (catalogue["module", "thank-you"], catalogue["template", "thank-you"]) == ("alpha", "example")


@pytest.mark.parametrize(
    ("prefer", "message", "hint"),
    [
        ({"module/first-hour": "other"}, "other does not offer module/first-hour", "module/first-hour is in example"),
        ({"module/first-our": "example"}, "no pack offers module/first-our", "did you mean “module/first-hour”?"),
    ],
)
def test_preferences_for_nothing(database, prefer, message, hint):
    """A preference for what there is not is refused, with what there is."""
    example(database)
    (problem,) = refused(database, prefer=prefer)
    assert codes((problem,)) == [(f"prefer/{next(iter(prefer))}", "missing-target")]
    assert (problem.message, problem.hint) == (message, hint)


# --- colours ------------------------------------------------------------------------------------


def test_faint_colours(database):
    """Each pair that cannot be read is named with both colours, its ratio and what it needs."""
    example(database)
    problems = refused(database, brand=brand(colours={"text": "#777777", "focus": "#cccccc", "link": "#0000ff"}))
    assert codes(problems) == [("brand/colours/text", "contrast"), ("brand/colours/focus", "contrast")]
    assert problems[0].message.startswith("text on background: #777777 on #ffffff has a contrast of 4.48")
    assert "asks for 4.5" in problems[0].message
    assert problems[1].message.startswith("focus indicator on background: #cccccc")
    assert "asks for 3" in problems[1].message


# --- locales ------------------------------------------------------------------------------------


def test_texts_that_no_chain_reaches(database):
    """What has no text anywhere in a chain is named, with the chain and the locales that there are."""
    example(database)
    problems = refused(database, default_locale="cy", locales={"cy": ["cy"]})
    missing = [each for each in problems if each.code == "missing-locale"]
    assert {each.file for each in missing} == {"northbridge/locales/cy"}
    named = {each.message.partition(" has no ")[0]: each for each in missing}
    assert "module/ask-for-feedback" in named
    assert "in cy" in named["module/ask-for-feedback"].message
    assert named["module/ask-for-feedback"].hint == "end the chain with a locale that the pack has: cy, en-GB"
    assert "module/first-hour" not in named


def test_overlay_fills_what_a_locale_lacks(database):
    """Where the organisation words what a chain lacks itself, nothing is missing."""
    release(database, small_files("alpha", hello=HELLO))
    welsh = {"default_locale": "cy", "locales": {"cy": ["cy"]}, "packs": {"alpha": "*"}}
    assert codes(refused(database, **welsh)) == [("locales/cy", "missing-locale")]
    lines = {"title": "Helo", "summary": "Am beth"}
    target = {"op": "replace", "target": "module/hello", "locale": "cy"}
    parts = [target | {"field": field, "text": text} for field, text in lines.items()]
    organisation(database, **welsh, overlay=[*parts, target | {"section": "one", "title": "Un", "text": "Testun."}])
    publish(database)


# --- references ---------------------------------------------------------------------------------


def test_links_to_what_is_hidden(database):
    """A text that links to what the organisation hides is named; a resource merely related to it is not."""
    example(database)
    problems = refused(database, overlay=[{"op": "hide", "target": "module/ask-for-feedback"}])
    assert {each.code for each in problems} == {"missing-target"}
    words = [each.message for each in problems]
    assert [each for each in words if each.startswith("example:module/first-hour points at")]
    assert [each for each in words if each.startswith("example:checklist/before-you-reply points at")]
    assert [each for each in words if each.startswith("example:pathway/first-week points at")]
    assert not [each for each in words if each.startswith("example:template/thank-you")]


def test_links_that_are_also_related(database):
    """A link is followed by readers, so it needs its target although the same is named as related, too."""
    link = module("Hello", "## One {#one}\n\nSee [more](bye).\n", "related: [bye]\n")
    release(database, small_files("alpha", hello=link, bye=module("Bye")))
    (problem,) = refused(database, packs={"alpha": "*"}, overlay=[{"op": "hide", "target": "module/bye"}])
    assert problem.message.startswith(
        "alpha:module/hello points at alpha:module/bye, which this edition does not serve"
    )


def test_related_alone_is_no_need(database):
    """What is only related may be hidden: lists of related resources leave it out."""
    related = module("Hello", extra="related: [bye]\n")
    release(database, small_files("alpha", hello=related, bye=module("Bye")))
    organisation(database, packs={"alpha": "*"}, overlay=[{"op": "hide", "target": "module/bye"}])
    assert list(publish(database).edition.catalogue) == [("module", "hello")]


def test_steps_that_are_also_related(database):
    """A pathway's step needs its resource although the pathway names the same as related, too."""
    example(
        database,
        **{
            "pathways/first-week.yaml": replacing("intro: You", "related: [module/first-hour]\nintro: You"),
            "questionnaires/after-the-interview.yaml": None,
            "locales/cy/questionnaires/after-the-interview.yaml": None,
        },
    )
    problems = refused(database, overlay=[{"op": "hide", "target": "module/first-hour"}])
    assert [each.message.partition(" points")[0] for each in problems] == ["example:pathway/first-week"]


def test_overlay_mends_a_link(database):
    """A link in a text that the organisation replaced leads nobody anywhere, and asks for nothing."""
    link = module("Hello", "## One {#one}\n\nSee [more](bye).\n")
    release(database, small_files("alpha", hello=link, bye=module("Bye")))
    hide = {"op": "hide", "target": "module/bye"}
    ours = {"op": "replace", "target": "module/hello", "locale": "en-GB", "section": "one", "text": "See us."}
    refused(database, packs={"alpha": "*"}, overlay=[hide])
    organisation(database, packs={"alpha": "*"}, overlay=[hide, ours])
    publish(database)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[x](first-our)", "example:module/first-our, which this edition does not serve"),
        ("[x](checklist/first-hour)", "example:checklist/first-hour, which this edition does not serve"),
        ("[x](first-hour#step)", "and that has no section step here"),
        ("[x](#gone)", "and that has no section gone here"),
    ],
)
def test_overlays_links(database, text, words):
    """A link of the overlay leads to something served: a resource, and a section that is there."""
    example(database)
    ours = {"op": "replace", "target": "module/ask-for-feedback", "locale": "en-GB", "section": "when", "text": text}
    hide = {"op": "hide", "target": "module/first-hour", "section": "step"}
    (problem,) = refused(database, overlay=[ours, hide])
    assert problem.code == "missing-target"
    assert words in problem.message


def test_links_to_another_pack(database):
    """A link to another pack needs that very pack's resource, and says whose is served instead."""
    link = module("Hello", "## One {#one}\n\nSee [more](beta:bye).\n")
    release(database, small_files("alpha", 'requires: {beta: "*"}\n', hello=link))
    release(database, small_files("beta", bye=module("Bye")))
    release(database, small_files("gamma", bye=module("Bye")))
    chosen = {"packs": {"alpha": "*", "beta": "*", "gamma": "*"}}
    organisation(database, **chosen, prefer={"module/bye": "beta"})
    publish(database)
    (problem,) = refused(database, **chosen, prefer={"module/bye": "gamma"})
    assert problem.message == (
        "alpha:module/hello points at beta:module/bye, which this edition does not serve (it serves gamma's)"
    )


# --- values -------------------------------------------------------------------------------------


def test_missing_value(database):
    """A value that a text needs and nobody gave is asked for, with the text, the locale and an example."""
    release(database, noting("url"))
    (problem,) = refused(database, packs={"notes": "*"}, locales={"en-GB": ["en-GB"]})
    assert codes((problem,)) == [("values/note", "missing-value")]
    assert problem.message == "module/notes needs a value for note in en-GB"
    assert problem.hint == "write values: {note: …}, a url, such as https://b.example"


def test_value_in_one_locale_only(database):
    """A value that one chain does not reach is missing in that locale."""
    release(database, noting())
    chosen = {"packs": {"notes": "*"}, "locales": {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"]}}
    (problem,) = refused(database, **chosen, values={"note": {"cy": "Nodyn"}})
    assert problem.message.endswith("in en-GB")
    organisation(database, **chosen, values={"note": {"en-GB": "Note"}})
    publish(database)


def test_optional_value(database):
    """A value that is not required may be left out."""
    release(database, noting(required="false"))
    organisation(database, packs={"notes": "*"})
    publish(database)


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("email", "a@b.example", "a at b.example"),
        ("url", "https://b.example/x", "http://b.example/x"),
        ("url", "https://b.example/x", "javascript:alert(1)"),
        ("phone", "029 2018 0000", "ring us"),
        ("date", "2026-11-03", "3 November"),
        ("text", "{{note}} & <b>", "a\x07b"),
        ("text", "x", " "),
    ],
)
def test_values_have_their_types(database, type_, good, bad):
    """A value is checked against its placeholder's type."""
    release(database, noting(type_))
    problems = refused(database, packs={"notes": "*"}, values={"note": bad})
    assert codes(problems)[0] == ("values/note", "invalid-value")
    organisation(database, packs={"notes": "*"}, values={"note": good})
    publish(database)


def test_each_packs_own_type(database):
    """Two packs may declare one placeholder with two types; a value must do for both, in whatever order."""
    for packs in (["urls", "mails"], ["mails", "urls"]):
        release(database, noting("url", pack="urls"))
        release(database, noting("email", pack="mails"))
        chosen = {"packs": dict.fromkeys(packs, "*"), "values": {"note": "https://b.example"}}
        (problem,) = refused(database, **chosen)
        assert problem.code == "invalid-value"
        assert "is not an e-mail address" in problem.message


def test_unknown_value(database):
    """A value for a placeholder that no pack declares is refused, with the nearest that one does."""
    example(database)
    (problem,) = refused(database, values={"career_email": "a@b.example"})
    assert codes((problem,)) == [("values/career_email", "unknown-placeholder")]
    assert problem.hint == "did you mean “careers_email”?"


def test_the_brands_own_values(database):
    """`careers_email` and `organisation_name` are filled from the brand; `values` stands before it."""
    example(database)
    organisation(database)
    edition = publish(database).edition
    assert edition.value("careers_email", "cy") == "careers@northbridge.example"
    assert edition.value("organisation_name", "cy") == "University of Northbridge"
    organisation(database, values={"careers_email": {"cy": "gyrfa@northbridge.example"}})
    edition = publish(database).edition
    assert edition.value("careers_email", "cy") == "gyrfa@northbridge.example"
    assert edition.value("careers_email", "en-GB") == "careers@northbridge.example"
    (problem,) = [each for each in refused(database, brand={"name": "N"}) if each.message.endswith("en-GB")]
    assert problem.code == "missing-value"


# --- support contacts -----------------------------------------------------------------------------


def test_unverified_contact(database):
    """A contact that nobody has verified is refused, with its slot, its locale and its name."""
    example(database)
    problems = refused(database, demo=False)
    assert codes(problems) == [("brand/support/listening/en-GB", "contact-unverified")]
    assert problems[0].message == "Samaritans is unverified"


def test_unverified_in_each_locale(database):
    """A contact that stands in two locales' lists is reported in both: mending one mends one."""
    example(database)
    same = {"name": "Somebody", "phone": "01632 960123"}
    support = {"listening": {"en-GB": [same], "cy": [same]}}
    problems = refused(database, demo=False, brand=brand(support=support))
    assert codes(problems) == [
        ("brand/support/listening/en-GB", "contact-unverified"),
        ("brand/support/listening/cy", "contact-unverified"),
    ]


def test_demo_may_show_unverified_contacts(database):
    """An edition marked demo may show contacts that nobody has verified."""
    example(database)
    organisation(database, demo=True)
    assert publish(database).demo


@pytest.mark.parametrize(
    ("verified_on", "accepted"),
    [
        ("2026-11-22", True),
        ("2025-11-22", True),
        ("2025-11-21", False),
        ("2020-01-01", False),
        ("2026-11-23", True),  # where the day has begun already
        ("2026-11-24", False),
        ("2036-01-01", False),
    ],
)
def test_age_of_a_verification(database, verified_on, accepted):
    """A contact is verified for a year from the day on which it was, and not by a day that is still to come."""
    example(database)
    contact = SAMARITANS | {"verified_on": verified_on}
    organisation(database, demo=False, brand=slots(en_GB=[contact], cy=[contact]))
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    if accepted:
        publish(database, at=noon)
    else:
        problems = refused(database, demo=False, brand=slots(en_GB=[contact], cy=[contact]), at=noon)
        assert {problem.code for problem in problems} == {"contact-unverified"}
        assert verified_on in problems[0].message


def test_organisations_contacts_stand_in(database):
    """An organisation's own contacts stand in for the pack's, locale by locale along the chain."""
    example(database)
    ours = {"name": "Campus line", "phone": "029 2018 0000", "verified_on": "2026-11-01"}
    organisation(database, demo=False, brand=slots(en_GB=[ours]))
    edition = publish(database).edition
    shown = {
        locale: [(each.contact.name, each.locale) for each in edition.contacts("example", "listening", locale)]
        for locale in edition.locales
    }
    assert shown == {"en-GB": [("Campus line", "en-GB")], "cy": [("Y Samariaid", "cy")]}


def test_sensitive_without_contact(database):
    """A sensitive module for which a locale has nobody to turn to is refused, in a demo too."""
    example(
        database,
        **{PACK: lambda text: text[: text.index("      en-GB:\n        - name")] + text[text.index("      cy:\n") :]},
    )
    (problem,) = refused(database, demo=True)
    assert codes((problem,)) == [("brand/support/listening", "contact-missing")]
    assert problem.message == "module/first-hour is sensitive and has nobody to turn to in en-GB"
    organisation(database, brand=slots(en_GB=[SAMARITANS]))
    publish(database)


def test_unknown_slot(database):
    """Contacts for a slot that no pack has are refused, with the nearest that one has."""
    example(database)
    (problem,) = refused(database, brand=brand(support={"listning": {"en-GB": [SAMARITANS]}}))
    assert codes((problem,)) == [("brand/support/listning", "unknown-slot")]
    assert problem.hint == "did you mean “listening”?"


# --- all of it ------------------------------------------------------------------------------------


LEAVING = {
    "modules/ask-for-feedback.md": replacing(
        "last_reviewed", "retiring: {since: 2026-10-01, until: 2026-11-22}\nlast_reviewed"
    )
}


@pytest.mark.parametrize(("day", "told"), [(21, False), (22, True), (23, True)])
def test_overdue(database, day, told):
    """From the day on which a pack's author lets something go, whoever still serves it is warned and publishes."""
    example(database, **LEAVING)
    organisation(database)
    prepared = publish(database, at=datetime(2026, 11, day, 12, tzinfo=UTC))
    expected = [("packs/example", "overdue")] if told else []
    assert codes(prepared.warnings) == expected
    assert {each.severity for each in prepared.warnings} <= {"warning"}
    assert all("example:module/ask-for-feedback was to go on 2026-11-22" in each.message for each in prepared.warnings)


def test_overdue_and_hidden(database):
    """What is not served is nobody's concern."""
    example(database, **LEAVING)
    organisation(database, overlay=[{"op": "hide", "target": "module/ask-for-feedback"}, *HIDE_WHAT_POINTS_AT_IT])
    assert publish(database).warnings == ()


def test_overdue_beside_errors(database):
    """Where an error keeps an edition from being published, the warning is told with it, as one."""
    example(database, **LEAVING)
    problems = refused(database, brand=brand(support={"listning": {"en-GB": [SAMARITANS]}}))
    assert {(each.code, each.severity) for each in problems} == {("unknown-slot", "error"), ("overdue", "warning")}


HIDE_WHAT_POINTS_AT_IT = [
    {"op": "hide", "target": target}
    for target in ("module/first-hour", "checklist/before-you-reply", "pathway/first-week")
] + [{"op": "hide", "target": "questionnaire/after-the-interview"}]


def test_all_failures_at_once(database):
    """Everything that is wrong is said in one go."""
    example(database)
    release(database, small_files("alpha", 'requires: {beta: ">=1"}\n', first_hour=HELLO))
    problems = refused(
        database,
        demo=False,
        packs={"example": "*", "alpha": "*"},
        plugins=["notes"],
        brand={
            "name": "N",
            "colours": {"text": "#eeeeee"},
            "support": {"listning": {"en-GB": [SAMARITANS]}},
        },
        prefer={"module/gone": "alpha"},
        values={"nothing": "x", "careers_email": "nobody"},
        overlay=[
            {"op": "hide", "target": "module/nowhere"},
            {"op": "replace", "target": "module/first-hour", "locale": "fr", "field": "title", "text": "T"},
        ],
    )
    assert {each.code for each in problems} >= {
        "requirement",
        "unknown-plugin",
        "contrast",
        "missing-target",
        "unknown-locale",
        "id-clash",
        "unknown-placeholder",
        "invalid-value",
        "unknown-slot",
    }
    assert len(set(problems)) == len(problems)
