"""CoachKit's own implementations of the installation hooks: its packs and its six directives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import coachkit
from coachkit import hookimpl
from coachkit.hooks.types import ContentPack, Directive

NAME = "coachkit-core"

DIRECTIVES = (
    Directive("tip", {"en": "Tip", "cy": "Awgrym"}),
    Directive("try-this", {"en": "Try this", "cy": "Rhowch gynnig ar hyn"}),
    Directive("example", {"en": "Example", "cy": "Enghraifft"}),
    Directive("reflect", {"en": "A moment to think", "cy": "Saib i feddwl"}),
    Directive("caution", {"en": "Take care", "cy": "Cymerwch ofal"}),
    Directive("support", {"en": "Support", "cy": "Cymorth"}),
)


def content_folder() -> Path:
    """Where the first-party packs are: inside the installed package, or beside it in a checkout."""
    package = Path(coachkit.__file__).parent
    carried = package / "_content"
    return carried if carried.is_dir() else package.parent / "content"


@hookimpl
def coachkit_content_packs() -> Iterable[ContentPack]:
    """Every folder of the first-party content that holds a pack."""
    return [ContentPack(manifest.parent) for manifest in sorted(content_folder().glob("*/pack.yaml"))]


@hookimpl
def coachkit_directives() -> Iterable[Directive]:
    """The six boxes for coaching."""
    return DIRECTIVES
