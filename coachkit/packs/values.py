"""What a value must look like to stand in a placeholder of each type."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlsplit

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date

from coachkit.packs.model import PlaceholderType
from coachkit.packs.text import REFUSED

TEXT_LENGTH = 2_000
ADDRESS_LENGTH = 2_000

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PHONE = re.compile(r"\+?[0-9](?:[0-9 ()-]{1,22})[0-9]")
_HTTPS = re.compile(r"https://(?:[\w-]+\.)*[\w-]+\.?(?::[0-9]{1,5})?(?:[/?#]\S*)?")
"""What ends the host is the same to every reader of an address: no user name, no backslash, no escape in it."""


def problem_with(value: str, wanted: PlaceholderType) -> str | None:
    """Why a value cannot stand in a placeholder of that type, in a sentence; None if it can."""
    if not value.strip():
        return "it is empty"
    if len(value) > TEXT_LENGTH:
        return f"it is longer than {TEXT_LENGTH:,} characters"
    if REFUSED.search(value):
        return "it has a control character"
    return _PROBLEMS[wanted](value)


def shown(value: str, wanted: PlaceholderType, locale: str) -> str:
    """A value as people read it in a locale: days are written out, the rest stays as it is."""
    if wanted != "date":
        return value
    try:
        return format_date(date.fromisoformat(value), format="long", locale=Locale.parse(locale, sep="-"))
    except UnknownLocaleError:
        return value


def _text(value: str) -> str | None:
    del value
    return None


def _email(value: str) -> str | None:
    return None if _EMAIL.fullmatch(value) else f"“{value}” is not an e-mail address such as careers@example.org"


def _url(value: str) -> str | None:
    try:
        sound = _HTTPS.fullmatch(value) and urlsplit(value).port != 0
    except ValueError:
        sound = False
    return None if sound else f"“{value}” is not an https address"


def _phone(value: str) -> str | None:
    return None if _PHONE.fullmatch(value) else f"“{value}” is not a phone number such as 029 2018 0000"


def _date(value: str) -> str | None:
    try:
        sound = bool(_DAY.fullmatch(value)) and bool(date.fromisoformat(value))
    except ValueError:
        sound = False
    return None if sound else f"“{value}” is not a day such as 2026-11-03"


_PROBLEMS = {"text": _text, "email": _email, "url": _url, "phone": _phone, "date": _date}
