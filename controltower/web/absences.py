"""What a person reads and can do about a fact that has not come."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.processes.catalogue import WATCHES
from controltower.processes.quote_to_cash import MISSING


def is_absence(kind: str) -> bool:
    """Whether a step or a cause is of this kind."""
    return kind == MISSING


def ways_on() -> list[tuple[str, bool]]:
    """(words, whether it helps), the best first."""
    return [
        (_("Ask for it where it should have happened: it is taken up here when it arrives."), True),
        (_("Settle it here with a reason, if it happened elsewhere or never will."), True),
        (_("Replaying will not help: there is nothing of ours to send."), False),
    ]


def outlook() -> str:
    """What becomes of it by itself."""
    return _("It ends by itself when that arrives; nothing was to be sent.")


def happened(count: int) -> str:
    """What a group of them is."""
    return ngettext(
        "%(n)d chain should have come this far by now and has not. It ends by itself when the "
        "news arrives.",
        "%(n)d chains should have come this far by now and have not. Each ends by itself when the "
        "news arrives.",
        count,
    ) % {"n": count}


def is_milestone(step: str) -> bool:
    """Whether a step is a milestone that has not been reached."""
    return any(milestone.name == step for watch in WATCHES for milestone in watch.milestones)


def noun(count: int) -> str:
    """What hangs on such a cause."""
    return ngettext("%(n)d chain", "%(n)d chains", count) % {"n": count}
