"""What commands print: for people plain lines, with --json one document on stdout; logs and progress go to stderr.

What packs, settings, file names and arguments hold is words to a terminal, never commands: whatever could be one is
written as an escape.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TypeVar

import click

from coachkit.errors import BadRequest, Problem, Problems, Refusal, SettingsError

FOUND, WRONG = 1, 2
"""Exit statuses: problems were found; the usage or the settings are wrong."""

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal obeys instead of showing: controls, and what turns the direction of writing."""

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

json_option: Callable[[F], F] = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def show(value: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Print a value as JSON, or the lines that say the same to people."""
    if as_json:
        _print(_COMMANDS.sub(_in_json, json.dumps(value, ensure_ascii=False, indent=2)))
    else:
        for line in lines:
            _print(line.replace("\n", "\\n"))


def show_problems(problems: Sequence[Problem], *, as_json: bool, done: str | None = None) -> None:
    """Print what a check found, and exit 1 if any of it is an error. `done` is said when none is."""
    failed = any(problem.severity == "error" for problem in problems)
    value = {"ok": not failed, "problems": [asdict(problem) for problem in problems]}
    show(value, [*map(str, problems), *([done] if done and not failed else [])], as_json=as_json)
    if failed:
        sys.exit(FOUND)


def warn(message: str) -> None:
    """Say something that is no result, to people only."""
    _print(message, err=True)


def _print(text: str, *, err: bool = False) -> None:
    click.echo(_COMMANDS.sub(_escaped, text), err=err)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _in_json(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def progress(values: Sequence[T], label: str) -> Iterator[T]:
    """The values, with a bar on stderr while they are gone through, where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield from values
        return
    with click.progressbar(values, label=label, file=sys.stderr) as bar:
        yield from bar


@contextmanager
def reported(*, as_json: bool) -> Iterator[None]:
    """Turn what CoachKit raises on purpose into a message and an exit status; no trace is shown for it."""
    try:
        yield
    except Problems as error:
        if as_json:
            show_problems(error.problems, as_json=True)
        for problem in error.problems:
            warn(str(problem).replace("\n", "\\n"))
        sys.exit(FOUND)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        warn(shown.getvalue().rstrip("\n"))
        _document("usage", error.format_message(), as_json=as_json)
        sys.exit(WRONG)
    except click.Abort:
        warn("Stopped.")
        sys.exit(FOUND)
    except SettingsError as error:
        _refuse("settings", str(error), as_json=as_json)
        sys.exit(WRONG)
    except Refusal as error:
        said = driver_said(error)
        _refuse(error.slug, f"{error.detail}. It says: {said}" if said else error.detail, as_json=as_json)
        sys.exit(WRONG if isinstance(error, BadRequest) else FOUND)
    except OSError as error:
        named = f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)
        _refuse("file", named, as_json=as_json)
        sys.exit(WRONG)


def driver_said(error: Exception) -> str | None:
    """What the driver said where a database does not answer: why, for the operator. No reader is told it."""
    said = getattr(error.__cause__, "orig", None)
    return next(iter(str(said).splitlines()), None) if said is not None else None


def _refuse(code: str, message: str, *, as_json: bool) -> None:
    warn(f"coachkit: {message}")
    _document(code, message, as_json=as_json)


def _document(code: str, message: str, *, as_json: bool) -> None:
    """With --json, the shape that checks have too, so that whoever reads it needs no other."""
    if as_json:
        problem = asdict(Problem("", None, None, code, message)) | {"file": None}
        show({"ok": False, "problems": [problem]}, (), as_json=True)
