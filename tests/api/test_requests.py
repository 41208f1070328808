"""The layer around everything: ids, headers, the log and what is counted."""

import io
import json
import os

import flask
import pytest
import structlog

from coachkit.api import logs, problems, requests
from coachkit.api.metrics import exposition


@pytest.fixture
def log():
    stream = io.BytesIO()
    before = structlog.get_config()
    logs.configure(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.configure(**before)


@pytest.fixture
def app(log):
    app = flask.Flask("requests")
    problems.register(app)
    requests.register(app)

    @app.get("/v1/orgs/<org>/modules/<module>")
    def module(org, module):
        if org == "real":
            requests.concerns("real")
        return {"module": module}

    @app.get("/page")
    def page():
        return "<p>Hello</p>"

    @app.get("/own")
    def own():
        return flask.Response("x", headers={"Content-Security-Policy": "default-src 'self'"})

    @app.get("/unchanged")
    def unchanged():
        return flask.Response(status=304)

    @app.get("/fault")
    def fault():
        raise RuntimeError("inner words")

    return app


def watched(app, **options):
    app.wsgi_app = requests.watch(app.wsgi_app, **options)
    return app.test_client()


@pytest.fixture
def client(app):
    return watched(app)


def lane(status="200 OK", headers=(("Content-Type", "application/json"),), body=(b"{}",), found="memory"):
    def application(environ, start_response):
        environ[requests.ROUTE] = "/lane"
        environ[requests.CACHE] = found
        start_response(status, list(headers))
        return body

    return application


def call(application, method="GET", path="/"):
    answer = {}
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": ""}

    def start_response(status, headers, exc_info=None):
        answer.update(status=status, headers=headers)

    answer["body"] = b"".join(application(environ, start_response))
    return answer


def test_every_answer_has_an_id_of_its_own(client):
    """Each answer carries 128 bits of our own making, whatever id the caller sends."""
    first = client.get("/page", headers={"X-Request-Id": "mine", "CoachKit-Request-Id": "mine"})
    second = client.get("/nowhere")
    ids = [answer.headers["CoachKit-Request-Id"] for answer in (first, second)]
    assert len(set(ids)) == 2
    assert all(len(bytes.fromhex(found)) == 16 for found in ids)


@pytest.mark.parametrize("path", ["/page", "/nowhere", "/fault", "/own", "/v1/orgs/a/modules/b"])
def test_every_answer_forbids_sniffing_and_referrers(client, path):
    """Content types are not guessed from answers, and no address leaks by referrer."""
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/v1/orgs/a/modules/b", requests.POLICY),
        ("/nowhere", requests.POLICY),
        ("/page", requests.PAGE_POLICY),
        ("/own", "default-src 'self'"),
    ],
)
def test_every_answer_has_one_policy(client, path, policy):
    """A view's own policy stays; pages may show their images, and all else may do nothing when opened."""
    assert client.get(path).headers.getlist("Content-Security-Policy") == [policy]


def test_not_modified_leaves_the_stored_policy_alone(client):
    """A 304 carries no policy, which would take the place of the one that was stored with the body."""
    assert "Content-Security-Policy" not in client.get("/unchanged").headers


def test_a_kept_list_of_headers_is_not_changed():
    """The headers that a layer below hands over may be its own, and stay as they are."""
    kept = [("Content-Type", "application/json")]

    def application(environ, start_response):
        start_response("200 OK", kept)
        return [b"{}"]

    call(requests.watch(application))
    assert kept == [("Content-Type", "application/json")]


def test_the_log_says_what_was_asked_in_general(client, log):
    """A line has method, route template, organisation, status, time and the id that the caller saw, and no more."""
    answer = client.get("/v1/orgs/real/modules/b", headers={"User-Agent": "agent", "Referer": "https://from.example"})
    (line,) = log()
    assert set(line) == {"event", "level", "timestamp", "method", "route", "organisation", "status", "ms", "request_id"}
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", 200)
    assert line["route"] == "/v1/orgs/<org>/modules/<module>"
    assert line["organisation"] == "real"
    assert line["request_id"] == answer.headers["CoachKit-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/private-words"),
        ("GET", "/v1/orgs/private-words/modules/private-words"),
        ("GET", "/page?q=private-words"),
        ("PRIVATE-WORDS", "/page"),
    ],
)
def test_nothing_that_a_caller_wrote_is_logged(client, log, method, path):
    """Paths' free parts, queries, made-up methods and organisations that do not exist are not in the log."""
    client.open(path, method=method, headers={"User-Agent": "private-words", "Referer": "http://private-words/"})
    assert len(log()) == 1
    assert "private-words" not in json.dumps(log()).lower()


def test_hits_are_logged_only_if_asked(log):
    """A cache hit writes no line unless the operator wants it; a miss does."""
    call(requests.watch(lane()))
    assert log() == []
    call(requests.watch(lane(found="miss")))
    call(requests.watch(lane(), log_hits=True))
    assert [line["route"] for line in log()] == ["/lane", "/lane"]


def test_a_fault_is_logged_with_its_trace_under_the_callers_id(client, log):
    """The traceback stands under the id that the caller has, and the caller has nothing of it."""
    answer = client.get("/fault")
    fault, line = log()
    assert fault["event"] == "unexpected"
    assert fault["request_id"] == line["request_id"] == answer.headers["CoachKit-Request-Id"]
    assert "inner words" in fault["exception"]
    assert "inner words" not in answer.text
    assert answer.status_code == line["status"] == 500


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_outside_of_flask_is_a_problem_too(log, when):
    """An exception of a layer around Flask is answered and logged like one inside, even when it had begun to answer."""

    def application(environ, start_response):
        if when == "after":
            start_response("200 OK", [])
        raise RuntimeError("inner words")

    answer = call(requests.watch(application), path="/v1/x")
    assert answer["status"].startswith("500")
    assert dict(answer["headers"])["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["instance"] == "/v1/x"
    assert any("inner words" in line.get("exception", "") for line in log())


def test_head_has_no_body_and_closes_what_it_was_given(log):
    """HEAD gets the headers alone, whatever the application makes, and what it made is closed."""

    class Body(list):
        """A body that knows whether it was closed."""

        closed = False

        def close(self):
            self.closed = True

    body = Body([b"{}"])
    answer = call(requests.watch(lane(headers=[("Content-Length", "2")], body=body)), method="HEAD")
    assert answer["body"] == b""
    assert ("Content-Length", "2") in answer["headers"]
    assert body.closed


def test_requests_are_counted_by_method_route_class_and_cache(log):
    """A request adds one to its method, route, class of status and outcome of the cache; made-up methods are one."""
    label = 'cache="memory",method="OTHER",route="/lane",status="4xx"'

    def counted():
        lines = exposition()[0].decode().splitlines()
        found = [line for line in lines if line.startswith(f"coachkit_request_seconds_count{{{label}}}")]
        return float(found[0].rsplit(" ", 1)[1]) if found else 0.0

    before = counted()
    call(requests.watch(lane(status="404 NOT FOUND")), method="BREW")
    assert counted() == before + 1


def test_a_line_that_is_not_utf8_or_json_is_still_written():
    """Values that JSON cannot hold and text that UTF-8 cannot hold cost no request its log line."""
    stream = io.BytesIO()
    before = structlog.get_config()
    logs.configure(stream)
    structlog.get_logger().info("odd", text="\ud800", value=object)
    structlog.configure(**before)
    assert json.loads(stream.getvalue())["text"] == "\ud800"


def test_a_closed_log_costs_no_request(app, log):
    """Requests are answered when the log's stream is gone."""
    stream = io.BytesIO()
    logs.configure(stream)
    client = watched(app)
    stream.close()
    assert client.get("/page").status_code == 200


def test_ids_are_nobody_elses():
    """No id comes twice, however many are drawn, and a forked child draws none that its parent has."""
    ids = requests.Ids()

    def one():
        try:
            return ids.drawn()
        except IndexError:
            return ids.draw()

    drawn = [one() for _ in range(1_000)]
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, " ".join(one() for _ in range(300)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as theirs:
        drawn += theirs.read().split()
    drawn += [one() for _ in range(300)]
    assert len(drawn) == len(set(drawn)) == 1_600
    assert {len(bytes.fromhex(each)) for each in drawn} == {16}
