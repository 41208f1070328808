"""What is kept of searches and what never is: ETags, the process's own store, editions, and readers' words."""

import io
from dataclasses import replace

import redis
import structlog
from appmaker import HARBOUR, eventually, services_of
from finding import ask, ids
from packmaker import module

from coachkit.api import logs

SEARCH = "/v1/orgs/northbridge/search"


def test_kept_in_the_process(portal, fresh):
    """The second of two equal questions is answered from this process's store, and has the same bytes."""
    first, second = ask(fresh, "feedback"), ask(fresh, "feedback")
    assert first.headers["Cache-Status"] == "CoachKit; fwd=miss"
    assert second.headers["Cache-Status"] == "CoachKit; hit; detail=memory"
    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"]


def test_not_modified(client, portal):
    """Who has the answer gets 304, from whichever worker."""
    tag = ask(client, "feedback").headers["ETag"]
    for worker in (client, portal.client()):
        answer = worker.get(f"{SEARCH}?q=feedback", headers={"If-None-Match": tag})
        assert (answer.status_code, answer.data) == (304, b"")


def test_each_question_has_its_etag(client):
    """Questions that differ have ETags that do, and so have their locales and pages."""
    more = ["", "&locale=cy", "&limit=1", "&kind=module", "&fields=id"]
    tags = {client.get(f"{SEARCH}?q={q}{rest}").headers["ETag"] for q in ("ask", "Ask", "ask+") for rest in more}
    assert len(tags) == 3 * len(more)


def test_never_shared(portal, redis_server):
    """What readers type never leaves the process for the store that workers share."""
    address = f"redis://127.0.0.1:{redis_server.port}/1"
    client = portal.client(redis_url=address)
    client.get("/v1/orgs/northbridge/modules/first-hour")
    with redis.Redis.from_url(address) as shared:
        before = eventually(lambda: shared.keys("*"))
        ask(client, "something private")
        ask(client, "something private")
        client.get("/v1/orgs/northbridge/modules/ask-for-feedback")
        after = eventually(lambda: (keys := shared.keys("*")) != before and keys)
        kept = b"".join(key + b" " + (shared.get(key) or b"") for key in after if shared.type(key) == b"string")
    assert len(after) == len(before) + 1
    assert b"private" not in kept
    assert b"/search" not in kept


def test_edition(client):
    """An edition can be searched at its own address, and what was found there may be kept for ever."""
    live = ask(client, "feedback")
    edition = live.headers["CoachKit-Edition"]
    own = client.get(f"/v1/orgs/northbridge/editions/{edition}/search?q=feedback")
    assert own.data == live.data
    assert own.headers["Cache-Control"] == "public, max-age=86400, s-maxage=31536000, immutable"
    assert live.headers["Cache-Control"].startswith("public, max-age=30")


def test_new_edition(house):
    """Once an edition is live its words are found, and the one before can still be searched at its own address."""
    client = house.client()
    before = ask(client, "platypus", "harbour")
    assert ids(before) == []
    house.publish_small("more", platypus=module("Platypus"))
    house.set("harbour", {**HARBOUR, "packs": {"example": ">=1.0,<2", "more": "*"}})
    house.edition("harbour")
    eventually(lambda: ids(ask(client, "platypus", "harbour")) == ["platypus"])
    edition = before.headers["CoachKit-Edition"]
    assert client.get(f"/v1/orgs/harbour/editions/{edition}/search?q=platypus").json == {"items": []}


def test_index_is_kept_where_nothing_changed(house):
    """An edition that changed no document of a locale is searched in the index that was there."""
    app = house.app()
    client, indexes = app.test_client(), services_of(app).indexes
    first = ask(client, "feedback", "harbour").headers["CoachKit-Edition"]
    brand = {**HARBOUR["brand"], "colours": {"link": "#003366"}}
    house.set("harbour", {**HARBOUR, "brand": brand})
    house.edition("harbour")
    eventually(lambda: ask(client, "feedback", "harbour").headers["CoachKit-Edition"] != first)
    assert indexes.size[0] == 1


# --- privacy ------------------------------------------------------------------------------------


def test_never_logged_or_counted(portal):
    """Neither the log nor the metrics hold what a reader typed, answered or refused, hit or miss."""
    stream, before = io.BytesIO(), structlog.get_config()
    logs.configure(stream)
    try:
        client = portal.client(log_hits=True)
        for _ in range(2):
            ask(client, "unspeakable feedback")
            client.get(f"{SEARCH}?q=unspeakable&limit=0")
            client.get(f"{SEARCH}?q={'unspeakable' * 30}")
            client.get(f"{SEARCH}?q=unspeakable&unspeakable=1")
        metrics = client.get("/metrics").text
    finally:
        structlog.configure(**before)
    log = stream.getvalue().decode()
    assert log.count("/search") >= 8
    assert "unspeakable" not in log
    assert "/search" in metrics
    assert "unspeakable" not in metrics


def test_faults_say_nothing(portal, monkeypatch):
    """A fault while searching is logged without the question."""
    stream, before = io.BytesIO(), structlog.get_config()
    logs.configure(stream)
    try:
        app = portal.app()
        parts = services_of(app)
        app.extensions["coachkit"] = replace(parts, indexes=None)
        answer = app.test_client().get(f"{SEARCH}?q=unspeakable")
    finally:
        structlog.configure(**before)
    assert answer.status_code == 500
    assert "unspeakable" not in answer.text
    assert "AttributeError" in stream.getvalue().decode()
    assert "unspeakable" not in stream.getvalue().decode()
