"""The shapes of all authoring files, one file a kind. They validate, they say what is text, they make JSON Schemas."""

from __future__ import annotations

from collections.abc import Mapping

from coachkit.packs.model import Kind
from coachkit.packs.schemas.checklist import ChecklistShape
from coachkit.packs.schemas.fields import Shape
from coachkit.packs.schemas.manifest import ManifestShape
from coachkit.packs.schemas.module import ModuleShape
from coachkit.packs.schemas.pathway import PathwayShape
from coachkit.packs.schemas.questionnaire import QuestionnaireShape
from coachkit.packs.schemas.template import TemplateShape

__all__ = ["MANIFEST", "SHAPES", "Shape"]

MANIFEST: type[Shape] = ManifestShape
SHAPES: Mapping[Kind, type[Shape]] = {
    "module": ModuleShape,
    "template": TemplateShape,
    "checklist": ChecklistShape,
    "pathway": PathwayShape,
    "questionnaire": QuestionnaireShape,
}
"""The shape of each kind's file, or of its front matter."""
