"""ETags, conditional requests, what may be kept how long, and what a new edition does to all that."""

import subprocess
import sys
import textwrap
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from appmaker import NORTHBRIDGE, eventually
from packmaker import PACK, replacing

MODULE = "/v1/orgs/northbridge/modules/first-hour"
OTHER = "/v1/orgs/northbridge/modules/ask-for-feedback"
LIST = "/v1/orgs/northbridge/modules"
SEARCH = "/v1/orgs/northbridge/search?q=feedback"
ORGANISATION = "/v1/orgs/northbridge"
CACHEABLE = [MODULE, f"{MODULE}?format=html", f"{MODULE}?fields=title", LIST, f"{LIST}?limit=1", SEARCH, ORGANISATION]
CHANNEL_AGE = "public, max-age=30, s-maxage=60, stale-while-revalidate=300, stale-if-error=86400"
EDITION_AGE = "public, max-age=86400, s-maxage=31536000, immutable"
ON_304 = {"ETag", "Vary", "Cache-Control", "Surrogate-Key", "CoachKit-Edition"}
"""What a 304 says again of what a 200 said (RFC 9110, 15.4.5)."""


def stored(answer):
    """The headers of an answer without those that differ from request to request."""
    each_time = {"CoachKit-Request-Id", "Cache-Status"}
    return {name: value for name, value in answer.headers.items() if name not in each_time}


def at_edition(answer, path):
    """The same path at the address of the edition that an answer is from."""
    return path.replace(ORGANISATION, f"{ORGANISATION}/editions/{answer.headers['CoachKit-Edition']}", 1)


def renders(client):
    """How many documents this process has written down, as the metrics count them."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("coachkit_renders_total"))


@pytest.mark.parametrize("path", CACHEABLE)
def test_made_once(fresh, path):
    """The first answer is a miss and the second a hit, and nothing else tells them apart."""
    first, second = fresh.get(path), fresh.get(path)
    assert first.headers["Cache-Status"] == "CoachKit; fwd=miss"
    assert second.headers["Cache-Status"] == "CoachKit; hit; detail=memory"
    assert first.data == second.data
    assert stored(first) == stored(second)
    assert first.headers["CoachKit-Request-Id"] != second.headers["CoachKit-Request-Id"]


@pytest.mark.parametrize("path", CACHEABLE)
@pytest.mark.parametrize("warm", [False, True], ids=["miss", "hit"])
def test_head(fresh, path, warm):
    """HEAD is GET without the body: the same status and headers, Content-Length too, kept or not."""
    if warm:
        fresh.get(path)
    head = fresh.head(path)
    get = fresh.get(path)
    assert head.data == b""
    assert head.status_code == get.status_code
    assert int(head.headers["Content-Length"]) == len(get.data)
    assert stored(head) == stored(get)


@pytest.mark.parametrize("path", CACHEABLE)
def test_etag(client, path):
    """ETags are strong: quoted, opaque, without a W/."""
    tag = client.get(path).headers["ETag"]
    assert tag[0] == tag[-1] == '"'
    assert tag[1:-1].isalnum()


@pytest.mark.parametrize("path", CACHEABLE)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_not_modified(portal, path, method):
    """Who has it gets 304 without a body, from the store and from nothing alike, with the same headers."""
    client = portal.client()
    whole = client.get(path)
    tag = whole.headers["ETag"]
    hit = client.open(path, method=method, headers={"If-None-Match": tag})
    miss = portal.client().open(path, method=method, headers={"If-None-Match": tag})
    for answer in (hit, miss):
        assert (answer.status_code, answer.data) == (304, b"")
        assert ON_304 & set(whole.headers.keys()) <= set(answer.headers.keys())
        assert "Content-Type" not in answer.headers
        assert all(answer.headers[name] == whole.headers[name] for name in ON_304 if name in whole.headers)
    assert stored(hit) == stored(miss)
    assert hit.headers["Cache-Status"] == "CoachKit; hit; detail=memory"
    assert miss.headers["Cache-Status"] == "CoachKit; fwd=miss"


@pytest.mark.parametrize("path", [MODULE, f"{MODULE}?format=html"])
def test_not_modified_without_rendering(portal, path):
    """A 304 on a miss makes nothing: the ETag is known from what the document is made from."""
    tag = portal.client().get(path).headers["ETag"]
    fresh = portal.client()
    before = renders(fresh)
    assert fresh.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert renders(fresh) == before
    assert fresh.get(path).status_code == 200
    assert renders(fresh) == before + 1


@pytest.mark.parametrize("warm", [False, True], ids=["miss", "hit"])
@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('W/"other" , W/{tag},"more"', 304),
        ("*", 304),
        ('"other"', 200),
        ('"{tag}x"', 200),
        ("", 200),
        (",", 200),
        ('"', 200),
    ],
)
def test_if_none_match(portal, header, status, warm):
    """If-None-Match takes lists, weak forms and `*`, and compares weakly (RFC 9110, 13.1.2)."""
    client = portal.client()
    tag = client.get(MODULE).headers["ETag"]
    asked = client if warm else portal.client()
    assert asked.get(MODULE, headers={"If-None-Match": header.format(tag=tag)}).status_code == status


def test_other_conditions_change_nothing(fresh):
    """Dates and If-Match say nothing here: there are no dates, and nothing is changed by reading."""
    conditions = {
        "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT",
        "If-Match": '"other"',
        "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT",
        "If-Range": '"other"',
    }
    for _ in range(2):
        assert fresh.get(MODULE, headers=conditions).status_code == 200


def test_refusals_are_not_kept(fresh):
    """What is refused is not stored, and says so."""
    for _ in range(2):
        answer = fresh.get(f"{LIST}?limit=0")
        assert answer.status_code == 400
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers


def test_each_representation_has_its_etag(client):
    """Formats, locales, fields and organisations never share an ETag."""
    paths = [MODULE, f"{MODULE}?format=html", f"{MODULE}?locale=cy", f"{MODULE}?fields=title", f"{MODULE}?fields=id"]
    paths += [OTHER, "/v1/orgs/eastgate/modules/ask-for-feedback", "/v1/orgs/harbour/modules/ask-for-feedback"]
    assert len({client.get(path).headers["ETag"] for path in paths}) == len(paths)


def test_etag_says_nothing_of_how_it_was_asked(client):
    """One representation has one ETag, whether a header or a parameter chose it."""
    asked = client.get(MODULE, headers={"Accept": "text/html", "Accept-Language": "cy"})
    named = client.get(f"{MODULE}?format=html&locale=cy")
    assert asked.headers["ETag"] == named.headers["ETag"]
    assert asked.data == named.data


@pytest.mark.parametrize("path", CACHEABLE)
def test_etags_are_keyed(portal, path):
    """Another installation's ETags for the same content are others: an ETag tells nobody what is read."""
    theirs = portal.client(secret_key=bytes(range(1, 33)))
    assert theirs.get(path).headers["ETag"] != portal.client().get(path).headers["ETag"]


def test_same_everywhere(portal):
    """Another process with the same secret has the same ETags and the same bytes, whatever its hash seed."""
    script = textwrap.dedent("""
        import hashlib, pathlib, sys
        from coachkit.app import create_app
        from coachkit.settings import Settings
        client = create_app(Settings(sys.argv[1], bytes(range(32)))).test_client()
        for path in sys.argv[2:]:
            answer = client.get(path)
            print(answer.headers["ETag"], hashlib.sha256(answer.data).hexdigest())
    """)
    command = [sys.executable, "-W", "error", "-c", script, portal.settings.database_url, *CACHEABLE]
    outputs = [
        subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    here = portal.client()
    assert [line.split()[0] for line in outputs[0].splitlines()] == [here.get(p).headers["ETag"] for p in CACHEABLE]


@pytest.mark.parametrize("path", CACHEABLE)
def test_how_long(client, path):
    """At a channel's address an answer is kept briefly, at an edition's for ever."""
    channel = client.get(path)
    edition = client.get(at_edition(channel, path))
    assert channel.headers["Cache-Control"] == CHANNEL_AGE
    assert edition.headers["Cache-Control"] == EDITION_AGE


@pytest.mark.parametrize("path", [MODULE, f"{MODULE}?format=html&locale=cy", ORGANISATION, f"{LIST}?topic=feedback"])
def test_edition_has_the_same_bytes(client, path):
    """What an edition serves is byte for byte what a channel that points at it serves."""
    channel = client.get(path)
    edition = client.get(at_edition(channel, path))
    assert edition.data == channel.data
    if path.startswith(MODULE):
        assert edition.headers["ETag"] == channel.headers["ETag"]


def test_surrogate_keys(client):
    """Everything that an answer depends on is named, so that a cache in front can drop just that."""
    answer = client.get(MODULE)
    organisation, edition, document, release = answer.headers["Surrogate-Key"].split()
    assert organisation == "org/northbridge"
    assert edition == f"edition/{answer.headers['CoachKit-Edition']}"
    assert document.startswith("doc/sha256:")
    assert release == "release/example@1.0.0"
    assert client.get(LIST).headers["Surrogate-Key"] == f"{organisation} {edition}"


NEXT = {
    PACK: replacing("1.0.0", "1.1.0"),
    "modules/first-hour.md": replacing("Nothing needs an answer today.", "Nothing needs an answer this week."),
}


def test_a_new_edition(house):
    """A new release shows at the channel; what it left alone keeps ETag and bytes; the old edition stays as it was."""
    client = house.client()
    old, untouched = client.get(MODULE), client.get(OTHER)
    old_address = at_edition(old, MODULE)
    assert client.get(old_address).data == old.data
    house.publish(**NEXT)
    edition = house.edition("northbridge")
    new = eventually(lambda: (got := client.get(MODULE)).headers["CoachKit-Edition"] == edition and got)
    assert "this week" in new.text
    assert new.headers["ETag"] != old.headers["ETag"]
    assert client.get(MODULE, headers={"If-None-Match": old.headers["ETag"]}).status_code == 200
    still = client.get(OTHER)
    assert still.headers["CoachKit-Edition"] == edition
    assert still.headers["Cache-Status"] == "CoachKit; fwd=miss"
    assert (still.data, still.headers["ETag"]) == (untouched.data, untouched.headers["ETag"])
    kept = client.get(old_address)
    assert (kept.data, kept.headers["ETag"]) == (old.data, old.headers["ETag"])
    assert house.client().get(old_address).data == old.data


def test_other_organisations_are_left_alone(house):
    """An organisation that has not published an edition serves what it served, from the store."""
    client = house.client()
    path = "/v1/orgs/eastgate/modules/first-hour"
    before = client.get(path)
    house.publish(**NEXT)
    edition = house.edition("northbridge")
    eventually(lambda: client.get(MODULE).headers["CoachKit-Edition"] == edition)
    after = client.get(path)
    assert (after.data, after.headers["Cache-Status"]) == (before.data, "CoachKit; hit; detail=memory")


def test_rolling_back(house):
    """After a rollback the channel serves the old edition's very answers, and the new one's address still answers."""
    client = house.client()
    old = client.get(MODULE)
    house.publish(**NEXT)
    edition = house.edition("northbridge")
    new = eventually(lambda: (got := client.get(MODULE)).headers["CoachKit-Edition"] == edition and got)
    assert house.rollback("northbridge") == old.headers["CoachKit-Edition"]
    back = eventually(lambda: (got := client.get(MODULE)).headers["CoachKit-Edition"] != edition and got)
    assert (back.data, stored(back)) == (old.data, stored(old))
    assert client.get(at_edition(new, MODULE)).data == new.data


def test_changed_brand_value(house):
    """A new value of a placeholder changes the documents that use it and no other."""
    client = house.client()
    before = {path: client.get(path).headers["ETag"] for path in (MODULE, OTHER)}
    settings = {**NORTHBRIDGE, "brand": {**NORTHBRIDGE["brand"], "careers_email": "talk@northbridge.example"}}
    house.set("northbridge", settings)
    edition = house.edition("northbridge")
    new = eventually(lambda: (got := client.get(MODULE)).headers["CoachKit-Edition"] == edition and got)
    assert "talk@northbridge.example" in new.text
    assert new.headers["ETag"] != before[MODULE]
    assert client.get(OTHER).headers["ETag"] == before[OTHER]


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_silent_database(house, postgres):
    """While the database is silent the last known pointers serve, and Cache-Status says so; then all is well again."""
    client = house.client()
    client.get(MODULE)
    name = urlsplit(house.settings.database_url).path.lstrip("/")
    with closing(psycopg.connect(postgres("postgres"), autocommit=True)) as conn:
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        stale = eventually(lambda: "stale" in (got := client.get(MODULE)).headers["Cache-Status"] and got)
        assert stale.headers["Cache-Status"] == "CoachKit; hit; detail=memory; stale"
        assert stale.status_code == 200
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    eventually(lambda: "stale" not in client.get(MODULE).headers["Cache-Status"])


def test_variants_leave_documents_alone(portal):
    """However many filtered and cut views are asked for, a kept document stays kept."""
    client = portal.client(cache_bytes=400_000)
    client.get(MODULE)
    for number in range(120):
        client.get(f"{LIST}?topic=topic-{number}")
        client.get(f"{OTHER}?fields=id{',title' * (number % 20)}")
    assert client.get(MODULE).headers["Cache-Status"] == "CoachKit; hit; detail=memory"


def test_store_is_bounded(portal):
    """With hardly any memory everything is answered, and nothing much is kept in the process."""
    client = portal.client(cache_bytes=1024)
    found = [client.get(MODULE).headers["Cache-Status"] for _ in range(2)]
    again = "CoachKit; hit; detail=redis" if portal.settings.redis_url else "CoachKit; fwd=miss"
    assert found == ["CoachKit; fwd=miss", again]


def test_a_hit_from_redis_is_one_round_trip(portal, redis_server):
    """Each hit from Redis sends one GET and nothing else, on a connection that is there already."""
    client = portal.client(cache_bytes=0, redis_url=f"redis://127.0.0.1:{redis_server.port}/1")
    made = client.get(MODULE)
    with redis.Redis(port=redis_server.port, db=1) as server:
        server.config_resetstat()
        hits = [client.get(MODULE) for _ in range(10)]
        sent = {name: each["calls"] for name, each in server.info("commandstats").items()}
    assert {(hit.data, hit.headers["Cache-Status"]) for hit in hits} == {(made.data, "CoachKit; hit; detail=redis")}
    assert sent == {"cmdstat_config|resetstat": 1, "cmdstat_get": 10}
