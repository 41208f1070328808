"""Keys as organisations and operators make them, list them and revoke them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from publishing import AT, SLUG, organisation

from coachkit.db import audit as audit_rows
from coachkit.db import keys as rows
from coachkit.db.changes import counted
from coachkit.db.scopes import ACROSS, only
from coachkit.errors import Conflict, Forbidden, InvalidBody, LimitReached, NotFound
from coachkit.organisations import keys, tokens
from coachkit.organisations.audit import COMMAND, Actor
from coachkit.organisations.keys import OF_PUBLISHABLE, SCOPES, Wanted
from coachkit.organisations.peppers import Pepper

PEPPERS = (Pepper(bytes(range(32))),)
SECRET = Wanted("sec", "Portal", ["settings:write", "content:read"])
PUBLIC = Wanted("pub", "Careers page", origins=["https://careers.example"])
ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def make(database):
    """Makes a key, northbridge's unless another slug is given."""

    def make(wanted=SECRET, slug=SLUG, most=50, at=AT, **given):
        found = organisation(database, slug)
        with database.write(only(found.id)) as conn:
            return keys.create(conn, found, wanted, peppers=PEPPERS, most=most, actor=COMMAND, at=at, **given)

    return make


def entries(database, slug=SLUG):
    found = organisation(database, slug)
    with database.read(only(found.id)) as conn:
        return [each for each in audit_rows.entries(conn, found.id) if each.action.startswith("key.")]


# --- making --------------------------------------------------------------------------------------


def test_made(database, make):
    """A secret key has the scopes that were asked for, in their order, and is found by its token's keyed hash."""
    key, token = make()
    assert (key.name, key.kind, key.scopes, key.origins) == ("Portal", "sec", ("content:read", "settings:write"), ())
    assert (key.organisation, key.created_at, key.revoked_at, key.last_used_on) == (SLUG, AT, None, None)
    assert tokens.parse(token.text) == token
    with database.read(ACROSS) as conn:
        row = rows.by_hashes(conn, [PEPPERS[0].hash(token)])
        assert keys.get(conn, key.organisation_id, key.id) == key
    assert (row.id, row.pepper) == (key.id, PEPPERS[0].name)


def test_publishable(make):
    """A publishable key reads content and posts answers, and may name the pages that it is for, each once."""
    key, token = make(replace(PUBLIC, origins=["https://a.example", "https://b.example:8443", "https://a.example"]))
    assert token.text.startswith("ck_pub_")
    assert key.scopes == OF_PUBLISHABLE
    assert key.origins == ("https://a.example", "https://b.example:8443")


@ONE_DATABASE
def test_ids_say_nothing(make):
    """Ids of keys are random, and of the same look."""
    ids = {make()[0].id for _ in range(5)}
    assert len(ids) == 5
    assert {len(each) for each in ids} == {20}
    assert all(each.startswith("key_") and each[4:].isalnum() for each in ids)


def test_same_entropy(make):
    """The same random bytes make the same token, and no second key."""
    entropy = bytes(range(tokens.ENTROPY_BYTES))
    _, token = make(entropy=entropy)
    assert token == tokens.make("sec", entropy)
    with pytest.raises(Conflict):
        make(entropy=entropy)


def test_audited(database, make):
    """Making and revoking are in the organisation's audit, with who did it and what the key was for; no token is."""
    key, token = make(replace(SECRET, expires_at=AT + timedelta(days=1)))
    found = organisation(database)
    with database.write(only(found.id)) as conn:
        keys.revoke(conn, found, key.id, actor=Actor("key", "key_boss"), at=AT)
    granted = {
        "kind": "sec",
        "name": "Portal",
        "scopes": ["content:read", "settings:write"],
        "origins": [],
        "expires_at": "2026-11-23T09:30:00+00:00",
    }
    made, revoked = entries(database)
    assert (made.action, made.subject, made.actor, made.before, made.after) == (
        ("key.create", key.id, "command", None, granted)
    )
    assert (revoked.action, revoked.subject, revoked.actor, revoked.before, revoked.after) == (
        ("key.revoke", key.id, "key key_boss", granted, None)
    )
    assert token.text not in repr((made, revoked))
    assert PEPPERS[0].hash(token) not in repr((made, revoked))


def test_as_many_as_may_be(database, make):
    """There is an end to an organisation's keys that hold; expired and revoked ones, and others', do not count."""
    first, _ = make(most=2)
    make(replace(SECRET, expires_at=AT + timedelta(seconds=1)), most=2)
    with pytest.raises(LimitReached, match="COACHKIT_MAX_KEYS"):
        make(most=2)
    make(most=2, slug="harbour")
    make(most=2, at=AT + timedelta(seconds=1))
    found = organisation(database)
    with database.write(only(found.id)) as conn:
        keys.revoke(conn, found, first.id, actor=COMMAND, at=AT)
    make(most=2, at=AT + timedelta(seconds=1))
    assert len(entries(database)) == 5


def test_as_many_as_may_be_at_once(database, make):
    """Also of those who ask at the same time no more get a key than may."""
    make()

    def ask(_):
        try:
            return make(most=3)
        except LimitReached:
            return None

    with ThreadPoolExecutor(4) as pool:
        assert len([made for made in pool.map(ask, range(12)) if made]) == 2


@pytest.mark.parametrize(
    ("wanted", "wrong"),
    [
        (replace(SECRET, name=" "), {"/name": "too-short"}),
        (replace(SECRET, name="é" * 101), {"/name": "too-long"}),
        (replace(SECRET, name="a\0b"), {"/name": "invalid-text"}),
        (replace(SECRET, name="a\nb"), {"/name": "invalid-text"}),
        (replace(SECRET, scopes=[]), {"/scopes": "too-few"}),
        (replace(SECRET, scopes=["content:read"] * 9), {"/scopes": "too-many"}),
        (replace(SECRET, scopes=["content:read", "keys:writ", "x"]), {f"/scopes/{n}": "invalid-value" for n in (1, 2)}),
        (replace(SECRET, origins=["https://a.example"]), {"/origins": "invalid-value"}),
        (replace(PUBLIC, scopes=["content:read"]), {"/scopes": "invalid-value"}),
        (replace(PUBLIC, scopes=["keys:write"]), {"/scopes": "invalid-value"}),
        (replace(PUBLIC, origins=["https://a.example", "a.example"]), {"/origins/1": "invalid-value"}),
        (replace(PUBLIC, origins=[f"https://a{n}.example" for n in range(21)]), {"/origins": "too-many"}),
        (replace(SECRET, expires_at=AT), {"/expires_at": "out-of-range"}),
        (replace(SECRET, expires_at=datetime(2099, 1, 1)), {"/expires_at": "invalid-value"}),  # noqa: DTZ001
        (Wanted("pin", ""), {"/kind": "invalid-value", "/name": "too-short", "/scopes": "too-few"}),
    ],
)
@ONE_DATABASE
def test_refused(database, make, wanted, wrong):
    """Everything that is wrong is said at once, each at its field, and nothing is stored or audited."""
    with pytest.raises(InvalidBody) as refused:
        make(wanted)
    assert {error.pointer: error.code for error in refused.value.errors} == wrong
    assert all(error.detail in refused.value.detail for error in refused.value.errors)
    assert entries(database) == []


@ONE_DATABASE
def test_nearest_scope(make):
    """A scope that is mistyped is answered with the nearest one, another with all that there are."""
    with pytest.raises(InvalidBody, match=r"“keys:writ” is not a scope. Did you mean “keys:write”\?"):
        make(replace(SECRET, scopes=["keys:writ"]))
    with pytest.raises(InvalidBody, match=", ".join(SCOPES)):
        make(replace(SECRET, scopes=["§"]))


@pytest.mark.parametrize(
    ("wanted", "beyond"),
    [
        (SECRET, "settings:write"),
        (PUBLIC, "answers:write"),
        (Wanted("sec", "Read", ["content:read", "keys:write"]), None),
    ],
)
@ONE_DATABASE
def test_a_key_gives_what_it_has(make, wanted, beyond):
    """A key that makes keys gives them no scope that it has not got itself."""
    giver, _ = make(Wanted("sec", "Boss", ["keys:write", "content:read"]))
    if beyond:
        with pytest.raises(Forbidden, match=beyond):
            keys.require_grant(giver, wanted)
    else:
        keys.require_grant(giver, wanted)


# --- having --------------------------------------------------------------------------------------


def test_whose(database, make):
    """A key is its own organisation's alone, to see and to revoke; what is another's looks as if it were not there."""
    mine, _ = make()
    theirs, _ = make(slug="harbour")
    found = organisation(database)
    with database.write(ACROSS) as conn:
        assert keys.listing(conn, found.id) == (mine,)
        for key_id in (theirs.id, "key_none"):
            with pytest.raises(NotFound) as absent:
                keys.get(conn, found.id, key_id)
            assert str(absent.value) == f"There is no key '{key_id}' here"
            with pytest.raises(NotFound):
                keys.revoke(conn, found, key_id, actor=COMMAND, at=AT)
    assert not mine.may("content:read", theirs.organisation_id)
    assert mine.may("content:read", mine.organisation_id)
    assert not mine.may("keys:write", mine.organisation_id)


def test_revoke(database, make):
    """A revoked key holds no more from that moment on; revoking it again changes and says nothing."""
    key, _ = make()
    found = organisation(database)
    with database.write(only(found.id)) as conn:
        revoked = keys.revoke(conn, found, key.id, actor=COMMAND, at=AT)
        changes = counted(conn)
        again = keys.revoke(conn, found, key.id, actor=COMMAND, at=AT + timedelta(days=1))
        assert counted(conn) == changes
    assert revoked == again == replace(key, revoked_at=AT)
    assert key.holds(AT)
    assert not revoked.holds(AT)
    assert [entry.action for entry in entries(database)] == ["key.create", "key.revoke"]


@ONE_DATABASE
def test_expiry(make):
    """A key holds until the moment at which it expires."""
    key, _ = make(replace(SECRET, expires_at=AT + timedelta(hours=1)))
    assert key.holds(AT + timedelta(minutes=59))
    assert not key.holds(AT + timedelta(hours=1))


def test_operators(database):
    """An operator's key may do everything at every organisation, and is listed and revoked by operators."""
    with database.write(ACROSS) as conn:
        key, token = keys.create_operators(conn, "Rota", AT + timedelta(days=1), peppers=PEPPERS, at=AT)
        assert keys.listing(conn, None) == (key,)
        assert keys.revoke(conn, None, key.id, actor=COMMAND, at=AT).revoked_at == AT
    assert token.kind == "sec"
    assert (key.is_operator, key.organisation, key.scopes) == (True, None, SCOPES)
    assert all(key.may(scope, n) for scope in SCOPES for n in (1, 99))
    with pytest.raises(InvalidBody, match="name"), database.write(ACROSS) as conn:
        keys.create_operators(conn, "", None, peppers=PEPPERS, at=AT)


@ONE_DATABASE
def test_origins_are_a_courtesy(make):
    """A key with origins is for their pages, and for what says no origin; one without is for every page."""
    key, _ = make(PUBLIC)
    assert [key.admits(each) for each in ("https://careers.example", "https://evil.example", None)] == [
        True,
        False,
        True,
    ]
    assert make(replace(PUBLIC, origins=[]))[0].admits("https://evil.example")


@ONE_DATABASE
def test_shape(make):
    """As JSON a key is everything that may be known of it."""
    key, _ = make(replace(SECRET, expires_at=AT + timedelta(hours=1)))
    assert keys.shape(replace(key, last_used_on=date(2026, 11, 22), revoked_at=datetime(2026, 11, 23, tzinfo=UTC))) == {
        "id": key.id,
        "organisation": SLUG,
        "kind": "sec",
        "name": "Portal",
        "scopes": ["content:read", "settings:write"],
        "origins": [],
        "created_at": "2026-11-22T09:30:00+00:00",
        "expires_at": "2026-11-22T10:30:00+00:00",
        "revoked_at": "2026-11-23T00:00:00+00:00",
        "last_used_on": "2026-11-22",
    }
