"""If you replay now: what would happen, what would not, and what has changed since the last try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical.money import Money
from controltower.firm.limits import second_person_above
from controltower.firm.models import Person
from controltower.firm.rates import in_reporting_currency
from controltower.transactions import forecast
from controltower.transactions.models import Forecast, ReplayItem, Step, Transaction
from controltower.transactions.protocol import FINISHED
from controltower.web import formats, marks, privacy
from controltower.web.actions import Action
from controltower.web.decisions import NOW
from controltower.web.remedies import replay_action
from controltower.web.sayings import heard

Line = tuple[str, str, str]
"""Icon, state token, words."""
ICONS = {
    Forecast.CREATE: "receipt-text",
    Forecast.UPDATE: "arrow-left-right",
    Forecast.NO_OP: "circle-dashed",
    Forecast.ALREADY_THERE: "link",
    Forecast.SUPERSEDED: "history",
    Forecast.WOULD_FAIL: "octagon-alert",
    Forecast.UNASKED: "hourglass",
}


@dataclass(frozen=True, slots=True)
class Impact:
    """The context of `transactions/_impact.html`."""

    will: list[Line]
    will_not: list[Line]
    changed: list[Line]
    changed_since: str
    actions: list[Action]


def impact_of(one: Transaction, step: Step, person: Person, now: datetime) -> Impact:
    """Ask rules and target, without saving or sending anything."""
    item = ReplayItem(
        transaction=one,
        step=step,
        fence=step.fence,
        forecast=Forecast.UPDATE,
        amount=one.amount,
        currency=one.currency,
    )
    forecast.fill([item], mapping_choice=NOW, now=now)
    fails = item.forecast == Forecast.WOULD_FAIL
    entity = one.entity.code if one.entity else None
    action = replay_action(one, step, person, entity, suffix="-now")
    mask = privacy.of(one)
    last = step.attempts.order_by("-number").values_list("number", flat=True).first()
    return Impact(
        will=_will(item, one, step, fails, mask),
        will_not=_will_not(one, step, fails),
        changed=_changed(item, one, mask),
        changed_since=_("Changed since try %(n)d") % {"n": last} if last else _("Changed since"),
        actions=[] if fails else [action],
    )


def _will(
    item: ReplayItem, one: Transaction, step: Step, fails: bool, mask: privacy.Mask
) -> list[Line]:
    kind = Forecast(item.forecast)
    mark = marks.state_mark("forecast", kind)
    lines = [(ICONS[kind], mark.token, mask.text(item.why))]
    if fails:
        return lines
    if kind == Forecast.CREATE:
        worth = formats.amount(one.amount, one.currency)
        lines.append(("receipt-text", "mv", f"{heard(step.title)}: {worth}"))
    after = one.steps.filter(position__gt=step.position).exclude(state__in=FINISHED)
    lines += [
        ("arrow-right", "nt", _("Then: %(step)s") % {"step": heard(title)})
        for title in after.values_list("title", flat=True)[:4]
    ]
    return lines


def _will_not(one: Transaction, step: Step, fails: bool) -> list[Line]:
    lines = []
    if step.idempotency_key:
        words = _("No second record: the same key %(key)s finds what is there")
        lines.append(("shield-check", "ok", words % {"key": step.idempotency_key}))
    else:
        lines.append(("shield-check", "ok", _("No second record: it has never been sent")))
    if done := one.steps.filter(position__lt=step.position, state__in=FINISHED).count():
        words = ngettext(
            "%(n)d step that is done is not run again",
            "%(n)d steps that are done are not run again",
            done,
        )
        lines.append(("shield-check", "ok", words % {"n": done}))
    if fails:
        lines.append(("shield-check", "ok", _("Nothing would be sent")))
    return lines


def _changed(item: ReplayItem, one: Transaction, mask: privacy.Mask) -> list[Line]:
    lines = [
        (
            "git-compare",
            "mv",
            f"{name}: {mask.field(name, before) or '–'} → {mask.field(name, after)}",
        )
        for name, before, after in item.difference
    ]
    worth = in_reporting_currency(one.amount, one.currency)
    limit = second_person_above([one.entity.code if one.entity else ""])
    if worth is not None and worth > limit:
        most = formats.money(Money.of(limit, settings.REPORTING_CURRENCY))
        lines.append(("users-round", "rk", _("Over %(limit)s: a second person approves")
                      % {"limit": most}))  # fmt: skip
    return lines
