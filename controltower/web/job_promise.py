"""When a running replay will have ended, in words, against the next promise of what it holds."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.firm.models import Person
from controltower.measures.finishing import Expectation, Promise, expectation
from controltower.processes import catalogue
from controltower.transactions.models import ReplayPlan, Transaction
from controltower.web import formats

Line = tuple[str, str, str]
"""Icon, token and text."""


def told(plan: ReplayPlan, person: Person, now: datetime) -> Line | None:
    """The line of the job's page; None while the replay does not run."""
    found = expectation(plan, Transaction.objects.visible_to(person).order_by(), now)
    return None if found is None else words(found, now)


def words(found: Expectation, now: datetime) -> Line:
    """An expectation as a line: a warning where a promise will not be kept."""
    icon, token, text = _end(found, now)
    if found.broken:
        late = ngettext("%(n)d is late already.", "%(n)d are late already.", found.broken) % {
            "n": found.broken
        }
        return ("triangle-alert", "rk", f"{text} {late}")
    return icon, token, text


def _end(found: Expectation, now: datetime) -> Line:
    if found.at is None:
        text = _("Nothing comes back at present, so that no end can be told.")
        return "triangle-alert", "rk", _joined(text, found.promise, now)
    about = {"at": formats.when(found.at, now)}
    done = (_("Done about %(at)s") if found.is_measured else _("Done about %(at)s at best")) % about
    if found.promise is None or found.margin is None:
        return "clock", "nt", f"{done}."
    by = {"done": done, "promise": _promise(found.promise, now)}
    by["length"] = formats.duration(abs(found.margin))
    if found.margin < timedelta(0):
        return "triangle-alert", "rk", _("%(done)s, %(length)s too late for %(promise)s.") % by
    icon, token = ("circle-check", "ok") if found.is_measured else ("clock", "nt")
    return icon, token, _("%(done)s, %(length)s before %(promise)s.") % by


def _joined(text: str, promise: Promise | None, now: datetime) -> str:
    if promise is None:
        return text
    return _("%(text)s Next comes %(promise)s.") % {"text": text, "promise": _promise(promise, now)}


def _promise(promise: Promise, now: datetime) -> str:
    title = catalogue.named(promise.process).title
    return _("the next promise (%(process)s, %(at)s)") % {
        "process": title,
        "at": formats.when(promise.at, now),
    }
