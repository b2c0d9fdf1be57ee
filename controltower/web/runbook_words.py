"""Runbooks in words: what a step does, what a runbook fits, and what differs between versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from controltower.canonical.verdicts import Kind
from controltower.incidents import steps
from controltower.processes.catalogue import WATCHES
from controltower.systems.models import System
from controltower.web.plain_names import each_of
from controltower.web.sayings import heard

FAILURES: Mapping[str, Promise] = {
    Kind.TRANSIENT: gettext_lazy("passing trouble"),
    Kind.RATE_LIMITED: gettext_lazy("rate limited"),
    Kind.AUTH: gettext_lazy("sign-in refused"),
    Kind.PERMISSION: gettext_lazy("right missing"),
    Kind.VALIDATION: gettext_lazy("not valid"),
    Kind.REFERENCE_MISSING: gettext_lazy("reference missing"),
    Kind.PERIOD_CLOSED: gettext_lazy("period closed"),
    Kind.DUPLICATE: gettext_lazy("duplicate"),
    Kind.CONFLICT: gettext_lazy("conflict"),
    Kind.NOT_FOUND: gettext_lazy("not found"),
    Kind.ALREADY_DONE: gettext_lazy("already done"),
    Kind.OUTAGE: gettext_lazy("outage"),
    Kind.CONTRACT: gettext_lazy("not as agreed"),
    Kind.UNKNOWN: gettext_lazy("in doubt"),
}
"""What kinds of failure are called."""
KINDS = {
    steps.CHECK: gettext_lazy("Check"),
    steps.ACT: gettext_lazy("Act"),
    steps.DECIDE: gettext_lazy("Decide"),
    steps.WAIT: gettext_lazy("Wait"),
}
ICONS = {
    steps.CHECK: "eye",
    steps.ACT: "zap",
    steps.DECIDE: "circle-question-mark",
    steps.WAIT: "hourglass",
}
CHECKS = {
    steps.REACHABLE: gettext_lazy("the system answers"),
    steps.PERIOD_OPEN: gettext_lazy("the period is open"),
    steps.NOTHING_STUCK: gettext_lazy("nothing of it is stuck"),
    steps.HOW_MANY: gettext_lazy("how many are stuck"),
}
ACTS = {
    steps.REPLAY: gettext_lazy("Plan the replay"),
    steps.PAUSE: gettext_lazy("Pause the system"),
    steps.RESUME: gettext_lazy("Resume the system"),
    steps.NEXT_PERIOD: gettext_lazy("Bill in the open period"),
    steps.REOPENED: gettext_lazy("The period has been reopened"),
    steps.CREDIT: gettext_lazy("Not owed: credit it"),
    steps.WRITE_AGAIN: gettext_lazy("Write it once more"),
    steps.LET_STAND: gettext_lazy("Let it stand there"),
    steps.ELSEWHERE: gettext_lazy("Settled elsewhere"),
    steps.WRITE_OFF: gettext_lazy("Write off"),
}
FITS = {
    "kinds": gettext_lazy("Kind of failure"),
    "words": gettext_lazy("Title says, as it is kept"),
    "steps": gettext_lazy("Step"),
    "systems": gettext_lazy("System"),
}

STEPS: Mapping[str, Promise | str] = {
    **{one.name: one.title for watch in WATCHES for one in watch.milestones},
    "refresh": gettext_lazy("Bring the dashboards up to date"),
}
"""What steps are called by whose name alone the demo firm's runbooks know what they fit. Other
names, such as "check", mean steps of several processes, which have titles of their own."""

PHRASES = each_of(
    """
    a rule there must do so; above the cap of its contract; above the retainer of its contract; An
    approval was taken back after its invoice had been begun; assignments that go on; but costs;
    but its contract is in; but the ERP has both; but the place; but the spend system; Cost
    account; did not take pay input; from another HR record; has a retainer; hours that the place
    asks for; Input tax; is coded to; is on leave on each of; is placed as; laid out money in; More
    is billed than is agreed; names no legal entity; names several; no currency the firm trades in;
    nothing is charged to it; on this place; place asks for; project template of the firm; project
    template “; project templates are; so that nobody knows how much may be billed; tax code; the
    CRM has merged them; times within a day; voided; was approved, but they are scheduled; was
    deleted in the CRM; which the firm does not have; without a last day; without an employee number
    """
)
"""Words of titles by which the demo firm's runbooks know what they fit."""


def row(rule: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A step for a list: its number, kind, title, and what it does in words."""
    return {
        "number": number,
        "kind": str(KINDS[rule["kind"]]),
        "icon": ICONS[rule["kind"]],
        "title": rule["title"],
        "words": rule.get("words", ""),
        "does": does(rule),
    }


def does(rule: Mapping[str, Any]) -> str:
    """What the step does, and where it goes on when that is not the next one."""
    to = rule.get("to", steps.NEXT)
    return _does(rule) if to == steps.NEXT else f"{_does(rule)} → {_place(to)}"


def _does(rule: Mapping[str, Any]) -> str:
    kind, what = rule["kind"], rule.get("what", "")
    if kind == steps.CHECK:
        return _("We look: %(what)s") % {"what": CHECKS[what]}
    if kind == steps.ACT:
        return _("Button: %(what)s") % {"what": ACTS[what]}
    if kind == steps.DECIDE:
        return " · ".join(_choice(one) for one in rule["choices"])
    minutes = rule["minutes"]
    length = ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    if what:
        words = _("Until %(what)s, for %(length)s at most")
        return words % {"what": CHECKS[what], "length": length}
    return _("For %(length)s") % {"length": length}


def _choice(choice: Mapping[str, Any]) -> str:
    to = choice.get("to", steps.NEXT)
    label = str(heard(choice["label"]))
    return label if to == steps.NEXT else f"{label} → {_place(to)}"


def _place(to: int | str) -> str:
    return _("the end") if to == steps.END else _("step %(n)d") % {"n": to}


def fits(said: Mapping[str, Any], *, as_kept: bool = True) -> list[tuple[str, str]]:
    """What a version is for: (label, words). A list spares its reader how a title is kept, steps
    that have no title of their own, and all of them where words of the title tell more."""
    labels = FITS if as_kept else FITS | {"words": gettext_lazy("Title says")}
    if not as_kept:
        named = () if said.get("words") else [one for one in said.get("steps", ()) if one in STEPS]
        said = {**said, "steps": named}
    found = [
        (str(label), ", ".join(_fit(name, one, as_kept=as_kept) for one in said[name]))
        for name, label in labels.items()
        if said.get(name)
    ]
    return [*found, (_("Condition"), _("a system does not answer"))] if said.get("down") else found


def _fit(name: str, one: str, *, as_kept: bool) -> str:
    """Words of a title are quoted, as its reader finds them and as they are compared: with the
    title as it is kept."""
    if name == "systems":
        return System.objects.filter(slug=one).values_list("title", flat=True).first() or one
    if name == "steps":
        return str(heard(STEPS.get(one, one)))
    if name != "words":
        return str(FAILURES.get(one, one))
    said = heard(one)
    if said == one or not as_kept:
        return _("“%(said)s”") % {"said": said}
    return _("“%(said)s” (kept as “%(kept)s”)") % {"said": said, "kept": one}


def changes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[dict[str, str]]:
    """What differs, step by step of the same title; added and removed ones besides."""
    old = {rule["title"]: _whole(rule) for rule in before}
    new = {rule["title"]: _whole(rule) for rule in after}
    found = []
    for title in [*new, *(one for one in old if one not in new)]:
        was, now = old.get(title, ""), new.get(title, "")
        if was != now:
            kind = "added" if not was else "removed" if not now else "changed"
            found.append({"kind": kind, "title": title, "before": was, "after": now})
    return found


def _whole(rule: Mapping[str, Any]) -> str:
    return ". ".join(
        one for one in (str(KINDS[rule["kind"]]), does(rule), rule.get("words")) if one
    )
