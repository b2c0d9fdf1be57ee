"""What a back-test found, for the page: a sentence, money by entity, field by field, the records.

Each sees the records of their own companies; every figure is added up from the lines that are
listed beneath it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from controltower.firm.models import Person
from controltower.firm.rights import entities_of
from controltower.mappings import backtest
from controltower.mappings.backtest import TOUCHED, Tally
from controltower.mappings.models import BackTest, MappingVersion
from controltower.mappings.trial import Line, Outcome
from controltower.web import formats
from controltower.web.marks import Mark
from controltower.web.privacy import masked_text
from controltower.web.sheets import Cell

SHOWN = 50
"""Records listed on the page; the file has them all."""
MARKS = {
    Outcome.SAME: Mark("nt", gettext_lazy("the same")),
    Outcome.CHANGED: Mark("rk", gettext_lazy("would change")),
    Outcome.NOW_FAILS: Mark("br", gettext_lazy("would fail")),
    Outcome.NOW_PASSES: Mark("ok", gettext_lazy("would pass")),
    Outcome.STILL_FAILS: Mark("br", gettext_lazy("fails as before")),
}
GRAVITY = (
    Outcome.NOW_FAILS,
    Outcome.CHANGED,
    Outcome.NOW_PASSES,
    Outcome.STILL_FAILS,
    Outcome.SAME,
)
COLUMNS = (
    "reference", "correlation_id", "title", "entity", "amount", "currency", "sent_with", "outcome",
    "field", "before", "after", "why",
)  # fmt: skip


def shown(test: BackTest | None, version: MappingVersion, person: Person) -> dict[str, Any] | None:
    """The context of `mappings/_trial.html`, None before the first test."""
    if test is None:
        return None
    lines = backtest.lines_of(test, entities_of(person))
    listed = [line for line in _gravest_first(lines) if line.outcome != Outcome.SAME]
    return {
        "at": test.at,
        "by": str(test.by),
        "records": len(lines),
        "sentence": sentence(lines),
        "tallies": [_tally(tally) for tally in backtest.tallies(lines)],
        "fields": backtest.by_field(lines),
        "lines": [_line(line) for line in listed[:SHOWN]],
        "more": len(listed[SHOWN:]),
        "file_url": reverse("mapping_trial_exports", args=[version.mapping.slug, version.number]),
    }


def sentence(lines: Sequence[Line]) -> str:
    """What the version would do, in records and money."""
    if not lines:
        return _("No record has been mapped by an earlier version yet: there is nothing to try.")
    found = backtest.tallies(lines)
    said = [
        words % {"n": formats.number(count)}
        for outcome, words in (
            (Outcome.CHANGED, _("%(n)s would change")),
            (Outcome.NOW_FAILS, _("%(n)s would now fail")),
            (Outcome.NOW_PASSES, _("%(n)s would now pass")),
        )
        if (count := sum(tally.of(outcome) for tally in found))
    ]
    whole = ngettext("Of the last real record", "Of the last %(n)s real records", len(lines)) % {
        "n": formats.number(len(lines))
    }
    if not said:
        return _("%(whole)s none would be different.") % {"whole": whole}
    money = [formats.amount(tally.amount, tally.currency) for tally in _by_currency(found)]
    return _("%(whole)s %(what)s. It touches %(money)s.") % {
        "whole": whole,
        "what": _(" and ").join(said),
        "money": _(" and ").join(money),
    }


def _by_currency(tallies: Sequence[Tally]) -> list[Tally]:
    """The touched money of all entities, by currency."""
    found: dict[str, Tally] = {}
    for tally in tallies:
        if tally.transactions:
            own = found.setdefault(tally.currency, Tally("", tally.currency))
            own.amount += tally.amount
    return sorted(found.values(), key=lambda one: one.currency)


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "entity": tally.entity,
        "currency": tally.currency,
        "records": tally.records,
        "same": tally.of(Outcome.SAME),
        "changed": tally.of(Outcome.CHANGED),
        "now_fails": tally.of(Outcome.NOW_FAILS),
        "now_passes": tally.of(Outcome.NOW_PASSES),
        "still_fails": tally.of(Outcome.STILL_FAILS),
        "touched": tally.of(*TOUCHED),
        "transactions": tally.transactions,
        "amount": tally.amount,
    }


def _gravest_first(lines: Sequence[Line]) -> list[Line]:
    return sorted(lines, key=lambda one: (GRAVITY.index(one.outcome), -one.amount, one.reference))


def _line(line: Line) -> dict[str, Any]:
    path = reverse("transaction", args=[line.chain])
    return {
        "url": f"{path}?{urlencode({'part': line.reference})}",
        "title": masked_text(line.title),
        "reference": line.reference,
        "entity": line.entity,
        "amount": line.amount,
        "currency": line.currency,
        "mark": MARKS[line.outcome],
        "why": line.why,
        "differences": line.differences,
    }


def cells(test: BackTest, person: Person) -> list[tuple[Cell, ...]]:
    """Every record that was tried and the person may see: a row for each field that differs."""
    rows: list[tuple[Cell, ...]] = []
    for line in _gravest_first(backtest.lines_of(test, entities_of(person))):
        head = (
            line.reference, line.chain, masked_text(line.title), line.entity, line.amount,
            line.currency, line.version, str(line.outcome),
        )  # fmt: skip
        fields = [(one.field, one.before, one.after) for one in line.differences]
        rows += [(*head, *change, line.why) for change in fields or [("", "", "")]]
    return rows
