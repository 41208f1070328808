"""What the answers of a retiring resource say of it: Deprecation (RFC 9745), Sunset (RFC 8594), and its successor.

Headers only, and the same whatever the day: bodies keep their shapes, and no clock is read to answer.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any, Final
from urllib.parse import urlencode

from werkzeug.http import http_date

from coachkit.api.services import Asking
from coachkit.editions.edition import Edition
from coachkit.packs.model import FOLDERS, Kind
from coachkit.packs.retiring import retirement

HEADERS: Final[dict[str, Any]] = {
    "Deprecation": {
        "description": "Of a retiring resource: since when nobody should begin to rely on it (RFC 9745)",
        "schema": {"type": "string", "pattern": "^@-?[0-9]+$", "example": "@1790812800"},
    },
    "Sunset": {
        "description": "Of a retiring resource: when it goes (RFC 8594)",
        "schema": {"type": "string", "example": "Mon, 01 Mar 2027 00:00:00 GMT"},
    },
    "Link": {
        "description": "Of a retiring resource: what stands in its stead, if the edition serves that",
        "schema": {
            "type": "string",
            "example": '</v1/orgs/northbridge/modules/first-hour>; rel="successor-version"',
        },
    },
}
"""What the reference says of them."""


def headers(edition: Edition, kind: Kind, resource_id: str) -> dict[str, str]:
    """Deprecation, and Sunset where its day is known, of a resource that is retiring; nothing of any other."""
    leaving = retirement(edition.resource(kind, resource_id))
    if leaving is None:
        return {}
    deprecation = {"Deprecation": structured(midnight(leaving.since))}
    return {**deprecation, "Sunset": http_date(midnight(leaving.until))} if leaving.until else deprecation


def links(asked: Asking, edition: Edition, kind: Kind, resource_id: str) -> list[str]:
    """The Link to what stands in a retiring resource's stead, as the caller asked for this one; none if not served.

    A format that the successor does not come in is left out, so that no link leads to a refusal.
    """
    leaving = retirement(edition.resource(kind, resource_id))
    if leaving is None or leaving.instead is None:
        return []
    request = asked.reading
    successor = edition.reference(edition.catalogue[kind, resource_id], leaving.instead)
    if not edition.serves(successor):
        return []
    formats = {each.name for _, each in asked.services.reader.offered(request.served.shape, successor.kind)}
    wishes = [(name, value) for name, value in request.way.asked if name != "format" or value in formats]
    at = f"/editions/{request.served.digest}" if request.way.at_edition else ""
    query = f"?{urlencode(wishes)}" if wishes else ""
    section = f"#{successor.section}" if successor.section else ""
    path = f"/v1/orgs/{request.organisation}{at}/{FOLDERS[successor.kind]}/{successor.id}"
    return [f'<{path}{query}{section}>; rel="successor-version"']


def midnight(day: date) -> datetime:
    """The moment at which a day begins in UTC."""
    return datetime.combine(day, time(), UTC)


def structured(moment: datetime) -> str:
    """A moment as a structured field's date (RFC 9651, 3.3.7)."""
    return f"@{int(moment.timestamp())}"
