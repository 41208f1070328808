"""Snippets: the best passage, short, whole words, plain text, with what was looked for marked."""

from itertools import pairwise

import pytest
from finding import FILLER, cut, doc, hits_of, index_of, text_of
from hypothesis import given
from hypothesis import strategies as st

from coachkit.search.entries import Entry, Text
from coachkit.search.index import build
from coachkit.search.query import understand
from coachkit.search.snippets import LONGEST, snippet

FAR = " ".join([FILLER] * 8)


def test_short_text():
    """A short text is shown whole, with the word marked as it stands."""
    runs = cut(index_of(doc("a", text="Ask for Feedback, kindly.")), "feedback ")
    assert [(run.text, run.hit) for run in runs] == [("Ask for ", False), ("Feedback", True), (", kindly.", False)]


@pytest.mark.parametrize(
    ("question", "locale", "text", "hits"),
    [
        ("interview", "en-GB", "Interviews and interviewing", ["Interviews", "interviewing"]),
        ("cyfweliad", "cy", "Fy nghyfweliad a’i chyfweliad", ["nghyfweliad", "chyfweliad"]),
        ("dwr", "cy", "Y dŵr", ["dŵr"]),
        ("interveiw", "en-GB", "The interview", ["interview"]),
        ("feedb", "en-GB", "Some feedback", ["feedback"]),
        ("compassion", "en-GB", "Self-compassion helps", ["Self-compassion"]),
        ("how to ask", "en-GB", "How to ask", ["ask"]),
        ("employers", "en-GB", "The employer’s reply", ["employer’s"]),
    ],
)
def test_hits(question, locale, text, hits):
    """What is marked is what was looked for, in any form; little words are not."""
    assert hits_of(cut(index_of(doc("a", locale, text=text)), question)) == hits


def test_the_best_passage():
    """Of many passages the one with most of the words is shown, wherever it is."""
    entry = Entry(
        "module",
        "a",
        (
            Text("title", "en-GB", "Money"),
            Text("text", "en-GB", f"Money is one thing. {FAR}"),
            Text("text", "en-GB", f"{FAR} Here money and a visa stand together. {FAR}"),
            Text("text", "en-GB", f"A visa alone. {FAR}"),
        ),
    )
    runs = cut(index_of(entry), "money visa ")
    assert hits_of(runs) == ["money", "visa"]
    assert text_of(runs).startswith("…Here money and a visa stand together. ")


def test_words_that_stand_together():
    """Of two passages with both words the one where they stand side by side is shown."""
    far, near = "Ask them. In a week or two you may have feedback.", "Then ask for feedback once."
    entry = Entry("module", "a", tuple(Text("text", "en-GB", text) for text in (far, near)))
    assert text_of(cut(index_of(entry), "ask for feedback ")) == near


def test_heading():
    """A heading is shown with what it heads, and found in it."""
    entry = Entry("module", "a", (Text("heading", "en-GB", "Money first"), Text("text", "en-GB", "Make a list.")))
    assert text_of(cut(index_of(entry), "money ")) == "Money first · Make a list."


def test_heading_in_another_locale():
    """A heading in another language than what it heads stands by itself."""
    entry = Entry("module", "a", (Text("heading", "cy", "Arian"), Text("text", "en-GB", "Make a list.")))
    index = index_of(entry)
    found = snippet(index.texts(0), understand(index, "arian "))
    assert (text_of(found.runs), found.locale) == ("Arian", "cy")


def test_only_in_the_title():
    """Where the words stand in the title only, the snippet is how the document begins."""
    runs = cut(index_of(doc("a", title="Money", summary="What comes first.", text=FAR)), "money ")
    assert [(run.text, run.hit) for run in runs] == [("What comes first.", False)]


def test_what_is_not_shown():
    """A text that is only searched is never shown."""
    entry = Entry("module", "a", (Text("heading", "en-GB", "next-steps", shown=False), Text("text", "en-GB", "Here.")))
    runs = cut(index_of(entry), "next-steps ")
    assert text_of(runs) == "Here."


def test_nothing_to_show():
    """A document without a text to cut from has an empty snippet in no locale."""
    entry = Entry("module", "a", (Text("title", "en-GB", "Money"),))
    index = index_of(entry)
    found = snippet(index.texts(0), understand(index, "money "))
    assert (found.runs, found.locale) == ((), None)


def test_cut_ends():
    """Where a snippet is cut an ellipsis says so, and words stay whole."""
    runs = cut(index_of(doc("a", text=f"{FAR} money {FAR}")), "money ")
    text = text_of(runs)
    assert text[0] == text[-1] == "…"
    assert len(text) <= LONGEST
    whole = f" {FAR} money {FAR} "
    assert f" {text[1:-1]} " in whole


def test_text_is_plain():
    """What looks like markup in a text is text: nothing is escaped and nothing is taken out."""
    text = "Write <b>money</b> & go"
    assert text_of(cut(index_of(doc("a", text=text)), "money ")) == text


WORDS = ["money", "visa", "interviews", "self-compassion", "it’s", "x", "面接", "dŵr", "a" * 300, ".", "? ", "—"]


QUESTIONS = ["money visa", "interview", "compas", "面", "a" * 40]


@given(st.lists(st.sampled_from(WORDS), max_size=120), st.sampled_from(QUESTIONS))
def test_any_text(parts, question):
    """Whatever the text, the snippet is a piece of it within the bound; runs alternate; hits are whole words of it."""
    text = " ".join(parts)
    index = build([doc("a", title="money visa interview 面", text=text)])
    wanted = understand(index, question)
    runs = snippet(index.texts(0), wanted).runs
    shown = text_of(runs)
    assert len(shown) <= LONGEST
    assert shown.strip("…") in text
    assert all(one.hit != other.hit for one, other in pairwise(runs))
    assert all(run.text for run in runs)
