"""Warnings before promises break: what is newly at risk, told to who answers for its process.

Whoever has the role that owns the process is told of what they may see, by their own ways and
outside their quiet hours, once an hour at most and of each promise once. What is still at risk
later stands on the Tower and in the daily mail.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import close_old_connections
from django.db.models import QuerySet
from django.db.transaction import atomic
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower import queues
from controltower.canonical.money import Money
from controltower.firm.models import Person
from controltower.incidents.models import Message, Wish
from controltower.incidents.notices import after_quiet, ways
from controltower.measures import exposure
from controltower.measures.exposure import Scope
from controltower.processes import catalogue
from controltower.transactions import clock
from controltower.transactions.models import Transaction
from controltower.web import formats, standing
from controltower.web.privacy import masked_text
from controltower.web.stakes import money

EVERY = timedelta(hours=1)
MOST_NAMED = 5


def warn(*, now: datetime) -> int:
    """Write the warnings that are due; how many people are warned."""
    near = exposure.near_their_end(now)
    owned: dict[str, set[str]] = {}
    for process in near.order_by().values_list("process", flat=True).distinct():
        owned.setdefault(catalogue.workflow(process).owner_role, set()).add(process)
    people = Person.objects.filter(is_active=True, duties__role__in=owned).distinct()
    return sum(_warn(person, owned, now) for person in people)


def _warn(person: Person, owned: dict[str, set[str]], now: datetime) -> bool:
    """Warn somebody, unless they were within the hour or nothing has come near since."""
    wish = Wish.objects.filter(person=person).first() or Wish(person=person)
    if not wish.tickets:
        return False
    with atomic():
        Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        told = Message.objects.filter(person=person, name__startswith=f"nearing-{person.pk}-")
        last = told.order_by("-created_at").values_list("created_at", flat=True).first()
        if last is not None and last > now - EVERY:
            return False
        roles = person.duties.values_list("role", flat=True)
        mine = exposure.transactions(Scope(person)).live().filter(
            exposure.at_risk(now),
            warns_at__gt=last or now - EVERY,
            process__in=set().union(*(owned.get(role, set()) for role in roles)),
        )  # fmt: skip
        subject, text = _words(person, mine, now)
        due = after_quiet(wish, person, now, wakes=False)
        made = [
            Message(
                name=f"nearing-{person.pk}-{now:%Y%m%d%H%M%S}-{channel}", person=person,
                channel=channel, to=to, subject=subject, text=text, created_at=now,
                held=due > now, due_at=due,
            )
            for channel, to in ways(wish, person)
            if subject
        ]  # fmt: skip
        Message.objects.bulk_create(made)
    return bool(made)


def _words(person: Person, rows: QuerySet[Transaction], now: datetime) -> tuple[str, str]:
    """What the message is called and says, in the person's language and zone; "" when there is
    nothing to tell."""
    language = person.language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(ZoneInfo(person.zone)):
        stake = exposure.stake(exposure.priced(rows))
        if not stake.count:
            return "", ""
        subject = ngettext(
            "%(n)s promise ends soon, %(money)s at risk",
            "%(n)s promises end soon, %(money)s at risk",
            stake.count,
        ) % {"n": formats.number(stake.count), "money": formats.money(money(stake))}
        lines = [_line(one, now) for one in rows.order_by("due_at", "pk")[:MOST_NAMED]]
        listed = settings.ADDRESS + reverse("transactions") + "?lateness=at_risk"
        lines.append(_("All that is at risk: %(url)s") % {"url": listed})
        return subject, "\n".join(lines)


def _line(one: Transaction, now: datetime) -> str:
    assert one.due_at is not None
    return _("Due %(when)s: %(title)s, %(process)s, %(money)s: %(url)s") % {
        "when": formats.when(one.due_at, now),
        "title": masked_text(one.title),
        "process": standing.process_title(one.process),
        "money": formats.money(Money.of(one.amount, one.currency)),
        "url": settings.ADDRESS + standing.url_of(one),
    }


def warn_of_promises() -> None:
    """What RQ runs: the warnings that are due."""
    close_old_connections()
    queues.answered("warn_of_promises")
    warn(now=clock.now())
