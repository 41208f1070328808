"""What search reads of an edition: every document of a locale as its plain texts, in the order a reader meets them.

Only what a document's digest covers goes in, and no address: an index made of these is shared by every edition that
serves the same documents, whoever's it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from coachkit.documents.document import document
from coachkit.editions.edition import Edition
from coachkit.hooks.types import Document
from coachkit.packs.model import KINDS, Kind
from coachkit.search.entries import Entry, Role, Text
from coachkit.search.languages import primary
from coachkit.search.markup import joined, plain
from coachkit.search.shelf import key_of

Texts = Iterator[Text]

_NAMES: Mapping[str, Mapping[Kind, str]] = {
    "en": {kind: kind for kind in KINDS},
    "cy": {
        "module": "modiwl",
        "questionnaire": "holiadur",
        "template": "templed",
        "checklist": "rhestr wirio",
        "pathway": "llwybr",
    },
}
"""What each kind is called: who asks for a checklist means one that is, whatever its texts call it."""


def key(edition: Edition, locale: str) -> str:
    """The name of what an edition serves in a locale: the same wherever the same documents are served."""
    return key_of((kind, each, digests[locale]) for (kind, each), digests in edition.digests.items())


def entries(edition: Edition, locale: str) -> Iterator[Entry]:
    """Every document of an edition in a locale, made one by one."""
    for kind, resource_id in edition:
        pack = edition.releases[edition.catalogue[kind, resource_id]].manifest
        yield entry(document(edition, kind, resource_id, locale), pack.default_locale)


def entry(found: Document, authored_in: str) -> Entry:
    """A document's texts. Its topics are words of the pack's author, `authored_in` the pack's own language."""
    texts = [
        _line(found, "title", found.title, "title"),
        _line(found, "summary", found.summary, "summary"),
        *_BODIES[found.kind](found),
        *(Text("heading", authored_in, topic, shown=False) for topic in found.topics),
        *_name(found),
    ]
    return Entry(found.kind, found.id, tuple(text for text in texts if text.text))


def _name(found: Document) -> Texts:
    for code, names in _NAMES.items():
        if primary(found.locale) == code:
            yield Text("heading", code, names[found.kind], shown=False)


def _line(found: Document, path: str, text: str | None, role: Role = "text") -> Text:
    return Text(role, found.fallback.get(path, found.locale), joined([text or ""]))


def _lines(found: Document, at: str, of: Mapping[str, Any], *names: str) -> Texts:
    """The texts of one part of a YAML kind; where they are in one locale, as one."""
    lines = [_line(found, f"{at}{name}", of.get(name)) for name in names]
    if len({line.locale for line in lines if line.text}) > 1:
        yield from lines
    else:
        locale = next((line.locale for line in lines if line.text), found.locale)
        yield Text("text", locale, joined(line.text for line in lines))


def _module(found: Document) -> Texts:
    for section in found.body["sections"]:
        yield Text("heading", section["locale"], joined([section["title"] or ""]))
        yield Text("text", section["locale"], plain(section["html"]))
    for contact in found.body["support"]:
        known = (contact[name] for name in ("name", "phone", "hours"))
        yield Text("text", contact["locale"], joined([", ".join(value for value in known if value)]))


def _template(found: Document) -> Texts:
    body = found.body["body"]
    yield _line(found, "subject", found.body["subject"], "heading")
    yield Text("text", body["locale"], plain(body["html"]))


def _checklist(found: Document) -> Texts:
    yield _line(found, "intro", found.body.get("intro"))
    for item in found.body["items"]:
        yield from _lines(found, f"items/{item['id']}/", item, "text", "reason")


def _pathway(found: Document) -> Texts:
    yield _line(found, "intro", found.body.get("intro"))
    for step in found.body["steps"]:
        at = f"steps/{step['id']}/"
        yield _line(found, f"{at}title", step["title"], "heading")
        yield _line(found, f"{at}text", step.get("text"))
        for branch in step.get("branches") or ():
            yield _line(found, f"{at}branches/{branch['id']}/text", branch["text"])


def _questionnaire(found: Document) -> Texts:
    yield _line(found, "intro", found.body.get("intro"))
    for section in found.body["sections"]:
        at = f"sections/{section['id']}/"
        yield _line(found, f"{at}title", section.get("title"), "heading")
        for item in section["items"]:
            yield from _lines(found, f"{at}items/{item['id']}/", item, "text", "help")
            for option in item.get("options") or ():
                yield _line(found, f"{at}items/{item['id']}/options/{option['id']}/text", option["text"])


_BODIES: Mapping[Kind, Callable[[Document], Iterable[Text]]] = {
    "module": _module,
    "template": _template,
    "checklist": _checklist,
    "pathway": _pathway,
    "questionnaire": _questionnaire,
}
