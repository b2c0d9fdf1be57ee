"""A measure's trend: a line over its days, the target dashed, the newest figure written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from controltower.web.charts import svg

WIDTH, HEIGHT, LEFT, BOTTOM = 720.0, 190.0, 70.0, 160.0
TOP = 16.0


@dataclass(frozen=True, slots=True)
class Trend:
    """Figures oldest first, None where nothing happened; `written` writes one for people.
    `first` and `last` name the ends of the time axis."""

    title: str
    figures: Sequence[float | None]
    target: float | None
    first: str
    last: str
    written: Callable[[float], str]
    met: bool | None

    @property
    def label(self) -> str:
        """The drawing in a sentence."""
        known = [figure for figure in self.figures if figure is not None]
        if not known:
            return _("%(title)s: nothing to draw yet") % {"title": self.title}
        words = _(
            "%(title)s from %(first)s to %(last)s: between %(least)s and %(most)s, last %(now)s"
        )
        return words % {
            "title": self.title,
            "first": self.first,
            "last": self.last,
            "least": self.written(min(known)),
            "most": self.written(max(known)),
            "now": self.written(known[-1]),
        }

    @property
    def draw(self) -> SafeString:
        """The drawing."""
        known = [figure for figure in self.figures if figure is not None]
        most = max([*known, self.target or 0.0], default=0.0) or 1.0
        places = [self._place(index, figure, most) for index, figure in enumerate(self.figures)]
        parts = [
            *self._frame(most),
            *self._line(places),
            *self._target(most),
        ]
        return svg.chart(WIDTH, HEIGHT, self.label, *parts)

    def _place(self, index: int, figure: float | None, most: float) -> tuple[float, float] | None:
        if figure is None:
            return None
        step = (WIDTH - LEFT) / max(len(self.figures) - 1, 1)
        return LEFT + index * step, BOTTOM - (figure / most) * (BOTTOM - TOP)

    def _frame(self, most: float) -> list[SafeString]:
        return [
            svg.line(LEFT, BOTTOM, WIDTH, BOTTOM, "l-hair"),
            svg.line(LEFT, TOP, WIDTH, TOP, "l-hair"),
            svg.text(LEFT - 8, BOTTOM + 4, self.written(0.0), "t-faint", "end"),
            svg.text(LEFT - 8, TOP + 4, self.written(most), "t-faint", "end"),
            svg.text(LEFT, HEIGHT - 10, self.first, "t-faint"),
            svg.text(WIDTH, HEIGHT - 10, self.last, "t-faint", "end"),
        ]

    def _line(self, places: Sequence[tuple[float, float] | None]) -> list[SafeString]:
        """Days without a figure are bridged by nothing: the line breaks there, a dot stays."""
        runs: list[list[tuple[float, float]]] = [[]]
        for place in places:
            if place is None:
                runs.append([])
            else:
                runs[-1].append(place)
        drawn = []
        for run in filter(None, runs):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            drawn.append(svg.tag("polyline", points=points, class_="l-done"))
            drawn += [_dot(x, y, 2.2) for x, y in run]
        last = next((place for place in reversed(places) if place), None)
        return [*drawn, _dot(*last, 4.0)] if last else drawn

    def _target(self, most: float) -> list[SafeString]:
        if self.target is None:
            return []
        y = BOTTOM - (self.target / most) * (BOTTOM - TOP)
        token = {True: "ok", False: "br", None: "nt"}[self.met]
        words = _("target %(value)s") % {"value": self.written(self.target)}
        return [
            svg.line(LEFT, y, WIDTH, y, f"l-{token}", stroke_dasharray="6 5"),
            svg.text(WIDTH, y - 5, words, f"t-note t-{token}", "end"),
        ]


def _dot(x: float, y: float, radius: float) -> SafeString:
    return svg.tag("circle", cx=x, cy=y, r=radius, class_="f-done")
