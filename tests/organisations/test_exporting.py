"""An organisation's archive: deterministic, whole, an ordinary tar, and without a secret."""

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from archivemaker import OVERLAY, archive_of, bring, put, rich, slugs, stored_rows, unpacked
from publishing import SLUG, organisation, publish

from coachkit.db import archives as rows
from coachkit.db.scopes import ACROSS
from coachkit.db.tables import metadata
from coachkit.errors import ArchiveInvalid
from coachkit.organisations import archives
from coachkit.organisations.exporting import export
from coachkit.organisations.organisations import enter


@pytest.fixture
def northbridge(database):
    """The number of an organisation with something in every table."""
    return rich(database)


def test_an_ordinary_tar(database, northbridge):
    """Any tar reads it: regular files without owner and time, the manifest first, each as the manifest says."""
    import hashlib

    with tarfile.open(fileobj=io.BytesIO(archive_of(database))) as tar:
        members = {each.name: tar.extractfile(each).read() for each in tar.getmembers()}
        assert all(each.isreg() and (each.mode, each.uid, each.mtime) == (0o644, 0, 0) for each in tar.getmembers())
    manifest = orjson.loads(members.pop("manifest.json"))
    said = [(each["name"], each["bytes"], each["sha256"]) for each in manifest["members"]]
    assert said == [(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in members.items()]
    assert (manifest["format"], manifest["version"], manifest["organisation"]) == ("coachkit-organisation", 1, SLUG)


def test_what_is_in_it(database, northbridge):
    """The organisation, its releases, editions, channels with all moves, hostnames, schedules and audit are in it."""
    members = unpacked(archive_of(database))
    names = [name.split("/")[0] for name in members]
    assert names[:9] == [*archives.LISTS, "audit.jsonl"]
    assert (names.count("releases"), names.count("editions")) == (2, 4)
    (organisation_row,) = map(orjson.loads, members["organisation.json"].splitlines())
    over = {"pack": "example", "version": "1.0.0"}
    assert organisation_row["settings"]["overlay"] == [{**OVERLAY, "over": over}]
    counts = {name: data.count(b"\n") for name, data in members.items() if name.endswith(".jsonl")}
    assert counts == {
        "releases.jsonl": 1,
        "editions.jsonl": 2,
        "edition_releases.jsonl": 2,
        "channels.jsonl": 2,
        "channel_moves.jsonl": 4,
        "hostnames.jsonl": 1,
        "schedules.jsonl": 2,
        "audit.jsonl": 9,
    }


def test_no_secret(database, northbridge):
    """Keys, their hashes and peppers, hostnames' tokens and kept answers are not in it."""
    data = archive_of(database)
    assert b"canary" in data
    for secret in (b"keycanary", b"hostcanary", b"key_north", b"pepper", b"idempotency"):
        assert secret not in data


def test_equal_organisations_are_equal_bytes(database, northbridge):
    """The same organisation gives the same bytes whenever it is exported; a change gives others."""
    first = archive_of(database)
    organisation(database, "harbour")
    publish(database, "harbour")
    assert archive_of(database) == first
    put(database, SLUG, "live")
    assert archive_of(database) != first


def test_one_moment(database, northbridge):
    """While it is being written everybody publishes on; what is written is one moment, and imports as one."""
    with database.read(ACROSS) as conn:
        found = enter(conn, SLUG)
        before = io.BytesIO()
        export(conn, found, before)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(put, database, SLUG, "another").result()
        after = io.BytesIO()
        export(conn, found, after)
    assert after.getvalue() == before.getvalue()


def test_no_archive_that_could_not_be_read(database, northbridge, monkeypatch):
    """What no import would take is not written; what is too large is named."""
    monkeypatch.setattr(archives, "LIST_BYTES", 100)
    with pytest.raises(ArchiveInvalid, match=r"audit\.jsonl"):
        archive_of(database)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(ArchiveInvalid, match="members"):
        archive_of(database)


def test_every_table_is_decided_on():
    """Each table is exported or has its reason not to be, and each of its columns likewise: a new one is decided on."""
    exported = {part.table.name for part in rows.PARTS}
    assert exported | rows.LEFT == set(metadata.tables)
    assert not exported & rows.LEFT
    secret = {"hash", "pepper", "token", "claim"}
    assert not [each for part in rows.PARTS for each in part.columns if each.name in secret]


def test_the_page_describes_every_member_and_row():
    """docs/archives.md names each member and each key of its rows."""
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "archives.md").read_text(encoding="utf-8")
    for name, part in archives.LISTS.items():
        line = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert [f"`{each.name}`" for each in part.columns if f"`{each.name}`" not in line] == []
    for name in ("manifest.json", "audit.jsonl", "source.tar", "compiled", "inputs.json", "editions/…/manifest"):
        assert name in page


def test_there_and_back(database, northbridge, make_database, tmp_path):
    """In another database of either kind every row is as it was, and from there the archive is the same again."""
    for kind in ("sqlite", "postgres"):
        (tmp_path / kind).mkdir()
        with make_database(kind, tmp_path / kind) as other:
            data = archive_of(database)
            imported = bring(other, data)
            assert imported.organisation.slug == SLUG
            assert slugs(other) == (SLUG,)
            here, there = stored_rows(database), stored_rows(other)
            assert there["audit"].pop()["action"] == "organisation.import"
            for name in ("keys", "idempotency"):
                assert (len(here.pop(name)), there.pop(name)) == (1, [])
            for table in ("organisations", "counters"):
                del here[table], there[table]
            assert there == here
            back = {name: data for name, data in unpacked(archive_of(other)).items() if name != "audit.jsonl"}
            assert back == {name: data for name, data in unpacked(data).items() if name != "audit.jsonl"}
