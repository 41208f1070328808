"""Idempotency-Key: what creates something does it once, however often and from how many sides it is asked."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from appmaker import house_over
from creating import BEGUN, COMMITTED, DONE, KEY, OPERATOR, add_views, effects, let_leases_run_out, never, rows
from openapi_spec_validator import OpenAPIV31SpecValidator

from coachkit.api.idempotent import Answer
from coachkit.settings import Settings

NOTES = "/v1/orgs/northbridge/notes"
TOKENS = "/v1/orgs/northbridge/tokens"
postgres_only = pytest.mark.parametrize("database", ["postgres"], indirect=True)


@pytest.fixture
def house(database, tmp_path):
    """Two organisations on each database, and nothing published: what creates something is asked for here."""
    settings = Settings(database.url, bytes(range(32)), data_dir=tmp_path)
    with house_over(settings, database, tmp_path) as house:
        house.organisation("northbridge")
        house.organisation("harbour")
        yield house


@pytest.fixture
def make_client(house):
    """Makes a client of a worker of its own, with the views; `moments` may stop a request."""

    def make(moments=never, **settings):
        return add_views(house.app(**{"limit_writes": 10_000, **settings}), moments).test_client(use_cookies=False)

    return make


@pytest.fixture
def client(make_client):
    return make_client()


def post(client, text="a", path=NOTES, key=KEY, query="", **headers):
    given = headers if key is None else {"Idempotency-Key": key, **headers}
    return client.post(path + query, json={"text": text}, headers=given)


def said(answer):
    """What of an answer is the same each time."""
    own = {"CoachKit-Request-Id", "Idempotent-Replayed", "RateLimit"}
    return answer.status_code, {k: v for k, v in answer.headers.items() if k not in own}, answer.data


# --- the same again -----------------------------------------------------------------------------


def test_done_once(client, database):
    """A repeat is answered as the first was, with the same bytes and headers, and creates nothing more."""
    first, second = post(client), post(client)
    assert (first.status_code, first.json) == (201, {"number": 1, "text": "a"})
    assert first.headers["Location"] == f"{NOTES}/1"
    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["Cache-Control"] == "no-store"
    assert said(first) == said(second)
    assert effects(database) == ["a"]


def test_a_replay_says_so(client):
    """The first answer and a repeated one are told apart by a header."""
    assert [post(client).headers.get("Idempotent-Replayed") for _ in range(3)] == [None, "true", "true"]


def test_by_another_worker(client, make_client, database):
    """It does not matter which worker is asked."""
    assert said(post(client)) == said(post(make_client()))
    assert effects(database) == ["a"]


def test_without_a_key(client, database):
    """Without the header a request is done as it is, each time, and nothing about it is stored."""
    assert [post(client, key=None).json["number"] for _ in range(2)] == [1, 2]
    assert (effects(database), rows(database)) == (["a", "a"], [])


def test_another_key_is_another_request(client, database):
    """What is sent with a new key is done."""
    post(client)
    assert post(client, key="another").json["number"] == 2
    assert effects(database) == ["a", "a"]


@pytest.mark.parametrize("other", [{"text": "b"}, {"path": TOKENS}], ids=["body", "path"])
def test_another_request(client, database, other):
    """The same key with another body or path is refused by the header's name, and nothing is done."""
    post(client)
    answer = post(client, **other)
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/idempotency-key-reused")
    assert [(each["header"], each["code"]) for each in answer.json["errors"]] == [
        ("Idempotency-Key", "idempotency-key-reused")
    ]
    assert effects(database) == ["a"]


@pytest.mark.parametrize("other", [{"path": "/v1/orgs/harbour/notes"}, {"Caller": "key b"}], ids=["org", "caller"])
def test_callers_do_not_meet(client, database, other):
    """The same key of another caller, or for another organisation, stands for a request of its own."""
    post(client)
    assert "Idempotent-Replayed" not in post(client, "b", **other).headers
    assert effects(database) == ["a", "b"]


def test_across_organisations(client, database):
    """What begins across organisations and goes on within one is done once too."""
    answers = [post(client, Caller=OPERATOR) for _ in range(2)]
    assert said(answers[0]) == said(answers[1])
    assert effects(database) == ["a"]
    assert [row["organisation_id"] for row in rows(database)] == [0]


@pytest.mark.parametrize("key", ["", "k" * 256, "a b", "é"], ids=["empty", "long", "space", "letter"])
def test_keys_that_are_none(client, database, key):
    """A key that is empty, too long or not visible ASCII is 400 by the header's name, and nothing is done."""
    answer = client.post(NOTES, json={"text": "a"}, environ_overrides={"HTTP_IDEMPOTENCY_KEY": key})
    assert answer.status_code == 400
    assert [(each["header"], each["code"]) for each in answer.json["errors"]] == [("Idempotency-Key", "invalid-value")]
    assert (effects(database), rows(database)) == ([], [])


@pytest.mark.parametrize("key", ["!", "~" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"'])
def test_keys_that_are_some(client, key):
    """Any visible ASCII will do, the draft's quoted strings too."""
    assert [post(client, key=key).status_code for _ in range(2)] == [201, 201]


# --- refusals and faults ------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "status"), [("one too many", 409), ("fault", 500)])
def test_a_refusal_leaves_nothing(client, database, text, status):
    """What is refused or fails is undone and not remembered: the same request is tried again."""
    assert [post(client, text).status_code for _ in range(2)] == [status, status]
    assert (effects(database), rows(database)) == ([], [])
    assert post(client, "a").status_code == 201


def test_a_body_that_breaks_a_rule(client, database):
    """What is refused before anything is done leaves nothing either."""
    assert client.post(NOTES, json={}, headers={"Idempotency-Key": KEY}).status_code == 422
    assert rows(database) == []


@pytest.mark.parametrize("status", [199, 302, 409, 500])
def test_a_refusal_is_no_answer(status):
    """A view that would answer with a refusal, and so have it stored, fails instead."""
    with pytest.raises(ValueError, match=str(status)):
        Answer(status)


def test_charged_for_repeats_too(make_client, database):
    """A repeat costs what a request does; its answer and a refusal say what is left, and the last one when to come."""
    client = make_client(limit_writes=3)
    answers = [post(client), post(client), post(client, "b"), post(client)]
    assert [answer.status_code for answer in answers] == [201, 201, 422, 429]
    assert [answer.headers["RateLimit"].split(";")[:2] for answer in answers] == [
        ['"write"', "r=2"],
        ['"write"', "r=1"],
        ['"write"', "r=0"],
        ['"write"', "r=0"],
    ]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"write";q=3;w=60'}
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert effects(database) == ["a"]


# --- while it is being done ---------------------------------------------------------------------


class Stop:
    """Holds a request at a moment, until it may go on."""

    def __init__(self, at):
        self.at, self.there, self.go = at, threading.Event(), threading.Event()

    def __call__(self, moment):
        if moment == self.at:
            self.there.set()
            assert self.go.wait(20)


def test_in_flight(make_client, database):
    """While the same is being done a repeat is 409 and says when to ask again, and then has the answer."""
    stop = Stop(BEGUN)
    slow, other = make_client(stop), make_client()
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(post, slow)
        assert stop.there.wait(20)
        repeat = post(other)
        another = post(other, "b")
        stop.go.set()
        answer = first.result()
    assert (repeat.status_code, repeat.headers["Retry-After"]) == (409, "1")
    assert another.status_code == 422
    assert said(post(other)) == said(answer)
    assert effects(database) == ["a"]


@postgres_only
def test_too_late(make_client, database):
    """Who was so slow that another took over is told so, undone, and can ask for the other's answer.

    On SQLite writers take turns, so there nobody takes over from one that is at it.
    """
    stop = Stop(BEGUN)
    slow, other = make_client(stop), make_client()
    with ThreadPoolExecutor(1) as thread:
        late = thread.submit(post, slow)
        assert stop.there.wait(20)
        let_leases_run_out(database)
        over = post(other)
        stop.go.set()
        answer = late.result()
    assert over.status_code == 201
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
    assert said(post(slow)) == said(over)
    assert effects(database) == ["a"]


# --- many at once, and those that die -----------------------------------------------------------


@pytest.mark.soak
def test_many_at_once(make_client, database, repeats):
    """Of 100 repeats at once, from two workers, one has an effect; all are answered alike or told to ask again."""
    clients = [make_client(), make_client()]
    assert {client.get("/v1/orgs/northbridge/notes").status_code for client in clients} == {405}  # both are at work
    for turn in range(repeats(small=2, full=30)):
        start = threading.Barrier(100)

        def ask(number, turn=turn, start=start):
            start.wait()
            return post(clients[number % 2], f"{turn}", key=f"key-{turn}")

        with ThreadPoolExecutor(100) as threads:
            answers = list(threads.map(ask, range(100)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        done = {json.dumps(said(answer), default=str) for answer in answers if answer.status_code == 201}
        assert len(done) == 1
        assert effects(database) == [f"{number}" for number in range(turn + 1)]


KILLED = """
    import os, signal, sys
    from creating import add_views
    from coachkit.app import create_app
    from coachkit.settings import Settings

    url, at, key = sys.argv[1:]

    def moments(moment):
        if moment == at:
            os.kill(os.getpid(), signal.SIGKILL)

    client = add_views(create_app(Settings(url, bytes(range(32)))), moments).test_client()
    client.post("/v1/orgs/northbridge/notes", json={"text": "a"}, headers={"Idempotency-Key": key})
"""


@pytest.mark.soak
@pytest.mark.parametrize("moment", [BEGUN, DONE, COMMITTED])
def test_a_killed_worker(client, database, moment, repeats):
    """Killed between claim and effect, effect and answer, or answer and sending it: the same, sent again, is done once.

    Until the lease is over a repeat is told to ask again, but not where it was done.
    """
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # where the views are
    for turn in range(1, repeats(small=1, full=15) + 1):
        command = [sys.executable, "-c", textwrap.dedent(KILLED), database.url, moment, str(turn)]
        assert subprocess.run(command, check=False, timeout=60, env=environ).returncode == -signal.SIGKILL
        if moment != COMMITTED:
            assert post(client, key=str(turn)).status_code == 409
            assert len(effects(database)) == turn - 1
            let_leases_run_out(database)
        answer = post(client, key=str(turn))
        assert (answer.status_code, answer.json["number"]) == (201, turn)
        assert said(answer) == said(post(client, key=str(turn)))
        assert effects(database) == ["a"] * turn


# --- secrets and what is stored -----------------------------------------------------------------


def test_a_secret_shown_once(client, database):
    """A secret comes back with the replay, the same, though what is stored does not hold it."""
    first, second = post(client, path=TOKENS), post(client, path=TOKENS)
    token = first.json["token"]
    assert len(bytes.fromhex(token)) == 32
    assert said(first) == said(second)
    assert effects(database) == [hashlib.sha256(bytes.fromhex(token)).hexdigest()]
    assert token not in str(rows(database))
    assert bytes.fromhex(token) not in b"".join(row["body"] for row in rows(database))


def test_secrets_are_new(client, make_client):
    """Each key, each caller, each time without a key, and each thing made anew has another secret."""
    other = make_client(secret_key=bytes(reversed(range(32))))
    tokens = [
        post(client, path=TOKENS),
        post(client, path=TOKENS, key="another"),
        post(client, path=TOKENS, Caller="key b"),
        post(client, path=TOKENS, key=None),
        post(client, path=TOKENS, key=None),
        post(other, path=TOKENS),
    ]
    assert len({answer.json["token"] for answer in tokens}) == len(tokens)


def test_nothing_of_a_request_is_stored(client, database):
    """Neither the key nor the body can be read from what is stored, but for what the answer itself says."""
    client.post(TOKENS, json={"text": "a secret"}, headers={"Idempotency-Key": KEY})
    (row,) = rows(database)
    assert KEY not in str(row)
    assert "a secret" not in str(row)
    assert row["caller"] == "key a"


def test_the_document(client):
    """The header and what it may be refused with are in the OpenAPI document."""
    document = client.get("/openapi.json").json
    OpenAPIV31SpecValidator(document).validate()
    operation = document["paths"]["/v1/orgs/{organisation}/notes"]["post"]
    header = next(each for each in operation["parameters"] if each.get("in") == "header")
    assert (header["name"], header["required"], header["schema"]["pattern"]) == (
        "Idempotency-Key", False, "^[!-~]{1,255}$",
    )  # fmt: skip
    assert {"201", "400", "409", "422"} <= set(operation["responses"])
