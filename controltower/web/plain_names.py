"""What the rooms below keep as an identifier, in words: kinds of records and keys, calls, how far a
connector is proven, verbs of the audit. `heard` recognises them in any case of letters."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from controltower.web.sayings import heard

RECORDS = (
    gettext_noop("Absence"), gettext_noop("Assignment"), gettext_noop("Billing event"),
    gettext_noop("Budget"), gettext_noop("Change order"), gettext_noop("Client"),
    gettext_noop("Contract"), gettext_noop("Credit note"), gettext_noop("Customer"),
    gettext_noop("Dataset"), gettext_noop("Delivered month"), gettext_noop("Event"),
    gettext_noop("Expense"), gettext_noop("Fact"), gettext_noop("Folder"),
    gettext_noop("Integration error"), gettext_noop("Integration run"), gettext_noop("Invoice"),
    gettext_noop("Labour cost"), gettext_noop("Milestone"), gettext_noop("Opportunity"),
    gettext_noop("Pay input"), gettext_noop("Payment"), gettext_noop("Project"),
    gettext_noop("Purchase"), gettext_noop("Relations"), gettext_noop("Resource"),
    gettext_noop("Revenue"), gettext_noop("Revenue entry"), gettext_noop("Revenue part"),
    gettext_noop("Room"), gettext_noop("Standing"), gettext_noop("Supplier"),
    gettext_noop("Supplier invoice"), gettext_noop("Time entry"), gettext_noop("Timecard"),
    gettext_noop("Webhook log"), gettext_noop("Work left out"),
)  # fmt: skip
KEYS = (
    gettext_noop("Approved work"), gettext_noop("Delivered work"), gettext_noop("Employee number"),
    gettext_noop("Partition"), gettext_noop("Payroll"), gettext_noop("Period"), gettext_noop("PO"),
    gettext_noop("Reference"),
)  # fmt: skip
MAPPINGS = (
    gettext_noop("Answer to an assignment → PSA"), gettext_noop("CRM client → ERP customer"),
    gettext_noop("ERP customer → CRM client"),
    gettext_noop("ERP customer number → CRM client"), gettext_noop("Worker → PSA resource"),
)  # fmt: skip
"""What the demo firm calls those of its mappings whose parts are not called so elsewhere."""
PROVEN = (
    gettext_noop("ran against a live system"),
    gettext_noop("ran against the real system, run locally"),
    gettext_noop("passes the vendor's contract"),
    gettext_noop("ran against our sandbox"),
    gettext_noop("as described by its user, not proven by us"),
)
AUDITED = (
    gettext_noop("act in runbook"), gettext_noop("activate mapping"), gettext_noop("again"),
    gettext_noop("agree contract"), gettext_noop("agree to edit"), gettext_noop("approve"),
    gettext_noop("approve mapping"), gettext_noop("approve runbook"), gettext_noop("assign"),
    gettext_noop("back-test mapping"), gettext_noop("begin recovery"),
    gettext_noop("begin runbook"), gettext_noop("begin surge"), gettext_noop("bill now"),
    gettext_noop("cancel"), gettext_noop("change notices"), gettext_noop("change password"),
    gettext_noop("check in runbook"), gettext_noop("comment"), gettext_noop("confirm finding"),
    gettext_noop("create person"), gettext_noop("deactivate person"),
    gettext_noop("decide duplicate"), gettext_noop("decide edit"), gettext_noop("decide finding"),
    gettext_noop("decide in runbook"), gettext_noop("decide period"),
    gettext_noop("decide policy"), gettext_noop("describe system"), gettext_noop("destroy log"),
    gettext_noop("draft mapping"), gettext_noop("draft runbook"), gettext_noop("edit"),
    gettext_noop("end recovery"), gettext_noop("end surge"), gettext_noop("export"),
    gettext_noop("follow runbook"), gettext_noop("incident acknowledged"),
    gettext_noop("incident handed"), gettext_noop("incident linked"),
    gettext_noop("incident missed"), gettext_noop("incident mitigated"),
    gettext_noop("incident opened"), gettext_noop("incident quiet"),
    gettext_noop("incident reopened"), gettext_noop("incident resolved"),
    gettext_noop("incident reviewed"), gettext_noop("incident runbook"),
    gettext_noop("incident severity"), gettext_noop("incident update"),
    gettext_noop("issue token"), gettext_noop("mail view"), gettext_noop("note expiry"),
    gettext_noop("open incident"), gettext_noop("pause promise"), gettext_noop("pause system"),
    gettext_noop("plan replay"), gettext_noop("propose contract"), gettext_noop("propose policy"),
    gettext_noop("put description in force"), gettext_noop("put policy in force"),
    gettext_noop("reactivate person"), gettext_noop("read event again"),
    gettext_noop("release replay"), gettext_noop("remove view"), gettext_noop("report finding"),
    gettext_noop("request approval"), gettext_noop("restore view"), gettext_noop("resume promise"),
    gettext_noop("resume system"), gettext_noop("review incident"), gettext_noop("revoke token"),
    gettext_noop("set target"), gettext_noop("settle interface"), gettext_noop("share view"),
    gettext_noop("show personal data"), gettext_noop("sign in"), gettext_noop("skip in runbook"),
    gettext_noop("snooze"), gettext_noop("split"), gettext_noop("start runbook"),
    gettext_noop("stop runbook"), gettext_noop("submit runbook"),
    gettext_noop("take back grouping"), gettext_noop("test description"),
    gettext_noop("verify audit chain"), gettext_noop("wake"), gettext_noop("write off"),
    gettext_noop("write policy down"),
)  # fmt: skip
DONE = {
    "read": gettext_lazy("changes read"),
    "probe": gettext_lazy("looked whether it is there"),
    "read_back": gettext_lazy("read back"),
    "get": gettext_lazy("read"),
    "upsert": gettext_lazy("sent"),
    "update": gettext_lazy("change sent"),
    "post": gettext_lazy("posting asked for"),
}


def record(entity: str) -> str:
    """A kind of record: "Supplier invoice"."""
    return str(heard(entity.replace("_", " ").capitalize()))


def called(operation: str) -> str:
    """A call as it is kept, "send post invoice", as people say it: "Invoice: posting asked for"."""
    if operation.count(" ") < 2:
        return operation
    purpose, verb, entity = operation.split(" ", 2)
    done = DONE.get(verb if purpose == "send" else purpose) or _("asked for")
    return f"{record(entity)}: {done}"
