"""A checklist: things to tick off, each with its reason."""

from __future__ import annotations

from coachkit.packs.schemas.common import ResourceShape
from coachkit.packs.schemas.fields import ListOf, Name, Ref, Shape, Sub, Text


class ChecklistItemShape(Shape):
    """One thing to do, and why."""

    id = Name("The item's id; translations name it.", required=True)
    text = Text("What to do.", longest=500, required=True, one_line=False)
    reason = Text("Why it helps.", longest=1_000, required=True, one_line=False)
    resource = Ref("A resource that helps with it.")


class ChecklistShape(ResourceShape):
    """checklists/<id>.yaml."""

    intro = Text("What stands above the list.", one_line=False)
    items = ListOf(Sub(ChecklistItemShape, "One item."), "The items in order.", least=1, most=200, required=True)
