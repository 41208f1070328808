"""Carries the first-party packs in the wheel, and leaves an editable install reading them from the checkout."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ContentHook(BuildHookInterface[Any]):
    """Puts `content/` into the wheel as `coachkit/_content/`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each build; an editable wheel would go stale, so it gets nothing."""
        if version != "editable":
            build_data["force_include"]["content"] = "coachkit/_content"
