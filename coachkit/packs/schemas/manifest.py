"""pack.yaml: what a pack is, what it needs, and what an organisation fills in."""

from __future__ import annotations

from typing import Any

from semver import Version

from coachkit.packs.destinations import https_address
from coachkit.packs.model import PLACEHOLDER_TYPES
from coachkit.packs.schemas.fields import (
    Choice,
    Day,
    Flag,
    ListOf,
    MapOf,
    Name,
    Plain,
    Shape,
    Sub,
    placeholder_name,
    refuse,
)
from coachkit.packs.source import LOCALE_PATTERN
from coachkit.packs.versions import VERSION_LENGTH, Range

_LICENCE = r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*"


class SemVer(Plain):
    """A SemVer 2 version."""

    wanted = "a SemVer version such as 1.0.0"

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(description, longest=VERSION_LENGTH, **options)

    def check(self, value: str) -> None:
        """Refuse what SemVer does not know."""
        if not Version.is_valid(value):
            raise refuse("invalid-value", f"“{value}” is not {self.wanted}", "three numbers: major.minor.patch")


class VersionRange(Plain):
    """A range of versions."""

    wanted = "a range of versions such as >=1.2,<2"

    def check(self, value: str) -> None:
        """Refuse what `Range` cannot read."""
        try:
            Range.parse(value)
        except ValueError as error:
            raise refuse("invalid-value", str(error), "comparators with commas between them, or *") from None


class Address(Plain):
    """An address on the web."""

    wanted = "an https address"

    def check(self, value: str) -> None:
        """Refuse what no link may lead to."""
        if https_address(value) is None:
            raise refuse("invalid-value", f"“{value}” is not {self.wanted}", "write it like https://example.org/page")


class Locale(Plain):
    """A BCP 47 tag in its usual case."""

    wanted = "a locale such as en-GB or cy"

    def __init__(self, description: str, **options: Any) -> None:
        shape = "language in lower case, region in upper case, hyphens between them"
        super().__init__(description, pattern=LOCALE_PATTERN, longest=35, shape=shape, **options)


class AuthorShape(Shape):
    """Who wrote it, by role; never a person's name."""

    role = Plain("What the author does.", required=True)
    organisation = Plain("Where.")


class PlaceholderShape(Shape):
    """A value that the organisation fills in."""

    type = Choice("What kind of value it takes.", of=PLACEHOLDER_TYPES, required=True)
    label = MapOf(Locale("A locale of the pack."), Plain("The name in it."), "Its name for people.", required=True)
    example = Plain("A value as it might be.")
    required = Flag("Whether an organisation has to fill it.", load_default=True)


class ContactShape(Shape):
    """Somebody a reader can turn to, by telephone or on the web."""

    name = Plain("What they are called.", required=True)
    phone = Plain(
        "The number, between quotation marks.",
        pattern=r"\+?[0-9(][0-9 ()-]{1,22}[0-9)]",
        shape="write digits, with spaces, brackets and hyphens between them; + in front of a country's number",
    )
    hours = Plain("When somebody answers.")
    url = Address("Their page.", pattern=r"https://[^\s<>\"]+", shape="write an address that starts with https://")
    verified_on = Day("When somebody checked it; null while nobody has.", allow_none=True)


class SlotShape(Shape):
    """A place for support contacts."""

    description = Plain("What the contacts are for.", longest=500, required=True)
    contacts = MapOf(
        Locale("A locale of the pack."),
        ListOf(Sub(ContactShape, "One contact."), "The contacts in it.", most=20),
        "The pack's own suggestions.",
        load_default=dict,
    )


class ManifestShape(Shape):
    """pack.yaml."""

    id = Name("The pack's id.", required=True)
    version = SemVer("This version of the pack (SemVer 2).", required=True)
    title = Plain("What the pack is called.", required=True)
    description = Plain("One or two sentences on what is in it.", longest=1_000, required=True)
    licence = Plain(
        "The content's licence as an SPDX expression.",
        pattern=_LICENCE,
        shape="write an SPDX identifier such as CC-BY-4.0",
        required=True,
    )
    authors = ListOf(Sub(AuthorShape, "One author."), "Who wrote it, by role.", least=1, required=True)
    default_locale = Locale("The locale that everything is written in first.", required=True)
    locales = ListOf(
        Locale("A locale of the pack."), "Every locale of the pack.", least=1, most=100, distinct=True, required=True
    )
    coachkit = VersionRange("The CoachKit versions it works with.", required=True)
    visibility = Choice("Whether others see that the pack exists.", of=("public", "private"), load_default="public")
    requires = MapOf(
        Name("Another pack's id."),
        VersionRange("Its versions."),
        "The packs that this one points at.",
        load_default=dict,
    )
    placeholders = MapOf(
        placeholder_name("A placeholder's name."),
        Sub(PlaceholderShape, "One placeholder."),
        "What the organisation fills in.",
        load_default=dict,
    )
    support = MapOf(
        Name("A slot's id."), Sub(SlotShape, "One slot."), "Places for support contacts.", load_default=dict
    )
