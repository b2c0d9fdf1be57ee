"""One step in detail: fields, what was sent, the answer, tries, its mapping, the audit trail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.canonical.rules import walk
from controltower.firm.models import AuditEntry, Person
from controltower.firm.rights import Right, may
from controltower.mappings.models import MappingVersion
from controltower.transactions.models import Attempt, Step, TimelineEntry
from controltower.transactions.protocol import MOST_TRIES, Purpose, State
from controltower.web import formats, mapping_rules, privacy, received, standing
from controltower.web.step_fields import fields_of
from controltower.web.transaction_chain import Chain
from controltower.web.transaction_journey import waits_for

TABS = ("fields", "sent", "answer", "tries", "mapping", "audit")
MOST_ENTRIES = 200


def detail_of(
    chain: Chain,
    step: Step | None,
    person: Person,
    query: Mapping[str, str],
    session: SessionBase,
    now: datetime,
) -> dict[str, Any]:
    """The context of `transactions/_detail.html`."""
    tab = query.get("tab", "")
    outside = step is not None and step.system is not None
    tab = (tab if tab in TABS else "fields") if outside else "audit"
    mask = privacy.lifted(chain.mask, chain.chosen, person, session, now)
    context: dict[str, Any] = {"tab": tab, "tabs": _tabs(chain, step, tab)}
    if step is None:
        context["step"] = {"number": 0, "title": _("not begun"), "system": "", "summary": ""}
        return context | {"tab": "audit", **_audit(chain, person, mask)}
    context["step"] = {
        "number": step.position,
        "title": step.title,
        "system": step.system.title if step.system else "",
        "summary": _summary(chain.tries(step)),
        "waits_for": waits_for(step, chain.own) if not chain.tries(step) else "",
    }
    match tab:
        case "fields":
            return context | fields_of(chain, step, person, mask, now)
        case "sent" | "answer":
            return context | _payload(chain, step, tab, mask, now)
        case "tries":
            return context | _tries(chain, step, mask, now)
        case "mapping":
            return context | _mapping(step)
    return context | _audit(chain, person, mask)


def _tabs(chain: Chain, step: Step | None, current: str) -> list[tuple[str, str, bool]]:
    calls = len(chain.tries(step)) if step else 0
    version = step.mapping_version if step else None
    labels = {
        "fields": _("Fields"),
        "sent": _("Sent"),
        "answer": _("Answer"),
        "tries": _("Calls %(n)d") % {"n": calls} if calls else _("Calls"),
        "mapping": _("Mapping v%(n)d") % {"n": version.number} if version else _("Mapping"),
        "audit": _("Audit trail"),
    }
    name = step.name if step else ""
    return [
        (label, standing.url_of(chain.chosen, step=name, tab=tab), tab == current)
        for tab, label in labels.items()
        if tab == "audit" or (step is not None and step.system is not None)
    ]


def _summary(tries: Sequence[Attempt]) -> str:
    """ "Try 3 of 6 · 12:09:41 · 2.9 s · 422"."""
    sends = [one for one in tries if one.purpose != Purpose.READ_BACK]
    if not sends:
        return ""
    last = sends[-1]
    number = min(len(sends), MOST_TRIES)
    parts = [_("Try %(n)d of %(most)d") % {"n": number, "most": MOST_TRIES}]
    if len(sends) > MOST_TRIES:
        parts = [_("Try %(n)d") % {"n": len(sends)}]
    parts.append(formats.clock(last.started_at, zone=False, seconds=True))
    if last.milliseconds is not None:
        parts.append(formats.duration(last.milliseconds / 1000))
    if last.status:
        parts.append(str(last.status))
    return " · ".join(parts)


def _payload(
    chain: Chain, step: Step, tab: str, mask: privacy.Mask, now: datetime
) -> dict[str, Any]:
    """What went over the wire last, for this purpose, without personal data."""
    tries = step.attempts.exclude(purpose=Purpose.READ_BACK) if tab == "sent" else step.attempts
    last = tries.order_by("-number").first() if step.pk and chain.tries(step) else None
    if last is None:
        return {"payload": "", "payload_note": ""}
    text = last.request if tab == "sent" else last.response
    if tab == "sent" and not text and last.payload:
        text = json.dumps(last.payload, ensure_ascii=False, default=str)
    rules = step.mapping_version.rules if step.mapping_version else ()
    known = mask.knowing(
        chain.chosen.subject,
        step.sent,
        step.values,
        last.payload,
        rules=(rule for _at, _in, rule in walk(rules)),
    )
    text = known.text(text)
    at = formats.when(last.started_at, now)
    kept = _("Try %(n)d, %(at)s, as it went over the wire.") % {"n": last.number, "at": at}
    note = kept if not mask.hidden else f"{kept} {_('Personal data is hidden.')}"
    return {"payload": _indented(text), "payload_note": note}


def _indented(text: str) -> str:
    """JSON bodies with line breaks; anything else as it came."""
    head, gap, body = text.rpartition("\n\n")
    try:
        return head + gap + json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return text


PURPOSES = {
    Purpose.SEND: gettext_lazy("send"),
    Purpose.PROBE: gettext_lazy("ask whether it exists"),
    Purpose.READ_BACK: gettext_lazy("read back"),
}


def _tries(chain: Chain, step: Step, mask: privacy.Mask, now: datetime) -> dict[str, Any]:
    tries = [
        {
            "number": one.number,
            "purpose": PURPOSES.get(Purpose(one.purpose), one.purpose),
            "state": one.state,
            "at": one.started_at,
            "milliseconds": one.milliseconds,
            "status": one.status,
            "text": mask.text(one.text),
            "mapping": f"v{one.mapping_version.number}" if one.mapping_version else "",
            "key": one.idempotency_key,
        }
        for one in chain.tries(step)
    ]
    ahead = step.state in {State.SCHEDULED, State.UNKNOWN, State.ACKED}
    return {
        "tries": tries,
        "next_try": step.due_at if ahead and step.due_at and step.due_at > now else None,
        "deadline": None if chain.chosen.is_over else chain.chosen.due_at,
    }


def _mapping(step: Step) -> dict[str, Any]:
    if step.mapping_version is None:
        return {"version": None, "rules": []}
    version = MappingVersion.objects.select_related("author", "mapping").get(
        pk=step.mapping_version.pk
    )
    return {
        "version": {
            "mapping": version.mapping.title,
            "label": f"v{version.number}",
            "url": reverse("mapping_version", args=[version.mapping.slug, version.number]),
            "note": version.note,
            "author": str(version.author),
            "active_from": version.active_from,
        },
        "rules": mapping_rules.rows(version.rules),
    }


TOKENS = {
    "parked": "br",
    "held": "wt",
    "unknown": "rk",
    "verified": "ok",
    "acked": "ok",
    "done": "ok",
    "skipped": "nt",
    "scheduled": "rk",
    "again": "mv",
    "decided": "wt",
}


def _audit(chain: Chain, person: Person, mask: privacy.Mask) -> dict[str, Any]:
    """The transaction's timeline and, for those who may see it, the decisions about it."""
    one = chain.chosen
    entries = list(TimelineEntry.objects.filter(transaction=one).order_by("-id")[:MOST_ENTRIES])
    lines = [
        (entry.at, TOKENS.get(entry.kind, "nt"), entry.actor, entry.text) for entry in entries[::-1]
    ]
    if may(person, Right.SEE_AUDIT, one.entity.code if one.entity else None):
        decided = AuditEntry.objects.filter(Q(subject=one.reference)).order_by("-id")[:MOST_ENTRIES]
        lines += [(row.at, "ok" if row.allowed else "br", row.actor, _said(row)) for row in decided]
    lines.sort(key=lambda line: line[0])
    return {
        "timeline": [
            {"at": at, "token": token, "actor": actor, "text": mask.text(text)}
            for at, token, actor, text in lines
        ],
        **received.shown(one, mask),
    }


def _said(row: AuditEntry) -> str:
    words = row.verb if row.allowed else _("%(verb)s: denied") % {"verb": row.verb}
    reason = str(row.detail.get("reason") or "")
    return _("Decision: %(words)s. %(reason)s") % {"words": words, "reason": reason}
