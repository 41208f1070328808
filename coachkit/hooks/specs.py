"""The hooks: what a plugin may implement, each with its promises.

Every call goes through `dispatch.py`: an implementation that raises loses its own contribution and nothing else,
what it returns is checked against the type named here, and the order is by plugin name with CoachKit's own last.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from coachkit.hooks.types import ContentPack, Directive, Format

PROJECT = "coachkit"
hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec
def coachkit_content_packs() -> Iterable[ContentPack]:  # type: ignore[empty-body]
    """The packs that come with this plugin.

    Scope: installation. Called by the commands that publish or list packs; not called on a request.
    An error leaves this plugin's packs out. Since 0.1.
    """


@hookspec
def coachkit_directives() -> Iterable[Directive]:  # type: ignore[empty-body]
    """The boxes (`:::name`) that authors may use in Markdown.

    Scope: installation. Called when a pack is compiled or an edition with an overlay is published; not called on a
    request. Two plugins that offer one name: the first by plugin name has it, the other is reported. An error
    leaves this plugin's directives out, so that packs which use them do not compile. Since 0.1.
    """


@hookspec
def coachkit_formats() -> Iterable[Format]:  # type: ignore[empty-body]
    """The ways to write a document down, for `?format=` and `Accept`.

    Scope: organisation. Called once for each application; offered to the organisations whose edition enables
    the plugin. Two that offer one name: CoachKit's own has it, or else that which the organisation lists first. A
    format whose `render` raises, or returns anything but bytes, answers 503 and harms no other. Since 0.1.
    """


INSTALLATION = ("coachkit_content_packs", "coachkit_directives")
ORGANISATION = ("coachkit_formats",)
HOOKS = (*INSTALLATION, *ORGANISATION)
