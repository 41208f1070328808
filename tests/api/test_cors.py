"""Public content can be read by any page: what a browser asks before, and what it is told after."""

import pytest

ORIGIN = "https://portal.example"
MODULE = "/v1/orgs/northbridge/modules/first-hour"
FILL = "/v1/orgs/northbridge/templates/thank-you/fill"


def preflight(client, path, method, *headers):
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = ", ".join(headers)
    return client.options(path, headers=asked)


def names(answer, header):
    return {name.strip().lower() for name in answer.headers.get(header, "").split(",")}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (MODULE, 200),
        (f"{MODULE}?format=html", 200),
        ("/v1/orgs/northbridge", 200),
        ("/v1/orgs/northbridge/modules", 200),
        ("/v1/packs", 200),
        ("/v1/packs/example/releases/1.0.0", 200),
        ("/v1/orgs/northbridge/modules/none", 404),
        ("/v1/nothing", 404),
        (f"{MODULE}?locale=fr", 400),
        (FILL, 405),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}], ids=["same origin", "another"])
def test_any_page_may_read(client, path, status, headers):
    """Every answer under /v1, refusals too, may be read by a page of any origin, and says so once."""
    for _ in range(2):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status
        assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", [MODULE, "/v1/orgs/northbridge/modules?limit=1", "/v1/nothing"])
def test_headers_that_pages_may_read(client, path):
    """A page may read the headers that this API adds."""
    readable = names(client.get(path), "Access-Control-Expose-Headers")
    assert {"etag", "link", "coachkit-edition", "coachkit-request-id", "retry-after"} <= readable
    assert {"deprecation", "sunset"} <= readable


def test_not_modified(client):
    """A 304 may be read as well: browsers check each answer."""
    tag = client.get(MODULE).headers["ETag"]
    answer = client.get(MODULE, headers={"If-None-Match": tag, "Origin": ORIGIN})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (304, "*")


def test_images_are_for_any_page(client):
    """A picture of a pack may be drawn on another site's canvas."""
    html = client.get(f"{MODULE}?format=html").text
    path = html.partition('<img src="')[2].partition('"')[0]
    assert client.get(path).headers["Access-Control-Allow-Origin"] == "*"


def test_preflight_of_a_fill(client):
    """Before it posts JSON a browser asks, and may."""
    answer = preflight(client, FILL, "POST", "content-type")
    assert answer.status_code in {200, 204}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "post" in names(answer, "Access-Control-Allow-Methods")
    assert "content-type" in names(answer, "Access-Control-Allow-Headers")
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert answer.data == b""


def test_preflight_of_a_condition(client):
    """A page that keeps what it read may ask with If-None-Match."""
    answer = preflight(client, MODULE, "GET", "if-none-match")
    assert "get" in names(answer, "Access-Control-Allow-Methods")
    assert "if-none-match" in names(answer, "Access-Control-Allow-Headers")


def test_preflight_allows_a_publishable_key(client):
    """A page may send the key that is made for pages."""
    answer = preflight(client, MODULE, "GET", "authorization")
    assert "authorization" in names(answer, "Access-Control-Allow-Headers")


def test_methods_are_those_that_answer(client):
    """A preflight allows just what the address answers."""
    assert names(preflight(client, FILL, "POST"), "Access-Control-Allow-Methods") == {"post", "options"}
    assert names(preflight(client, MODULE, "GET"), "Access-Control-Allow-Methods") == {"get", "head", "options"}


def test_preflight_of_nothing(client):
    """Where there is nothing there is nothing to ask for."""
    assert preflight(client, "/v1/nothing", "GET").status_code == 404


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/", "/docs"])
def test_the_rest_is_not_shared(client, path):
    """What is no public content is not opened to other sites' pages."""
    assert "Access-Control-Allow-Origin" not in client.get(path).headers


def test_a_filled_message_may_be_read(client):
    """The page that posted may read what it gets back."""
    answer = client.post(FILL, json={"values": {"interviewer_name": "Ms Rees"}}, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")


def test_a_fault_of_ours_may_be_read(portal):
    """Even an unexpected fault is readable, so that a page can show its request id."""
    app = portal.app()

    def fails():
        raise RuntimeError("boom")

    app.add_url_rule("/v1/fails", "fails", fails)
    answer = app.test_client().get("/v1/fails")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (500, "*")
