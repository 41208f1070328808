"""Makes a document: one resource of an edition, resolved for one locale and filled with the organisation's values.

The body's shapes are those of the API's JSON. Nothing here knows of HTTP or of formats.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from coachkit.documents.fill import Surroundings, Value, html, markdown, plain
from coachkit.editions.choices import EVERY_LOCALE, first
from coachkit.editions.contrast import DEFAULTS
from coachkit.editions.edition import Edition, LocalContact
from coachkit.editions.selection import Picked, Selection
from coachkit.hooks.types import Brand, Document
from coachkit.packs.model import KINDS, Kind, PlaceholderType, Reference
from coachkit.packs.retiring import RETIRING
from coachkit.packs.values import shown

SUMMARY_FIELDS = ("kind", "id", "pack", "version", "locale", "title", "summary", "topics", "stages", "audience")
"""What a list says of a resource, in this order (contract: Summary)."""
PERSONAL = "placeholders"
_Pointed = tuple[Reference, Picked[str]]


def summary(edition: Edition, kind: Kind, resource_id: str, locale: str) -> dict[str, Any]:
    """What a list says of a resource (contract: Summary)."""
    return _summary(edition, edition.select(kind, resource_id, locale))


def document(
    edition: Edition,
    kind: Kind,
    resource_id: str,
    locale: str,
    personal: Mapping[str, str] | None = None,
    *,
    base: str | None = None,
    branded: bool = False,
) -> Document:
    """A resource of an edition in a locale the edition serves. Raises KeyError for a resource it does not have.

    `personal` are a reader's own values for a template, checked already; without them their labels stand there.
    With a `base` its addresses are whole ones under it. `branded` puts the organisation's brand in.
    """
    selection = edition.select(kind, resource_id, locale)
    around = surroundings(edition, selection, personal, base)
    titles = _Titles(edition, selection)
    own = _BODIES[kind](edition, selection, around, titles)
    resource = selection.resource
    foreign = _foreign_titles(selection, titles)
    return Document(
        organisation=edition.organisation,
        digest=edition.digests[kind, resource_id][locale],
        kind=kind,
        id=resource_id,
        pack=edition.catalogue[kind, resource_id],
        version=resource.version,
        locale=locale,
        title=_plain_line(selection, "title") or "",
        summary=_plain_line(selection, "summary"),
        topics=tuple(resource.facts["topics"] or ()),
        stages=tuple(resource.facts["stages"] or ()),
        audience=tuple(resource.facts["audience"] or ()),
        fallback=selection.fallback,
        foreign_titles=foreign,
        languages=_languages(selection, own, foreign.values()),
        draft=selection.draft,
        body=own,
        brand=brand(edition, locale) if branded else None,
        base=base,
    )


def brand(edition: Edition, locale: str) -> Brand:
    """The organisation's brand as readers of a locale see it."""
    own, chain = edition.choices.brand, edition.chain(locale)
    return Brand(
        name=edition.choices.name(chain),
        colours={**DEFAULTS, **own.colours},
        body_font=own.fonts.get("body"),
        heading_font=own.fonts.get("heading"),
        logo=own.logo.url if own.logo else None,
        logo_alt=first(own.logo.alt, (*chain, EVERY_LOCALE, *own.logo.alt)) if own.logo else None,
        careers_email=own.careers_email,
    )


def surroundings(
    edition: Edition, selection: Selection, personal: Mapping[str, str] | None = None, base: str | None = None
) -> Surroundings:
    """The values that a selection's texts are filled with; with a `base` its addresses are whole ones under it."""
    page = (selection.resource.kind, selection.resource.id)
    return Surroundings(edition.organisation, page, selection.locale, _Values(edition, selection, personal or {}), base)


class _Values(dict[str, Value]):
    """What stands in each placeholder's stead; worked out for those that a text has."""

    def __init__(self, edition: Edition, selection: Selection, personal: Mapping[str, str]) -> None:
        super().__init__()
        self._edition = edition
        self._selection = selection
        self._personal = personal

    def __missing__(self, name: str) -> Value:
        """A reader's own value, the organisation's, or what it is called. Raises KeyError for what is not declared."""
        own = (self._selection.resource.facts.get(PERSONAL) or {}).get(name)
        value = self[name] = self._of_organisation(name) if own is None else self._of_reader(name, own["type"])
        return value

    def _of_reader(self, name: str, kind: PlaceholderType) -> Value:
        if name in self._personal:
            return Value(shown(self._personal[name], kind, self._selection.locale), kind)
        return Value(_plain_line(self._selection, f"{PERSONAL}/{name}/label") or name, kind, given=False)

    def _of_organisation(self, name: str) -> Value:
        edition, resource, locale = self._edition, self._selection.resource, self._selection.locale
        pack = edition.catalogue[resource.kind, resource.id]
        known: Value | None = edition.worked_out.get(key := ("value", pack, locale, name))
        if known is None:
            placeholder = edition.releases[pack].manifest.placeholders[name]
            value = edition.value(name, locale)
            text = edition.label(placeholder, locale) if value is None else shown(value, placeholder.type, locale)
            known = edition.worked_out[key] = Value(text, placeholder.type, given=value is not None)
        return known


def _plain_line(selection: Selection, path: str) -> str | None:
    parts = selection.line(path)
    if parts is None:
        return None
    if len(parts) == 1 and isinstance(parts[0], str):
        return parts[0]
    return "".join(part for part in parts if isinstance(part, str))


def _summary(edition: Edition, selection: Selection) -> dict[str, Any]:
    resource = selection.resource
    return {
        "kind": resource.kind,
        "id": resource.id,
        "pack": edition.catalogue[resource.kind, resource.id],
        "version": resource.version,
        "locale": selection.locale,
        "title": _plain_line(selection, "title"),
        "summary": _plain_line(selection, "summary"),
        "topics": list(resource.facts["topics"] or ()),
        "stages": list(resource.facts["stages"] or ()),
        "audience": list(resource.facts["audience"] or ()),
    }


def _languages(selection: Selection, body: Mapping[str, Any], titles: Iterable[str]) -> tuple[str, ...]:
    contacts = (contact["locale"] for contact in body.get("support") or ())
    return tuple(dict.fromkeys((*selection.languages, *contacts, *titles)))


class _Titles:
    """What facts point at, as they name it, with its title."""

    def __init__(self, edition: Edition, selection: Selection) -> None:
        self._edition = edition
        self._locale = selection.locale
        self._pack = edition.catalogue[selection.resource.kind, selection.resource.id]
        key = ("titles", self._pack, self._locale)
        self._known: dict[str, _Pointed | None] = edition.worked_out.setdefault(key, {})

    def __getitem__(self, text: str) -> _Pointed | None:
        """What a name leads to; None where the edition does not serve that."""
        if text not in self._known:
            reference = self._edition.reference(self._pack, text)
            served = self._edition.serves(reference)
            self._known[text] = (reference, self._edition.title(reference, self._locale)) if served else None
        return self._known[text]

    def shape(self, text: str) -> dict[str, Any] | None:
        """A reference with its title as the API shows it."""
        found = self[text]
        return found and {"kind": found[0].kind, "id": found[0].id, "title": found[1].value}

    def related(self, selection: Selection) -> list[dict[str, Any]]:
        """What the resource calls related, as far as it is served."""
        return [each for text in selection.resource.facts.get("related") or () if (each := self.shape(text))]


def _foreign_titles(selection: Selection, titles: _Titles) -> dict[str, str]:
    """For each resource that facts point at whose title is in another locale: that locale."""
    facts = selection.resource.facts
    entries = [*(facts.get("items") or ()), *(facts.get("steps") or ())]
    named = [*(facts.get("related") or ()), *(entry["resource"] for entry in entries if entry.get("resource"))]
    found: dict[str, str] = {}
    for text in named:
        pointed = titles[text]
        if pointed and pointed[1].locale != selection.locale:
            found[f"{pointed[0].kind}/{pointed[0].id}"] = pointed[1].locale
    return found


# --- bodies, by kind ----------------------------------------------------------------------------


def _module(edition: Edition, selection: Selection, around: Surroundings, titles: _Titles) -> dict[str, Any]:
    facts = selection.resource.facts
    return {
        "sensitive": bool(facts["sensitive"]),
        "jurisdiction": copy.copy(facts["jurisdiction"]),
        "last_reviewed": facts["last_reviewed"],
        "review_by": facts["review_by"],
        "sections": [
            {
                "id": picked.value.id,
                "title": picked.value.title,
                "locale": picked.locale,
                "html": html(picked.value.html, around),
                "markdown": markdown(picked.value.markdown, around),
            }
            for picked in selection.sections
        ],
        "related": titles.related(selection),
        "support": [contact_shape(each) for each in _contacts(edition, selection)],
    }


def _template(edition: Edition, selection: Selection, around: Surroundings, titles: _Titles) -> dict[str, Any]:
    del edition
    facts = selection.resource.facts
    subject = selection.line("subject")
    body = selection.sections[0]
    return {
        "last_reviewed": facts["last_reviewed"],
        "review_by": facts["review_by"],
        "placeholders": [
            {
                "name": name,
                "type": each["type"],
                "label": _plain_line(selection, f"{PERSONAL}/{name}/label"),
                "required": bool(each["required"]),
                "example": each["example"],
            }
            for name, each in (facts[PERSONAL] or {}).items()
        ],
        "subject": plain(subject, around) if subject else None,
        "body": {
            "locale": body.locale,
            "html": html(body.value.html, around),
            "markdown": markdown(body.value.markdown, around),
        },
        "related": titles.related(selection),
    }


def _structured(edition: Edition, selection: Selection, around: Surroundings, titles: _Titles) -> dict[str, Any]:
    """The body of a kind written in YAML: its facts with each text at its path, and references with their titles."""
    del edition, around
    body: dict[str, Any] = copy.deepcopy(dict(selection.resource.facts))
    for path in selection.lines:
        _put(body, path.split("/"), _plain_line(selection, path))
    for name in (*SUMMARY_FIELDS, "covers", "translation", RETIRING):
        body.pop(name, None)
    for entry in (*body.get("items", ()), *body.get("steps", ())):
        if isinstance(entry, dict) and entry.get("resource"):
            entry["resource"] = titles.shape(entry["resource"])
    for recommendation in body.get("recommend") or ():
        named = [recommendation.pop(kind) for kind in KINDS]
        recommendation["resource"] = titles.shape(next(text for text in named if text))
    body["related"] = titles.related(selection)
    return body


_BODIES: Mapping[Kind, Callable[[Edition, Selection, Surroundings, _Titles], dict[str, Any]]] = {
    "module": _module,
    "template": _template,
    "checklist": _structured,
    "pathway": _structured,
    "questionnaire": _structured,
}


def _put(tree: Any, path: Sequence[str], text: str | None) -> None:
    """Set the text at a path of mapping keys and list entries' ids."""
    step, *rest = path
    if isinstance(tree, list):
        tree = next(entry for entry in tree if entry.get("id") == step)
        step, *rest = rest
    if rest:
        _put(tree[step], rest, text)
    else:
        tree[step] = text


def _contacts(edition: Edition, selection: Selection) -> list[LocalContact]:
    resource = selection.resource
    pack = edition.catalogue[resource.kind, resource.id]
    slots = resource.facts.get("support") or ()
    return [contact for slot in slots for contact in edition.contacts(pack, slot, selection.locale)]


def contact_shape(local: LocalContact) -> dict[str, Any]:
    """A support contact as the API shows it."""
    contact = local.contact
    return {
        "name": contact.name,
        "phone": contact.phone,
        "url": contact.url,
        "hours": contact.hours,
        "verified_on": _day(contact.verified_on),
        "locale": local.locale,
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
