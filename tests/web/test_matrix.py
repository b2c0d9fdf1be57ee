"""Who may do what, for every route: role × own or other company × verb.

Each route of the URLconf stands in `POLICY`; one that does not fails the test. What another
company owns is not there (404, never 403) and stays as it was; what is missing a right is refused
in words and stays as it was, save for the audit's own note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.transaction import atomic, set_rollback
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from controltower.canonical.contracts import MISSING, Difference
from controltower.firm import governing
from controltower.firm.models import ApiToken, Duty, LegalEntity, Person, Role, Surge
from controltower.firm.rights import WHO, Right
from controltower.incidents import leading, runs
from controltower.incidents.models import (
    By,
    Cause,
    Grouping,
    Incident,
    Run,
    RunbookVersion,
    Settlement,
    Severity,
)
from controltower.systems import registry
from controltower.systems.models import (
    Description,
    Downtime,
    Drift,
    InterfaceVersion,
    System,
)
from controltower.transactions.models import Amendment, Finding, Step, Transaction
from controltower.web import saved_views
from controltower.web.demo.runbooks import agree_runbooks
from integrations import shape
from tests.factories import Firm, found, refused, signed_in, unreadable
from tests.web.cast import token

pytestmark = pytest.mark.django_db

OWN, OTHER = "LF-UK", "LF-DE"
VERBS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
READ = frozenset({"GET", "HEAD"})
WRITE = frozenset({"POST"})


@dataclass(frozen=True)
class Rule:
    """How a route is guarded. `right` is what changing something needs; None: being signed in.

    `scoped` routes name one thing that belongs to a company. `form` is sent with a POST.
    """

    verbs: frozenset[str] = READ
    right: Right | None = None
    scoped: bool = False
    form: Mapping[str, Any] = field(default_factory=dict)


PUBLIC = {"alive", "ready", "metrics", "sign_in", "language"}
"""Reached without a session: health, the gauges (by token or from this machine), the sign-in and
its language."""

THIS_MONTH = f"{timezone.now():%Y-%m}"
NIGHT = {
    "begins_at": f"{timezone.now() + timedelta(days=2):%Y-%m-%dT%H:%MZ}",
    "ends_at": f"{timezone.now() + timedelta(days=2, hours=6):%Y-%m-%dT%H:%MZ}",
}
REASON = {"reason": "because the test says so"}
SETUP = {
    "title": "Slack", "slug": "slack", "base_url": "env:SYSTEM_SLACK_URL",
    "secrets.bot_token": "env:SYSTEM_SLACK_BOT_TOKEN", "limits.calls_per_second": "5",
    "limits.concurrency": "2", "limits.deadline_seconds": "20",
}  # fmt: skip
POLICY: dict[str, Rule] = {
    "sign_out": Rule(WRITE | {"OPTIONS"}),
    "preferences": Rule(WRITE, form={"theme": "dark"}),
    "own_settings": Rule(),
    "own_looks": Rule(WRITE, form={"zone": "UTC", "theme": "dark", "density": "normal"}),
    "own_mails": Rule(WRITE, form={"digest_at": "07:30"}),
    "own_password": Rule(WRITE),
    "own_messages": Rule(),
    "views": Rule(READ | WRITE, form={"page": "transactions", "name": "Late"}),
    "columns": Rule(WRITE, form={"page": "transactions", "state": "1"}),
    "view_changes": Rule(WRITE, form={"name": "Late"}),
    "view_mails": Rule(WRITE),
    "view_removals": Rule(WRITE),
    "view_restorations": Rule(WRITE),
    "tower": Rule(),
    "find": Rule(),
    "tower_looked": Rule(WRITE),
    "tower_region": Rule(),
    "measures": Rule(),
    "measure": Rule(),
    "measure_targets": Rule(WRITE, Right.ADMINISTER, form=REASON | {"value": "5", "per": "h"}),
    "measure_exports": Rule(WRITE),
    "processes": Rule(),
    "process": Rule(),
    "quote_to_cash": Rule(),
    "month_end_close": Rule(),
    "process_list_exports": Rule(WRITE),
    "process_exports": Rule(WRITE),
    "event_log_exports": Rule(WRITE),
    "transactions": Rule(),
    "transaction_exports": Rule(WRITE),
    "transaction": Rule(scoped=True),
    "transaction_impact": Rule(scoped=True),
    "transaction_replays": Rule(WRITE, Right.REPLAY, scoped=True, form={"mapping": "now"}),
    "transaction_decisions": Rule(
        WRITE, Right.DECIDE_PERIOD, scoped=True, form=REASON | {"decision": "next_open"}
    ),
    "transaction_solutions": Rule(
        WRITE, Right.RESOLVE, scoped=True, form=REASON | {"how": "elsewhere"}
    ),
    "transaction_amendments": Rule(
        WRITE, Right.REPLAY, scoped=True, form=REASON | {"field-po_number": "PO-77"}
    ),
    "transaction_agreements": Rule(WRITE, Right.APPROVE_REPLAY, scoped=True, form={"agree": "yes"}),
    "transaction_findings": Rule(
        WRITE, Right.RESOLVE, scoped=True, form=REASON | {"evidence": "its list", "there": "no"}
    ),
    "transaction_confirmations": Rule(
        WRITE, Right.APPROVE_REPLAY, scoped=True, form={"confirm": "yes"}
    ),
    "transaction_cancellations": Rule(WRITE, Right.RESOLVE, scoped=True, form=REASON),
    "transaction_billings": Rule(WRITE, Right.REPLAY, scoped=True),
    "transaction_foresights": Rule(WRITE, scoped=True),
    "transaction_pauses": Rule(
        WRITE,
        Right.PAUSE_PROMISE,
        scoped=True,
        form={
            "awaits": "answer",
            "until": "2099-01-01T00:00",
            "evidence": "https://mail.example/1",
            "scope": "one",
        },
    ),
    "transaction_resumptions": Rule(WRITE, Right.PAUSE_PROMISE, scoped=True),
    "transaction_reveals": Rule(WRITE, Right.REVEAL_PERSONAL, scoped=True, form=REASON),
    "exceptions": Rule(),
    "set_aside": Rule(),
    "exception_exports": Rule(WRITE),
    "incident_exports": Rule(WRITE),
    "job_exports": Rule(WRITE),
    "system_exports": Rule(WRITE),
    "mapping_exports": Rule(WRITE),
    "set_aside_exports": Rule(WRITE),
    "exception_row_exports": Rule(WRITE, scoped=True),
    "runbook_exports": Rule(WRITE),
    "customer_exports": Rule(WRITE),
    "route_exports": Rule(WRITE),
    "audit_exports": Rule(WRITE, Right.SEE_AUDIT),
    "set_aside_readings": Rule(WRITE, Right.REPLAY, scoped=True),
    "exception": Rule(scoped=True),
    "exception_replays": Rule(
        WRITE, Right.REPLAY, scoped=True, form={"all_matching": "1", "mapping": "now"}
    ),
    "exception_assignments": Rule(WRITE, Right.ASSIGN, scoped=True),
    "exception_snoozes": Rule(WRITE, Right.ASSIGN, scoped=True, form=REASON),
    "exception_parks": Rule(WRITE, Right.ASSIGN, scoped=True, form=REASON),
    "exception_splits": Rule(
        WRITE, Right.ASSIGN, scoped=True, form=REASON | {"part": "entity:LF-UK"}
    ),
    "exception_joins": Rule(WRITE, Right.ASSIGN, scoped=True, form=REASON | {"into": "1"}),
    "exception_regroupings": Rule(WRITE, Right.ASSIGN, scoped=True),
    "exception_solutions": Rule(
        WRITE, Right.RESOLVE, scoped=True, form=REASON | {"how": "elsewhere"}
    ),
    "exception_decisions": Rule(
        WRITE, Right.DECIDE_PERIOD, scoped=True, form=REASON | {"decision": "next_open"}
    ),
    "settlement_decisions": Rule(WRITE, Right.APPROVE_REPLAY, scoped=True, form={"agree": "yes"}),
    "exception_incidents": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True),
    "exception_runs": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True, form={"version": "1"}),
    "exception_runbooks": Rule(WRITE, Right.EDIT_RUNBOOK, scoped=True),
    "incidents": Rule(),
    "incident": Rule(scoped=True),
    "incident_owners": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True),
    "incident_hand_overs": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True),
    "incident_updates": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True, form={"text": "It lasts."}),
    "incident_mitigations": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True, form=REASON),
    "incident_links": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True, form={"system": "1"}),
    "incident_closings": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True, form=REASON),
    "incident_reviews": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True, form={"text": "Learnt."}),
    "incident_runs": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True, form={"version": "1"}),
    "run": Rule(scoped=True),
    "run_steps": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True, form=REASON | {"do": "skip"}),
    "run_stops": Rule(WRITE, Right.LEAD_INCIDENT, scoped=True, form=REASON),
    "runbooks": Rule(),
    "runbook_new": Rule(READ | WRITE, Right.EDIT_RUNBOOK),
    "runbook": Rule(),
    "runbook_drafts": Rule(READ | WRITE, Right.EDIT_RUNBOOK),
    "runbook_version": Rule(),
    "runbook_submissions": Rule(WRITE, Right.EDIT_RUNBOOK),
    "runbook_decisions": Rule(WRITE, Right.APPROVE_RUNBOOK, form={"approve": "yes"}),
    "jobs": Rule(),
    "job_tray": Rule(),
    "asks_tray": Rule(),
    "job": Rule(scoped=True),
    "job_requests": Rule(WRITE, Right.REPLAY, scoped=True, form=REASON),
    "job_decisions": Rule(WRITE, Right.APPROVE_REPLAY, scoped=True, form=REASON),
    "job_releases": Rule(WRITE, Right.REPLAY, scoped=True),
    "job_pauses": Rule(WRITE, Right.REPLAY, scoped=True, form=REASON),
    "job_resumptions": Rule(WRITE, Right.REPLAY, scoped=True),
    "job_stops": Rule(WRITE, Right.REPLAY, scoped=True, form=REASON),
    "job_plans": Rule(WRITE, Right.REPLAY, scoped=True),
    "mappings": Rule(),
    "mapping_owners": Rule(
        WRITE,
        Right.NAME_OWNERS,
        form=REASON
        | {"record": "customer", "names": "street", "system": "salesforce", "owner": "otto.brandt"},
    ),
    "mapping": Rule(),
    "mapping_drafts": Rule(READ | WRITE, Right.EDIT_MAPPING),
    "mapping_version": Rule(),
    "mapping_submit": Rule(WRITE, Right.EDIT_MAPPING),
    "mapping_review": Rule(WRITE, Right.APPROVE_MAPPING, form=REASON | {"decision": "approve"}),
    "mapping_activate": Rule(WRITE, Right.APPROVE_MAPPING),
    "mapping_trials": Rule(WRITE),
    "mapping_trial_exports": Rule(WRITE),
    "mapping_schedule": Rule(WRITE, Right.APPROVE_MAPPING, form={"at": "2099-01-01T08:00"}),
    "mapping_unschedule": Rule(WRITE, Right.APPROVE_MAPPING),
    "mapping_retire": Rule(WRITE, Right.APPROVE_MAPPING),
    "interfaces": Rule(),
    "interface_exports": Rule(WRITE),
    "interface": Rule(),
    "interface_owners": Rule(WRITE, Right.EDIT_MAPPING, form={"standing": "local"}),
    "contract_decisions": Rule(WRITE, Right.APPROVE_MAPPING, form={"agree": "yes"}),
    "contract_withdrawals": Rule(WRITE),
    "drift": Rule(),
    "drift_proposals": Rule(WRITE, Right.EDIT_MAPPING, form={"note": "so be it"}),
    "customers": Rule(),
    "customer_decisions": Rule(
        WRITE, Right.DECIDE_DUPLICATE, form=REASON | {"client": "1", "other": "2", "survivor": "1"}
    ),
    "systems": Rule(),
    "system": Rule(),
    "calls": Rule(),
    "readings": Rule(),
    "surges": Rule(
        WRITE, Right.DECIDE_PERIOD, form=REASON | {"of": f"{OWN} {THIS_MONTH}", "hours": "2"}
    ),
    "surge_ends": Rule(WRITE, Right.DECIDE_PERIOD, scoped=True, form=REASON),
    "system_new": Rule(),
    "system_describe": Rule(READ | WRITE, Right.ADMINISTER, form={"document": "{}"}),
    "system_connect": Rule(READ | WRITE, Right.ADMINISTER, form=SETUP),
    "system_retirements": Rule(WRITE, Right.ADMINISTER),
    "description": Rule(),
    "description_tests": Rule(WRITE, Right.ADMINISTER),
    "description_decisions": Rule(WRITE, Right.APPROVE_MAPPING),
    "description_refusals": Rule(WRITE, Right.APPROVE_MAPPING, form=REASON),
    "description_withdrawals": Rule(WRITE),
    "system_pause": Rule(WRITE, Right.PAUSE_SYSTEM, form=REASON),
    "system_resume": Rule(WRITE, Right.PAUSE_SYSTEM),
    "system_downtimes": Rule(
        WRITE,
        Right.PAUSE_SYSTEM,
        form=REASON | {"begins": "2099-01-01T08:00", "ends": "2099-01-01T10:00"},
    ),
    "downtime_ends": Rule(WRITE, Right.PAUSE_SYSTEM),
    "system_expiries": Rule(
        WRITE, Right.ADMINISTER, form={"name": "password", "expires_on": "2027-01-31"}
    ),
    "system_incidents": Rule(WRITE, Right.LEAD_INCIDENT),
    "assurance": Rule(),
    "assurance_banner": Rule(),
    "library": Rule(),
    "library_proposals": Rule(WRITE, Right.EDIT_MAPPING),
    "library_mapping_approvals": Rule(WRITE, Right.APPROVE_MAPPING, form=REASON),
    "library_runbook_approvals": Rule(WRITE, Right.APPROVE_RUNBOOK, form=REASON),
    "manage": Rule(),
    "manage_decisions": Rule(WRITE, Right.APPROVE_POLICY, form={"agree": "yes"}),
    "manage_withdrawals": Rule(WRITE),
    "manage_people": Rule(
        READ | WRITE,
        Right.ADMINISTER,
        form={
            "username": "new.person",
            "first": "New",
            "last": "Person",
            "email": "new@larkfield.example",
            "zone": "Europe/Berlin",
        },
    ),
    "manage_person": Rule(),
    "manage_rights": Rule(WRITE, Right.ADMINISTER, form=REASON | {"duties": ["steward@"]}),
    "manage_standing": Rule(WRITE, Right.ADMINISTER, form=REASON),
    "manage_sign_ins": Rule(WRITE, Right.ADMINISTER, form=REASON),
    "manage_companies": Rule(
        READ | WRITE,
        Right.ADMINISTER,
        form=REASON
        | {
            "about": "LF-AT",
            "name": "Larkfield Advisory Austria GmbH",
            "country": "AT",
            "currency": "EUR",
            "zone": "Europe/Vienna",
            "gathering_minutes": "240",
            "revenue_tolerance": "1",
            "staffing_tolerance": "8",
            "first_open_month": "2026-11",
        },
    ),
    "manage_rates": Rule(
        READ | WRITE, Right.SET_RATES, form=REASON | {"lines": "CHF, 2026-11-01, 1.07"}
    ),
    "manage_limits": Rule(
        READ | WRITE, Right.ADMINISTER, form=REASON | {"about": "firm", "amount": "9"}
    ),
    "manage_masks": Rule(
        READ | WRITE, Right.ADMINISTER, form=REASON | {"about": "pay", "open_to": ["controller"]}
    ),
    "manage_retention": Rule(
        READ | WRITE, Right.ADMINISTER, form=REASON | {"about": "attempts", "days": "400"}
    ),
    "manage_promises": Rule(
        READ | WRITE,
        Right.ADMINISTER,
        form=REASON
        | {"about": "opportunity-to-project", "amount": "6", "counted": "working", "warn_at": "75"},
    ),
    "manage_calendars": Rule(READ | WRITE, Right.ADMINISTER, form=REASON | {"about": "LF-UK"}),
    "manage_templates": Rule(
        READ | WRITE,
        Right.ADMINISTER,
        form=REASON | {"about": "Review", "billing_method": "Time and materials"},
    ),
    "manage_template_retirements": Rule(WRITE, Right.ADMINISTER, form=REASON | {"about": "Review"}),
    "manage_routes": Rule(READ | WRITE, Right.ADMINISTER, form=REASON | {"role": "erp"}),
    "manage_notices": Rule(),
    "manage_wishes": Rule(WRITE, Right.ADMINISTER, form={"mail": "on"}),
    "manage_audit": Rule(),
    "manage_audit_checks": Rule(WRITE, Right.SEE_AUDIT),
    "recovery": Rule(),
    "recovery_end": Rule(WRITE, Right.PAUSE_SYSTEM),
    "api:openapi-json": Rule(),
    "api:api-root": Rule(),
    "api:transactions": Rule(),
    "api:transaction": Rule(scoped=True),
    "api:report": Rule(WRITE, Right.RESOLVE, scoped=True, form=REASON | {"evidence": "its list"}),
    "api:propose": Rule(
        WRITE, Right.REPLAY, scoped=True, form=REASON | {"fields": {"po_number": "PO-77"}}
    ),
    "api:decide": Rule(WRITE, Right.APPROVE_REPLAY, scoped=True),
    "api:confirm": Rule(WRITE, Right.APPROVE_REPLAY, scoped=True),
    "api:exceptions": Rule(),
    "api:processes": Rule(),
    "api:process": Rule(),
    "api:event_log": Rule(),
    "api:measures": Rule(),
    "api:months": Rule(),
    "api:assurance": Rule(),
    "api:validate": Rule(WRITE, form={"entity": "LF-UK", "name": "Otter plc", "country": "FR"}),
    "api:alike": Rule(),
    "api:word": Rule(
        WRITE, Right.DECIDE_DUPLICATE, form=REASON | {"client": "1", "other": "2", "survivor": "1"}
    ),
    "api:incidents": Rule(),
    "api:incident": Rule(scoped=True),
    "api:runs": Rule(),
    "api:run": Rule(scoped=True),
    "api:interfaces": Rule(),
    "api:interface": Rule(),
    "api:systems": Rule(),
    "api:system": Rule(),
    "api:plan_downtime": Rule(WRITE, Right.PAUSE_SYSTEM, form=REASON | NIGHT),
    "api:end_downtime": Rule(WRITE, Right.PAUSE_SYSTEM),
    "api:plan": Rule(WRITE, Right.REPLAY),
    "api:replay": Rule(scoped=True),
    "api:release": Rule(WRITE, Right.REPLAY, scoped=True),
    "api:views": Rule(READ | WRITE, form={"list": "transactions", "name": "Late"}),
    "api:keep_view": Rule(READ | WRITE, form={"list": "transactions", "name": "Late"}),
    "api:view": Rule(READ | frozenset({"PATCH", "DELETE"})),
    "api:change_view": Rule(READ | frozenset({"PATCH", "DELETE"})),
    "api:remove_view": Rule(READ | frozenset({"PATCH", "DELETE"})),
    "api:restore_view": Rule(WRITE),
}


def routes(patterns: Any = None, before: str = "/", space: str = "") -> Iterator[tuple[str, str]]:
    """The name and the template of every route."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from routes(pattern.url_patterns, route, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}", route


def test_every_route_has_a_policy() -> None:
    declared = {name for name, _route in routes()}
    assert declared == set(POLICY) | PUBLIC


CALLED = {
    "tower": "triage",
    "processes": "opportunity-to-project",
    "measures": "billing-lag",
    "systems": "tryton",
}
"""A thing of the firm that a route takes by name."""


@dataclass
class House:
    """What each company has that a route can name, and who comes by."""

    firm: Firm
    things: dict[str, dict[str, str]] = field(default_factory=dict)

    def address(self, route: str, code: str) -> str:
        """The route's address for a company's own things."""
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: self._named(part[1], route, code), route)

    def _named(self, name: str, route: str, code: str) -> str:
        things = self.things[code]
        if name in {"pk", "number"}:
            for word in (
                "drift",
                "interfaces",
                "set-aside",
                "exceptions",
                "incidents",
                "runs",
                "replays",
                "jobs",
                "findings",
                "amendments",
                "settlements",
                "decisions",
                "surges",
                "downtimes",
                "/views",
            ):
                if word in route:
                    return things[word]
        called = [one for word, one in CALLED.items() if word in route]
        if name == "name" and called:
            return called[0]
        if name == "username":
            return "otto.brandt"
        slug = "in-doubt" if "runbooks" in route else "customer-to-erp"
        slug = "tryton" if "systems" in route else slug
        fixed = {"slug": slug, "number": "1", "position": "1", "connector": "slack"}
        return fixed.get(name) or things.get(name, things["reference"])


def colleague(code: str) -> Person:
    """Who shares a view with the others of a company."""
    found, _made = Person.objects.get_or_create(username=f"colleague.{code}")
    entity = LegalEntity.objects.get(code=code)
    Duty.objects.get_or_create(person=found, role=Role.STEWARD, entity=entity)
    return found


def downtime(firm: Firm) -> Downtime:
    """One that is planned, of a system that all companies share."""
    begins = timezone.now() + timedelta(days=30)
    found, _made = Downtime.objects.get_or_create(
        system=System.objects.get(slug="tryton"),
        reason="An upgrade",
        defaults={
            "begins_at": begins, "ends_at": begins + timedelta(hours=2), "by": firm.anna,
            "announced_at": timezone.now(),
        },
    )  # fmt: skip
    return found


def thing(firm: Firm, code: str, step: str, **more: Any) -> dict[str, str]:
    """A stuck transaction of a company, its cause, and a job about it."""
    one = _stuck(firm, code, step, **more)
    cause, plan = firm.cause(one), firm.plan(one, by=firm.anna)
    event = unreadable(entity=code)
    incident, run = incident_about(firm, cause)
    drift = contract(firm)
    now = timezone.now()
    surge = Surge.objects.create(
        entity=LegalEntity.objects.get(code=code), month="2026-01", began_at=now,
        ends_at=now + timedelta(hours=1), reason=f"{code} is refused, so it goes first",
    )  # fmt: skip
    view = saved_views.keep(
        page="transactions", query="stuck=1", name=f"Stuck in {code}", shared=True, mailed=False,
        by=colleague(code), now=now,
    )  # fmt: skip
    return _proposed(firm, one.steps.get(name=step)) | {
        "/views": str(view.pk),
        "surges": str(surge.pk),
        "downtimes": str(downtime(firm).pk),
        "drift": str(drift.pk),
        "interfaces": str(drift.interface_id),
        "incidents": str(incident.pk),
        "runs": str(run.pk),
        "correlation_id": one.correlation_id,
        "reference": one.reference,
        "exceptions": str(cause.pk),
        "jobs": str(plan.pk),
        "replays": str(plan.pk),
        "set-aside": str(event.pk),
        "digest": plan.digest,
        "word": one.title,
        "said": f"{code} is refused",
        "decision": str(_grouping(firm, cause).pk),
    }


def _stuck(firm: Firm, code: str, step: str, **more: Any) -> Transaction:
    """A deal, or an invoice when a draft is to be refused, of a company."""
    currency = LegalEntity.objects.get(code=code).currency
    deal: dict[str, Any] = {
        "entity": code,
        "currency": currency,
        "name": f"{code} platform",
        **more,
    }
    answers = {step: refused(f"{code} is refused.", field_=code)}
    if step == "draft":
        return firm.bill(firm.deal(**deal), answers=answers)
    return firm.deal(answers=answers, **deal)


def _proposed(firm: Firm, stuck: Step) -> dict[str, str]:
    """What a colleague found out about a step, and how the colleague would change it."""
    at: dict[str, Any] = {"step": stuck, "fence": stuck.fence, "reason": "so"}
    finding = Finding.objects.create(
        generation=1, evidence="its list", reported_by=firm.otto, reported_at=firm.now, **at
    )
    amendment = Amendment.objects.create(
        changes={"name": ["a", "b"]}, proposed_by=firm.otto, proposed_at=firm.now, **at
    )
    settlement = Settlement.objects.create(
        discard=True, reason="so", worth=1, proposed_by=firm.otto, proposed_at=firm.now
    )
    settlement.transactions.add(stuck.transaction)
    return {
        "settlements": str(settlement.pk),
        "step": str(stuck.pk),
        "fence": str(stuck.fence),
        "finding": str(finding.pk),
        "findings": str(finding.pk),
        "amendment": str(amendment.pk),
        "amendments": str(amendment.pk),
    }


def _grouping(firm: Firm, cause: Cause) -> Grouping:
    return Grouping.objects.create(
        fingerprint=cause.fingerprint, by=By.CLIENT, value="Nobody & Sons", cause=cause,
        reason="so", decided_by=firm.otto, decided_at=firm.now,
    )  # fmt: skip


def contract(firm: Firm) -> Drift:
    """A difference to what was agreed, and a version that is proposed about something else; the
    same whichever company asks."""
    told = shape.Drift(Difference(MISSING, "name")).verdict().text
    one = registry.of(System.objects.get(slug="tryton"), "customer", "in", firm.now)
    InterfaceVersion.objects.get_or_create(
        interface=one, number=one.pk,
        defaults={"schema": {}, "author": firm.otto, "created_at": firm.now},
    )  # fmt: skip
    seen = {"first_seen_at": firm.now, "last_seen_at": firm.now}
    return Drift.objects.get_or_create(interface=one, sentence=told, defaults=seen)[0]


def incident_about(firm: Firm, cause: Cause) -> tuple[Incident, Run]:
    """An incident of a cause, and a runbook that is followed for it."""
    agree_runbooks(firm.now)
    incident = leading.open_for(
        cause=cause, title=cause.title, severity=Severity.HIGH, by=firm.anna, now=firm.now
    )
    version = RunbookVersion.objects.get(runbook__slug="in-doubt")
    run = runs.start(version=version, incident=incident, by=firm.anna, now=firm.now)
    return incident, run


@pytest.fixture
def house() -> House:
    """Two companies with a stuck transaction each, for different causes."""
    firm = found()
    Description.objects.create(
        slug="tryton", number=1, document={}, author=firm.otto, created_at=firm.now
    )
    change = governing.propose(
        subject="limit:firm", content={"amount": "5"}, reason="so", by=firm.amara, now=firm.now
    )
    waits = {"decisions": str(change.pk)}
    return House(firm, {OWN: thing(firm, OWN, "draft") | waits,
                        OTHER: thing(firm, OTHER, "project") | waits})  # fmt: skip


def visitors() -> dict[str, Person]:
    """One of each role in `OWN`, somebody without any duty, and somebody who has left."""
    entity = LegalEntity.objects.get(code=OWN)
    made = {str(role): Person.objects.create(username=f"m.{role}") for role in Role}
    for role, person in made.items():
        Duty.objects.create(person=person, role=role, entity=entity)
    made["idle"] = Person.objects.create(username="m.idle")
    return made


CHANGES = re.compile(r"\s*(?:WITH\b.*?\b)?(INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.I | re.S)
TOUCHED = {"django_session", "firm_auditentry"}
"""What a refusal may write: the message that the next page shows, and the audit's note of it."""


@contextmanager
def written() -> Iterator[set[str]]:
    """The tables that are written meanwhile; afterwards all is as it was."""
    tables: set[str] = set()

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if change := CHANGES.match(str(sql)):
            tables.add(change[2].lower())
        return execute(sql, params, many, context)

    with atomic():
        with connection.execute_wrapper(look):
            yield tables
        set_rollback(True)


def ask(
    house: House, client: Client, verb: str, name: str, route: str, code: str, **more: Any
) -> Any:
    """One request about a company's thing, with the form that the route wants."""
    things, rule = house.things[code], POLICY[name]
    proof = {name: things[name] for name in ("step", "fence", "finding", "amendment")}
    form = dict(rule.form) | {"digest": things["digest"]}
    bodies: dict[str, dict[str, Any]] = {
        "api:plan": {"transactions": [things["reference"]]},
        "api:report": dict(rule.form) | {"step": proof["step"], "fence": proof["fence"]},
        "api:propose": dict(rule.form) | {"step": proof["step"], "fence": proof["fence"]},
        "api:decide": {"agree": True},
        "api:confirm": {"confirm": True},
        "api:release": {"digest": things["digest"]},
        "api:plan_downtime": dict(rule.form),
    }
    body = bodies.get(name, form)
    form |= proof
    url = house.address(route, code)
    if name.startswith("transaction_") and "api" not in name:
        url += f"?part={things['reference']}"
    if verb == "POST" and name.startswith("api:"):
        return client.post(url, json.dumps(body), content_type="application/json", **more)
    if verb == "POST":
        return client.post(url, form, **more)
    return client.generic(verb, url, **more)


def api_headers(name: str, person: Person, key: str = "matrix-of-rights") -> dict[str, Any]:
    """A token for the API, nothing for pages, which have a session."""
    if not name.startswith("api:"):
        return {}
    ApiToken.objects.filter(person=person).delete()
    return {"headers": token(person) | {"Idempotency-Key": key}}


def test_only_who_may_changes_anything(house: House) -> None:
    """Every role posts to every route; without the right nothing but the audit is written."""
    people, faults, done = visitors(), [], set()
    for role, person in people.items():
        client = signed_in(person)
        for name, route in routes():
            if name in PUBLIC or "POST" not in POLICY[name].verbs or name == "sign_out":
                continue
            rule = POLICY[name]
            for code in (OWN, OTHER) if rule.scoped or name == "api:plan" else (OWN,):
                more = api_headers(name, person)
                with written() as tables:
                    answer = ask(house, client, "POST", name, route, code, **more)
                away = code == OTHER or (role == "idle" and rule.scoped)
                may = rule.right is None or role in WHO[rule.right]
                strange = tables - TOUCHED - {"firm_apitoken", "web_keyedrequest"}
                wrong = bool(strange) and (away or not may)
                missing = away and answer.status_code != 404
                if wrong or missing or answer.status_code >= 500:
                    faults.append((role, name, code, answer.status_code, strange))
                if strange and may:
                    done.add(name)
    assert faults == []
    assert len(done) > 10, done


def test_a_verb_that_is_not_declared_is_refused(house: House) -> None:
    client, faults = signed_in(house.firm.anna), []
    for name, route in routes():
        if name in PUBLIC or name == "sign_out":
            continue
        more = api_headers(name, house.firm.anna)
        for verb in set(VERBS) - POLICY[name].verbs:
            with written() as tables:
                answer = ask(house, client, verb, name, route, OWN, **more)
            refused_ = answer.status_code in (404, 405)
            if not refused_ or tables - {"firm_apitoken"}:
                faults.append((name, verb, answer.status_code, tables))
    assert faults == []


def test_nobody_gets_anywhere(house: House) -> None:
    """Neither without a session, nor with that of somebody who has left."""
    gone = Person.objects.create(username="m.gone")
    Duty.objects.create(person=gone, role=Role.CONTROLLER)
    left = signed_in(gone)
    headers = token(gone)
    Person.objects.filter(pk=gone.pk).update(is_active=False)
    for name, route in routes():
        if name in PUBLIC:
            continue
        for client, more in ((Client(), {}), (left, {"headers": headers})):
            for verb in ("GET", "POST"):
                with written() as tables:
                    answer = ask(house, client, verb, name, route, OWN, **more)
                assert answer.status_code in (302, 401, 404, 405), (name, verb)
                if answer.status_code == 302:
                    assert answer["Location"].startswith("/sign-in/"), name
                assert not tables, (name, verb, tables)
