"""The few words that CoachKit itself puts into a document, by language."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "support": "Someone to turn to",
        "unverified": "not verified: please check before you rely on it",
        "related": "Where to go next",
        "subject": "Subject",
        "day": "Day {day}",
        "branches": "Choose what fits",
        "end": "The end of this pathway",
        "optional": "optional",
        "why": "Why:",
        "draft": "This translation is a draft that a speaker has not signed off yet.",
    },
    "cy": {
        "support": "Rhywun i droi ato",
        "unverified": "heb ei wirio: gwiriwch cyn dibynnu arno",
        "related": "Ble i fynd nesaf",
        "subject": "Pwnc",
        "day": "Diwrnod {day}",
        "branches": "Dewiswch yr hyn sy’n addas i chi",
        "end": "Diwedd y llwybr hwn",
        "optional": "dewisol",
        "why": "Pam:",
        "draft": "Drafft yw’r cyfieithiad hwn; nid yw siaradwr Cymraeg wedi’i gymeradwyo eto.",
    },
}


def language(locale: str) -> str:
    """The language whose words serve a locale: its own where there are any, or English."""
    primary = locale.partition("-")[0]
    return primary if primary in WORDS else "en"


def words(locale: str) -> Mapping[str, str]:
    """The words for a locale."""
    return WORDS[language(locale)]
