from datetime import date, timedelta

import pytest
from publishing import example, organisation, publish

from coachkit.editions.library import Library
from coachkit.organisations import reviews

BY = date(2027, 6, 1)
MODULE = "modules/first-hour.md"


def reviewed_by(day):
    return lambda text: "\n".join(
        f"review_by: {day}" if line.startswith("review_by:") else line for line in text.split("\n")
    )


@pytest.fixture
def served(database):
    """Serves the example pack, in which one module is to be reviewed by BY."""
    example(database, **{MODULE: reviewed_by(BY)})
    organisation(database)
    publish(database)

    def found(until):
        return list(reviews.of_organisation(database, Library(database), "northbridge", until))

    return found


def test_due(served):
    """A resource is told of from the day on until which is asked, with its release and its day."""
    assert [each for each in served(BY - timedelta(days=1)) if each.id == "first-hour"] == []
    (found,) = [each for each in served(BY) if each.id == "first-hour"]
    assert found.shape == {
        "kind": "module",
        "id": "first-hour",
        "pack": "example",
        "version": "1.0.0",
        "review_by": "2027-06-01",
    }


def test_soonest_first(served):
    """What is to be reviewed first comes first."""
    days = [each.review_by for each in served(date(2099, 1, 1))]
    assert len(days) > 1
    assert days == sorted(days)


def test_nothing_live(database):
    """An organisation that serves nothing has nothing to review, and neither has one that there is not."""
    organisation(database)
    for slug in ("northbridge", "nobody"):
        assert reviews.of_organisation(database, Library(database), slug, date(2099, 1, 1)) == ()
