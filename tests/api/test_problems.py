"""Problem details: one shape for every refusal and fault."""

import json

import flask
import pytest

from coachkit import errors
from coachkit.api import problems
from coachkit.errors import BadRequest, FieldError, NotFound, Problem, PublishRefused, Refusal

KEYS = ["type", "title", "status", "detail", "instance", "errors"]


def every_refusal(kind=Refusal):
    return [kind, *(found for below in kind.__subclasses__() for found in every_refusal(below))]


@pytest.fixture
def app():
    app = flask.Flask("problems")
    problems.register(app)
    return app


@pytest.mark.parametrize("kind", every_refusal())
def test_every_refusal_is_in_the_closed_list(kind):
    """A refusal's slug has an entry with the same status and title."""
    entry = problems.PROBLEMS[kind.slug]
    assert (entry.status, entry.title) == (kind.status, kind.title)


@pytest.mark.parametrize("slug", sorted(problems.PROBLEMS))
def test_every_problem_type_explains_itself(slug):
    """The list is keyed by slug and each entry says what it means."""
    entry = problems.PROBLEMS[slug]
    assert entry.slug == slug
    assert 400 <= entry.status < 600
    assert entry.meaning.endswith(".")


def test_all_keys_are_always_there():
    """A problem has every key, with null for no instance and an empty list for no errors."""
    _, _, body = problems.problem(BadRequest("Broken."), None)
    document = json.loads(body)
    assert list(document) == KEYS
    assert document == {
        "type": "/problems/bad-request",
        "title": "The request cannot be read",
        "status": 400,
        "detail": "Broken.",
        "instance": None,
        "errors": [],
    }


def test_an_error_has_one_place_a_code_and_a_detail():
    """An error is written with exactly the place it names."""
    found = (
        FieldError("missing", "Required.", pointer="/answers/q1"),
        FieldError("too-long", "Too long.", parameter="topic"),
        FieldError("not-acceptable", "None.", header="Accept"),
    )
    _, _, body = problems.problem(BadRequest("Broken.", found), "/v1/packs")
    assert json.loads(body)["errors"] == [
        {"pointer": "/answers/q1", "code": "missing", "detail": "Required."},
        {"parameter": "topic", "code": "too-long", "detail": "Too long."},
        {"header": "Accept", "code": "not-acceptable", "detail": "None."},
    ]


def test_not_found_says_the_same_everywhere():
    """A 404's bytes and headers do not depend on the address, the reason or the refusal's headers."""
    plain = problems.problem(NotFound("No organisation."), "/v1/orgs/a")
    other = problems.problem(NotFound("Hidden.", (FieldError("missing", "x", parameter="y"),), {"X": "1"}), "/b")
    assert plain == other
    assert json.loads(plain[2])["instance"] is None


def test_a_refusals_headers_are_kept():
    """What a refusal wants said in headers is said, and takes the place of the default."""
    _, headers, _ = problems.problem(errors.Unavailable("Wait.", headers={"Retry-After": "30"}), None)
    assert [value for name, value in headers if name == "Retry-After"] == ["30"]


@pytest.mark.parametrize(
    ("refusal", "header"), [(errors.Unavailable, "Retry-After"), (errors.Unauthorised, "WWW-Authenticate")]
)
def test_a_status_brings_the_header_that_http_asks_of_it(refusal, header):
    """503 says when to come back and 401 how to authenticate, even where the refusal does not."""
    assert header in dict(problems.problem(refusal("No."), None)[1])


def test_a_problem_is_not_stored_and_knows_its_length():
    """Caches keep no problem; type, language and length are said."""
    _, headers, body = problems.problem(BadRequest("Größe ✗"), None)
    assert dict(headers) == {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Content-Language": "en",
        "Cache-Control": "no-store",
    }


def test_what_cannot_be_encoded_is_still_answered():
    """Half a surrogate pair in a detail does not break the answer."""
    _, _, body = problems.problem(BadRequest("\ud800"), None)
    assert json.loads(body)["detail"] == "?"


def test_a_slug_outside_the_list_is_answered_as_its_status():
    """A plugin's own refusal gets the listed problem of its status: the list stays closed."""

    class Odd(Refusal):
        status, slug, title = 409, "odd", "Odd"

    assert json.loads(problems.problem(Odd("No."), None)[2])["type"] == "/problems/conflict"


def test_shown_is_short_and_printable():
    """What a caller sent is quoted without control characters and not at length."""
    assert problems.shown("a\x00\nb") == "“a��b”"
    assert problems.shown("x" * 1000) == f"“{'x' * 60}…”"


def test_instance_is_the_encoded_path():
    """The instance is path-absolute, percent-encoded as it came, and without the query."""
    environ = {"SCRIPT_NAME": "/kit", "PATH_INFO": "/v1/é ✗".encode().decode("latin-1"), "QUERY_STRING": "secret=1"}
    assert problems.instance_of(environ) == "/kit/v1/%C3%A9%20%E2%9C%97"


def test_refused_publishing_points_into_the_files(app):
    """Each error of a refused publish points at its file, line and column, with the hint; warnings are left out."""

    @app.get("/publish")
    def publish():
        raise PublishRefused(
            [
                Problem("brand.yaml", 3, 9, "contrast", "Too pale.", "use #333333"),
                Problem("overlay.yaml", None, None, "unknown-section", "No such section."),
                Problem("overlay.yaml", 1, None, "late", "Review is due.", severity="warning"),
            ]
        )

    answer = app.test_client().get("/publish")
    assert answer.status_code == 422
    assert answer.get_json()["type"] == "/problems/publish-refused"
    assert answer.get_json()["errors"] == [
        {"pointer": "/brand.yaml:3:9", "code": "contrast", "detail": "Too pale. (use #333333)"},
        {"pointer": "/overlay.yaml", "code": "unknown-section", "detail": "No such section."},
    ]


def test_a_method_that_is_not_answered_names_those_that_are(app):
    """405 carries a sorted Allow and the same in words."""
    app.get("/here")(lambda: "x")
    answer = app.test_client().delete("/here")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert answer.get_json()["detail"] == "“DELETE” is not answered here; GET, HEAD, OPTIONS can be."


@pytest.mark.parametrize(("status", "slug"), [(418, "bad-request"), (403, "forbidden"), (501, "unexpected")])
def test_every_http_error_becomes_a_listed_problem(app, status, slug):
    """An abort with any status is answered with a problem from the list, whose own status it has."""
    app.get("/here")(lambda: flask.abort(status, "do not repeat me"))
    answer = app.test_client().get("/here")
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["type"] == f"/problems/{slug}"
    assert answer.status_code == answer.get_json()["status"] == problems.PROBLEMS[slug].status
    assert "do not repeat me" not in answer.text


def test_a_fault_tells_nothing(app):
    """An unexpected exception is a 500 without a word of it."""

    @app.get("/here")
    def here():
        raise RuntimeError("SELECT secret FROM /etc")

    answer = app.test_client().get("/here")
    assert answer.status_code == 500
    assert answer.get_json()["type"] == "/problems/unexpected"
    assert "secret" not in answer.text


def test_a_slash_too_many_is_not_found_and_not_redirected(app):
    """Routing redirects nowhere: its target would be built from Host."""
    app.get("/tree/")(lambda: "x")
    answer = app.test_client().get("/tree", headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_head_has_no_body(app):
    """HEAD of a problem has its headers, its length too, and no bytes."""
    client = app.test_client()
    got, head = client.get("/nowhere"), client.head("/nowhere")
    assert head.data == b""
    assert dict(head.headers) == dict(got.headers)
