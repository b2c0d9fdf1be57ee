"""The journey: one transaction across systems on one time axis, its tries numbered in octagons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.web import formats
from controltower.web.charts import svg
from controltower.web.charts.timescale import Span, TimeScale, build
from controltower.web.marks import Mark

LONGEST_TITLE = 36
WIDTH, LEFT, ROW, TOP, FOOT = 1130.0, 222.0, 44.0, 44.0, 24.0
LONG_LABEL = 110.0
OCTAGON = "M{x:.1f} {y:.1f}h9l6.5 6.5v9l-6.5 6.5h-9l-6.5 -6.5v-9z"


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt. `failed` tries are drawn as octagons; `at` is when it was sent."""

    number: int
    at: datetime
    failed: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of the journey, in order. `waits_for` says why it has not begun."""

    system: str
    title: str
    mark: Mark
    started: datetime | None = None
    ended: datetime | None = None
    tries: tuple[Try, ...] = ()
    next_try: datetime | None = None
    waits_for: str = ""
    url: str = ""

    @property
    def failed(self) -> tuple[Try, ...]:
        """The tries that did not work."""
        return tuple(one for one in self.tries if one.failed)

    @property
    def length(self) -> timedelta | None:
        """From the first try to the end, where both are known."""
        return self.ended - self.started if self.started and self.ended else None

    @property
    def next_number(self) -> int:
        """The number that the next try will bear."""
        return self.tries[-1].number + 1 if self.tries else 1


@dataclass(frozen=True, slots=True)
class Journey:
    """One transaction. `now` is None once it has arrived; `deadline` is when its promise ends."""

    hops: tuple[Hop, ...]
    today: datetime
    now: datetime | None = None
    deadline: datetime | None = None

    @property
    def sentence(self) -> str:
        """The journey in words."""
        done = sum(1 for hop in self.hops if hop.ended)
        parts = [
            ngettext("%(n)d step done", "%(n)d steps done", done) % {"n": done},
            *(_failed_words(hop) for hop in self.hops if hop.failed and not hop.ended),
            *(
                _("next try %(at)s") % {"at": formats.when(hop.next_try, self.today)}
                for hop in self.hops
                if hop.next_try
            ),
        ]
        if self.deadline and self.now:
            ends = formats.when(self.deadline, self.today)
            parts.append(_("promise ends %(at)s") % {"at": ends})
        return ", ".join(parts)

    @property
    def summary(self) -> str:
        """How many stages and how long: "3 stages, 2 h 47 min, one ID"."""
        stages = len({hop.system for hop in self.hops})
        moments = list(_moments(self))
        span = max(moments) - min(moments) if moments else timedelta(0)
        count = ngettext("%(n)d stage", "%(n)d stages", stages) % {"n": stages}
        return _("%(stages)s, %(span)s, one ID") % {
            "stages": count,
            "span": formats.duration(span),
        }

    @property
    def draw(self) -> SafeString:
        """The wide drawing."""
        return _draw(self)


def _failed_words(hop: Hop) -> str:
    n = len(hop.failed)
    words = ngettext("%(step)s failed %(n)d time", "%(step)s failed %(n)d times", n)
    return words % {"step": hop.title, "n": n}


def _moments(journey: Journey) -> Iterator[datetime]:
    for hop in journey.hops:
        yield from (m for m in (hop.started, hop.ended, hop.next_try) if m)
        yield from (one.at for one in hop.failed)
    if journey.now:
        yield journey.now
        if journey.deadline:
            yield journey.deadline


def _draw(journey: Journey) -> SafeString:
    bottom = TOP + ROW * len(journey.hops)
    moments = list(_moments(journey)) or [journey.today]
    scale = build(moments, LEFT, WIDTH)
    return svg.chart(
        WIDTH, bottom + FOOT, journey.sentence,
        *_ground(scale, journey.today, bottom),
        *_rows(journey),
        *_wires(journey, scale),
        *(svg.join(_hop(hop, i, journey, scale)) for i, hop in enumerate(journey.hops)),
        *_lines(journey, scale, bottom),
        classes="chart-wide",
    )  # fmt: skip


def _ground(scale: TimeScale, today: datetime, bottom: float) -> Iterator[SafeString]:
    for index, span in enumerate(scale.spans):
        width = span.right - span.left
        yield svg.rect(
            span.left, TOP - 6, width, bottom - TOP + 6, "f-sunken", rx=6, fill_opacity=0.5
        )
        before = scale.spans[index - 1] if index else None
        yield svg.text(span.left + 8, 12, _days(span, before, today), "t-faint")
        if before:
            x = span.left - 11
            yield svg.path(f"M{x:.1f} {TOP - 2:.0f}l4 -8M{x + 5:.1f} {TOP - 2:.0f}l4 -8", "l-wire")


def _days(span: Span, before: Span | None, today: datetime) -> str:
    """The days of a span; within the day of the span before it, the time."""
    first, last = formats.day(span.start, today), formats.day(span.end, today)
    if before and formats.day(before.end, today) == first == last:
        return formats.clock(span.start, zone=False)
    if first != last and span.right - span.left > LONG_LABEL:
        return _("%(first)s to %(last)s") % {"first": first, "last": last}
    if formats.here(span.start).date() == formats.here(today).date():
        return _("%(day)s, today") % {"day": first}
    return first


def _rows(journey: Journey) -> Iterator[SafeString]:
    for index, hop in enumerate(journey.hops):
        y = TOP + ROW * index
        if index:
            yield svg.line(0, y, WIDTH, y, "l-hair")
        yield svg.text(0, y + 19, hop.system, "t-row")
        yield svg.text(0, y + 35, _fitting(hop.title), "t-faint")


def _fitting(title: str) -> str:
    """As much of a title as stands beside the drawing; its twin table shows the whole."""
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1].rstrip()}…"


def _wires(journey: Journey, scale: TimeScale) -> Iterator[SafeString]:
    """Curves from each finished hop to the next one that began."""
    for index, (before, after) in enumerate(pairwise(journey.hops)):
        if not before.ended or not after.started or after.started < before.ended:
            continue
        x1, x2 = scale.at[before.ended] + 6, scale.at[after.started] + 6
        y1, y2 = TOP + ROW * index + 32, TOP + ROW * (index + 1) + 12
        mid = (y1 + y2) / 2
        yield svg.path(f"M{x1:.1f} {y1}C{x1:.1f} {mid} {x2:.1f} {mid} {x2:.1f} {y2}", "l-wire")


def _hop(hop: Hop, index: int, journey: Journey, scale: TimeScale) -> Iterator[SafeString]:
    y = TOP + ROW * index
    if hop.started is None:
        yield from _waiting(hop, y, journey, scale)
        return
    start = scale.at[hop.started]
    if hop.ended:
        yield from _bar(hop, y, start, scale, journey.today)
    else:
        end = scale.at[journey.now] if journey.now else start
        yield svg.rect(start, y + 19, max(end - start, 6), 6, f"wash-{hop.mark.token}")
        if not hop.failed:
            yield svg.rect(start, y + 12, 14, 20, f"f-{hop.mark.token}", rx=4)
    yield from _octagons(hop, y, scale)
    yield from _next(hop, y, scale)


def _bar(
    hop: Hop, y: float, start: float, scale: TimeScale, today: datetime
) -> Iterator[SafeString]:
    assert hop.started and hop.ended
    width = max(scale.at[hop.ended] - start, 14)
    words = _("%(length)s, %(at)s") % {
        "length": formats.duration(hop.ended - hop.started),
        "at": formats.clock(hop.ended, zone=False),
    }
    yield svg.rect(start, y + 12, width, 20, "f-done", rx=4)
    if start + width + 110 < WIDTH:
        yield svg.text(start + width + 7, y + 26.5, words)
    else:
        yield svg.text(start - 7, y + 26.5, words, anchor="end")


def _octagons(hop: Hop, y: float, scale: TimeScale) -> Iterator[SafeString]:
    written = -100.0
    for one in hop.failed:
        x = scale.at[one.at]
        yield svg.path(OCTAGON.format(x=x - 4.5, y=y + 5), "f-br")
        yield svg.text(x, y + 20.5, str(one.number), "t-on", "middle")
        if x - written > 38:
            written = x
            at = formats.clock(one.at, zone=False)
            yield svg.text(x, y + 41, at, "t-note t-br", "middle")


def _next(hop: Hop, y: float, scale: TimeScale) -> Iterator[SafeString]:
    if not hop.next_try:
        return
    x = scale.at[hop.next_try]
    yield svg.tag("circle", cx=x, cy=y + 16, r=9, class_="l-mv", stroke_dasharray="3 3")
    words = _("Try %(n)d") % {"n": hop.next_number}
    at = _("at %(time)s") % {"time": formats.clock(hop.next_try, zone=False)}
    if x + 80 < WIDTH:
        yield svg.text(x + 14, y + 15, words, "t-note t-mv")
        yield svg.text(x + 14, y + 29, at, "t-mv")
    else:
        yield svg.text(x - 14, y + 15, words, "t-note t-mv", "end")
        yield svg.text(x - 14, y + 29, at, "t-mv", "end")


def _waiting(hop: Hop, y: float, journey: Journey, scale: TimeScale) -> Iterator[SafeString]:
    """A step that has not begun stands where the one before it is."""
    begun = [h.ended or h.started for h in journey.hops if h.started]
    x = scale.at[begun[-1]] if begun and begun[-1] else LEFT + 20
    words = hop.waits_for or str(hop.mark.word)
    width = 20 + 6.2 * len(words)
    edge = scale.at[journey.now] - 10 if journey.now else WIDTH - 4
    x = min(x, edge - width)
    yield svg.rect(x, y + 12, width, 20, f"l-{hop.mark.token}", rx=4, stroke_dasharray="4 3")
    yield svg.text(x + 10, y + 26.5, words, "t-faint")


def _lines(journey: Journey, scale: TimeScale, bottom: float) -> Iterator[SafeString]:
    """Now, and where the promise ends."""
    if not journey.now:
        return
    now = scale.at[journey.now]
    words = _("Now %(time)s") % {"time": formats.clock(journey.now, zone=False)}
    yield svg.line(now, TOP - 8, now, bottom, "l-ink")
    yield svg.rect(now - 37, TOP - 27, 74, 20, "f-ink", rx=10)
    yield svg.text(now, TOP - 13, words, "t-now", "middle")
    if journey.deadline is None:
        return
    x = scale.at[journey.deadline]
    over = journey.deadline <= journey.now
    pattern = _("Promise ended %(time)s") if over else _("Promise ends %(time)s")
    ends = pattern % {"time": formats.when(journey.deadline, journey.today, zone=False)}
    yield svg.line(x, TOP - 8, x, bottom + 6, "l-br", stroke_dasharray="5 4")
    if x + 70 > WIDTH:
        yield svg.text(WIDTH - 2, bottom + 19, ends, "t-note t-br", "end")
    else:
        yield svg.text(x, bottom + 19, ends, "t-note t-br", "middle")
