"""The routes whose answers may be kept: collected from an application, matched without entering Flask."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter, RoutingException

from coachkit.api.parsing import Query
from coachkit.api.reading import Cacheable

KNOWN = 4_096
"""Ends of paths that are remembered to be matched."""
_OF_ORGANISATION = "<slug:organisation>"
_ANY = "any"
"""A slug, where any will do."""


@dataclass(frozen=True)
class Route:
    """A cacheable route: the rule's own text, what it declared, and the query parameters that it takes."""

    rule: str
    declared: Cacheable
    query: Query


class Routes:
    """The cacheable routes of an application, matched without entering Flask.

    Each begins with an organisation's address; what comes after that is the end of the path.
    """

    def __init__(self, app: flask.Flask, queries: Mapping[tuple[str, str], Query]) -> None:
        """Collect every route of the app whose view declared itself; routes added later are not seen.

        Raises ValueError where one does not begin as the others do, with an organisation's address.
        """
        self._routes: dict[str, Route] = {}
        self._known: dict[str, tuple[Route, Mapping[str, Any]]] = {}
        self._slug = re.compile(app.url_map.converters["slug"].regex)
        rules = Map(merge_slashes=False, converters=app.url_map.converters)
        for rule in app.url_map.iter_rules():
            declared = getattr(_view(app, rule.endpoint), "__cacheable__", None)
            if declared is not None:
                self._routes[rule.endpoint] = Route(rule.rule, declared, queries.get((rule.endpoint, "GET"), Query()))
                rules.add(rule.empty())
        before = {route.rule.partition(_OF_ORGANISATION)[:2] for route in self._routes.values()}
        if len(before) > 1 or any(not organisation for _, organisation in before):
            raise ValueError(f"cacheable routes begin with one organisation's address, not with {before}")
        self._before = before.pop()[0] if before else ""
        self._match: MapAdapter = rules.bind("")

    def match(self, path: str) -> tuple[Route, Mapping[str, Any]] | None:
        """The route of a path and the values in it; None if no cacheable route has that path."""
        organisation, end = self.parted(path)
        found = self.end(end) if self.names(organisation) else None
        return found and (found[0], {"organisation": organisation, **found[1]})

    def parted(self, path: str) -> tuple[str, str]:
        """What stands where an organisation's slug does in a path, and its end; nothing twice for other paths."""
        if not path.startswith(self._before):
            return "", ""
        begins = len(self._before)
        ends = path.find("/", begins)
        return (path[begins:ends], path[ends:]) if ends > 0 else (path[begins:], "")

    def names(self, organisation: str) -> bool:
        """Whether that is a slug, of an organisation that may or may not exist."""
        return self._slug.fullmatch(organisation) is not None

    def end(self, end: str) -> tuple[Route, Mapping[str, Any]] | None:
        """The route of paths with that end, whatever the organisation, and the values in the end; None without one."""
        known = self._known.get(end)
        if known is None:
            known = self._matched(end)
            if known is not None:
                if len(self._known) >= KNOWN:
                    self._known.clear()
                self._known[end] = known
        return known

    def _matched(self, end: str) -> tuple[Route, Mapping[str, Any]] | None:
        try:
            endpoint, values = self._match.match(f"{self._before}{_ANY}{end}", "GET")
        except (HTTPException, RoutingException):
            return None
        return self._routes[endpoint], {name: value for name, value in values.items() if name != "organisation"}


def _view(app: flask.Flask, endpoint: str) -> Any:
    """The function that was declared, below what flask-smorest wrapped around it."""
    view: Any = app.view_functions.get(endpoint)
    while view is not None and not hasattr(view, "__cacheable__") and hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    return view
