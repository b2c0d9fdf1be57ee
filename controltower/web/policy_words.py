"""Policies in words: what they are called, and what a version says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import get_day_names
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from controltower.canonical.money import Money
from controltower.canonical.promise import Counted, Promise
from controltower.canonical.records.base import Personal
from controltower.firm import (
    calendars,
    companies,
    dated_rates,
    duties,
    keeping,
    limits,
    masks,
    promised,
)
from controltower.firm.models import Role
from controltower.mappings import owning
from controltower.processes import quote_to_cash
from controltower.systems.models import System
from controltower.transactions import agreed_routes, agreed_templates
from controltower.web import field_names, formats, plain_names, standing, template_words
from controltower.web.named import names_of
from controltower.web.sayings import heard

Content = Mapping[str, Any]
PARTS = {name: name.upper() for name in ("crm", "psa", "erp", "hris")} | {
    "clm": gettext_lazy("Contracts"),
    "spend": gettext_lazy("Spend"),
    "payroll": gettext_lazy("Payroll"),
    "broker": gettext_lazy("Event broker"),
    "warehouse": gettext_lazy("Warehouse"),
    "dashboards": gettext_lazy("Dashboards"),
    "documents": gettext_lazy("Documents"),
    "chat": gettext_lazy("Chat"),
}
PERSONAL = {
    Personal.NAME: gettext_lazy("names of people"),
    Personal.CONTACT: gettext_lazy("mail addresses, phones and homes"),
    Personal.PAY: gettext_lazy("pay and cost rates"),
    Personal.BANK: gettext_lazy("bank accounts"),
    Personal.IDENTITY: gettext_lazy("identity papers and birth dates"),
}
"""Classes of personal data."""


def title(kind: str, about: str) -> str:
    """What a policy is called: "Rights of Otto Brandt"."""
    names = {
        duties.KIND: _("Rights of %(about)s"),
        limits.KIND: _("Approval limit of %(about)s"),
        keeping.KIND: _("How long the %(about)s is kept"),
        calendars.KIND: _("Calendar of %(about)s"),
        promised.KIND: _("Promise of “%(about)s”"),
        agreed_routes.KIND: _("Who takes %(about)s"),
        masks.KIND: _("Mask of %(about)s"),
        companies.KIND: _("Company %(about)s"),
        dated_rates.KIND: _("Rates of %(about)s"),
        owning.KIND: _("Owners of fields: %(about)s"),
        agreed_templates.KIND: _("Project template “%(about)s”"),
    }
    shown = {
        limits.FIRM: _("the firm"),
        keeping.TIMELINE: _("timeline"),
        keeping.ATTEMPTS: _("log of attempts"),
        keeping.BODIES: _("body of an event"),
    }
    words = {
        duties.KIND: _person,
        promised.KIND: promise_title,
        agreed_routes.KIND: place,
        masks.KIND: personal,
        owning.KIND: heard,
    }
    called = words[kind](about) if kind in words else shown.get(about, about)
    return names[kind] % {"about": called}


def _person(about: str) -> str:
    return names_of([about])[about]


def place(about: str) -> str:
    """Whose records a route is for: "ERP · LF-UK · all records"."""
    found = agreed_routes.Place.read(about)
    record = found.record and plain_names.record(found.record)
    parts = (part(found.role), found.company or _("all companies"), record or _("all records"))
    return " · ".join(parts)


def part(role: str) -> str:
    """A part in the processes: "ERP"."""
    return str(PARTS.get(role, role.capitalize()))


def route(content: Content) -> str:
    """Which system, and from when."""
    system = System.objects.filter(slug=content["system"]).first()
    day = _day(content["from"])
    return _("%(system)s from %(day)s") % {"system": system or content["system"], "day": day}


def _day(text: str) -> str:
    return formats.date_of(date.fromisoformat(text))


def personal(about: str) -> str:
    """What a class of personal data is called."""
    return str(PERSONAL[Personal(about)])


def promise_title(about: str) -> str:
    """What the process or the milestone of a promise is called."""
    milestone = about.removeprefix(promised.MILESTONE)
    if milestone != about:
        return str(heard(quote_to_cash.named(milestone).title))
    return str(heard(standing.process_title(about)))


def said(kind: str, content: Content | None) -> str:
    """What a version says; what held before anything was agreed upon is nothing."""
    return WORDS[kind](content) if content else _("nothing agreed upon")


def rights(content: Content) -> str:
    """Roles with where they hold."""
    roles = dict(Role.choices)
    words = [
        (_("%(role)s in %(entity)s") if code else _("%(role)s in the whole firm"))
        % {"role": heard(roles[role]), "entity": code}
        for role, code in content["duties"]
    ]
    return ", ".join(words) or _("no role at all")


def limit(content: Content) -> str:
    """Above which amount a second person agrees."""
    return formats.money(Money.of(Decimal(content["amount"]), settings.REPORTING_CURRENCY))


def days(content: Content) -> str:
    """For how long a log is kept."""
    return ngettext("%(n)s day", "%(n)s days", content["days"]) % {"n": content["days"]}


def promise(content: Content) -> str:
    """How long something may take: "8 working hours"."""
    amount, counted = content["amount"], Counted(content["counted"])
    if counted == Counted.DAYS:
        return ngettext("%(n)s day", "%(n)s days", amount) % {"n": amount}
    if counted == Counted.WORKING_DAYS:
        return ngettext("%(n)s working day", "%(n)s working days", amount) % {"n": amount}
    length = formats.duration(timedelta(minutes=amount))
    if counted == Counted.WORKING:
        return _("%(length)s of working time") % {"length": length}
    return _("%(length)s around the clock") % {"length": length}


def short(agreed: Promise) -> str:
    """The same for a narrow column: around the clock is not said."""
    if agreed.counted == Counted.ELAPSED:
        return formats.duration(agreed.length)
    return promise(promised.written(agreed))


def calendar(content: Content) -> str:
    """When an entity works, and by when its months must be complete."""
    words = f"{_weekdays(content)} {content['opens']}–{content['closes']} {content['zone']}"
    if content["country"]:
        where = " ".join(filter(None, (formats.country(content["country"]), content["region"])))
        words = _("%(words)s, public holidays: %(where)s") % {"words": words, "where": where}
    if content["own_days"]:
        own = len(content["own_days"])
        words += ngettext(", %(n)s day of its own", ", %(n)s days of its own", own) % {"n": own}
    if content["cut_off"]:
        words = _("%(words)s, cut-off %(at)s") % {"words": words, "at": content["cut_off"]}
    month = {**calendars.USUAL_MONTH, **content}
    said = {"words": words, "day": month["month_day"], "at": month["month_time"]}
    return _("%(words)s; a month is complete on working day %(day)s at %(at)s") % said


def _weekdays(content: Content) -> str:
    """The days that an entity works, those in a row from the first to the last: "Mon–Fri"."""
    names = get_day_names("abbreviated", locale=formats.locale())
    rows: list[list[int]] = []
    for day in sorted(content["weekdays"]):
        if rows and day == rows[-1][-1] + 1:
            rows[-1].append(day)
        else:
            rows.append([day])
    return ", ".join(
        names[row[0]] if len(row) == 1 else f"{names[row[0]]}–{names[row[-1]]}" for row in rows
    )


def mask(content: Content) -> str:
    """For whom a class of personal data is masked."""
    masked = set(content["masked_for"])
    if masked >= set(Role.values):
        return _("masked for everybody")
    seen = [str(heard(label)) for role, label in Role.choices if role not in masked]
    return _("masked, but not for: %(roles)s") % {"roles": ", ".join(seen)}


def company(content: Content) -> str:
    """What a company is, and where its records must stay."""
    said = {**companies.USUAL, **content}
    gathering = formats.duration(timedelta(minutes=said["gathering_minutes"]))
    words = _(
        "%(name)s, %(country)s, %(currency)s, %(zone)s; gathers approved work for %(gathering)s "
        "before it bills; revenue may differ by %(tolerated)s, a place by %(hours)s hours"
    ) % {
        **said,
        "country": formats.country(said["country"]),
        "gathering": gathering,
        "hours": formats.number(Decimal(said["staffing_tolerance"])),
        "tolerated": formats.money(Money.of(said["revenue_tolerance"], said["currency"])),
    }
    if said["residency"]:
        words = _("%(words)s; records stay in %(region)s") % {
            "words": words, "region": said["residency"],
        }  # fmt: skip
    return words


def rates(content: Content) -> str:
    """Each day with its rate; where it replaces another, what rests on that one."""
    replaced = {on: (before, count) for on, before, count in content.get("replaces", ())}
    words = []
    for on, value in content["rates"]:
        said = {"rate": formats.rate(value), "day": _day(on)}
        if on not in replaced:
            words.append(_("%(rate)s from %(day)s") % said)
            continue
        before, count = replaced[on]
        said["before"] = formats.rate(before)
        told = _("%(rate)s instead of %(before)s from %(day)s") % said
        words.append(f"{told} ({resting(count)})")
    return "; ".join(words)


def resting(count: int) -> str:
    """What changes its worth with a rate."""
    if not count:
        return _("no total rests on it now")
    words = ngettext(
        "%(n)s transaction is worth another amount in every total",
        "%(n)s transactions are worth another amount in every total",
        count,
    )
    return words % {"n": formats.number(count)}


def owners(content: Content) -> str:
    """Which fields, whose system holds the truth of them, and who answers for them."""
    system = System.objects.filter(slug=content["system"]).first()
    people = names_of(filter(None, [content["owner"], content["steward"]]))
    words = _("%(fields)s: %(system)s, owner %(owner)s") % {
        "fields": ", ".join(map(field_names.field, content["fields"])),
        "system": system or content["system"],
        "owner": people[content["owner"]],
    }
    if content["steward"]:
        words = _("%(words)s, steward %(steward)s") % {
            "words": words, "steward": people[content["steward"]],
        }  # fmt: skip
    return words


WORDS: dict[str, Callable[[Content], str]] = {
    duties.KIND: rights,
    limits.KIND: limit,
    keeping.KIND: days,
    calendars.KIND: calendar,
    promised.KIND: promise,
    agreed_routes.KIND: route,
    masks.KIND: mask,
    companies.KIND: company,
    dated_rates.KIND: rates,
    owning.KIND: owners,
    agreed_templates.KIND: template_words.template,
}
