"""`coachkit key …`, on both databases."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys

import pytest

from coachkit.db import audit
from coachkit.db.scopes import ACROSS
from coachkit.organisations import tokens
from coachkit.organisations.keys import SCOPES

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SECRET = ("--name", "Portal", "--scope", "content:read")


@pytest.fixture
def there(installed, settings_file):
    """Runs a command where there are two organisations, `northbridge` and `harbour`."""
    for slug in ("northbridge", "harbour"):
        installed("org", "create", slug, settings_file())
    return installed


@pytest.fixture
def check(there, monkeypatch: pytest.MonkeyPatch):
    """What `coachkit key check --json` says of a token on standard input."""

    def check(text: str, status: int = 0):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        return there("key", "check", "--json", status=status).json

    return check


def test_create(there, check) -> None:
    """A key's token is printed once, by itself, with a warning beside it; no other command knows it."""
    done = there("key", "create", "northbridge", *SECRET)
    token = done.out.strip()
    assert isinstance(tokens.parse(token), tokens.Token)
    assert re.fullmatch(r"This is the key key_\w{16}\. Keep it now, .*it is not shown again\.\n", done.err)
    checked = check(f"{token}\n")
    assert (checked["ok"], checked["problems"], checked["key"]["name"]) == (True, [], "Portal")
    for command in (("list", "northbridge"), ("show", checked["key"]["id"]), ("revoke", checked["key"]["id"])):
        said = there("key", *command, "--json")
        assert token[7:] not in said.out + said.err


def test_create_publishable(there) -> None:
    """With --json the key is described with its token; a publishable one has its scopes by nature."""
    given = ("--publishable", "--name", "Page", "--origin", "https://a.example", "--expires", "2099-01-31T00:00Z")
    made = there("key", "create", "northbridge", *given, "--json").json
    assert made.pop("token").startswith("ck_pub_")
    id_, created = made.pop("id"), made.pop("created_at")
    assert id_.startswith("key_")
    assert created.endswith("+00:00")
    assert made == {
        "organisation": "northbridge",
        "kind": "pub",
        "name": "Page",
        "scopes": ["content:read", "answers:write"],
        "origins": ["https://a.example"],
        "expires_at": "2099-01-31T00:00:00+00:00",
        "revoked_at": None,
        "last_used_on": None,
    }


def test_operators(there, check) -> None:
    """An operator's key is made, listed and revoked beside the organisations'."""
    made = there("key", "create", "--operator", "--name", "Rota", "--json").json
    there("key", "create", "northbridge", *SECRET)
    assert (made["organisation"], made["scopes"]) == (None, list(SCOPES))
    listed = there("key", "list", "--operator", "--json").json
    assert [each["id"] for each in listed["keys"]] == [made["id"]]
    there("key", "revoke", made["id"])
    assert check(made["token"], status=1)["problems"][0]["code"] == "revoked"


def test_list(there) -> None:
    """An organisation's keys are listed in the order in which they were made, with what became of them."""
    ids = [there("key", "create", "northbridge", *SECRET, "--json").json["id"] for _ in range(3)]
    there("key", "create", "harbour", *SECRET)
    there("key", "revoke", ids[1])
    assert [each["id"] for each in there("key", "list", "northbridge", "--json").json["keys"]] == ids
    said = there("key", "list", "northbridge").out.splitlines()
    assert said[0] == f"{ids[0]}  sec  holds  Portal"
    assert re.fullmatch(rf"{ids[1]}  sec  revoked \d{{4}}-\d\d-\d\d  Portal", said[1])


@ONE_DATABASE
def test_show_for_people(there) -> None:
    """People see whose a key is, what it is for, until when, and that nobody has used it."""
    given = ("--publishable", "--name", "Page", "--expires", "2099-01-31T00:00Z")
    made = there("key", "create", "northbridge", *given, "--json").json
    assert there("key", "show", made["id"]).out == (
        f"{made['id']}  Page\n"
        "whose      northbridge\n"
        "kind       publishable\n"
        "state      expires 2099-01-31\n"
        "scopes     content:read, answers:write\n"
        "origins    any\n"
        "last used  never\n"
    )


def test_revoke(there, check, database) -> None:
    """A revoked key is told from one that holds, and the organisation's audit says who did it."""
    made = there("key", "create", "northbridge", *SECRET, "--json").json
    revoked = there("key", "revoke", made["id"], "--json").json
    assert revoked["revoked_at"]
    checked = check(made["token"], status=1)
    assert (checked["ok"], checked["problems"][0]["code"], checked["key"]["id"]) == (False, "revoked", made["id"])
    assert there("key", "revoke", made["id"], "--json").json == revoked
    with database.read(ACROSS) as conn:
        said = [(each.action, each.actor) for each in audit.entries(conn, 1) if each.action.startswith("key.")]
    assert said == [("key.create", "command"), ("key.revoke", "command")]


@ONE_DATABASE
def test_check_says_what_is_wrong(there, check) -> None:
    """What is no key that holds is told apart: mistyped, something else, or not known here. It is not repeated."""
    token = there("key", "create", "northbridge", *SECRET).out.strip()
    strange = tokens.make("sec", bytes(tokens.ENTROPY_BYTES)).text
    for text, code in ((token[:-1], "mistyped"), ("hunter2", "not-a-key"), ("", "not-a-key"), (strange, "unknown")):
        checked = check(text, status=1)
        assert [(each["code"], each["severity"]) for each in checked["problems"]] == [(code, "error")]
        assert checked["key"] is None
        assert not text or text not in str(checked)


@ONE_DATABASE
def test_check_for_people(there, monkeypatch: pytest.MonkeyPatch) -> None:
    """People read in a sentence why a token does not hold."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("hunter2"))
    said = there("key", "check", status=1).out
    assert said == "It does not hold: it does not look like a key; they begin ck_pub_ or ck_sec_.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", *SECRET), "Name an organisation, or give --operator"),
        (("create", "northbridge", "--operator", *SECRET), "one of them"),
        (("create", "--operator", *SECRET), "may do everything"),
        (("create", "northbridge", *SECRET, "--expires", "tomorrow"), "“tomorrow” is not a time"),
        (("list",), "Name an organisation"),
        (("create", "northbridge"), "--name"),
    ],
)
@ONE_DATABASE
def test_wrong_usage(there, arguments, said) -> None:
    """Arguments that do not go together are wrong usage, and nothing is made."""
    done = there("key", *arguments, "--json", status=2)
    assert said in done.json["problems"][0]["message"]
    assert there("key", "list", "northbridge", "--json").json["keys"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("create", "northbridge", "--name", "", "--scope", "x"), "invalid-body", "A key needs a name. “x” is not a"),
        (("create", "northbridge", *SECRET, "--expires", "2020-01-31T00:00Z"), "invalid-body", "in the future"),
        (("create", "northbridge", *SECRET, "--expires", "2099-01-31"), "invalid-body", "needs its zone"),
        (("create", "nobody", *SECRET), "not-found", "nobody"),
        (("show", "key_none"), "not-found", "key_none"),
        (("revoke", "key_none"), "not-found", "key_none"),
        (("list", "nobody"), "not-found", "nobody"),
    ],
)
@ONE_DATABASE
def test_refused(there, arguments, code, said) -> None:
    """What cannot be is refused, with everything that is wrong."""
    (problem,) = there("key", *arguments, "--json", status=1).json["problems"]
    assert problem["code"] == code
    assert said in problem["message"]


@ONE_DATABASE
def test_as_many_as_may_be(there, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting says how many keys an organisation may have."""
    monkeypatch.setenv("COACHKIT_MAX_KEYS", "1")
    there("key", "create", "northbridge", *SECRET)
    done = there("key", "create", "northbridge", *SECRET, "--json", status=1)
    assert done.json["problems"][0]["code"] == "limit-reached"


@ONE_DATABASE
def test_check_asks_in_a_terminal(there) -> None:
    """In a terminal the token is asked for, and is not shown while it is typed."""
    token = there("key", "create", "northbridge", *SECRET).out.strip()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from coachkit.cli import main; main(['key', 'check', '--json'])"]
    # a session of its own, whose terminal this is: what is hidden is asked for there
    script = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", script, *command],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as asked:
        os.close(theirs)
        shown = b""
        while b"Token: " not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, f"{token}\n".encode())
        said, _ = asked.communicate(timeout=60)
    shown += os.read(ours, 1024)
    os.close(ours)
    assert json.loads(said)["ok"] is True
    assert token.encode() not in shown
