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
        "branch": "go to: {step}",
        "end": "The end of this pathway",
        "optional": "optional",
        "why": "Why:",
        "draft": "This translation is a draft that a speaker has not signed off yet.",
        "untranslated": "Parts of this are not translated yet and are in another language: {languages}.",
        "picture": "Picture: {alt}",
        "reviewed": "Last reviewed: {day}",
        "places": "Applies in: {places}",
        "rest": "There is more than fits into this e-mail. Not in it:",
        "whole": "Read all of it on the web",
        "ask": "Ask {organisation} for the rest",
    },
    "cy": {
        "support": "Rhywun i droi ato",
        "unverified": "heb ei wirio: gwiriwch cyn dibynnu arno",
        "related": "Ble i fynd nesaf",
        "subject": "Pwnc",
        "day": "Diwrnod {day}",
        "branches": "Dewiswch yr hyn sy’n addas i chi",
        "branch": "ewch i: {step}",
        "end": "Diwedd y llwybr hwn",
        "optional": "dewisol",
        "why": "Pam:",
        "draft": "Drafft yw’r cyfieithiad hwn; nid yw siaradwr Cymraeg wedi’i gymeradwyo eto.",
        "untranslated": "Nid yw rhannau o hyn wedi’u cyfieithu eto. Iaith y rhannau hynny: {languages}.",
        "picture": "Llun: {alt}",
        "reviewed": "Adolygwyd ddiwethaf: {day}",
        "places": "Yn berthnasol yn y lleoedd hyn: {places}",
        "rest": "Mae mwy nag sy’n ffitio yn yr e-bost hwn. Heb eu cynnwys:",
        "whole": "Darllenwch y cyfan ar y we",
        "ask": "Gofynnwch i dîm {organisation} am y gweddill",
    },
}


def language(locale: str) -> str:
    """The language whose words serve a locale: its own where there are any, or English."""
    primary = locale.partition("-")[0]
    return primary if primary in WORDS else "en"


def words(locale: str) -> Mapping[str, str]:
    """The words for a locale."""
    return WORDS[language(locale)]
