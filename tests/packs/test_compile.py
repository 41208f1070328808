from __future__ import annotations

from dataclasses import replace

import pytest
from compiling import DIRECTIVES, PICTURE, PLACEHOLDERS, compiled, manifest, pack, resource, shown
from hypothesis import given
from hypothesis import strategies as st

from coachkit.packs.compile import COMPILER, compile_pack, picture_name
from coachkit.packs.directives import Directive
from coachkit.packs.findings import Findings
from coachkit.packs.model import Contact, Image, Line, Place, Placeholder, Reference, SupportSlot


def problems(*resources, change=lambda plain: plain):
    findings = Findings()
    compile_pack(pack(*resources, change=change), DIRECTIVES, findings)
    return findings.problems


def errors(*resources, change=lambda plain: plain):
    return [(p.code, p.line, p.column) for p in problems(*resources, change=change) if p.severity == "error"]


def test_release():
    """A compiled pack has its manifest, its resources by kind and id, its images by name, and what made it."""
    release = compiled(resource(text=":::tip\na\n:::"), resource("checklist", "list", ""))
    assert release.manifest == manifest()
    assert set(release.resources) == {("module", "first-hour"), ("checklist", "list")}
    assert {image.path for image in release.images.values()} == {"images/calm.png"}
    assert (release.compiler, release.directives) == (COMPILER, ("coachkit-core@1.0.0",))


def test_makers():
    """Only makers of directives that were used are named, sorted; the first of two of one name makes it."""
    used = [
        ("b@1", Directive("x", {})),
        ("a@2", Directive("y", {})),
        ("c@1", Directive("x", {})),
        ("d@1", Directive("z", {})),
    ]
    release = compile_pack(pack(resource(text="::::x\n:::y\na\n:::\n::::")), used, Findings())
    assert release.directives == ("a@2", "b@1")


def test_versions_are_the_manifests():
    """Every resource carries the version of its own manifest."""
    assert {one.version for one in compiled().resources.values()} == {"1.1.0"}


def test_texts_in_every_locale():
    """Lines and sections are compiled locale by locale, in the order written."""
    module = resource(text={"feel": "A.", "step": "B."}, cy="C.").sections
    one = compiled(resource(text={"feel": "A.", "step": "B."}, cy="C.")).resources["module", "first-hour"]
    assert list(one.sections) == list(module)
    assert [(s.id, s.title, shown(s.html)) for s in one.sections["en-GB"]] == [
        ("feel", "Feel", "<p>A.</p>\n"),
        ("step", "Step", "<p>B.</p>\n"),
    ]
    assert [shown(s.html) for s in one.sections["cy"]] == ["<p>C.</p>\n"]
    assert shown(one.lines["en-GB"]["title"]) == "A title"


def test_fills_by_locale():
    """A resource tells the pack's placeholders that its texts use, by locale, without a template's personal ones."""
    lines = {"subject": Line("On {{when}} {{day}}", Place("t.md", 3, 10), fills=True)}
    facts = {"placeholders": {"when": {"type": "date"}}}
    template = resource("template", "thanks", "Dear {{name}}", lines=lines, facts=facts, cy="Annwyl {{tel}}")
    one = compiled(template).resources["template", "thanks"]
    assert one.fills == {"en-GB": frozenset({"name", "day"}), "cy": frozenset({"tel"})}


def test_references():
    """A resource tells everything it points at, in facts and in links, with the pack, sorted, once each."""
    text = "[a](list) [b](checklist/list) [c](other:list) [d](#feel) [e](list)"
    one = compiled(resource(text=text, references=("list",)), resource(id_="list"), resource("checklist", "list", ""))
    assert list(map(str, one.resources["module", "first-hour"].references)) == [
        "example:checklist/list", "example:module/first-hour#feel", "example:module/list", "other:module/list",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("second", None),
        ("second#feel", None),
        ("example:second", None),
        ("other:anything#at-all", None),
        ("secnd", "missing-target"),
        ("checklist/second", "missing-target"),
        ("second#fel", "missing-target"),
        ("checklist/list#feel", "missing-target"),
        ("othr:second", "undeclared-pack"),
    ],
)
def test_target(reference, code):
    """A link and a reference in facts need a target in the pack, or a pack that is required; each has its place."""
    around = (resource(id_="second"), resource("checklist", "list", ""))
    expected = [] if code is None else [code]
    assert errors(resource(text=f"a\n[x]({reference})"), *around) == [(one, 11, 5) for one in expected]
    assert errors(resource(references=(reference,)), *around) == [(one, 5, 10) for one in expected]


@pytest.mark.parametrize(
    ("reference", "hint"),
    [("secnd", "“second”"), ("checklist/second", "module/second"), ("second#fel", "“feel”"), ("othr:a", "“other”"),
     ("checklist/list#feel", "only modules")],
)  # fmt: skip
def test_target_hint(reference, hint):
    """A missing target names the nearest one, and the kind under which the id is found."""
    [problem] = [
        p
        for p in problems(resource(references=(reference,)), resource(id_="second"), resource("checklist", "list", ""))
        if p.severity == "error"
    ]
    assert hint in problem.hint


def test_own_section():
    """`#section` means a section of the default locale of the same module."""
    assert errors(resource(text="[x](#feel)", cy="[x](#feel)")) == []
    assert errors(resource(text="[x](#fell)")) == [("missing-target", 10, 5)]


def test_personal_placeholder_is_used():
    """A personal placeholder that the default locale's subject and text leave out is an error at its label."""
    facts = {"placeholders": {"when": {"type": "date"}, "who": {"type": "text"}}}
    lines = {"placeholders/when/label": Line("When", Place("t.md", 7, 20))}
    template = resource("template", "thanks", "{{who}}", lines=lines, facts=facts, cy="{{when}}")
    assert errors(template) == [("unused-placeholder", 7, 20)]


def test_personal_placeholder_is_personal():
    """A template's own placeholders may not be used by another resource."""
    facts = {"placeholders": {"when": {"type": "date"}}}
    template = resource("template", "thanks", "{{when}}", facts=facts)
    assert errors(template, resource(text="{{when}}")) == [("unknown-placeholder", 10, 1)]


def test_unused_placeholder_of_the_pack():
    """A placeholder of pack.yaml that no text uses is a warning."""
    [problem] = problems(resource(text="{{name}} {{day}} {{tel}} {{site}}"))
    assert (problem.file, problem.code, problem.severity) == ("pack.yaml", "unused-placeholder", "warning")
    assert "“mail”" in problem.message


def test_picture_name():
    """An image is named by the SHA-256 of its bytes and what its bytes are."""
    name = picture_name(Image("images/x.jpeg", "image/jpeg", b""))
    assert name == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.jpg"


# --- digests ------------------------------------------------------------------------------------

SLOT = SupportSlot("listening", "Somebody", {"en-GB": (Contact("Samaritans", "116 123"),)})


def digest(one=None, change=lambda plain: plain):
    release = compiled(one or resource(), change=change)
    [only] = release.resources.values()
    return only.digest


def with_slot(phone):
    slot = replace(SLOT, contacts={"en-GB": (Contact("Samaritans", phone),)})
    return lambda plain: replace(plain, support={"listening": slot})


def test_digest_is_stable():
    """The digest of a resource is the same on every machine for as long as COMPILER is."""
    assert digest(resource(text="A *b* {{name}} [c](#feel) ![d](images/calm.png)")) == digest(
        resource(text="A *b* {{name}} [c](#feel) ![d](images/calm.png)")
    )
    assert digest().startswith("sha256:")
    assert len(digest()) == len("sha256:") + 64


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: replace(plain, version="9.9.9"),
        lambda plain: replace(plain, title="Other", description="Other", licence="MIT"),
        with_slot("999"),
        lambda plain: replace(
            plain, placeholders={**PLACEHOLDERS, "name": replace(PLACEHOLDERS["name"], label={"en-GB": "Another"})}
        ),
    ],
)
def test_digest_leaves_out(change):
    """What a resource does not serve, the pack's version above all, does not change its digest."""
    assert digest(change=change) == digest()


@pytest.mark.parametrize(
    "changed",
    [
        resource(text="Hello {{name}}"),
        resource(text="Hello {{day}}"),
        resource(lines={"title": "Another"}),
        resource(facts={"topics": ["one"]}),
        resource(cy="Helo"),
        replace(resource(), drafts=frozenset({"cy"})),
        resource(id_="second"),
        resource("template"),
    ],
)
def test_digest_covers(changed):
    """Everything that a resource serves changes its digest."""
    assert digest(changed) != digest()


def test_digest_covers_contacts():
    """A changed telephone number of a slot that a module shows changes that module's digest."""
    module = resource(facts={"support": ["listening"]})
    assert digest(module, with_slot("116 123")) != digest(module, with_slot("116 124"))


def test_digest_covers_types():
    """A placeholder that the text uses and that takes another type changes the digest."""
    mail = Placeholder("day", "text", {})
    change = lambda plain: replace(plain, placeholders={**PLACEHOLDERS, "day": mail})  # noqa: E731
    assert digest(change=change) != digest()


# --- whatever the reader hands on ----------------------------------------------------------------


def test_facts_that_are_no_json():
    """Facts that cannot be written down are an error at the resource, not an exception."""
    assert errors(resource(facts={"n": 10**30})) == [("invalid-value", None, None)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, JSON, st.text(max_size=20))
def test_broken_facts_never_raise(placeholders, support, text):
    """Facts that the reader has found wrong do not keep the compiler from looking for more."""
    facts = {"placeholders": placeholders, "support": support}
    compile_pack(pack(resource("template", "x", text, facts=facts)), DIRECTIVES, Findings())


def test_picture_in_release():
    """The name of a picture in a text is the name under which the release has it."""
    release = compiled(resource(text="![a](images/calm.png)"))
    html = release.resources["module", "first-hour"].sections["en-GB"][0].html
    assert [part.name for part in html if hasattr(part, "name")] == list(release.images)
    assert PICTURE not in release.images


def test_target_is_resolved():
    """A link in a text has its target's pack filled in."""
    release = compiled(resource(text="[a](#feel)"))
    html = release.resources["module", "first-hour"].sections["en-GB"][0].html
    targets = [part.target for part in html if hasattr(part, "target")]
    assert targets == [Reference("example", "module", "first-hour", "feel")]
