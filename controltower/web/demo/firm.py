"""Larkfield Advisory, the pretend firm of the sandbox: entities, rates, periods and people."""

from __future__ import annotations

import secrets
from datetime import date, timedelta
from decimal import Decimal

from controltower.firm.companies import open_from
from controltower.firm.models import Duty, ExchangeRate, LegalEntity, Person, Role

ENTITIES = (
    ("LF-DE", "Larkfield Advisory GmbH", "DE", "EUR", "Europe/Berlin"),
    ("LF-UK", "Larkfield Advisory Ltd", "GB", "GBP", "Europe/London"),
    ("LF-US", "Larkfield Advisory Inc.", "US", "USD", "America/New_York"),
)
GATHER_FOR = timedelta(seconds=12)
"""The sandbox bills soon after approval, so that a visitor sees invoices within a minute."""
RATES = (("GBP", Decimal("1.1420")), ("USD", Decimal("0.8630")))

PEOPLE = (
    ("anna.lindqvist", "Anna", "Lindqvist", Role.CONTROLLER, ""),
    ("priya.nair", "Priya", "Nair", Role.PMO_LEAD, ""),
    ("otto.brandt", "Otto", "Brandt", Role.OPERATOR, ""),
    ("lena.weil", "Lena", "Weil", Role.STEWARD, ""),
    ("jonas.achterberg", "Jonas", "Achterberg", Role.AUDITOR, ""),
    ("amara.osei", "Amara", "Osei", Role.ADMINISTRATOR, ""),
    ("callum.reid", "Callum", "Reid", Role.CONTROLLER, "LF-UK"),
    ("marta.velez", "Marta", "Velez", Role.STEWARD, ""),
)
"""Sign-in name, names, role and entity ("" = all). The last two are the second person that four
eyes need: a controller of one company, and a second steward."""
ZONES = {"LF-UK": "Europe/London", "LF-US": "America/New_York"}


def found_firm(today: date) -> None:
    """Legal entities, open periods from last month on, and rates of the month's first day."""
    last_month = today.replace(day=1) - timedelta(days=1)
    for code, name, country, currency, zone in ENTITIES:
        entity, _ = LegalEntity.objects.update_or_create(
            code=code,
            defaults={
                "name": name,
                "country": country,
                "currency": currency,
                "zone": zone,
                "gather_for": GATHER_FOR,
            },
        )
        open_from(entity, f"{last_month:%Y-%m}")
    first = today.replace(day=1)
    ExchangeRate.objects.bulk_create(
        [ExchangeRate(currency=currency, on=first, rate=rate) for currency, rate in RATES],
        ignore_conflicts=True,
    )


def hire_people() -> list[dict[str, str]]:
    """Create the demo people once; returns their sign-ins with generated passwords."""
    logins = []
    for username, first, last, role, code in PEOPLE:
        entity = LegalEntity.objects.get(code=code) if code else None
        person, created = Person.objects.get_or_create(
            username=username,
            defaults={
                "first_name": first,
                "last_name": last,
                "email": f"{username}@larkfield.example",
                "zone": ZONES.get(code, "Europe/Berlin"),
            },
        )
        Duty.objects.get_or_create(person=person, role=role, entity=entity)
        if created:
            password = "-".join(secrets.token_hex(3) for _ in range(3))
            person.set_password(password)
            person.save()
            title = f"{role.label}{f', {code}' if code else ''}"
            logins.append(
                {"name": f"{first} {last}", "role": title, "username": username,
                 "password": password}
            )  # fmt: skip
    return logins
