"""Which of the locales and formats on offer a caller gets. Pure: header texts in, a choice out."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from werkzeug.datastructures import LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

from coachkit.hooks.types import Format

_UTF_8: Final = re.compile(r';\s*charset="?utf-8"?', re.IGNORECASE)


@lru_cache(maxsize=4096)
def locale_for(accept_language: str | None, offered: tuple[str, ...], default: str) -> str:
    """The locale for an Accept-Language header by RFC 4647 lookup: each range is shortened until it matches.

    Ranges come in order of their quality; one of quality 0 and `*` choose nothing. Where none matches, the default.
    """
    known = {locale.lower(): locale for locale in offered}
    for wanted, quality in parse_accept_header(accept_language, LanguageAccept):
        subtags = wanted.lower().replace("_", "-").split("-")
        while quality > 0 and subtags and wanted != "*":
            if match := known.get("-".join(subtags)):
                return match
            subtags.pop()
            while subtags and len(subtags[-1]) == 1:  # a single letter introduces what was just cut off
                subtags.pop()
    return default


@lru_cache(maxsize=4096)
def format_for(accept: str | None, offered: tuple[Format, ...]) -> Format | None:
    """The format for an Accept header (RFC 9110, 12.5.1), the first on offer where the caller has no wish.

    None where nothing on offer is acceptable; asking for UTF-8, which everything is in, rules nothing out.
    Formats that are not negotiable are never chosen here.
    """
    negotiable = [each for each in offered if each.negotiable]
    if not accept or accept.strip() == "*/*":
        return negotiable[0]
    best = parse_accept_header(_UTF_8.sub("", accept), MIMEAccept).best_match([each.media_type for each in negotiable])
    return next((each for each in negotiable if each.media_type == best), None)
