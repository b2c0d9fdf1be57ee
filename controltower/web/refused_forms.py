"""What was typed into a form that was refused: the next page opens that form again, with it.

Only forms that name themselves when they are sent: those of actions
(`components/action_dialog.html`), and those whose page asks by `typed`. What nobody could see in
the form stands as the page has it now, and when that is otherwise than it was sent (another
record, another digest), the form is about something else and stays shut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from controltower.web.actions import Action
from controltower.web.sayings import heard

KEY, NAME, UNKEPT = "refused", "dialog", ("csrfmiddlewaretoken",)
FOR = timedelta(minutes=1)
"""A page that is opened later does not open it any more."""
LONGEST = 200_000
"""So many characters are kept; a person types fewer, and pastes as many."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was refused: its action, where it was sent, what was typed and what was said."""

    action: str
    url: str
    typed: QueryDict
    said: str


class RefusedFormMiddleware:
    """Keeps what was typed when an act was not done: somebody is sent back to a page with a word
    of warning and none of success. Within the middleware of messages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "POST" and NAME in request.POST and response.status_code == 302:
            _keep(request, timezone.now())
        return response


def _keep(request: HttpRequest, now: datetime) -> None:
    told = getattr(messages.get_messages(request), "_queued_messages", [])
    troubles = [one for one in told if one.level >= messages.WARNING]
    typed = request.POST.copy()
    for name in UNKEPT:
        typed.pop(name, None)
    kept = typed.urlencode()
    if not troubles or any(one.level == messages.SUCCESS for one in told) or len(kept) > LONGEST:
        return
    request.session[KEY] = {
        "url": request.get_full_path(),
        "typed": kept,
        "said": [str(one.message) for one in troubles],
        "until": (now + FOR).isoformat(),
    }


def refused(request: HttpRequest) -> dict[str, Any]:
    """The context processor. What was refused is only taken where a page draws an action."""
    return {"refused": cache(lambda: _taken(request, timezone.now()))}


def _taken(request: HttpRequest, now: datetime) -> Refused | None:
    """What this page opens again; once, and not in a region that is fetched anew."""
    if "HX-Request" in request.headers:
        return None
    kept = request.session.pop(KEY, None)
    if kept is None or datetime.fromisoformat(kept["until"]) < now:
        return None
    typed = QueryDict(kept["typed"])
    return Refused(typed[NAME], kept["url"], typed, " ".join(map(heard, kept["said"])))


def typed(request: HttpRequest, form: str, url: str) -> QueryDict | None:
    """What was typed into a form of this page that is no dialog; the page that asks is the next."""
    kept = request.session.get(KEY, {})
    if kept.get("url") != url or QueryDict(kept["typed"]).get(NAME) != form:
        return None
    one = _taken(request, timezone.now())
    return one.typed if one else None


def again(action: Action, refused: Refused | None) -> Action:
    """The action with its form as it was sent, and what was said of it; or as the page has it."""
    if refused is None or (action.id, action.url) != (refused.action, refused.url):
        return action
    form = action.form
    if form is not None and not form.is_bound:
        unseen = form.hidden_fields()
        if any(_now(form, one) != refused.typed.getlist(one.html_name) for one in unseen):
            return action
        form.data, form.is_bound = refused.typed, True
        _begin_at_fault(form)
    return replace(action, said=refused.said)


def _begin_at_fault(form: forms.BaseForm) -> None:
    """The cursor stands where something has to be put right, or else in the first field."""
    seen = [field.name for field in form.visible_fields()]
    for name in [*(name for name in seen if name in form.errors), *seen][:1]:
        form.fields[name].widget.attrs["autofocus"] = True


def _now(form: forms.BaseForm, field: forms.BoundField) -> list[str]:
    """What the page would send for a hidden field."""
    value = field.field.prepare_value(form.get_initial_for_field(field.field, field.name))
    values = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [str(one) for one in values]
