"""Pointers of an organisation that was erased: each process drops them, and never serves them under the slug again."""

import pytest
from appmaker import eventually
from publishing import AT, SLUG, TOOLS, brand, example, organisation, publish

from coachkit.db.scopes import ACROSS
from coachkit.editions.library import Library
from coachkit.editions.pointers import Pointers
from coachkit.organisations.erasing import erase


@pytest.fixture
def pointers(database):
    """Those of this process, which poll from the first look on."""
    pointers = Pointers(database, Library(database))
    yield pointers
    pointers.stop()


@pytest.fixture
def gone(database):
    """Erases an organisation."""

    def gone(slug=SLUG):
        with database.write(ACROSS) as conn:
            erase(conn, slug, AT)

    return gone


def test_dropped_within_a_second(database, pointers, gone):
    """Its channels and its editions lead nowhere within a second, and another's lead on."""
    example(database)
    for slug in (SLUG, "harbour"):
        organisation(database, slug)
    digest, other = publish(database).digest, publish(database, "harbour").digest
    assert pointers.channel(SLUG, "live").digest == pointers.edition(SLUG, digest).digest == digest
    assert pointers.channel("harbour", "live").digest == other
    gone()
    eventually(lambda: pointers.channel(SLUG, "live") is None and pointers.edition(SLUG, digest) is None, 1.0)
    assert pointers.leads(SLUG, "live") is None
    assert pointers.channel("harbour", "live").digest == other


def test_the_next_of_that_slug(database, pointers, gone):
    """Another organisation of the slug serves its own editions, and the one before's at no address."""
    example(database)
    organisation(database)
    before = publish(database).digest
    assert pointers.edition(SLUG, before)
    first = pointers.channel(SLUG, "live").organisation_id
    gone()
    organisation(database, brand=brand(voice="another"))
    after = publish(database, tools=TOOLS).digest
    found = eventually(lambda: (served := pointers.channel(SLUG, "live")) and served.digest == after and served, 1.0)
    assert found.organisation_id != first
    assert pointers.edition(SLUG, before) is None
    assert pointers.edition(SLUG, after).organisation_id == found.organisation_id
