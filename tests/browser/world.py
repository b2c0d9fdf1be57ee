"""The world that the browser tests look at: a firm with work that flows and work that is stuck.

`python -m tests.browser.world` fills the database of `DATABASE_URL` and prints, as JSON, the
addresses of the pages that exist in it.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from controltower.incidents.models import Cause
    from controltower.transactions.models import ReplayPlan, Transaction
    from tests.factories import Firm

PASSWORD = "a long phrase for the browser"
ALWAYS = {
    "settings": "/settings/",
    "messages": "/messages/",
    "transactions by a view": "/tx/?lateness=late",
    "interfaces": "/interfaces/",
    "interfaces drifted": "/interfaces/?show=drifted",
    "interfaces no match": "/interfaces/?show=ending",
    "library": "/library/",
    "admin": "/manage/",
    "people": "/manage/people/",
    "person": "/manage/people/otto.brandt/",
    "companies": "/manage/companies/",
    "rates": "/manage/rates/",
    "limits": "/manage/limits/",
    "promises": "/manage/promises/",
    "calendars": "/manage/calendars/",
    "routes": "/manage/routes/",
    "notices": "/manage/notices/",
    "masks": "/manage/masks/",
    "retention": "/manage/retention/",
    "audit": "/manage/audit/",
    "incidents": "/incidents/",
    "runbooks": "/runbooks/",
    "runbook": "/runbooks/tax-code-off/",
    "runbook draft": "/runbooks/closed-period/drafts/",
    "tower": "/",
    "measures": "/measures/",
    "measure": "/measures/recovery-time/",
    "processes": "/processes/",
    "quote to cash": "/processes/quote-to-cash/",
    "month-end close": "/processes/month-end-close/",
    "process": "/processes/time-and-expense-to-billing/",
    "process without": "/processes/time-to-cost-reporting/",
    "transactions": "/tx/",
    "transactions at a stage": "/tx/?process=time-and-expense-to-billing&stage=draft",
    "transactions stuck": "/tx/?stuck=1",
    "transactions no match": "/tx/?q=nothing-has-this-name",
    "exceptions": "/exceptions/",
    "set aside": "/exceptions/set-aside/",
    "jobs": "/jobs/",
    "mappings": "/mappings/",
    "customers": "/customers/",
    "mapping": "/mappings/customer-to-erp/",
    "mapping in review": "/mappings/customer-to-erp/v2/",
    "mapping draft": "/mappings/invoice-to-erp/drafts/",
    "assurance": "/assurance/",
    "systems": "/systems/",
    "system": "/systems/tryton/",
    "system new": "/systems/new/",
    "system connect": "/systems/new/salesforce/",
    "system describe": "/systems/new/described/",
    "system described": "/systems/fernhill-desk/descriptions/v1/",
    "system circuit open": "/systems/certinia/",
}
"""The pages that any firm has, by name."""


def build() -> dict[str, str]:
    """Play the firm's business; the addresses of its pages by name."""
    from tests import factories

    firm = factories.found()
    for person in firm.people.values():
        person.set_password(PASSWORD)
        person.save()
    work, plan = business(firm)
    cause = firm.cause(work["transaction refused"])
    governed(firm)
    connected(firm)
    incident, run = trouble(firm, cause)
    interface, drift, proposed = drifted(firm)
    ways_of_working(firm)
    return {
        **ALWAYS,
        **{name: f"/tx/{one.correlation_id}/" for name, one in work.items()},
        "interface": f"/interfaces/{interface}/",
        "interface proposed": f"/interfaces/{proposed}/",
        "drift": f"/interfaces/drift/{drift}/",
        "incident": f"/incidents/{incident}/",
        "run": f"/runs/{run}/",
        "exception": f"/exceptions/{cause.pk}/",
        "job": f"/jobs/{plan.pk}/",
    }


def business(firm: Firm) -> tuple[dict[str, Transaction], ReplayPlan]:
    """Work that has ended, and work that is stuck in each way: one of each by its page's name, and
    the plan to send some of it anew."""
    from django.utils import timezone

    from controltower.transactions import pausing
    from controltower.transactions.models import Awaited, Transaction
    from tests import factories

    now = timezone.now()
    done = firm.bill(firm.deal())
    refused = [firm.bill(firm.deal(), {"draft": factories.refused()}) for _ in range(3)]
    firm.deal(answers={"project": factories.refused("The template is not known.")})
    closed = firm.bill(firm.deal(), {"post": factories.closed()})
    doubt = firm.bill(firm.deal(), {"draft": factories.no_answer()})
    firm.tell(firm.opportunity())
    factories.unreadable()
    Transaction.objects.filter(pk=refused[0].pk).update(due_at=now - timedelta(hours=2))
    waiting = firm.tell(firm.opportunity(name="Waits for its purchase order"))
    pausing.pause(
        transaction=waiting, awaits=Awaited.PO_NUMBER, until=now + timedelta(days=3),
        evidence="https://mail.example/42", note="Asked on Monday.", by=firm.anna, now=now,
    )  # fmt: skip
    work = {
        "transaction verified": done,
        "transaction refused": refused[0],
        "transaction period closed": closed,
        "transaction in doubt": doubt,
        "transaction paused": waiting,
    }
    return work, firm.plan(*refused[:2], by=firm.otto)


def governed(firm: Firm) -> None:
    """A mapping's draft that was tried and waits for its approval, and a limit that does."""
    from django.utils import timezone

    from controltower.firm import governing
    from controltower.mappings import versions
    from controltower.mappings.models import Mapping
    from controltower.transactions import backtesting

    now = timezone.now()
    mapping = Mapping.objects.get(slug="customer-to-erp")
    rules = mapping.versions.get(number=1).rules
    rules[-1]["value"] = "NET14"
    draft = versions.draft(
        mapping=mapping, rules=rules, note="Two weeks from now on.", author=firm.lena, now=now
    )
    versions.submit(version=draft, by=firm.lena, now=now)
    backtesting.run(version=draft, by=firm.lena, now=now)
    governing.propose(
        subject="limit:LF-UK", content={"amount": "10000"}, reason="As agreed with the auditor.",
        by=firm.amara, now=now,
    )  # fmt: skip


def connected(firm: Firm) -> None:
    """Systems called each minute, one whose circuit is open, and one that is described."""
    from django.utils import timezone

    from controltower.systems.models import Call, Circuit, Description, System
    from tests.integrations.test_described import example

    now = timezone.now()
    System.objects.update(last_ok_at=now, quota_used=8900, quota_limit=15000)
    System.objects.filter(slug="certinia").update(
        circuit=Circuit.OPEN, failures=5, retry_at=now + timedelta(minutes=4)
    )
    Call.objects.bulk_create(
        Call(
            system=system,
            at=now - timedelta(minutes=minutes),
            operation="send upsert invoice",
            milliseconds=120 + minutes % 7 * 40,
            verdict="done",
            reached=True,
        )
        for system in System.objects.all()
        for minutes in range(60)
    )
    Description.objects.create(
        slug="fernhill-desk", number=1, document=example(), author=firm.amara, created_at=now
    )


def ways_of_working(firm: Firm) -> None:
    """Views of one's own and of the team, and a daily mail that was written."""
    from django.utils import timezone

    from controltower.web import digest, saved_views

    now = timezone.now()
    for person, name, query in (
        (firm.anna, "Stuck", "stuck=1"),
        (firm.otto, "Late", "lateness=late"),
    ):
        saved_views.keep(
            page="transactions", query=query, name=name, shared=person == firm.anna, mailed=True,
            by=person, now=now,
        )  # fmt: skip
    digest.write(firm.otto, now.date(), now=now)


def drifted(firm: Firm) -> tuple[int, int, int]:
    """Interfaces that are used, one that tells otherwise than agreed, and one about which somebody
    has proposed a version; the keys of an interface, of the difference, and of that last one."""
    from datetime import timedelta

    from controltower.canonical.contracts import MISSING, VALUE, Difference
    from controltower.incidents import drifting
    from controltower.systems import agreeing
    from controltower.systems.models import Credential, Drift, Interface, System
    from controltower.transactions import interfaces
    from integrations import shape

    now, later = firm.now, firm.now + timedelta(minutes=20)
    interfaces.count(now=now - timedelta(minutes=5))
    interfaces.follow(now=later)
    told = Difference(VALUE, "Status__c", "one of “Active”, “Closed”", "“Dormant”")
    firm.deal(answers={"client": shape.Drift(told).verdict()})
    missing = shape.Drift(Difference(MISSING, "name")).verdict()
    firm.deal(answers={"customer": missing})
    drifting.follow(now=now)
    crm, erp = Drift.objects.order_by("sentence")
    if crm.interface.system.slug != "salesforce":
        crm, erp = erp, crm
    agreeing.propose(drift=erp, stands_for="", note="It may be.", by=firm.lena, now=now)
    tryton = System.objects.get(slug="tryton")
    Credential.objects.create(
        system=tryton, name=next(iter(tryton.secrets)), expires_at=now + timedelta(days=9),
        source=Credential.Source.PERSON, noted_by=firm.otto, noted_at=now,
    )  # fmt: skip
    used = Interface.objects.get(system=tryton, entity="customer", direction="out")
    Interface.objects.filter(pk=used.pk).update(owner=firm.lena, standing="strategic")
    return used.pk, crm.pk, erp.interface_id


def trouble(firm: Firm, cause: Cause) -> tuple[int, int]:
    """An incident that is led with its runbook, half followed; its run; and one that is over."""
    from controltower.incidents import leading, runs, watch
    from controltower.incidents.models import RunbookVersion
    from controltower.incidents.promises import QUIET_FOR
    from controltower.measures import alarms, at_stake, probes
    from controltower.web.demo.runbooks import agree_runbooks

    agree_runbooks(firm.now)
    figures = at_stake.figures(at_stake.held_by(cause), firm.now)
    incident = leading.open_for(
        cause=cause, title=cause.title, severity=alarms.severity(figures), figures=figures,
        by=firm.otto, now=firm.now,
    )  # fmt: skip
    leading.hand_over(
        incident=incident, owner=firm.otto, deputy=firm.priya, by=firm.otto, now=firm.now
    )
    leading.update(
        incident=incident, text="The ERP's people look at the code.", by=firm.otto, now=firm.now,
        figures=figures,
    )  # fmt: skip
    version = RunbookVersion.objects.get(runbook__slug="tax-code-off")
    run = runs.start(version=version, incident=incident, by=firm.otto, now=firm.now)
    for position in (1, 2):
        probes.look(run=run, position=position, by=firm.otto, now=firm.now)
    watch.report(subject="I10", title="Broken: doubt has an owner", now=firm.now)
    for now in (firm.now, firm.now + QUIET_FOR):
        watch.holds(subject="I10", now=now)
    watch.report(
        subject="I3", title="Broken: money in equals money out", affected=["CT-1"], now=firm.now
    )
    return incident.pk, run.pk


if __name__ == "__main__":
    django.setup()
    print(json.dumps(build()))
