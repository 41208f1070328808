"""A questionnaire: sections of items to answer, scores over them, and what is recommended for which result.

The shape only: what expressions mean and how scores come about is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from marshmallow import fields

from coachkit.packs.model import NAME_PATTERN
from coachkit.packs.schemas.common import ResourceShape
from coachkit.packs.schemas.fields import (
    Choice,
    Expression,
    Flag,
    ListOf,
    MapOf,
    Name,
    Number,
    Plain,
    Ref,
    Shape,
    Sub,
    Text,
    Whole,
    refuse,
    tell,
)

ANSWER_PATTERN = r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"
"""Ids of items, rows and scores: names that start with a letter; expressions can name them."""

TYPE_KEYS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "likert": (frozenset({"from", "to"}), frozenset({"low", "high", "allow_na", "labels"})),
    "choice": (frozenset({"options"}), frozenset({"allow_na"})),
    "multi": (frozenset({"options"}), frozenset({"min", "max"})),
    "yes-no": (frozenset(), frozenset({"allow_na"})),
    "number": (frozenset(), frozenset({"min", "max", "unit", "step"})),
    "slider": (frozenset({"min", "max"}), frozenset({"step", "low", "high", "allow_na"})),
    "text": (frozenset(), frozenset({"max", "long"})),
    "date": (frozenset(), frozenset()),
    "matrix": (frozenset({"rows", "use"}), frozenset()),
    "information": (frozenset(), frozenset()),
}
"""Of each item type, the keys it needs and those it may have beside them."""

MAX_TEXT = 20_000
"""The most characters a free text may ask for."""


class AnswerName(Name):
    """The id of something that an expression can name."""

    def __init__(self, description: str, **options: Any) -> None:
        shape = "start with a lower-case letter; then lower-case letters and digits, with single - or _ between them"
        super().__init__(description, pattern=ANSWER_PATTERN, shape=shape, **options)


class OptionShape(Shape):
    """One possible answer of a choice."""

    id = Name("The answer's id; never translated.", required=True)
    text = Text("What the reader chooses.", longest=500, required=True)
    score = Number("What it counts in a score.")
    exclusive = Flag("Whether choosing it rules the others out.")


class RowShape(Shape):
    """One row of a matrix."""

    id = AnswerName("The row's id; never translated.", required=True)
    text = Text("What the reader rates.", longest=500, required=True)


# `from` is a word of Python, so the keys of an answer's type are given as a mapping.
_ANSWER: dict[str, Any] = {
    "from": Whole("The scale's first step.", least=-100, most=100),
    "to": Whole("The scale's last step; above `from`.", least=-100, most=100),
    "low": Text("What the lowest answer means.", longest=200),
    "high": Text("What the highest answer means.", longest=200),
    "allow_na": Flag("Whether “does not apply” is an answer."),
    "labels": MapOf(
        Plain("A step of the scale.", pattern=r"-?[0-9]{1,3}", shape="name a step of the scale by its number"),
        Text("What the step means.", longest=200),
        "What single steps of the scale mean.",
    ),
    "options": ListOf(Sub(OptionShape, "One answer."), "The possible answers.", least=2, most=200),
    "min": Number("The least answer, or the fewest choices."),
    "max": Number("The greatest answer, the most choices, or the most characters."),
    "unit": Text("What the number counts.", longest=50),
    "step": Number("The distance between two possible answers."),
    "long": Flag("Whether the answer may have several lines."),
    "rows": ListOf(Sub(RowShape, "One row."), "The rows, all on one scale.", least=1, most=50),
}

_ITEM: dict[str, Any] = {
    "id": AnswerName("The item's id, unique in the questionnaire; never translated.", required=True),
    "type": Choice("What kind of answer it takes.", of=TYPE_KEYS),
    "use": Name("The name of an entry of `options` that says the type."),
    "text": Text("What is asked.", longest=1_000, required=True, one_line=False),
    "help": Text("What helps to answer.", one_line=False),
    "optional": Flag("Whether it may stay unanswered.", load_default=False),
    "private": Flag("Whether the answer never leaves the reader's device.", load_default=False),
    "show_if": Expression("The condition under which it is shown."),
    "require_if": Expression("The condition under which it must be answered."),
    "reverse": Flag("Whether a high answer counts low.", load_default=False),
}

ScaleShape = Shape.from_dict(
    {"type": Choice("What kind of answer it takes.", of=TYPE_KEYS, required=True), **_ANSWER}, name="ScaleShape"
)
ItemShape = Shape.from_dict({**_ITEM, **_ANSWER}, name="ItemShape")


class SectionShape(Shape):
    """A page of items."""

    id = Name("The section's id; never translated.", required=True)
    title = Text("What the page is called.", longest=200, required=True)
    items = ListOf(
        Sub(cast("type[Shape]", ItemShape), "One item."), "The items in order.", least=1, most=200, required=True
    )


class EnoughAnswers(Whole):
    """A number of answers, or all of them."""

    wanted = "a whole number or all"

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(description, least=0, most=10_000, **options)
        tell(self, type=["integer", "string"], pattern="^all$")

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return value if value == "all" else super()._deserialize(value, attr, data, **kwargs)


class MissingShape(Shape):
    """What happens to answers that are not there."""

    min_answered = EnoughAnswers("How many answers are needed: a number or all.", required=True)
    then = Choice("What stands for the missing ones.", of=("prorate", "mean", "impute"))
    value = Number("The answer that is imputed.")


class RoundShape(Shape):
    """How a score is rounded."""

    digits = Whole("Digits after the point.", least=0, most=6, required=True)
    mode = Choice(
        "Which way a half goes.", of=("half-up", "half-even", "half-down", "up", "down"), load_default="half-up"
    )


class Band(fields.Field[list[Any]]):
    """A lower edge and the name of the band that starts there: [40, building]."""

    wanted = "a lower edge and a name, such as [40, building]"

    def __init__(self) -> None:
        edge = {"type": "number"}
        name = {"type": "string", "pattern": f"^(?:{NAME_PATTERN})$"}
        shape = {"type": "array", "prefixItems": [edge, name], "items": False, "minItems": 2}
        super().__init__(metadata={"description": "A lower edge and a name.", "schema": shape})
        self.edge = Number("The lower edge.")
        self.named = Name("The band's name.")

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) != _PAIR:
            raise refuse("wrong-type")
        return [self.edge.deserialize(value[0]), self.named.deserialize(value[1])]


_PAIR = 2


class ScoreShape(Shape):
    """A number made of answers, or of other scores."""

    items = ListOf(AnswerName("An item or a row."), "The items it is made of.", least=1, distinct=True)
    of = ListOf(AnswerName("A score."), "The scores it is made of.", least=1, distinct=True)
    method = Plain(
        "How the number comes about.",
        pattern=r"sum|mean|max|min|scorer:[a-z0-9]+(?:-[a-z0-9]+)*@[0-9A-Za-z.+-]+",
        shape="write sum, mean, max, min or scorer:<name>@<version>",
        required=True,
    )
    weights = MapOf(AnswerName("An item, a row or a score."), Number("Its weight."), "What counts more or less than 1.")
    missing = Sub(MissingShape, "What happens to answers that are not there.")
    times = Number("A factor on the outcome.")
    scale_to = ListOf(Number("An end of the range."), "The range it is mapped onto.", least=2, most=2)
    round = Sub(RoundShape, "How it is rounded.")
    bands = MapOf(
        Name("A set of bands."),
        ListOf(Band(), "The bands from the lowest up.", least=1, most=50),
        "Named sets of bands; a band reaches up to the next one's lower edge.",
    )


class CheckShape(Shape):
    """A word to the reader where answers do not fit together."""

    id = Name("The check's id; translations name it.", required=True)
    when = Expression("The condition under which it is shown.", required=True)
    message = Text("What the reader is told.", longest=500, required=True)


class RecommendShape(Shape):
    """What a result leads to; exactly one resource."""

    id = Name("The recommendation's id; needed where `because` is to be translated.")
    when = Expression("The condition under which it is recommended.", required=True)
    module = Ref("The module to read.", kind="module")
    questionnaire = Ref("The questionnaire to answer next.", kind="questionnaire")
    template = Ref("The message to write.", kind="template")
    checklist = Ref("The checklist to go through.", kind="checklist")
    pathway = Ref("The pathway to follow.", kind="pathway")
    because = Text("Why, in words for the reader.", longest=500)
    weight = Number("What comes first: more weight.", load_default=1)


class QuestionnaireShape(ResourceShape):
    """questionnaires/<id>.yaml."""

    id = Name("The questionnaire's id; the file's name says it too.")
    intro = Text("What stands above the first page.", one_line=False)
    options = MapOf(
        Name("The scale's name."),
        Sub(cast("type[Shape]", ScaleShape), "One scale."),
        "Scales that items `use`.",
        load_default=dict,
    )
    sections = ListOf(Sub(SectionShape, "One page."), "The pages in order.", least=1, most=50, required=True)
    scores = MapOf(AnswerName("The score's name."), Sub(ScoreShape, "One score."), "The scores.", load_default=dict)
    checks = ListOf(Sub(CheckShape, "One check."), "What is pointed out while answering.", load_default=list)
    recommend = ListOf(Sub(RecommendShape, "One recommendation."), "What results lead to.", load_default=list)
