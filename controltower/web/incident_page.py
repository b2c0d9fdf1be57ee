"""One incident: what happened, what hangs on it, who leads, what to do, and what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.firm.rights import Right, entities_of
from controltower.incidents import grouping, runs
from controltower.incidents.models import (
    EntryKind,
    Incident,
    IncidentEntry,
    IncidentState,
    Message,
    RunState,
    RunStep,
    StepState,
)
from controltower.incidents.promises import QUIET_FOR
from controltower.measures import at_stake, exposure
from controltower.measures.exposure import Scope
from controltower.web import formats, incident_forms, meanwhile, offers, privacy, standing
from controltower.web.actions import Action, leave, ranked
from controltower.web.decisions import Reason
from controltower.web.exception_groups import letters_of
from controltower.web.incident_list import lines_of
from controltower.web.named import names_of
from controltower.web.sayings import heard

UNDER_WAY = (RunState.RUNNING, RunState.HALTED)
MOST_ENTRIES, MOST_AFFECTED = 200, 5
MARKS = {
    EntryKind.OPENED: ("siren", "br"),
    EntryKind.REOPENED: ("history", "br"),
    EntryKind.ACKNOWLEDGED: ("user-round", "mv"),
    EntryKind.HANDED: ("users-round", "mv"),
    EntryKind.SEVERITY: ("triangle-alert", "rk"),
    EntryKind.LINKED: ("link", "nt"),
    EntryKind.MISSED: ("timer", "br"),
    EntryKind.UPDATE: ("pencil", "nt"),
    EntryKind.RUNBOOK: ("list-checks", "mv"),
    EntryKind.MITIGATED: ("shield-check", "rk"),
    EntryKind.QUIET: ("hourglass", "nt"),
    EntryKind.RESOLVED: ("circle-check", "ok"),
    EntryKind.REVIEWED: ("book-open", "nt"),
}


def present(incident: Incident, seen: Scope, now: datetime) -> dict[str, Any]:
    """The context of `incidents/incident.html`."""
    person = seen.person
    (line,) = lines_of([incident], seen, now)
    offered = offers.for_incident(incident, person, now)
    acts = actions_of(incident, seen, now)
    runbook = offers.runbook_act(offered) if incident.is_open else None
    follows = runbook is not None and incident.quiet_since is None
    lead = "take" if incident.owner != person else runbook.id if runbook and follows else ""
    entries = list(incident.entries.order_by("-at", "-pk")[:MOST_ENTRIES])
    names = names_of([*(one.actor for one in entries), incident.reviewed_by])
    told = _told(entries)
    return {
        "now": now,
        "crumbs": [(_("Incidents"), reverse("incidents")), (incident.name, "")],
        "incident": incident,
        "line": line,
        "happened": _happened(incident, now),
        "goes_on": [*filter(None, [_at_hand(incident), _first_due(incident, seen, now)])]
        if incident.is_open
        else [],
        "affected": incident.affected[:MOST_AFFECTED] if entities_of(person) is None else [],
        "causes": _causes(incident, seen),
        "systems": list(incident.systems.all()),
        "linked": [
            (one.title, standing.url_of(one), one.reference)
            for one in exposure.transactions(seen).filter(pk__in=incident.transactions.all())
        ],
        "timeline": [_entry(one, names, seen) | {"told": told.get(one.pk, "")} for one in entries],
        "reviewed_by": names[incident.reviewed_by],
        "offered": ranked([*filter(None, [runbook]), *acts], lead),
        **offered,
    }


def _happened(incident: Incident, now: datetime) -> str:
    """Where it stands, in one sentence."""
    if incident.state == IncidentState.REVIEWED:
        return _("It is over, and its review is written.")
    if incident.state == IncidentState.RESOLVED:
        return _("It is over. Somebody must still write what was learnt.")
    if incident.quiet_since is not None:
        end = formats.when(incident.quiet_since + QUIET_FOR, now)
        if incident.halted:
            return _("It is quiet. From %(at)s on somebody may say what it was.") % {"at": end}
        return _("It is quiet. If nothing comes back it resolves at %(at)s.") % {"at": end}
    if incident.state == IncidentState.TRIGGERED:
        return _("Nobody has acknowledged it yet.")
    if incident.state == IncidentState.MITIGATED:
        return _("It does no more harm, but its cause is still there.")
    return _("It lasts, and %(name)s is at it.") % {"name": incident.owner or _("somebody")}


def _at_hand(incident: Incident) -> str:
    """What its runbook has come to: "Step 5 is at hand: Replay what is stuck"."""
    steps = RunStep.objects.filter(run__incident=incident, run__state__in=UNDER_WAY)
    step = steps.filter(state__in=runs.AT_HAND).order_by("-run", "position").first()
    if step is None:
        return ""
    words = {"n": step.position, "title": heard(str(step.rule["title"]))}
    if step.state == StepState.FAILED:
        return _("The runbook has halted at step %(n)d: %(title)s") % words
    return _("Step %(n)d of the runbook is at hand: %(title)s") % words


def _first_due(incident: Incident, seen: Scope, now: datetime) -> str:
    """When the first promise about it ends, or has ended."""
    rows = exposure.transactions(seen).filter(pk__in=at_stake.hanging_on(incident).values("pk"))
    due = rows.aggregate(first=Min("due_at"))["first"]
    if due is None:
        return ""
    words = (
        _("The first of it was due %(at)s.") if due < now else _("The first of it is due %(at)s.")
    )
    return words % {"at": formats.when(due, now)}


def _causes(incident: Incident, seen: Scope) -> list[dict[str, Any]]:
    """Linked groups, with the same figures as on their own pages. One that was joined with
    another is that other one, which is listed once."""
    linked = list(incident.causes.all())
    under = {one: grouping.joined_into(one) for one in linked}
    causes = [one for one in linked if under[one] not in linked]
    letters = exposure.priced(letters_of(seen).filter(cause__in=causes), "transaction__")
    found = exposure.stakes(letters, "cause", at="transaction__")
    empty = exposure.Stake()
    return [
        {
            "title": privacy.masked_text(one.title),
            "url": reverse("exception", args=[one.pk]),
            "joined": under[one] is not None,
            "count": found.get((one.pk,), empty).count,
            "value": Money.of(found.get((one.pk,), empty).amount, exposure.reporting_currency()),
        }
        for one in causes
    ]


def _entry(entry: IncidentEntry, names: Mapping[str, str], seen: Scope) -> dict[str, Any]:
    icon, token = MARKS[EntryKind(entry.kind)]
    return {
        "at": entry.at,
        "kind": entry.get_kind_display(),
        "icon": icon,
        "token": token,
        "actor": names[entry.actor],
        "text": privacy.masked_text(entry.text),
        "evidence": evidence(entry.figures, seen),
    }


def _told(entries: Iterable[IncidentEntry]) -> dict[int, str]:
    """Who got a message of which line, by their names."""
    sent = Message.objects.filter(entry__in=[one.pk for one in entries]).select_related("person")
    people: dict[int, dict[str, None]] = {}
    for message in sent.order_by("person__last_name", "person__first_name", "pk"):
        assert message.entry_id is not None
        people.setdefault(message.entry_id, {})[str(message.person)] = None
    return {pk: ", ".join(names) for pk, names in people.items()}


def evidence(figures: Iterable[Mapping[str, Any]], seen: Scope) -> str:
    """The figures of that moment, as far as this person sees: "3 stuck, €48,200.00"."""
    lines = list(figures)
    if not lines:
        return ""
    kept = at_stake.kept(lines, seen)
    if not kept.count:
        return _("nothing stuck")
    words = _("%(n)d stuck, %(money)s") % {
        "n": kept.count,
        "money": formats.amount(kept.amount, kept.currency),
    }
    if not kept.late:
        return words
    late = _("%(money)s of it late") % {"money": formats.amount(kept.late, kept.currency)}
    return f"{words}, {late}"


def actions_of(incident: Incident, seen: Scope, now: datetime) -> list[Action]:
    """What may be done next, the most likely first."""
    if not incident.is_open:
        written = incident.state == IncidentState.REVIEWED
        words = _("Add to the review") if written else _("Write the review")
        return [
            _action(incident, seen.person, "review", words, "book-open",
                    incident_forms.Review(auto_id="review-%s"), primary=not written)
        ]  # fmt: skip
    person, mine = seen.person, incident.owner == seen.person
    take = _action(incident, person, "take", _("Take it"), "user-round", primary=True, key="a",
                   seen=meanwhile.standing(incident))  # fmt: skip
    initial = {"owner": incident.owner or person, "deputy": incident.deputy}
    rest = [
        _action(incident, person, "update", _("Say how it stands"), "pencil",
                incident_forms.Update(auto_id="update-%s"), primary=mine, key="e"),
        _action(incident, person, "hand-over", _("Hand over"), "users-round",
                incident_forms.HandOver(auto_id="hand-%s", initial=initial), seldom=True,
                seen=meanwhile.standing(incident)),
        _action(incident, person, "link", _("Link"), "link",
                incident_forms.Link(auto_id="link-%s", seen=seen), seldom=True),
    ]  # fmt: skip
    if incident.state != IncidentState.MITIGATED:
        rest.append(
            _action(incident, person, "mitigate", _("Mitigated"), "shield-check",
                    Reason(auto_id="mitigate-%s"))
        )  # fmt: skip
    if incident.quiet_since is not None and now - incident.quiet_since >= QUIET_FOR:
        rest.append(
            _action(incident, person, "close", _("Resolve"), "circle-check",
                    Reason(auto_id="close-%s"))
        )  # fmt: skip
    return rest if mine else [take, *rest]


TITLES = {
    "take": gettext_lazy("Take this incident? You owe the next update from now on."),
    "update": gettext_lazy("How does it stand?"),
    "hand-over": gettext_lazy("Who leads it?"),
    "link": gettext_lazy("What else belongs to it?"),
    "mitigate": gettext_lazy("What keeps it from doing more harm?"),
    "close": gettext_lazy("What was it?"),
    "review": gettext_lazy("What was learnt?"),
}
ROUTES = {
    "take": "incident_owners",
    "update": "incident_updates",
    "hand-over": "incident_hand_overs",
    "link": "incident_links",
    "mitigate": "incident_mitigations",
    "close": "incident_closings",
    "review": "incident_reviews",
}


def _action(
    incident: Incident,
    person: Person,
    name: str,
    label: str,
    icon: str,
    form: forms.Form | None = None,
    *,
    primary: bool = False,
    seldom: bool = False,
    seen: str = "",
    key: str = "",
) -> Action:
    may = leave(person, Right.LEAD_INCIDENT)
    return Action(
        id=name,
        label=label,
        title=str(TITLES[name]),
        url=reverse(ROUTES[name], args=[incident.pk]),
        confirm=label,
        form=form,
        icon=icon,
        key=key,
        primary=primary,
        seldom=seldom,
        seen=seen,
        allowed=may.allowed,
        why_not=may.why_not,
    )
