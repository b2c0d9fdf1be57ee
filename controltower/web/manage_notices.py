"""Admin: what each person gets and by which way, and the messages that went out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.transaction import atomic
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_POST, require_safe

from controltower.firm import audit
from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.incidents.models import Message, MessageState, Wish
from controltower.web import manage_frame
from controltower.web.actions import Action
from controltower.web.manage_frame import guarded
from controltower.web.security import SignedIn

LATELY = 50
MARKS = {
    MessageState.WAITING: "nt",
    MessageState.SENDING: "mv",
    MessageState.SENT: "ok",
    MessageState.DOUBT: "rk",
    MessageState.FAILED: "br",
    MessageState.NEEDLESS: "nt",
    MessageState.FOLDED: "nt",
}


class Wishes(forms.ModelForm):  # type: ignore[type-arg]
    """What somebody gets, and when they are left alone."""

    class Meta:
        model = Wish
        fields = (
            "mail", "slack_channel", "teams_team", "tickets", "quiet_from", "quiet_until", "wakes",
        )  # fmt: skip
        labels = {
            "mail": gettext_lazy("By e-mail"),
            "slack_channel": gettext_lazy("Slack channel (its ID)"),
            "teams_team": gettext_lazy("Team in Teams (its ID)"),
            "tickets": gettext_lazy("Also what can wait"),
            "quiet_from": gettext_lazy("Quiet from"),
            "quiet_until": gettext_lazy("Quiet until"),
            "wakes": gettext_lazy("The gravest in quiet hours too"),
        }
        widgets = {
            name: forms.TimeInput({"type": "time"}) for name in ("quiet_from", "quiet_until")
        }


@require_safe
@guarded
def notices(request: SignedIn) -> HttpResponse:
    """Everybody's wishes, and the latest messages."""
    wishes = {wish.person_id: wish for wish in Wish.objects.all()}
    people = Person.objects.filter(is_active=True, duties__isnull=False).distinct()
    sent = Message.objects.select_related("person", "entry__incident")
    context = {
        "lines": [
            _line(request, person, wishes.get(person.pk) or Wish(person=person))
            for person in people.order_by("last_name", "username")
        ],
        "messages_out": [
            (one, MARKS[MessageState(one.state)]) for one in sent.order_by("-id")[:LATELY]
        ],
    }
    return manage_frame.page(request, "manage/notices.html", "manage_notices", context)


def _line(request: SignedIn, person: Person, wish: Wish) -> dict[str, Any]:
    leave = manage_frame.leave(request, Right.ADMINISTER)
    name = {"name": str(person)}
    return {
        "person": person,
        "wish": wish,
        "action": Action(
            id=f"wish-{person.pk}", label=pgettext("button", "Change"), icon="pencil", small=True,
            title=_("What does %(name)s get?") % name, confirm=_("Keep"),
            url=reverse("manage_wishes", args=[person.username]),
            form=Wishes(instance=wish, auto_id=f"wish-{person.pk}-%s"),
            allowed=leave.allowed, why_not=leave.why_not,
        ),
    }  # fmt: skip


@require_POST
@guarded
def wishes(request: SignedIn, username: str) -> HttpResponse:
    """Keep what somebody gets; it is no right, so that one person is enough."""
    person, back = get_object_or_404(Person, username=username), reverse("manage_notices")
    leave = manage_frame.leave(request, Right.ADMINISTER)
    subject, now = f"person {person.username}", timezone.now()
    if not leave.allowed:
        audit.record(
            actor=request.user, verb="change notices", subject=subject, allowed=False, now=now
        )
        messages.error(request, leave.why_not)
        return HttpResponseRedirect(back)
    known = Wish.objects.filter(person=person).first() or Wish(person=person)
    form = Wishes(request.POST, instance=known)
    if not form.is_valid():
        return manage_frame.unclear(request, form, back)
    with atomic():
        form.save()
        audit.record(
            actor=request.user, verb="change notices", subject=subject, allowed=True, now=now,
            detail={name: str(value) for name, value in form.cleaned_data.items()},
        )  # fmt: skip
    messages.success(request, _("Kept."))
    return HttpResponseRedirect(back)
