"""How a tower that has seen nothing yet begins: what is to be done, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.firm.models import ExchangeRate, LegalEntity
from controltower.firm.rights import Right, who_grants
from controltower.incidents import offering as runbook_offering
from controltower.mappings import offering as mapping_offering
from controltower.mappings import owning
from controltower.mappings.models import MappingVersion, VersionState
from controltower.processes import opportunity_to_project
from controltower.transactions.models import Transaction
from controltower.web import formats, missing_parts, wording
from controltower.web.sayings import heard

Step = tuple[str, str, str]
FIRST = (opportunity_to_project.PROCESS,)
"""What a firm begins with: without its parts nothing passes through."""


def first_steps() -> list[Step] | None:
    """The first steps of a tower that has seen nothing yet, else None."""
    if Transaction.objects.exists():
        return None
    missing = missing_parts.sentences(FIRST)
    return [
        (
            _("Connect your systems"),
            wording.connected(missing, who(Right.ADMINISTER)),
            reverse("system_new" if missing else "systems"),
        ),
        *_rates(),
        *_library(),
        (_("Put the mappings in use"), _mappings(), reverse("mappings")),
        *_owners(),
        (
            _("Close a deal in the CRM"),
            _("It becomes a customer, a project and an invoice, under one correlation ID."),
            "",
        ),
        (
            _("See it arrive"),
            _("Every transaction is found by any of its business keys."),
            reverse("transactions"),
        ),
        (
            _("Put right what is stuck"),
            _("Failures are grouped by cause, most money first."),
            reverse("exceptions"),
        ),
    ]


def _rates() -> Iterator[Step]:
    """A step while the money of some company is worth nothing in the totals."""
    rated = {settings.REPORTING_CURRENCY, *ExchangeRate.objects.values_list("currency", flat=True)}
    currencies = set(LegalEntity.objects.values_list("currency", flat=True))
    if missing := sorted(currencies - rated):
        words = _("%(currencies)s: no rate is known, so no total holds it. Whose it is: %(who)s.")
        said = {"currencies": ", ".join(missing), "who": who(Right.SET_RATES)}
        yield _("Agree on exchange rates"), words % said, reverse("manage_rates")


def _library() -> Iterator[Step]:
    """A step while what the product brings is not decided."""
    title = _("Agree on what the product brings")
    unproposed = [*mapping_offering.missing(), *runbook_offering.missing()]
    if unproposed:
        words = _("%(n)s mappings and runbooks to begin with. Proposed by: %(who)s.")
        said = {"n": formats.number(len(unproposed)), "who": who(Right.EDIT_MAPPING)}
        yield title, words % said, reverse("library")
    elif waiting := [*mapping_offering.waiting(), *runbook_offering.waiting()]:
        words = _("%(n)s mappings and runbooks wait. Agreed to by another: %(who)s.")
        said = {"n": formats.number(len(waiting)), "who": who(Right.APPROVE_MAPPING)}
        yield title, words % said, reverse("library")
    if drafts := mapping_offering.to_fill_in():
        words = _("%(n)s mappings want your tax codes and accounts. Written by: %(who)s.")
        said = {"n": formats.number(len(drafts)), "who": who(Right.EDIT_MAPPING)}
        yield _("Write your ledger’s codes"), words % said, reverse("library")


def _mappings() -> str:
    n = MappingVersion.objects.filter(state=VersionState.ACTIVE).count()
    words = ngettext("%(n)s mapping is in force.", "%(n)s mappings are in force.", n)
    if not n:
        words = _("None is in force, and nothing is sent without one.")
    told = _("Written by: %(authors)s. Agreed to by another: %(reviewers)s; money needs two.")
    said = {"authors": who(Right.EDIT_MAPPING), "reviewers": who(Right.APPROVE_MAPPING)}
    return f"{words % {'n': formats.number(n)}} {told % said}"


def _owners() -> Iterator[Step]:
    """A step while somebody is wanted to answer for a field: two systems may differ in it."""
    if unowned := sum(1 for one in owning.fields() if one.owner is None):
        words = ngettext("%(n)s field has no owner.", "%(n)s fields have no owner.", unowned)
        told = _("Proposed by: %(authors)s. Agreed to by another: %(deciders)s.") % {
            "authors": who(Right.NAME_OWNERS),
            "deciders": who(Right.APPROVE_POLICY),
        }
        said = f"{words % {'n': formats.number(unowned)}} {told}"
        yield _("Agree who owns which field"), said, reverse("mappings")


def who(right: Right) -> str:
    """The roles that a step is for."""
    return str(heard(who_grants(right)))
