"""Admin: who may open it, changes that wait for a second person, people, and the audit search."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from controltower.firm import audit, limits
from controltower.firm.models import (
    AuditEntry,
    LegalEntity,
    Person,
    PolicyState,
    PolicyVersion,
    Role,
)
from controltower.incidents import watch
from controltower.processes.month_end_close import close_of
from controltower.systems.models import Route, System
from controltower.transactions import agreed_templates
from controltower.transactions.models import ReplayPlan
from controltower.transactions.world import entities
from controltower.web import audit_names
from tests.web.cast import browser, entity, person

pytestmark = pytest.mark.django_db
PAGES = (
    "",
    "people/",
    "people/otto/",
    "companies/",
    "rates/",
    "limits/",
    "promises/",
    "calendars/",
    "routes/",
    "templates/",
    "notices/",
    "masks/",
    "retention/",
    "audit/",
)
REASON = {"reason": "because"}
READ_BY_ALL = "routes/"
"""Who works in a company reads what holds for it."""


@pytest.fixture
def amara() -> Client:
    entity("LF-UK")
    person("otto")
    return browser(person("amara", Role.ADMINISTRATOR))


@pytest.fixture
def anna() -> Client:
    return browser(person("anna", Role.CONTROLLER))


def test_it_is_in_the_rail_of_those_who_may_open_it(amara: Client) -> None:
    for role in Role:
        who = browser(person(f"one.{role}", role))
        may = role in {Role.ADMINISTRATOR, Role.CONTROLLER, Role.AUDITOR}
        assert ('href="/manage/"' in who.get("/").content.decode()) is may
        for page in PAGES:
            answer = who.get(f"/manage/{page}")
            is_open = may or page == READ_BY_ALL
            assert answer.status_code == (200 if is_open else 403), (role, page)
            if not is_open:
                assert "administrator" in answer.content.decode()


def test_who_has_the_right_in_one_company_is_told_so(amara: Client) -> None:
    callum = browser(person("callum", Role.CONTROLLER, "LF-UK"))
    told = callum.get("/manage/limits/").content.decode()
    assert f"Your right covers {entity('LF-UK').name}, not the whole firm." in told
    assert "Only the " not in told


@pytest.mark.parametrize(
    "page", ["companies", "limits", "promises", "calendars", "masks", "retention"]
)
def test_why_nothing_can_be_changed_is_said_once(amara: Client, page: str) -> None:
    path, why = f"/manage/{page}/", "Only the administrator may do this."
    told = browser(person("jonas", Role.AUDITOR)).get(path).content.decode()
    assert told.count(why) == 1
    assert told.count('aria-describedby="who-may"') == told.count('aria-disabled="true"') > 0
    assert why not in amara.get(path).content.decode()


def test_a_limit_is_proposed_shown_and_agreed_to(amara: Client, anna: Client) -> None:
    form = REASON | {"about": "LF-UK", "amount": "1234.50"}
    answer = amara.post("/manage/limits/", form, follow=True).content.decode()
    assert "second person has agreed" in answer
    assert "€1,234.50" in answer
    assert limits.second_person_above(["LF-UK"]) != 1234.5
    (version,) = PolicyVersion.objects.all()
    page = amara.get("/manage/").content.decode()
    assert f"/manage/decisions/{version.pk}/withdrawal/" in page and "Agree" not in page
    amara.post(f"/manage/decisions/{version.pk}/", {"agree": "yes"})
    assert limits.second_person_above(["LF-UK"]) != 1234.5
    assert "Nothing waits for a second person" not in anna.get("/manage/").content.decode()
    anna.post(f"/manage/decisions/{version.pk}/", {"agree": "yes", "answer": "Fine."})
    assert limits.second_person_above(["LF-UK"]) == 1234.5
    assert "Nothing waits for a second person" in anna.get("/manage/").content.decode()


def test_who_withdrew_a_change_is_named_where_it_was_decided(amara: Client, anna: Client) -> None:
    amara.post("/manage/limits/", REASON | {"about": "LF-UK", "amount": "1234.50"})
    version = PolicyVersion.objects.get()
    amara.post(f"/manage/decisions/{version.pk}/withdrawal/")
    (decided,) = re.findall(
        r'data-label="Decided by">([^,]*),', anna.get("/manage/").content.decode()
    )
    assert decided == str(version.author)


def test_rights_are_changed_by_two_and_never_by_oneself(amara: Client, anna: Client) -> None:
    form = REASON | {"duties": ["auditor@", "operator@LF-UK"]}
    amara.post("/manage/people/otto/rights/", form)
    (version,) = PolicyVersion.objects.all()
    anna.post(f"/manage/decisions/{version.pk}/", {"agree": "yes"})
    held = Person.objects.get(username="otto").duties.values_list("role", "entity__code")
    assert sorted(held) == [("auditor", None), ("operator", "LF-UK")]
    said = amara.post("/manage/people/amara/rights/", form, follow=True).content.decode()
    assert "Nobody may change their own rights." in said
    assert PolicyVersion.objects.count() == 1


def test_what_cannot_be_read_changes_nothing(amara: Client) -> None:
    for url, form in (
        ("limits/", REASON | {"about": "firm", "amount": "-3"}),
        ("limits/", {"about": "firm", "amount": "3"}),
        ("retention/", REASON | {"about": "attempts", "days": "1"}),
        ("people/otto/rights/", REASON | {"duties": ["emperor@"]}),
        ("people/", {"username": "x"}),
    ):
        answer = amara.post(f"/manage/{url}", form, follow=True)
        assert "Nothing was changed." in answer.content.decode(), url
    assert not PolicyVersion.objects.exists()


def test_a_password_is_shown_once(amara: Client) -> None:
    form = {"username": "new.one", "first": "New", "last": "One",
            "email": "new@larkfield.example", "zone": "Asia/Tokyo"}  # fmt: skip
    page = amara.post("/manage/people/", form).content.decode()
    shown = re.search(r'class="mono">((?:[0-9a-f]{6}-){3}[0-9a-f]{6})<', page)
    assert shown
    assert Client().login(username="new.one", password=shown[1])
    assert shown[1] not in amara.get("/manage/people/new.one/").content.decode()
    again = amara.post("/manage/people/new.one/sign-ins/", REASON).content.decode()
    assert shown[1] not in again
    assert not Client().login(username="new.one", password=shown[1])


def test_the_chain_is_searched_by_person_verb_object_and_outcome(amara: Client) -> None:
    for actor, verb, subject, allowed in (
        ("otto", "replay", "deal 1", True),
        ("otto", "replay", "deal 2", False),
        ("priya", "assign", "deal 1", True),
    ):
        audit.record(actor=actor, verb=verb, subject=subject, allowed=allowed, now=timezone.now())

    def found(query: str) -> int:
        return len(re.findall(r'id="entry-', amara.get(f"/manage/audit/?{query}").content.decode()))

    assert found("actor=otto") == 2
    assert found("verb=assign") == 1
    assert found("subject=deal+1") == 2
    assert found("actor=otto&outcome=denied") == 1
    assert found("actor=otto&since=2020-01-01&until=2020-12-31") == 0
    assert "No match." in amara.get("/manage/audit/?actor=nobody").content.decode()


def test_the_chain_says_who_and_what_by_name_and_keeps_what_was_sealed(amara: Client) -> None:
    person("zoe.kern")
    Person.objects.filter(username="zoe.kern").update(first_name="Zoe", last_name="Kern")
    plan = ReplayPlan.objects.create(
        title="Replay of 3 invoices", requested_by=Person.objects.get(username="zoe.kern"),
        requested_at=timezone.now(),
    )  # fmt: skip
    for subject in (f"replay {plan.pk}", "person zoe.kern", "something old"):
        audit.record(
            actor="zoe.kern", verb="try", subject=subject, allowed=True, now=timezone.now()
        )
    page = amara.get("/manage/audit/?actor=Zoe+Kern").content.decode()
    assert f'<a href="/jobs/{plan.pk}/">Replay of 3 invoices</a>' in page
    assert f"replay {plan.pk}</span>" in page, "the proof stands below"
    assert page.count(">zoe.kern</span>") == 3 and "Zoe Kern<br>" in page
    assert "something old" in page


def test_what_an_entry_tells_is_said_in_words(amara: Client) -> None:
    detail = {
        "reason": "Switched off.", "shared": True, "selection": {"count": 8, "causes": [2, 3]},
        "until": "2026-11-22T08:01:02+00:00", "halted": [], "own_word": "x",
    }  # fmt: skip
    audit.record(
        actor="otto", verb="try", subject="it", allowed=True, now=timezone.now(), detail=detail
    )
    page = amara.get("/manage/audit/?actor=otto").content.decode()
    (told,) = re.findall(r'<dl class="pairs">(.*?)</dl>', page, re.DOTALL)
    pairs = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", told))
    assert pairs["Reason"] == "Switched off." and pairs["For the whole team"] == "yes"
    assert pairs["Chosen"] == "Count: 8; Groups: 2, 3"
    assert "T08" not in pairs["Until"], "a moment as people write it"
    assert pairs["Own word"] == "x" and "Held back" not in pairs
    assert "&quot;own_word&quot;: &quot;x&quot;" in page, "as it is sealed"


def test_it_is_paged_from_the_newest(amara: Client) -> None:
    for number in range(60):
        audit.record(
            actor="otto", verb="try", subject=f"thing {number}", allowed=True, now=timezone.now()
        )
    first = amara.get("/manage/audit/?actor=otto").content.decode()
    assert "thing 59" in first
    assert "thing 9<" not in first
    older = re.search(r'href="(\?[^"]*before=\d+)"', first)
    assert older
    rest = amara.get("/manage/audit/" + older[1].replace("&amp;", "&")).content.decode()
    assert "thing 9<" in rest
    assert "thing 59" not in rest


def test_a_broken_chain_is_told(amara: Client) -> None:
    audit.record(actor="otto", verb="try", subject="it", allowed=True, now=timezone.now())
    whole = amara.post("/manage/audit/checks/", follow=True).content.decode()
    assert "The chain is whole" in whole
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE firm_auditentry DISABLE TRIGGER audit_no_change")
        cursor.execute("UPDATE firm_auditentry SET allowed = NOT allowed WHERE subject = 'it'")
        cursor.execute("ALTER TABLE firm_auditentry ENABLE TRIGGER audit_no_change")
    broken = amara.post("/manage/audit/checks/", follow=True).content.decode()
    assert "The chain is broken at entry" in broken


def test_a_promise_and_a_calendar_are_changed_on_their_pages(amara: Client, anna: Client) -> None:
    form = REASON | {"about": "opportunity-to-project", "amount": "6.5", "counted": "working",
                     "warn_at": "75"}  # fmt: skip
    amara.post("/manage/promises/", form)
    days = REASON | {
        "about": "LF-UK", "zone": "Europe/London", "opens": "08:00", "closes": "16:00",
        "weekdays": ["0", "1", "2"], "country": "GB", "region": "ENG", "cut_off": "15:00",
        "month_day": "2", "month_time": "12:30",
        "own_days": "2026-12-24 Christmas Eve\n2026-12-31",
    }  # fmt: skip
    answer = amara.post("/manage/calendars/", days, follow=True).content.decode()
    assert "second person has agreed" in answer
    for version in PolicyVersion.objects.all():
        anna.post(f"/manage/decisions/{version.pk}/", {"agree": "yes"})
    assert "6 h 30 min of working time" in amara.get("/manage/promises/").content.decode()
    assert "6 h 30 min of working time" in amara.get("/processes/").content.decode()
    page = amara.get("/manage/calendars/").content.decode()
    assert "Mon–Wed 08:00–16:00 Europe/London, public holidays: United Kingdom ENG" in page
    assert "complete on working day 2 at 12:30" in page
    cut_off = close_of(entities()["LF-UK"], "2026-10").cut_off
    assert cut_off == datetime(2026, 11, 3, 12, 30, tzinfo=UTC), "Monday and Tuesday are worked on"
    for wrong in ({"about": "weather"}, {"amount": "-1"}, {"counted": "moons"}):
        assert "Nothing was changed." in amara.post(
            "/manage/promises/", form | wrong, follow=True
        ).content.decode()  # fmt: skip
    late = amara.post("/manage/calendars/", days | {"month_day": "16"}, follow=True)
    assert "Nothing was changed." in late.content.decode()
    nowhere = amara.post("/manage/calendars/", days | {"zone": "Europe/Atlantis"}, follow=True)
    assert "Nothing was changed." in nowhere.content.decode()
    said = amara.post("/manage/calendars/", days | {"own_days": "soon"}, follow=True)
    assert "does not begin with a day" in said.content.decode()


def test_zones_to_choose_from_are_told_once_for_all_calendars(amara: Client) -> None:
    entity("LF-DE")
    page = amara.get("/manage/calendars/").content.decode()
    assert page.count('list="zones"') == LegalEntity.objects.count() > 1
    assert page.count('value="Asia/Tokyo"') == 1


def test_what_somebody_gets_is_changed_and_messages_are_shown(amara: Client) -> None:
    form = {"mail": "on", "slack_channel": "C042", "quiet_from": "22:00", "quiet_until": "07:00"}
    page = amara.post("/manage/people/otto/wishes/", form, follow=True).content.decode()
    assert "22:00–07:00" in page
    assert "Slack C042" in page
    Person.objects.filter(username="otto").update(email="otto@larkfield.example")
    watch.report(subject="system:erp", title="The ERP is away", now=timezone.now())
    page = amara.get("/manage/notices/").content.decode()
    assert "New incident: " in page and ": The ERP is away" in page
    said = amara.post("/manage/people/otto/wishes/", {"quiet_from": "late"}, follow=True)
    assert "Nothing was changed." in said.content.decode()


def test_a_route_is_proposed_decided_and_shown(amara: Client, anna: Client) -> None:
    for name in ("tryton", "business_central"):
        System.objects.create(
            slug=name, title=name.title(), domain="ERP", role="erp", connector=name,
            connection=name, base_url="http://127.0.0.1:9",
        )  # fmt: skip
    page = amara.get("/manage/routes/").content.decode()
    assert "No route is agreed upon" in page
    day = timezone.now().date() + timedelta(days=9)
    form = REASON | {
        "role": "erp", "company": "LF-UK", "record": "", "system": "business_central",
        "starts_on": day.isoformat(),
    }  # fmt: skip
    answer = amara.post("/manage/routes/", form, follow=True).content.decode()
    assert "ERP · LF-UK · all records: Business_Central from" in answer
    assert not Route.objects.exists()
    (version,) = PolicyVersion.objects.all()
    anna.post(f"/manage/decisions/{version.pk}/", {"agree": "yes"})
    (route,) = Route.objects.all()
    assert (route.company, route.system.slug) == (entity("LF-UK"), "business_central")
    page = amara.get("/manage/routes/").content.decode()
    assert "Coming" in page
    assert "once a second person" not in page
    for wrong in ({"system": "workday"}, {"role": "psa"}, {"starts_on": "2020-01-01"}):
        refused = amara.post("/manage/routes/", form | wrong, follow=True).content.decode()
        assert "Nothing was changed." in refused or "begins today or later" in refused
    assert Route.objects.count() == 1


FIXED_FEE = {
    "about": "Half and half",
    "billing_method": "Fixed fee",
    "companies": "LF-UK",
    "regions": "",
    "milestones": "Half way | 49.99 | 30\nAll of it | 50.01 | 60\n",
    "roles": "Analyst | 75.5 | SQL\nManager | 20 %\n",
}


def test_a_project_template_is_agreed_upon_by_two(amara: Client, anna: Client) -> None:
    answer = amara.post("/manage/templates/", FIXED_FEE | REASON, follow=True).content.decode()
    assert "Project template “Half and half”: Fixed fee / LF-UK" in answer
    assert "Half and half" not in agreed_templates.agreed()
    waiting = PolicyVersion.objects.get(subject="project-template:Half and half")
    anna.post(f"/manage/decisions/{waiting.pk}/", {"agree": "yes", "answer": ""})
    agreed = agreed_templates.agreed()["Half and half"]
    assert agreed["milestones"] == [
        {"name": "Half way", "share": "49.99", "days": 30},
        {"name": "All of it", "share": "50.01", "days": 60},
    ]
    assert agreed["roles"] == [
        {"name": "Analyst", "hours": "75.5", "skill": "SQL"},
        {"name": "Manager", "share": "20", "skill": ""},
    ]
    page = amara.get("/manage/templates/").content.decode()
    assert "Half way 49.99 %, day 30; All of it 50.01 %, day 60" in page
    assert "Analyst | 75.5 | SQL\nManager | 20 %</textarea>" in page


def test_a_project_template_is_retired_by_two_and_may_come_back(
    amara: Client, anna: Client
) -> None:
    def agree() -> None:
        (version,) = PolicyVersion.objects.filter(state=PolicyState.PROPOSED)
        anna.post(f"/manage/decisions/{version.pk}/", {"agree": "yes", "answer": ""})

    agreed_templates.write_down(now=timezone.now())
    form = REASON | {"about": "Advisory T&M"}
    amara.post("/manage/templates/retirements/", form)
    assert "Advisory T&M" in agreed_templates.agreed(), "a proposal changes nothing"
    assert "retired: no further deal" in amara.get("/manage/templates/").content.decode()
    agree()
    assert agreed_templates.agreed().keys() == {"Implementation fixed fee"}
    again = amara.post("/manage/templates/retirements/", form, follow=True).content.decode()
    assert "There is no project template “Advisory T&amp;M” in force." in again
    amara.post("/manage/templates/retirements/", form | {"about": "Implementation fixed fee"})
    agree()
    assert "Every template is retired" in amara.get("/manage/templates/").content.decode()
    agreed_templates.write_down(now=timezone.now())
    assert agreed_templates.agreed() == {}, "what the product brings does not come back by itself"
    amara.post("/manage/templates/", FIXED_FEE | REASON | {"about": "Advisory T&M"})
    agree()
    assert agreed_templates.agreed().keys() == {"Advisory T&M"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"milestones": "Half way | 49.98 | 30\nAll of it | 50.01 | 60"},
        {"milestones": "Half way | 50 | soon\nAll of it | 50 | 60"},
        {"milestones": "All of it"},
        {"roles": "Analyst | a lot"},
        {"roles": "Analyst"},
        {"about": ""},
        {"reason": ""},
    ],
)
def test_what_is_no_project_template_is_not_proposed(amara: Client, wrong: dict[str, str]) -> None:
    amara.post("/manage/templates/", FIXED_FEE | REASON | wrong)
    assert not PolicyVersion.objects.filter(subject__startswith="project-template").exists()


def test_what_the_chain_keeps_by_a_key_is_called_by_its_name() -> None:
    PolicyVersion.objects.create(
        subject="project-template:Half", number=1, content={}, reason="So agreed.",
        proposed_at=timezone.now(),
    )  # fmt: skip
    for subject in ("LF-DE 2026-11", "project-template:Half"):
        audit.record(actor="otto", verb="try", subject=subject, allowed=True, now=timezone.now())
    names = audit_names.objects(AuditEntry.objects.all())
    assert names["LF-DE 2026-11"].name == "LF-DE · November 2026"
    assert names["project-template:Half"].name == "Project template “Half”"
