"""The same in each language: what an organisation that declares it has to have before it publishes."""

from dataclasses import replace

import pytest
from packmaker import module
from publishing import codes, compiled, organisation, publish, refused, release, small_files

from coachkit.editions.parity import Gap, parity_report
from coachkit.packs import stored
from coachkit.packs.check import check
from coachkit.packs.source import Source

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PAIR = ["en-GB", "cy"]
HELLO = module("Hello", "## One {#one}\n\nOne.\n\n## Two {#two}\n\nTwo.\n")
WELSH = """\
---
title: Helo
summary: Am beth mae hyn.
translation: {status: signed}
---
## Un {#one}

Un.

## Dau {#two}

Dau.
"""
CHOSEN = {"packs": {"pair": "*"}}


def files(welsh=WELSH, **more):
    """A pack of one module and its Welsh."""
    made = small_files("pair", hello=HELLO)
    made["pack.yaml"] = made["pack.yaml"].replace(b"locales: [en-GB]", b"locales: [en-GB, cy]")
    return made | {"locales/cy/modules/hello.md": welsh.encode()} | more


def gaps(database, welsh=WELSH, **changes):
    """Reason and fields of each gap of an edition, published without a declaration."""
    release(database, files(welsh))
    organisation(database, **(CHOSEN | changes))
    edition = publish(database).edition
    found = parity_report(edition, PAIR)
    assert {(each.pack, each.kind, each.id, each.locale) for each in found} <= {("pair", "module", "hello", "cy")}
    return [(each.reason, each.fields) for each in found]


@SQLITE
def test_nothing_is_lacking(database):
    """A resource whose translation is whole and signed lacks nothing, and is published in parity."""
    assert gaps(database) == []
    organisation(database, **CHOSEN, parity=PAIR)
    assert publish(database).warnings == ()


@SQLITE
def test_in_part(database):
    """Fields and sections that fall back are named."""
    part = WELSH.replace("summary: Am beth mae hyn.\n", "").split("## Dau")[0]
    assert gaps(database, part) == [("partial", ("summary", "sections/two"))]


@SQLITE
def test_wholly(database):
    """A resource of which nothing is translated is missing."""
    release(database, small_files("plain", other=HELLO))
    found = gaps(database, packs={"pair": "*"})
    assert found == []
    organisation(database, packs={"plain": "*"})
    fields = ("summary", "title", "sections/one", "sections/two")
    assert parity_report(publish(database).edition, PAIR) == [Gap("plain", "module", "other", "cy", "missing", fields)]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("translation: {status: draft}\n", "draft"),
        ("", "unsigned"),
        ('translation: {status: signed, made_from: "000000000000"}\n', "outdated"),
    ],
)
@SQLITE
def test_translations(database, status, reason):
    """A translation that is a draft, that says nothing of a signature, or that was made from other texts is a gap."""
    assert gaps(database, WELSH.replace("translation: {status: signed}\n", status)) == [(reason, ())]


@SQLITE
def test_several_reasons(database):
    """Each reason is told of by itself."""
    status = 'translation: {status: draft, made_from: "000000000000"}'
    part = WELSH.replace("translation: {status: signed}", status).replace("title: Helo\n", "")
    assert [reason for reason, _ in gaps(database, part)] == ["partial", "draft", "outdated"]


@SQLITE
def test_ones_own_wording_counts(database):
    """What the overlay words itself is there, and nobody asks whether the release's text under it was signed."""
    target = {"op": "replace", "target": "module/hello", "locale": "cy"}
    overlay = [
        target | {"field": "title", "text": "H"},
        target | {"field": "summary", "text": "C"},
        target | {"section": "one", "title": "U", "text": "U."},
        target | {"section": "two", "title": "D", "text": "D."},
    ]
    draft = WELSH.replace("signed", "draft").split("## Dau")[0]
    assert gaps(database, draft, overlay=overlay) == []
    assert gaps(database, draft, overlay=overlay[1:]) == [("draft", ())]


@SQLITE
def test_a_locale_of_the_same_language(database):
    """A text in another locale of the language is there."""
    release(database, files())
    locales = {"en-US": ["en-US", "en-GB"], "cy": ["cy", "en-GB"]}
    organisation(database, **CHOSEN, locales=locales, default_locale="en-US", parity=["en-US", "cy"])
    publish(database)


@SQLITE
def test_releases_that_do_not_know(database):
    """Of a release that an earlier compiler made it is known which translations are drafts, and no more."""
    release(database, files(WELSH.replace("translation: {status: signed}\n", "")))
    organisation(database, **CHOSEN)
    edition = publish(database).edition
    earlier = replace(edition, releases={"pair": replace(edition.releases["pair"], compiler=1)})
    assert [gap.reason for gap in parity_report(edition, PAIR)] == ["unsigned"]
    assert parity_report(earlier, PAIR) == []


def test_publishing_in_parity(database):
    """Who declares parity is refused for each gap, with the resource and the locale; who does not is not."""
    part = WELSH.replace("signed", "draft").replace("title: Helo\n", "")
    release(database, files(part))
    found = refused(database, **CHOSEN, parity=PAIR)
    assert codes(found) == [("parity/cy", "parity"), ("parity/cy", "parity")]
    assert [each.message for each in found] == [
        "pair:module/hello falls back in title in cy",
        "pair:module/hello is a translation that nobody has signed yet in cy",
    ]
    organisation(database, **CHOSEN)
    plain = publish(database)
    hidden = [{"op": "hide", "target": "module/hello"}]
    organisation(database, **CHOSEN, parity=PAIR, overlay=hidden)
    assert publish(database).digest != plain.digest


@SQLITE
def test_parity_is_not_in_the_digest(database):
    """Declaring parity changes nothing that is served."""
    release(database, files())
    organisation(database, **CHOSEN)
    plain = publish(database).digest
    organisation(database, **CHOSEN, parity=PAIR)
    assert publish(database).digest == plain


@SQLITE
def test_an_overlay_in_one_language(database):
    """What the overlay words in one language of the pair only is a warning at its place, and keeps nothing back."""
    release(database, files())
    title = {"op": "replace", "target": "module/hello", "field": "title", "text": "H", "locale": "en-GB"}
    overlay = [
        title | {"field": "summary"},
        title,
        title | {"locale": "cy", "target": "pair:module/hello"},
        {"op": "hide", "target": "module/hello", "section": "two"},
    ]
    organisation(database, **CHOSEN, parity=PAIR, overlay=overlay)
    (warning,) = publish(database).warnings
    assert codes((warning,)) == [("overlay/0", "overlay-one-language")]
    assert warning.severity == "warning"
    assert "in en, and not in cy" in warning.message
    organisation(database, **CHOSEN, overlay=overlay)
    assert publish(database).warnings == ()


@SQLITE
def test_own_resources(database):
    """A translation of an own resource says itself that it is signed."""
    release(database, files())
    own = {"kind": "module", "id": "own", "source": {"en-GB": HELLO, "cy": WELSH}}
    organisation(database, **CHOSEN, parity=PAIR, resources=[own])
    publish(database)
    unsigned = own | {"source": {"en-GB": HELLO, "cy": WELSH.replace("translation: {status: signed}\n", "")}}
    (problem,) = refused(database, **CHOSEN, parity=PAIR, resources=[unsigned])
    assert "own:module/own is a translation that does not say that it is signed" in problem.message


# --- what a pack says of its translations ---------------------------------------------------------


def of_hello(made):
    return made.resources["module", "hello"]


def marked(mark, text=WELSH):
    return text.replace("status: signed", f'status: signed, made_from: "{mark}"')


def told(source_files):
    """The compiled module and the warnings of a pack."""
    found = check(Source(source_files), ())
    return of_hello(found.compiled), found.problems


def right_mark():
    """The mark that checking tells an author to write."""
    _, (warning,) = told(files(marked("0" * 12)))
    assert (warning.code, warning.severity) == ("translation-outdated", "warning")
    assert (warning.file, warning.line) == ("locales/cy/modules/hello.md", 4)
    return warning.hint.rpartition('made_from: "')[2].rstrip('"')


def test_a_mark_that_is_right():
    """A translation with the mark that checking names is up to date, and nothing is said."""
    resource, problems = told(files(marked(right_mark())))
    assert (resource.outdated, resource.signed, problems) == (frozenset(), {"cy"}, ())


@pytest.mark.parametrize(
    ("old", "new", "outdated"),
    [
        ("Two.", "Three.", True),
        ("title: Hello", "title: Hullo", True),
        ("## Two", "## Too", True),
        ("topics: [first-response]", "topics: [feedback]", False),
        ("review_by: 2027", "review_by: 2028", False),
    ],
)
def test_the_original_changes(old, new, outdated):
    """A translation is outdated as soon as any text of its original is another; facts are no texts."""
    changed = {"modules/hello.md": HELLO.replace(old, new).encode()}
    resource, problems = told(files(marked(right_mark()), **changed))
    assert bool(resource.outdated) is outdated
    assert [each.code for each in problems] == ["translation-outdated"] * outdated


@pytest.mark.parametrize("mark", ["1.0.0", "ABCDEF012345", "abc", "0" * 13])
def test_no_marks(mark):
    """What checking never names is refused."""
    found = check(Source(files(marked(mark))), ())
    assert [each.code for each in found.problems] == ["invalid-value"]


def test_signatures_are_stored_and_change_no_digest():
    """What a pack says of its translations is kept with the release, and is not what readers get."""
    signed = compiled(files())
    unsigned = compiled(files(WELSH.replace("translation: {status: signed}\n", "")))
    outdated, _ = told(files(marked("0" * 12)))
    assert (of_hello(signed).signed, of_hello(unsigned).signed, outdated.outdated) == ({"cy"}, set(), {"cy"})
    assert of_hello(signed).digest == of_hello(unsigned).digest == outdated.digest
    assert of_hello(stored.load(stored.dump(signed))) == of_hello(signed)
