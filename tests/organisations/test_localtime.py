"""Local times and the moments they mean, over every zone there is."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachkit.organisations import localtime
from coachkit.organisations.localtime import Meant, NoSuchTimeError, NotALocalTimeError, UnknownZoneError

ZONES = sorted(available_timezones() - {"localtime"})
MINUTE = timedelta(minutes=1)

zones = st.sampled_from(ZONES).map(ZoneInfo)
minutes = st.integers(0, 90 * 365 * 24 * 60).map(lambda n: datetime(1970, 1, 1) + n * MINUTE)  # noqa: DTZ001 — local


@cache
def turns() -> list[tuple[str, datetime, timedelta]]:
    """Every turn of the clocks of every zone in some years: the last whole minute before, in UTC, and by how much."""
    found = []
    for name in ZONES:
        rules = ZoneInfo(name)
        for year in (2011, 2016, 2026, 2027):
            days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(367)]
            for start, end in pairwise(days):
                if by := offset(end, rules) - offset(start, rules):
                    found.append((name, last_before(start, rules), by))
    return found


def last_before(start: datetime, rules: ZoneInfo) -> datetime:
    """The last whole minute before clocks are turned, within a day from a moment on."""
    was = offset(start, rules)
    turned = bisect_left(range(24 * 60), x=True, key=lambda n: offset(start + n * MINUTE, rules) != was)
    return start + (turned - 1) * MINUTE


def offset(at: datetime, rules: ZoneInfo) -> timedelta:
    return at.astimezone(rules).utcoffset()


def turn(only=bool):
    """One of those turns, of which `by` is right."""
    return st.integers(0, 1_000_000).map(lambda n: (chosen := [t for t in turns() if only(t[2])])[n % len(chosen)])


@st.composite
def near_turns(draw):
    """A zone and a local time within hours of a turn of its clocks."""
    name, before, _ = draw(turn())
    return clocks(before, ZoneInfo(name)) + draw(st.integers(-200, 200)) * MINUTE, ZoneInfo(name)


@st.composite
def skipped_times(draw):
    """A zone and a local time that its clocks skip."""
    name, before, by = draw(turn(lambda by: by > timedelta(0)))
    return clocks(before, ZoneInfo(name)) + draw(st.integers(1, by // MINUTE)) * MINUTE, ZoneInfo(name)


def clocks(at: datetime, rules: ZoneInfo) -> datetime:
    """What clocks show at a moment."""
    return at.astimezone(rules).replace(tzinfo=None)


def skipped(wanted: datetime, rules: ZoneInfo) -> NoSuchTimeError | None:
    """With what a local time is refused, None if it exists."""
    try:
        localtime.meant(wanted, rules)
    except NoSuchTimeError as refused:
        return refused
    return None


def local(text: str) -> datetime:
    return localtime.parse(text)


def moments(wanted: datetime, rules: ZoneInfo) -> list[datetime]:
    """Every moment at which clocks show a local time, found by trying each offset of the days around it."""
    about = wanted.replace(tzinfo=UTC)
    offsets = {offset(about + timedelta(hours=n), rules) for n in range(-48, 49)}
    return sorted(at for at in (about - by for by in offsets) if clocks(at, rules) == wanted)


@given(st.one_of(near_turns(), skipped_times(), st.tuples(minutes, zones)))
def test_clocks_show_it(case):
    """A local time means the moment at which clocks show it, the first of two; only one without any is refused."""
    wanted, rules = case
    if skipped(wanted, rules):
        assert moments(wanted, rules) == []
        return
    found = localtime.meant(wanted, rules)
    assert moments(wanted, rules) == [found.at, *([found.second] if found.second else [])]
    assert localtime.moment(wanted, rules) == found.at


@given(skipped_times())
def test_nearest_on_both_sides(case):
    """A time that clocks skip is refused with the last minute before and the first after, which do exist."""
    wanted, rules = case
    refused = skipped(wanted, rules)
    assert refused.before < wanted < refused.after
    before, after = (localtime.meant(each, rules) for each in (refused.before, refused.after))
    assert timedelta(0) < after.at - (before.second or before.at) <= MINUTE
    assert localtime.moment(wanted, rules) == after.at


@given(st.one_of(near_turns(), st.tuples(minutes, zones)), st.integers(0, 60 * 48))
def test_order_is_kept(case, more):
    """Of two promised local times the later one is never the earlier moment."""
    wanted, rules = case
    assert localtime.moment(wanted, rules) <= localtime.moment(wanted + more * MINUTE, rules)


@pytest.mark.parametrize(
    ("zone", "text", "moment"),
    [
        ("Europe/London", "2026-12-01T09:00", "2026-12-01T09:00+00:00"),
        ("Europe/London", "2026-07-01T09:00", "2026-07-01T08:00+00:00"),
        ("America/New_York", "2026-12-01T09:00", "2026-12-01T14:00+00:00"),
        ("Asia/Kathmandu", "2026-12-01T09:00", "2026-12-01T03:15+00:00"),
        ("UTC", "2026-12-01T09:00", "2026-12-01T09:00+00:00"),
    ],
)
def test_known_moments(zone, text, moment):
    """Summer and winter, east and west, quarters of an hour."""
    assert localtime.meant(local(text), localtime.zone(zone)) == Meant(datetime.fromisoformat(moment))


def test_skipped_in_london():
    """Half past one in the night on which clocks go forward is refused, with 00:59 and 02:00."""
    with pytest.raises(NoSuchTimeError) as refused:
        localtime.meant(local("2027-03-28T01:30"), localtime.zone("Europe/London"))
    assert str(refused.value) == (
        "2027-03-28T01:30 does not exist: clocks go from 2027-03-28T00:59 to 2027-03-28T02:00"
    )


def test_twice_in_london():
    """Half past one in the night on which clocks go back is the first of both."""
    found = localtime.meant(local("2026-10-25T01:30"), localtime.zone("Europe/London"))
    assert found == Meant(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_half_an_hour():
    """Clocks of Lord Howe Island go by half an hour."""
    with pytest.raises(NoSuchTimeError) as refused:
        localtime.meant(local("2026-10-04T02:10"), localtime.zone("Australia/Lord_Howe"))
    assert localtime.write(refused.value.after) == "2026-10-04T02:30"


def test_a_day_that_was_skipped():
    """Samoa had no 30 December 2011."""
    with pytest.raises(NoSuchTimeError) as refused:
        localtime.meant(local("2011-12-30T12:00"), localtime.zone("Pacific/Apia"))
    assert (localtime.write(refused.value.before), localtime.write(refused.value.after)) == (
        "2011-12-29T23:59",
        "2011-12-31T00:00",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-12-01",
        "2026-12-01 09:00",
        "2026-12-01T09:00Z",
        "2026-12-01T09:00+01:00",
        "2026-12-01T09:00:00",
        "2026-02-29T09:00",
        "2026-12-01T24:00",
        "٢٠٢٦-12-01T09:00",
        "0001-01-01T00:00",
        "9999-12-31T23:59",
    ],
)
def test_no_local_time(text):
    """What is no minute of the calendar is refused, and so is one that names a zone of its own."""
    with pytest.raises(NotALocalTimeError, match="such as 2026-12-01T09:00"):
        localtime.parse(text)


@pytest.mark.parametrize(
    "name", ["", "Europe", "Europe/Lundain", "../../etc/passwd", "/etc/localtime", "a" * 500, "\0"]
)
def test_no_zone(name):
    """What is no zone is refused by name, and no file beyond the zones' own is read."""
    with pytest.raises(UnknownZoneError, match="such as Europe/London"):
        localtime.zone(name)


@given(minutes)
def test_written_and_read(at):
    """A local time is read as it is written."""
    assert localtime.parse(localtime.write(at)) == at
