"""What the product brings, offered to a firm: somebody proposes a first version of every mapping,
and others than they look at each before it is used. What carries money has its two approvers, one
by one; all else may be agreed to in one go, each still a decision of its own. What wants codes of
the firm's own ledger stays a draft until somebody has written them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max
from django.db.transaction import atomic

from controltower.firm.models import LegalEntity, Person
from controltower.mappings import own_codes, versions
from controltower.mappings.library.catalogue import MAPPINGS
from controltower.mappings.library.rules import Agreed
from controltower.mappings.models import Mapping, MappingVersion, VersionState

NOTE = "As the product brings it."


def missing() -> list[Agreed]:
    """What the product brings and this firm has no mapping of."""
    known = set(Mapping.objects.values_list("slug", flat=True))
    return [one for one in MAPPINGS if one[0] not in known]


def propose(*, by: Person, now: datetime) -> int:
    """Put what is missing in review; what wants codes of the firm's own stays a draft without them.
    Returns how many. Raises versions.NotAllowed."""
    offered = missing()
    companies = list(LegalEntity.objects.values_list("code", flat=True))
    versions.require_editor(by, "what the product brings", now)
    with atomic():
        for slug, title, record, target, moves_money, rules in offered:
            mapping = Mapping.objects.create(
                slug=slug, title=title, record=record, target=target, moves_money=moves_money
            )
            own = own_codes.blanked(rules, companies)
            version = versions.draft(mapping=mapping, rules=own, note=NOTE, author=by, now=now)
            if not own_codes.blanks(own):
                versions.submit(version=version, by=by, now=now)
    return len(offered)


def to_fill_in() -> list[MappingVersion]:
    """First drafts that want codes of the firm's own ledger, and that nobody has taken up."""
    drafts = MappingVersion.objects.annotate(newest=Max("mapping__versions__number")).filter(
        number=1, newest=1, note=NOTE, state=VersionState.DRAFT
    )
    return list(drafts.select_related("mapping", "author").order_by("mapping__title", "pk"))


def waiting() -> list[MappingVersion]:
    """First versions in review that say what the product brings, word for word."""
    brought = {slug: rules for slug, *_rest, rules in MAPPINGS}
    found = MappingVersion.objects.filter(
        number=1, note=NOTE, state=VersionState.IN_REVIEW, mapping__slug__in=brought
    )
    rows = found.select_related("mapping", "author").prefetch_related("reviews")
    ordered = rows.order_by("mapping__title", "pk")
    return [one for one in ordered if one.rules == brought[one.mapping.slug]]


def without_money() -> list[MappingVersion]:
    """Those of them that one person besides the author agrees to."""
    return [one for one in waiting() if versions.approvals_needed(one) == 1]


def agree(*, by: Person, comment: str, now: datetime) -> int:
    """Approve what waits and carries no money, and put it in use; returns how many. Raises
    versions.NotAllowed (recorded as a denial), also for the author."""
    agreed = 0
    for version in without_money():
        with atomic():
            reviewed = versions.review(
                version=version, by=by, approve=True, comment=comment, now=now
            )
            versions.activate(version=reviewed, by=by, now=now)
        agreed += 1
    return agreed
