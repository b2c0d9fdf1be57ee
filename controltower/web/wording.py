"""Phrases that pages generate: the Tower's sentence, what a cause is called, what to do about it.

Pure: values in, words in the viewer's language out. No query, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import format_skeleton
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from controltower.canonical.money import Money
from controltower.canonical.verdicts import Kind
from controltower.web import absences, formats
from controltower.web.charts.value import Backlog, Part
from controltower.web.marks import Mark


@dataclass(frozen=True, slots=True)
class Links:
    """Where the figures of the sentence lead: to the lists that equal them."""

    stuck: str
    late: str
    due: str


def headline(stuck: Backlog, links: Links, arrived: int, late: int) -> SafeString:
    """The Tower's sentence: "€x is stuck between systems. €y is already late and …"."""
    if not stuck.count:
        return _calm(links, arrived, late)
    whole, due = Part(stuck.count, stuck.value), stuck.due_today
    parts = {
        "stuck": _link(
            links.stuck, "is-stuck", whole, pgettext("an amount", "{what} is stuck"),
            ngettext("{what} is stuck", "{what} are stuck", whole.count),
        ),
        "late": _link(
            links.late, "", stuck.late, pgettext("an amount", "{what} is already late"),
            ngettext("{what} is already late", "{what} are already late", stuck.late.count),
        ),
        "due": _link(
            links.due, "", due, pgettext("an amount", "{what} falls due today"),
            ngettext("{what} falls due today", "{what} fall due today", due.count),
        ),
    }  # fmt: skip
    if stuck.late.count and stuck.due_today.count:
        return format_html(_("{stuck} between systems. {late} and {due}."), **parts)
    if stuck.late.count:
        return format_html(_("{stuck} between systems. {late}."), **parts)
    if stuck.due_today.count:
        return format_html(_("{stuck} between systems. Nothing is late yet; {due}."), **parts)
    return format_html(
        _("{stuck} between systems. Nothing is late, and nothing falls due today."), **parts
    )


def _calm(links: Links, arrived: int, late: int) -> SafeString:
    calm = format_html('<a class="is-calm" href="{}">{}</a>', links.stuck, _("Nothing is stuck."))
    if not arrived:
        return format_html(_("{calm} Nothing has arrived since midnight."), calm=calm)
    shown = formats.number(arrived)
    if late:
        sentence = ngettext(
            "{calm} {n} transaction has arrived since midnight, {late} after its promise.",
            "{calm} {n} transactions have arrived since midnight, {late} after their promise.",
            arrived,
        )
    else:
        sentence = ngettext(
            "{calm} {n} transaction has arrived since midnight, in time.",
            "{calm} {n} transactions have arrived since midnight, all in time.",
            arrived,
        )
    return format_html(sentence, calm=calm, n=shown, late=formats.number(late))


def _link(url: str, tone: str, part: Part, worth: str, counted: str) -> SafeString:
    """A figure as a link; what has no value in the reporting currency is counted instead."""
    if part.value.minor:
        what, phrase = format_html("<b>{}</b>", formats.compact(part.value)), worth
    else:
        what, phrase = format_html("<b>{}</b>", transactions(part.count)), counted
    text = format_html(phrase, what=what)
    return format_html('<a{} href="{}">{}</a>', _class(tone), url, text)


def _class(tone: str) -> SafeString:
    return format_html(' class="{}"', tone) if tone else SafeString("")


def transactions(count: int) -> str:
    """ "3 transactions"."""
    return ngettext("%(n)s transaction", "%(n)s transactions", count) % {"n": formats.number(count)}


def noun(step: str, count: int) -> str:
    """What hangs on a cause, by the step that is stuck: "39 invoices"."""
    shown = {"n": formats.number(count)}
    if step in {"post", "draft", "status"}:
        return ngettext("%(n)s invoice", "%(n)s invoices", count) % shown
    if step == "billing-event":
        return ngettext("%(n)s billing event", "%(n)s billing events", count) % shown
    if step in {"customer", "client", "client-link"}:
        return ngettext("%(n)s client", "%(n)s clients", count) % shown
    if step == "project":
        return ngettext("%(n)s project", "%(n)s projects", count) % shown
    if step.startswith("milestone"):
        return ngettext("%(n)s milestone", "%(n)s milestones", count) % shown
    if step == "link":
        return ngettext("%(n)s deal", "%(n)s deals", count) % shown
    return absences.noun(count) if absences.is_milestone(step) else transactions(count)


def verb(kind: str, *, has_owner: bool, has_fix: bool, may_replay: bool, may_assign: bool) -> str:
    """The one thing that this person can do about a cause next."""
    if not (may_replay or may_assign):
        return _("Look into it")
    if kind == Kind.PERIOD_CLOSED:
        return _("Decide")
    if kind == Kind.UNKNOWN:
        return _("Clear the doubt")
    if absences.is_absence(kind):
        return _("Look into it") if has_owner or not may_assign else _("Assign")
    if has_fix and may_replay:
        return _("Review and replay")
    if not has_owner and may_assign:
        return _("Assign")
    return _("Review and replay") if may_replay else _("Look into it")


def fix_ready(mapping: str, number: int, since: datetime, now: datetime) -> str:
    """A newer mapping than the one that failed is in use."""
    return _("Fix ready: “%(mapping)s” v%(n)d, in use since %(when)s") % {
        "mapping": mapping,
        "n": number,
        "when": formats.when(since, now),
    }


def connected(missing: Sequence[str], who: str) -> str:
    """The first step of a new tower, done or what is missing, and whose it is."""
    if not missing:
        return _("Done: the systems are known. Health shows whether they answer.")
    words = _("%(missing)s Say where they are and how to sign in. Whose it is: %(who)s.")
    return words % {"missing": " ".join(missing), "who": who}


def totals_note(currency: str, rates: date | None, unpriced: int) -> str:
    """Which rates a converted total rests on, and what it leaves out."""
    parts = []
    if rates is not None:
        day = format_skeleton("MMMMd", rates, locale=formats.locale())
        parts.append(
            _("totals in %(currency)s at the rates of %(day)s") % {"currency": currency, "day": day}
        )
    if unpriced:
        parts.append(
            ngettext(
                "%(n)s without a known rate is not in the totals",
                "%(n)s without a known rate are not in the totals",
                unpriced,
            )
            % {"n": formats.number(unpriced)}
        )
    return "; ".join(parts)


def promise_mark(slowest: timedelta | None, promise: timedelta) -> Mark:
    """How a process stands to its promise, by its slowest tenth."""
    if slowest is None:
        return Mark("nt", _("Nothing ended yet"))
    if slowest > promise:
        return Mark("br", _("Missing its promise"))
    if slowest > promise * 0.85:
        return Mark("rk", _("Close to the limit"))
    return Mark("ok", _("On promise"))


def feed_token(kind: str) -> str:
    """The state token of a timeline entry."""
    tokens = {
        "ok": {"verified", "done", "acked", "delivered", "resolved_externally"},
        "br": {"parked", "dead_lettered"},
        "wt": {"held", "waiting"},
        "rk": {"unknown", "changed_later"},
        "nt": {"skipped", "cancelled", "superseded", "written_off"},
    }
    return next((token for token, kinds in tokens.items() if kind in kinds), "mv")


def condition_mark(condition: str, *, last_ok: datetime | None, now: datetime) -> Mark:
    """A system's condition in words; a silent one says for how long."""
    words = {
        "closed": Mark("ok", _("Healthy")),
        "unread": Mark("rk", _("Not all read")),
        "slow": Mark("rk", _("Slow")),
        "testing": Mark("rk", _("Circuit testing")),
        "open": Mark("br", _("Circuit open")),
        "paused": Mark("wt", _("Paused")),
        "refused": Mark("br", _("Sign-in refused")),
        "held": Mark("wt", _("Asked us to wait")),
    }
    if condition in words:
        return words[condition]
    if last_ok is None:
        return Mark("nt", _("Not called yet"))
    return Mark("nt", _("Silent for %(length)s") % {"length": formats.duration(now - last_ok)})


def queue_note(title: str, waiting: int, worth: Money, calls_an_hour: int) -> str:
    """What waits for a system now and what would join it during a pause."""
    parts = []
    if waiting:
        parts.append(
            ngettext(
                "%(n)s call for %(system)s worth %(value)s waits now.",
                "%(n)s calls for %(system)s worth %(value)s wait now.",
                waiting,
            )
            % {"n": formats.number(waiting), "system": title, "value": formats.compact(worth)}
        )
    else:
        parts.append(_("Nothing waits for %(system)s now.") % {"system": title})
    if calls_an_hour:
        parts.append(
            _("At the present pace about %(n)s calls an hour would queue.")
            % {"n": formats.number(calls_an_hour)}
        )
    parts.append(_("Nothing is lost: they go out in their order afterwards."))
    return " ".join(parts)


def rule(given: Mapping[str, Any]) -> str:
    """A mapping rule in words."""
    kind = given.get("rule")
    if kind == "constant":
        return _("always “%(value)s”") % {"value": given.get("value")}
    if kind == "value_map":
        return _("by this table; anything else is refused")
    if kind == "each":
        count = len(given.get("rules", ()))
        return ngettext(
            "each line, by %(n)d rule", "each line, by %(n)d rules", count
        ) % {"n": count}  # fmt: skip
    return _("as it is")
