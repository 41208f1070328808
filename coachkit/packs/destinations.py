"""What the destination of a link may be: an address, a reference, or nothing else.

Knows the text of destinations only, not which resources or placeholders there are.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from markdown_it.common.normalize_url import normalizeLink

from coachkit.packs.findings import nearest
from coachkit.packs.model import FOLDERS, KIND_OF_FOLDER, KINDS, NAME_LENGTH, NAME_PATTERN, Reference, kind_named

SCHEMES = frozenset({"https", "mailto", "tel"})
"""What a link may lead to outside: nothing that runs, nothing unencrypted."""
ADDRESS_LENGTH = 2048
"""The most characters an address may have; longer ones break in mail programs and in some browsers."""
ALLOWED = "write an https:, mailto: or tel: address, #section, or a reference such as checklist/before-you-reply"

_REFERENCE = re.compile(
    rf"(?:(?P<pack>{NAME_PATTERN}):)?(?:(?P<kind>[a-z]+)/)?(?P<id>{NAME_PATTERN})(?:#(?P<section>{NAME_PATTERN}))?"
)
_SECTION = re.compile(rf"#(?P<section>{NAME_PATTERN})")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):")
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_ODD = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]")
"""Characters that browsers and mail programs repair each in their own way."""
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.?")
_MAILTO = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:\?[A-Za-z0-9=&%.,_+-]*)?")
_TEL = re.compile(r"\+?[0-9](?:[0-9().-]*[0-9])?(?:;[a-z]+=[A-Za-z0-9.+-]+)*")


class BadDestinationError(ValueError):
    """A destination that no link may have; `hint` says what would be right."""

    def __init__(self, message: str, hint: str = ALLOWED) -> None:
        super().__init__(message)
        self.hint = hint


def parse_reference(text: str) -> Reference:
    """Read `[pack:][kind/]id[#section]`; BadDestinationError, a ValueError, for anything else."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise BadDestinationError(f"“{text[:80]}” is not a reference", "write [pack:][kind/]id[#section]")
    if any(len(part) > NAME_LENGTH for part in match.groups() if part):
        raise BadDestinationError(f"“{text[:80]}…” has an id of more than {NAME_LENGTH} characters")
    kind = kind_named(match["kind"] or "module")
    if kind is None:
        raise BadDestinationError(f"“{match['kind']}” in “{text}” is not a kind of resource", _kind_hint(match["kind"]))
    return Reference(match["pack"], kind, match["id"], match["section"])


def parse_destination(text: str, page: Reference) -> str | Reference:
    """The address, ready for HTML but not escaped, or the reference that a link's destination is.

    `page` is the resource the link stands in, which `#section` means. BadDestinationError for anything else.
    """
    if len(text) > ADDRESS_LENGTH:
        raise BadDestinationError(f"the address is longer than {ADDRESS_LENGTH} characters", "shorten it")
    if section := _SECTION.fullmatch(text):
        return Reference(page.pack, page.kind, page.id, section["section"])
    scheme = _SCHEME.match(text)
    if scheme and scheme["scheme"].lower() in SCHEMES:
        return _address(scheme["scheme"].lower(), text[scheme.end() :], text)
    if _REFERENCE.fullmatch(text):
        return parse_reference(text)
    if text.lower().startswith("http:"):
        raise BadDestinationError(f"“{text[:80]}” is not encrypted", "write https://")
    raise BadDestinationError(f"“{text[:80]}” is not something to link to" if text else "the link leads nowhere")


def outside(text: str) -> str | None:
    """The address that leads outside, ready for HTML but not escaped, that a text is; None if it is none."""
    scheme = _SCHEME.match(text)
    if scheme is None or scheme["scheme"].lower() not in SCHEMES or len(text) > ADDRESS_LENGTH:
        return None
    try:
        return _address(scheme["scheme"].lower(), text[scheme.end() :], text)
    except BadDestinationError:
        return None


def _address(scheme: str, rest: str, text: str) -> str:
    if scheme == "mailto" and _MAILTO.fullmatch(rest):
        return f"mailto:{rest}"
    if scheme == "tel" and _TEL.fullmatch(rest):
        return f"tel:{rest}"
    if scheme == "https" and (url := https_address(f"https:{rest}")):
        return url
    example = {"https": "https://example.org/page", "mailto": "mailto:careers@example.org", "tel": "tel:+441632960123"}
    raise BadDestinationError(f"“{text[:80]}” is not a valid {scheme}: address", f"write it like {example[scheme]}")


def https_address(text: str) -> str | None:
    """The normalised address if it is https and has a host, no user name and no odd character, else None."""
    try:
        url = normalizeLink(text)
        parts = urlsplit(url)
        host = _HOST.fullmatch(parts.hostname or "") and not _ODD.search(text)
        sound = bool(host) and parts.username is None and parts.password is None and parts.port != 0
    except ValueError:
        return None
    return url if sound and url.startswith("https://") and _URL.fullmatch(url) else None


def _kind_hint(found: str) -> str:
    if found in KIND_OF_FOLDER:
        return f"write {KIND_OF_FOLDER[found]}/"
    return nearest(found, [*KINDS, *FOLDERS.values()]) or f"kinds are {', '.join(KINDS)}"
