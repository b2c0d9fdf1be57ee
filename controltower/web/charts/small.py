"""Small drawings for table cells: sparkline, 30-day strip, slack bar, progress, checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.web.charts import svg

SPARK_POINTS = 60
CALM = {"ok": "nt"}


def sparkline(values: Sequence[float], token: str, label: str) -> SafeString:
    """A line of measurements, oldest first, thinned by bucket to at most 60 points.

    Scaled from zero to the largest value; fewer than two values draw a dash.
    """
    width, height = 74, 20
    points = _thin(values, SPARK_POINTS)
    if len(points) < 2:
        return svg.fixed(width, height, label, svg.line(2, 10, 12, 10, "l-nt"))
    top = max(points) or 1.0
    step = width / (len(points) - 1)
    written = " ".join(
        f"{i * step:.1f},{height - 2 - (value / top) * (height - 4):.1f}"
        for i, value in enumerate(points)
    )
    return svg.fixed(width, height, label, svg.tag("polyline", points=written, class_=f"l-{token}"))


def _thin(values: Sequence[float], limit: int) -> list[float]:
    """Keep the smallest and the largest of each bucket, in their order."""
    if len(values) <= limit:
        return list(values)
    buckets = limit // 2
    kept: list[float] = []
    for index in range(buckets):
        bucket = values[index * len(values) // buckets : (index + 1) * len(values) // buckets]
        low, high = bucket.index(min(bucket)), bucket.index(max(bucket))
        kept.extend(bucket[i] for i in sorted({low, high}))
    return kept


@dataclass(frozen=True, slots=True)
class StripDay:
    """One day of a promise: `share` of the tallest bar (0 to 1), `tone` nt, rk or br."""

    share: float
    tone: str


def strip(days: Sequence[StripDay]) -> SafeString:
    """Thirty days of one promise; days that missed it stand at full height."""
    missed = sum(1 for day in days if day.tone == "br")
    label = ngettext(
        "Last %(days)d days: promise missed on %(n)d day",
        "Last %(days)d days: promise missed on %(n)d days",
        missed,
    ) % {"days": len(days), "n": missed}
    bars = []
    for index, day in enumerate(days):
        calm = day.tone == "nt"
        height = max(day.share, 0.05) * 9.5 if calm else 18.0
        bars.append(
            svg.rect(
                index * 5, 19 - height, 3.8, height, f"f-{day.tone}{' f-faint' if calm else ''}"
            )
        )
    return svg.fixed(max(len(days), 1) * 5, 20, label, *bars)


def slack(share: float, token: str) -> SafeString:
    """How much of a budget is left, 0 to 1; where it lasts it has no colour."""
    share = min(max(share, 0.0), 1.0)
    label = _("%(n)d %% of the slack is left") % {"n": round(share * 100)}
    return svg.fixed(
        64, 8, label,
        svg.rect(0, 0, 64, 8, "f-sunken", rx=4),
        svg.rect(0, 0, max(64 * share, 2.5), 8, f"f-{CALM.get(token, token)}", rx=4),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. `worked` + `failed` never exceed `total`."""

    worked: int
    failed: int
    total: int

    @property
    def left(self) -> int:
        """Still to do."""
        return max(self.total - self.worked - self.failed, 0)

    @property
    def sentence(self) -> str:
        """The progress in words."""
        if not self.total:
            return _("Nothing to replay")
        return _("%(worked)d of %(total)d worked, %(failed)d failed again, %(left)d left") % {
            "worked": self.worked,
            "total": self.total,
            "failed": self.failed,
            "left": self.left,
        }

    @property
    def draw(self) -> SafeString:
        """A bar in three parts."""
        unit = 100 / max(self.total, 1)
        return svg.tag(
            "svg",
            svg.rect(0, 0, 100, 8, "f-sunken"),
            svg.rect(0, 0, self.worked * unit, 8, "f-mv"),
            svg.rect(self.worked * unit, 0, self.failed * unit, 8, "f-br"),
            class_="chart progress-bar",
            viewBox="0 0 100 8",
            preserveAspectRatio="none",
            role="img",
            aria_label=self.sentence,
        )
