"""What a value must look like to stand in a placeholder of each type."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlsplit

from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date

from coachkit.packs.model import PlaceholderType

TEXT_LENGTH = 2_000
ADDRESS_LENGTH = 2_000

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PHONE = re.compile(r"\+?[0-9](?:[0-9 ()-]{1,22})[0-9]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ue000-\uf8ff\ud800-\udfff]")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")


def problem_with(value: str, wanted: PlaceholderType) -> str | None:
    """Why a value cannot stand in a placeholder of that type, in a sentence; None if it can."""
    if not value.strip():
        return "it is empty"
    if len(value) > TEXT_LENGTH:
        return f"it is longer than {TEXT_LENGTH:,} characters"
    if _CONTROL.search(value):
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
        parts = urlsplit(value)
        sound = parts.scheme == "https" and parts.hostname and not parts.username and not _BLANK.search(value)
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
