"""Names of hosts as the DNS has them: lower case, without a dot at the end, other scripts as A-labels. Pure.

Which characters a label in another script may have is derived as RFC 5892 does, from Unicode's properties. Labels that
are written from right to left, and characters that need certain neighbours, are taken as A-labels only: whoever
registered such a name has had it checked and has that form.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 243
"""A name's most characters: in the DNS there are 253, and the name of its record is ten longer."""
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_ACE: Final = "xn--"
_LETTERS: Final = frozenset({"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"})
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_TAKEN: Final = frozenset("\u00df\u03c2\u06fd\u06fe\u0f0b\u3007")
"""RFC 5892, 2.6: valid whatever their properties say."""
_NEIGHBOURS: Final = frozenset("\u00b7\u0375\u05f3\u05f4\u200c\u200d\u30fb") | {
    chr(code) for first in (0x660, 0x6F0) for code in range(first, first + 10)
}
"""RFC 5892, 2.6 and appendix A: valid between certain others."""
_REFUSED: Final = (
    *((code, code) for code in (0x34F, 0x640, 0x7FA, 0x302E, 0x302F, 0x303B, 0x3164, 0xFFA0)),
    (0x1100, 0x11FF),  # old Hangul
    (0x17B4, 0x17B5),  # ignorable, as the variation selectors
    (0x180B, 0x180F),
    (0x20D0, 0x20FF),  # marks for symbols
    (0x3031, 0x3035),
    (0xA960, 0xA97F),
    (0xD7B0, 0xD7FF),
    (0xFE00, 0xFE0F),
    (0x1D100, 0x1D24F),  # musical notation
    (0xE0100, 0xE01EF),
)
"""RFC 5892, 2.4 to 2.6 and 2.9: no part of a name, though they are letters or marks."""


class NotAHostnameError(ValueError):
    """A text that is no name of a host; says what is wrong with it."""


def canonical(text: str) -> str:
    """A host's name as it is stored: `Bücher.Example.` gives `xn--bcher-kva.example`. Raises NotAHostnameError."""
    if len(text) > 4 * LONGEST:
        raise NotAHostnameError(f"“{text[:40]}…” is longer than a name of {LONGEST} characters")
    if wrong := re.search(r"[/:@\[\]\s*?#%]", text):
        raise NotAHostnameError(f"“{text}” is not a name alone: it has “{wrong[0]}” in it")
    lowered = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower()).removesuffix(".")
    name = ".".join(_label(label, text) for label in lowered.split("."))
    if "." not in name:
        raise NotAHostnameError(f"“{text}” is not a whole name such as careers.example.org")
    if not name.rpartition(".")[2][0].isalpha():
        raise NotAHostnameError(f"“{text}” is an address, or ends like one, and not a name")
    if len(name) > LONGEST:
        raise NotAHostnameError(f"“{text[:40]}…” is longer than {LONGEST} characters")
    return name


def _label(label: str, text: str) -> str:
    """One label in its ASCII form."""
    if not label:
        raise NotAHostnameError(f"“{text}” has nothing between two dots, or is empty")
    if label.isascii():
        sound = bool(_LABEL.fullmatch(label)) and (label[2:4] != "--" or _is_a_label(label))
    else:
        _require_letters(label, text)
        label = _ACE + label.encode("punycode").decode("ascii")
        sound = bool(_LABEL.fullmatch(label))
    if not sound:
        said = "letters, digits and hyphens within, at most 63 of them"
        raise NotAHostnameError(f"“{text}” has a part that is not a label: {said}")
    return label


def _is_a_label(label: str) -> bool:
    """Whether an ASCII label is the one form of a label in another script."""
    try:
        meant = label[len(_ACE) :].encode("ascii").decode("punycode")
        again = meant.encode("punycode").decode("ascii")
    except (UnicodeError, ValueError, OverflowError):
        return False
    sound = all(_is_letter(each) or each in _NEIGHBOURS or each == "-" for each in meant)
    return label == _ACE + again and not meant.isascii() and sound and _is_settled(meant)


def _require_letters(label: str, text: str) -> None:
    """Raise NotAHostnameError for a label in another script that has something in it that is not taken as it is."""
    for each in label:
        if each in _NEIGHBOURS or unicodedata.bidirectional(each) in _RIGHT_TO_LEFT:
            raise NotAHostnameError(f"“{text}”: write this name in its ASCII form, with {_ACE}, as it was registered")
        if each != "-" and not _is_letter(each):
            raise NotAHostnameError(f"“{text}” has “{each}” in it, which is in no name")
    if label[2:4] == "--" or label[0] == "-" or label[-1] == "-" or not _is_settled(label):
        raise NotAHostnameError(f"“{text}” has a part that begins or ends with a hyphen or a mark, or has two in a row")


def _is_settled(label: str) -> bool:
    return unicodedata.normalize("NFC", label) == label and not unicodedata.category(label[0]).startswith("M")


def _is_letter(character: str) -> bool:
    if character in _TAKEN:
        return True
    code = ord(character)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character).casefold())
    refused = any(first <= code <= last for first, last in _REFUSED)
    return folded == character and not refused and unicodedata.category(character) in _LETTERS
