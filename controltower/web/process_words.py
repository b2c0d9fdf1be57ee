"""Phrases of the processes' pages: how promises stand, where time goes, which way things went.

Pure: values in, words in the viewer's language out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controltower.measures.paths import GATHERING, StageLine
from controltower.measures.promises import PromiseLine
from controltower.measures.walks import Variant
from controltower.transactions.models import TransactionState
from controltower.web import formats
from controltower.web.marks import state_mark
from controltower.web.sayings import heard

WORTH_NAMING = 0.25
"""A stage that takes less of the time than this is no bottleneck."""


def sentence(lines: Sequence[PromiseLine]) -> str:
    """How many processes keep their promise, and which one does worst."""
    judged = [line for line in lines if line.slowest_tenth is not None]
    if not judged:
        return _("Nothing has ended in the last 30 days.")
    missed = [line for line in judged if line.slack == 0]
    if not missed:
        return _("Every process keeps its promise; “%(name)s” has least to spare.") % {
            "name": heard(judged[0].title)
        }
    words = ngettext(
        "%(n)s of %(all)s processes misses its promise at the slowest 10 %%: %(names)s.",
        "%(n)s of %(all)s processes miss their promise at the slowest 10 %%: %(names)s.",
        len(missed),
    )
    names = ", ".join(heard(line.title) for line in missed)
    return words % {"n": len(missed), "all": len(judged), "names": names}


def stage_title(stage: StageLine) -> str:
    """A stage in words."""
    return _("Gathering") if stage.name == GATHERING else heard(stage.title)


def bottleneck(stages: Sequence[StageLine]) -> str:
    """Which stage takes most of the time, and where most money is stuck; "" when nothing is."""
    said = []
    slow = max(stages, key=lambda stage: stage.share, default=None)
    if slow and slow.typical is not None and slow.share >= WORTH_NAMING:
        words = _("%(share)s of the time goes by at “%(stage)s”, typically %(typical)s.")
        if slow.typical.total_seconds() < formats.SHORTEST:
            words = _(
                "%(share)s of the time goes by at “%(stage)s”, though most often it takes none."
            )
        said.append(
            words
            % {
                "share": formats.percent(slow.share),
                "stage": stage_title(slow),
                "typical": formats.duration(slow.typical),
            }
        )
    held = max(stages, key=lambda stage: stage.stuck.amount, default=None)
    if held and held.stuck.count:
        said.append(_("Most money is stuck at “%(stage)s”.") % {"stage": stage_title(held)})
    return " ".join(said)


def way(variant: Variant, titles: Mapping[str, str]) -> str:
    """What was different on a way: "every step at the first try", or which steps were not."""
    said = []
    if variant.state != TransactionState.VERIFIED:
        said.append(str(state_mark("transaction", variant.state).word))
    if variant.skipped:
        said.append(_("not needed: %(steps)s") % {"steps": _listed(variant.skipped, titles)})
    if variant.again:
        said.append(_("more than one try: %(steps)s") % {"steps": _listed(variant.again, titles)})
    return "; ".join(said) or _("every step at the first try")


def road(variant: Variant, titles: Mapping[str, str]) -> str:
    """What was different on a chain's way to its cash: what nobody told of, or was given up."""
    said = []
    if variant.state != TransactionState.VERIFIED:
        said.append(str(state_mark("transaction", variant.state).word))
    untold = [name for name in titles if name not in {*variant.steps, *variant.skipped}]
    if untold and variant.state == TransactionState.VERIFIED:
        said.append(_("nobody told of: %(points)s") % {"points": _listed(untold, titles)})
    if variant.skipped:
        said.append(_("given up: %(points)s") % {"points": _listed(variant.skipped, titles)})
    return "; ".join(said) or _("past every point")


def _listed(names: Sequence[str], titles: Mapping[str, str]) -> str:
    return ", ".join(titles.get(name, name) for name in names)
