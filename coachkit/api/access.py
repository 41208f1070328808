"""Who may do what: the one place where credentials are judged, for the fast lane and for Flask.

Other sites' pages are let in here too (CORS; the Fetch standard, 3.2). Knows no route by name, only where the API
begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

import flask

from coachkit.api.limiting import Limits, client
from coachkit.api.parsing import refuse_keys
from coachkit.api.reading import FAILED
from coachkit.editions.access import Access
from coachkit.errors import FieldError, Forbidden, NotFound, Unauthorised
from coachkit.organisations.keys import Key

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

API: Final = "/v1/"
"""All addresses of the API begin so; what is beside it takes no key and is for no other site's page."""
READING: Final = "content:read"
"""The scope of keys that read content."""

Headers = tuple[tuple[str, str], ...]
_EXPOSED: Final = (
    "Access-Control-Expose-Headers",
    "CoachKit-Edition, CoachKit-Request-Id, Deprecation, ETag, Link, RateLimit, RateLimit-Policy, Retry-After, Sunset",
)
"""Those of an answer's headers that browsers would hide from a page."""
FOR_ANY_PAGE: Final[Headers] = (("Access-Control-Allow-Origin", "*"), _EXPOSED)
"""What lets a page of any origin read an answer."""
_SENT: Final = ("Accept", "Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "If-None-Match")
PREFLIGHT: Final = {
    "Access-Control-Allow-Headers": ", ".join(_SENT),
    "Access-Control-Max-Age": "86400",
}
"""What a page may send. A key that a page has is a publishable one: whoever opens the page can read it."""
ADMITTED: Final = "coachkit.admitted"
"""Where a request's environment holds its Admission, once it is settled."""

_CREDENTIAL: Final = "HTTP_AUTHORIZATION"
_BEARER: Final = re.compile(r"Bearer +(\S{1,200})", re.IGNORECASE)


class Keys(Protocol):
    """Where keys are looked up."""

    def find(self, text: str) -> Key | None:
        """The key whose token a text is, if it holds now. Raises Unavailable where that cannot be known."""


class Admission(NamedTuple):
    """A caller who may have what was asked for: with which key, if any, and what its answer says of that."""

    key: Key | None
    headers: Headers


ANYBODY: Final = Admission(None, FOR_ANY_PAGE)
"""Whoever reads what is public, without a key."""


class Gate:
    """Judges callers for one application."""

    def __init__(self, keys: Keys, limits: Limits) -> None:
        self._keys = keys
        self._limits = limits

    def key(self, environ: WSGIEnvironment) -> Key | None:
        """The key that the caller shows, None for none.

        Raises Unauthorised for one that does not hold, and TooManyRequests where a client has shown many of those.
        """
        shown = environ.get(_CREDENTIAL)
        if shown is None:
            return None
        token = _BEARER.fullmatch(shown.strip())
        key = self._keys.find(token[1]) if token else None
        if key is None:
            self._count_failed(environ)
            said = "mistyped, or it has expired or was revoked" if token else "not written as `Bearer KEY`"
            error = FieldError("invalid-key", f"This key is {said}.", header="Authorization")
            raise Unauthorised("What the header Authorization holds is no key that holds here.", (error,))
        return key

    def reader(self, environ: WSGIEnvironment, organisation_id: int, access: Access) -> Admission:
        """Whether the caller may read what an organisation serves.

        Raises Unauthorised for a key that does not hold, NotFound where the content wants another key or one at all,
        Forbidden for the organisation's own key that is not for reading, or not from there, and TooManyRequests.
        """
        key = self.key(environ)
        if key is None:
            if access.keyed:
                raise NotFound("")
            return ANYBODY
        own = key.is_operator or key.organisation_id == organisation_id
        if access.keyed and not own:
            raise NotFound("")
        if own:
            _require_origin(key, environ)
        if access.keyed and not key.may(READING, organisation_id):
            raise Forbidden(f"This key has not the scope {READING}.")
        origins = access.origins.union(key.origins)
        cors = _cors(environ.get("HTTP_ORIGIN"), origins) if access.keyed else FOR_ANY_PAGE
        return Admission(key, (*cors, *self._reads(key)))

    def miss(self, admission: Admission, organisation_id: int) -> None:
        """Count an answer about an organisation that is made anew. Raises TooManyRequests.

        Those without a key are not told apart, since many readers may share one address: they are counted together.
        """
        if admission.key is not None:
            self._limits.misses.require(admission.key.id)
        elif self._limits.keyless.quota:
            standing = self._limits.keyless.spend(str(organisation_id))
            if not standing.granted:
                raise self._limits.keyless.refusal(standing)

    def manager(self, environ: WSGIEnvironment, organisation_id: int | None, scope: str) -> Admission:
        """Whether the caller may do what wants a secret key with a scope; `organisation_id` is None if there is none.

        Raises Unauthorised without a key that holds, whether there is such an organisation or not, NotFound for
        another's key, Forbidden for the organisation's own that is not for this, and TooManyRequests.
        """
        key = self.key(environ)
        if key is None:
            error = FieldError("missing", "This address wants a secret key: `Bearer ck_sec_…`.", header="Authorization")
            raise Unauthorised("This address wants a key.", (error,))
        if organisation_id is None or not (key.is_operator or key.organisation_id == organisation_id):
            raise NotFound("")
        if not key.may(scope, organisation_id):
            raise Forbidden(f"This key has not the scope {scope}.")
        changes = environ["REQUEST_METHOD"] not in {"GET", "HEAD"}
        return Admission(key, self._limits.writes.require(key.id) if changes else self._reads(key))

    def _reads(self, key: Key) -> Headers:
        standing = self._limits.reads.spend(key.id)
        if not standing.granted:
            raise self._limits.reads.refusal(standing)
        return self._limits.reads.fields(standing)

    def _count_failed(self, environ: WSGIEnvironment) -> None:
        """Count a key that does not hold, by the client's address, which is kept nowhere else."""
        standing = self._limits.failed_keys.spend(client(environ.get("REMOTE_ADDR", "")))
        if not standing.granted:
            raise self._limits.failed_keys.refusal(standing)


def _require_origin(key: Key, environ: WSGIEnvironment) -> None:
    """A courtesy of browsers: whoever is none can send any Origin, or none."""
    if not key.admits(environ.get("HTTP_ORIGIN")):
        error = FieldError("origin-not-allowed", "The key is for pages of other origins.", header="Origin")
        raise Forbidden("This key is not for pages of that origin.", (error,))


def _cors(origin: str | None, allowed: frozenset[str]) -> Headers:
    """What lets only pages of those origins read an answer."""
    if origin is None or origin not in allowed:
        return (("Vary", "Origin"),)
    return (("Access-Control-Allow-Origin", origin), _EXPOSED, ("Vary", "Origin"))


# --- for Flask ----------------------------------------------------------------------------------

View = TypeVar("View", bound=Callable[..., Any])


def open_to_all(view: View) -> View:
    """Declare that a view answers about an organisation whoever asks: what it serves is named by its content."""
    view.__open_to_all__ = True  # type: ignore[attr-defined]
    return view


def managed(scope: str, *, based: bool = False, new: bool = False) -> Callable[[View], View]:
    """Declare that a view wants a secret key with a scope: that of the organisation in its path, or the operator's.

    For the reference: `based` says that it asks for If-Match, `new` that it makes what is not there yet.
    """

    def declare(view: View) -> View:
        view.__managed__ = scope  # type: ignore[attr-defined]
        noted = {**getattr(view, "_apidoc", {}), "management": {"scope": scope, "based": based, "new": new}}
        view._apidoc = noted  # type: ignore[attr-defined]  # noqa: SLF001 — where flask-smorest's decorators note things
        return view

    return declare


def declared(view: Any, name: str) -> Any:
    """What a view, or what was wrapped in it, was declared to be; None where it was not."""
    while view is not None:
        if (found := getattr(view, name, None)) is not None:
            return found
        view = getattr(view, "__wrapped__", None)
    return None


class Organisations(Protocol):
    """Where it is known whose content wants a key."""

    def access(self, organisation: str) -> Access | None:
        """Who may read; None where there is no such organisation."""

    def number(self, organisation: str) -> int | None:
        """Its number; None where there is no such organisation."""


def register(app: flask.Flask, gate: Gate, organisations: Organisations) -> None:
    """Let the app refuse callers before anything else, and open the API to pages."""

    def judge() -> None:
        request = flask.request
        if not request.path.startswith(API) or request.method == "OPTIONS":
            return
        refuse_keys(request.environ.get("QUERY_STRING", ""))  # first: whoever it is, that key is known to others now
        if failed := request.environ.get(FAILED):
            raise failed
        if ADMITTED in request.environ:
            return
        view = app.view_functions.get(request.endpoint or "")
        slug = (request.view_args or {}).get("organisation")
        access = None if slug is None else organisations.access(slug)
        number = None if slug is None or access is None else organisations.number(slug)
        if scope := declared(view, "__managed__"):
            request.environ[ADMITTED] = gate.manager(request.environ, number, scope)
        elif access is None or number is None or declared(view, "__open_to_all__"):
            gate.key(request.environ)
        else:
            admission = request.environ[ADMITTED] = gate.reader(request.environ, number, access)
            gate.miss(admission, number)

    app.before_request_funcs.setdefault(None, []).insert(0, judge)  # before anything else is looked at
    app.after_request(_open_to_pages)


def _open_to_pages(response: flask.Response) -> flask.Response:
    if flask.request.path.startswith(API):
        admission: Admission = flask.request.environ.get(ADMITTED, ANYBODY)
        refused = response.status_code >= 400  # noqa: PLR2004 — refusals look alike, whoever may not have what
        _add(response, FOR_ANY_PAGE if refused else admission.headers)
        if flask.request.method == "OPTIONS" and "Allow" in response.headers:
            response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(response.allow))
            response.headers.update(PREFLIGHT)
    return response


def _add(response: flask.Response, headers: Sequence[tuple[str, str]]) -> None:
    for name, value in headers:
        if name == "Vary":
            response.vary.add(value)
        else:
            response.headers[name] = value
