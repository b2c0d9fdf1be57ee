"""A measure's trend: a line over its days, the target dashed, the newest figure written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from controltower.web.charts import svg

TOP = 16.0


@dataclass(frozen=True, slots=True)
class Room:
    """How much room there is to draw in: text keeps its size, so a phone's drawing is another one
    and no smaller one."""

    width: float
    height: float
    left: float
    name: str

    @property
    def bottom(self) -> float:
        """Where the axis of time lies."""
        return self.height - 30


DESK, PHONE = Room(720, 190, 70, "desk-only"), Room(320, 200, 58, "phone-only")


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
        if self.written(min(known)) == self.written(max(known)):
            words = _("%(title)s from %(first)s to %(last)s: %(now)s")
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
        """The drawing, for a desk and for a phone: of the two, a page shows one."""
        return svg.join([self._draw(DESK), self._draw(PHONE)])

    def _draw(self, room: Room) -> SafeString:
        known = [figure for figure in self.figures if figure is not None]
        most = max([*known, self.target or 0.0], default=0.0) or 1.0
        places = [
            self._place(room, index, figure, most) for index, figure in enumerate(self.figures)
        ]
        parts = [*self._frame(room, most), *self._line(places), *self._target(room, most)]
        return svg.chart(room.width, room.height, self.label, *parts, classes=room.name)

    def _place(
        self, room: Room, index: int, figure: float | None, most: float
    ) -> tuple[float, float] | None:
        if figure is None:
            return None
        step = (room.width - room.left) / max(len(self.figures) - 1, 1)
        return room.left + index * step, room.bottom - (figure / most) * (room.bottom - TOP)

    def _frame(self, room: Room, most: float) -> list[SafeString]:
        left, right, low = room.left, room.width, room.bottom
        return [
            svg.line(left, low, right, low, "l-hair"),
            svg.line(left, TOP, right, TOP, "l-hair"),
            svg.text(left - 8, low + 4, self.written(0.0), "t-faint", "end"),
            svg.text(left - 8, TOP + 4, self.written(most), "t-faint", "end"),
            svg.text(left, room.height - 10, self.first, "t-faint"),
            svg.text(right, room.height - 10, self.last, "t-faint", "end"),
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

    def _target(self, room: Room, most: float) -> list[SafeString]:
        if self.target is None:
            return []
        y = room.bottom - (self.target / most) * (room.bottom - TOP)
        token = {True: "ok", False: "br", None: "nt"}[self.met]
        words = _("target %(value)s") % {"value": self.written(self.target)}
        return [
            svg.line(room.left, y, room.width, y, f"l-{token}", stroke_dasharray="6 5"),
            svg.text(room.width, y - 5, words, f"t-note t-{token}", "end"),
        ]


def _dot(x: float, y: float, radius: float) -> SafeString:
    return svg.tag("circle", cx=x, cy=y, r=radius, class_="f-done")
