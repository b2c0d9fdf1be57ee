"""The daily mail: the Tower's sentence, what needs somebody, and the views that a person wants.

Written at the time that each chooses in their own zone, on the working days of their company's
calendar, and only when its figures differ from those of the last one. That it was seen to is
committed together with the message in the outbox, once for a person and a day: whoever dies in
between has done nothing, and whoever comes second finds it done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Prefetch
from django.db.transaction import atomic
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower import queues
from controltower.firm import calendars
from controltower.firm.models import Duty, LegalEntity, Person
from controltower.incidents.models import Channel, Incident, Message, Wish
from controltower.measures import causes, exposure, flow, today
from controltower.measures.exposure import Scope
from controltower.measures.held_up import held_up
from controltower.transactions import clock
from controltower.web import formats, saved_views, tower, view_lists
from controltower.web.models import Digest
from controltower.web.privacy import masked_text
from controltower.web.sayings import heard
from controltower.web.stakes import listing, money

AT_LATEST = timedelta(hours=4)
"""A mail that could not be written until then is left out: it would tell of another day."""
MOST_CAUSES, MOST_VIEWS = 3, 4
Figures = list[Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the mail and where it leads."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says; `figures` are what it is compared by."""

    sentence: SafeString
    lines: Sequence[Line]
    figures: Figures

    @property
    def plain_sentence(self) -> str:
        """The sentence without its links."""
        return unescape(strip_tags(self.sentence))


def due(*, now: datetime) -> list[tuple[Person, date]]:
    """Whose mail of which day has to be seen to."""
    duties = Prefetch("person__duties", Duty.objects.select_related("entity"))
    wishes = Wish.objects.filter(digest_at__isnull=False, person__is_active=True)
    found = []
    for wish in wishes.select_related("person").prefetch_related(duties):
        local = now.astimezone(ZoneInfo(wish.person.zone))
        time = wish.digest_at
        assert time is not None
        begins = datetime.combine(local.date(), time, tzinfo=local.tzinfo)
        if begins <= now < begins + AT_LATEST:
            found.append((wish.person, local.date()))
    seen_to = set(
        Digest.objects.filter(day__in={day for _person, day in found}).values_list("person", "day")
    )
    return [
        (person, day)
        for person, day in found
        if (person.pk, day) not in seen_to and _calendar(person).works_on(day)
    ]


def _calendar(person: Person) -> Any:
    """That of the company for which the person works, of the firm's first for all of them."""
    own = next((duty.entity for duty in person.duties.all() if duty.entity), None)
    return calendars.of_entity(own or LegalEntity.objects.first())


def write(person: Person, day: date, *, now: datetime) -> bool:
    """See to a person's mail of a day, once; whether there is one."""
    language = person.language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(ZoneInfo(person.zone)):
        content = compose(Scope(person), now)
        figures = _sealed(content.figures)
        told = Digest.objects.filter(person=person, message__isnull=False).order_by("-day").first()
        with atomic():
            row, is_first = Digest.objects.get_or_create(
                person=person, day=day, defaults={"at": now, "figures": figures}
            )
            if not is_first or not person.email or (told and told.figures == figures):
                return False
            row.message = _message(person, day, content, now)
            row.save(update_fields=["message"])
    return True


def _sealed(figures: Figures) -> str:
    return hashlib.sha256(json.dumps(figures, default=str).encode()).hexdigest()


def _message(person: Person, day: date, content: Content, now: datetime) -> Message:
    context = {
        "content": content,
        "settings_url": settings.ADDRESS + reverse("own_settings"),
        "tower_url": settings.ADDRESS + reverse("tower"),
    }
    text, html = (
        render_to_string(f"mail/digest.{kind}", context).strip() for kind in ("txt", "html")
    )
    return Message.objects.create(
        name=f"digest-{person.pk}-{day}", person=person, channel=Channel.MAIL, to=person.email,
        subject=content.plain_sentence[:200], text=text, html=html, created_at=now, due_at=now,
    )  # fmt: skip


def compose(seen: Scope, now: datetime) -> Content:
    """What there is to say to somebody, in the language and zone in force."""
    stuck, kept = today.stuck_now(seen, now, held_up(seen, now)), flow.kept_today(seen, now)
    told = [*_causes(seen, now), *_at_risk(seen, now), *_incidents(seen.person), *_views(seen, now)]
    parts = [[part.count, part.amount] for part in stuck.parts.parts]
    return Content(
        sentence=tower.sentence(stuck, kept, base=settings.ADDRESS),
        lines=[line for line, _figures in told],
        figures=[parts, [figures for _line, figures in told]],
    )


def _causes(seen: Scope, now: datetime) -> Iterator[tuple[Line, Figures]]:
    """The causes that hold most."""
    for one in causes.by_cause(seen, now)[:MOST_CAUSES]:
        values = {
            "money": formats.money(money(one.stake)),
            "n": formats.number(one.stake.count),
            "cause": heard(masked_text(one.cause.title)),
            "owner": one.cause.owner or _("no owner yet"),
        }
        url = reverse("exception", args=[one.cause.pk])
        text = _("%(money)s, %(n)s stuck: %(cause)s (%(owner)s)") % values
        yield _line(text, url), [one.cause.pk, one.stake.count, one.stake.amount]


def _at_risk(seen: Scope, now: datetime) -> Iterator[tuple[Line, Figures]]:
    """What will be late unless somebody sees to it."""
    near = exposure.transactions(seen).live().filter(exposure.at_risk(now))
    stake = exposure.stake(exposure.priced(near))
    if stake.count:
        words = ngettext(
            "%(money)s, %(n)s transaction at risk: most of its promise is used",
            "%(money)s, %(n)s transactions at risk: most of their promise is used",
            stake.count,
        )
        said = {"money": formats.money(money(stake)), "n": formats.number(stake.count)}
        yield _line(words % said, listing(lateness="at_risk")), [stake.count, stake.amount]


def _incidents(person: Person) -> Iterator[tuple[Line, Figures]]:
    open_ = list(Incident.objects.visible_to(person).open().values_list("pk", flat=True))
    if open_:
        words = ngettext("%(n)d incident is open", "%(n)d incidents are open", len(open_))
        yield _line(words % {"n": len(open_)}, reverse("incidents")), sorted(open_)


def _views(seen: Scope, now: datetime) -> Iterator[tuple[Line, Figures]]:
    """The views that the person wants in it. What is too much for a mail is said to be there."""
    wanted = list(saved_views.visible_to(seen.person).filter(readers=seen.person))
    shown = wanted if len(wanted) <= MOST_VIEWS else wanted[: MOST_VIEWS - 1]
    for view in shown:
        rows = view_lists.count(view.page, view.query, seen, now)
        text = view.name if rows.count is None else f"{view.name}: {_counted(rows)}"
        yield _line(text, view_lists.address(view.page, view.query)), [view.pk, rows.count]
    if rest := len(wanted) - len(shown):
        words = ngettext("%(n)d more view of yours", "%(n)d more views of yours", rest)
        yield _line(words % {"n": rest}, reverse("transactions")), []


def _counted(rows: view_lists.Rows) -> str:
    shown = formats.number(rows.count or 0)
    return _("over %(n)s") % {"n": shown} if rows.more else shown


def _line(text: str, path: str) -> Line:
    return Line(text, settings.ADDRESS + path)


def write_digests() -> None:
    """What RQ runs: see to every mail that is due."""
    close_old_connections()
    queues.answered("write_digests")
    now = clock.now()
    for person, day in due(now=now):
        write(person, day, now=now)
