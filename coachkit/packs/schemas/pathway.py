"""A pathway: steps over some days, with branches that only lead forwards."""

from __future__ import annotations

from coachkit.packs.schemas.common import ResourceShape
from coachkit.packs.schemas.fields import ListOf, Name, Ref, Shape, Sub, Text, Whole


class BranchShape(Shape):
    """A choice at the end of a step."""

    id = Name("The branch's id; translations name it.", required=True)
    text = Text("What the reader chooses.", longest=500, required=True)
    to = Name("The id of a later step, or end.", required=True)


class StepShape(Shape):
    """One step."""

    id = Name("The step's id; branches and translations name it.", required=True)
    day = Whole("Days from the start; never fewer than the step before.", least=0, most=3_650, required=True)
    title = Text("What the step is called.", longest=200, required=True)
    text = Text("What to do.", one_line=False)
    resource = Ref("The resource to work with.")
    branches = ListOf(Sub(BranchShape, "One choice."), "Choices, each leading to a later step.", load_default=list)
    next = Name("The id of the later step that follows, or end; the following one where nothing is written.")


class PathwayShape(ResourceShape):
    """pathways/<id>.yaml."""

    intro = Text("What stands above the steps.", one_line=False)
    steps = ListOf(Sub(StepShape, "One step."), "The steps in order.", least=1, most=200, required=True)
