"""The front matter of a template: a message with placeholders that a person fills in."""

from __future__ import annotations

from coachkit.packs.model import PLACEHOLDER_TYPES
from coachkit.packs.schemas.common import ResourceShape
from coachkit.packs.schemas.fields import Choice, Flag, MapOf, Plain, Shape, Sub, Text, placeholder_name


class PersonalPlaceholderShape(Shape):
    """A value that one reader fills in, never stored."""

    type = Choice("What kind of value it takes.", of=PLACEHOLDER_TYPES, required=True)
    label = Text("What the reader is asked for.", longest=200, required=True)
    required = Flag("Whether the message needs it.", load_default=True)
    example = Plain("A value as it might be.")


class TemplateShape(ResourceShape):
    """The front matter of templates/<id>.md."""

    placeholders = MapOf(
        placeholder_name("A placeholder's name."),
        Sub(PersonalPlaceholderShape, "One placeholder."),
        "What a reader fills in; the organisation's placeholders are in pack.yaml.",
        load_default=dict,
    )
    subject = Text("The message's subject; placeholders may stand in it.", longest=200, fills=True)
