"""The fields of a step: source, value, target, and which of them the target refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.canonical import personal
from controltower.canonical.rules import FieldLine, apply
from controltower.firm.models import Person
from controltower.processes.definition import Send
from controltower.systems.models import Feed
from controltower.transactions.facts import definitions, facts
from controltower.transactions.models import Step, Transaction
from controltower.web import formats, privacy, standing
from controltower.web.remedies import reveal_action
from controltower.web.transaction_chain import Chain


@dataclass(frozen=True, slots=True)
class Line:
    """One field of the step as it is shown."""

    label: str
    source: str
    value: str
    target: str
    sent: str
    masked: bool = False
    refused: bool = False
    reason: str = ""


def fields_of(
    chain: Chain, step: Step, person: Person, mask: privacy.Mask, now: datetime
) -> dict[str, Any]:
    """The context of the tab "fields"."""
    version = step.mapping_version
    known = mask.knowing(chain.chosen.subject, step.sent, step.values)
    lines = [_line(line, step, known) for line in mapped_lines(chain.chosen, step, now)]
    return {
        "fields": lines,
        "mapping": f"v{version.number}" if version else "",
        "source_system": _source_of(chain.chosen),
        "target_system": step.system.title if step.system else _("Control Tower"),
        "reveal": reveal_action(chain.chosen, person)
        if any(line.masked for line in lines)
        else None,
    }


def _source_of(one: Transaction) -> str:
    """The system by whose feed the transaction's first fact came; another door names none."""
    told = one.items.order_by("pk").values_list("source", flat=True).first() or ""
    connection, _slash, entity = told.partition("/")
    feeds = Feed.objects.filter(system__connection=connection, entity=entity)
    return feeds.values_list("system__title", flat=True).first() or _("the source")


def mapped_lines(one: Transaction, step: Step, now: datetime) -> list[FieldLine]:
    """The fields as the pinned version maps them: of what was sent, or of what would be sent."""
    record: Mapping[str, Any] = step.sent or _prepared(one, step, now)
    if step.mapping_version is not None:
        return apply(step.mapping_version.rules, record).lines
    return [
        FieldLine(
            label=name.replace("_", " ").capitalize(),
            source=name,
            value=value,
            target=name,
            sent=value,
        )
        for name, value in record.items()
        if not isinstance(value, dict)
    ]


def _prepared(one: Transaction, step: Step, now: datetime) -> Mapping[str, Any]:
    """What the process would send now, for a step that never left the tower."""
    if step.system is None or step.state not in standing.STUCK:
        return {}
    known = facts(one, now)
    try:
        prepared = definitions(one, known)[step.name].prepare(known)
    except (KeyError, AssertionError):
        return {}
    return prepared.record if isinstance(prepared, Send) else {}


def _line(line: FieldLine, step: Step, mask: privacy.Mask) -> Line:
    rule = {"source": line.source, "target": line.target, "personal": line.personal}
    carries = personal.rule_kind(rule) in mask.hidden or mask.hides(line.source, line.value)
    hidden = bool(line.value) and carries
    field = step.field if step.state in standing.STUCK else ""
    refused = bool(field) and field in {line.target, line.source, line.source.rpartition(".")[2]}
    written = _written(line.value, mask)
    return Line(
        label=line.label,
        source=line.source,
        value=privacy.masked(line.value) if hidden else formats.grouped(written),
        target=line.target,
        sent=privacy.masked(line.sent) if hidden else _written(line.sent, mask),
        masked=hidden,
        refused=refused,
        reason=mask.text(step.text) if refused else "",
    )


def _written(value: Any, mask: privacy.Mask) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        words = ngettext("%(n)d line, see Sent", "%(n)d lines, see Sent", len(value))
        return words % {"n": len(value)}
    if isinstance(value, dict):
        return json.dumps(mask.record(value), ensure_ascii=False)
    return mask.text(str(value))
