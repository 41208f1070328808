"""What a reader's words stand for: themselves, their forms, their completions, and what was meant."""

import pytest
from finding import cut, doc, found, hits_of, index_of
from hypothesis import example, given
from hypothesis import strategies as st

from coachkit.search import ranking
from coachkit.search.query import MOST_WORDS, edits, understand


def english(*texts):
    return index_of(*(doc(f"d{number}", text=text) for number, text in enumerate(texts)))


def welsh(*texts):
    return index_of(*(doc(f"d{number}", "cy", text=text) for number, text in enumerate(texts)))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("interview", "Two interviews"),
        ("interviews", "One interview"),
        ("interviewed", "Interviewing is hard"),
        ("reject", "I was rejected"),
        ("rejections", "A rejection"),
        ("stories", "A story"),
        ("applying", "We applied"),
        ("employers", "The employer’s reply"),
        ("employer's", "All employers"),
        ("dont", "You don’t have to"),
        ("don’t", "You don't have to"),
        ("RÉSUMÉ", "Your resume"),
        ("cafe", "At the Café"),
        ("email", "Send an e-mail"),
        ("e-mail", "Send an email"),
        ("selfcompassion", "With self-compassion"),
        ("self compassion", "With self-compassion"),
        ("self-compassion", "Compassion for the self"),
    ],
)
def test_english_forms(question, text):
    """Plurals, endings, accents, apostrophes and hyphens do not keep a word from being found."""
    index = english(text)
    assert found(index, f"{question} ") == ["d0"]
    assert hits_of(cut(index, f"{question} "))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("cyfweliad", "Fy nghyfweliad"),
        ("cyfweliad", "Dy gyfweliad"),
        ("cyfweliad", "Ei chyfweliad"),
        ("gyfweliad", "Y cyfweliad"),
        ("nghyfweliad", "Ei chyfweliad"),
        ("adborth", "Ein hadborth"),
        ("hadborth", "Yr adborth"),
        ("gyrfa", "Dy yrfa"),
        ("waith", "Y gwaith"),
        ("ty", "Y tŷ"),
        ("dŵr", "Y dwr"),
        ("cyflogwr", "I’ch gyflogwr"),
        ("ebost", "Anfonwch e-bost"),
    ],
)
def test_welsh_forms(question, text):
    """A Welsh word is found in whatever mutation it stands, and whichever is asked for."""
    index = welsh(text)
    assert found(index, f"{question} ") == ["d0"]
    assert hits_of(cut(index, f"{question} "))


@pytest.mark.parametrize(
    ("question", "own", "other"),
    [
        ("gardd ", "Yr ardd", "Mae'n hardd"),
        ("gwaith ", "Y gwaith", "Na chwaith"),
        ("cam ", "Un cam", "Rwy'n meddwl am ddim"),
        ("llaw ", "Ei law", "Y glaw"),
        ("cyfweliad ", "Fy nghyfweliad", "Yr ymweliad"),
    ],
)
def test_welsh_words_apart(question, own, other):
    """Words that only look like mutations of one another are not found for one another."""
    assert found(welsh(own, other), question) == ["d0"]


def test_languages_apart():
    """Each text is read by the rules of its own language: English has no mutations, Welsh no -ing."""
    index = index_of(doc("english", text="A gain and a train"), doc("welsh", "cy", text="Cain a ffwrnes"))
    assert found(index, "cain ") == ["welsh"]
    assert found(index, "gain ") == ["english", "welsh"]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("feedbck", "Ask for feedback"),
        ("feedbakc", "Ask for feedback"),
        ("feeedback", "Ask for feedback"),
        ("feedbavk", "Ask for feedback"),
        ("confidance", "Your confidence"),
        ("interveiw", "The interview"),
        ("intervuiw", "The interview"),
        ("recuit", "The recruiter"),
        ("slef", "Your self"),
        ("rejecton", "She was rejected"),
    ],
)
def test_typing_errors(question, text):
    """A word that stands nowhere is taken for what was meant: one edit from four letters on, two from eight."""
    index = english(text)
    assert found(index, f"{question} ") == ["d0"]
    assert hits_of(cut(index, f"{question} "))


@pytest.mark.parametrize(("question", "text"), [("cyfwelaid", "Fy nghyfweliad"), ("adboth", "Ein hadborth")])
def test_welsh_typing_errors(question, text):
    """A mistyped Welsh word is found in its mutations too."""
    assert found(welsh(text), f"{question} ") == ["d0"]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("fedbakc", "Ask for feedback"),
        ("cap", "A cup"),
        ("xnterviex", "The interview and"[:9]),
        ("zzzzzzzz", "Letters"),
    ],
)
def test_too_many_errors(question, text):
    """Shorter words bear fewer errors: none below four letters, one below eight, two at most."""
    assert found(english(text), f"{question} ") == []


@pytest.mark.parametrize(("letters", "allowed"), [(1, 0), (3, 0), (4, 1), (7, 1), (8, 2), (40, 2)])
def test_edits(letters, allowed):
    """How many errors a word may have goes by its length."""
    assert edits("x" * letters) == allowed


def test_no_guess_for_a_word_that_stands():
    """Where a word stands as it was typed, nothing else is meant by it."""
    assert found(english("A quiet form", "Go from here to the farm"), "form ") == ["d0"]


def test_fewest_errors():
    """Of what may have been meant, what is fewest errors away is."""
    assert found(english("The reception", "The deception and rejection"), "rejectoin ") == ["d1"]


def test_first_letter():
    """Of what is as few errors away, what begins as it was typed was meant."""
    assert found(english("Each of them", "The search"), "seach ") == ["d1"]
    assert found(english("Each of them"), "seach ") == ["d0"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [("fee", ["d0"]), ("fee ", []), ("fee now", []), ("rejectio", ["d1"]), ("f", []), ("ask fee", ["d0"])],
)
def test_unfinished_word(question, expected):
    """The last word may be unfinished, from two letters on, unless a blank follows it."""
    assert found(english("Feedback", "He was rejected by rejection"), question) == expected


def test_unfinished_mutated_word():
    """An unfinished Welsh word is found in the mutations of what it begins."""
    assert found(welsh("Fy nghyfweliadau"), "cyfwel") == ["d0"]


@pytest.mark.parametrize("question", ["how do I ask for feedback", "ask feedback", "What, if I ASK for: feedback?"])
def test_little_words(question):
    """Words such as *how* and *for* need not stand in an answer."""
    assert found(english("Ask the employer. Feedback helps.", "How do I do it for you?"), question)[0] == "d0"


@pytest.mark.parametrize(("question", "expected"), [("how to", "d0"), ("The Who", "d1"), ("sut i", "d2")])
def test_only_little_words(question, expected):
    """A question of little words alone is looked for as it stands."""
    index = index_of(
        doc("d0", text="How to"), doc("d1", text="For the people who know"), doc("d2", "cy", text="Sut i ofyn")
    )
    assert expected in found(index, question)


def test_nothing_but_little_words_stand():
    """Where only the little words of a question stand anywhere, there is no answer."""
    assert found(english("Out of it", "How to do it"), "how to be burnt out ") == []


def test_completed_in_no_other_language():
    """A short last word that stands as it is in one language is not completed in another."""
    index = index_of(doc("welsh", "cy", text="Da iawn"), doc("english", text="Daylight"))
    assert found(index, "da") == ["welsh"]
    assert found(index, "day") == ["english"]


@pytest.mark.parametrize("question", ["面接", "接"])
def test_scripts_without_blanks(question):
    """In scripts that put no blanks between words each character is one."""
    index = index_of(doc("d0", "ja", text="面接の後に"))
    assert found(index, question) == ["d0"]


def test_most_words():
    """Only so many words of a question are looked for."""
    index = english("alpha omega")
    many = " ".join(f"word{number}" for number in range(MOST_WORDS))
    assert found(index, f"{many} omega ") == []
    assert found(index, f"omega {many} ") == ["d0"]


INDEX = index_of(
    doc("a", title="Ask for feedback", text='Write AND ask, OR wait. NOT (now) * "never" NEAR title:feedback'),
    doc("b", "cy", title="Gofyn am adborth", text="Ysgrifennwch a gofynnwch i'ch cyflogwr"),
)


SIGNS = ['"', "*", "(", ")", "'", "AND", 'title:"', "a OR", "-", "~1", "^2", "{}", "\\", "🙂", "\u200f"]


@pytest.mark.parametrize("sign", SIGNS)
def test_no_syntax(sign):
    """Signs that other engines take for syntax change nothing: they only part words."""
    hits = ranking.ranked(INDEX, understand(INDEX, f"feedback {sign} "))
    assert hits[0].id == "a"


@given(st.text(max_size=200))
@example("\x00")
@example(" " * 200)
@example("\u202e\u0645\u0631\u062d\u0628\u0627")
@example("’" * 200)
@example("a-" * 100)
@example("\u0301" * 200)
def test_any_question(question):
    """Whatever is asked has an answer: hits with scores above 0, in one order, each document once."""
    hits = ranking.ranked(INDEX, understand(INDEX, question))
    assert len({(hit.kind, hit.id) for hit in hits}) == len(hits)
    assert all(hit.score > 0 for hit in hits)
    assert [hit.place for hit in hits] == sorted(hit.place for hit in hits)


@given(st.text(alphabet=st.characters(categories=["P", "S", "Z", "C"]), max_size=100))
def test_nothing_but_signs(question):
    """A question without a letter or a digit finds nothing."""
    assert ranking.ranked(INDEX, understand(INDEX, question)) == ()
