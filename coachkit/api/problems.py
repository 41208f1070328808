"""Every answer that is a refusal or a fault: problem details (RFC 9457), made in this one place.

Owns the closed lists of problems and error codes, the bytes of a problem, and what Flask does with an
exception. Knows no resource, and nothing of who may see what: it only writes down what it is handed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import flask
import structlog
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.routing import RequestRedirect

from coachkit import errors
from coachkit.errors import FieldError, Problems, Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "5"
"""Seconds after which to try again, where the refusal names none (RFC 9110, 10.2.3)."""
SHOWN = 60
"""At most this many characters of what a caller sent are said back to them."""

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class ProblemType:
    """One kind of problem: its status, its title, and what its page says to whoever meets it."""

    slug: str
    status: int
    title: str
    meaning: str


def _of(refusal: type[Refusal], meaning: str) -> ProblemType:
    return ProblemType(refusal.slug, refusal.status, refusal.title, meaning)


PROBLEMS: Mapping[str, ProblemType] = MappingProxyType(
    {
        problem.slug: problem
        for problem in (
            _of(errors.BadRequest, "A query parameter, header or the JSON itself is wrong; each error names which."),
            _of(errors.Unauthorised, "The key is mistyped, has expired or was revoked. Public content needs none."),
            _of(errors.Forbidden, "The key is valid, but not for what was asked."),
            _of(errors.NotFound, "There is nothing here, or nothing that the caller may see: both look the same."),
            ProblemType(
                "method-not-allowed", 405, "The method is not answered here", "The header Allow lists those that are."
            ),
            _of(errors.NotAcceptable, "Ask for another format with Accept or ?format=; JSON is always there."),
            ProblemType("request-timeout", 408, "The request took too long to arrive", "Send it again."),
            _of(errors.Conflict, "Somebody or something else changed it, or it exists already."),
            _of(errors.LimitReached, "As many as may be; the detail names the setting that says how many."),
            _of(errors.Gone, "It was withdrawn, or is not known any more. Link says where to go instead, if anywhere."),
            ProblemType("length-required", 411, "The body's length is missing", "Send Content-Length with the body."),
            _of(errors.PreconditionFailed, "Fetch it again and send its new ETag."),
            _of(errors.TooLarge, "Send less at a time; the detail says how much is read."),
            ProblemType("uri-too-long", 414, "The address is too long", "Ask for less in one address."),
            _of(errors.WrongMediaType, "Send JSON in UTF-8, not compressed, as application/json."),
            ProblemType("range-not-satisfiable", 416, "The range cannot be served", "Ask for the whole."),
            _of(errors.InvalidBody, "The JSON was read, and each error points at a value that breaks a rule."),
            _of(errors.KeyReused, "Send a new Idempotency-Key with what is new; the old one stands for what it was."),
            ProblemType("publish-refused", 422, "This cannot be published", "Each error points at a file and line."),
            ProblemType("pack-invalid", 422, "The pack breaks its rules", "Each error points at a file and line."),
            _of(errors.PreconditionRequired, "Send If-Match with the ETag of what you saw."),
            _of(errors.TooManyRequests, "Wait as long as Retry-After says."),
            ProblemType("headers-too-large", 431, "The headers are too large", "Send fewer or shorter headers."),
            _of(Refusal, "A fault of ours. It is logged under the answer's CoachKit-Request-Id; please report that."),
            _of(errors.Unavailable, "Something that is needed does not answer. Wait as long as Retry-After says."),
        )
    }
)
"""Every problem that this server answers with, by slug; `/problems/<slug>` is its page."""

CODES: Mapping[str, str] = MappingProxyType(
    {
        "unknown-parameter": "The address takes no query parameter of that name.",
        "repeated-parameter": "The query parameter may be given once.",
        "unknown-field": "The object has no field of that name.",
        "missing": "It is required and was not given.",
        "null": "A value is required; null is none.",
        "invalid-value": "The value is not of the right type, or not one of those allowed.",
        "invalid-text": "The text holds a character that cannot be stored or sent: NUL or half of a surrogate pair.",
        "invalid-encoding": "The percent-encoding or the UTF-8 is broken.",
        "out-of-range": "The number or date is too small or too large.",
        "too-short": "The text is shorter than the rule allows.",
        "too-long": "The text is longer than the rule allows.",
        "too-few": "The list or object has fewer entries than the rule allows.",
        "too-many": "The list or object has more entries than the rule allows.",
        "malformed-json": "The body is not JSON (RFC 8259).",
        "duplicate-key": "An object in the body names one key twice.",
        "invalid-number": "NaN, Infinity and numbers beyond a double are not JSON.",
        "too-deep": "The body nests deeper than is read.",
        "unsupported-media-type": "The body's type, charset or compression is not one that is read.",
        "unknown-locale": "The edition does not serve that locale; the detail lists those that it does.",
        "unknown-format": "There is no format of that name; the detail lists those that there are.",
        "invalid-cursor": "The cursor was not made by this list, or by another filter of it; start without one.",
        "unknown-since": "Neither an edition that is or was public nor a token of this channel; start over without it.",
        "not-acceptable": "None of the media types in Accept can be served; the detail lists those that can.",
        "invalid-key": "The key is mistyped, has expired or was revoked.",
        "changed": "It is not what it was when the caller saw it, or it is there already.",
        "unknown-edition": "The organisation has no edition of that digest.",
        "key-in-query": "A key stands in the address, where it does not belong; it goes into the header Authorization.",
        "origin-not-allowed": "The key is for pages of other origins.",
        "idempotency-key-reused": "The Idempotency-Key came with another request before; choose a new one for this.",
    }
)
"""Every `code` of an error in a request. Those of files are the checker's own: `coachkit pack check` lists them."""

_BY_STATUS = {problem.status: problem for problem in reversed(tuple(PROBLEMS.values()))}
_NOTHING = "There is nothing at this address, or nothing that you may see."
_OURS = "Something went wrong here, not in your request. It is logged under this answer's CoachKit-Request-Id."


def shown(text: str) -> str:
    """What a caller sent, fit to be said back: in quotation marks, printable, at most SHOWN characters."""
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:SHOWN])
    return f"“{printable}{'…' if len(text) > SHOWN else ''}”"


def instance_of(environ: WSGIEnvironment) -> str:
    """The request's path, path-absolute and percent-encoded, without its query."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return quote(path.encode("latin-1", "replace"), safe="/:@!$&'()*+,;=~")


def problem(refusal: Refusal, instance: str | None) -> tuple[int, Headers, bytes]:
    """Status, headers and body of the problem, without Flask; a 404 has the same bytes for every instance."""
    kind = PROBLEMS.get(refusal.slug) or _BY_STATUS.get(refusal.status) or PROBLEMS[Refusal.slug]
    if kind.status == HTTPStatus.NOT_FOUND:
        return _written(kind, _NOTHING, (), {}, None)
    return _written(kind, refusal.detail, refusal.errors, refusal.headers, instance)


def problem_response(refusal: Refusal, *, instance: str | None) -> flask.Response:
    """The problem as Flask's response."""
    return _response(problem(refusal, instance))


def register(app: flask.Flask) -> None:
    """Let the app answer every refusal, HTTP error and unexpected exception with a problem."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(Problems, _broken_rules)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    app.before_request(_no_redirect)


def log_fault(error: BaseException, environ: WSGIEnvironment) -> None:
    """Log an unexpected exception with its traceback under the request's id; nothing of the request itself."""
    structlog.get_logger().error(
        "unexpected",
        route=environ.get("coachkit.route"),
        request_id=environ.get("coachkit.request_id"),
        exc_info=(type(error), error, error.__traceback__),
    )


UNEXPECTED = Refusal(_OURS)
"""What a caller learns of a fault of ours."""


def _written(
    kind: ProblemType, detail: str, found: tuple[FieldError, ...], headers: Mapping[str, str], instance: str | None
) -> tuple[int, Headers, bytes]:
    body = _json(
        {
            "type": f"/problems/{kind.slug}",
            "title": kind.title,
            "status": kind.status,
            "detail": detail,
            "instance": instance,
            "errors": [_entry(error) for error in found],
        }
    )
    fixed = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Content-Language": "en",
        "Cache-Control": "no-store",
    }
    return kind.status, list({**_due(kind.status), **headers, **fixed}.items()), body


def _due(status: int) -> dict[str, str]:
    """The headers that RFC 9110 asks of a status, for refusals that bring none of their own."""
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return {"WWW-Authenticate": "Bearer"}
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            return {"Retry-After": RETRY_AFTER}
        case _:
            return {}


def _entry(error: FieldError) -> dict[str, str]:
    place = {"pointer": error.pointer, "parameter": error.parameter, "header": error.header}
    named = {name: value for name, value in place.items() if value is not None}
    return {**named, "code": error.code, "detail": error.detail}


def _json(value: Any) -> bytes:
    """Compact JSON in UTF-8; half a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _response(written: tuple[int, Headers, bytes]) -> flask.Response:
    status, headers, body = written
    return flask.Response(body, status=status, headers=headers)


def _instance() -> str:
    return instance_of(flask.request.environ)


def _refused(refusal: Refusal) -> flask.Response:
    return problem_response(refusal, instance=_instance())


def _broken_rules(broken: Problems) -> flask.Response:
    kind = PROBLEMS["publish-refused" if isinstance(broken, errors.PublishRefused) else "pack-invalid"]
    found = tuple(_in_file(problem) for problem in broken.problems if problem.severity == "error")
    detail = f"{len(found)} {'rule is' if len(found) == 1 else 'rules are'} broken; the errors say where."
    return _response(_written(kind, detail, found, {}, _instance()))


def _in_file(found: errors.Problem) -> FieldError:
    """A problem of a file as an error; its pointer is `/file:line:column` as far as the place is known."""
    place = ":".join(str(part) for part in (found.file, found.line, found.column) if part is not None)
    hint = f" ({found.hint})" if found.hint else ""
    return FieldError(found.code, found.message + hint, pointer="/" + place.replace("~", "~0"))


def _http_error(error: HTTPException) -> flask.Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.NOT_FOUND:
        return problem_response(errors.NotFound(""), instance=None)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _BY_STATUS:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unexpected((error.original_exception if isinstance(error, InternalServerError) else None) or error)
    kind = _BY_STATUS.get(status, PROBLEMS["bad-request"])
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return _response(_written(kind, _http_detail(kind, headers), (), headers, _instance()))


def _http_detail(kind: ProblemType, headers: dict[str, str]) -> str:
    """What to say of an error that werkzeug raised; its own words may hold parts of the request and are not used."""
    match kind.status:
        case HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(headers.get("Allow", "").split(", ")))
            return f"{shown(flask.request.method)} is not answered here; {headers['Allow']} can be."
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return f"At most {flask.request.max_content_length} bytes of body are read."
        case _:
            return kind.meaning


def _unexpected(error: BaseException) -> flask.Response:
    log_fault(error, flask.request.environ)
    return problem_response(UNEXPECTED, instance=_instance())


def _no_redirect() -> None:
    """Refuse what routing would redirect: it builds the target from Host, and a document has one address."""
    if isinstance(flask.request.routing_exception, RequestRedirect):
        raise errors.NotFound(_NOTHING)
