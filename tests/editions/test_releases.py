import threading
from datetime import timedelta

import pytest
from packmaker import appending, replacing
from publishing import AT, compiled, example, organisation, publish, refused, release_files

from coachkit.db import channels, images
from coachkit.db import releases as rows
from coachkit.db.scopes import ACROSS
from coachkit.editions import releases
from coachkit.errors import Conflict, Gone, NotFound
from coachkit.packs.source import Source

MODULE = "modules/ask-for-feedback.md"
EDITED = {MODULE: appending("\nAnd say thank you.\n")}


def heads(database):
    with database.read(ACROSS) as conn:
        return rows.heads(conn)


def publish_files(conn, files):
    return releases.publish(conn, Source(files), compiled(files), AT)


def test_published(database):
    """A pack's release is stored with its digest, its resources, its images and the bytes that its author wrote."""
    published = example(database)
    assert published.new
    (head,) = heads(database)
    assert head == published.head
    assert (head.pack, head.version, head.title, head.visibility) == ("example", "1.0.0", "Example library", "public")
    assert head.digest.startswith("sha256:")
    assert set(head.versions.values()) == {"1.0.0"}
    assert set(head.versions) == set(head.resources)
    with database.read(ACROSS) as conn:
        (name,) = releases.load(conn, "example", "1.0.0").images
        assert images.get(conn, name).data == release_files()["images/breathe.svg"]
        assert b"Feel it first" in rows.archive(conn, "example", "1.0.0")


def test_loaded_as_compiled(database):
    """What is loaded is what was compiled, but for the bytes of images."""
    example(database)
    made = compiled(release_files())
    with database.read(ACROSS) as conn:
        loaded = releases.load(conn, "example", "1.0.0")
        with pytest.raises(NotFound, match=r"example@2\.0\.0"):
            releases.load(conn, "example", "2.0.0")
    assert (loaded.manifest, loaded.resources) == (made.manifest, made.resources)


def test_same_bytes_change_nothing(database):
    """Publishing the same bytes again stores nothing and gives what is stored, with its first day."""
    first = example(database)
    with database.write(ACROSS) as conn:
        files = release_files()
        again = releases.publish(conn, Source(files), compiled(files), AT + timedelta(days=1))
    assert not again.new
    assert again.head == first.head
    assert heads(database) == (first.head,)


def test_other_bytes_are_refused(database):
    """The same version with other bytes is refused with both digests, and what is stored stays."""
    first = example(database)
    other = example(database, "1.0.1", **EDITED)
    with pytest.raises(Conflict) as caught:
        example(database, **EDITED)
    assert first.head.digest in caught.value.detail
    assert caught.value.detail.count("sha256:") == 2
    assert "new version" in caught.value.detail
    assert heads(database) == (first.head, other.head)


def test_withdrawn_version_is_not_given_again(database):
    """A version that was withdrawn is never another: other bytes are refused, the same ones stay withdrawn."""
    example(database)
    with database.write(ACROSS) as conn:
        releases.withdraw(conn, "example", "1.0.0", AT, "wrong number")
    with pytest.raises(Conflict):
        example(database, **EDITED)
    assert example(database).head.withdrawn_at == AT


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize(("changes", "outcome"), [(EDITED, "refused"), ({}, "as it was")])
def test_published_twice_at_once(database, changes, outcome):
    """Of two that publish one version at once, the second is refused if its bytes differ, and else changes nothing."""
    outcomes = []

    def second():
        try:
            outcomes.append("new" if example(database, **changes).new else "as it was")
        except Conflict:
            outcomes.append("refused")

    thread = threading.Thread(target=second)
    with database.write(ACROSS) as conn:
        first = publish_files(conn, release_files())
        thread.start()
        with database.write(ACROSS) as looking:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not looking.exec_driver_sql(waiting).scalar_one():
                thread.join(0.01)
    thread.join()
    assert outcomes == [outcome]
    assert heads(database) == (first.head,)


def test_lineage(database):
    """A resource keeps the version in which it first was as it is; only what changed gets the new one."""
    example(database)
    head = example(database, "1.1.0", **EDITED).head
    assert {name for name, version in head.versions.items() if version == "1.1.0"} == {"module/ask-for-feedback"}
    with database.read(ACROSS) as conn:
        loaded = releases.load(conn, "example", "1.1.0")
    assert loaded.resources["module", "ask-for-feedback"].version == "1.1.0"
    assert loaded.resources["module", "first-hour"].version == "1.0.0"


def test_lineage_goes_by_version_and_not_by_day(database):
    """A patch of an older line takes up what the nearest lower release says, whatever was published in between."""
    example(database, "1.0.0")
    example(database, "2.0.0", **EDITED)
    head = example(database, "1.0.1").head
    assert set(head.versions.values()) == {"1.0.0"}
    assert example(database, "2.0.1", **EDITED).head.versions["module/ask-for-feedback"] == "2.0.0"


def test_withdraw(database):
    """A withdrawn release keeps its bytes, says why, and names who uses it: editions, and channels that point there."""
    example(database)
    organisation(database)
    digest = publish(database).digest
    with database.write(ACROSS) as conn:
        (use,) = releases.withdraw(conn, "example", "1.0.0", AT, "wrong number")
        assert (use.organisation, use.digest, use.channels) == ("northbridge", digest, ("live",))
    (head,) = heads(database)
    assert (head.withdrawn_at, head.withdrawn_because) == (AT, "wrong number")
    with database.read(ACROSS) as conn:
        assert rows.archive(conn, "example", "1.0.0")
        assert channels.get(conn, 1, "live").digest == digest


def test_withdraw_again(database):
    """Withdrawing again changes nothing, and names those who use it still; what is not there is not found."""
    example(database)
    with database.write(ACROSS) as conn:
        releases.withdraw(conn, "example", "1.0.0", AT, "wrong number")
        assert releases.withdraw(conn, "example", "1.0.0", AT + timedelta(days=1), "another reason") == ()
        with pytest.raises(NotFound, match=r"example@3\.0\.0"):
            releases.withdraw(conn, "example", "3.0.0", AT, "no reason")
    assert heads(database)[0].withdrawn_because == "wrong number"


def test_withdrawn_is_not_for_new_editions(database):
    """No new edition uses a withdrawn release: another in the range is taken, and where there is none it is refused."""
    example(database, "1.0.0")
    example(database, "1.1.0", **EDITED)
    organisation(database)
    with database.write(ACROSS) as conn:
        releases.withdraw(conn, "example", "1.1.0", AT, "wrong number")
    assert publish(database).edition.releases["example"].manifest.version == "1.0.0"
    with database.write(ACROSS) as conn:
        releases.withdraw(conn, "example", "1.0.0", AT, "wrong number")
    (problem,) = refused(database)
    assert problem.code == "withdrawn"
    assert "example@1.0.0 and 1.1.0 are withdrawn" in problem.message


def test_gone_for_the_public(database):
    """A withdrawn release is gone for the public, with a link to the current one; another is there as it was."""
    example(database, "1.0.0")
    example(database, "1.1.0", **EDITED)
    example(database, "2.0.0-rc.1", **EDITED)
    with database.write(ACROSS) as conn:
        releases.withdraw(conn, "example", "1.0.0", AT, "wrong number")
        assert releases.public(conn, "example", "1.1.0").version == "1.1.0"
        with pytest.raises(Gone) as caught:
            releases.public(conn, "example", "1.0.0")
        assert caught.value.headers == {"Link": '</v1/packs/example/releases/1.1.0>; rel="latest-version"'}
        releases.withdraw(conn, "example", "1.1.0", AT, "wrong number")
        with pytest.raises(Gone) as caught:
            releases.public(conn, "example", "1.1.0")
        assert "2.0.0-rc.1" in caught.value.headers["Link"]
        releases.withdraw(conn, "example", "2.0.0-rc.1", AT, "wrong number")
        with pytest.raises(Gone) as caught:
            releases.public(conn, "example", "1.0.0")
        assert caught.value.headers == {}


def test_private_packs_are_not_seen(database):
    """For the public a private pack is not there, withdrawn or not, in the words for one that there is not."""
    example(database, "1.0.0", **{"pack.yaml": replacing("visibility: public", "visibility: private")})
    with database.write(ACROSS) as conn:
        with pytest.raises(NotFound, match=r"There is no release example@1\.0\.0"):
            releases.public(conn, "example", "1.0.0")
        releases.withdraw(conn, "example", "1.0.0", AT, "wrong number")
        with pytest.raises(NotFound, match=r"There is no release example@1\.0\.0"):
            releases.public(conn, "example", "1.0.0")


def test_current(database):
    """The current release is the highest in SemVer order that is not withdrawn, a final one before pre-releases."""
    with database.read(ACROSS) as conn:
        assert releases.current(conn, "example") is None
    for number, version in enumerate(["1.10.0", "1.9.0", "2.0.0-rc.1"]):
        example(database, version, **{MODULE: appending(f"\n{number}\n")})
    with database.read(ACROSS) as conn:
        assert releases.current(conn, "example").version == "1.10.0"


def test_known_by_its_files(database):
    """Files that are a release already are known without being compiled, and others are not."""
    head = example(database).head
    with database.read(ACROSS) as conn:
        assert releases.stored_already(conn, Source(release_files())) == head
        assert releases.stored_already(conn, Source(release_files(**EDITED))) is None
