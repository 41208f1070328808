"""CoachKit serves coaching content to people who were turned down for a job.

The public face: what applications and plugins import. Everything else may change between minor versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

__all__ = ["__version__", "create_app", "hookimpl"]

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("coachkit")
"""Marks a plugin's function as an implementation of a hook in `coachkit.hooks.specs`."""

if TYPE_CHECKING:
    from coachkit.app import create_app


def __getattr__(name: str) -> Any:
    """Import the application only for those who ask for it: the command line starts without Flask."""
    if name == "create_app":
        from coachkit.app import create_app

        return create_app
    raise AttributeError(f"module 'coachkit' has no attribute {name!r}")
