"""Generates packs of any size: modules that read like advice, in English and Welsh, the same bytes every time.

What is in them is made up by rule, so no two modules say quite the same, and none says anything that matters.
"""

from __future__ import annotations

import random
from pathlib import Path

PACK = "generated"
LOCALES = ("en-GB", "cy")
SECTIONS = ("look", "list", "write", "after")
"""The ids of every module's sections."""

_TOPICS = ("first-response", "feedback", "review", "interviews", "reflection")
_TITLES = {
    "en-GB": ("Take stock", "Ask one question", "Look at the advert again", "Keep a short list", "Plan a quiet week"),
    "cy": (
        "Cymryd stoc",
        "Gofyn un cwestiwn",
        "Edrych eto ar yr hysbyseb",
        "Cadw rhestr fer",
        "Wythnos dawel",
    ),
}
_OPENINGS = {
    "en-GB": (
        "When the message has sunk in",
        "On a day with an hour to spare",
        "Before you open the next advert",
        "If the interview still goes round in your head",
        "With a cup of tea and a pencil",
        "After a night's sleep",
        "Once you know who decided",
    ),
    "cy": (
        "Pan fydd y neges wedi suddo i mewn",
        "Ar ddiwrnod pan fydd gennych awr",
        "Cyn agor yr hysbyseb nesaf",
        "Os yw'r cyfweliad yn dal ar eich meddwl",
        "Gyda phaned a phensil",
        "Ar ôl noson o gwsg",
    ),
}
_STEPS = {
    "en-GB": (
        "write down what you would say again",
        "read the advert as if it were new",
        "choose one thing that is yours to change",
        "tell somebody you trust how it went",
        "put the date of your reply in the diary",
        "compare your notes with what was asked",
        "leave out whatever nobody asked for",
        "keep the sentence that worked",
    ),
    "cy": (
        "ysgrifennwch beth fyddech yn ei ddweud eto",
        "darllenwch yr hysbyseb fel petai'n newydd",
        "dewiswch un peth y gallwch ei newid",
        "dywedwch wrth rywun sut aeth hi",
        "rhowch ddyddiad eich ateb yn y dyddiadur",
        "cadwch y frawddeg a weithiodd",
    ),
}
_REASONS = {
    "en-GB": (
        "because a short note outlives a long memory",
        "since one change is easier to keep than five",
        "so that the next answer starts where this one ended",
        "and stop when the timer does",
        "which takes ten minutes and no courage",
        "and let the rest wait until next week",
    ),
    "cy": (
        "achos mae nodyn byr yn para'n hirach na'r cof",
        "gan fod un newid yn haws na phump",
        "fel bod yr ateb nesaf yn dechrau o'r fan hon",
        "a gadewch i'r gweddill aros tan yr wythnos nesaf",
        "sy'n cymryd deg munud",
    ),
}
_HEADINGS = {
    "en-GB": ("Look at it once more", "Keep a list", "Write it down", "What comes after"),
    "cy": ("Edrychwch unwaith eto", "Cadwch restr", "Ysgrifennwch ef i lawr", "Beth ddaw wedyn"),
}
_MANIFEST = """\
id: {pack}
version: {version}
title: A generated library
description: Modules that were made up by rule, to measure with.
licence: CC-BY-4.0
authors: [{{role: generator}}]
default_locale: en-GB
locales: [{locales}]
coachkit: ">=0.1,<1"
visibility: public
placeholders:
  careers_email:
    type: email
    label: {{en-GB: Careers e-mail, cy: E-bost gyrfaoedd}}
    example: careers@example.org
    required: true
"""
_FRONT = """\
---
title: {title}
summary: {summary}
"""
_FACTS = """\
topics: [{topic}]
stages: [applied, screened, interviewed, final]
related: [{related}]
last_reviewed: 2026-11-01
review_by: 2027-11-01
"""


def module_id(number: int) -> str:
    """The id of a pack's module of that number, from 1."""
    return f"module-{number:05}"


def write_pack(
    root: Path,
    modules: int,
    *,
    locales: tuple[str, ...] = LOCALES,
    pack: str = PACK,
    version: str = "1.0.0",
    first: int = 1,
) -> Path:
    """Write a valid pack of so many modules into `root`/pack and return that folder. A module is about 6 KB of JSON.

    Equal arguments give equal bytes. The first locale is the pack's own; each module is whole in each locale. Modules
    are numbered from `first`, so that packs can be chosen together.
    """
    folder = root / pack
    (folder / "modules").mkdir(parents=True)
    manifest = _MANIFEST.format(pack=pack, version=version, locales=", ".join(locales))
    (folder / "pack.yaml").write_text(manifest, encoding="utf-8")
    for locale in locales:
        own = folder if locale == locales[0] else folder / "locales" / locale
        (own / "modules").mkdir(parents=True, exist_ok=True)
        for number in range(first, first + modules):
            following = module_id(first + (number - first + 1) % modules)
            text = module(number, locale, following=following, translated=locale != locales[0])
            (own / "modules" / f"{module_id(number)}.md").write_text(text, encoding="utf-8")
    return folder


def module(number: int, locale: str, *, following: str, translated: bool = False) -> str:
    """The file of a pack's module of that number in a locale, which points at another of the pack."""
    chance = random.Random(f"{number} {locale}")
    title = f"{_TITLES[locale][number % len(_TITLES[locale])]} {number}"
    front = _FRONT.format(title=title, summary=_sentence(chance, locale))
    if translated:
        front += "translation: {status: signed}\n"
    else:
        front += _FACTS.format(topic=_TOPICS[number % len(_TOPICS)], related=following)
    return f"{front}---\n" + "\n".join(_sections(chance, locale, following))


def _sections(chance: random.Random, locale: str, following: str) -> list[str]:
    heads = [f"## {heading} {{#{name}}}\n" for heading, name in zip(_HEADINGS[locale], SECTIONS, strict=True)]
    items = [f"- **{_capital(chance.choice(_STEPS[locale]))}**, {chance.choice(_REASONS[locale])}" for _ in range(4)]
    steps = [f"{position}. {_sentence(chance, locale)}" for position in range(1, 4)]
    return [
        heads[0],
        f"{_paragraph(chance, locale)}\n\n:::tip {_HEADINGS[locale][1]}\n{_sentence(chance, locale)}\n:::\n",
        heads[1],
        "\n".join(items) + "\n",
        heads[2],
        "\n".join(steps) + f"\n\n{_sentence(chance, locale)} {{{{careers_email}}}}\n",
        heads[3],
        f"{_paragraph(chance, locale)} [{_HEADINGS[locale][0]}]({following}#look).\n",
    ]


def _paragraph(chance: random.Random, locale: str) -> str:
    return " ".join(_sentence(chance, locale) for _ in range(5))


def _sentence(chance: random.Random, locale: str) -> str:
    opening, step, reason = (chance.choice(words[locale]) for words in (_OPENINGS, _STEPS, _REASONS))
    return f"{opening}, {step}, {reason}."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
