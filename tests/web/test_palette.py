"""The palette of the real style sheet: contrast by WCAG 2.2, and apart for colour-blind eyes.

axe cannot judge text in SVG, so the tokens themselves are measured. Colour vision deficiencies are
simulated after Machado, Oliveira and Fernandes (2009), severity 1.0, in linear RGB; distances are
taken in OKLab.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = Path(settings.BASE_DIR) / "controltower" / "static" / "css" / "tokens.css"
THEMES = ("light", "dark")
STATES = ("ok", "mv", "wt", "rk", "br", "pk", "nt")
TRIO_APART = 0.096
"""The least OKLab distance between late, due today and in time, for any eye."""

Triple = tuple[float, float, float]
VISION: dict[str, tuple[Triple, Triple, Triple]] = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def palette(theme: str) -> dict[str, str]:
    pairs = re.findall(
        r"--([\w-]+):\s*light-dark\((#\w{6}),\s*(#\w{6})\)", TOKENS.read_text(encoding="utf-8")
    )
    return {name: (light, dark)[THEMES.index(theme)] for name, light, dark in pairs}


def linear(colour: str) -> Triple:
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return r, g, b


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        r, g, b = linear(colour)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def seen(colour: str, vision: str) -> Triple:
    rgb = linear(colour)
    r, g, b = (
        min(max(sum(w * v for w, v in zip(row, rgb, strict=True)), 0.0), 1.0)
        for row in VISION[vision]
    )
    return oklab((r, g, b))


def oklab(rgb: Triple) -> Triple:
    r, g, b = rgb
    long = 0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b
    medium = 0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b
    short = 0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b
    x, y, z = (math.copysign(abs(v) ** (1 / 3), v) for v in (long, medium, short))
    return (
        0.2104542553 * x + 0.7936177850 * y - 0.0040720468 * z,
        1.9779984951 * x - 2.4285922050 * y + 0.4505937099 * z,
        0.0259040371 * x + 0.7827717662 * y - 0.8086757660 * z,
    )


@pytest.mark.parametrize("theme", THEMES)
def test_every_token_is_read(theme: str) -> None:
    assert {f"{state}-{part}" for state in STATES for part in ("fg", "bg", "mk")} <= set(
        palette(theme)
    )


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ink", ["ink", "ink-2", "ink-3"])
@pytest.mark.parametrize("ground", ["paper", "surface", "sunken", "raised"])
def test_ink_reads_on_every_surface(theme: str, ink: str, ground: str) -> None:
    colours = palette(theme)
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("state", STATES)
def test_state_words_read_on_paper_surface_and_wash(theme: str, state: str) -> None:
    colours = palette(theme)
    for ground in ("paper", "surface", f"{state}-bg"):
        assert contrast(colours[f"{state}-fg"], colours[ground]) >= 4.5, ground


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("state", STATES)
def test_state_marks_stand_out_on_the_surface(theme: str, state: str) -> None:
    colours = palette(theme)
    assert contrast(colours[f"{state}-mk"], colours["surface"]) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_actions_read(theme: str) -> None:
    colours = palette(theme)
    assert contrast(colours["action-ink"], colours["action"]) >= 4.5
    for ground in ("paper", "surface", "action-wash"):
        assert contrast(colours["action"], colours[ground]) >= 4.5, ground
    for soft in ("ink-2", "ink"):
        assert contrast(colours[soft], colours["action-wash"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["surface", "raised", "paper"])
def test_borders_of_controls_are_visible(theme: str, ground: str) -> None:
    colours = palette(theme)
    assert contrast(colours["line-2"], colours[ground]) >= 3


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("vision", VISION)
def test_late_due_and_in_time_stay_apart(theme: str, vision: str) -> None:
    colours = palette(theme)
    trio = [seen(colours[f"{state}-mk"], vision) for state in ("br", "rk", "nt")]
    distances = [math.dist(a, b) for a, b in pairwise([*trio, trio[0]])]
    assert min(distances) >= TRIO_APART - 0.001
