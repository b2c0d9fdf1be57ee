"""Does the target show what was sent? Each answers in words how it differs, or "" when it agrees.

`sent` is the canonical record that was mapped and sent, `found` what the target says of it now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any


def amount_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if Decimal(str(sent["amount"])) == Decimal(str(found.get("amount", 0))):
        return ""
    return f"sent {sent['amount']}, the PSA shows {found.get('amount')}"


def number_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if sent["erp_customer_code"] == found.get("erp_code"):
        return ""
    return f"the client shows customer number “{found.get('erp_code')}”"


def customer_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Of what was owned elsewhere and is kept there; what is empty was left as it is. Personal
    values are not repeated."""
    for name in found.keys() & set(sent["owned"]):
        wanted, there = (_comparable(name, one.get(name)) for one in (sent, found))
        if wanted not in (None, "") and wanted != there:
            return f"{name.replace('_', ' ')} is not what was sent"
    return ""


def _comparable(name: str, value: Any) -> Any:
    if name != "vat_number":
        return value
    return "".join(filter(str.isalnum, str(value or ""))).upper()


def standing_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if sent["invoiced_as"] != found.get("invoiced_as"):
        return f"sent “{sent['invoiced_as']}”, the PSA shows “{found.get('invoiced_as')}”"
    return "" if sent["credit_hold"] == found.get("credit_hold") else "the credit hold differs"


def project_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if sent["name"] == found.get("name") and sent["currency"] == found.get("currency"):
        return ""
    return f"sent “{sent['name']}” in {sent['currency']}, the PSA shows “{found.get('name')}”"


def link_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if sent["project_id"] == found.get("project_id"):
        return ""
    return f"the deal shows project “{found.get('project_id')}” instead of {sent['project_id']}"


def totals_differ(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if Decimal(str(sent["untaxed"])) == Decimal(str(found.get("untaxed", 0))):
        return ""
    return f"sent {sent['untaxed']} untaxed, the ERP shows {found.get('untaxed')}"


def fact_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if Decimal(str(sent["amount"])) != Decimal(str(found.get("amount", 0))):
        return f"sent {sent['amount']}, the warehouse shows {found.get('amount')}"
    for name in ("currency", "entity", "period", "lent_by"):
        if sent.get(name, "") != found.get(name, ""):
            return f"{name} {sent.get(name)} was sent, the warehouse shows “{found.get(name)}”"
    return ""


def event_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """When it was verified is not compared: a tower restored from a backup verifies anew what it
    had told before."""
    for name in ("id", "type", "currency"):
        if sent[name] != found.get(name):
            return f"{name} {sent[name]} was sent, the broker holds “{found.get(name)}”"
    if Decimal(str(sent["amount"])) != Decimal(str(found.get("amount", 0))):
        return f"sent {sent['amount']}, the broker holds {found.get('amount')}"
    return ""


def figures_differ(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    shown = str(found.get("figures_of") or "")
    if shown and datetime.fromisoformat(shown) >= datetime.fromisoformat(str(sent["since"])):
        return ""
    still = f"the figures of {shown[:16].replace('T', ' ')} UTC" if shown else "no figures at all"
    failed = f"its refresh failed ({found['words']}); " if found.get("words") else ""
    return f"{failed}the dashboards still show {still}"


def not_posted(_sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    state = str(found.get("state", ""))
    return "" if state in {"posted", "paid"} else f"the ERP shows the invoice as “{state}”"


def resource_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    for name in ("number", "hr_id", "entity", "role", "currency", "active"):
        if sent[name] != found.get(name):
            return f"sent {name} “{sent[name]}”, the PSA shows “{found.get(name)}”"
    if Decimal(str(sent["cost_rate"])) != Decimal(str(found.get("cost_rate", 0))):
        return f"sent {sent['cost_rate']} an hour, the PSA shows {found.get('cost_rate')}"
    if (sent.get("to_date") or None) != (str(found["to_date"]) if found.get("to_date") else None):
        return f"sent {sent.get('to_date')} as the last day, the PSA shows {found.get('to_date')}"
    return ""


def title_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if sent["title"] == found.get("title"):
        return ""
    return f"sent “{sent['title']}”, the folder shows “{found.get('title')}”"


def room_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if sent["name"] != found.get("name"):
        return f"the channel shows the name “{found.get('name')}” instead of “{sent['name']}”"
    leads = sent["url"] not in sent["purpose"] or sent["url"] in str(found.get("purpose") or "")
    return "" if leads else "the channel's purpose does not lead to the folder"


def place_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if sent["status"] != found.get("status"):
        return f"sent “{sent['status']}”, the PSA shows the place as “{found.get('status')}”"
    return ""


def status_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if found.get("invoice_number") == sent["invoice_number"]:
        return ""
    return f"the PSA shows invoice “{found.get('invoice_number')}”"


def credit_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What was covered, or held, was never invoiced: the PSA shows no more than was credited."""
    if Decimal(str(sent["invoiced"])) == Decimal(str(found.get("invoiced", 0))):
        return status_differs(sent, found)
    return f"{sent['invoiced']} were credited, the PSA shows {found.get('invoiced')}"


def bill_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Net and tax: what the supplier charges is what is paid, to the cent."""
    charged = [Decimal(str(sent[name])) for name in ("untaxed", "tax")]
    booked = [Decimal(str(found.get(name, 0))) for name in ("untaxed", "tax")]
    if charged == booked:
        return ""
    return (
        f"the supplier charges {charged[0]} and {charged[1]} tax, "
        f"the ERP makes it {booked[0]} and {booked[1]} tax"
    )


def hours_differ(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Whether payroll has these hours of this worker."""
    if sent["number"] != found.get("number"):
        return f"payroll has them for {found.get('number')}"
    if Decimal(str(sent["hours"])) == Decimal(str(found.get("hours", 0))):
        return ""
    return f"{sent['hours']} hours were handed in, payroll has {found.get('hours')}"


def reference_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if sent["reference"] == found.get("reference"):
        return ""
    return f"the spend system shows the reference “{found.get('reference')}”"


def not_succeeded(_sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    status = str(found.get("status", ""))
    return "" if status == "success" else f"the spend system shows the run as “{status}”"


def budget_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Whether the contract value is what the original and all approved change orders come to, this
    one among them, unless it was taken back."""
    listed = sent["number"] in found.get("change_orders", ())
    if listed and not sent.get("approved", True):
        return f"the PSA still lists change order {sent['number']} among the approved ones"
    if not listed and sent.get("approved", True):
        return f"the PSA does not list change order {sent['number']} among the approved ones"
    if Decimal(str(found["contract_value"])) != Decimal(str(found["agreed_value"])):
        return (
            f"the PSA shows the contract value {found['contract_value']}, but its change orders "
            f"make it {found['agreed_value']}"
        )
    return ""


def change_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if sent["change_order"] == found.get("change_order"):
        return ""
    return f"the deal shows change order “{found.get('change_order')}”"


def recognition_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Whether the ledger, this entry included, comes to what the month has earned."""
    if Decimal(str(sent["amount"])) != Decimal(str(found.get("recognised", 0))):
        return (
            f"{sent['amount']} were earned, the ERP shows {found.get('recognised')} for the month"
        )
    if sent["period"] != found.get("period"):
        return f"earned in {sent['period']}, the ERP shows it for “{found.get('period')}”"
    return ""


def not_recognised(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if found.get("state") != "posted":
        return f"the ERP shows the revenue entry as “{found.get('state')}”"
    if Decimal(str(sent["amount"])) == Decimal(str(found.get("amount", 0))):
        return ""
    return f"{sent['amount']} were drafted, the ERP shows {found.get('amount')}"


def schedule_differs(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if Decimal(str(sent["recognised"])) == Decimal(str(found.get("recognised", 0))):
        return ""
    return f"{sent['recognised']} is recognised, the PSA shows {found.get('recognised')}"
