"""Puts values where placeholders stand, and addresses where links stand, escaped for each format.

A value is checked against its type before it comes here (`packs/values.py`). `{{` in a value is just text: parts
are never parsed again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import escape

from coachkit.packs.model import FOLDERS, Fill, Kind, Link, Parts, Picture, PlaceholderType, Reference

_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&:=])")
_DESTINATION_SPECIAL = re.compile(r"([\\`*_\[\]()|<>&])")


@dataclass(frozen=True)
class Value:
    """What stands in a placeholder's stead. `text` is for people; `type` decides how it becomes an address.

    `given` False means that it is only a name for what will stand there (a template not filled yet).
    """

    text: str
    type: PlaceholderType = "text"
    given: bool = True

    @cached_property
    def line(self) -> str:
        """The text on one line."""
        return " ".join(self.text.split())

    @cached_property
    def html(self) -> str:
        """What stands in HTML."""
        text = str(escape(self.text))
        return text if self.given else f'<span class="ck-placeholder">[{text}]</span>'

    @cached_property
    def markdown(self) -> str:
        """What stands in Markdown."""
        text = _MARKDOWN_SPECIAL.sub(r"\\\1", self.line)
        return text if self.given else f"\\[{text}\\]"


class Surroundings(NamedTuple):
    """What a text is filled with: values by placeholder, and whose addresses its links become.

    `page` is the resource that the text is of. With a `base` addresses are whole ones under it.
    """

    organisation: str
    page: tuple[Kind, str]
    locale: str
    values: Mapping[str, Value]
    base: str | None = None

    def address(self, target: Reference) -> str:
        """Where a resource is at the live channel.

        Path-absolute that is its HTML, for pages that hold it, and a section of this page is on this page. Under a base
        it is a whole page, for whoever comes from elsewhere.
        """
        section = f"#{target.section}" if target.section else ""
        if section and not self.base and (target.kind, target.id) == self.page:
            return section
        form = "email" if self.base else "html"
        return f"{self.place(target.kind, target.id)}?format={form}&locale={self.locale}{section}"

    def place(self, kind: Kind, resource_id: str) -> str:
        """The address of a resource, without format and locale."""
        return f"{self.base or ''}/v1/orgs/{self.organisation}/{FOLDERS[kind]}/{resource_id}"

    def picture(self, name: str) -> str:
        """Where an image of a pack is."""
        return f"{self.base or ''}/v1/orgs/{self.organisation}/images/{name}"


def plain(parts: Parts, around: Surroundings) -> str:
    """A short line as plain text; it stays one line, whatever is filled in."""
    return _joined(parts, around, _plain_fill, str)


def html(parts: Parts, around: Surroundings) -> str:
    """A text whose str parts are finished HTML."""
    return _joined(parts, around, _html_fill, _html_address)


def markdown(parts: Parts, around: Surroundings) -> str:
    """A text whose str parts are finished Markdown."""
    return _joined(parts, around, _markdown_fill, str)


def address_of(value: Value) -> str:
    """A value as the destination of a link: https as it is, e-mail and phone with their schemes."""
    if value.type == "email":
        return f"mailto:{quote(value.text, safe='@.+-_')}"
    if value.type == "phone":
        return f"tel:{re.sub(r'[^0-9+]', '', value.text)}"
    return value.text


def _joined(
    parts: Parts, around: Surroundings, fill: Callable[[Fill, Value], str], address: Callable[[str], str]
) -> str:
    if len(parts) == 1 and type(parts[0]) is str:
        return parts[0]
    return "".join([part if isinstance(part, str) else _standing(part, around, fill, address) for part in parts])


def _standing(
    part: Fill | Link | Picture, around: Surroundings, fill: Callable[[Fill, Value], str], address: Callable[[str], str]
) -> str:
    """What stands where a part is that is no text yet."""
    if isinstance(part, Fill):
        return fill(part, around.values[part.name])
    return address(around.address(part.target) if isinstance(part, Link) else around.picture(part.name))


def _html_address(address: str) -> str:
    return str(escape(address))


def _plain_fill(fill: Fill, value: Value) -> str:
    del fill
    return value.line if value.given else f"[{value.line}]"


def _html_fill(fill: Fill, value: Value) -> str:
    if fill.position == "href":
        return str(escape(address_of(value))) if value.given else "#"
    return value.html


def _markdown_fill(fill: Fill, value: Value) -> str:
    if fill.position == "href":
        return _DESTINATION_SPECIAL.sub(r"\\\1", address_of(value)) if value.given else "#"
    return value.markdown
