"""Age bars: how long value has been stuck, split by lateness."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from controltower.web import formats
from controltower.web.charts import svg
from controltower.web.charts.value import Backlog

WIDTH, ROW, LEFT, BAR, COUNT = 320.0, 33.0, 82.0, 130.0, 242.0
"""Drawn for a phone, where its words are still read; a desk shows it a little larger."""


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Everything stuck for a span of time ("1 to 4 h")."""

    title: str
    stuck: Backlog
    url: str = ""


@dataclass(frozen=True, slots=True)
class AgeBars:
    """Age bands, youngest first."""

    bands: tuple[AgeBand, ...]

    @property
    def draw(self) -> SafeString:
        """The drawing; the longest bar is the largest value."""
        top = max((band.stuck.value.minor for band in self.bands), default=0) or 1
        rows = (
            svg.join(_row(band, index * ROW, BAR / top)) for index, band in enumerate(self.bands)
        )
        label = _("Stuck value by age: %(bands)s") % {
            "bands": "; ".join(
                f"{band.title} {formats.compact(band.stuck.value)}" for band in self.bands
            )
        }
        return svg.chart(WIDTH, ROW * len(self.bands), label, svg.hatch("age"), *rows)


def _row(band: AgeBand, y: float, unit: float) -> list[SafeString]:
    parts = [
        svg.text(0, y + 18, band.title),
        svg.rect(LEFT, y + 4, BAR, 20, "f-sunken", rx=2),
    ]
    x = LEFT
    for lateness, token, part in band.stuck.parts:
        width = max(part.value.minor * unit, 2.0)
        gap = 1.5 if width > 6 else 0
        if lateness == "late":
            parts.append(svg.late_rect("age", x, y + 4, width - gap, 20))
        else:
            parts.append(svg.rect(x, y + 4, width - gap, 20, f"f-{token}"))
        x += width
    parts.append(svg.text(COUNT, y + 18, formats.number(band.stuck.count), "t-faint", "end"))
    parts.append(svg.text(WIDTH, y + 18, formats.compact(band.stuck.value), "t-strong", "end"))
    return parts
