"""What an entry of the audit chain is about, by the name that people know.

The chain keeps what was sealed, such as "replay 01a2…" or "rights:otto.brandt", and the page shows
that below: the name is only found for it, as it is called today.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import ngettext

from controltower.firm.models import AuditEntry, Person, PolicyVersion
from controltower.incidents.models import Cause, Incident
from controltower.systems.models import System
from controltower.transactions.models import Removal, ReplayPlan, Transaction
from controltower.web import formats, policy_words, standing
from controltower.web.named import names_of
from controltower.web.privacy import masked_text
from controltower.web.sayings import heard


@dataclass(frozen=True, slots=True)
class Called:
    """What is known of something: its name, and its page or ""."""

    name: str
    url: str = ""


def people(entries: Iterable[AuditEntry]) -> dict[str, str]:
    """Who acted, by the sign-in names that were sealed."""
    return names_of(one.actor for one in entries)


def objects(entries: Iterable[AuditEntry]) -> dict[str, Called]:
    """What the entries are about, by what was sealed; what is not known is left out."""
    wanted = {one.subject for one in entries}
    found: dict[str, Called] = {}
    for shape, named in NAMED:
        keys = {subject: match[1] for subject in wanted if (match := shape.fullmatch(subject))}
        known = named(keys.values()) if keys else {}
        found |= {subject: known[key] for subject, key in keys.items() if key in known}
    return found


def _people(keys: Iterable[str]) -> dict[str, Called]:
    rows = Person.objects.filter(username__in=keys)
    return {one.username: Called(str(one)) for one in rows}


def _replays(keys: Iterable[str]) -> dict[str, Called]:
    rows = ReplayPlan.objects.filter(pk__in=[UUID(key) for key in keys])
    return {
        str(one.pk): Called(str(heard(one.title)), reverse("job", args=[one.pk])) for one in rows
    }


def _incidents(keys: Iterable[str]) -> dict[str, Called]:
    rows = Incident.objects.filter(pk__in=keys)
    return {
        str(one.pk): Called(
            f"{one.name}: {heard(masked_text(one.title))}", reverse("incident", args=[one.pk])
        )
        for one in rows
    }


def _causes(keys: Iterable[str]) -> dict[str, Called]:
    rows = Cause.objects.filter(pk__in=keys)
    return {
        str(one.pk): Called(str(heard(masked_text(one.title))), reverse("exception", args=[one.pk]))
        for one in rows
    }


def _transactions(keys: Iterable[str]) -> dict[str, Called]:
    rows = Transaction.objects.filter(reference__in=keys)
    return {
        one.reference: Called(str(heard(masked_text(one.title))), standing.url_of(one))
        for one in rows
    }


def _policies(keys: Iterable[str]) -> dict[str, Called]:
    rows = PolicyVersion.objects.filter(subject__in=keys)
    return {one.subject: Called(policy_words.title(one.kind, one.about)) for one in rows}


def _surges(keys: Iterable[str]) -> dict[str, Called]:
    """A company's month goes first: "LF-DE · November 2026" of "LF-DE 2026-11"."""
    parted = {key: key.rsplit(" ", 1) for key in keys}
    return {
        key: Called(f"{company} · {formats.month(period)}")
        for key, (company, period) in parted.items()
    }


def _systems(keys: Iterable[str]) -> dict[str, Called]:
    rows = System.objects.filter(slug__in=keys)
    return {one.slug: Called(one.title, reverse("system", args=[one.slug])) for one in rows}


def _removals(keys: Iterable[str]) -> dict[str, Called]:
    rows = Removal.objects.filter(pk__in=keys)
    return {str(one.pk): Called(_bodies(one.bodies), reverse("manage_retention")) for one in rows}


def _bodies(count: int) -> str:
    words = ngettext("the body of %(n)s event", "the bodies of %(n)s events", count)
    return words % {"n": formats.number(count)}


UUIDS = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NAMED: tuple[tuple[re.Pattern[str], Callable[[Iterable[str]], Mapping[str, Called]]], ...] = (
    (re.compile(r"([A-Z]{2}-[A-Z0-9]{4,20})"), _transactions),
    (re.compile(r"([a-z][a-z0-9-]+)"), _systems),
    (re.compile(r"([a-z-]+:.+)"), _policies),
    (re.compile(r"(\S+ \d{4}-(?:0[1-9]|1[0-2]))"), _surges),
    (re.compile(r"(?:person|token of) (\S+)"), _people),
    (re.compile(rf"(?:replay )?({UUIDS})"), _replays),
    (re.compile(r"incident (\d{1,9})"), _incidents),
    (re.compile(r"cause (\d{1,9})"), _causes),
    (re.compile(r"bodies (\d{1,9})"), _removals),
)
"""What was sealed, by its shape, and who knows its name; the later says it better."""
