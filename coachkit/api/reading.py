"""What a reading request comes to before anything is rendered: whose edition, which locale, which format.

The fast lane works this out for every cacheable GET; a view that is reached takes the result from the request's
environment and does not work it out again. The answer's headers that depend on it are made here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlencode

from coachkit.api.negotiation import format_for, locale_for
from coachkit.editions.inputs import RENDER
from coachkit.editions.pointers import Pointers, Served, Shape
from coachkit.errors import BadRequest, FieldError, NotAcceptable, NotFound
from coachkit.hooks.manager import Plugin
from coachkit.hooks.types import Format
from coachkit.packs.model import KIND_OF_FOLDER, Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

READING = "coachkit.reading"
"""Where the request's environment holds the Reading."""

FAILED = "coachkit.failed"
"""Where it holds the Unavailable that the request met already, if any."""

LIVE = "live"
JSON = "json"
LONGEST_WISHES = 1_000
"""Characters of an Accept or an Accept-Language header."""
WAYS = 4_096
"""How many are kept for editions of one shape."""
Offered = tuple[Plugin, Format]
"""A format and the plugin that offers it."""
_CHANNEL_AGE = {
    "public": "max-age=30, s-maxage=60, stale-while-revalidate=300, stale-if-error=86400",
    "private": "max-age=30, stale-while-revalidate=300, stale-if-error=86400",
}
_EDITION_AGE = {"public": "max-age=86400, s-maxage=31536000, immutable", "private": "max-age=86400, immutable"}


class Wishes(NamedTuple):
    """What a caller would like to have, in the words of its headers Accept and Accept-Language."""

    media_type: str | None
    language: str | None


View = TypeVar("View", bound=Callable[..., Any])
Offer = Literal["documents", "json"]


@dataclass(frozen=True)
class Cacheable:
    """What a cacheable route declares of itself: whether documents' formats or only JSON are on offer.

    `plain` answers, without Flask, a request of which nothing but channel, locale and format was asked: called with the
    request (`services.Asking`) and the values in its path, it gives an `answers.Answer`. Whatever it raises, Flask then
    answers as if it had not been tried.
    """

    offer: Offer
    plain: Callable[[Any, Mapping[str, Any]], Any] | None = None


def cacheable(
    offer: Offer = "json", plain: Callable[[Any, Mapping[str, Any]], Any] | None = None
) -> Callable[[View], View]:
    """Declare that a view's 200 answers are the same for every reader and may be served by the fast lane.

    The view takes `organisation`, and a `digest` where it is an edition's own address, from its path; its query
    parameters are those that its `arguments` declare, with `channel`, `locale` and `format` read here.
    """

    def declare(view: View) -> View:
        view.__cacheable__ = Cacheable(offer, plain)  # type: ignore[attr-defined]
        return view

    return declare


@dataclass(frozen=True)
class Way:
    """How a request is answered: the same object for all that ask alike, whichever edition of its shape they ask for.

    `asked` are channel, locale and format where the query named them, `query` is what is left of it; both in one
    order and spelling, however the caller wrote them.
    """

    shape: Shape
    at_edition: bool
    locale: str
    format: Format
    plugin: Plugin
    """Who offers the format."""
    asked: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...]
    settled_by: Mapping[str, str]
    """The plugin versions that are installed now, of those the edition enables."""
    base: str | None = None
    """Under which address readers reach this installation, where the format writes whole addresses."""

    @cached_property
    def wishes(self) -> str:
        """What the query asks for beside channel, locale and format, as one text."""
        return urlencode(self.query)

    @cached_property
    def variant(self) -> bool:
        """Whether this is one of many views of the same thing (search, filters, chosen fields).

        They share a part of the process's store and stay in it: no scan of parameters fills what all workers share, and
        what readers look for is not handed on.
        """
        return bool(self.query)

    @cached_property
    def cache_control(self) -> str:
        """How long whom may keep the answer (contract: Headers)."""
        whom = "private" if self.shape.access.keyed else "public"
        if self.at_edition and (self.settled_by != self.shape.plugins or self.shape.render != RENDER):
            return "private, no-cache" if self.shape.access.keyed else "no-cache"
        return f"{whom}, {(_EDITION_AGE if self.at_edition else _CHANNEL_AGE)[whom]}"

    @cached_property
    def frame_ancestors(self) -> str:
        """Who may show it in a frame, as a content security policy says it."""
        return " ".join(self.shape.access.frame_ancestors) or "*"

    @cached_property
    def maker(self) -> str:
        """Who writes the answer down: the same document by another may be other bytes."""
        who = f"render {RENDER}" if self.plugin.core else f"render {RENDER}, {self.plugin.label}"
        return f"{who}, under {self.base}" if self.base else who

    @cached_property
    def vary(self) -> list[str]:
        """The request headers that had a say, because no parameter stood in for them."""
        named = {name for name, _ in self.asked}
        return [header for name, header in (("format", "Accept"), ("locale", "Accept-Language")) if name not in named]

    def address(self, path: str, **changed: str) -> str:
        """The path with this request's query, some parameters changed: the same however the caller spelt it."""
        kept = [pair for pair in (*self.asked, *self.query) if pair[0] not in changed]
        return f"{path}?{urlencode([*kept, *changed.items()])}"

    @cached_property
    def key(self) -> str:
        """What an answer is kept under, beside its edition and its path: all else that can change a byte of it."""
        asked = urlencode((*self.asked, *self.query))  # so that no value can pass for another parameter
        installed = " ".join(f"{name}@{version}" for name, version in self.settled_by.items())
        whose = f"{self.shape.access.keyed}\n{self.frame_ancestors}"
        return f"{self.format.name}\n{self.maker}\n{self.locale}\n{installed}\n{whose}\n{asked}"


class Reading(NamedTuple):
    """A reading request, settled: which edition answers it, and how."""

    served: Served
    way: Way

    @property
    def organisation(self) -> str:
        """The organisation's slug."""
        return self.served.organisation


class Reader:
    """Settles reading requests for one application."""

    def __init__(
        self, pointers: Pointers, formats: Sequence[Offered], plugins: Mapping[str, str], base: str | None = None
    ) -> None:
        """`formats` are (plugin, format) in order, `plugins` the installed ones with their versions.

        `base` is the address under which readers reach this installation.
        """
        self._pointers = pointers
        self.leads = pointers.leads
        """What a channel of an organisation is known to serve; None where that is not known, whatever is true."""
        self.stale = pointers.are_stale
        """Whether the pointers may be behind, because the database is silent."""
        self._base = base
        self._formats = formats
        self._plugins = plugins
        self._offers: dict[tuple[tuple[str, ...], Kind | None], tuple[Offered, ...]] = {}

    def live(self, organisation: str) -> Served | None:
        """What an organisation serves at its live channel, None if nothing."""
        return self._pointers.channel(organisation, LIVE)

    def offered(self, shape: Shape, kind: Kind | None) -> tuple[Offered, ...]:
        """The formats on offer for a kind in an edition, CoachKit's own first; for None, JSON only.

        Of two with one name CoachKit's own serves, or else that of the plugin that the organisation lists first.
        """
        enabled = tuple(shape.plugins)
        if (enabled, kind) not in self._offers:
            self._offers[enabled, kind] = tuple(self._offer(enabled, kind))
        return self._offers[enabled, kind]

    def _offer(self, enabled: Sequence[str], kind: Kind | None) -> Iterator[Offered]:
        own = [each for each in self._formats if each[0].core]
        theirs = [each for name in enabled for each in self._formats if each[0].name == name]
        seen: set[str] = set()
        for plugin, each in (*own, *theirs):
            fits = each.name == JSON if kind is None else kind in each.kinds
            if fits and each.name not in seen:
                seen.add(each.name)
                yield plugin, each

    def settle(
        self, declared: Cacheable, path: Mapping[str, Any], query: Sequence[tuple[str, str]], environ: WSGIEnvironment
    ) -> Reading:
        """Whose edition, which locale, which format. Raises a Refusal; `query` has passed the route's own check."""
        served = self.served(path["organisation"], dict(query).get("channel", LIVE), path.get("digest"))
        wishes = Wishes(environ.get("HTTP_ACCEPT"), environ.get("HTTP_ACCEPT_LANGUAGE"))
        return Reading(served, self.way(served.shape, declared, path, query, wishes))

    def served(self, organisation: str, channel: str, digest: str | None = None) -> Served:
        """The edition of that digest, or where the channel points. Raises NotFound where there is none to be seen."""
        if digest is None:
            served = self._pointers.channel(organisation, channel)
        else:
            served = self._pointers.edition(organisation, digest)
        if served is None:
            raise NotFound("")
        return served

    def way(
        self,
        shape: Shape,
        declared: Cacheable,
        path: Mapping[str, Any],
        query: Sequence[tuple[str, str]],
        wishes: Wishes,
    ) -> Way:
        """How a request for an edition of that shape is answered. Raises a Refusal."""
        asked = dict(query)
        kind = KIND_OF_FOLDER.get(path.get("kind", "")) if declared.offer == "documents" else None
        offered = self.offered(shape, kind)
        locale = _locale(asked, shape, wishes)
        plugin, chosen = _format(asked, offered, wishes)
        named = {"channel": asked.get("channel", LIVE), "locale": locale, "format": chosen.name}
        taken = tuple((name, value) for name, value in named.items() if name in asked)
        rest = tuple(sorted(pair for pair in query if pair[0] not in named))
        if chosen.name != JSON and (fields := next((name for name, _ in rest if name == "fields"), None)):
            error = FieldError("invalid-value", "Chosen fields come as JSON only.", parameter=fields)
            raise BadRequest("The parameter fields goes with JSON.", (error,))
        alike = ("digest" in path, locale, id(chosen), taken)
        known: Way | None = None if rest else shape.ways.get(alike)
        if known is None:
            installed = {name: self._plugins[name] for name in shape.plugins if name in self._plugins}
            own = shape.access.hostname
            base = (f"https://{own}" if own else self._base) if chosen.absolute else None
            known = Way(shape, "digest" in path, locale, chosen, plugin, taken, rest, installed, base)
            if not rest:
                if len(shape.ways) >= WAYS:
                    shape.ways.clear()
                shape.ways[alike] = known
        return known

    def require_json(self, environ: WSGIEnvironment) -> None:
        """Raise NotAcceptable where a caller would not take JSON, which is all there is outside of editions."""
        own = [each for each in self._formats if each[0].core and each[1].name == JSON]
        _format({}, own, Wishes(environ.get("HTTP_ACCEPT"), None))


def _locale(asked: Mapping[str, str], shape: Shape, wishes: Wishes) -> str:
    if "locale" not in asked:
        wanted = _bounded(wishes.language, "Accept-Language")
        return locale_for(wanted, shape.locales, shape.default_locale)
    known = {locale.lower(): locale for locale in shape.locales}
    locale = known.get(asked["locale"].lower())
    if locale is None:
        error = FieldError("unknown-locale", f"Served are {', '.join(shape.locales)}.", parameter="locale")
        raise BadRequest("The locale that was asked for is not served.", (error,))
    return locale


def _format(asked: Mapping[str, str], offered: Sequence[Offered], wishes: Wishes) -> Offered:
    formats = tuple(each for _, each in offered)
    if "format" in asked:
        named = next((each for each in offered if each[1].name == asked["format"]), None)
        if named is None:
            names = ", ".join(each.name for each in formats)
            error = FieldError("unknown-format", f"There are {names}.", parameter="format")
            raise BadRequest("The format that was asked for does not exist.", (error,))
        return named
    chosen = format_for(_bounded(wishes.media_type, "Accept"), formats)
    if chosen is None:
        types = ", ".join(each.media_type for each in formats if each.negotiable)
        error = FieldError("not-acceptable", f"Served are {types}.", header="Accept")
        raise NotAcceptable("None of the media types in Accept can be served.", (error,))
    return next(each for each in offered if each[1] is chosen)


def _bounded(value: str | None, header: str) -> str | None:
    """A negotiating header. Raises BadRequest for one that takes longer to read than anybody's wishes need."""
    if value is not None and len(value) > LONGEST_WISHES:
        error = FieldError("too-long", f"At most {LONGEST_WISHES:,} characters are read.", header=header)
        raise BadRequest(f"The header {header} is too long.", (error,))
    return value
