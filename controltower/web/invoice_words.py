"""What is said of an invoice before it is billed: whether it would be accepted."""

from __future__ import annotations

from babel.dates import format_date
from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from controltower.canonical.money import Money
from controltower.transactions import validating_invoices
from controltower.transactions.models import Transaction
from controltower.transactions.validating_invoices import Answer, NotForeseeable
from controltower.web import formats, privacy
from controltower.web.sayings import heard


def say(request: HttpRequest, one: Transaction) -> None:
    """Ask now, and tell the person what speaks against it, or what would be drafted."""
    try:
        found = validating_invoices.validate(transaction=one, now=timezone.now())
    except NotForeseeable as why:
        messages.info(request, heard(str(why)))
        return
    mask = privacy.of_each([one])[one.pk]
    for objection in found.objections:
        messages.warning(request, heard(mask.text(objection.text)))
    if found.unanswered:
        away = ", ".join(found.unanswered)
        words = _(
            "%(systems)s did not answer in time or may not be called at present: nobody knows yet. "
            "Nothing was written."
        )
        messages.warning(request, words % {"systems": away})
    elif not found.objections:
        messages.success(request, _drafted(found))
    for note in found.notes:
        messages.info(request, heard(mask.text(note)))


def _drafted(found: Answer) -> str:
    if found.untaxed is None or found.on is None:
        return _("Nothing speaks against it, and nothing would be billed.")
    return _(
        "Nothing speaks against it: %(erp)s would take %(money)s without tax, dated %(day)s. "
        "Nothing was written."
    ) % {
        "erp": found.erp,
        "money": formats.money(Money.of(found.untaxed, found.currency)),
        "day": format_date(found.on, "medium", locale=formats.locale()),
    }
