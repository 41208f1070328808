"""`coachkit schedule …`, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

HIDE = [{"op": "hide", "target": "example:pathway/first-week"}]


@pytest.fixture
def soon(furnished, settings_file) -> str:
    """A local time of a month ahead; northbridge's draft hides a pathway."""
    furnished("org", "set", "northbridge", settings_file(overlay=HIDE, timezone="Europe/London"))
    return (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT12:00")


def test_plan_and_cancel(furnished, soon: str) -> None:
    """A schedule says what will change, is listed and shown while it is pending, and can be called off once."""
    made = furnished("schedule", "plan", "northbridge", soon, "--note", "Term begins", "--json").json
    assert (made["state"], made["channel"], made["local_time"]) == ("pending", "live", soon)
    assert made["timezone"] == "Europe/London"
    assert ("removed", "first-week") in {(each["op"], each["id"]) for each in made["changes"]}
    (listed,) = furnished("schedule", "list", "northbridge", "--json").json["schedules"]
    assert listed["id"] == made["id"]
    shown = furnished("schedule", "show", "northbridge", made["id"], "--json").json
    assert shown["changes"] == made["changes"]
    assert "removed  pathway/first-week  cy" in furnished("schedule", "show", "northbridge", made["id"]).out
    cancelled = furnished("schedule", "cancel", "northbridge", made["id"], "--json").json
    assert cancelled["state"] == "cancelled"
    furnished("schedule", "cancel", "northbridge", made["id"], status=1)
    assert furnished("schedule", "list", "northbridge").out == "There are none.\n"
    assert furnished("schedule", "list", "northbridge", "--all", "--json").json["schedules"] == [cancelled]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_warned(furnished, soon: str, settings_file) -> None:
    """Who published after the freeze is warned in the listing."""
    furnished("schedule", "plan", "northbridge", soon)
    furnished("org", "set", "northbridge", settings_file(brand={"name": "Other", "careers_email": "a@b.example"}))
    furnished("edition", "publish", "northbridge")
    assert "  warning: live has moved since this was frozen" in furnished("schedule", "list", "northbridge").out


@pytest.mark.parametrize("when", ["yesterday", "2020-01-01T09:00", "2100-01-01T09:00"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_refused(furnished, soon: str, when: str) -> None:
    """A time that cannot be meant is refused, and nothing is planned."""
    done = furnished("schedule", "plan", "northbridge", when, "--json", status=1)
    assert when in done.json["problems"][0]["message"]
    assert furnished("schedule", "list", "northbridge", "--json").json["schedules"] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_twice(furnished, soon: str) -> None:
    """A time that clocks pass twice is said to do so."""
    year = datetime.now(UTC).year + 1
    sunday = max(day for day in range(25, 32) if datetime(year, 10, day, tzinfo=UTC).weekday() == 6)
    done = furnished("schedule", "plan", "northbridge", f"{year}-10-{sunday}T01:30", "--json")
    assert done.json["second"] == f"{year}-10-{sunday}T01:30:00+00:00"
    assert "comes twice" in done.err


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_unknown(furnished) -> None:
    """A schedule that there is not is said not to be there."""
    for command in ("show", "cancel"):
        done = furnished("schedule", command, "northbridge", "0123", "--json", status=1)
        assert done.json["problems"][0]["code"] == "not-found"
