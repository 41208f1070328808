"""Arguments and the document, over HTTP, on two tiny views."""

import json
import re

import flask
import marshmallow as ma
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from coachkit.api import problems
from coachkit.api.parsing import MAX_BODY, MAX_DEPTH, MAX_ERRORS
from coachkit.api.smorest import Api, Blueprint
from coachkit.api.violations import Coded

JSON = {"Content-Type": "application/json"}


def even(value):
    if value % 2:
        raise ma.ValidationError(Coded("out-of-range", "Not even."))


class Filters(ma.Schema):
    """What narrows a list."""

    topic = ma.fields.List(ma.fields.String(validate=ma.validate.Length(max=8)))
    limit = ma.fields.Integer(load_default=20, validate=ma.validate.Range(min=1, max=100))


class Page(ma.Schema):
    """Declared apart from the filters."""

    locale = ma.fields.String()


class Item(ma.Schema):
    """One of many."""

    id = ma.fields.String(required=True)
    even = ma.fields.Integer(validate=even)


class Answers(ma.Schema):
    """A body with every shape of field."""

    answers = ma.fields.Dict(
        ma.fields.String(validate=ma.validate.Length(max=4)),
        ma.fields.Integer(),
        required=True,
        validate=ma.validate.Length(max=3),
    )
    entries = ma.fields.List(ma.fields.Nested(Item), validate=ma.validate.Length(max=200))
    pair = ma.fields.Tuple((ma.fields.Integer(), ma.fields.Boolean()))
    note = ma.fields.String(data_key="free-note", validate=ma.validate.Length(max=5))
    anything = ma.fields.Raw()


def blueprint():
    blp = Blueprint("things", "things", url_prefix="/v1", description="Things")

    @blp.get("/things/<string:thing>")
    @blp.arguments(Filters, location="query")
    @blp.arguments(Page, location="query")
    @blp.response(200, Filters)
    def list_things(filters, page, thing):
        """Things that match."""
        return filters

    @blp.post("/answers")
    @blp.arguments(Answers)
    @blp.response(200, Answers)
    def score(answers):
        """What answers come to."""
        return answers

    @blp.get("/plain")
    @blp.response(200)
    def plain():
        """Nothing to ask."""
        return {"query": flask.request.args}

    return blp


@pytest.fixture
def app():
    app = flask.Flask("smorest")
    Api(app).register_blueprint(blueprint())
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def errors_of(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    return [{**error} for error in answer.get_json()["errors"]]


def places_of(answer, status):
    return [
        (next(error[place] for place in ("pointer", "parameter", "header") if place in error), error["code"])
        for error in errors_of(answer, status)
    ]


def post(client, body):
    return client.post("/v1/answers", data=body if isinstance(body, bytes) else json.dumps(body), headers=JSON)


def test_an_unknown_parameter_is_refused_with_the_nearest_name(client):
    """A mistyped parameter is 400, named, with the name that was probably meant."""
    (error,) = errors_of(client.get("/v1/things/a?topik=x"), 400)
    assert (error["parameter"], error["code"]) == ("topik", "unknown-parameter")
    assert "did you mean “topic”?" in error["detail"]


def test_views_with_several_query_schemas_take_the_names_of_all(client):
    """A view's schemas do not refuse each other's parameters, and unknown ones are all named at once."""
    assert client.get("/v1/things/a?topic=x&locale=cy").status_code == 200
    assert places_of(client.get("/v1/things/a?a=1&locale=cy&b=2"), 400) == [
        ("a", "unknown-parameter"),
        ("b", "unknown-parameter"),
    ]


def test_a_view_that_declares_no_query_takes_none(client):
    """Parameters are refused where none are declared, for HEAD too."""
    assert places_of(client.get("/v1/plain?a=1"), 400) == [("a", "unknown-parameter")]
    assert client.head("/v1/plain?a=1").status_code == 400


def test_a_list_may_be_repeated_and_nothing_else(client):
    """Repeating a list means any of; repeating another parameter is refused."""
    assert client.get("/v1/things/a?topic=x&topic=y").get_json()["topic"] == ["x", "y"]
    assert places_of(client.get("/v1/things/a?limit=1&limit=2"), 400) == [("limit", "repeated-parameter")]


def test_invalid_parameters_are_all_named_with_what_was_given(client):
    """Each invalid parameter is named with its rule and its value."""
    found = errors_of(client.get("/v1/things/a?limit=101&topic=ok&topic=far-too-long"), 400)
    assert {(error["parameter"], error["code"]) for error in found} == {
        ("limit", "out-of-range"),
        ("topic", "too-long"),
    }
    assert any("“101”" in error["detail"] for error in found)
    assert any("“far-too-long”" in error["detail"] for error in found)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("topic=%zz", "invalid-encoding"),
        ("topic=%ff", "invalid-encoding"),
        ("topic=%00", "invalid-text"),
        ("t%ffopic=1", "invalid-encoding"),
    ],
)
def test_a_query_that_cannot_be_decoded_is_refused(client, query, code):
    """Broken percent-encoding, broken UTF-8 and NUL are 400 and name the parameter."""
    assert [found for _, found in places_of(client.get(f"/v1/things/a?{query}"), 400)] == [code]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/things/\xff",
        "/v1/things/\xed\xa0\x80",
        "/v1/things/\x00",
        "/v1/things/a\r\nb",
    ],
)
def test_a_path_that_is_no_text_is_refused(client, path):
    """Broken UTF-8 and control characters in a path (here as WSGI has it) are 400 before any view."""
    answer = client.get("/", environ_overrides={"PATH_INFO": path})
    assert errors_of(answer, 400) == []


@pytest.mark.parametrize("path", ["//v1/things/a", "/v1/things//a"])
def test_empty_parts_are_not_found(client, path):
    """A path with empty parts is no document's other address: 404 before any view."""
    answer = client.get("/", environ_overrides={"PATH_INFO": path})
    assert errors_of(answer, 404) == []


def test_every_broken_rule_of_a_body_is_pointed_at(client):
    """A body's errors come all at once, each with the JSON pointer of its value and its code."""
    body = {
        "answers": {"q1": "x", "q/2~": 2, "longkey": 1, "q4": 4},
        "entries": [{"id": "a"}, {"even": 3, "idd": 1}],
        "pair": [1, "perhaps"],
        "free-note": "too long",
        "other": 1,
    }
    assert sorted(places_of(post(client, body), 422)) == [
        ("/answers/longkey", "too-long"),
        ("/answers/q1", "invalid-value"),
        ("/entries/1/even", "out-of-range"),
        ("/entries/1/id", "missing"),
        ("/entries/1/idd", "unknown-field"),
        ("/free-note", "too-long"),
        ("/other", "unknown-field"),
        ("/pair/1", "invalid-value"),
    ]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", ("/answers", "missing")),
        (b"{}", ("/answers", "missing")),
        (b"[]", ("", "invalid-value")),
        (b'"text"', ("", "invalid-value")),
        (b"null", ("", "invalid-value")),
        (b'{"answers": null}', ("/answers", "null")),
        (b'{"answers": {"a": 1, "b": 1, "c": 1, "d": 1}}', ("/answers", "too-many")),
        (b'{"answers": {"a/b~": "x"}}', ("/answers/a~1b~0", "invalid-value")),
        (b'{"answers": {}, "free-not": 1}', ("/free-not", "unknown-field")),
        (b'{"answers": {}, "free-note": "\\ud800"}', ("/free-note", "invalid-text")),
        (b'{"answers": {}, "anything": [{"x": "\\u0000"}]}', ("/anything/0/x", "invalid-text")),
        (b'{"answers": {}, "anything": {"\\udc00": 1}}', ("/anything", "invalid-text")),
    ],
)
def test_a_body_that_breaks_one_rule_is_422(client, body, found):
    """A well-formed body that breaks a rule is 422 with the place and the code."""
    assert places_of(post(client, body), 422) == [found]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed-json"),
        (b'{"answers": {}} x', "malformed-json"),
        (b"\xff\xfe{}", "malformed-json"),
        (b"\xef\xbb\xbf{}", "malformed-json"),
        (b'{"answers": NaN}', "invalid-number"),
        (b'{"answers": {"a": -Infinity}}', "invalid-number"),
        (b'{"anything": 1e999}', "invalid-number"),
        (b'{"anything": ' + b"9" * 5000 + b"}", "invalid-number"),
        (b'{"answers": {}, "answers": {}}', "duplicate-key"),
        (b"[" * 60_000, "too-deep"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too-deep"),
    ],
)
def test_a_body_that_is_not_json_is_400(client, body, code):
    """What is not JSON, or not one value, is 400 and points at the body as a whole."""
    assert places_of(post(client, body), 400) == [("", code)]


def test_a_body_may_nest_as_deep_as_said(client):
    """The deepest body that is read is not refused for its depth."""
    depth = MAX_DEPTH - 1
    assert post(client, b'{"answers": {}, "anything": ' + b"[" * depth + b"]" * depth + b"}").status_code == 200


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"Content-Type": "text/plain"}, "Content-Type"),
        ({}, "Content-Type"),
        ({"Content-Type": "application/json; charset=utf-16"}, "Content-Type"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "Content-Encoding"),
    ],
)
def test_a_body_of_another_type_is_415(client, headers, named):
    """A body that does not say it is plain JSON in UTF-8 is 415 and the header is named."""
    answer = client.post("/v1/answers", data=b'{"answers": {}}', headers=headers)
    assert places_of(answer, 415) == [(named, "unsupported-media-type")]


@pytest.mark.parametrize("kind", ["application/json;charset=UTF-8", "application/merge-patch+json", "APPLICATION/JSON"])
def test_json_by_another_name_is_read(client, kind):
    """JSON's structured types, any case, and the charset that JSON has anyway are read."""
    assert client.post("/v1/answers", data=b'{"answers": {}}', headers={"Content-Type": kind}).status_code == 200


def test_a_body_beyond_the_limit_is_413(client):
    """One byte too many is 413, and the detail says how many are read; the limit itself is read."""
    padded = b'{"answers": {}}'.ljust(MAX_BODY)
    assert post(client, padded).status_code == 200
    answer = post(client, padded + b" ")
    assert errors_of(answer, 413) == []
    assert str(MAX_BODY) in answer.get_json()["detail"]


def test_an_answer_lists_a_bounded_number_of_errors(client):
    """However many rules a body breaks, the answer stays small and says how many there were."""
    answer = post(client, {"answers": {}, "entries": [{}] * 150})
    assert len(errors_of(answer, 422)) == MAX_ERRORS
    assert answer.get_json()["detail"] == "150 values break rules; the first 100 are listed."


def test_every_code_is_in_the_closed_list(client):
    """The codes that parsing gives are those that the page lists."""
    answers = [
        client.get("/v1/things/a?limit=x&nope=1"),
        client.get("/v1/things/a?limit=x&topic=123456789"),
        client.get("/v1/things/%00?limit=%zz"),
        post(client, {"answers": {"a": None, "toolong": 1}, "entries": [{"even": 1}], "free-note": "123456"}),
        post(client, b"["),
    ]
    assert {error["code"] for answer in answers for error in answer.get_json()["errors"]} <= set(problems.CODES)


def test_the_document_is_openapi_3_1(app):
    """A third party's validator accepts the document as OpenAPI 3.1."""
    document = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    assert document["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_what_cannot_be_described_leaves_no_part_of_a_document():
    """A description that fails does so whenever the document is asked for: nobody is shown one that lacks something."""
    api = Api(flask.Flask("broken"))

    def fail():
        raise LookupError("no such schema")

    api.describe(fail)
    for _ in range(2):
        with pytest.raises(LookupError):
            _ = api.spec


def test_the_documents_default_error_is_a_problem(app):
    """Each operation's default and argument errors are problem details, and flask-smorest's own shape is gone."""
    document = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    operations = document["paths"]["/v1/answers"]["post"]["responses"]
    assert operations["default"] == {"$ref": "#/components/responses/DEFAULT_ERROR"}
    assert {"200", "422", "default"} == set(operations)
    assert "400" in document["paths"]["/v1/things/{thing}"]["get"]["responses"]
    default = document["components"]["responses"]["DEFAULT_ERROR"]["content"]
    assert default == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert "Error" not in document["components"]["schemas"]


def test_what_routes_take_can_be_asked(app):
    """The API says which query parameters each route takes, for whoever answers without entering it."""
    queries = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].queries
    assert queries["things.list_things", "GET"].names == {"topic", "limit", "locale"}
    assert queries["things.list_things", "GET"].repeatable == {"topic"}
    assert queries["things.plain", "GET"].names == frozenset()


HOSTILE_PATHS = [
    "/v1/things/a?" + "&".join(f"p{number}=1" for number in range(2000)),
    "/v1/things/a?topic=" + "x" * 20_000,
    "/v1/things/a?=",
    "/v1/things/a?&&&&=&",
    "/v1/things/a?topic[]=x",
    "/v1/things/a?limit=1e3",
    "/v1/things/a?limit=" + "9" * 5000,
    "/v1/things/a?limit=%D9%A3x",
    "/v1/things/a?limit=-0x1",
    "/v1/things/a?topic=%ED%A0%80",
    "/v1/things/a?topic=%C0%AF",
    "/v1/things/a?%",
    "/v1/things/a?%00=%00",
    "/v1/things/a?limit=NaN",
    "/v1/things/a?limit=null",
    "/v1/things/a?__proto__=1",
    "/v1/things/a/../../../etc/passwd",
    "/v1/things/..%2f..%2fetc%2fpasswd",
    "/v1/things/" + "%F0%9F%92%A9" * 500 + "?x",
    "/v1//things//a",
    "/" + "a/" * 2000,
    "/%2e%2e/%2e%2e",
]

HOSTILE_BODIES = [
    b"\x00",
    b"\xff" * 100,
    b'{"answers": {"a": 1e400}}',
    b'{"answers": {"a": true}}x',
    b'{"answers": [1]}',
    b'{"answers": {"a": {"b": {"c": 1}}}}',
    b'{"answers": {"a": "99999999999999999999999999999999.5"}}',
    b'{"answers": {"__class__": "x"}}',
    b'{"_schema": 1}',
    b'{"answers": {"_schema": "x"}}',
    b'{"answers": {"key": "x", "value": []}}',
    b'{"entries": {"0": 1}}',
    b'{"entries": [null, 1, [], "x", {}]}',
    b'{"entries": [{"id": {"$gt": ""}}], "pair": [1, 2, 3]}',
    b'{"pair": {}}',
    b'{"": {"": {"": 1}}}',
    b'{"\\u0000": 1}',
    b'{"free-note": ["\\ud800"]}',
    b"[" * 30_000 + b"]" * 30_000,
    b'{"a":' * 10_000,
    b'"' + b"\\ud83d" * 1000 + b'"',
    b"-",
    b"nan",
    b"\xef\xbb\xbf",
    b" " * 70_000,
]


def assert_refused(answer):
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.content_type == "application/problem+json"
    document = answer.get_json()
    assert list(document) == ["type", "title", "status", "detail", "instance", "errors"]
    assert document["status"] == answer.status_code
    assert re.fullmatch(r"/problems/[a-z-]+", document["type"])


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_no_address_is_a_fault(client, path):
    """A hostile address is refused with a problem and is never a 500."""
    assert_refused(client.get("http://localhost" + path))


@pytest.mark.parametrize("body", HOSTILE_BODIES)
def test_no_body_is_a_fault(client, body):
    """A hostile body is refused with a problem and is never a 500."""
    assert_refused(post(client, body))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW", "x" * 100])
def test_no_method_is_a_fault(client, method):
    """A method that is not answered is 405 with Allow."""
    answer = client.open("/v1/answers", method=method)
    assert_refused(answer)
    assert answer.headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=\xff"},
        {"Content-Type": ";;;=;"},
        {"Content-Type": "application/json;" * 50},
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "application/json", "Content-Encoding": "br, gzip"},
        {"Content-Type": "application/json; charset*=utf-8''%FF"},
    ],
)
def test_no_header_is_a_fault(client, headers):
    """A hostile header around a wrong body is refused with a problem and is never a 500."""
    assert_refused(client.post("/v1/answers", data=b'{"x": 1}', headers=headers))
