"""What search knows of each language: how it joins words, which of them say little, and which are forms of one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from coachkit.search.welsh import radicals
from coachkit.search.words import APART, TOGETHER


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENGLISH: Final = _listed("""
    a about after all am an and any are arent as at be because been before being but by can cant could couldnt did didnt
    do does doesnt doing dont for from had hadnt has hasnt have havent having he her here him his how i if im in into is
    isnt it its ive just me my of off on or our out she should shouldnt so some such than that thats the their them then
    there these they theyre this to too up us was wasnt we were werent what whats when where which while who why will
    with wont would wouldnt you your youre youve
""")
_WELSH: Final = _listed("""
    a ac ag am ar arna arnaf arnat arno arnoch at ati ato atoch beth ble bo bob bod bydd byddwch ch chi chwi ddim dim
    drwy dy dyma dyna ef eich ein ei er eu fe fel fod fy fydd gan gen gennych gyda heb hi hon hwn hwnnw hyd hyn hynny i
    m mae maen mai mi n na nac nad nag neu nhw ni nid o oddi oedd oes ond os pa pam pan pob pryd pwy r roedd roeddech
    roeddwn rwy rydw rydych rydyn sut sy sydd ti trwy u un w wedi wrth wyf y ych ydi ydw ydy ydych ym yma yn yna yng yno
    yr yw
""")


@dataclass(frozen=True)
class Language:
    """`word` finds the words of a text; `stops` are those that say little; `roots` are what a word is a form of."""

    word: re.Pattern[str]
    stops: frozenset[str]
    roots: Callable[[str], tuple[str, ...]]


def primary(locale: str) -> str:
    """The language of a locale, without its region: `en` of `en-GB`."""
    return locale.partition("-")[0].lower()


def language(code: str) -> Language:
    """What is known of a language: for one that nobody has taught us, its words as they stand."""
    return _LANGUAGES.get(code, _OTHER)


_of_thread = threading.local()


def _english(word: str) -> tuple[str, ...]:
    """The word and its stem by Snowball's English algorithm: interviews, interviewed, interviewing → interview."""
    stemmer = getattr(_of_thread, "english", None)
    if stemmer is None:
        import Stemmer

        stemmer = _of_thread.english = Stemmer.Stemmer("english")  # it must not be shared between threads
    return (word, stemmer.stemWord(word))


def _welsh(word: str) -> tuple[str, ...]:
    """The word and what it may be mutated from; the little words, which cause mutations, stand for themselves."""
    return (word,) if word in _WELSH else radicals(word)


def _as_it_stands(word: str) -> tuple[str, ...]:
    return (word,)


_OTHER: Final = Language(APART, frozenset(), _as_it_stands)
_LANGUAGES: Final = {
    "en": Language(TOGETHER, _ENGLISH, _english),
    "cy": Language(APART, _WELSH, _welsh),
}
