"""Documents to write down: made by hand for what no pack may say, and read from an organisation's own addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask.testing import FlaskClient

from coachkit.editions.contrast import DEFAULTS
from coachkit.hooks.types import Brand, Document
from coachkit.packs.model import FOLDERS

BASE = "https://coaching.example.org"
BRAND = Brand("Riverside College", DEFAULTS, careers_email="careers@riverside.example")
HOSTILE = [
    "<script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "&lt;b&gt; &amp; &#x3c;",
    "{{ 7 * 7 }} {% raw %} {0} {alt}",
    "[here](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "<https://evil.example> https://evil.example www.evil.example",
    "[x]: https://evil.example",
    "**bold** _em_ `code` ~~gone~~",
    "# heading #",
    "> quoted",
    "- item",
    "+ item",
    "1. item",
    "1) item",
    "===",
    "---",
    "a | b",
    "```",
    "~~~",
    "back\\slash \\",
    "!",
    "C# and F#",
    "é 日本 🙂",
]
"""Titles, names and labels that would do something, were they not written down as the words they are."""


def module(*sections: tuple[str, str, str], **changes: Any) -> Document:
    """A module with sections of (title, HTML, Markdown), and nothing else but `changes`."""
    body = {
        "sensitive": False,
        "jurisdiction": changes.pop("jurisdiction", None),
        "last_reviewed": "2026-11-01",
        "review_by": "2027-11-01",
        "sections": [
            {"id": f"s{at}", "title": title, "locale": "en-GB", "html": html, "markdown": markdown}
            for at, (title, html, markdown) in enumerate(sections, 1)
        ],
        "related": changes.pop("related", []),
        "support": changes.pop("support", []),
    }
    return _document("module", body, **changes)


def checklist(text: str, reason: str = "It helps.", **changes: Any) -> Document:
    """A checklist of one item."""
    body = {
        "last_reviewed": "2026-11-01",
        "review_by": "2027-11-01",
        "intro": None,
        "items": [{"id": "one", "text": text, "reason": reason, "resource": None}],
        "related": [],
    }
    return _document("checklist", body, **changes)


def contact(name: str = "Samaritans", **changes: Any) -> dict[str, Any]:
    """A support contact of which nobody knows more than `changes`."""
    return {"name": name, "phone": None, "url": None, "hours": None, "verified_on": None, "locale": "en-GB", **changes}


def _document(kind: Any, body: dict[str, Any], **changes: Any) -> Document:
    whole: dict[str, Any] = {
        "organisation": "riverside",
        "digest": "sha256:0",
        "kind": kind,
        "id": "asking-why",
        "pack": "riverside",
        "version": "1.0.0",
        "locale": "en-GB",
        "title": "Asking why",
        "summary": None,
        "topics": (),
        "stages": (),
        "audience": (),
        "fallback": {},
        "foreign_titles": {},
        "languages": ("en-GB",),
        "draft": False,
        "body": body,
        "brand": BRAND,
        "base": BASE,
    }
    return Document(**{**whole, **changes})


def everything(
    client: FlaskClient, organisation: str, locales: tuple[str, ...], form: str
) -> Iterator[tuple[Any, str]]:
    """Every document of an organisation in these locales: its JSON, and the text of the same in a format."""
    for folder in FOLDERS.values():
        for item in client.get(f"/v1/orgs/{organisation}/{folder}").json["items"]:
            for locale in locales:
                path = f"/v1/orgs/{organisation}/{folder}/{item['id']}?locale={locale}"
                answer = client.get(f"{path}&format={form}")
                assert answer.status_code == 200, answer.text
                yield client.get(path).json, answer.text
