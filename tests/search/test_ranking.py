"""Which answer stands above which: where a word stands, how well it fits, how many of the words there are."""

import pytest
from finding import FILLER, doc, found, index_of, scores
from hypothesis import given
from hypothesis import strategies as st

from coachkit.search.index import build
from coachkit.search.query import understand
from coachkit.search.ranking import DIGITS, ranked, rarity

LONG = " ".join([FILLER] * 10)


def placed(role, word="feedback"):
    """A document of ordinary texts with the word in one of them."""
    texts = {"title": "A title here", "summary": FILLER, "heading": "A heading here", "text": LONG}
    return doc(role, **{**texts, role: f"{texts[role]} {word}"})


def test_where_it_stands():
    """The title counts for more than the summary, that for more than a heading, that for more than the text."""
    index = index_of(*map(placed, ("text", "heading", "summary", "title")))
    assert found(index, "feedback ") == ["title", "summary", "heading", "text"]


def test_much_of_it_in_the_text():
    """A word in the title counts for more than any number of it in the text."""
    index = index_of(placed("title"), placed("text", "feedback " * 500))
    assert found(index, "feedback ") == ["title", "text"]


@pytest.mark.parametrize(
    ("question", "order"),
    [
        ("rejected", ["rejected", "rejection", "rejects"]),
        ("reject", ["rejection", "rejected", "rejects"]),
        ("feed", ["feed", "feeding", "feedback"]),
    ],
)
def test_how_well_it_fits(question, order):
    """The word itself stands above its other forms, and these above what only begins so."""
    index = index_of(*(doc(word, text=f"Some {word} here") for word in sorted(order)))
    points = scores(index, question)
    assert points[order[0]] >= points[order[1]] >= points[order[-1]]
    assert points[order[0]] > points[order[-1]] or question == "reject"


def test_as_typed_above_as_meant():
    """A word that stands as typed counts for more than one that was only meant."""
    typed = scores(index_of(doc("a", text="The interview")), "interview ")["a"]
    meant = scores(index_of(doc("a", text="The interview")), "interveiw ")["a"]
    assert typed > meant > 0


def test_more_of_the_words():
    """Who has all the words stands above who has one of them more often."""
    index = index_of(doc("one", text="money money money money"), doc("all", text=f"money and {FILLER} a visa"))
    assert found(index, "money visa ") == ["all", "one"]


def test_at_least_half():
    """Who has less than half of the words is no answer."""
    index = index_of(
        doc("one", text="money"), doc("two", text="money, visa"), doc("all", text="money, visa, rent, bill")
    )
    assert found(index, "money visa rent bill ") == ["all", "two"]


def test_words_that_stand_nowhere():
    """A word that stands nowhere, and was not mistyped, takes nothing away."""
    index = index_of(doc("a", text="money"))
    assert scores(index, "money ") == scores(index, "money qqqqqqqqqqqq ")


def test_rare_words_count_for_more():
    """Of two words the one in fewer documents counts for more."""
    index = index_of(
        doc("rare", text="nerves"), doc("common", text="interview"), *(doc(f"m{n}", text="interview") for n in range(9))
    )
    points = scores(index, "interview nerves ")
    assert points["rare"] > points["common"]


def test_a_word_in_every_document():
    """A word that stands in every document still finds them all, the best first."""
    index = build([doc("text", text="interview"), doc("title", title="interview"), doc("more", text="interview " * 9)])
    assert found(index, "interview ") == ["title", "more", "text"]


@given(st.integers(1, 1_000), st.integers(0, 1_000))
def test_rarity(documents, others):
    """However many documents have a word, it is worth something, and less than in fewer of them."""
    of = documents + others
    assert rarity(documents, of) > 0
    assert rarity(documents, of) < rarity(documents - 1, of)


def test_ties():
    """Equal answers stand in the order of kind and id, in whatever order they came."""
    same = [doc(name, kind=kind, text="equal words") for kind in ("template", "module") for name in ("b", "a")]
    hits = ranked(index := build(same), understand(index, "equal "))
    assert [(hit.kind, hit.id) for hit in hits] == [
        ("module", "a"),
        ("module", "b"),
        ("template", "a"),
        ("template", "b"),
    ]
    assert len({hit.score for hit in hits}) == 1


@given(st.permutations(range(6)))
def test_order_of_documents(order):
    """The answer does not depend on the order in which the documents came."""
    documents = [doc(f"d{n}", title="Ask" if n % 2 else "Wait", text="ask " * n + FILLER) for n in range(6)]
    index, other = build(documents), build([documents[n] for n in order])
    assert scores(index, "ask wai") == scores(other, "ask wai")
    assert found(index, "ask wai") == found(other, "ask wai")


def test_digits():
    """Scores are rounded, so that they read well and are the same everywhere."""
    assert all(round(score, DIGITS) == score for score in scores(index_of(placed("title")), "feedback rivers").values())
