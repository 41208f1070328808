"""A brand's colours in a dark room: the same hues, light enough to be read on a dark ground.

Ratios are those of WCAG 2.2 (`editions/contrast.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from coachkit.editions.contrast import ratio

GROUND = "#16181c"
INK = "#e9e7e3"
_LEAST = {"heading": 4.5, "link": 4.5, "control": 3.0}
_STEPS = 20


def dark(colours: Mapping[str, str]) -> dict[str, str]:
    """The colours for a reader who asked for dark: those of the brand where its background is dark itself."""
    if ratio(colours["background"], "#ffffff") > ratio(colours["background"], "#000000"):
        return dict(colours)
    lighter = {role: lightened(colours[role], GROUND, least) for role, least in _LEAST.items()}
    return {**colours, **lighter, "background": GROUND, "text": INK}


def lightened(colour: str, background: str, least: float) -> str:
    """The colour mixed with as little white as makes it this contrast against a dark background."""
    mixes = (_mixed(colour, step / _STEPS) for step in range(_STEPS + 1))
    return next(mix for mix in mixes if ratio(mix, background) >= least)


def _mixed(colour: str, white: float) -> str:
    channels = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(channel + (255 - channel) * white):02x}" for channel in channels)
