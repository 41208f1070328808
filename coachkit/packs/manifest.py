"""Reads pack.yaml: the values it declares, and whether they hold together and with this CoachKit.

Knows nothing of the pack's other files but their locales.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from typing import Any, Literal

from coachkit import __version__
from coachkit.packs.checks import check_example
from coachkit.packs.extract import extract
from coachkit.packs.findings import Findings, nearest
from coachkit.packs.model import PLACEHOLDER_TYPES, Contact, Manifest, Place, Placeholder, PlaceholderType, SupportSlot
from coachkit.packs.schemas import MANIFEST as SHAPE
from coachkit.packs.source import LOCALE_PATTERN, LOCALES
from coachkit.packs.source import MANIFEST as FILE
from coachkit.packs.validate import validate
from coachkit.packs.versions import Range
from coachkit.packs.yaml_source import Node, load


def read_manifest(text: str, folders: Collection[str], findings: Findings) -> Manifest | None:
    """What pack.yaml says; None, with the reason reported, if it is no mapping. `folders` are those in locales/.

    Where a part of it is wrong, that is reported and the nearest usable value stands in its place.
    """
    loaded = load(text, FILE, findings)
    if loaded is None:
        return None
    validate(SHAPE, loaded, findings)
    top = loaded.top
    if not isinstance(top.value, dict):
        return None
    _check_locales(top, folders, findings)
    _check_range(top, findings)
    _check_requires(top, findings)
    for name, node in top.mapped("placeholders"):
        _check_placeholder(name, node, findings)
    _check_contacts(top, findings)
    return _manifest(extract(SHAPE, top).facts)


# --- what holds together --------------------------------------------------------------------------


def _locales(top: Node) -> list[str]:
    return [entry.text for entry in top.entries("locales") if entry.text]


def _check_locales(top: Node, folders: Collection[str], findings: Findings) -> None:
    default, declared = top.get("default_locale"), _locales(top)
    if default and default.text and declared and default.text not in declared:
        message = f"the default locale {default.text} is not among the locales"
        findings.error(
            default.place, "undeclared-locale", message, f"write locales: [{', '.join([default.text, *declared])}]"
        )
    main = default.text if default else None
    for entry in top.entries("locales"):
        sound = main in declared and entry.text and re.fullmatch(LOCALE_PATTERN, entry.text)
        if sound and entry.text != main and entry.text not in folders:
            hint = f"make {LOCALES}/{entry.text}, or leave it out"
            findings.error(entry.place, "missing-locale", f"nothing is translated into {entry.text}", hint)
    for folder in sorted(folders):
        place = Place(f"{LOCALES}/{folder}")
        if folder == main:
            message = f"{folder} is the default locale"
            findings.error(place, "undeclared-locale", message, "its files stand at the top of the pack")
        elif folder not in declared:
            hint = nearest(folder, declared) or "add it to locales: in pack.yaml"
            findings.error(place, "undeclared-locale", f"pack.yaml does not list {folder} under locales", hint)


def _check_range(top: Node, findings: Findings) -> None:
    node = top.get("coachkit")
    try:
        fits = node is None or node.text is None or Range.parse(node.text).matches(__version__)
    except ValueError:
        return
    if node and not fits:
        message = f"the pack works with CoachKit {node.text}; this is {__version__}"
        findings.error(node.place, "unsupported-coachkit", message, "use another CoachKit, or widen the range")


def _check_requires(top: Node, findings: Findings) -> None:
    for name, node in top.mapped("requires"):
        if name == top.text_of("id"):
            findings.error(node.key_place, "invalid-value", "the pack requires itself", "delete the line")


def _check_placeholder(name: str, node: Node, findings: Findings) -> None:
    _check_tags(node.mapped("label"), _locales(node.loaded.top), findings)
    main = node.loaded.top.text_of("default_locale")
    label = node.get("label")
    sound = main in _locales(node.loaded.top)
    if label and label.pairs() and main and sound and label.get(main) is None:
        message = f"the label of “{name}” is missing in {main}"
        findings.error(label.place, "missing-key", message, "the default locale needs one")
    check_example(node, findings)


def _type(name: str | None) -> PlaceholderType | None:
    return next((known for known in PLACEHOLDER_TYPES if known == name), None)


def _check_tags(pairs: list[tuple[str, Node]], declared: list[str], findings: Findings) -> None:
    for tag, node in pairs:
        if declared and tag not in declared:
            hint = nearest(tag, declared) or f"the locales are {', '.join(declared)}"
            findings.error(node.key_place, "undeclared-locale", f"{tag} is not among the locales", hint)


def _check_contacts(top: Node, findings: Findings) -> None:
    for _, slot in top.mapped("support"):
        _check_tags(slot.mapped("contacts"), _locales(top), findings)
        for _, contacts in slot.mapped("contacts"):
            for contact in contacts.listed():
                if isinstance(contact.value, dict) and not contact.get("phone") and not contact.get("url"):
                    message = "the contact has neither phone nor url"
                    findings.error(contact.place, "contact-missing", message, "say how a reader gets there")


# --- values ---------------------------------------------------------------------------------------


def _manifest(facts: dict[str, Any]) -> Manifest:
    """The values; what is not usable is the least that is."""
    locales = [locale for locale in facts["locales"] or [] if isinstance(locale, str)]
    default = _text(facts["default_locale"]) or next(iter(locales), "en")
    visibility: Literal["public", "private"] = "private" if facts["visibility"] == "private" else "public"
    return Manifest(
        id=_text(facts["id"]) or "pack",
        version=_text(facts["version"]) or "0.0.0",
        title=_text(facts["title"]),
        description=_text(facts["description"]),
        licence=_text(facts["licence"]),
        authors=tuple(_texts(author) for author in _list(facts["authors"])),
        default_locale=default,
        locales=tuple(dict.fromkeys([*locales, default] if default not in locales else locales)),
        coachkit=_text(facts["coachkit"]) or "*",
        visibility=visibility,
        requires=_texts(facts["requires"]),
        placeholders={name: _placeholder(name, value) for name, value in _map(facts["placeholders"]).items()},
        support={name: _slot(name, value) for name, value in _map(facts["support"]).items()},
    )


def _placeholder(name: str, facts: Any) -> Placeholder:
    value = _map(facts)
    kind = _type(value.get("type")) or "text"
    required = value.get("required") is not False
    return Placeholder(name, kind, _texts(value.get("label")), required, _text(value.get("example")) or None)


def _slot(name: str, facts: Any) -> SupportSlot:
    value = _map(facts)
    contacts = {
        tag: tuple(_contact(each) for each in _list(several)) for tag, several in _map(value.get("contacts")).items()
    }
    return SupportSlot(name, _text(value.get("description")), contacts)


def _contact(facts: Any) -> Contact:
    value = _texts(facts)
    try:
        verified = date.fromisoformat(value["verified_on"]) if "verified_on" in value else None
    except ValueError:
        verified = None
    return Contact(value.get("name", ""), value.get("phone"), value.get("url"), value.get("hours"), verified)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: Any) -> dict[str, str]:
    return {key: each.strip() for key, each in _map(value).items() if isinstance(each, str)}


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
