"""The funnel's bars: how many got past a stage, and what stands in it, stuck value hatched."""

from __future__ import annotations

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from controltower.web import formats
from controltower.web.charts import svg
from controltower.web.charts.value import Part

WIDTH, HEIGHT = 150.0, 14.0
LEAST = 2.0
"""What is there is seen, however little."""


def passed(count: int, among: int) -> SafeString:
    """How many of those that began are past a stage."""
    share = count / among if among else 0.0
    label = _("%(n)s of %(all)s are past it") % {
        "n": formats.number(count),
        "all": formats.number(among),
    }
    return svg.fixed(
        WIDTH, HEIGHT, label,
        svg.rect(0, 0, WIDTH, HEIGHT, "f-sunken", rx=2),
        svg.rect(0, 0, WIDTH * share, HEIGHT, "f-band", rx=2),
    )  # fmt: skip


def standing(stage: str, moving: Part, stuck: Part, most: int) -> SafeString:
    """The value that stands in a stage, `most` minor units being the full width."""
    unit = WIDTH / most if most else 0.0
    label = _("%(value)s stands here, %(stuck)s of it stuck") % {
        "value": formats.compact(moving.value + stuck.value),
        "stuck": formats.compact(stuck.value),
    }
    calm, held = (
        max(part.value.minor * unit, LEAST) if part.count else 0.0 for part in (moving, stuck)
    )
    name = f"stage-{stage}"
    parts = [svg.rect(0, 0, WIDTH, HEIGHT, "f-sunken", rx=2)]
    if calm:
        parts.append(svg.rect(0, 0, calm, HEIGHT, "f-done"))
    if held:
        parts.append(svg.late_rect(name, min(calm, WIDTH - LEAST), 0, held, HEIGHT))
    return svg.fixed(WIDTH, HEIGHT, label, svg.hatch(name), *parts)
