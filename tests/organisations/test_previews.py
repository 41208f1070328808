"""Previews: an address that shows a draft, for a time, to whoever has it."""

import base64
import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer
from publishing import AT, SLUG, TOOLS, brand, example, organisation, publish

from coachkit.db import audit, channels, editions
from coachkit.db.scopes import ACROSS
from coachkit.editions import library as library_module
from coachkit.errors import Conflict, InvalidBody, LimitReached, PublishRefused
from coachkit.organisations import previews
from coachkit.organisations.audit import COMMAND
from coachkit.organisations.organisations import enter, find
from coachkit.organisations.previews import Shown
from coachkit.organisations.quotas import Quotas

SECRET = bytes(range(32))
QUOTAS = Quotas(editions=100, channels=10)
TWO_DAYS = timedelta(hours=48)


@pytest.fixture
def served(database):
    """northbridge, with example@1.0.0 at `live` and another voice in its draft."""
    example(database)
    organisation(database)
    live = publish(database).digest
    organisation(database, brand=brand(voice="Loud"), overlay=[{"op": "hide", "target": "example:pathway/first-week"}])
    return live


def made(database, lasting=TWO_DAYS, quotas=QUOTAS):
    return previews.make(database, SLUG, TOOLS, secret_key=SECRET, quotas=quotas, actor=COMMAND, at=AT, lasting=lasting)


def found(database, token, at=AT, slug=SLUG, secret=SECRET):
    with database.read(ACROSS) as conn:
        return previews.find(conn, enter(conn, slug), secret, token, at)


def test_shows_the_draft(database, served):
    """The address leads to the draft as it was, complete, while readers of `live` see what they saw."""
    preview = made(database)
    assert preview.path == f"/v1/orgs/{SLUG}/previews/{preview.token}"
    shown = found(database, preview.token)
    edition = library_module.Library(database).edition(shown.organisation_id, SLUG, shown.digest)
    assert ("pathway", "first-week") not in list(edition)
    with database.read(ACROSS) as conn:
        (live,) = channels.of_organisation(conn, shown.organisation_id)
        assert live.digest == served
        assert not editions.head(conn, shown.organisation_id, shown.digest).published


def test_expires(database, served):
    """It shows the draft until the moment that it names, and nothing from then on."""
    preview = made(database)
    assert preview.expires_at == AT + TWO_DAYS
    assert found(database, preview.token, AT + TWO_DAYS - timedelta(seconds=1)).expires_at == preview.expires_at
    assert found(database, preview.token, AT + TWO_DAYS) is None


@pytest.mark.parametrize("lasting", [timedelta(minutes=59), timedelta(0), timedelta(hours=-1), timedelta(hours=721)])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_bounded(database, served, lasting):
    """A time shorter than an hour or longer than 30 days is refused, with the field, before anything is made."""
    with pytest.raises(InvalidBody) as caught:
        made(database, lasting)
    assert [(each.pointer, each.code) for each in caught.value.errors] == [("/hours", "out-of-range")]
    with database.read(ACROSS) as conn:
        assert len(editions.listing(conn, find(conn, SLUG).id)) == 1


@pytest.mark.parametrize("lasting", [timedelta(hours=1), timedelta(days=30)])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_bounds_themselves(database, served, lasting):
    """An hour and 30 days are allowed."""
    assert made(database, lasting).expires_at == AT + lasting


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_another_key(database, served):
    """After the installation's key changed, what it signed is nothing."""
    assert found(database, made(database).token, secret=bytes(32)) is None


def test_another_organisation(database, served):
    """Under another organisation's address the token is nothing."""
    organisation(database, "harbour")
    assert found(database, made(database).token, slug="harbour") is None


def test_gone(database, served):
    """An organisation of the same slug that came after an erased one, or one without the edition, shows nothing."""
    with database.read(ACROSS) as conn:
        id_ = find(conn, SLUG).id
    for shown in (Shown(id_ + 1, served, AT + TWO_DAYS), Shown(id_, "sha256:00", AT + TWO_DAYS)):
        token = previews.sign(SECRET, shown)
        assert previews.read(SECRET, token, AT) == shown
        assert found(database, token) is None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_changed_character_is_noticed(database, served):
    """No token with a character changed, taken away or added shows anything else."""
    preview = made(database)
    token = preview.token
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        for changed in (token[:place] + other + token[place + 1 :], token[:place] + token[place + 1 :]):
            shown = previews.read(SECRET, changed, AT)
            # the last character of a signature in base64 has bits that say nothing
            assert shown is None or (place == len(token) - 1 and shown.digest == preview.prepared.digest)
    assert previews.read(SECRET, token + "A", AT) is None


@given(st.one_of(st.text(), st.text(alphabet="abcDEF019-_.=~", max_size=600), st.binary().map(base64.b64encode)))
def test_any_text_is_answered(token):
    """Whatever is given for a token, the answer is that it is none."""
    text = token.decode() if isinstance(token, bytes) else token
    assert previews.read(SECRET, text, AT) is None


def test_other_uses_of_the_key_are_no_tokens():
    """What is signed with the installation's key for something else is no preview."""
    payload = [1, "sha256:00", int((AT + TWO_DAYS).timestamp())]
    for salt in (b"coachkit.preview.1", b"itsdangerous"):
        signing = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        token = URLSafeSerializer(SECRET, salt=salt, signer_kwargs=signing).dumps(payload)
        assert previews.read(SECRET, token, AT) is None


def test_kept_until_it_expires(database, served):
    """The edition is marked to be kept as long as any address shows it, the longest one of them."""
    digest = made(database, timedelta(days=10)).prepared.digest
    made(database, timedelta(hours=1))
    with database.read(ACROSS) as conn:
        assert editions.kept_until(conn, find(conn, SLUG).id, digest) == AT + timedelta(days=10)


def test_audit(database, served):
    """Who made an address, of which edition and until when stands in the audit, and the token does not."""
    preview = made(database)
    with database.read(ACROSS) as conn:
        entries = list(audit.entries(conn, find(conn, SLUG).id))
    entry = entries[-1]
    assert (entry.actor, entry.action, entry.subject) == ("command", "preview.make", preview.prepared.digest)
    assert entry.after == {"expires_at": preview.expires_at.isoformat()}
    assert preview.token not in repr(entries)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_cannot_be_published_cannot_be_seen(database, served):
    """A draft with problems has no preview: they are all said, and nothing is stored."""
    organisation(database, values={"nonesuch": "x"})
    with pytest.raises(PublishRefused):
        made(database)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_limit(database, served):
    """A preview is an edition, and an organisation may have so many."""
    with pytest.raises(LimitReached, match="COACHKIT_MAX_EDITIONS"):
        made(database, quotas=Quotas(editions=1, channels=10))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_changed_meanwhile(database, served):
    """A draft that changes between looking and storing is refused: nobody shows what they did not see."""
    preview = made(database)
    organisation(database)
    with database.write(ACROSS) as conn, pytest.raises(Conflict, match="changed since"):
        previews.show(
            conn,
            enter(conn, SLUG),
            preview.prepared,
            secret_key=SECRET,
            quotas=QUOTAS,
            actor=COMMAND,
            at=AT,
            lasting=TWO_DAYS,
        )
