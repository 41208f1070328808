"""CoachKit's own formats, offered through the same hook as a plugin's."""

from __future__ import annotations

from collections.abc import Iterable

from coachkit import hookimpl
from coachkit.documents.email_format import EMAIL
from coachkit.documents.html_format import HTML
from coachkit.documents.json_format import JSON
from coachkit.documents.markdown_format import MARKDOWN
from coachkit.documents.text_format import TEXT
from coachkit.hooks.types import Format

NAME = "coachkit-core-formats"


@hookimpl
def coachkit_formats() -> Iterable[Format]:
    """JSON, which is the default, then HTML, Markdown, plain text and e-mail."""
    return (JSON, HTML, MARKDOWN, TEXT, EMAIL)
