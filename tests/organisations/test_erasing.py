"""Erasing: every row of the organisation in every table, and nobody else's."""

import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from archivemaker import archive_of, bring, put, rich, slugs, stored_rows
from packmaker import replacing
from publishing import AT, SLUG, brand, example, organisation, release, release_files, settings

from coachkit.db import erasures, releases
from coachkit.db.changes import counted
from coachkit.db.scopes import ACROSS, only
from coachkit.db.tables import OF_ORGANISATIONS, images, metadata
from coachkit.errors import NotFound
from coachkit.organisations.audit import COMMAND, record
from coachkit.organisations.erasing import erase
from coachkit.organisations.organisations import change, create


@pytest.fixture
def gone(database):
    """Erases an organisation."""

    def gone(slug=SLUG):
        with database.write(ACROSS) as conn:
            return erase(conn, slug, AT)

    return gone


def everything(database):
    """All that is in the database, unpacked, as one text."""
    found = []
    with database.read(ACROSS) as conn:
        for table in metadata.sorted_tables:
            for row in conn.execute(sa.select(table)):
                found += [_unpacked(value) for value in row]
    return "\n".join(found)


def _unpacked(value):
    if not isinstance(value, bytes):
        return str(value)
    try:
        return zlib.decompress(value).decode("utf-8", "replace")
    except zlib.error:
        return value.decode("utf-8", "replace")


def test_nothing_is_left(database, gone):
    """Of what was written for the organisation no word is left in any table, and nothing of another's is touched."""
    rich(database)
    rich(database, "harbour")
    before = stored_rows(database, "harbour")
    assert everything(database).count("canary") > 20
    done = gone()
    left = everything(database)
    assert "The northbridge canary" not in left
    now = stored_rows(database, "harbour")
    assert {**now, "counters": [], "erasures": []} == {**before, "counters": [], "erasures": []}
    assert slugs(database) == ("harbour",)
    assert done.surrogate_keys == ("org/northbridge",)
    gone("harbour")
    assert "canary" not in everything(database)


def test_every_table_is_covered(database, gone):
    """A row of the organisation is in every table that has organisations, and each is counted and gone."""
    number = rich(database)

    def found():
        with database.read(ACROSS) as conn:
            return {
                name: conn.scalar(sa.select(sa.func.count()).where(metadata.tables[name].c[column] == number))
                for name, column in OF_ORGANISATIONS.items()
            }

    before = found()
    assert all(before.values()), "archivemaker.rich has no row for a table of organisations"
    assert dict(gone().rows) == before
    assert set(found().values()) == {0}


def test_every_column_that_names_one_is_known():
    """A table whose columns point at an organisation is one of those whose rows are erased."""
    pointing = {
        table.name
        for table in metadata.sorted_tables
        if any("organisation" in column.name for column in table.c)
        or any(key.column.table.name in OF_ORGANISATIONS for key in table.foreign_keys)
    }
    assert pointing - {"erasures"} | {"organisations"} == set(OF_ORGANISATIONS)


def test_the_slug_can_be_used_again_and_the_number_not(database, gone):
    """The slug can be given again; a number that was erased is never given again, whoever had the last one."""
    numbers = []
    for _ in range(3):
        with database.write(ACROSS) as conn:
            numbers.append(create(conn, SLUG, settings(), AT).id)
        assert gone().number == numbers[-1]
    assert len(set(numbers)) == 3
    with database.write(ACROSS) as conn:
        assert create(conn, "harbour", settings(), AT).id not in numbers


def test_workers_can_learn_of_it(database, gone):
    """It raises the counter of changes, and is among what changed since."""
    number = rich(database)
    with database.read(ACROSS) as conn:
        before = counted(conn)
    gone()
    with database.read(ACROSS) as conn:
        assert counted(conn) == before + 1
        assert (erasures.since(conn, before), erasures.since(conn, before + 1)) == ({number}, set())


def test_all_or_nothing(database):
    """What fails before the end has erased nothing."""
    rich(database)
    before = stored_rows(database)

    def fail():
        with database.write(ACROSS) as conn:
            erase(conn, SLUG, AT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert stored_rows(database) == before


def test_nobody(database, gone):
    """Who is not there cannot be erased, nor twice."""
    with pytest.raises(NotFound):
        gone()
    rich(database)
    gone()
    with pytest.raises(NotFound):
        gone()


def test_while_others_write(database):
    """Writers at the same moment either come before it, and are erased too, or find no organisation."""
    number = rich(database)

    def write(n):
        with database.write(ACROSS) as conn:
            change(conn, SLUG, settings(brand=brand(voice=str(n))), AT)
        with database.write(only(number)) as conn:
            record(conn, number, COMMAND, "a.b", str(n), at=AT)

    def take_away():
        with database.write(ACROSS) as conn:
            erase(conn, SLUG, AT)

    with ThreadPoolExecutor(5) as pool:
        writing = [pool.submit(write, n) for n in range(12)]
        erasing = pool.submit(take_away)
        failed = [each.exception() for each in writing]
        erasing.result()
    assert {type(each) for each in failed} <= {type(None), NotFound}
    assert "canary" not in everything(database)


def private(pack):
    """The files of a private pack."""
    return release_files(pack, **{"pack.yaml": replacing("visibility: public", "visibility: private")})


def test_private_releases_of_its_own(database, gone):
    """A private release that only it used goes, with images that no other release has; public and shared ones stay."""
    for pack in ("secret", "shared"):
        release(database, private(pack))
    organisation(database, packs={"secret": "*"})
    put(database, SLUG, "live")
    organisation(database, packs={"shared": "*"})
    put(database, SLUG, "live")
    organisation(database, "harbour", packs={"shared": "*"})
    done = gone()
    assert done.releases == ("secret@1.0.0",)
    assert done.surrogate_keys == ("org/northbridge", "release/secret@1.0.0")
    with database.read(ACROSS) as conn:
        assert releases.packs(conn) == ("shared",)
        assert conn.scalar(sa.select(sa.func.count()).select_from(images)) == 1
    assert done.images == 0, "the other pack shows the same image"
    assert gone("harbour").releases == (), "harbour has published nothing of it"


def test_images_of_its_own(database, gone):
    """An image that only a release that goes had, goes with it."""
    release(database, private("secret"))
    organisation(database, packs={"secret": "*"})
    put(database, SLUG, "live")
    assert gone().images == 1
    with database.read(ACROSS) as conn:
        assert conn.execute(sa.select(images)).all() == []


def test_comes_back_from_its_archive(database, gone):
    """What was exported before can be imported again: the same editions, under another number."""
    number = rich(database)
    data = archive_of(database)
    gone()
    again = bring(database, data)
    assert again.organisation.id != number
    assert again.rows["editions"] == 2
    example(database)
