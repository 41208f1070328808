"""The few small pages that people open: what this is, and what each problem means. No script in them."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

import flask
from markupsafe import Markup

from coachkit import __version__
from coachkit.api.problems import CODES, PROBLEMS, ProblemType
from coachkit.errors import NotFound

_STYLE: Final = Markup(
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}"
    "dt{margin-top:.75rem}dd{margin-left:1.5rem}code{font-family:ui-monospace,monospace}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE: Final = Markup(
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width">\n<title>{name}</title>\n'
    "<style>{style}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
)
_HOME_TITLE: Final = "CoachKit"
_HOME: Final = Markup(
    "<p>This server offers coaching content to people who were turned down for a job. Version {version}.</p>\n"
    '<ul>\n<li><a href="docs">The reference, to browse and try</a></li>\n'
    '<li><a href="openapi.json">The same for machines (OpenAPI 3.1)</a></li>\n'
    '<li><a href="problems">Every problem this server answers with, and every error code</a></li>\n</ul>'
)
_PROBLEM: Final = Markup(
    '<p>Status {status}. Its type is <code>/problems/{slug}</code>.</p>\n<p>{meaning}</p>\n<p><a href="../problems">'
    "All problems and error codes</a></p>"
)
_INDEX: Final = Markup(
    "<p>Every refusal and fault is answered with problem details (RFC 9457). The list is closed.</p>\n"
    "<dl>\n{problems}\n</dl>\n<h2>Codes of errors</h2>\n"
    "<p>Each entry of <code>errors</code> has one of these codes; those about files of a pack or an edition have the "
    "codes that <code>coachkit pack check</code> gives.</p>\n<dl>\n{codes}\n</dl>"
)
_PROBLEM_ENTRY: Final = Markup('<dt><a href="problems/{slug}">{slug}</a></dt><dd>{status}: {title}. {meaning}</dd>')
_CODE_ENTRY: Final = Markup('<dt id="code-{code}"><code>{code}</code></dt><dd>{meaning}</dd>')


def blueprint() -> flask.Blueprint:
    """The pages `/`, `/problems` and `/problems/<slug>`."""
    pages = flask.Blueprint("pages", __name__)
    pages.add_url_rule("/", "home", _home)
    pages.add_url_rule("/problems", "problems", _problems)
    pages.add_url_rule("/problems/<string:slug>", "problem", _problem)
    return pages


def _home() -> flask.Response:
    return _page(_HOME_TITLE, _HOME.format(version=__version__))


def _problems() -> flask.Response:
    newline = Markup("\n")
    problems = newline.join(_PROBLEM_ENTRY.format(**vars(problem)) for problem in PROBLEMS.values())
    codes = newline.join(_CODE_ENTRY.format(code=code, meaning=meaning) for code, meaning in CODES.items())
    return _page("Problems", _INDEX.format(problems=problems, codes=codes))


def _problem(slug: str) -> flask.Response:
    problem: ProblemType | None = PROBLEMS.get(slug)
    if problem is None:
        raise NotFound("")
    return _page(problem.title, _PROBLEM.format(**vars(problem)))


def _page(title: str, body: Markup) -> flask.Response:
    """The page, the same for everyone and until the next version."""
    name = title if title == _HOME_TITLE else f"{title} | {_HOME_TITLE}"
    response = flask.Response(_PAGE.format(name=name, title=title, style=_STYLE, body=body), mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Content-Language"] = "en"
    response.cache_control.public = True
    response.cache_control.max_age = 300
    return response
