"""Hostnames: claimed by anybody, held by who proves them, and by one organisation at a time."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import dns.rcode
import dnsserver
import pytest
from publishing import AT, SLUG, organisation

from coachkit.db import audit
from coachkit.db import hostnames as rows
from coachkit.db.scopes import ACROSS
from coachkit.errors import InvalidBody, LimitReached, NotFound, SettingsError
from coachkit.organisations import hostnames, lookups
from coachkit.organisations.audit import COMMAND, WORKER
from coachkit.organisations.organisations import enter, find

NAME = "careers.northbridge.example"
OTHER = "harbour"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def zone():
    """A DNS server of our own with nothing in it."""
    with dnsserver.running() as zone:
        yield zone


@pytest.fixture
def asked(zone):
    """What asks it."""
    return lookups.resolver("127.0.0.1", zone.port)


@pytest.fixture
def two(database):
    """The organisations northbridge and harbour."""
    for slug in (SLUG, OTHER):
        organisation(database, slug)


def claim(database, name=NAME, slug=SLUG, most=20, at=AT):
    with database.write(ACROSS) as conn:
        return hostnames.claim(conn, enter(conn, slug), name, most=most, actor=COMMAND, at=at)


def release(database, name=NAME, slug=SLUG):
    with database.write(ACROSS) as conn:
        hostnames.release(conn, enter(conn, slug), name, actor=COMMAND, at=AT)


def look(database, asked, claimed, at=AT):
    return lookups.look(database, claimed, asked, actor=WORKER, at=at)


def publish(zone, claimed, *more):
    """Let the DNS have the record that proves a claim, and others beside it."""
    record = hostnames.shape(claimed)["record"]
    zone.texts[record["name"]] = [*more, record["value"]]


def verified(database, slug=SLUG):
    with database.read(ACROSS) as conn:
        return hostnames.verified(conn, find(conn, slug).id)


def stored(database, name=NAME, slug=SLUG):
    with database.read(ACROSS) as conn:
        return hostnames.get(conn, enter(conn, slug), name)


def due(database, at):
    with database.read(ACROSS) as conn:
        return {(each.organisation_id, each.name) for each in hostnames.due(conn, at)}


def actions(database, slug=SLUG):
    with database.read(ACROSS) as conn:
        entries = list(audit.entries(conn, find(conn, slug).id))
    return [(each.actor, each.action, each.subject) for each in entries if each.action.startswith("hostname.")]


# --- claiming -----------------------------------------------------------------------------------


def test_claim(database, two):
    """A claim says which record proves it, and is nothing before that."""
    made = claim(database, "Careers.Northbridge.example.")
    shape = hostnames.shape(made)
    assert (shape["name"], shape["verified"], shape["looked_at"]) == (NAME, False, None)
    assert shape["record"] == {
        "name": f"_coachkit.{NAME}",
        "type": "TXT",
        "value": f"coachkit-verification={made.token}",
    }
    assert verified(database) is None
    assert actions(database) == [("command", "hostname.claim", NAME)]


def test_again(database, two):
    """Claimed again it is the same claim, with the same record."""
    assert claim(database) == claim(database, at=AT + DAY)
    assert len(actions(database)) == 1


def test_by_two(database, two):
    """Two organisations may claim one name, with a record each, and neither learns of the other."""
    mine, theirs = claim(database), claim(database, slug=OTHER)
    assert mine.token != theirs.token
    assert {key for key, value in hostnames.shape(mine).items() if hostnames.shape(theirs)[key] != value} == {"record"}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "a.example:80", ""])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_names(database, two, name):
    """What is no host's name is refused, with the field."""
    with pytest.raises(InvalidBody) as caught:
        claim(database, name)
    assert [(each.pointer, each.code) for each in caught.value.errors] == [("/name", "invalid-value")]


def test_limit(database, two):
    """So many may be claimed; what is claimed already needs no room, and what is given up makes some."""
    claim(database, most=1)
    assert claim(database, most=1).name == NAME
    with pytest.raises(LimitReached, match="COACHKIT_MAX_HOSTNAMES"):
        claim(database, "b.example", most=1)
    release(database)
    assert claim(database, "b.example", most=1).name == "b.example"


def test_limit_under_concurrency(database, two):
    """Of many claims at once as many are kept as there is room for."""

    def one(n):
        try:
            return claim(database, f"n{n}.example", most=3)
        except LimitReached:
            return None

    with ThreadPoolExecutor(6) as pool:
        assert len([each for each in pool.map(one, range(6)) if each]) == 3


# --- proving ------------------------------------------------------------------------------------


def test_verified(database, two, zone, asked):
    """Once the record is in the DNS, beside whatever else, a look makes the name the organisation's."""
    made = claim(database)
    assert look(database, asked, made).finding == "missing"
    publish(zone, made, "v=spf1 -all", "coachkit-verification=another")
    found = look(database, asked, made, AT + HOUR)
    assert (found.finding, found.verified_at, found.looked_at) == ("found", AT + HOUR, AT + HOUR)
    assert stored(database) == found
    assert verified(database) == NAME
    assert actions(database)[-1] == ("worker", "hostname.verify", NAME)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_another_script(database, two, zone, asked):
    """A name in another script is asked for in its ASCII form."""
    made = claim(database, "tŷ.example")
    publish(zone, made)
    assert look(database, asked, made).finding == "found"
    assert set(zone.asked) == {"_coachkit.xn--t-foa.example"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "texts",
    [[], ["coachkit-verification="], ["coachkit-verification=*"], ["x coachkit-verification={token}"], ["{token}"]],
)
def test_other_records(database, two, zone, asked, texts):
    """A record that is not exactly the one asked for proves nothing."""
    made = claim(database)
    zone.texts[f"_coachkit.{NAME}"] = [text.format(token=made.token) for text in texts]
    assert look(database, asked, made).finding == "missing"


def test_one_holder(database, two, zone, asked):
    """A name that another organisation holds is not taken from it: who proves it as well hears so, and nobody else."""
    mine, theirs = claim(database), claim(database, slug=OTHER)
    assert look(database, asked, theirs).finding == "missing"
    publish(zone, mine, f"coachkit-verification={theirs.token}")
    assert look(database, asked, mine).finding == "found"
    found = look(database, asked, theirs)
    assert (found.finding, found.verified_at) == ("taken", None)
    assert (verified(database), verified(database, OTHER)) == (NAME, None)
    release(database)
    assert look(database, asked, theirs, AT + DAY).finding == "found"
    assert verified(database, OTHER) == NAME


def test_one_holder_of_many_at_once(database, two, zone, asked):
    """Of two that prove a name at once one holds it."""
    mine, theirs = claim(database), claim(database, slug=OTHER)
    publish(zone, mine, f"coachkit-verification={theirs.token}")
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda each: look(database, asked, each).finding, [mine, theirs]))
    assert sorted(found) == ["found", "taken"]


def test_first_verified(database, two, zone, asked):
    """Of several names the one that was verified first is linked to, whatever it is called."""
    for hours, name in enumerate(("b.example", "a.example")):
        made = claim(database, name)
        publish(zone, made)
        look(database, asked, made, AT + hours * HOUR)
    assert verified(database) == "b.example"
    release(database, "b.example")
    assert verified(database) == "a.example"


# --- losing -------------------------------------------------------------------------------------


@pytest.fixture
def held(database, two, zone, asked):
    """The claim of a name that northbridge holds."""
    made = claim(database)
    publish(zone, made)
    return look(database, asked, made)


def test_lost_after_a_week(database, held, zone, asked):
    """A record that is gone for a week loses the name, and not a moment sooner."""
    zone.texts.clear()
    for at in (AT + DAY, AT + 4 * DAY, AT + 8 * DAY - timedelta(seconds=1)):
        found = look(database, asked, held, at)
        assert (found.verified_at, found.missing_since) == (AT, AT + DAY)
    found = look(database, asked, held, AT + 8 * DAY)
    assert (found.verified_at, found.missing_since, found.finding) == (None, None, "missing")
    assert verified(database) is None
    assert actions(database)[-1] == ("worker", "hostname.lose", NAME)


def test_back_in_time(database, held, zone, asked):
    """A record that comes back within the week keeps the name, and the week begins anew."""
    texts = dict(zone.texts)
    zone.texts.clear()
    look(database, asked, held, AT + DAY)
    zone.texts.update(texts)
    assert look(database, asked, held, AT + 7 * DAY).missing_since is None
    zone.texts.clear()
    found = look(database, asked, held, AT + 9 * DAY)
    assert (found.verified_at, found.missing_since) == (AT, AT + 9 * DAY)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_fault_loses_nothing(database, held, zone, asked, code):
    """A DNS that fails says nothing of the record: the name stays, for as long as it fails."""
    zone.code = code
    for days in range(1, 20):
        found = look(database, asked, held, AT + days * DAY)
        assert (found.finding, found.verified_at, found.missing_since) == ("no-answer", AT, None)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_silence_is_waited_for_briefly(database, held, zone, asked):
    """A DNS that says nothing is given up on, and so is one that is not there."""
    zone.silent = True
    asked.timeout = asked.lifetime = 0.2
    assert look(database, asked, held, AT + DAY).finding == "no-answer"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        nobody = lookups.resolver("127.0.0.1", free.getsockname()[1])
    nobody.timeout = nobody.lifetime = 0.2
    assert look(database, nobody, held, AT + DAY).finding == "no-answer"
    assert verified(database) == NAME


def test_release(database, held, asked):
    """A name that is given up is the organisation's no more, and a look that was on its way changes nothing."""
    release(database, "CAREERS.northbridge.example")
    assert verified(database) is None
    assert look(database, asked, held) is None
    again = claim(database)
    assert again.token != held.token
    assert look(database, asked, held) is None
    assert stored(database) == again
    with pytest.raises(NotFound, match="has not claimed"):
        release(database, "b.example")


def test_nobody_elses(database, held):
    """Nobody gives up what another organisation holds."""
    for name in (NAME, "not a name"):
        with pytest.raises(NotFound, match="harbour has not claimed"):
            release(database, name, OTHER)
    assert verified(database) == NAME


# --- when to look -------------------------------------------------------------------------------


def test_due(database, two, zone, asked):
    """New claims are looked at every few minutes, older ones daily for a month, verified ones daily for ever."""
    proved, waits = claim(database), claim(database, "waits.example", slug=OTHER)
    publish(zone, proved)
    keys = [(each.organisation_id, each.name) for each in (proved, waits)]
    assert due(database, AT) == set(keys)
    for each in (proved, waits):
        look(database, asked, each)
    assert due(database, AT + timedelta(minutes=4)) == set()
    assert due(database, AT + timedelta(minutes=6)) == {keys[1]}
    look(database, asked, waits, AT + 3 * DAY)
    assert due(database, AT + 3 * DAY + HOUR) == {keys[0]}
    assert due(database, AT + 4 * DAY + HOUR) == set(keys)
    assert due(database, AT + 31 * DAY) == {keys[0]}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_those_who_waited_longest_first(database, two, asked):
    """Where more are due than are looked at in one go, those come first that nobody has looked at, then the oldest."""
    for n, name in enumerate(("a.example", "b.example", "c.example")):
        made = claim(database, name)
        if n:
            look(database, asked, made, AT - n * HOUR)
    with database.read(ACROSS) as conn:
        assert [each.name for each in hostnames.due(conn, AT + HOUR, limit=2)] == ["a.example", "c.example"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_erased_meanwhile(database, held, asked):
    """A look at a claim of an organisation that is gone comes to nothing."""
    gone = rows.Hostname(4_711, NAME, held.token, AT)
    assert look(database, asked, gone) is None


@pytest.mark.parametrize("name", ["Careers.example", "careers.example/path", "careers"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rows_from_elsewhere(database, two, zone, asked, name):
    """A row with what nobody could claim, as an archive may bring it, is never verified."""
    with database.write(ACROSS) as conn:
        made = rows.Hostname(find(conn, SLUG).id, name, "token", AT)
        rows.insert(conn, made)
    zone.texts[f"_coachkit.{name.lower()}"] = [hostnames.record_value(made)]
    assert lookups.ask(made, asked) == "found"
    assert look(database, asked, made).finding == "missing"
    assert verified(database) is None


def test_no_server():
    """What is no server's address is refused in words."""
    with pytest.raises(SettingsError, match="Nobody can be asked"):
        lookups.resolver("not an address")
