"""The forms in which a person edits a refused step, and a second person agrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.processes.editing import Holds
from controltower.transactions import amending
from controltower.transactions.amending import Field
from controltower.transactions.models import Amendment, Step, Transaction
from controltower.web.actions import Action, leave
from controltower.web.decisions import DecideAmendment, Reason
from controltower.web.privacy import masked
from controltower.web.sayings import heard
from controltower.web.transaction_chain import Chain

AGREE = "agree-yes"
"""The act of the second person."""
WIDGETS = {Holds.DAY: "date", Holds.EMAIL: "email"}


class Edit(Reason):
    """The fields that the policy of a step names; what is personal is shown masked, and stays as
    it is while its field is empty."""

    step = forms.UUIDField(widget=forms.HiddenInput)
    fence = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, editable: Sequence[Field] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.editable = editable
        for one in editable:
            self.fields[f"field-{one.policy.name}"] = _field(one)
        self.order_fields([f"field-{one.policy.name}" for one in editable])

    @property
    def entered(self) -> dict[str, str]:
        """What was entered, by the record's names."""
        given = {one: self.cleaned_data[f"field-{one.policy.name}"] for one in self.editable}
        return {one.policy.name: text for one, text in given.items()
                if text or one.policy.holds is not Holds.EMAIL}  # fmt: skip


def _field(one: Field) -> forms.CharField:
    personal = one.policy.holds is Holds.EMAIL
    words = _("Now %(value)s. Leave it empty to keep it.") % {"value": masked(one.present) or "–"}
    field = forms.CharField(
        label=one.policy.title,
        required=False,
        max_length=one.policy.longest,
        initial="" if personal else one.present,
        help_text=words if personal else "",
    )
    field.widget.input_type = WIDGETS.get(one.policy.holds, "text")
    return field


def amend_actions(chain: Chain, step: Step, person: Person, entity: str | None) -> list[Action]:
    """Edit and retry; or, when somebody has edited, agree or not."""
    one = chain.chosen
    if not chain.editable:
        return []
    if chain.edited:
        return _second_person(one, chain.edited, person, entity)
    may = leave(person, Right.REPLAY, entity)
    initial = {"step": step.pk, "fence": step.fence}
    return [
        Action(
            id="edit",
            label=_("Edit and retry"),
            title=_("What came from the source stays as it is; this step is sent again"),
            url=f"{reverse('transaction_amendments', args=[one.correlation_id])}"
            f"?part={one.reference}",
            confirm=_("Send it with these fields"),
            form=Edit(auto_id="edit-%s", initial=initial, editable=chain.editable),
            icon="pencil",
            key="e",
            allowed=may.allowed,
            why_not=may.why_not,
        )
    ]


def _second_person(
    one: Transaction, waiting: Amendment, person: Person, entity: str | None
) -> list[Action]:
    may = leave(person, Right.APPROVE_REPLAY, entity)
    own = person.pk == waiting.proposed_by_id
    why_not = _("You edited it, so somebody else must agree.") if own else may.why_not
    no = _("Take it back") if own else _("Do not agree")
    ways = (("yes", _("Agree, and send it"), "check", True), ("no", no, "x", False))
    url = reverse("transaction_agreements", args=[one.correlation_id])
    return [
        Action(
            id=f"agree-{answer}",
            label=label,
            title=told(waiting),
            url=f"{url}?part={one.reference}",
            confirm=label,
            form=DecideAmendment(
                auto_id=f"agree-{answer}-%s", initial={"agree": answer, "amendment": waiting.pk}
            ),
            icon=icon,
            primary=primary,
            allowed=answer == "no" if own else may.allowed,
            why_not=why_not,
        )
        for answer, label, icon, primary in ways
    ]


def told(amendment: Amendment) -> str:
    """Who changed what, and why."""
    words = {"who": amendment.proposed_by, "reason": amendment.reason}
    words["fields"] = ", ".join(str(heard(one)) for one in amending.told_of(amendment))
    return _("%(who)s edited %(fields)s: “%(reason)s”.") % words
