"""Contracts as the tower's own books know them: the cap of each and what is billed under it, the
retainer of each and what it has covered.

Both are read while the row of the contract's signing is locked: of two invoices that are prepared
at the same time, the second one sees what the first one takes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.fields.json import KT

from controltower.processes import (
    capped_work,
    contract_terms,
    credit_and_rebill,
    project_change_to_forecast,
    quote_to_cash,
    retained_work,
    revenue_forecast,
    time_and_expense_to_billing,
    withdrawn_work,
)
from controltower.transactions.cases import Case
from controltower.transactions.models import (
    REACHED,
    BusinessKey,
    Expectation,
    Item,
    Step,
    Transaction,
    TransactionState,
)
from controltower.transactions.protocol import State

NOT_BILLED = (
    TransactionState.CANCELLED,
    TransactionState.SUPERSEDED,
    TransactionState.WRITTEN_OFF,
)
BILLING = time_and_expense_to_billing.PROCESS.name
COUNTED = (BILLING, credit_and_rebill.PROCESS.name)


def agreed(case: Case) -> Mapping[str, Any]:
    """The contracts that say how much is billed of a case's work, by project: `cap`, if any, with
    the changes agreed since, and what other transactions have `billed` under it, in `currency`;
    and the `retainer`, if any: its terms, and what of it is used. Or only the `terms` that nobody
    can read. Projects of one `chain` share its contract, and what was billed or used under it."""
    chains = set[tuple[str, str]]()
    for item in case.items:
        project = item.record.get("project") or {}
        if chain := project.get("correlation_id"):
            chains.add((chain, str(project["source_id"])))
    found = {}
    for chain, project in sorted(chains):
        if contract := _signed(chain):
            found[project] = _told(contract, chain, project, case)
    return {"contracts": found}


def _told(contract: Mapping[str, Any], chain: str, project: str, case: Case) -> dict[str, Any]:
    """Work above a retainer is billed as far as the contract's cap lets it; one that holds such
    work caps it at what change orders have agreed to."""
    told: dict[str, Any] = {
        "number": contract["number"] or contract["name"] or contract["source_id"],
        "currency": contract["currency"],
        capped_work.CHAIN: chain,
    }
    if unread := contract_terms.unread(contract):
        return told | {contract_terms.UNREAD: unread}
    asking = case.transaction
    cap, retained = Decimal(contract["cap"]), has_retainer(contract)
    sharing = {project, *_projects(chain)}
    if cap or (retained and contract["retainer_above"] == retained_work.HOLD):
        told["cap"] = str(cap + _agreed_since(chain, case))
        told["billed"] = str(_billed(sharing, asking))
        if withdrawn := _withdrawn(project, asking):
            told[capped_work.WITHDRAWN] = str(withdrawn)
    if retained:
        told["retainer"] = {"terms": dict(contract), "used": _used(sharing, asking)}
    return told


def has_retainer(contract: Mapping[str, Any]) -> bool:
    """Whether something is billed each month."""
    return bool(Decimal(contract.get("retainer") or 0))


def _signed(chain: str) -> Mapping[str, Any] | None:
    """The signed contract of a chain, which nobody else may count now; None when it has neither a
    cap nor a retainer, nor a term that cannot be read."""
    row = (
        Expectation.objects.select_related("met_by_event")
        .filter(correlation_id=chain, milestone=quote_to_cash.CONTRACT.name)
        .exclude(met_by_event=None)
        .first()
    )
    if row is None or row.met_by_event is None:
        return None
    contract = dict(row.met_by_event.record)
    decides = Decimal(contract["cap"]) or has_retainer(contract) or contract_terms.unread(contract)
    if not decides:
        return None
    Expectation.objects.select_for_update().get(pk=row.pk)
    return contract


def _projects(chain: str) -> set[str]:
    """The projects whose work was gathered under the contract of a chain, its own invoice or
    another chain's."""
    named = _named("correlation", chain).values_list("transaction", flat=True)
    own = Transaction.objects.filter(correlation_id=chain).values_list("pk", flat=True)
    items = Item.objects.filter(transaction__in={*own, *named}, process=BILLING)
    theirs = items.filter(record__project__correlation_id=chain).order_by()
    return set(theirs.values_list(KT("record__project__source_id"), flat=True).distinct())


def _named(kind: str, *values: str) -> QuerySet[BusinessKey]:
    return BusinessKey.objects.filter(kind=kind, value__in=values)


def _used(projects: Collection[str], but: Transaction) -> dict[str, str]:
    """What other transactions have covered of projects' work, by month, less what was given
    back."""
    used: dict[str, Decimal] = {}
    checks = _checks(*projects).filter(values__has_key="covered").exclude(transaction=but)
    for values in checks.values_list("values", flat=True):
        for part in values["covered"]:
            if part["project"] in projects:
                month = part["month"]
                used[month] = used.get(month, Decimal(0)) + Decimal(part["quantity"])
    return {month: str(quantity) for month, quantity in sorted(used.items())}


def covered(case: Case) -> Mapping[str, Any]:
    """What a retainer has `covered` of the work that a case takes back, and what of that was given
    back or taken back already; and what its contract has `held` above it. Nothing where work is
    billed as usual. Nobody else may count it now. Of work whose approval is taken back, what was
    `carried` through of it, which it may show otherwise by now."""
    item = case.items[0].record
    if not item["corrects"]:
        return _carried(case.items[0])
    chain = str((item.get("project") or {}).get("correlation_id") or "")
    contract = _signed(chain)
    if not (contract and has_retainer(contract)):
        return {}
    project, ref = str(item["project_id"]), str(item["corrects"])
    checks = _checks(project).exclude(transaction=case.transaction)
    parts = [
        (one.transaction.process == credit_and_rebill.PROCESS.name, part, one.values)
        for one in checks.filter(values__has_key="covered").select_related("transaction")
        for part in one.values["covered"]
        if part["item"] == ref
    ]
    held = {"held": str(_held(project, case.transaction))}
    original = next((part for is_back, part, _values in parts if not is_back), None)
    if original is None:
        return held
    back = [(part, values) for is_back, part, values in parts if is_back]
    return held | {
        "covered": {
            **original,
            "taken": str(sum((_uncovered(values) for _part, values in back), Decimal(0))),
            "back": str(sum((-Decimal(part["amount"]) for part, _v in back), Decimal(0))),
            "given": str(sum((-Decimal(part["quantity"]) for part, _v in back), Decimal(0))),
        }
    }


def _carried(taken_back: Item) -> Mapping[str, Any]:
    billed = Item.objects.filter(
        process=BILLING, source=taken_back.source, source_id=taken_back.source_id
    )
    amounts = billed.order_by("pk").values_list("record__amount", flat=True)
    return {withdrawn_work.CARRIED: amounts[0]} if amounts else {}


def _uncovered(values: Mapping[str, Any]) -> Decimal:
    """What a check of a correction has taken back that no retainer had covered."""
    return Decimal(values.get("held", 0)) - Decimal(values["takes_back"])


def _held(project: str, but: Transaction) -> Decimal:
    """What of a project's work waits above its contract: gathered, but neither billed nor covered,
    nor taken back or called off since."""
    checks = _checks(project).exclude(transaction=but)
    checked = checks.values("transaction")
    facts = Item.objects.filter(
        process=BILLING, transaction__keys__kind="project", transaction__keys__value=project
    )
    above = facts.filter(record__has_key="left_out_of")
    called_off = above.filter(transaction__ended_at__isnull=False).exclude(transaction__in=checked)
    gathered = facts.filter(transaction__in=checked).exclude(
        record__has_any_keys=["left_out_of", "retainer_month"]
    )
    gone = sum(
        (_settled(values, project) for values in checks.values_list("values", flat=True)),
        Decimal(0),
    )
    return max(_worth(gathered, project) - _worth(called_off, project) - gone, Decimal(0))


def _settled(values: Mapping[str, Any], project: str) -> Decimal:
    """What a check has found to be billed, covered or taken back while it was held."""
    parts = [values.get("billed", {}).get(project, 0), values.get("held", 0)]
    if "takes_back" not in values:
        covered = values.get("covered", ())
        parts += [part["amount"] for part in covered if part["project"] == project]
    return sum(map(Decimal, parts), Decimal(0))


def _worth(items: QuerySet[Item], project: str) -> Decimal:
    theirs = items.filter(record__project__source_id=project)
    amounts = theirs.values_list("record__amount", flat=True)
    return sum((Decimal(str(amount)) for amount in amounts), Decimal(0))


def _withdrawn(project: str, but: Transaction) -> Decimal:
    """What was taken back of held work, and is not taken off by a check of such work yet."""
    checks = _checks(project).exclude(transaction=but).values_list("values", flat=True)
    parts = (
        Decimal(values.get("held", 0)) - Decimal(values.get(capped_work.WITHDRAWN, 0))
        for values in checks
    )
    return sum(parts, Decimal(0))


def _checks(*projects: str) -> QuerySet[Step]:
    """The checks of projects' work that count: of what is billed, covered or on its way, and of
    what takes it back."""
    posted = Step.objects.filter(
        transaction=OuterRef("transaction"), name="post", state=State.VERIFIED
    )
    return Step.objects.filter(
        ~Q(transaction__state__in=NOT_BILLED) | Exists(posted),
        transaction__in=_named("project", *projects).values("transaction"),
        transaction__process__in=COUNTED,
        name="check",
        state=State.VERIFIED,
    )


def _agreed_since(chain: str, case: Case) -> Decimal:
    """What change orders add to the contract's value, and so to its cap: each as it was told last,
    once that is carried through. One that asks for itself counts."""
    process = project_change_to_forecast.PROCESS.name
    changes = Item.objects.filter(
        process=process, transaction__correlation_id=chain, transaction__state__in=REACHED
    ).exclude(transaction=case.transaction)
    own = [one.record for one in case.items if one.process == process]
    orders = [*changes.values_list("record", flat=True), *own]
    return sum(map(revenue_forecast.worth, orders), Decimal(0))


def forecast(case: Case) -> Mapping[str, Any]:
    """What the PSA was told to `forecast` of a change order before it was changed or taken back:
    its record there, by month ("2026-11"); and what the order was worth `before`."""
    order = case.transaction.subject
    carried = Transaction.objects.filter(
        pk__in=_named("change order", order["number"]).values("transaction"),
        process=project_change_to_forecast.PROCESS.name,
        subject__source_id=order["source_id"],
    ).exclude(pk=case.transaction.pk)
    parts = Step.objects.filter(
        transaction__in=carried, entity=revenue_forecast.PART, state=State.VERIFIED
    )
    told = parts.order_by("done_at", "pk").values_list("sent__period", "ref")
    last = carried.filter(state__in=REACHED).order_by("started_at", "pk").last()
    before = revenue_forecast.worth(last.subject) if last else Decimal(0)
    return {revenue_forecast.KNOWN: dict(told), revenue_forecast.BEFORE: str(before)}


def _billed(projects: Collection[str], but: Transaction) -> Decimal:
    """What was billed for projects or is about to be, less posted credits, but for one
    transaction."""
    checks = _checks(*projects).filter(transaction__process=BILLING).exclude(transaction=but)
    parts = (
        part
        for values in checks.values_list("values", flat=True)
        for project, part in values["billed"].items()
        if project in projects
    )
    credited = Transaction.objects.filter(
        pk__in=_named("project", *projects).values("transaction"),
        process=credit_and_rebill.PROCESS.name,
        steps__name="post",
        steps__state=State.VERIFIED,
    )
    return sum(map(Decimal, parts), Decimal(0)) + _sum(credited)


def _sum(transactions: QuerySet[Transaction]) -> Decimal:
    return transactions.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
