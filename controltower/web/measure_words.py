"""How measures are written for a person: their figures, whether they got better, whether they met
their target. Pure: values in, words in the viewer's language out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical.money import Money
from controltower.measures.exposure import reporting_currency
from controltower.measures.kpis.measure import Measure, Reading, Unit
from controltower.web import formats
from controltower.web.marks import Mark

NEARLY = 0.02
"""A change of less than this part is none."""


def written(unit: Unit, value: float | Decimal | None) -> str:
    """A figure in its unit; unknown is a dash."""
    if value is None:
        return formats.NOTHING
    if unit == Unit.SECONDS:
        seconds = float(value)
        return formats.call_time(seconds * 1000) if seconds < 1 else formats.duration(seconds)
    if unit == Unit.SHARE:
        return formats.percent(float(value))
    if unit == Unit.MONEY:
        worth = Money.of(Decimal(str(value)), reporting_currency())
        return formats.compact(worth) if worth.minor else formats.no_money(worth.currency)
    return formats.number(round(value)) if value else "0"


def change(measure: Measure, reading: Reading) -> Mark | None:
    """Whether it got better since the 30 days before; nothing where there is no such figure."""
    now, before = reading.value, reading.before
    if now is None or before is None:
        return None
    if abs(now - before) <= NEARLY * max(abs(before), abs(now)):
        return Mark("nt", _("as before"))
    better = (now < before) == measure.less
    return Mark("ok", _("better")) if better else Mark("rk", _("worse"))


def standing(met: bool | None) -> Mark | None:
    """Whether the target is met; nothing without one."""
    if met is None:
        return None
    return Mark("ok", _("met")) if met else Mark("br", _("missed"))


def sentence(marks: Sequence[bool | None], changes: Sequence[Mark | None]) -> str:
    """How many targets are met, and how many measures got better or worse."""
    set_ = [met for met in marks if met is not None]
    if not set_:
        return f"{_turned(changes)} " + _("No target is set yet.")
    words = ngettext(
        "%(met)s of %(n)s target is met.", "%(met)s of %(n)s targets are met.", len(set_)
    )
    return f"{_turned(changes)} " + words % {"met": sum(set_), "n": len(set_)}


def _turned(changes: Sequence[Mark | None]) -> str:
    tokens = Counter(mark.token for mark in changes if mark is not None)
    if not tokens:
        return _("There is nothing of the 30 days before to compare with.")
    return _("%(better)s got better in 30 days, %(worse)s got worse.") % {
        "better": tokens["ok"],
        "worse": tokens["rk"],
    }
