"""What helps a transaction on, in words: the best way first, and what will not help."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from controltower.canonical.verdicts import Kind
from controltower.mappings.models import MappingVersion, VersionState
from controltower.transactions import findings
from controltower.transactions.models import Step, TransactionState, WaitKind
from controltower.web import absences, amend_actions, settlements, standing
from controltower.web.doubt_actions import ways_on
from controltower.web.transaction_chain import Chain

Option = tuple[str, bool]


def options_for(chain: Chain, now: datetime) -> list[Option]:
    """The ways on, the best first; (words, whether it helps). Empty when nothing is needed."""
    one, trouble = chain.chosen, chain.trouble
    if one.is_over:
        return []
    if one.gathering:
        return [
            (_("Wait: the billing run begins by itself."), True),
            (_("Bill now, if the invoice should go out with what is here."), True),
        ]
    if trouble is None or trouble.state not in standing.STUCK:
        return _while_moving(chain)
    return _under_way(chain) or _out_of(chain, trouble)


def _under_way(chain: Chain) -> list[Option]:
    """What somebody has begun already."""
    if chain.proposed is not None:
        return [(settlements.told(chain.proposed, chain.person), True)]
    return [(_("Wait for the replay that has it."), True)] if chain.replaying else []


def _out_of(chain: Chain, trouble: Step) -> list[Option]:
    if trouble.kind == Kind.PERIOD_CLOSED:
        return _closed_period()
    if standing.in_doubt(trouble):
        return _doubt(trouble)
    if absences.is_absence(trouble.kind):
        return absences.ways_on()
    return _refused(chain, trouble)


def _while_moving(chain: Chain) -> list[Option]:
    one = chain.chosen
    if one.state == TransactionState.WAITING and one.wait == WaitKind.CIRCUIT_OPEN:
        return [
            (_("Wait: it goes on by itself once the system answers."), True),
            (_("Replaying will not help before that."), False),
        ]
    return []


def _closed_period() -> list[Option]:
    return [
        (_("Bill it in the open period."), True),
        (_("Reopen the period in the ERP, then say so here: it is tried again at once."), True),
        (_("Book it by hand and settle it here with a reason."), True),
        (_("Waiting will not help: a closed period stays closed."), False),
    ]


def _doubt(step: Step) -> list[Option]:
    system = step.system.title if step.system else ""
    if findings.decidable(step):
        return ways_on(step, system)
    asked = _("Ask %(system)s whether it exists. If it does, it is linked and not sent again.")
    looked = _("Look it up in %(system)s by our reference, then settle it here with a reason.")
    return [
        (asked % {"system": system}, True),
        (looked % {"system": system}, True),
        (_("Sending it again by hand may double it."), False),
    ]


def _refused(chain: Chain, step: Step) -> list[Option]:
    options: list[Option] = []
    if chain.edited:
        words = _("%(edited)s It is sent once a second person has agreed.")
        options.append((words % {"edited": amend_actions.told(chain.edited)}, True))
    if newer := newer_mapping(step):
        words = _("Replay with mapping v%(new)d, in force now; it was sent with v%(old)d.")
        old = step.mapping_version.number if step.mapping_version else 0
        options.append((words % {"new": newer.number, "old": old}, True))
    options += _at_the_source(step)
    if chain.editable and not chain.edited:
        words = _("Edit what this step sends and try it again; the source record stays as it is.")
        options.append((words, True))
    options.append((_("Waiting will not help: nobody tries it again by itself."), False))
    return options


def _at_the_source(step: Step) -> list[Option]:
    """Who must put what right, and where."""
    if step.kind in {Kind.AUTH, Kind.PERMISSION, Kind.CONTRACT}:
        words = _(
            "Have an integration operator put the connection or the mapping right, then replay."
        )
        return [(words, True)]
    if step.system is None or step.sent_at is None:
        field = _(" (field “%(field)s”)") % {"field": step.field} if step.field else ""
        words = _("Correct the source record%(field)s: the correction is taken up by itself.")
        return [(words % {"field": field}, True)]
    words = _("Put it right in %(system)s or in the source record, then replay.")
    return [(words % {"system": step.system.title}, True)]


def newer_mapping(step: Step) -> MappingVersion | None:
    """The version in force, when the step was sent with another one."""
    pinned = step.mapping_version
    if pinned is None:
        return None
    active = MappingVersion.objects.filter(mapping=pinned.mapping_id, state=VersionState.ACTIVE)
    newest = active.first()
    return newest if newest is not None and newest.pk != pinned.pk else None
