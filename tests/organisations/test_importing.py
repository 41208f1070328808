"""Importing: all or nothing, under the same slug, and whatever somebody has done to the archive is found first."""

import io
import re
import zlib
from datetime import timedelta

import orjson
import pytest
import sqlalchemy as sa
from archivemaker import archive_of, bring, packed, rich, rows_worked_on, slugs, tar, unpacked, worked_on
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as how
from publishing import AT, SLUG, TOOLS, example, organisation, publish

from coachkit.db import audit as audit_rows
from coachkit.db import channels, organisations, releases
from coachkit.db.scopes import ACROSS
from coachkit.db.tables import hostnames, jobs, metadata, schedules
from coachkit.editions import library
from coachkit.errors import ArchiveInvalid, Conflict, LimitReached
from coachkit.organisations import archives, plain_tar
from coachkit.organisations.audit import broken
from coachkit.organisations.organisations import find


@pytest.fixture(scope="module")
def data(make_database, tmp_path_factory):
    """The archive of an organisation with something in every table."""
    with make_database("sqlite", tmp_path_factory.mktemp("archive")) as database:
        rich(database)
        return archive_of(database)


@pytest.fixture(scope="module")
def target(make_database, tmp_path_factory):
    """A database that refuses everything that these tests offer it; it has the release already."""
    with make_database("sqlite", tmp_path_factory.mktemp("target")) as database:
        example(database)
        yield database


@pytest.fixture
def refused(target):
    """What is wrong with an archive, `(member, code)`; that nothing of it was stored is asserted."""

    def refused(data, **options):
        with pytest.raises(ArchiveInvalid) as caught:
            bring(target, data, **options)
        assert slugs(target) == ()
        return [(each.file, each.code) for each in caught.value.problems]

    return refused


def member(data, pattern):
    return next(name for name in unpacked(data) if re.fullmatch(pattern, name))


def test_goes_on_here(database, data):
    """The audit goes on, channels point, pending schedules are planned, hostnames are claimed anew and unverified."""
    done = bring(database, data)
    with database.read(ACROSS) as conn:
        found = find(conn, SLUG)
        entries, head = list(audit_rows.entries(conn, found.id)), audit_rows.head(conn, found.id)
        assert [(each.name, each.public) for each in channels.of_organisation(conn, found.id)] == [
            ("autumn", False),
            ("live", True),
        ]
        (planned,) = conn.execute(sa.select(jobs)).all()
        (hostname,) = conn.execute(sa.select(hostnames)).all()
    assert list(broken(entries, head)) == []
    assert (entries[-1].action, entries[-1].after["archive"]) == ("organisation.import", done.digest)
    assert (planned.kind, planned.subject, planned.due_at) == ("schedule", f"{SLUG}-pending", AT + timedelta(days=30))
    assert (hostname.token, hostname.verified_at, found.revision) == ("t" * 32, None, 2)
    assert done.rows["editions"] == 2
    organisation(database, SLUG)
    publish(database)


def test_a_schedule_whose_time_has_passed(database, data):
    """What was planned for a time that has passed meanwhile moves nothing: it has failed, and says why."""
    bring(database, data, at=AT + timedelta(days=31))
    with database.read(ACROSS) as conn:
        assert conn.execute(sa.select(jobs)).all() == []
        states = {each.id: (each.state, each.reason) for each in conn.execute(sa.select(schedules))}
    assert states[f"{SLUG}-done"] == ("done", None)
    assert states[f"{SLUG}-pending"] == ("failed", "its time had passed when the organisation was imported")


def test_another_slug_is_refused(target, data):
    """Another slug is refused, with the reason; its own is not."""
    with pytest.raises(Conflict, match="digests"):
        bring(target, data, slug="eastgate")
    assert slugs(target) == ()


def test_a_taken_slug(database, data):
    """Where the organisation is already, nothing is touched."""
    organisation(database, SLUG)
    with pytest.raises(Conflict, match="erase it first"):
        bring(database, data)


def test_more_than_an_organisation_may_have(target, data):
    """Everything of which there would be too much is in one error, with its setting, before anything is stored."""
    fewer = {"max_channels": 1, "max_editions": 1, "max_hostnames": 0, "max_overlay": 0, "max_schedules": 0}
    with pytest.raises(LimitReached) as caught:
        bring(target, data, limits=fewer)
    assert caught.value.detail == (
        "That would be 1 parts in the overlay, where COACHKIT_MAX_OVERLAY allows 0; "
        "2 channels, where COACHKIT_MAX_CHANNELS allows 1; "
        "2 editions, where COACHKIT_MAX_EDITIONS allows 1; "
        "1 hostnames, where COACHKIT_MAX_HOSTNAMES allows 0; "
        "1 schedules, where COACHKIT_MAX_SCHEDULES allows 0."
    )
    assert slugs(target) == ()


def test_resources_of_its_own_are_counted(target, data):
    """An archive with more resources of its own than may be had is refused too."""

    def two(rows):
        rows[0]["settings"]["resources"] = [{}, {}]

    with pytest.raises(LimitReached, match="2 resources of its own, where COACHKIT_MAX_RESOURCES allows 1"):
        bring(target, rows_worked_on(data, "organisation.json", two), limits={"max_resources": 1})
    assert slugs(target) == ()


def test_as_much_as_an_organisation_may_have(database, data):
    """Just as many as may be had are imported, and a schedule whose time has passed waits no more."""
    just = {"max_channels": 2, "max_editions": 2, "max_hostnames": 1, "max_overlay": 1, "max_schedules": 0}
    assert bring(database, data, limits=just, at=AT + timedelta(days=31)).rows["editions"] == 2


def test_a_release_with_other_bytes(database, data):
    """A release that is here with other bytes is named, and nothing is stored."""
    example(database, **{"README.md": "Something else."})
    with pytest.raises(Conflict, match=r"example@1\.0\.0"):
        bring(database, data)
    assert slugs(database) == ()


def test_a_release_that_is_here_stays_as_it_is(database, data):
    """When a release was published here, and that it is withdrawn here, stays; another organisation uses it on."""
    later = AT + timedelta(days=3)
    example(database)
    with database.write(ACROSS) as conn:
        releases.withdraw(conn, "example", "1.0.0", at=later, because="wrong")
    assert bring(database, data).rows["releases"] == 0
    with database.read(ACROSS) as conn:
        assert releases.head(conn, "example", "1.0.0").withdrawn_at == later


def test_all_or_nothing(database, data, monkeypatch):
    """What fails in the middle of storing leaves no row in any table."""
    example(database)

    def rows():
        with database.read(ACROSS) as conn:
            return {
                each.name: conn.scalar(sa.select(sa.func.count()).select_from(each)) for each in metadata.sorted_tables
            }

    before = rows()
    monkeypatch.setattr(audit_rows, "adopt", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bring(database, data)
    assert rows() == before


# --- hostile archives ---------------------------------------------------------------------------


def test_bytes_that_are_no_archive(refused, data):
    """Anything else, and an archive that ends too early or goes on, is refused at once."""
    for wrong in (b"", b"x" * 5_000, b"\x1f\x8b" + bytes(600), bytes(1024), data[:-1], data[:-1024], data + b"\0"):
        assert {code for _, code in refused(wrong)} == {"bad-archive"}
    for cut in range(100, len(data), len(data) // 23):
        assert {code for _, code in refused(data[:cut])} == {"bad-archive"}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (slice(156, 157), b"2"),
        (slice(156, 157), b"1"),
        (slice(156, 157), b"5"),
        (slice(156, 157), b"x"),
        (slice(157, 163), b"../etc"),
        (slice(100, 107), b"0004755"),
        (slice(124, 136), b"\x80" + bytes(10) + b"\x10"),
        (slice(124, 136), b"-0000000001\0"),
        (slice(124, 136), b"77777777777\0"),
        (slice(0, 14), b"../../evil.txt"),
        (slice(345, 350), b"/root"),
        (slice(0, 4), b"\xff\xfe\xfd\xfc"),
    ],
)
def test_headers_that_are_not_plain(refused, data, place, value):
    """Links, folders, devices, extensions, paths and sizes written otherwise: no header but our own is read."""
    import tarfile

    at = next(each for each in plain_tar.members(io.BytesIO(data), 99) if each.name == "organisation.json").offset - 512
    header = bytearray(data[at : at + 512])
    header[place] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert tarfile.TarInfo.frombuf(bytes(header), "utf-8", "replace")
    assert refused(data[:at] + bytes(header) + data[at + 512 :])[0][1] == "bad-archive"


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../b", "answers/1.json", "editions/x/inputs.json", "manifest.json2", "Audit"]
)
def test_members_that_nobody_knows(refused, data, name):
    """A member of another name, a newer version's or a path elsewhere, is refused by name."""
    assert refused(packed({**unpacked(data), name: b""})) == [(name, "unknown-member")]


def test_manifests(refused, data):
    """The manifest comes first, is of this version, and names just the members that follow, each once."""
    members = unpacked(data)
    assert refused(packed(members, version=2)) == [("manifest.json", "unknown-version")]
    for wrong in ({"format": "x"}, {"organisation": 1}, {"members": {}}, {"members": []}, {"members": [{"name": "a"}]}):
        assert refused(packed(members, **wrong)) == [("manifest.json", "bad-archive")]
    assert refused(tar(members))[0] == ("manifest.json", "bad-archive")
    assert refused(tar({"manifest.json": b"[" * 3_000, **members}))[0] == ("manifest.json", "bad-archive")
    assert ("organisation.json", "bad-row") in refused(packed(members, slug="eastgate"))


def test_bytes_that_are_not_the_manifests(refused, data):
    """A byte that was changed anywhere shows, by the member in which it stands."""
    for each in list(plain_tar.members(io.BytesIO(data), 99))[1:]:
        at = each.offset + each.size // 2
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert (each.name, "wrong-digest") in refused(changed)


def test_missing_members(refused, data):
    """Each member that is needed is missed by name."""
    members = unpacked(data)
    for name in members:
        left = {other: found for other, found in members.items() if other != name}
        assert refused(packed(left)) == [(name, "missing-member")]


def test_members_that_are_too_large(refused, data, monkeypatch):
    """A member is refused for its size before it is read, and so is the whole."""
    name = member(data, "editions/.*/inputs.json")
    monkeypatch.setattr(archives, "_BYTES", ((re.compile("editions/.*"), 10), *archives._BYTES))  # noqa: SLF001
    assert (name, "too-large") in refused(data)
    monkeypatch.setattr(archives, "MAX_TOTAL", len(data) - 1)
    assert refused(data) == [(".", "too-large")]


def test_too_many_members(refused, data, monkeypatch):
    """More members than there may be are not even listed."""
    monkeypatch.setattr(archives, "MAX_MEMBERS", 5)
    assert refused(data)[0][1] == "bad-archive"


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("organisation.json", lambda _: [], "bad-row"),
        ("organisation.json", lambda rows: rows * 2, "bad-row"),
        ("organisation.json", lambda rows: rows[0].update(slug="eastgate"), "bad-row"),
        ("organisation.json", lambda rows: rows[0].update(settings={}), "bad-settings"),
        ("organisation.json", lambda rows: rows[0].update(settings=[1]), "bad-settings"),
        ("organisation.json", lambda rows: rows[0].update(more="x"), "bad-row"),
        ("organisation.json", lambda rows: rows[0].update(revision=2**31), "bad-row"),
        ("organisation.json", lambda rows: rows[0].update(revision=True), "bad-row"),
        ("organisation.json", lambda rows: rows[0].update(demo="yes"), "bad-row"),
        ("organisation.json", lambda rows: rows[0].update(created_at="2026-01-01"), "bad-row"),
        ("releases.jsonl", lambda rows: rows * 2, "bad-row"),
        ("releases.jsonl", lambda rows: rows[0].update(version="1"), "bad-row"),
        ("releases.jsonl", lambda rows: rows[0].update(pack="../x"), "bad-row"),
        ("releases.jsonl", lambda rows: rows[0].update(visibility="secret"), "bad-row"),
        ("releases.jsonl", lambda rows: rows[0].update(directives=[1]), "bad-row"),
        ("releases.jsonl", lambda rows: rows[0].update(title="a\0b"), "bad-row"),
        ("releases.jsonl", lambda rows: rows[0].update(title="Another"), "bad-compiled"),
        ("releases.jsonl", lambda rows: rows[0].update(visibility="private"), "bad-compiled"),
        ("releases.jsonl", lambda rows: rows[0]["resources"].popitem(), "bad-compiled"),
        ("releases.jsonl", lambda rows: rows[0]["manifest"].update(licence="none"), "bad-compiled"),
        ("editions.jsonl", lambda rows: rows[0].update(digest="sha256:../.."), "bad-row"),
        ("editions.jsonl", lambda rows: rows[0].update(published=None), "bad-row"),
        ("edition_releases.jsonl", lambda rows: rows[:1], "bad-inputs"),
        ("edition_releases.jsonl", lambda rows: rows[0].update(version="9.9.9"), "bad-inputs"),
        ("edition_releases.jsonl", lambda rows: rows[0].update(digest="sha256:00"), "bad-row"),
        ("channels.jsonl", lambda rows: rows[0].update(digest="sha256:00"), "bad-row"),
        ("channels.jsonl", lambda rows: rows[0].update(name="Live!"), "bad-row"),
        ("channels.jsonl", lambda rows: rows * 2, "bad-row"),
        ("channel_moves.jsonl", lambda rows: rows[0].update(to_digest="sha256:00"), "bad-row"),
        ("channel_moves.jsonl", lambda rows: rows[1].update(from_digest="sha256:00"), "bad-row"),
        ("hostnames.jsonl", lambda rows: rows[0].update(name="a b"), "bad-row"),
        ("hostnames.jsonl", lambda rows: rows[0].update(verified_at=rows[0]["created_at"]), "bad-row"),
        ("schedules.jsonl", lambda rows: rows[0].update(state="soon"), "bad-row"),
        ("schedules.jsonl", lambda rows: rows[0].update(digest="sha256:00"), "bad-row"),
        ("schedules.jsonl", lambda rows: rows[1].update(zone="../../etc/passwd"), "bad-row"),
        ("schedules.jsonl", lambda rows: rows[1].update(zone="Nowhere/City"), "bad-row"),
        ("schedules.jsonl", lambda rows: rows[1].update(zone="a" * 5_000), "bad-row"),
        ("schedules.jsonl", lambda rows: rows[1].update(local_time="soon"), "bad-row"),
        ("audit.jsonl", lambda rows: rows[1:], "audit-broken"),
        ("audit.jsonl", lambda rows: rows[:-1], "audit-broken"),
        ("audit.jsonl", lambda rows: rows[2].update(actor="nobody"), "audit-broken"),
        ("audit.jsonl", lambda rows: rows[0].update(organisation="eastgate"), "audit-broken"),
        ("audit.jsonl", lambda rows: rows[1].update(subject="a\0"), "audit-broken"),
    ],
)
def test_rows_that_were_worked_on(refused, data, name, change, code):
    """A row that contradicts its kind or any other part is found, though every digest of the manifest is right."""
    assert code in {found for _, found in refused(rows_worked_on(data, name, change))}


@pytest.mark.parametrize("name", [*archives.LISTS, "audit.jsonl"])
@pytest.mark.parametrize(
    "lines",
    [b"{\n", b"[1]\n", b"{}", b"[" * 90 + b"]" * 90 + b"\n", b"\xff\n", b'{"a":"\\ud800"}\n', b"[]" * 9 + b"\n"],
)
def test_lines_that_are_no_rows(refused, data, name, lines):
    """Whatever stands on a line, it is a problem and nothing else."""
    assert refused(worked_on(data, name, lambda before: before + lines))


def test_a_source_that_is_another(refused, data):
    """The source archive must be the one whose digest the release has, and a pack."""
    name = member(data, "releases/.*/source.tar")
    assert (name, "wrong-digest") in refused(worked_on(data, name, lambda before: before + b"\0"))


def test_html_that_nobody_compiled(refused, data):
    """A compiled form with a script in it is not what the source gives: refused, trusted or not."""
    name = member(data, "releases/.*/compiled")

    def scripted(before):
        text = zlib.decompress(before)
        assert b"</p>" in text
        return zlib.compress(text.replace(b"</p>", b"<script>alert(1)</script></p>", 1))

    for trusted in (False, True):
        assert (name, "not-as-made") in refused(worked_on(data, name, scripted), trusted=trusted)


@pytest.mark.parametrize("layout", [b"{}", b"[]", b"1", b'{"layout":1}', b'{"layout":1,"resources":[[]]}'])
def test_compiled_forms_that_are_none(refused, data, layout):
    """What cannot be loaded is a problem, and so is what inflates without end."""
    name = member(data, "releases/.*/compiled")
    assert (name, "bad-compiled") in refused(worked_on(data, name, lambda _: zlib.compress(layout)))
    bomb = zlib.compress(bytes(200 * 1024 * 1024), 9)
    assert (name, "bad-compiled") in refused(worked_on(data, name, lambda _: bomb))


def test_a_manifest_that_nobody_settled(refused, data):
    """An edition's manifest with other words, other digests or other resources is not what its inputs settle."""
    settled = {
        name: zlib.decompress(found)
        for name, found in unpacked(data).items()
        if re.fullmatch("editions/.*/manifest", name)
    }
    name, text = next((name, text) for name, text in settled.items() if b"canary sings" in text)
    for old, new in ((b"canary sings", b"magpie shouts"), (b'"digests"', b'"digests "'), (b"module/", b"nodule/")):
        found = refused(worked_on(data, name, lambda _, old=old, new=new: zlib.compress(text.replace(old, new, 1))))
        assert found[0][0] == name
        assert found[0][1] in {"not-as-made", "bad-manifest"}
    assert (name, "bad-manifest") in refused(worked_on(data, name, lambda _: zlib.compress(bytes(2**28), 9)))


def test_inputs_that_are_others(refused, data):
    """An edition's inputs are what its digest says, of this organisation and of the archive's releases."""
    name = member(data, "editions/.*/inputs.json")
    assert (name, "wrong-digest") in refused(worked_on(data, name, lambda before: before.replace(b"canary", b"magpie")))

    def renamed(change):
        """The archive with an edition that is as it says, of changed inputs."""
        import hashlib

        members = unpacked(data)
        old = name.split("/")[1]
        inputs = change(members[name])
        new = hashlib.sha256(inputs).hexdigest()
        members = {**members, name: inputs}
        return packed(
            {key.replace(old, new): found.replace(old.encode(), new.encode()) for key, found in members.items()}
        )

    for change in (
        lambda before: before.replace(b'"organisation":"northbridge"', b'"organisation":"eastgate"'),
        lambda _: b"[]",
        lambda _: b"{}",
        lambda before: orjson.dumps({**orjson.loads(before), "releases": []}),
        lambda before: orjson.dumps({**orjson.loads(before), "locales": {"en-GB": "no"}}),
        lambda before: orjson.dumps({**orjson.loads(before), "overlay": [{"op": "shout"}]}),
    ):
        assert {code for _, code in refused(renamed(change))} & {"bad-inputs", "bad-settings"}


def test_what_cannot_be_made_again(database, data):
    """What another compiler made cannot be compared: refused with the way out, and taken with --trusted."""
    other = rows_worked_on(data, "releases.jsonl", lambda rows: rows[0].update(compiler=rows[0]["compiler"] + 1))
    name = member(data, "releases/.*/compiled")
    text = orjson.loads(zlib.decompress(unpacked(data)[name]))
    other = worked_on(other, name, lambda _: zlib.compress(orjson.dumps({**text, "compiler": text["compiler"] + 1})))
    without = dict.fromkeys(("editions.jsonl", "edition_releases.jsonl", "channels.jsonl", "channel_moves.jsonl"), b"")
    members = {**unpacked(other), **without, "schedules.jsonl": b""}
    other = packed({key: found for key, found in members.items() if not key.startswith("editions/")})
    with pytest.raises(ArchiveInvalid) as caught:
        bring(database, other)
    assert [(each.file, each.code) for each in caught.value.problems] == [(name, "not-comparable")]
    assert "--trusted" in caught.value.problems[0].hint
    assert bring(database, other, trusted=True).rows["releases"] == 1


@how(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strategies.data())
def test_whatever_is_changed_is_refused_or_harmless(refused, target, data, drawn):
    """However the bytes of a derived member are changed, the archive is refused as one, and nothing else happens."""
    names = [name for name in unpacked(data) if re.fullmatch(".*/(compiled|manifest)", name)]
    name = drawn.draw(strategies.sampled_from(names))
    text = zlib.decompress(unpacked(data)[name])
    at = drawn.draw(strategies.integers(0, len(text) - 1))
    new = drawn.draw(strategies.binary(min_size=0, max_size=4))
    changed = text[:at] + new + text[at + drawn.draw(strategies.integers(1, 6)) :]
    if changed != text:
        assert refused(worked_on(data, name, lambda _: zlib.compress(changed)))


def test_an_imported_edition_loads(database, data):
    """Every imported edition is one that a worker can load."""
    bring(database, data)
    shelf = library.Library(database)
    with database.read(ACROSS) as conn:
        found = find(conn, SLUG)
        digests = [each.digest for each in conn.execute(sa.select(metadata.tables["editions"]))]
        assert organisations.slugs(conn) == (SLUG,)
    assert {len(shelf.edition(found.id, SLUG, each).locales) for each in digests} == {2}
    assert TOOLS.directives
