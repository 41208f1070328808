"""What operators and their machines ask: is the process alive, can it serve, what has it counted.

Knows no database and no cache: what readiness means is handed in as checks, and what looks at the jobs.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

import flask

from coachkit.api.background import Look
from coachkit.api.metrics import exposition
from coachkit.api.problems import RETRY_AFTER, log_fault
from coachkit.errors import NotFound

Status = Literal["ok", "degraded", "down"]
Check = Callable[[], tuple[str, Status, str | None]]
"""One thing to look at: its name, how it is, and a sentence about it for the operator (None if there is none)."""

_WORST_LAST: Final[Sequence[Status]] = ("ok", "degraded", "down")
_FORWARDED: Final = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")


def blueprint(
    checks: Sequence[Check], jobs: Look = lambda: None, *, metrics_token: str | None, trusted_proxies: int
) -> flask.Blueprint:
    """`/healthz`, `/readyz` over the checks, and `/metrics`, jobs among them, for this machine or who has the token.

    With `trusted_proxies` the token alone counts: the address is then what a proxy said.
    """
    operations = flask.Blueprint("operations", __name__)
    operations.add_url_rule("/healthz", "healthz", lambda: _answer({"status": "ok"}))
    operations.add_url_rule("/readyz", "readyz", lambda: _readiness(checks))
    operations.add_url_rule("/metrics", "metrics", lambda: _metrics(jobs, metrics_token, trusted_proxies))
    return operations


def _readiness(checks: Sequence[Check]) -> flask.Response:
    """`ok` or `degraded` in a word, each check by itself, and 503 where one of them is down."""
    found = [_run(check) for check in checks]
    worst = max((status for _, status, _ in found), key=_WORST_LAST.index, default="ok")
    each = {name: {"status": status, "detail": detail} for name, status, detail in found}
    response = _answer({"status": "ok" if worst == "ok" else "degraded", "checks": each})
    if worst == "down":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        response.headers["Retry-After"] = RETRY_AFTER
    return response


def _run(check: Check) -> tuple[str, Status, str | None]:
    """What the check says; one that raises is down under its function's name, and the log has why."""
    try:
        return check()
    except Exception as error:  # noqa: BLE001  # whatever is wrong with a check, the others are still reported
        log_fault(error, flask.request.environ)
        return getattr(check, "__name__", "check"), "down", "The check itself failed; the log says why."


def _answer(body: Mapping[str, Any]) -> flask.Response:
    response = flask.jsonify(body)
    response.cache_control.no_store = True
    return response


def _metrics(jobs: Look, token: str | None, trusted_proxies: int) -> flask.Response:
    if not (_has_token(token) or (trusted_proxies == 0 and _from_here())):
        raise NotFound("")
    text, media_type = exposition(jobs)
    response = flask.Response(text, content_type=media_type)
    response.cache_control.no_store = True
    return response


def _has_token(token: str | None) -> bool:
    given = flask.request.authorization
    if token is None or given is None or given.type != "bearer" or given.token is None:
        return False
    return hmac.compare_digest(given.token.encode("utf-8", "replace"), token.encode())


def _from_here() -> bool:
    """Whether the peer is this machine and speaks for itself: a proxy in front would be on this machine as well."""
    environ = flask.request.environ
    if any(header in environ for header in _FORWARDED):
        return False
    try:
        peer = ipaddress.ip_address(environ.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
    return (mapped or peer).is_loopback
