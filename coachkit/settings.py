"""What an installation is told: from `COACHKIT_<NAME>` variables, over the TOML file that `COACHKIT_CONFIG` names.

Everything is read and checked once, here, and all that is wrong is said at once. Knows nothing of what the
settings are for.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from coachkit.errors import SettingsError

_PREFIX: Final = "COACHKIT_"
_CONFIG: Final = "COACHKIT_CONFIG"
_DERIVED: Final = "secret-key"
"""How a list of peppers names the one that is made from the secret key."""
_SECRET_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){32,64}", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """An installation's settings, checked. Paths are absolute. `repr` shows no secret."""

    database_url: str = field(repr=False)
    """`sqlite:///path` or `postgresql://user:password@host/name`."""
    secret_key: bytes = field(repr=False)
    """32 to 64 bytes; every keyed hash (ETags, cached frames) is made with it."""
    key_peppers: tuple[bytes | None, ...] = field(default=(None,), repr=False)
    """What keys' tokens are hashed with, the newest first, 32 to 64 bytes each; None is made from `secret_key`."""
    redis_url: str | None = field(default=None, repr=False)
    """`redis://`, `rediss://`, `unix://` or `redis+sentinel://host,host/service`: where workers share answers."""
    data_dir: Path | None = None
    """Where this installation keeps files of its own."""
    packs: tuple[Path, ...] = ()
    """Folders of packs to offer besides those of plugins."""
    plugins: tuple[str, ...] = ()
    """Names of the installed plugins that may run."""
    public_url: str | None = None
    """The address readers see, without a slash at its end; used only where an absolute address cannot be avoided."""
    trusted_proxies: int = 0
    """How many proxies in front may be believed about the client's address and scheme."""
    cache_bytes: int = 64 * 1024 * 1024
    """Bytes that each process's store of rendered responses may take."""
    metrics_token: str | None = field(default=None, repr=False)
    """What a scraper that is not on this machine sends as its bearer token."""
    metrics_dir: Path | None = None
    """Where the workers' counts are brought together."""
    log_hits: bool = False
    """Whether cache hits are written to the access log."""
    max_keys: int = 50
    """Keys that an organisation may have that are neither revoked nor expired."""
    max_channels: int = 50
    """Channels that an organisation may have."""
    max_editions: int = 10_000
    """Editions that an organisation may have."""
    max_schedules: int = 100
    """Schedules of an organisation that may be waiting."""
    max_hostnames: int = 20
    """Hostnames that an organisation may claim."""
    max_resources: int = 200
    """Resources of its own that an organisation may have."""
    max_overlay: int = 2_000
    """Parts that an organisation's overlay may have."""
    limit_reads: int = 6_000
    """Reads that a key may make in a minute and that are answered from what is kept."""
    limit_misses: int = 600
    """Reads that a caller may make in a minute and that have to be made anew."""
    limit_keyless: int = 6_000
    """Requests without a key in a minute about one organisation that have to be answered anew; 0 for any number."""
    limit_writes: int = 120
    """Changes that a key may make in a minute."""
    limit_key_creations: int = 20
    """Keys that an organisation may make in an hour."""
    limit_failed_keys: int = 20
    """Keys that do not hold which may come from one address in a minute."""


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """The installation's settings. An empty variable counts as not set.

    Relative paths are relative to the file they stand in, or to the working folder for variables; lists in
    variables are separated by commas. Raises SettingsError, with all that is wrong: an unknown name with the nearest
    known one, a missing setting with how to make it, a wrong value with what would be right.
    """
    variables = {name: text for name, text in environ.items() if name.startswith(_PREFIX) and text}
    config = variables.pop(_CONFIG, None)
    given: list[_Given] = []
    if config is not None:
        file = Path(config).absolute()
        given += [_Given(name, f"{name} in {file}", value, file.parent) for name, value in _read(file).items()]
    here = Path.cwd()
    given += [_Given(name.removeprefix(_PREFIX).lower(), name, text, here) for name, text in variables.items()]
    return _settings(given)


def processes(environ: Mapping[str, str] = os.environ) -> int:
    """How many worker processes serve beside each other: WEB_CONCURRENCY, or one for each usable core and two at least.

    Raises SettingsError if that is no whole number of 1 or more.
    """
    return positive("WEB_CONCURRENCY", max(2, _usable_cores()), environ)


def positive(variable: str, default: int, environ: Mapping[str, str] = os.environ) -> int:
    """The whole number, 1 or more, that an environment variable holds; an empty one counts as not set."""
    text = environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and int(text)):
        raise SettingsError(f"{variable}: {text!r} is not a whole number of 1 or more")
    return int(text)


def _usable_cores() -> int:
    """The cores that this process may run on, where the system tells; macOS tells only how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write_config(path: Path, values: Mapping[str, str | int | bool | Sequence[str]]) -> None:
    """Write a TOML file that `load` reads, readable by its owner alone; one that is there is replaced whole."""
    lines = [f"{name} = {_toml(value)}\n" for name, value in values.items()]
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(lines)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


# --- from what was given to Settings ------------------------------------------------------------


@dataclass(frozen=True)
class _Given:
    """One setting as given: text from a variable, or a TOML value. `label` names it where it was given."""

    name: str
    label: str
    value: Any
    base: Path


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{_CONFIG} names {file}, which cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not a TOML file: {error}") from None


def _settings(given: Sequence[_Given]) -> Settings:
    """The settings, later ones over earlier ones; SettingsError with everything that is wrong."""
    wrong: list[str] = []
    values: dict[str, Any] = {}
    for one in given:
        try:
            values[one.name] = _PARSERS.get(one.name, _unknown)(one)
        except _WrongError as error:
            wrong.append(str(error))
    seen = {one.name for one in given}
    wrong += [sentence for name, sentence in _MISSING.items() if name not in seen]
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Settings(**values)


_MISSING: Final = {
    "database_url": (
        "There is no database_url: write sqlite:///path/to/coachkit.sqlite or postgresql://user:password@host/name as "
        "COACHKIT_DATABASE_URL, or as database_url in the file that COACHKIT_CONFIG names"
    ),
    "secret_key": (
        "There is no secret_key: `coachkit secret` prints a new one; keep it as COACHKIT_SECRET_KEY, or as "
        "secret_key in the file that COACHKIT_CONFIG names, the same for every process and every start"
    ),
}


class _WrongError(Exception):
    """A setting that cannot be used; the message says which, and what would be right."""


def _wrong(given: _Given, wanted: str, *, secret: bool = False) -> _WrongError:
    quoted = "the value given (not shown)" if secret else repr(given.value)
    return _WrongError(f"{given.label}: {quoted} is not {wanted}")


def _unknown(given: _Given) -> None:
    """Refuse a setting that does not exist, with the nearest one that does, spelt as it is spelt where this stands."""
    nearest = difflib.get_close_matches(given.name, _PARSERS, n=1)
    in_file = given.label.startswith(given.name)
    meant = "".join(f"; did you mean {name if in_file else _PREFIX + name.upper()}?" for name in nearest)
    raise _WrongError(f"{given.label}: there is no such setting{meant}")


def _text(given: _Given) -> str:
    if not isinstance(given.value, str) or not given.value:
        raise _wrong(given, "text")
    return given.value


def _database_url(given: _Given) -> str:
    """An address; that of an SQLite file made absolute, so that it is the same from every working folder."""
    wanted = "sqlite:///path/to/file or postgresql://user:password@host/name"
    url = given.value if isinstance(given.value, str) else ""
    if url.startswith("sqlite:///") and url.removeprefix("sqlite:///").partition("?")[0] not in {"", ":memory:"}:
        return f"sqlite:///{given.base / url.removeprefix('sqlite:///')}"
    if url.startswith("postgresql://") and len(url) > len("postgresql://"):
        return url
    raise _wrong(given, wanted, secret=True)


def _redis_url(given: _Given) -> str:
    wanted = "redis://host:6379/0, rediss://…, unix:///path/to/socket or redis+sentinel://host:26379,host:26379/service"
    url = given.value if isinstance(given.value, str) else ""
    scheme, _, rest = url.partition("://")
    place = rest.rpartition("@")[2]
    known = scheme in {"redis", "rediss"} or (scheme == "unix" and place.startswith("/"))
    if not place or not (known or (scheme == "redis+sentinel" and place.partition("/")[2])):
        raise _wrong(given, wanted, secret=True)
    return url


def _secret_key(given: _Given) -> bytes:
    if not isinstance(given.value, str) or not _SECRET_HEX.fullmatch(given.value):
        raise _wrong(given, "64 to 128 hexadecimal digits; `coachkit secret` prints a new one", secret=True)
    return bytes.fromhex(given.value)


def _peppers(given: _Given) -> tuple[bytes | None, ...]:
    values = given.value.split(",") if isinstance(given.value, str) else given.value
    texts = [value.strip() if isinstance(value, str) else "" for value in values] if isinstance(values, list) else []
    if not texts or not all(text == _DERIVED or _SECRET_HEX.fullmatch(text) for text in texts):
        wanted = "a list of 64 to 128 hexadecimal digits each, as `coachkit secret` prints them, or secret-key"
        raise _wrong(given, wanted, secret=True)
    return tuple(None if text == _DERIVED else bytes.fromhex(text) for text in texts)


def _token(given: _Given) -> str:
    if not isinstance(given.value, str) or not given.value.isascii() or not given.value.isprintable():
        raise _wrong(given, "text of printable ASCII characters", secret=True)
    return given.value


def _path(given: _Given) -> Path:
    return given.base / _text(given)


def _names(given: _Given) -> tuple[str, ...]:
    values = given.value.split(",") if isinstance(given.value, str) else given.value
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _wrong(given, "a list of texts")
    return tuple(value.strip() for value in values if value.strip())


def _paths(given: _Given) -> tuple[Path, ...]:
    return tuple(given.base / name for name in _names(given))


def _count(given: _Given) -> int:
    text = str(given.value)
    if isinstance(given.value, bool) or not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise _wrong(given, "a whole number, 0 or more")
    return int(text)


def _limit(given: _Given) -> int:
    """A count of which there is one at least: a limit that lets nobody in is a mistake."""
    if not re.fullmatch(r"[0-9]{1,9}", str(given.value), re.ASCII) or not (found := _count(given)):
        raise _wrong(given, "a whole number from 1 to 999,999,999")
    return found


def _unlimited_or(given: _Given) -> int:
    """A count, or 0 where there is no limit."""
    if not re.fullmatch(r"[0-9]{1,9}", str(given.value), re.ASCII):
        raise _wrong(given, "a whole number from 1 to 999,999,999, or 0 for no limit")
    return _count(given)


def _flag(given: _Given) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(given.value, bool):
        return given.value
    if not isinstance(given.value, str) or given.value.lower() not in known:
        raise _wrong(given, "true or false")
    return known[given.value.lower()]


def _web_address(given: _Given) -> str:
    wanted = "an address like https://coaching.example.org, with no query"
    address = _text(given)
    try:
        parts = urlsplit(address)
    except ValueError:
        raise _wrong(given, wanted) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise _wrong(given, wanted)
    return address.rstrip("/")


_PARSERS: Final[Mapping[str, Callable[[_Given], Any]]] = {
    "database_url": _database_url,
    "secret_key": _secret_key,
    "key_peppers": _peppers,
    "redis_url": _redis_url,
    "data_dir": _path,
    "packs": _paths,
    "plugins": _names,
    "public_url": _web_address,
    "trusted_proxies": _count,
    "cache_bytes": _count,
    "metrics_token": _token,
    "metrics_dir": _path,
    "log_hits": _flag,
    "max_keys": _count,
    "max_channels": _count,
    "max_editions": _count,
    "max_schedules": _count,
    "max_hostnames": _count,
    "max_resources": _count,
    "max_overlay": _count,
    "limit_reads": _limit,
    "limit_misses": _limit,
    "limit_keyless": _unlimited_or,
    "limit_writes": _limit,
    "limit_key_creations": _limit,
    "limit_failed_keys": _limit,
}


def _toml(value: str | int | bool | Sequence[str]) -> str:
    """A TOML value. JSON's escapes are TOML's, but for the delete character, which TOML wants escaped."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return f"[{', '.join(_toml(item) for item in value)}]"
