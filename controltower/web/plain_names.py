"""What the rooms below keep as an identifier, in words: kinds of records and keys, calls, how far a
connector is proven, verbs of the audit. `heard` recognises them in any case of letters."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.web.sayings import heard


def each_of(words: str) -> tuple[str, ...]:
    """The words of a text that are told apart by semicolons; the catalogue gathers each of them."""
    return tuple(" ".join(one.split()) for one in words.split(";"))


RECORDS = each_of(
    """
    Absence; Assignment; Availability; Billable fact; Billing event; Budget; Change order; Client;
    Contract; Credit note; Customer; Dataset; Delivered month; Event; Expense; Fact; Folder;
    Integration error; Integration run; Invoice; Labour cost; Milestone; Opportunity; Pay input;
    Payment; Project; Purchase; Relations; Resource; Retainer month; Revenue; Revenue entry;
    Revenue part; Room; Standing; Supplier; Supplier invoice; Time entry; Timecard; Unnumbered
    customer; Webhook log; Work left out
    """
)
KEYS = each_of(
    """
    Approved work; Delivered work; Employee number; Partition; Payroll; Period; PO; Reference
    """
)
MAPPINGS = each_of(
    """
    Answer to an assignment → PSA; CRM client → ERP customer; ERP customer → CRM client; ERP
    customer number → CRM client; Worker → PSA resource
    """
)
"""What the demo firm calls those of its mappings whose parts are not called so elsewhere."""
PROVEN = each_of(
    """
    ran against a live system; ran against the real system, run locally; passes the vendor's
    contract; ran against our sandbox; as described by its user, not proven by us
    """
)
AUDITED = each_of(
    """
    act in runbook; activate mapping; again; archive log; reject contract; remove bodies;
    withdraw contract; agree contract; agree to edit; approve; approve
    mapping; approve runbook; assign; back-test mapping; begin recovery; begin runbook; begin
    surge; bill now; cancel; change notices; change password; check in runbook; comment;
    confirm finding; connect system; create person; deactivate person; decide approval;
    decide duplicate; decide overwritten;
    decide edit; decide finding; decide in runbook; decide period; decide policy; describe
    system; destroy log;
    draft mapping; draft runbook; edit; end recovery; end surge; export; follow runbook; found firm;
    incident acknowledged; incident handed; incident linked; incident missed; incident
    mitigated; incident opened; incident quiet; incident reopened; incident resolved; incident
    reviewed; incident runbook; incident severity; incident update; issue token; mail view;
    note expiry; open incident; pause promise; pause system; plan replay; propose contract;
    propose policy; put connection in force; put description in force; put policy in force;
    refuse connection; refuse description; refuse policy; withdraw connection; withdraw
    description; withdraw policy;
    reactivate person; read event again; release replay; remove view; report finding;
    request approval; restore view;
    resume promise; resume system; review incident; revoke token; set target; settle interface;
    share view; show personal data; sign in; skip in runbook; snooze; solve elsewhere; split;
    start runbook; stop runbook; submit mapping; submit runbook; take back grouping; test
    connection; test description; verify audit chain; wake; write off; write policy down
    """
)
LIKENESS = each_of(
    "the same VAT number; the same name and city; the same mail domain; merged in the CRM"
)
"""Why two clients may be the same (`processes.clients.likeness`), or are."""
DOMAINS = each_of(
    """
    Analytics; Collaboration; Contracts; CRM; Documents; ERP; Events; HRIS; Payroll; PSA; Spend
    """
)
"""What a system is for, as its connector says."""
ROLES = {
    "broker": gettext_lazy("Broker"),
    "chat": gettext_lazy("Chat"),
    "documents": gettext_lazy("Documents"),
    "payroll": gettext_lazy("Payroll"),
    "spend": gettext_lazy("Procurement"),
    "warehouse": gettext_lazy("Data warehouse"),
}
"""The parts that systems play in processes and that are not spelt out, such as the ERP's."""
SIGNS_IN = each_of(
    """
    user and password for a session; client credentials for a token; a signed assertion for a
    token; a refresh token for a token; a key or password with every call; a signature on every
    call; a certificate or key of the connection; a certificate, and client credentials for a
    token; nothing
    """
)
SHAPES = each_of(
    """
    any; array; boolean; date; date-time; integer; number; object; string; may be empty; may be
    missing
    """
)
"""What a field of a contract must be (`canonical.contracts.fields_of`)."""
EVENTS = each_of(
    """
    project created; invoice posted; cost reported; cost booked; labour cost reported; contract
    changed; fact verified
    """
)
"""What subscribers are told, as the titles of those transactions say it."""
DIFFERENCES = each_of(
    """
    “{place}” is missing; “{place}” is of another type; “{place}” has a value that is not on the
    agreed list; {expected} was agreed, {found} came
    """
)
"""How an answer differs from what was agreed (`canonical.contracts`)."""
CAME = each_of("text; a number; yes or no; a list; an object; a date; a time")
"""Of which type something is (`integrations.shape`)."""
FAULTY = each_of(
    """
    crm network; dispatcher; erp network; late worker engine; late worker feeds; late worker intake;
    PostgreSQL; sandbox CRM and PSA; sandbox ERP; Valkey; web; worker engine 1; worker engine 2;
    worker feeds; worker intake; worker replays
    """
)
FAULTS = each_of(
    """
    clock jumped; committed, then cut; committed, then mute; drip; dropped; frozen;
    frozen for over a minute; half-open; hostile network; killed; late; refused; stopped at once;
    storm of 429 and 503; wiped and killed
    """
)
"""What chaos runs do, and to which part of the tower."""
HOLIDAYS = each_of(
    """
    Battle of the Boyne; Boxing Day; Christmas Day; Columbus Day; Easter Monday; Good Friday;
    Independence Day; Juneteenth National Independence Day; Labor Day; Late Summer Bank Holiday;
    Martin Luther King Jr. Day; May Day; Memorial Day; New Year's Day; Saint Andrew's Day;
    Saint Patrick's Day; Spring Bank Holiday; Summer Bank Holiday; Thanksgiving Day; Veterans Day;
    Washington's Birthday; %(holiday)s (observed)
    """
)
"""Public holidays of countries that have no German name for them."""
PROBLEMS = each_of("connection refused; connection reset by peer; network is unreachable; refused")
"""Why there is no connection, as the machine says it."""
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


def played(role: str) -> str:
    """The part that a system plays: "ERP", "Data warehouse"."""
    return str(ROLES.get(role, role.upper()))


def called(operation: str) -> str:
    """A call as it is kept, "send post invoice", as people say it: "Invoice: posting asked for"."""
    if operation.count(" ") < 2:
        return operation
    purpose, verb, entity = operation.split(" ", 2)
    done = DONE.get(verb if purpose == "send" else purpose) or _("asked for")
    return f"{record(entity)}: {done}"


def fault(kind: str) -> str:
    """A fault of a chaos run, "web killed": which part, and what became of it."""
    how = max((one for one in FAULTS if kind.endswith(one)), key=len, default="")
    what = kind.removesuffix(how).strip(" :")
    if not (how and what):
        return _(how) if how else kind
    return f"{_(what) if what in FAULTY else what}: {_(how)}"
