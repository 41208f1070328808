"""An organisation as its readers see it: name, locales, brand, and the edition that is served."""

from __future__ import annotations

from typing import Any

import flask

from coachkit.api import schemas
from coachkit.api.access import open_to_all
from coachkit.api.answers import answer, json_bytes
from coachkit.api.reading import cacheable
from coachkit.api.services import edition_of, reading, services
from coachkit.api.smorest import Blueprint
from coachkit.db import images
from coachkit.documents.document import contact_shape
from coachkit.editions.choices import first
from coachkit.editions.contrast import DEFAULTS
from coachkit.editions.edition import Edition
from coachkit.errors import NotFound

blueprint = Blueprint("organisations", __name__, url_prefix="/v1/orgs/<slug:organisation>", description="Who is served")

_IMAGE_AGE = "public, max-age=31536000, immutable"
_IMAGE_POLICY = "default-src 'none'; sandbox"
"""An SVG that is opened by itself runs nothing."""


@blueprint.route("")
@blueprint.arguments(schemas.ChannelQuery, location="query")
@blueprint.arguments(schemas.LocaleQuery, location="query")
@blueprint.response(200, schemas.OrganisationSchema)
@cacheable()
def organisation(channel: dict[str, Any], query: dict[str, Any], organisation: str) -> flask.Response:
    """Who the organisation is, how it looks, and which edition it serves."""
    del channel, query, organisation
    return shown()


@blueprint.route("/editions/<digest:digest>")
@blueprint.arguments(schemas.LocaleQuery, location="query")
@blueprint.response(200, schemas.OrganisationSchema)
@cacheable()
def edition_organisation(query: dict[str, Any], organisation: str, digest: str) -> flask.Response:
    """The organisation as it is in one edition."""
    del query, organisation, digest
    return shown()


@blueprint.route("/images/<image:name>")
@blueprint.response(200, description="The picture, in its own type")
@blueprint.doc(responses={200: {"content": {"image/*": {}}}})
@open_to_all
def image(organisation: str, name: str) -> flask.Response:
    """A picture from a pack; its name says what it holds, so it never changes.

    Whoever knows the name has seen what shows it, and a page that shows it can send no key: none is asked for.
    """
    with services().database.read() as conn:
        found = images.get(conn, name)
    if found is None or services().reader.live(organisation) is None:
        raise NotFound("")
    response = flask.Response(found.data, content_type=found.media_type)
    response.headers["Cache-Control"] = _IMAGE_AGE
    response.headers["Content-Security-Policy"] = _IMAGE_POLICY
    response.set_etag(name.partition(".")[0])
    response.make_conditional(flask.request)
    return response


def shown() -> flask.Response:
    """The organisation, as the request that is being answered asks for it."""
    request = reading()
    edition = edition_of(request)
    return answer(
        request,
        made_from=("organisation", edition.digest),
        render=lambda: json_bytes(_shape(edition, request.way.locale)),
        languages=lambda: _languages(edition, request.way.locale),
    )


def _languages(edition: Edition, locale: str) -> list[str]:
    """The locales that the answer has words in: of the name, and of the contacts."""
    named = [each for each in edition.chain(locale) if each in edition.choices.brand.name][:1]
    contacts = [contact["locale"] for slot in _slots(edition) for contact in _support(edition, slot, locale)]
    return list(dict.fromkeys([locale, *named, *contacts]))


def _shape(edition: Edition, locale: str) -> dict[str, Any]:
    choices = edition.choices
    chain = edition.chain(locale)
    brand = choices.brand
    logo = brand.logo
    return {
        "id": edition.organisation,
        "name": choices.name(chain),
        "locales": list(edition.locales),
        "default_locale": choices.default_locale,
        "brand": {
            "name": choices.name(chain),
            "logo": {"url": logo.url, "alt": first(logo.alt, (*chain, "*", *logo.alt))} if logo else None,
            "colours": {**DEFAULTS, **brand.colours},
            "fonts": {"body": brand.fonts.get("body"), "heading": brand.fonts.get("heading")},
            "voice": brand.voice,
            "careers_email": brand.careers_email,
            "support": {slot: _support(edition, slot, locale) for slot in _slots(edition)},
        },
        "edition": edition.digest,
    }


def _slots(edition: Edition) -> list[str]:
    return sorted({slot for compiled in edition.releases.values() for slot in compiled.manifest.support})


def _support(edition: Edition, slot: str, locale: str) -> list[dict[str, Any]]:
    pack = next(name for name, compiled in sorted(edition.releases.items()) if slot in compiled.manifest.support)
    return [contact_shape(each) for each in edition.contacts(pack, slot, locale)]
