"""Turns a file's bytes into text that everything above can trust: UTF-8, LF, nothing invisible that should not be.

Knows nothing of what the text means.
"""

from __future__ import annotations

import codecs
import re

from coachkit.packs.findings import Findings
from coachkit.packs.model import Place

# Other line breaks than LF are here too: editors, Markdown and YAML do not agree on which of them end a line.
REFUSED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufffe\uffff\U000f0000-\U0010ffff]"
)
"""Characters that no text of a pack may have: controls, private use, noncharacters, lone surrogates, U+FEFF."""
_PRIVATE_USE = re.compile(r"[\ue000-\uf8ff\U000f0000-\U0010ffff]")


def decode(data: bytes, file: str, findings: Findings) -> str | None:
    """The text of a file with LF line ends; None, with the error reported, if it is not clean UTF-8.

    Every line keeps its number. Each refused character is reported once a file, where it first stands.
    """
    if data.startswith(codecs.BOM_UTF8):
        findings.error(
            Place(file, 1, 1), "bom", "the file starts with a byte order mark", "save it as UTF-8 without BOM"
        )
        data = data[len(codecs.BOM_UTF8) :]
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        _not_utf8(data, error.start, file, findings)
        return None
    if "\r\n" in text:
        line = text[: text.index("\r\n")].count("\n") + 1
        findings.warning(
            Place(file, line), "crlf", "lines end with CR LF; they are read as LF", "save the file with LF line ends"
        )
        text = text.replace("\r\n", "\n")
    return None if _refused(text, file, findings) else text


def _not_utf8(data: bytes, at: int, file: str, findings: Findings) -> None:
    before = data[:at]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
    findings.error(
        Place(file, line, column),
        "not-utf-8",
        f"the byte 0x{data[at]:02X} is not UTF-8",
        "save the file as UTF-8 (it may be in Latin-1 or Windows-1252)",
    )


def _refused(text: str, file: str, findings: Findings) -> bool:
    """Whether the text has characters that are refused; each kind of them is reported where it first stands."""
    seen: set[str] = set()
    for match in REFUSED.finditer(text):
        character = match[0]
        if character in seen:
            continue
        seen.add(character)
        line = text.count("\n", 0, match.start()) + 1
        column = match.start() - text.rfind("\n", 0, match.start())
        what = "private-use" if _PRIVATE_USE.match(character) else "control"
        findings.error(
            Place(file, line, column),
            "control-character",
            f"the {what} character U+{ord(character):04X} stands here",
            "delete it",
        )
        if len(seen) == _MOST_REPORTED:
            break
    return bool(seen)


_MOST_REPORTED = 20
"""More kinds of refused characters than this mean that the file is not text at all."""
