"""The forms in which a person ends a doubt that nobody else can: what they found in the target."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from controltower.firm.models import Person
from controltower.firm.rights import Right
from controltower.transactions import consent, findings
from controltower.transactions.models import Finding, Step, Transaction
from controltower.web.actions import Action, leave
from controltower.web.decisions import ConfirmFinding, Found


def ways_on(step: Step, system: str) -> list[tuple[str, bool]]:
    """The ways on, the best first; (words, whether it helps)."""
    waiting = findings.open_finding(step)
    if waiting is not None:
        return [(_("Confirm or refuse: %(told)s") % {"told": told(waiting)}, True)]
    look = _("Look for it in %(system)s by our reference, then say here what you found.")
    second = _("So much money is at stake that a second person must confirm what you found.")
    replaying = _("Replaying will not help: %(system)s cannot be asked, and might do it twice.")
    options = [(look % {"system": system}, True)]
    if consent.needs_second_person(step.transaction):
        options.append((second, True))
    return [*options, (replaying % {"system": system}, False)]


def doubt_actions(one: Transaction, step: Step, person: Person, entity: str | None) -> list[Action]:
    """Say what was found; or, when somebody has, confirm or refuse it."""
    waiting = findings.open_finding(step)
    if waiting is not None:
        return _second_person(one, waiting, person, entity)
    may, system = leave(person, Right.RESOLVE, entity), step.system.title if step.system else ""
    ways = (
        ("no", _("It is not there: send again"), _("You looked in %(system)s, and it is not there"),
         _("Send it again, once"), "send"),
        ("yes", _("It is there, under this number"), _("You looked in %(system)s, and it is there"),
         _("Link it; nothing is sent"), "link"),
    )  # fmt: skip
    url = reverse("transaction_findings", args=[one.correlation_id])
    return [
        Action(
            id=f"found-{there}",
            label=label,
            title=title % {"system": system},
            url=f"{url}?part={one.reference}",
            confirm=confirm,
            form=Found(
                auto_id=f"found-{there}-%s",
                initial={"there": there, "step": step.pk, "fence": step.fence},
            ),
            icon=icon,
            allowed=may.allowed,
            why_not=may.why_not,
        )
        for there, label, title, confirm, icon in ways
    ]


def _second_person(
    one: Transaction, waiting: Finding, person: Person, entity: str | None
) -> list[Action]:
    may = leave(person, Right.APPROVE_REPLAY, entity)
    own = person.pk == waiting.reported_by_id
    why_not = _("You reported it, so somebody else must confirm it.") if own else may.why_not
    ways = (
        ("yes", _("Confirm what was found"), "check", True),
        ("no", _("Do not confirm it"), "x", False),
    )
    url = reverse("transaction_confirmations", args=[one.correlation_id])
    return [
        Action(
            id=f"confirm-{answer}",
            label=label,
            title=told(waiting),
            url=f"{url}?part={one.reference}",
            confirm=label,
            form=ConfirmFinding(
                auto_id=f"confirm-{answer}-%s",
                initial={"confirm": answer, "finding": waiting.pk},
            ),
            icon=icon,
            primary=primary,
            allowed=may.allowed and not own,
            why_not=why_not,
        )
        for answer, label, icon, primary in ways
    ]


def told(found: Finding) -> str:
    """Who found what, and by which evidence."""
    words = {"who": found.reported_by, "number": found.ref, "evidence": found.evidence}
    if found.ref:
        return _("%(who)s found it there as %(number)s (%(evidence)s).") % words
    return _("%(who)s did not find it there (%(evidence)s): it would be sent again.") % words
