"""Lists in pages, for those whose entries are at hand: a cursor seals the key of a page's last entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import flask

from coachkit.api import cursors
from coachkit.api.services import services

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some entries of a list, and the headers that lead on."""

    items: Sequence[T]
    headers: Mapping[str, str]


def after(query: Mapping[str, Any], listing: str) -> str | None:
    """The key after which to go on, None from the start. Raises BadRequest for a cursor of another list.

    `listing` names the list and its filters, and whose it is.
    """
    return cursors.read(services().secret, listing, query["cursor"]) if "cursor" in query else None


def page(found: Sequence[T], key: Callable[[T], str], query: Mapping[str, Any], listing: str) -> Page[T]:
    """The page that is asked for of a whole list, which is in order of its keys."""
    last = after(query, listing)
    following = found if last is None else [each for each in found if key(each) > last]
    return first(following[: query["limit"] + 1], key, query, listing)


def first(found: Sequence[T], key: Callable[[T], str], query: Mapping[str, Any], listing: str) -> Page[T]:
    """A page of entries of which there may be one more than it has room for."""
    shown = found[: query["limit"]]
    if len(found) <= query["limit"]:
        return Page(shown, {})
    cursor = cursors.make(services().secret, listing, key(shown[-1]))
    kept = [(name, value) for name, value in flask.request.args.items(multi=True) if name != "cursor"]
    return Page(shown, {"Link": f'<{flask.request.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'})
