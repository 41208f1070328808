"""Whether a brand's colours can be read: contrast ratios as WCAG 2.2 defines them, for named pairs.

Source: Web Content Accessibility Guidelines 2.2, definitions of relative luminance and contrast ratio; success
criteria 1.4.3 (text 4.5, large text 3) and 1.4.11 (boundaries of controls and focus indicators 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROLES = ("background", "text", "heading", "link", "control", "focus")
"""The colours that a brand may name."""

DEFAULTS: Mapping[str, str] = {
    "background": "#ffffff",
    "text": "#1c1c1c",
    "heading": "#1c1c1c",
    "link": "#0b4f9e",
    "control": "#5c5c5c",
    "focus": "#0b4f9e",
}


@dataclass(frozen=True)
class Pair:
    """A colour that is seen on the background, and the least ratio it must have there."""

    role: str
    name: str
    least: float


PAIRS = (
    Pair("text", "text on background", 4.5),
    Pair("link", "link on background", 4.5),
    Pair("heading", "heading (large text) on background", 3.0),
    Pair("control", "control boundary on background", 3.0),
    Pair("focus", "focus indicator on background", 3.0),
)


@dataclass(frozen=True)
class TooFaint:
    """A pair that cannot be told apart well enough, with its ratio."""

    pair: Pair
    colour: str
    background: str
    ratio: float


def ratio(one: str, other: str) -> float:
    """The contrast ratio of two `#rrggbb` colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def too_faint(colours: Mapping[str, str]) -> list[TooFaint]:
    """The pairs of a brand's colours (with the defaults for those it leaves out) that fall short."""
    full = {**DEFAULTS, **colours}
    background = full["background"]
    found = [TooFaint(pair, full[pair.role], background, ratio(full[pair.role], background)) for pair in PAIRS]
    return [each for each in found if each.ratio < each.pair.least]


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 sRGB
