"""The page: a title and sections, as a stream of blocks."""

from __future__ import annotations

from wagtail import blocks
from wagtail.api import APIField
from wagtail.fields import StreamField
from wagtail.models import Page


class Section(blocks.StructBlock):
    """A section of a module."""

    title = blocks.CharBlock()
    html = blocks.RawHTMLBlock()
    markdown = blocks.TextBlock()


class ModulePage(Page):
    """A module as a page."""

    body = StreamField([("section", Section())])
    api_fields = (APIField("body"),)
