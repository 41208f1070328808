from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from coachkit.db import keys
from coachkit.db.changes import counted
from coachkit.db.keys import Changed, KeyRow
from coachkit.db.scopes import ACROSS, NOTHING, only
from coachkit.db.tables import erasures
from coachkit.errors import Conflict


@pytest.fixture
def make(served, at):
    """Makes a key's row, northbridge's unless another organisation's slug, or None, is given."""

    def make(key_id="key_1", slug="northbridge", **given):
        whole = {
            "id": key_id,
            "organisation_id": served.get(slug),
            "organisation": slug,
            "kind": "sec",
            "name": "Portal",
            "hash": f"hash of {key_id}",
            "pepper": "p1",
            "scopes": ["content:read"],
            "origins": [],
            "created_at": at,
            "expires_at": None,
            "revoked_at": None,
            "last_used_on": None,
        }
        return KeyRow(**whole | given)

    return make


def stored(database, *rows):
    with database.write(ACROSS) as conn:
        for row in rows:
            keys.insert(conn, row)
    return rows


def test_insert_and_find(database, served, make, at):
    """A key is found by any of several hashes that is its own, and by its id, with its organisation's slug."""
    (row,) = stored(database, make(expires_at=at + timedelta(days=1), origins=["https://careers.example"]))
    with database.read(ACROSS) as conn:
        assert keys.by_hashes(conn, ["another", row.hash]) == row
        assert keys.by_hashes(conn, ["another"]) is None
        assert keys.get(conn, served["northbridge"], "key_1") == row
        assert keys.get(conn, served["northbridge"], "key_2") is None


def test_operators(database, served, make):
    """A key of nobody's is found without an organisation, and at none."""
    (row,) = stored(database, make(slug=None))
    with database.read(ACROSS) as conn:
        assert keys.by_hashes(conn, [row.hash]) == keys.get(conn, None, "key_1") == row
        assert keys.of_organisation(conn, None) == (row,)
        assert keys.get(conn, served["northbridge"], "key_1") is None


def test_operators_keys_are_secret(database, make):
    """The database itself refuses a publishable key of nobody's, and one of a kind that there is not."""
    for wrong in (make(slug=None, kind="pub"), make(kind="pin")):
        with pytest.raises(sa.exc.IntegrityError), database.write(ACROSS) as conn:
            keys.insert(conn, wrong)


@pytest.mark.parametrize("twice", ["id", "hash"])
def test_made_once(database, make, twice):
    """No two keys have one id or one hash; the transaction can go on."""
    (first,) = stored(database, make())
    second = make("key_1" if twice == "id" else "key_2", hash="other" if twice == "id" else first.hash)
    with database.write(ACROSS) as conn:
        with pytest.raises(Conflict, match="same random bytes"):
            keys.insert(conn, second)
        assert keys.of_organisation(conn, first.organisation_id) == (first,)


def test_pages(database, served, make):
    """An organisation's keys come in pages, each once, and nobody else's among them."""
    mine = stored(database, *(make(f"key_{n}") for n in (3, 1, 2)))
    stored(database, make("key_4", "harbour"), make("key_5", None))
    with database.read(ACROSS) as conn:
        first = keys.of_organisation(conn, served["northbridge"], limit=2)
        rest = keys.of_organisation(conn, served["northbridge"], after=first[-1].id, limit=2)
    assert (len(first), len(rest)) == (2, 1)
    assert sorted([*first, *rest], key=lambda row: row.id) == sorted(mine, key=lambda row: row.id)


def test_holding(database, served, make, at):
    """Keys hold until they are revoked or the moment comes at which they expire, and are counted by pepper too."""
    stored(
        database,
        make("key_1"),
        make("key_2", expires_at=at + timedelta(seconds=1), pepper="p2"),
        make("key_3", expires_at=at),
        make("key_4", revoked_at=at),
        make("key_5", "harbour"),
        make("key_6", None),
    )
    with database.read(ACROSS) as conn:
        assert keys.holding(conn, served["northbridge"], at) == 2
        assert keys.holding_by_pepper(conn, at) == {"p1": 3, "p2": 1}
        assert keys.holding_by_pepper(conn, at + timedelta(days=1)) == {"p1": 3}


def test_revoke(database, served, make, at):
    """A revoked key says since when, stands where it stood, and is among what changed since."""
    stored(database, make("key_1"), make("key_2"))
    with database.write(ACROSS) as conn:
        before = counted(conn)
        assert keys.revoke(conn, "key_1", at)
    with database.read(ACROSS) as conn:
        assert [row.revoked_at for row in keys.of_organisation(conn, served["northbridge"])] == [at, None]
        assert keys.changed_since(conn, before) == Changed(frozenset({"key_1"}), frozenset())
        assert keys.changed_since(conn, counted(conn)) == Changed(frozenset(), frozenset())


def test_revoked_once(database, served, make, at):
    """Of several who revoke a key one does it, and the moment of that one stays."""
    stored(database, make())

    def revoke(n):
        with database.write(ACROSS) as conn:
            return keys.revoke(conn, "key_1", at + timedelta(hours=n))

    with ThreadPoolExecutor(4) as pool:
        did = list(pool.map(revoke, range(8)))
    assert sum(did) == 1
    with database.read(ACROSS) as conn:
        assert keys.get(conn, served["northbridge"], "key_1").revoked_at == at + timedelta(hours=did.index(True))


def test_erased_organisations_are_changes(database, served, at):
    """With an organisation that was erased all its keys have changed, though no row is left to say so."""
    with database.write(ACROSS) as conn:
        conn.execute(sa.insert(erasures).values(organisation_id=served["harbour"], erased_at=at, change=7))
        assert keys.changed_since(conn, 6) == Changed(frozenset(), frozenset({served["harbour"]}))
        assert keys.changed_since(conn, 7).organisations == frozenset()


def test_days_of_use(database, served, make):
    """The last day of use goes forward only, of the keys that were used and of no other."""
    stored(database, make("key_1"), make("key_2", last_used_on=date(2026, 11, 24)), make("key_3"))
    with database.write(ACROSS) as conn:
        keys.note_use(conn, ["key_1", "key_2", "gone"], date(2026, 11, 23))
        assert keys.get(conn, served["northbridge"], "key_1").last_used_on == date(2026, 11, 23)
        assert keys.get(conn, served["northbridge"], "key_2").last_used_on == date(2026, 11, 24)
        assert keys.get(conn, served["northbridge"], "key_3").last_used_on is None


def test_days_of_use_noted_at_once(database, served, make):
    """Several who note the same uses in different orders all get there."""
    ids = [f"key_{n}" for n in range(20)]
    stored(database, *map(make, ids))

    def note(n):
        with database.write(ACROSS) as conn:
            keys.note_use(conn, ids if n % 2 else ids[::-1], date(2026, 11, 1 + n))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(note, range(12)))
    with database.read(ACROSS) as conn:
        days = {row.last_used_on for row in keys.of_organisation(conn, served["northbridge"])}
    assert days == {date(2026, 11, 12)}


def test_rehash(database, make):
    """A key is found by its new hash and no longer by the old one; one that has another by now keeps that."""
    stored(database, make("key_1", hash="old"), make("key_2", hash="kept"))
    with database.write(ACROSS) as conn:
        keys.rehash(conn, "key_1", old="old", new="new", pepper="p2")
        keys.rehash(conn, "key_2", old="old", new="newer", pepper="p2")
        assert keys.by_hashes(conn, ["old", "newer"]) is None
        assert keys.by_hashes(conn, ["new"]).pepper == "p2"
        assert keys.by_hashes(conn, ["kept"]).pepper == "p1"


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_wall(database, served, make, at):
    """PostgreSQL shows an organisation's work its own keys only, and no operator's."""
    stored(database, make("key_1"), make("key_2", "harbour"), make("key_3", None))
    hashes = [f"hash of key_{n}" for n in (2, 3)]
    for scope in (NOTHING, only(served["northbridge"])):
        with database.write(scope) as conn:
            assert keys.by_hashes(conn, hashes) is None
            assert not keys.revoke(conn, "key_2", at)
    with database.read(ACROSS) as conn:
        assert keys.get(conn, served["harbour"], "key_2").revoked_at is None


def test_hash_is_not_shown(make):
    """What is printed of a row does not have the hash."""
    assert "hash of" not in repr(make())
