"""Reads what callers send: query strings, JSON bodies, and the arguments that views declare.

Owns every rule of what can be read at all. Whatever is wrong leaves as a refusal that names the parameter,
header or place in the body, all of them at once; nothing that a caller can send gets past here as a fault.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast
from urllib.parse import unquote_to_bytes

import flask
import marshmallow as ma
from webargs.core import is_json, missing
from webargs.flaskparser import FlaskParser

from coachkit.api.problems import shown
from coachkit.api.violations import Violation, pointer, violations
from coachkit.errors import BadRequest, FieldError, InvalidBody, TooLarge, WrongMediaType
from coachkit.packs.findings import nearest

MAX_BODY = 64 * 1024
"""Bytes of a request's body."""
MAX_DEPTH = 32
"""Objects and lists within each other in a body."""
MAX_ERRORS = 100
"""Errors that one answer lists."""

_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_KEY = re.compile(rb"ck_(?:pub|sec)_")
_KEY_IN_QUERY = (
    "There is a key in the query, where logs and histories keep it: revoke it, and send another one in the header "
    "Authorization."
)
_UNFIT_DETAIL = "Holds NUL or half of a surrogate pair, which is not text."


@dataclass(frozen=True)
class Query:
    """The query parameters that a route takes; `repeatable` ones mean "any of" when given more than once."""

    names: frozenset[str] = frozenset()
    repeatable: frozenset[str] = frozenset()

    def check(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Raise BadRequest naming every parameter that is not known or is given more often than it may be."""
        counts = Counter(name for name, _ in pairs)
        found = [error for name, count in counts.items() if (error := self._error(name, count))]
        if found:
            raise BadRequest("The query has parameters that are not read here.", tuple(found[:MAX_ERRORS]))

    def _error(self, name: str, count: int) -> FieldError | None:
        if name not in self.names:
            hint = nearest(name, sorted(self.names)) or f"there are {', '.join(sorted(self.names)) or 'none here'}"
            return FieldError("unknown-parameter", f"{shown(name)} is not known; {hint}", parameter=name)
        if count > 1 and name not in self.repeatable:
            return FieldError("repeated-parameter", f"Given {count} times; once is right.", parameter=name)
        return None


def refuse_keys(raw: str) -> None:
    """Raise BadRequest for a query string, as WSGI has it, in which a key stands or what looks like one."""
    if raw and _KEY.search(unquote_to_bytes(raw.encode("latin-1", "replace"))):
        raise BadRequest(_KEY_IN_QUERY, (FieldError("key-in-query", _KEY_IN_QUERY, header="Authorization"),))


def read_query(raw: str) -> list[tuple[str, str]]:
    """The names and values of a query string, as WSGI has it: bytes as Latin-1, in order.

    Raises BadRequest where it is not UTF-8, or has a key in it.
    """
    refuse_keys(raw)
    pairs = [part.partition(b"=")[::2] for part in raw.encode("latin-1", "replace").split(b"&") if part]
    found = tuple(error for name, value in pairs if (error := _undecodable(name, value)))
    if found:
        raise BadRequest("The query cannot be decoded.", found[:MAX_ERRORS])
    return [(_decoded(name), _decoded(value)) for name, value in pairs]


def _undecodable(name: bytes, value: bytes) -> FieldError | None:
    called = _bytes(name).decode("utf-8", "replace")
    if _BROKEN_PERCENT.search(name + b"=" + value):
        return FieldError("invalid-encoding", "A % is not followed by two hexadecimal digits.", parameter=called)
    try:
        text = _decoded(name) + _decoded(value)
    except UnicodeDecodeError:
        return FieldError("invalid-encoding", "Not UTF-8.", parameter=called)
    return FieldError("invalid-text", _UNFIT_DETAIL, parameter=called) if _UNFIT.search(text) else None


def _bytes(part: bytes) -> bytes:
    return unquote_to_bytes(part.replace(b"+", b" "))


def _decoded(part: bytes) -> str:
    return _bytes(part).decode("utf-8")


def read_json(raw: bytes) -> Any:
    """The value that JSON in UTF-8 stands for; BadRequest if it is not JSON, is ambiguous or nests too deep."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_object,
        )
        _limit_depth(value, MAX_DEPTH)
    except RecursionError:
        raise _malformed("too-deep", f"Nests deeper than {MAX_DEPTH} objects and lists.") from None
    except UnicodeDecodeError as error:
        raise _malformed("malformed-json", f"Not UTF-8: byte {error.start + 1}.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _malformed("malformed-json", f"Not JSON at {place}: {error.msg}.") from None
    except ValueError:  # an integer of more digits than Python converts
        raise _malformed("invalid-number", "A number has too many digits.") from None
    return value


def _malformed(code: str, detail: str) -> BadRequest:
    return BadRequest("The body is not JSON that can be read.", (FieldError(code, detail, pointer=""),))


def _no_constant(name: str) -> NoReturn:
    raise _malformed("invalid-number", f"{name} is not a number in JSON.")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _malformed("invalid-number", f"{shown(digits)} is beyond what a double holds.")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise _malformed("duplicate-key", f"One object names {shown(twice)} twice.")
    return found


def _limit_depth(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise RecursionError
        for below in value.values() if isinstance(value, dict) else value:
            _limit_depth(below, left - 1)


def _unfit(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Violation]:
    """Every text in the body, keys too, that cannot be stored or sent."""
    if isinstance(value, str):
        if _UNFIT.search(value):
            yield Violation(path, "invalid-text", _UNFIT_DETAIL)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _unfit(below, (*path, index))
    elif isinstance(value, dict):
        for key, below in value.items():
            if _UNFIT.search(key):
                yield Violation(path, "invalid-text", f"A key: {_UNFIT_DETAIL}")
            else:
                yield from _unfit(below, (*path, key))


class Parser(FlaskParser):
    """webargs' parser for Flask, with refusals for errors and nothing let through that was not asked for.

    Unknown query parameters are refused for the route as a whole (`Query.check`), since a view may declare
    several schemas; each then takes its own from what is left.
    """

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:  # noqa: ARG002  # webargs' signature
        """The body's JSON, `missing` without a body; WrongMediaType or BadRequest if it cannot be read."""
        raw = req.get_data(cache=True)
        most = req.max_content_length or MAX_BODY
        if len(raw) >= most and req.stream.read(1):  # a chunked body that is longer: what was read is not all of it
            raise TooLarge(f"At most {most:,} bytes are read.")
        if not raw:
            return missing
        _check_media_type(req)
        return read_json(raw)

    def pre_load(
        self,
        location_data: Any,
        *,
        schema: ma.Schema,
        req: flask.Request,  # noqa: ARG002  # webargs' signature
        location: str,
    ) -> Any:
        """What was loaded, once every text in a body is known to be text; InvalidBody with the schema's errors else."""
        if location == "json" and (unfit := list(_unfit(location_data))):
            raise _invalid_body([*unfit, *violations(schema.validate(location_data), schema)])
        return location_data

    def handle_error(
        self,
        error: ma.ValidationError,
        req: flask.Request,
        schema: ma.Schema,
        *,
        error_status_code: int | None,  # noqa: ARG002  # webargs' signature
        error_headers: Mapping[str, str] | None,  # noqa: ARG002  # the same
    ) -> NoReturn:
        """Raise InvalidBody for a body, BadRequest for all else, with every error that marshmallow found."""
        ((location, messages),) = cast("dict[str, Any]", error.messages).items()
        found = list(violations(messages, schema))
        if location in {"json", "form", "files", "json_or_form"}:
            raise _invalid_body(found)
        raise _invalid_argument(found, location, req)


def _check_media_type(req: flask.Request) -> None:
    """Raise WrongMediaType unless the body says it is JSON, in UTF-8 and not compressed."""
    charset = req.mimetype_params.get("charset", "utf-8").lower()
    coding = req.headers.get("Content-Encoding", "identity").strip().lower()
    if not is_json(req.mimetype):
        detail = f"The body is {shown(req.mimetype or 'of no type')}; application/json is read."
        raise _wrong_type("Content-Type", detail)
    if charset not in {"utf-8", "utf8", "us-ascii"}:
        raise _wrong_type("Content-Type", f"JSON is in UTF-8, not in {shown(charset)}.")
    if coding != "identity":
        raise _wrong_type("Content-Encoding", f"The body is compressed with {shown(coding)}; send it as it is.")


def _wrong_type(header: str, detail: str) -> WrongMediaType:
    return WrongMediaType(
        detail, (FieldError("unsupported-media-type", detail, header=header),), {"Accept-Encoding": "identity"}
    )


def _invalid_body(found: list[Violation]) -> InvalidBody:
    listed = tuple(FieldError(v.code, v.detail, pointer=pointer(v.path)) for v in found[:MAX_ERRORS])
    return InvalidBody(_counted(found), listed)


def _invalid_argument(found: list[Violation], location: str, req: flask.Request) -> BadRequest:
    place = "header" if location in {"headers", "cookies"} else "parameter"
    listed = (
        FieldError(v.code, v.detail + _given(v, location, req), **{place: str(v.path[0]) if v.path else ""})
        for v in found[:MAX_ERRORS]
    )
    return BadRequest(_counted(found), tuple(listed))


def _counted(found: list[Violation]) -> str:
    more = f"; the first {MAX_ERRORS} are listed" if len(found) > MAX_ERRORS else ""
    return f"{'1 value breaks a rule' if len(found) == 1 else f'{len(found)} values break rules'}{more}."


def _given(violation: Violation, location: str, req: flask.Request) -> str:
    """What a query parameter was given, to be said after what is wrong with it."""
    name, *index = violation.path or ("",)
    values = req.args.getlist(str(name)) if location in {"query", "querystring"} else []
    at = index[0] if index and isinstance(index[0], int) else 0
    return f" Found {shown(values[at])}." if at < len(values) else ""
