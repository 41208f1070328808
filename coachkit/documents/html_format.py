"""Documents as HTML: one `<article lang>` without a head, to be put into an organisation's own page.

Structure and words only: no style, no script. What texts bring was sanitised when it was compiled and escaped when
it was filled; everything else here is escaped by Jinja.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from coachkit.documents.words import language, words
from coachkit.hooks.types import Document, Format
from coachkit.packs.model import FOLDERS

_environment = Environment(
    loader=PackageLoader("coachkit.documents", "html"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(document: Document) -> bytes:
    """A document as UTF-8 HTML."""

    def address(reference: dict[str, Any]) -> str:
        path = f"/v1/orgs/{document.organisation}/{FOLDERS[reference['kind']]}/{reference['id']}"
        return f"{path}?format=html&locale={document.locale}"

    def lang(field: str) -> Markup:
        """The attribute for a field that fell back to another locale, nothing for one that did not."""
        locale = document.fallback.get(field)
        return Markup(' lang="{}"').format(locale) if locale else Markup("")

    def title_lang(reference: dict[str, Any]) -> Markup:
        """The attribute for the title of another resource, where that is in another locale."""
        locale = document.foreign_titles.get(f"{reference['kind']}/{reference['id']}")
        return Markup(' lang="{}"').format(locale) if locale else Markup("")

    template = _environment.get_template(f"{document.kind}.html.j2")
    html = template.render(
        document=document,
        body=document.body,
        support=document.body.get("support"),
        related=document.body.get("related"),
        words=words(document.locale),
        words_lang=_words_lang(document.locale),
        address=address,
        lang=lang,
        title_lang=title_lang,
        safe=Markup,
    )
    return html.encode()


def _words_lang(locale: str) -> Markup:
    """The attribute for our own words, where a document is in a language that we have none for."""
    ours = language(locale)
    return Markup("") if locale.partition("-")[0] == ours else Markup(' lang="{}"').format(ours)


HTML = Format("html", "text/html", render)
