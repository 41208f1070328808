"""flask-smorest as CoachKit uses it: OpenAPI 3.1, our parser of arguments, problem details for every error.

Owns what is the same for every route: which addresses and query strings are read at all, and how an error
is documented. Knows no route by name.
"""

from __future__ import annotations

import http
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import flask
import flask_smorest
import marshmallow as ma
from apispec import APISpec

from coachkit import __version__
from coachkit.api import problems
from coachkit.api.parsing import MAX_BODY, Parser, Query, read_query
from coachkit.api.violations import names_of
from coachkit.errors import BadRequest, NotFound

R = TypeVar("R")

OPENAPI_VERSION = "3.1.0"
KEY = "key"
"""The security scheme's name in the document."""
_BODIES = frozenset({"json", "form", "files", "json_or_form"})


class ProblemErrorSchema(ma.Schema):
    """One part of a request that is wrong: exactly one of pointer, parameter and header names it."""

    pointer = ma.fields.String(metadata={"description": "JSON pointer into the body (RFC 6901)"})
    parameter = ma.fields.String(metadata={"description": "Name of a query or path parameter"})
    header = ma.fields.String(metadata={"description": "Name of a header"})
    code = ma.fields.String(required=True, metadata={"description": "From the closed list on the page /problems"})
    detail = ma.fields.String(required=True, metadata={"description": "What is wrong and what would be right"})


class ProblemSchema(ma.Schema):
    """Problem details (RFC 9457)."""

    type = ma.fields.String(required=True, metadata={"description": "Path of the problem's page on this server"})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    instance = ma.fields.String(required=True, allow_none=True, metadata={"description": "Path of the request"})
    errors = ma.fields.List(ma.fields.Nested(ProblemErrorSchema), required=True)


class Blueprint(flask_smorest.Blueprint):
    """A blueprint whose routes refuse what they do not declare."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queries: dict[tuple[str, str], Query] = {}
        self._prepare_doc_cbks.append(_describe_management)

    def arguments(
        self, schema: Any, *, location: str = "json", **kwargs: Any
    ) -> Callable[[Callable[..., R]], Callable[..., R]]:
        """Declare what a view reads: as flask-smorest's, documented as 422 for bodies and 400 for all else."""
        status = http.HTTPStatus.UNPROCESSABLE_ENTITY if location in _BODIES else http.HTTPStatus.BAD_REQUEST
        return super().arguments(schema, location=location, error_status_code=int(status), **kwargs)

    def queries(self, name: str) -> dict[tuple[str, str], Query]:
        """The query parameters that each route takes, by endpoint (below the blueprint's `name`) and method."""
        declared = {
            (endpoint, method): doc.get("arguments", {}).get("parameters", [])
            for endpoint, docs in self._docs.items()
            for method, doc in docs.items()
            if method != "parameters"
        }
        for key, parameters in declared.items():
            if key not in self._queries:  # they stay as they are, in however many apps the blueprint is
                self._queries[key] = _query(parameters)
        return {
            (f"{name}.{endpoint}", method.upper()): self._queries[endpoint, method] for endpoint, method in declared
        }


class Api(flask_smorest.Api):
    """The API of one app: register blueprints with it and it documents, checks and refuses for them.

    `queries` says which query parameters a route takes, by endpoint and method. The document is put together when it is
    first asked for: most processes never show it, and it takes longer than all else of making an app.
    """

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: flask.Flask, **options: Any) -> None:
        self.queries: dict[tuple[str, str], Query] = {}
        self._spec: APISpec | None = None
        self._undescribed: list[Callable[[], None]] = []
        self._describing = threading.RLock()
        super().__init__(app, **options)

    @property
    def spec(self) -> APISpec:
        """The document, with all that was registered until now; what cannot be described raises each time."""
        with self._describing:
            due, self._undescribed = self._undescribed, []  # they ask for the document themselves
            try:
                for describe in due:
                    describe()
            except Exception as error:
                self.describe(partial(_fail, error))  # what was described before it cannot be described again
                raise
            assert self._spec is not None  # noqa: S101 flask-smorest sets it with the app
            return self._spec

    @spec.setter
    def spec(self, spec: APISpec | None) -> None:
        self._spec = spec

    def describe(self, what: Callable[[], None]) -> None:
        """Have something added to the document when it is put together, in the order of these calls."""
        self._undescribed.append(what)

    def init_app(self, app: flask.Flask, *, spec_kwargs: dict[str, Any] | None = None) -> None:
        """Make the app refuse what cannot be read and answer every error with a problem."""
        app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
        app.url_map.merge_slashes = False
        app.before_request(_check_path)
        super().init_app(app, spec_kwargs={**_SPEC, **(spec_kwargs or {})})
        self.describe(self._offer_responses)
        self.describe(self._describe_keys)
        app.before_request(self._check_query)

    def register_blueprint(self, blp: Blueprint, *, parameters: list[Any] | None = None, **options: Any) -> None:
        """Register the blueprint's routes with the app, the document and the check of query parameters."""
        name = str(options.get("name", blp.name))
        self._app.extensions["flask-smorest"]["blp_name_to_api"][name] = self
        self._app.register_blueprint(blp, **options)
        self.queries.update(blp.queries(name))
        self.describe(partial(self._describe_blueprint, blp, name, parameters))

    def _describe_keys(self) -> None:
        said = (
            "`Authorization: Bearer KEY`. Managing wants a secret key with the scope that is named; reading wants one "
        )
        said += "where an organisation's content does."
        self.spec.components.security_scheme(KEY, {"type": "http", "scheme": "bearer", "description": said})

    def _describe_blueprint(self, blp: Blueprint, name: str, parameters: list[Any] | None) -> None:
        blp.register_views_in_doc(self, self._app, self.spec, name=name, parameters=parameters)
        self.spec.tag({"name": name, "description": blp.description})

    def _register_error_handlers(self) -> None:
        problems.register(self._app)

    def _register_responses(self) -> None:
        """Nothing yet: `_offer_responses` does it with all else that is described."""

    def _offer_responses(self) -> None:
        """Offer a response for every status by name, and the default one; those that are used are written."""
        problem = {"content": {problems.MEDIA_TYPE: {"schema": self.ERROR_SCHEMA}}}
        for status in http.HTTPStatus:
            content = problem if status >= http.HTTPStatus.BAD_REQUEST else {}
            self.spec.components.response(status.name, {"description": status.phrase, **content}, lazy=True)
        default = {"description": "A refusal or a fault: problem details (RFC 9457)", **problem}
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, default, lazy=True)

    def _check_query(self) -> None:
        request = flask.request
        method = "GET" if request.method == "HEAD" else request.method
        pairs = read_query(request.environ.get("QUERY_STRING", ""))
        if query := self.queries.get((request.endpoint or "", method)):
            query.check(pairs)


_SPEC: dict[str, Any] = {
    "title": "CoachKit",
    "version": __version__,
    "openapi_version": OPENAPI_VERSION,
    "security": [{}, {KEY: []}],
    "info": {
        "summary": "Coaching content for people who were turned down for a job",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
}


def _fail(error: Exception) -> None:
    raise error


_IF_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "description": "The ETag of what the change is based on, as its address or the draft gave it last",
    "schema": {"type": "string"},
    "example": '"5a1f0c9e"',
}
_IF_NONE_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "description": "`*`, in place of If-Match, for one that is not there yet",
    "schema": {"type": "string", "enum": ["*"]},
}


def _describe_management(doc: dict[str, Any], info: dict[str, Any], **_: object) -> dict[str, Any]:
    """Say what a view wants that is declared `managed`: a key of a scope, and what a change is based on."""
    management = info.get("management")
    if management is None:
        return doc
    refusals = [http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN]
    if management["based"]:
        refusals += [http.HTTPStatus.PRECONDITION_FAILED, http.HTTPStatus.PRECONDITION_REQUIRED]
        headers = [{**_IF_MATCH, "required": False}, _IF_NONE_MATCH] if management["new"] else [_IF_MATCH]
        doc["parameters"] = [*doc.get("parameters", []), *headers]
    described = {int(status): status.name for status in refusals}
    doc["responses"] = {**doc.get("responses", {}), **described}
    doc["security"] = [{KEY: [management["scope"]]}]
    return doc


def _query(parameters: list[dict[str, Any]]) -> Query:
    """The parameters of all the query schemas that a view declares."""
    parser = Blueprint.ARGUMENTS_PARSER
    fields: dict[str, ma.fields.Field[Any]] = {}
    for declared in parameters:
        if declared["in"] in {"query", "querystring"}:
            fields.update(names_of(_made(declared["schema"])))
    lists = tuple(parser.KNOWN_MULTI_FIELDS)
    repeatable = {name for name, field in fields.items() if getattr(field, "is_multiple", isinstance(field, lists))}
    return Query(frozenset(fields), frozenset(repeatable))


def _made(schema: Any) -> ma.Schema:
    """The schema that a view declared as an instance, a class or a mapping of fields."""
    if isinstance(schema, ma.Schema):
        return schema
    kind: type[ma.Schema] = schema if isinstance(schema, type) else ma.Schema.from_dict(schema)
    return kind()


def _check_path() -> None:
    """Raise BadRequest for a path that is not text, and NotFound for one with empty parts.

    Routing itself would strip slashes in front, and serve one document at many addresses.
    """
    path = flask.request.environ.get("PATH_INFO", "").encode("latin-1", "replace")
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The path is not UTF-8.") from None
    if not text.isprintable():
        raise BadRequest("The path has characters that no address has.")
    if "//" in text:
        raise NotFound("")
