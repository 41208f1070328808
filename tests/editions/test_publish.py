"""An organisation's choices become an edition: what is resolved, what the digest covers, what is stored."""

import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from appmaker import install_plugin
from packmaker import appending, module, replacing
from publishing import (
    AT,
    DIRECTIVES,
    SLUG,
    TOOLS,
    brand,
    example,
    organisation,
    publish,
    refused,
    release,
    settings,
    small_files,
)

from coachkit.db import channels, editions, migrate
from coachkit.db.database import Database
from coachkit.db.scopes import ACROSS
from coachkit.editions import inputs, releases
from coachkit.editions.publish import Tools, outdated, prepare, store
from coachkit.errors import Conflict
from coachkit.hooks import core, manager
from coachkit.hooks.dispatch import Dispatch
from coachkit.organisations.organisations import find

EDITED = {"modules/ask-for-feedback.md": appending("\nAnd say thank you.\n")}
OVERLAY = [
    {"op": "replace", "target": "module/first-hour", "locale": "cy", "section": "feel", "text": ":::tip\nGair.\n:::"},
    {"op": "hide", "target": "module/first-hour", "section": "step"},
    {
        "op": "insert",
        "target": "module/first-hour",
        "locale": "en-GB",
        "section": "here",
        "after": "feel",
        "title": "Here",
        "text": "Ask {{careers_email}}.",
    },
]
HELLO = module("Hello")


def stored(database, digest):
    with database.read(ACROSS) as conn:
        return editions.get(conn, find(conn, SLUG).id, digest)


def version(prepared, pack="example"):
    return prepared.edition.releases[pack].manifest.version


def digest_with(database, **changes):
    organisation(database, **changes)
    return publish(database, channel=None).digest


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (">=1.0,<2", "1.10.0"),
        ("1.2.0", "1.2.0"),
        ("*", "2.0.0"),
        ("<1.10", "1.2.0"),
        (">=3.0.0-rc.1,<3.0.0", "3.0.0-rc.1"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_range_becomes_a_version(database, wanted, expected):
    """A range becomes the highest version in it, in SemVer order and whatever the order of publishing."""
    for number, each in enumerate(["2.0.0", "1.10.0", "3.0.0-rc.1", "1.2.0"]):
        example(database, each, **{"modules/ask-for-feedback.md": appending(f"\n{number}\n")})
    organisation(database, packs={"example": wanted})
    assert version(publish(database)) == expected


def test_ranges_are_resolved_at_publish_only(database):
    """A release that comes later serves nobody until the organisation publishes again; old editions stay theirs."""
    example(database, "1.0.0")
    organisation(database)
    first = publish(database)
    before = stored(database, first.digest)
    example(database, "1.1.0", **EDITED)
    assert stored(database, first.digest) == before
    assert inputs.parse(before.inputs).settings["packs"] == {"example": "1.0.0"}
    second = publish(database)
    assert (version(first), version(second)) == ("1.0.0", "1.1.0")
    assert stored(database, first.digest) == before


def test_settings_move_nothing(database):
    """New settings change what is served only once they are published."""
    example(database)
    organisation(database)
    first = publish(database)
    organisation(database, brand=brand(voice="Plain"))
    with database.read(ACROSS) as conn:
        assert channels.get(conn, 1, "live").digest == first.digest
    assert publish(database).digest != first.digest


def test_digest_covers_the_inputs(database):
    """An edition is known by the SHA-256 of its inputs, which are RFC 8785 JSON and hold no time and no secret."""
    example(database)
    organisation(database, overlay=OVERLAY)
    prepared = publish(database)
    row = stored(database, prepared.digest)
    assert row.inputs == prepared.inputs
    assert prepared.digest == "sha256:" + hashlib.sha256(row.inputs).hexdigest()
    value = json.loads(row.inputs)
    assert row.inputs == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert value["organisation"] == SLUG
    assert [each["version"] for each in value["releases"]] == ["1.0.0"]


def test_published_again_unchanged(database):
    """Publishing the same choices again, on another day, makes no other edition and changes no stored byte."""
    example(database)
    organisation(database)
    first = publish(database)
    before = stored(database, first.digest)
    with database.write(ACROSS) as conn:
        found = find(conn, SLUG)
        again = prepare(conn, found, TOOLS, AT + timedelta(days=1))
        assert again.digest == first.digest
        assert not store(conn, found, again, AT + timedelta(days=1))
        assert len(editions.listing(conn, found.id)) == 1
    assert stored(database, first.digest) == before


def test_preparing_stores_nothing(database):
    """To prepare is to check: nothing is stored."""
    example(database)
    organisation(database)
    with database.read(ACROSS) as conn:
        prepare(conn, find(conn, SLUG), TOOLS, AT)
        assert editions.listing(conn, find(conn, SLUG).id) == ()


def test_the_same_in_another_order(database, tmp_path):
    """Equal choices give the same digest and manifest bytes in another database, whatever came first."""
    chosen = {"packs": {"example": "*", "hello": "*"}, "overlay": OVERLAY}
    example(database)
    release(database, small_files("hello", hello=HELLO))
    organisation(database, **chosen)
    first = publish(database)

    other = Database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    migrate.upgrade(other)
    release(other, small_files("hello", hello=HELLO), at=AT + timedelta(days=3))
    example(other)
    organisation(other, "harbour")
    turned = {key: chosen[key] for key in reversed(chosen)}
    turned["packs"] = {"hello": ">=1.0", "example": "1.0.0"}
    turned["locales"] = {"cy": ["cy", "en-GB"], "en-GB": ["en-GB"]}
    organisation(other, **turned)
    second = publish(other, at=AT + timedelta(days=3))
    assert second.digest == first.digest
    one, two = stored(database, first.digest), stored(other, first.digest)
    assert (two.inputs, two.manifest) == (one.inputs, one.manifest)
    other.dispose()


ELSEWHERE = """
import hashlib, json, sys
sys.path.insert(0, sys.argv[1])
from publishing import example, organisation, publish
from coachkit.db import migrate
from coachkit.db.database import Database
from coachkit.editions import manifest

database = Database(sys.argv[2])
migrate.upgrade(database)
example(database)
organisation(database, overlay=json.loads(sys.argv[3]))
prepared = publish(database)
print(prepared.digest, hashlib.sha256(manifest.dump(prepared.edition)).hexdigest())
"""


def test_the_same_in_another_process(tmp_path):
    """Equal choices give the same digest and manifest bytes in a process that hashes in its own way."""
    found = []
    for each in ("1", "4711"):
        folder = str(Path(__file__).parents[1])
        url = f"sqlite:///{tmp_path / each}.sqlite"
        command = [sys.executable, "-c", ELSEWHERE, folder, url, json.dumps(OVERLAY)]
        environment = {"PYTHONHASHSEED": each, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=environment)
        found.append(done.stdout)
    assert found[0].startswith("sha256:")
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("said", "left_out"),
    [
        ({"values": {}, "prefer": {}, "overlay": [], "plugins": []}, {}),
        ({"brand": brand(colours={}, fonts={}, support={}, voice=None, logo=None)}, {}),
        (
            {"brand": brand(support={"listening": {"cy": [{"name": "Meic", "phone": None, "hours": None}]}})},
            {"brand": brand(support={"listening": {"cy": [{"name": "Meic"}]}})},
        ),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_left_out_is_what_is_empty(database, said, left_out):
    """Choices that say nothing and choices that are left out are equal, and give one digest."""
    example(database)
    assert digest_with(database, **said) == digest_with(database, **left_out)


@pytest.mark.parametrize(
    "change",
    [
        {"brand": brand(voice="Plain")},
        {"brand": brand(name="Another")},
        {"default_locale": "cy"},
        {"locales": {"en-GB": ["en-GB"], "cy": ["cy", "en-GB"], "en": ["en", "en-GB"]}},
        {"values": {"careers_email": "other@northbridge.example"}},
        {"overlay": OVERLAY},
        {"overlay": OVERLAY[:1]},
        {"packs": {"example": "1.1.0"}},
        {"packs": {"example": "1.0.0", "hello": "*"}},
        {"prefer": {"module/first-hour": "example"}},
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_choice_is_in_the_digest(database, change):
    """Each choice that differs gives another digest."""
    example(database, "1.0.0")
    example(database, "1.1.0", **EDITED)
    release(database, small_files("hello", hello=HELLO))
    base = digest_with(database, packs={"example": "1.0.0"})
    assert digest_with(database, **({"packs": {"example": "1.0.0"}} | change)) != base


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_organisations_and_plugins_are_in_the_digest(database):
    """Whose edition it is, which plugins it enables in which order, and their versions are in the digest."""
    example(database)
    organisation(database)
    organisation(database, "harbour")
    digests = {publish(database).digest, publish(database, "harbour").digest}
    tools = Tools(DIRECTIVES, {"a": "1.0.0", "b": "1.0.0"})
    organisation(database, plugins=["a", "b"])
    digests.add(publish(database, tools=tools).digest)
    digests.add(publish(database, tools=Tools(DIRECTIVES, {"a": "1.0.1", "b": "1.0.0"})).digest)
    organisation(database, plugins=["b", "a"])
    digests.add(publish(database, tools=tools).digest)
    assert len(digests) == 5


BOX = """
from coachkit import hookimpl
from coachkit.hooks.types import Directive

@hookimpl
def coachkit_directives():
    return [Directive("{name}", {{"en": "A box"}})]
"""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_makers_of_the_overlays_boxes_are_in_the_digest(database, tmp_path, monkeypatch):
    """A plugin that made a box of the overlay is in the digest with its version; one that made none is not."""
    example(database)
    organisation(database, overlay=[OVERLAY[0] | {"text": ":::note\nGair.\n:::"}])

    monkeypatch.syspath_prepend(str(tmp_path))

    def digest(note, unused):
        versions = {"acme-note": note, "acme-unused": unused}
        for plugin, version in versions.items():
            install_plugin(tmp_path, plugin, BOX.format(name=plugin.removeprefix("acme-")), version)
        dispatch = Dispatch(manager.build(tuple(versions), [(core.NAME, core)]))
        return publish(database, tools=Tools(dispatch.directives(), versions)).digest

    assert digest("1.0.0", "1.0.0") == digest("1.0.0", "2.0.0")
    assert digest("1.0.0", "1.0.0") != digest("2.0.0", "1.0.0")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_demo_is_not_in_the_digest(database):
    """A demo's edition is marked as one, and has the digest that it would have otherwise."""
    signed = {"pack.yaml": replacing("verified_on: null", "verified_on: 2026-11-01")}
    example(database, **signed)
    organisation(database, demo=True)
    demo = publish(database)
    with database.write(ACROSS) as conn:
        conn.exec_driver_sql("UPDATE organisations SET demo = false")
        plain = prepare(conn, find(conn, SLUG), TOOLS, AT)
    assert stored(database, demo.digest).demo
    assert (plain.demo, plain.digest) == (False, demo.digest)


def test_outdated(database):
    """For each release: what the range gives now, the newest there is beyond it, and whether it is withdrawn."""
    example(database, "1.0.0")
    organisation(database)
    used = inputs.parse(publish(database).inputs).releases

    def told():
        with database.read(ACROSS) as conn:
            ((row),) = outdated(conn, settings(), used)
        return row

    row = {"pack": "example", "version": "1.0.0", "range": ">=1.0,<2"}
    assert told() == row | {"in_range": "1.0.0", "newest": "1.0.0", "withdrawn": False}
    example(database, "1.1.0", **EDITED)
    example(database, "2.0.0", **EDITED)
    assert told() == row | {"in_range": "1.1.0", "newest": "2.0.0", "withdrawn": False}
    with database.write(ACROSS) as conn:
        for each in ("1.0.0", "1.1.0", "2.0.0"):
            releases.withdraw(conn, "example", each, AT, "wrong")
    assert told() == row | {"in_range": None, "newest": None, "withdrawn": True}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_outdated_for_a_pack_no_longer_chosen(database):
    """A release of a pack that the organisation has left since has no range, and is in none but its own version."""
    example(database, "1.0.0")
    organisation(database)
    used = inputs.parse(publish(database).inputs).releases
    with database.read(ACROSS) as conn:
        (row,) = outdated(conn, settings(packs={"hello": "*"}), used)
    assert (row["range"], row["in_range"]) == (None, "1.0.0")


@pytest.mark.parametrize(
    ("packs", "code", "words", "hint"),
    [
        ({"exampel": "*"}, "unknown-pack", "there is no release of exampel", "“example”"),
        ({"quite-other": "*"}, "unknown-pack", "there is no release of quite-other", "coachkit pack publish"),
        ({"example": ">=7"}, "no-version", "no release of example is in >=7", "1.0.0"),
        ({"example": "1.0.0-rc.1"}, "no-version", "", "1.0.0"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_packs_that_cannot_be_resolved(database, packs, code, words, hint):
    """A pack or a version that there is not is named, with the nearest pack or the versions that there are."""
    example(database)
    (problem,) = refused(database, packs=packs)
    assert (problem.file, problem.code) == (f"{SLUG}/packs/{next(iter(packs))}", code)
    assert words in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_requirements(database):
    """A pack's `requires` holds: the other pack is chosen, in the range; if not, both and what is chosen are named."""
    release(database, small_files("alpha", 'requires: {beta: ">=1.2,<2"}\n', hello=HELLO))
    release(database, small_files("beta", bye=module("Bye")))
    (problem,) = refused(database, packs={"alpha": "*"})
    assert (problem.file, problem.code) == (f"{SLUG}/packs/beta", "requirement")
    assert problem.message == "alpha@1.0.0 requires beta >=1.2,<2, and beta is not chosen"
    (problem,) = refused(database, packs={"alpha": "*", "beta": "*"})
    assert problem.message == "alpha@1.0.0 requires beta >=1.2,<2, and beta@1.0.0 is chosen"
    (problem,) = refused(database, packs={"alpha": "*", "beta": ">=1.2,<2"})
    assert problem.code == "no-version"
    files = small_files("beta", bye=module("Bye"))
    release(database, files | {"pack.yaml": files["pack.yaml"].replace(b"version: 1.0.0", b"version: 1.2.0")})
    organisation(database, packs={"alpha": "*", "beta": "*"})
    assert version(publish(database), "beta") == "1.2.0"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_unknown_plugin(database):
    """A plugin that is not installed or not allowed is named, with the nearest that is."""
    example(database)
    (problem,) = refused(database, plugins=["nots"], tools=Tools(DIRECTIVES, {"notes": "1.0.0"}))
    assert (problem.file, problem.code) == (f"{SLUG}/plugins", "unknown-plugin")
    assert "nots" in problem.message
    assert "“notes”" in problem.hint


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_all_failures_at_once_without_a_pack(database):
    """Where a pack is missing, all that can be known without it is said with it."""
    example(database)
    problems = refused(
        database,
        packs={"example": "*", "gone": "*"},
        plugins=["notes"],
        brand=brand(colours={"text": "#eeeeee"}),
    )
    assert [each.code for each in problems] == ["unknown-pack", "unknown-plugin", "contrast"]


def test_changed_while_preparing(database):
    """An edition whose settings changed, or whose release was withdrawn, since it was prepared is not stored."""
    example(database)
    found = organisation(database)
    with database.read(ACROSS) as conn:
        prepared = prepare(conn, found, TOOLS, AT)
    changed = organisation(database, brand=brand(voice="Plain"))
    with database.write(ACROSS) as conn, pytest.raises(Conflict, match="settings have changed"):
        store(conn, changed, prepared, AT)
    with database.read(ACROSS) as conn:
        prepared = prepare(conn, changed, TOOLS, AT)
    with database.write(ACROSS) as conn:
        releases.withdraw(conn, "example", "1.0.0", AT, "wrong")
        with pytest.raises(Conflict, match="withdrawn"):
            store(conn, changed, prepared, AT)
