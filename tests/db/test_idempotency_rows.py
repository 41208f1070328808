from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from interleaving import begun

from coachkit.db import erasures, idempotency, organisations, tables
from coachkit.db.idempotency import NOBODY, Name, Stored
from coachkit.db.scopes import ACROSS, only
from coachkit.errors import NotFound

NAME = Name(1, "key a", "hash")
LEASE = timedelta(seconds=30)
ANSWER = {"status": 201, "headers": {"Location": "/v1/x"}, "body": b"{}"}


@pytest.fixture
def claim(database, at):
    """Claims a row, by default the one of NAME, now and for LEASE, in a transaction of its own; two are served."""
    with database.write(ACROSS) as conn:
        ids = [organisations.insert(conn, slug, name=slug, settings={}, at=at).id for slug in ("one", "two")]
    assert ids == [1, 2]

    def claimed(claim, name=NAME, request="r", after=timedelta()):
        with database.write(only(name.organisation_id) if name.organisation_id else ACROSS) as conn:
            return idempotency.claimed(conn, name, request, claim, at=at + after, until=at + after + LEASE)

    return claimed


def stored(database, name=NAME):
    with database.read(only(name.organisation_id)) as conn:
        return idempotency.stored(conn, name)


def answer(database, claim, name=NAME):
    with database.write(only(name.organisation_id)) as conn:
        return idempotency.answered(conn, name, claim, **ANSWER)


def test_claim_and_answer(database, at, claim):
    """A claim is there until it is answered, and then so is the answer."""
    assert stored(database) is None
    assert claim("one")
    assert stored(database) == Stored("r", "one", at + LEASE, None, None, None)
    assert answer(database, "one")
    assert stored(database) == Stored("r", "one", at + LEASE, 201, {"Location": "/v1/x"}, b"{}")


def test_one_claim_holds(database, claim):
    """While one has the claim nobody else gets it, and nobody else can answer."""
    claim("one")
    assert not claim("two")
    assert not answer(database, "two")
    assert stored(database).claim == "one"


def test_a_claim_that_ran_out_is_taken_over(database, claim):
    """Once the lease is over the next one has the claim, and whoever had it can neither answer nor give it up."""
    claim("one")
    assert claim("two", after=LEASE)
    assert not answer(database, "one")
    with database.write(only(1)) as conn:
        idempotency.release(conn, NAME, "one")
    assert answer(database, "two")


def test_a_claim_for_another_request_is_not_taken_over(claim):
    """What ran out stays for the request that it was for."""
    claim("one")
    assert not claim("two", request="another", after=LEASE)


def test_an_answer_stays(database, claim):
    """What is answered is not claimed again, answered again or given up, however late it is."""
    claim("one")
    answer(database, "one")
    assert not claim("two", after=10 * LEASE)
    assert not answer(database, "one")
    with database.write(only(1)) as conn:
        idempotency.release(conn, NAME, "one")
    assert stored(database).status == 201


def test_given_up(database, claim):
    """A claim that is given up leaves nothing."""
    claim("one")
    with database.write(only(1)) as conn:
        idempotency.release(conn, NAME, "one")
    assert stored(database) is None
    assert claim("two")


@pytest.mark.parametrize("other", [{"organisation_id": 2}, {"caller": "key b"}, {"key": "another"}])
def test_rows_are_apart(database, claim, other):
    """One key of two callers or of two organisations is two, and two keys of one caller are."""
    claim("one")
    assert claim("two", replace(NAME, **other))
    assert stored(database).claim == "one"


def test_across(claim):
    """What is done across organisations has rows of its own."""
    assert claim("one", Name(NOBODY, "operator", "hash"))


def test_forget(database, at, claim):
    """Rows that were claimed before a moment go, answered or not, of every organisation; the others stay."""
    claim("one")
    claim("two", replace(NAME, organisation_id=2))
    answer(database, "two", replace(NAME, organisation_id=2))
    claim("three", replace(NAME, key="later"), after=timedelta(seconds=1))
    with database.write(ACROSS) as conn:
        assert idempotency.forget(conn, at) == 0
        assert idempotency.forget(conn, at + timedelta(seconds=1)) == 2
    assert stored(database) is None
    assert stored(database, replace(NAME, key="later")).claim == "three"


def test_taken_over_is_young(database, at, claim):
    """A row that was taken over counts from then on."""
    claim("one")
    claim("two", after=LEASE)
    with database.write(ACROSS) as conn:
        assert idempotency.forget(conn, at + LEASE) == 0


def everything(database):
    with database.read(ACROSS) as conn:
        return conn.execute(sa.select(tables.idempotency)).all()


def test_gone(database, at, claim):
    """For an organisation that is erased nothing is claimed, and what had been is gone."""
    claim("one")
    with database.write(ACROSS) as conn:
        assert erasures.erase(conn, NAME.organisation_id, at)["idempotency"] == 1
    with pytest.raises(NotFound):
        claim("two", replace(NAME, key="another"))
    assert everything(database) == []


def test_claimed_while_it_is_erased(database, at, claim):
    """A claim that is made before an erasure has ended waits for its end, and is refused."""
    with database.write(ACROSS) as conn:
        erasures.erase(conn, NAME.organisation_id, at)
        late = begun(database, lambda: claim("one"))
    with pytest.raises(NotFound):
        late.result()
    assert everything(database) == []


def test_erased_while_it_is_claimed(database, at, claim):
    """An erasure that begins before a claim has ended waits for its end, and removes it."""

    def erase():
        with database.write(ACROSS) as conn:
            return erasures.erase(conn, NAME.organisation_id, at)["idempotency"]

    with database.write(only(NAME.organisation_id)) as conn:
        assert idempotency.claimed(conn, NAME, "r", "one", at=at, until=at + LEASE)
        erasing = begun(database, erase)
    assert erasing.result() == 1
    assert everything(database) == []


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_claims_wait_for_no_change(database, at, claim):
    """Whoever changes an organisation keeps nobody from a claim in it, as a reference to it would not either."""
    with database.write(only(NAME.organisation_id)) as conn:
        organisations.hold(conn, NAME.organisation_id)
        assert begun(database, lambda: claim("one")).result(timeout=10)
