"""What a directive is: a box in an author's Markdown that means something to a coach.

    :::try-this Two minutes
    Write down one thing that went well.
    :::

The six of CoachKit's own are listed in `hooks/core.py` and arrive through the same hook as a plugin's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DirectiveCall:
    """One use of a directive: its title as written, or else its label, and its inner HTML (not yet sanitised)."""

    name: str
    title: str
    locale: str
    html: str


@dataclass(frozen=True)
class Directive:
    """A box that authors may use. `labels` maps a language (`en`, `cy`) or locale to the words that stand for it.

    `render` returns HTML, which is sanitised with everything else: what the allow-list does not keep is gone.
    Without it the box is `<aside class="ck-box ck-<name>"><p class="ck-box-title">title</p>…</aside>`.
    """

    name: str
    labels: Mapping[str, str]
    render: Callable[[DirectiveCall], str] | None = None
