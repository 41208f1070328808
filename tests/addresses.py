"""The addresses of an organisation that serves the small pack: of every route that may be kept, in its every shape."""

from __future__ import annotations

import re
from collections.abc import Iterator

import flask
from appmaker import services_of
from flask.testing import FlaskClient

from coachkit.packs.model import FOLDERS

RESOURCES = {
    "modules": ("first-hour", "ask-for-feedback"),
    "templates": ("thank-you",),
    "checklists": ("before-you-reply",),
    "pathways": ("first-week",),
    "questionnaires": ("after-the-interview",),
}
FORMATS = ("json", "html", "email", "markdown", "text")


def addresses(organisation: str, edition: str) -> tuple[str, ...]:
    """Every address: at the channel and, where there is one, at the edition's own."""
    base = f"/v1/orgs/{organisation}"
    at = (base, f"{base}/editions/{edition}")
    both = tuple(f"{each}{rest}" for rest in _everywhere() for each in at)
    return (*both, f"{base}/changes", f"{base}/changes?limit=1", f"{base}?channel=live", f"{base}/modules?channel=live")


def _everywhere() -> Iterator[str]:
    yield from ("", "?locale=cy", "/search?q=feedback", "/search?q=adborth&locale=cy")
    for folder in FOLDERS.values():
        yield f"/{folder}"
        for name in RESOURCES[folder]:
            yield from (f"/{folder}/{name}?format={each}" for each in FORMATS)
            yield from (f"/{folder}/{name}", f"/{folder}/{name}?locale=cy&format=html")
    yield from ("/modules?limit=1", "/modules?fields=title&locale=cy", "/modules?topic=feedback&facets=true")
    yield from ("/modules/first-hour?fields=title,sections", "/modules/first-hour?explain=true")


def by_rule(app: flask.Flask, paths: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The addresses of each cacheable route, by its rule. Fails if one of the app's has none."""
    routes = services_of(app).routes
    assert routes is not None
    found: dict[str, tuple[str, ...]] = {}
    for path in paths:
        matched = routes.match(path.partition("?")[0])
        if matched is not None:
            found[matched[0].rule] = (*found.get(matched[0].rule, ()), path)
    assert set(found) == set(cacheable(app))
    return found


def cacheable(app: flask.Flask) -> list[str]:
    """The rules of an app's routes whose answers may be kept."""
    routes = services_of(app).routes
    assert routes is not None
    paths = {rule.rule: _LIKE.sub(_value, rule.rule) for rule in app.url_map.iter_rules() if "GET" in rule.methods}
    return [rule for rule, path in paths.items() if routes.match(path)]


_LIKE = re.compile(r"<(\w+):\w+>")
_VALUES = {"kind": "modules", "digest": f"sha256:{'0' * 64}", "image": f"{'0' * 64}.png", "version": "1.0.0"}


def _value(variable: re.Match[str]) -> str:
    return _VALUES.get(variable[0][1:].partition(":")[0], "x")


def images(client: FlaskClient, organisation: str) -> tuple[str, ...]:
    """The pictures that an organisation's modules show."""
    html = client.get(f"/v1/orgs/{organisation}/modules/first-hour?format=html").text
    return tuple(re.findall(r'src="([^"]+)"', html))
