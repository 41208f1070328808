"""A document as its title, its parts and the lines in them: what every kind comes to, for formats that write it anew.

Each word knows its language and where it leads. Nothing here is escaped, and nothing knows of a format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from babel.core import Locale, UnknownLocaleError

from coachkit.documents import words as own
from coachkit.documents.fill import Surroundings, Value, address_of
from coachkit.hooks.types import Document
from coachkit.packs.model import Kind, Reference
from coachkit.packs.values import shown

_BLANK = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True)
class Words:
    """A few words on one line, in one language. `href` is where they lead: whole, path-absolute or `#section`."""

    text: str
    locale: str
    href: str | None = None
    strong: bool = False


Line = tuple[Words, ...]


@dataclass(frozen=True)
class Paragraph:
    """One line. A `note` is CoachKit's own, about the document."""

    line: Line
    note: bool = False


@dataclass(frozen=True)
class Listing:
    """Items of one or more lines each."""

    items: tuple[tuple[Line, ...], ...]
    ordered: bool = False


@dataclass(frozen=True)
class Prose:
    """An author's text: sanitised HTML, and Markdown."""

    html: str
    markdown: str


Block = Paragraph | Listing | Prose


@dataclass(frozen=True)
class Part:
    """A part of a document, in its own language; `id` is what addresses call it, `label` stands before its title."""

    locale: str
    blocks: tuple[Block, ...]
    title: Words | None = None
    id: str | None = None
    label: Words | None = None


@dataclass(frozen=True)
class Outline:
    """A document taken apart. `page` is its own address, without format; `facts` are lines for its end."""

    locale: str
    title: Words
    head: tuple[Block, ...]
    parts: tuple[Part, ...]
    support: Part | None
    related: Part | None
    facts: tuple[Line, ...]
    page: str


def outline(document: Document) -> Outline:
    """A document of any kind, taken apart."""
    return _Outliner(document).outline()


class _Outliner:
    """Takes one document apart and notes the languages that its texts fell back to."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._body = document.body
        self._around = Surroundings(
            document.organisation, (document.kind, document.id), document.locale, {}, document.base
        )
        self._words = own.words(document.locale)
        language = own.language(document.locale)
        self._ours = document.locale if document.locale.partition("-")[0] == language else language
        self._foreign: dict[str, None] = {}

    def outline(self) -> Outline:
        document = self._document
        title = self._field("title", document.title)
        summary = self._paragraph("summary", document.summary)
        intro = self._paragraph("intro", self._body.get("intro"))
        parts = tuple(_PARTS[document.kind](self))
        return Outline(
            locale=document.locale,
            title=title,
            head=(*summary, *self._notes(), *intro),
            parts=parts,
            support=self._support(),
            related=self._related(),
            facts=tuple(self._facts()),
            page=self._around.place(document.kind, document.id),
        )

    # --- what all kinds have --------------------------------------------------------------------

    def _own(self, text: str) -> Words:
        return Words(text, self._ours)

    def _say(self, text: str, locale: str, href: str | None = None) -> Words:
        """Words of the content's, in the language that they have."""
        if locale != self._document.locale:
            self._foreign[locale] = None
        return Words(_on_one_line(text), locale, href)

    def _field(self, name: str, text: str, href: str | None = None) -> Words:
        return self._say(text, self._document.fallback.get(name, self._document.locale), href)

    def _paragraph(self, name: str, text: str | None) -> tuple[Paragraph, ...]:
        return (Paragraph((self._field(name, text),)),) if text else ()

    def _resource(self, reference: Mapping[str, Any]) -> Words:
        locale = self._document.foreign_titles.get(f"{reference['kind']}/{reference['id']}", self._document.locale)
        address = self._around.address(Reference(None, reference["kind"], reference["id"]))
        return Words(_on_one_line(reference["title"]), locale, address)

    def _notes(self) -> Iterator[Paragraph]:
        if self._document.draft:
            yield Paragraph((self._own(self._words["draft"]),), note=True)
        if self._foreign:
            languages = ", ".join(dict.fromkeys(_language(each, self._ours) for each in self._foreign))
            yield Paragraph((self._own(self._words["untranslated"].format(languages=languages)),), note=True)

    def _support(self) -> Part | None:
        contacts = self._body.get("support")
        if not contacts:
            return None
        items = tuple((self._contact(each),) for each in contacts)
        return Part(self._document.locale, (Listing(items),), self._own(self._words["support"]))

    def _contact(self, contact: Mapping[str, Any]) -> Line:
        locale = contact["locale"]
        said = [Words(_on_one_line(contact["name"]), locale, contact["url"])]
        if contact["phone"]:
            phone = Words(contact["phone"], locale, address_of(Value(contact["phone"], "phone")))
            said += [Words(", ", locale), phone]
        if contact["hours"]:
            said.append(Words(f", {_on_one_line(contact['hours'])}", locale))
        if not contact["verified_on"]:
            said += [Words(" ", locale), Words(f"({self._words['unverified']})", self._ours, strong=True)]
        return tuple(said)

    def _related(self) -> Part | None:
        related = self._body.get("related")
        if not related:
            return None
        items = tuple(((self._resource(each),),) for each in related)
        return Part(self._document.locale, (Listing(items),), self._own(self._words["related"]))

    def _facts(self) -> Iterator[Line]:
        if places := self._body.get("jurisdiction"):
            codes = [places] if isinstance(places, str) else places
            named = ", ".join(_place(each, self._ours) for each in codes)
            yield (self._own(self._words["places"].format(places=named)),)
        day = shown(self._body["last_reviewed"], "date", "en-GB" if self._ours == "en" else self._ours)
        yield (self._own(self._words["reviewed"].format(day=day)),)

    # --- what each kind has ---------------------------------------------------------------------

    def module(self) -> Iterator[Part]:
        for section in self._body["sections"]:
            title = self._say(section["title"], section["locale"])
            yield Part(section["locale"], (Prose(section["html"], section["markdown"]),), title, section["id"])

    def template(self) -> Iterator[Part]:
        body, subject = self._body["body"], self._body["subject"]
        if body["locale"] != self._document.locale:
            self._foreign[body["locale"]] = None
        if subject:
            label = self._own(f"{self._words['subject']}: ")
            yield Part(self._document.locale, (Paragraph((label, self._field("subject", subject))),))
        yield Part(body["locale"], (Prose(body["html"], body["markdown"]),))

    def checklist(self) -> Iterator[Part]:
        yield Part(self._document.locale, (Listing(tuple(map(self._item, self._body["items"]))),))

    def _item(self, item: Mapping[str, Any]) -> tuple[Line, ...]:
        at = f"items/{item['id']}"
        why = (self._own(f"{self._words['why']} "), self._field(f"{at}/reason", item["reason"]))
        resource = ((self._resource(item["resource"]),),) if item["resource"] else ()
        return ((self._field(f"{at}/text", item["text"]),), why, *resource)

    def pathway(self) -> Iterator[Part]:
        steps = {step["id"]: step for step in self._body["steps"]}
        for step in steps.values():
            at = f"steps/{step['id']}"
            blocks: list[Block] = [*self._paragraph(f"{at}/text", step["text"])]
            if step["resource"]:
                blocks.append(Paragraph((self._resource(step["resource"]),)))
            if step["branches"]:
                blocks.append(Paragraph((self._own(self._words["branches"]),)))
                blocks.append(Listing(tuple((self._branch(at, each, steps),) for each in step["branches"])))
            title = self._field(f"{at}/title", step["title"])
            yield Part(self._document.locale, tuple(blocks), title, step["id"], self._day(step))
        yield Part(self._document.locale, (Paragraph((self._own(self._words["end"]),)),), id="end")

    def _day(self, step: Mapping[str, Any]) -> Words:
        return self._own(self._words["day"].format(day=step["day"]))

    def _branch(self, at: str, branch: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> Line:
        """What fits, and the step it leads to."""
        choice = self._field(f"{at}/branches/{branch['id']}/text", branch["text"])
        step = steps.get(branch["to"])
        before, after = self._words["branch"].split("{step}")
        if step is None:
            target: Line = (self._own(self._words["end"]),)
        else:
            target = (self._own(f"{self._day(step).text}, "), self._field(f"steps/{step['id']}/title", step["title"]))
        return (choice, self._own(f" ({before}"), *target, self._own(f"{after})"))

    def questionnaire(self) -> Iterator[Part]:
        for section in self._body["sections"]:
            at = f"sections/{section['id']}"
            items = tuple(self._question(f"{at}/items/{item['id']}", item) for item in section["items"])
            title = self._field(f"{at}/title", section["title"])
            yield Part(self._document.locale, (Listing(items, ordered=True),), title, section["id"])

    def _question(self, at: str, item: Mapping[str, Any]) -> tuple[Line, ...]:
        text = self._field(f"{at}/text", item["text"])
        optional = (self._own(f" ({self._words['optional']})"),) if item["optional"] else ()
        help_ = ((self._field(f"{at}/help", item["help"]),),) if item["help"] else ()
        return ((text, *optional), *help_)


_PARTS: Mapping[Kind, Callable[[_Outliner], Iterator[Part]]] = {
    "module": _Outliner.module,
    "template": _Outliner.template,
    "checklist": _Outliner.checklist,
    "pathway": _Outliner.pathway,
    "questionnaire": _Outliner.questionnaire,
}


def _on_one_line(text: str) -> str:
    return _BLANK.sub(" ", text).strip(" ")


def _named(locale: str) -> Locale | None:
    try:
        return Locale.parse(locale, sep="-")
    except (UnknownLocaleError, ValueError):
        return None


def _language(locale: str, reader: str) -> str:
    """What a locale's language is called in the reader's; its tag where nobody knows."""
    named = _named(reader)
    return str(named.languages.get(locale.partition("-")[0], locale)) if named else locale


def _place(code: str, reader: str) -> str:
    """What a country is called in the reader's language, with its code where that is of a part of it."""
    named = _named(reader)
    name = named.territories.get(code.partition("-")[0]) if named else None
    if name is None:
        return code
    return f"{name} ({code})" if "-" in code else str(name)
