"""Every error CoachKit raises on purpose, and the problems it reports about what people wrote.

    CoachKitError
    ├── SettingsError            the installation is not configured      (exit 2)
    ├── Problems                 what somebody wrote breaks rules; carries them all at once
    │   ├── PackInvalid          a pack                                  (exit 1)
    │   ├── PublishRefused       an edition or an organisation's choices (exit 1, 422)
    │   └── ArchiveInvalid       an organisation's archive               (exit 1)
    └── Refusal                  a request or command that cannot be answered; has a status and a slug
        ├── BadRequest           400  malformed, or an unknown or invalid query, path or header
        ├── Unauthorised         401
        ├── Forbidden            403  the key is valid, and not for this
        ├── NotFound             404  also for what the caller may not see, with the same bytes
        ├── NotAcceptable        406
        ├── Conflict             409
        │   └── LimitReached     409  as many as an organisation may have
        ├── Gone                 410
        ├── PreconditionFailed   412  it has changed since the caller saw it
        ├── TooLarge             413
        ├── WrongMediaType       415
        ├── InvalidBody          422  a well-formed body that breaks a rule
        ├── KeyReused            422  an Idempotency-Key that stands for another request
        ├── PreconditionRequired 428  a change names what it is based on
        ├── TooManyRequests      429  with the seconds after which to try again
        └── Unavailable          503  with the seconds after which to try again

This module imports nothing of ours, so every floor can use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One thing found in a file, at its place, with what would be right.

    `file` is relative to what was checked, with forward slashes; `line` and `column` count from 1
    and are None where the file as a whole is meant. `code` is from a closed list of slugs.
    """

    file: str
    line: int | None
    column: int | None
    code: str
    message: str
    hint: str | None = None
    severity: Severity = "error"

    def __str__(self) -> str:
        """`file:line:column: severity: message [code]`, and the hint where there is one."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {self.severity}: {self.message}{hint} [{self.code}]"


@dataclass(frozen=True)
class FieldError:
    """One part of a request that is wrong: exactly one of pointer, parameter and header names it."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class CoachKitError(Exception):
    """Anything CoachKit raises on purpose."""


class SettingsError(CoachKitError):
    """The installation's settings are missing, unknown or unsafe; the message says how to mend them."""


class Problems(CoachKitError):
    """What somebody wrote breaks rules; `problems` holds all of them, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PackInvalid(Problems):
    """A pack breaks the rules of its format."""


class PublishRefused(Problems):
    """An organisation's choices cannot become an edition."""


class ArchiveInvalid(Problems):
    """An organisation's archive cannot be imported."""


@dataclass(eq=False)
class Refusal(CoachKitError):
    """A request or a command that cannot be answered, ready to become problem details (RFC 9457)."""

    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "unexpected"
    title: ClassVar[str] = "Something went wrong"

    def __str__(self) -> str:
        return self.detail


class BadRequest(Refusal):
    """A malformed request, or an unknown or invalid query parameter, path part or header."""

    status, slug, title = 400, "bad-request", "The request cannot be read"


class Unauthorised(Refusal):
    """A credential was given that does not hold."""

    status, slug, title = 401, "unauthorised", "The key is not valid"


class Forbidden(Refusal):
    """The credential holds, but not for what was asked."""

    status, slug, title = 403, "forbidden", "This is not allowed"


class NotFound(Refusal):
    """Nothing that the caller may see is at this address."""

    status, slug, title = 404, "not-found", "There is nothing here"


class NotAcceptable(Refusal):
    """None of the formats asked for can be served."""

    status, slug, title = 406, "not-acceptable", "No format that was asked for can be served"


class Conflict(Refusal):
    """What was asked for contradicts what is stored."""

    status, slug, title = 409, "conflict", "This contradicts what is stored"


class LimitReached(Conflict):
    """An organisation has as many of something as it may have."""

    slug, title = "limit-reached", "There can be no more of these"


class Gone(Refusal):
    """It was here and is no more: withdrawn, or a place from which nobody can go on."""

    status, slug, title = 410, "gone", "This is no longer here"


class PreconditionFailed(Refusal):
    """What was to be changed has changed since the caller saw it."""

    status, slug, title = 412, "precondition-failed", "It has changed meanwhile"


class TooLarge(Refusal):
    """The request is larger than is accepted."""

    status, slug, title = 413, "too-large", "The request is too large"


class WrongMediaType(Refusal):
    """The body's media type is not one that is read here."""

    status, slug, title = 415, "unsupported-media-type", "The body's media type is not read here"


class InvalidBody(Refusal):
    """A well-formed body that breaks a rule."""

    status, slug, title = 422, "invalid-body", "The body breaks a rule"


class KeyReused(Refusal):
    """An Idempotency-Key that came with another request before."""

    status, slug, title = 422, "idempotency-key-reused", "The Idempotency-Key stands for another request"


class PreconditionRequired(Refusal):
    """A change that does not say what it is based on."""

    status, slug, title = 428, "precondition-required", "A precondition is required"


class TooManyRequests(Refusal):
    """More requests than the caller may make in that time."""

    status, slug, title = 429, "too-many-requests", "Too many requests"


class Unavailable(Refusal):
    """Something that is needed does not answer at the moment."""

    status, slug, title = 503, "unavailable", "Not available at the moment"
