"""Packs that mean harm, each a small recipe: `HOSTILE[name](folder)` makes one and gives what to name to a command.

In `folder / "outside"` lie files with CANARY, to which links and paths lead. What a pack holds that is not said in its
recipe is the small valid pack's.
"""

from __future__ import annotations

from collections.abc import Mapping

from hostile_contents import CONTENTS, Recipe
from hostile_places import PLACES

CANARY = "the-bird-that-nobody-may-hear"

HOSTILE: Mapping[str, Recipe] = CONTENTS | PLACES
HARMLESS = frozenset(
    name
    for name in HOSTILE
    if name.startswith("markdown-")
    or name
    in {
        "yaml-manifest",
        "svg-namespaces",
        "svg-path",
        "svg-start",
        "png-inflating",
        "folder-of-exactly-as-many-bytes",
        "folder-of-exactly-as-many-files",
        "folder-with-a-file-of-exactly-its-size",
    }
)
"""What a pack may hold, if it does not cost too much: it is stored and shown as the text or the picture that it is."""
