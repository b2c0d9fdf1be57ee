"""How long a cause is put aside, and what wakes it sooner, in words."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from controltower.incidents.models import Cause
from controltower.incidents.triage import Aside
from controltower.measures.exposure import reporting_currency
from controltower.web import formats


def of_cause(cause: Cause, now: datetime) -> str:
    """The same of a cause as it is now; "" for one that is awake."""
    if not cause.is_aside(now):
        return ""
    if cause.parked_at:
        return words(Aside(), now)
    return words(Aside(cause.snoozed_until, cause.wake_at_count, cause.wake_at_value), now)


def words(aside: Aside, now: datetime) -> str:
    """ "Put aside until 13:43 CET; sooner when 6 are stuck or €600,000.00 is." """
    if aside.until is None:
        return _("Parked until somebody takes it up.")
    limits = []
    if aside.count:
        found = ngettext("%(n)d is stuck", "%(n)d are stuck", aside.count)
        limits.append(found % {"n": aside.count})
    if aside.value:
        money = formats.amount(aside.value, reporting_currency())
        limits.append(pgettext("a limit", "%(money)s is stuck") % {"money": money})
    at = formats.when(aside.until, now)
    if not limits:
        return _("Put aside until %(at)s.") % {"at": at}
    whole = _("Put aside until %(at)s, sooner when %(limits)s.")
    return whole % {"at": at, "limits": _(" or ").join(limits)}
