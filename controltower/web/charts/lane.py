"""The lane: value moving through stages as a band, stuck value as pockets hanging beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical.money import Money
from controltower.web import formats
from controltower.web.charts import svg
from controltower.web.charts.value import Backlog
from controltower.web.marks import ICONS, LATENESS

WIDTH, AXIS, LABELS = 1130.0, 116.0, 92.0
BAND_MAX, BAND_MIN = 66.0, 3.0
POCKET_MAX, POCKET_MIN, POCKET_WIDTH = 88.0, 8.0, 46.0
FROM_BEFORE, FROM_AFTER = 0.33, 0.25
"""How much of a neighbour's breadth the band's curve keeps where a stage's words begin and end."""
SCALES = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the lane. Values are in the reporting currency; `typical` is a median. `url`
    lists all that stands there, `stuck_url` what of it is stuck."""

    title: str
    system: str
    typical: timedelta | None
    moving: int
    moving_value: Money
    stuck: Backlog
    url: str
    stuck_url: str

    @property
    def sentence(self) -> str:
        """The stage in words, for the label and for the phone."""
        words = _(
            "%(stage)s in %(system)s: %(moving)d moving, %(value)s; %(stuck)d stuck, %(held)s"
        )
        return words % {
            "stage": self.title,
            "system": self.system,
            "moving": self.moving,
            "value": formats.compact(self.moving_value),
            "stuck": self.stuck.count,
            "held": formats.compact(self.stuck.value),
        }


@dataclass(frozen=True, slots=True)
class Lane:
    """A fixed order of stages under one title."""

    title: str
    stages: tuple[Stage, ...]

    @property
    def magnified(self) -> int:
        """How many times larger than the band the pockets are drawn, where there are any."""
        band = _pixels_per_unit(self)
        largest = max((stage.stuck.value.minor for stage in self.stages), default=0)
        fitting = [s for s in SCALES if 0 < largest * band * s <= POCKET_MAX]
        return fitting[-1] if fitting else 1

    @property
    def scale_words(self) -> str:
        """The scale, in words."""
        if self.magnified == 1:
            return _("Band: value in motion. Pockets: value stuck, on the same scale.")
        return _("Band: value in motion. Pockets: value stuck, drawn %(n)d times larger.") % {
            "n": self.magnified
        }

    @property
    def draw(self) -> SafeString:
        """The wide drawing."""
        return _draw(self)

    @property
    def posts(self) -> list[tuple[Stage, SafeString]]:
        """Each stage with its piece of the upright drawing, for the phone."""
        return [(stage, _post(self, stage)) for stage in self.stages]


def _pixels_per_unit(lane: Lane) -> float:
    """Pixels of band per minor unit. The larger of what moves and what is stuck sets the scale: a
    pocket is never cut to fit, or two of them would look alike that are not."""
    moving = max((stage.moving_value.minor for stage in lane.stages), default=0)
    stuck = max((stage.stuck.value.minor for stage in lane.stages), default=0)
    bounds = [most / value for most, value in ((BAND_MAX, moving), (POCKET_MAX, stuck)) if value]
    return min(bounds, default=0.0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stage is drawn: its left edge and breadth, how far the band reaches from the axis at
    its middle and at most beside its words, and the pixels of a minor unit of its pocket."""

    x: float
    width: float
    half: float
    reach: float
    unit: float

    @property
    def left(self) -> float:
        """Where its words and its pocket begin."""
        return self.x + 14


def _draw(lane: Lane) -> SafeString:
    step = WIDTH / max(len(lane.stages), 1)
    unit = _pixels_per_unit(lane)
    halves = [max(s.moving_value.minor * unit, BAND_MIN) / 2 for s in lane.stages]
    places = [
        Place(step * i, step, half, _reach(halves, i), unit * lane.magnified)
        for i, half in enumerate(halves)
    ]
    height = AXIS + max(halves, default=0) + LABELS
    fences = (
        svg.line(step * i, 4, step * i, height - 6, "l-hair", stroke_dasharray="2 4")
        for i in range(1, len(lane.stages))
    )
    label = _("%(lane)s: value in motion and value stuck at each of %(n)d stages") % {
        "lane": lane.title,
        "n": len(lane.stages),
    }
    return svg.chart(
        WIDTH, height, label,
        svg.hatch("lane"),
        *fences,
        svg.path(_band(halves, step), "f-band"),
        svg.path(f"M0 {AXIS:.0f}H{WIDTH:.0f}", "l-flow"),
        *map(_stage, lane.stages, places),
        classes="chart-wide",
        group=True,
    )  # fmt: skip


def _band(halves: Sequence[float], step: float) -> str:
    """The outline of the band: a curve through the stage centres, mirrored on the axis."""
    if not halves:
        return "M0 0"
    xs = [step * (i + 0.5) for i in range(len(halves))]
    points = [(0.0, halves[0]), *zip(xs, halves, strict=True), (step * len(halves), halves[-1])]
    upper = _curve([(x, AXIS - half) for x, half in points])
    lower = _curve([(x, AXIS + half) for x, half in reversed(points)])
    return f"M{upper}L{lower}Z"


def _reach(halves: Sequence[float], i: int) -> float:
    """How far the band reaches from its axis beside a stage's words: they begin at the stage's
    edge, where the band still comes down from a broader stage before it."""
    half, before, after = halves[i], halves[max(i - 1, 0)], halves[min(i + 1, len(halves) - 1)]
    return max(half, half + (before - half) * FROM_BEFORE, half + (after - half) * FROM_AFTER)


def _curve(points: Sequence[tuple[float, float]]) -> str:
    (x, y), *rest = points
    parts = [f"{x:.1f} {y:.1f}"]
    for next_x, next_y in rest:
        mid = (x + next_x) / 2
        parts.append(f"C{mid:.1f} {y:.1f} {mid:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}")
        x, y = next_x, next_y
    return "".join(parts)


def _stage(stage: Stage, place: Place) -> SafeString:
    left = place.left
    under = stage.system
    if stage.typical is not None:
        under = _("%(system)s, %(typical)s typical") % {
            "system": stage.system,
            "typical": formats.duration(stage.typical),
        }
    moving = _("%(n)s moving · %(value)s") % {
        "n": formats.number(stage.moving),
        "value": formats.compact(stage.moving_value),
    }
    whole = svg.tag(
        "a",
        svg.tag("title", stage.sentence),
        svg.rect(place.x, 0, place.width, AXIS + place.reach + LABELS, "hit"),
        svg.text(left, 18, stage.title, "t-head"),
        svg.text(left, 36, under, "t-faint"),
        svg.text(left, AXIS - place.reach - 8, moving if stage.moving else _("Nothing moving")),
        *([] if stage.stuck.count else _calm(place)),
        href=stage.url,
        class_="stage",
    )
    return svg.join((whole, _pocket(stage, place))) if stage.stuck.count else whole


def _calm(place: Place) -> list[SafeString]:
    words = AXIS + place.reach - 1
    return [
        svg.shape(ICONS["ok"], place.left, words + 10, 15, "is-ok"),
        svg.text(place.left + 20, words + 22, _("Nothing stuck"), "t-ok"),
    ]


def _pocket(stage: Stage, place: Place) -> SafeString:
    """What is stuck, hanging from the band, a link of its own; its words stand clear of it."""
    stuck, x = stage.stuck, place.left
    top, words = AXIS + place.half - 1, AXIS + place.reach - 1
    height = max(stuck.value.minor * place.unit, POCKET_MIN)
    beside = x + POCKET_WIDTH + 9
    held = ngettext("%(n)s stuck", "%(n)s stuck", stuck.count) % {"n": formats.number(stuck.count)}
    return svg.tag(
        "a",
        svg.tag("title", f"{stage.title}: {held}, {formats.compact(stuck.value)}"),
        svg.rect(place.x, AXIS, place.width, place.reach + LABELS, "hit"),
        *_segments(stuck, x, top, height),
        svg.text(beside, words + 18, formats.compact(stuck.value), "t-value"),
        svg.text(beside, words + 35, held),
        *_lateness(stuck, beside, words + 53),
        href=stage.stuck_url,
        class_="stage",
    )


def _segments(stuck: Backlog, x: float, top: float, height: float) -> list[SafeString]:
    """The pocket, cut by lateness; late value also carries the hatch."""
    total = stuck.value.minor or 1
    drawn, y = [], top
    for lateness, token, part in stuck.parts:
        share = height * (part.value.minor / total if stuck.value.minor else 1 / len(stuck.parts))
        if lateness == "late":
            drawn.append(svg.late_rect("lane", x, y, POCKET_WIDTH, share))
        else:
            drawn.append(svg.rect(x, y, POCKET_WIDTH, share, f"f-{token}"))
        y += share
    return drawn


def _lateness(stuck: Backlog, x: float, y: float) -> list[SafeString]:
    lines = []
    for row, (lateness, token, part) in enumerate(stuck.parts):
        word = str(LATENESS[lateness].word)
        text = word if len(stuck.parts) == 1 else f"{formats.number(part.count)} {word.lower()}"
        lines.append(svg.shape(ICONS[token], x - 1, y - 11.5 + row * 18, 14, f"is-{token}"))
        lines.append(svg.text(x + 17, y + row * 18, text, f"t-note t-{token}"))
    return lines


def _post(lane: Lane, stage: Stage) -> SafeString:
    """One stage of the upright lane: 34 px wide, stretched to its row."""
    top = max((s.moving_value.minor for s in lane.stages), default=0) or 1
    width = 4 + 18 * stage.moving_value.minor / top
    unit = 34 / (max((s.stuck.value.minor for s in lane.stages), default=0) or 1)
    edge, y = 17 + width / 2 - 1, 10.0
    parts = [svg.rect(17 - width / 2, 0, width, 62, "f-band")]
    for _lateness_name, token, part in stage.stuck.parts:
        height = max(part.value.minor * unit, 5)
        parts.append(svg.rect(edge, y, 34 - edge, height, f"f-{token}"))
        y += height
    return svg.tag(
        "svg", *parts, class_="chart", viewBox="0 0 34 62", preserveAspectRatio="none",
        aria_hidden="true",
    )  # fmt: skip
