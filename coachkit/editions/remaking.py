"""Makes again what was derived when a release or an edition was published, to hold a stored form against it.

Only what this version makes as it was made then can be compared; of the rest this module says that it cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson

from coachkit.db.releases import ReleaseHead
from coachkit.editions import inputs, manifest
from coachkit.editions.choices import from_settings
from coachkit.editions.inputs import RENDER
from coachkit.editions.overlay import compile_overlay
from coachkit.editions.own import compile_own
from coachkit.editions.publish import Tools
from coachkit.packs import stored
from coachkit.packs.compile import COMPILER
from coachkit.packs.model import Compiled


def release_is_as_made(head: ReleaseHead, given: bytes, made: Compiled | None) -> bool | None:
    """Whether a stored compiled form is what compiling the source gives, `made`, in the head's lineage.

    None where it cannot be said: the source cannot be compiled today, or another compiler or other boxes made it.
    """
    if made is None or (made.compiler, made.directives) != (head.compiler, head.directives):
        return None
    if {f"{kind}/{name}" for kind, name in made.resources} != set(head.versions):
        return False
    since = {(kind, name): head.versions[f"{kind}/{name}"] for kind, name in made.resources}
    resources = {key: replace(each, version=since[key]) for key, each in made.resources.items()}
    return stored.dump(replace(made, resources=resources)) == stored.dump(stored.load(given))


def edition_is_as_made(
    slug: str, data: bytes, given: bytes, compiled: Mapping[str, Compiled], tools: Tools
) -> bool | None:
    """Whether a stored manifest is what settling its inputs gives. `compiled` are its releases by pack.

    None where it cannot be said: another compiler, render number or other boxes made it.
    """
    parsed = inputs.parse(data)
    made_with = orjson.loads(data)
    if parsed.render != RENDER or made_with["compiler"] not in (None, COMPILER):
        return None
    choices = from_settings(parsed.settings)
    owned = compile_own(slug, choices, compiled, tuple(tools.plugins))
    if owned.failed:
        return None
    whole = {**compiled, **owned.releases}
    overlaid = compile_overlay(slug, choices, whole, tools.directives, tuple(tools.plugins))
    if sorted({*overlaid.directives, *owned.directives}) != made_with["directives"]:
        return None
    edition = manifest.settle(slug, inputs.digest(data), choices, whole, overlaid.resources)
    return manifest.inflated(manifest.dump(edition)) == manifest.inflated(given)
