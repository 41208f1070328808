"""What a directive is: a box in an author's Markdown that means something to a coach.

    :::try-this Two minutes
    Write down one thing that went well.
    :::

The six of CoachKit's own are listed in `hooks/core.py` and arrive through the same hook as a plugin's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coachkit.packs.model import NAME_PATTERN
from coachkit.packs.text import REFUSED


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
    Without it the box is an `<aside class="ck-box ck-<name>">` that begins with the label, and the title if any.
    Raises ValueError for a name that no author could write or a label with characters that no text may have or with
    more than one line, and TypeError for labels or a `render` of the wrong type.
    """

    name: str
    labels: Mapping[str, str]
    render: Callable[[DirectiveCall], str] | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and re.fullmatch(NAME_PATTERN, self.name)):
            raise ValueError(f"a Directive's name is of lower-case letters, digits and hyphens, not {self.name!r}")
        texts = (*self.labels, *self.labels.values()) if isinstance(self.labels, Mapping) else (None,)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(f"a Directive's labels map a language to words, and are not {self.labels!r}")
        if wrong := next((text for text in self.labels.values() if "\n" in text or REFUSED.search(text)), None):
            raise ValueError(f"a Directive's label is one line of text, not {wrong!r}")
        if self.render is not None and not callable(self.render):
            raise TypeError(f"a Directive's render is a function, not {self.render!r}")
