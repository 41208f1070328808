"""Health, readiness and who may read the metrics."""

import flask
import pytest

from coachkit.api import operations, problems

TOKEN = "a-long-token"  # noqa: S105  # of the test alone


def client(*checks, token=TOKEN, proxies=0):
    app = flask.Flask("operations")
    problems.register(app)
    app.register_blueprint(operations.blueprint(checks, metrics_token=token, trusted_proxies=proxies))
    return app.test_client()


def check(name, status, detail=None):
    return lambda: (name, status, detail)


def metrics(client, address="203.0.113.9", **headers):
    environ = {"REMOTE_ADDR": address} if address is not None else {}
    return client.get("/metrics", environ_overrides=environ, headers=headers)


def test_health_is_the_process_alone():
    """A living process is healthy, whatever its checks say."""
    answer = client(check("database", "down")).get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("statuses", "worst", "code"),
    [
        ([], "ok", 200),
        (["ok", "ok"], "ok", 200),
        (["ok", "degraded"], "degraded", 200),
        (["down", "ok", "degraded"], "degraded", 503),
    ],
)
def test_readiness_is_that_of_the_worst_check(statuses, worst, code):
    """Degraded still serves; only down is 503."""
    answer = client(*(check(f"check{number}", status) for number, status in enumerate(statuses))).get("/readyz")
    assert (answer.status_code, answer.get_json()["status"]) == (code, worst)


def test_readiness_says_what_each_check_found():
    """Each check is named with its status and its words, null where it has none."""
    answer = client(check("database", "ok"), check("redis", "degraded", "No answer.")).get("/readyz")
    assert answer.get_json()["checks"] == {
        "database": {"status": "ok", "detail": None},
        "redis": {"status": "degraded", "detail": "No answer."},
    }


def test_down_says_when_to_come_back():
    """503 has Retry-After and may not be stored."""
    answer = client(check("database", "down")).get("/readyz")
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_check_that_raises_is_down_and_harms_no_other():
    """A broken check is reported as down, without its words, beside the others."""

    def broken():
        raise RuntimeError("postgresql://user:password@host")

    answer = client(broken, check("pointers", "ok")).get("/readyz")
    assert answer.status_code == 503
    assert {name: found["status"] for name, found in answer.get_json()["checks"].items()} == {
        "broken": "down",
        "pointers": "ok",
    }
    assert "password" not in answer.text


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_metrics_answer_on_this_machine(address):
    """A peer on loopback reads the metrics as Prometheus expects them."""
    answer = metrics(client(), address)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    assert b"coachkit_request_seconds" in answer.data


@pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.1", "::2", "", "localhost", "127.0.0.1, 203.0.113.9"])
def test_metrics_are_not_there_for_others(address):
    """Any other peer gets the bytes of an address where nothing is."""
    there, nowhere = metrics(client(), address), client().get("/nowhere")
    assert (there.status_code, there.data) == (404, nowhere.data)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_does_not_open_the_metrics(header):
    """What came through a proxy is not from this machine, though the proxy is; nor does a forwarded address help."""
    assert metrics(client(), "127.0.0.1", **{header: "127.0.0.1"}).status_code == 404
    assert metrics(client(), "203.0.113.9", **{header: "127.0.0.1"}).status_code == 404


def test_behind_trusted_proxies_the_address_counts_for_nothing():
    """With trusted proxies the address is what they say, so only the token opens the metrics."""
    behind = client(proxies=1)
    assert metrics(behind, "127.0.0.1").status_code == 404
    assert metrics(behind, "127.0.0.1", Authorization=f"Bearer {TOKEN}").status_code == 200


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 404),
        ("Bearer ", 404),
        ("Bearer", 404),
        (f"Basic {TOKEN}", 404),
        (TOKEN, 404),
        ("Bearer \xff\xfe", 404),
    ],
)
def test_the_token_opens_the_metrics_and_nothing_else_does(given, status):
    """The bearer token opens the metrics from anywhere; anything near it does not."""
    assert metrics(client(), Authorization=given).status_code == status


@pytest.mark.parametrize("given", ["Bearer None", "Bearer ", "Bearer"])
def test_without_a_token_set_none_opens_the_metrics(given):
    """An installation that set no token has none that could be guessed."""
    assert metrics(client(token=None), Authorization=given).status_code == 404
