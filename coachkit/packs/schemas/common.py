"""What every kind of resource says of itself, whatever it holds."""

from __future__ import annotations

from typing import ClassVar

from coachkit.packs.model import STAGES
from coachkit.packs.retiring import RETIRING
from coachkit.packs.schemas.fields import Choice, Day, ListOf, Name, Ref, Shape, Sub, Text


class CoverShape(Shape):
    """A point of the content's plan that a resource covers, and where."""

    point = Name("The point of the content plan.", required=True)
    section = Name("The id of the section, item or step that covers it.")


def covers(shape: type[Shape] = CoverShape) -> ListOf:
    """The list of points that a resource covers."""
    return ListOf(Sub(shape, "One point."), "The points of the content plan that this covers.", load_default=list)


class RetiringShape(Shape):
    """That a resource is on its way out."""

    since = Day("The day from which nobody should begin to rely on it.", required=True)
    until = Day("The day on which it goes; after since.")
    instead = Ref("The resource to use in its stead.")


class ResourceShape(Shape):
    """What is common to all kinds: title, summary, what it is about, whom it is for and when it was looked at."""

    later: ClassVar[frozenset[str]] = frozenset({RETIRING})

    title = Text("What it is called.", longest=200, required=True)
    summary = Text("One sentence on what a reader gets.", longest=500, required=True)
    topics = ListOf(Name("A topic."), "What it is about.", least=1, distinct=True, required=True)
    stages = ListOf(
        Choice("A stage of the application.", of=STAGES),
        "The stages of the application at which it helps.",
        least=1,
        distinct=True,
        required=True,
    )
    audience = ListOf(
        Name("A group of readers."), "Whom it is for.", least=1, distinct=True, load_default=lambda: ["everyone"]
    )
    related = ListOf(Ref("A resource to read next."), "What to read next.", distinct=True, load_default=list)
    covers = covers()
    last_reviewed = Day("When somebody last read it with care.", required=True)
    review_by = Day("When it is to be read again; after last_reviewed.", required=True)
    retiring = Sub(RetiringShape, "That it is on its way out, so that callers of the API are told in time.")
