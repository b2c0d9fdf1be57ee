"""What the pages of mappings show, put together from rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controltower.firm.models import Person
from controltower.firm.rights import Right, holders
from controltower.mappings import backtest, versions
from controltower.mappings.models import BackTest, FieldOwner, Mapping, MappingVersion, VersionState
from controltower.processes import catalogue, parts
from controltower.web import field_names, mapping_actions, mapping_rules, mapping_trial
from controltower.web.actions import leave
from controltower.web.list_filters import ListFilters, choice
from controltower.web.plain_names import played
from controltower.web.sayings import heard

OPEN = (
    VersionState.DRAFT,
    VersionState.IN_REVIEW,
    VersionState.CHANGES_REQUESTED,
    VersionState.APPROVED,
    VersionState.SCHEDULED,
)


class Filters(ListFilters):
    """What narrows the list of mappings and the board of owners."""

    kind = choice(
        gettext_lazy("Kind"),
        gettext_lazy("Any"),
        [
            ("money", gettext_lazy("money")),
            ("personal", gettext_lazy("personal")),
            ("unowned", gettext_lazy("without an owner")),
        ],
    )
    hint = gettext_lazy("Mapping, record, field or owner")

    def used(self, mappings: Iterable[Mapping]) -> list[Mapping]:
        """The mappings that they ask for. Only money is a kind of mappings."""
        wanted = self.is_valid() and self.given("kind") in ("", "money")
        return [
            one
            for one in mappings
            if wanted
            and (one.moves_money or not self.given("kind"))
            and self.finds(heard(one.title), one.title, one.record, one.target)
        ]

    def owned(self, fields: Iterable[FieldOwner]) -> list[FieldOwner]:
        """The fields that they ask for."""
        if not self.is_valid():
            return []
        return [
            one
            for one in fields
            if self._is_of_kind(one)
            and self.finds(
                one.record,
                one.field,
                field_names.field(one.field),
                one.system_of_record,
                one.owner or "",
                one.steward or "",
            )
        ]

    def _is_of_kind(self, one: FieldOwner) -> bool:
        kinds = {"money": one.is_money, "personal": one.is_personal, "unowned": one.owner is None}
        return bool(kinds.get(self.given("kind"), True))


def url_of(version: MappingVersion) -> str:
    """The version's page."""
    return reverse("mapping_version", args=[version.mapping.slug, version.number])


def line(mapping: Mapping) -> dict[str, Any]:
    """A mapping in the list. Its versions must be prefetched, newest first."""
    found = list(mapping.versions.all())
    active = next((one for one in found if one.state == VersionState.ACTIVE), None)
    coming = next(
        (
            one
            for one in found
            if one.state in OPEN and (active is None or one.number > active.number)
        ),
        None,
    )
    return {
        "id": mapping.slug,
        "url": reverse("mapping", args=[mapping.slug]),
        "title": mapping.title,
        "record": mapping.record.replace("_", " "),
        "target": played(mapping.target),
        "moves_money": mapping.moves_money,
        "number": active.number if active else None,
        "active_from": active.active_from if active else None,
        "open_version": coming
        and {
            "label": f"v{coming.number}",
            "url": reverse("mapping_version", args=[mapping.slug, coming.number]),
            "state": coming.state,
        },
        "fields": len(mapping_rules.rows(active.rules)) if active else 0,
    }


def past(version: MappingVersion) -> dict[str, Any]:
    """A version in the history. Its reviews must be prefetched."""
    return {
        "label": f"v{version.number}",
        "url": url_of(version),
        "state": version.state,
        "note": version.note,
        "author": str(version.author),
        "created_at": version.created_at,
        "active_from": version.active_from,
        "active_until": version.active_until,
        "approved_by": ", ".join(
            str(one.reviewer) for one in version.reviews.all() if one.approved
        ),
    }


def present(version: MappingVersion, person: Person) -> dict[str, Any]:
    """The context of `mappings/version.html`."""
    mapping, against = version.mapping, versions.replaced_by(version)
    test = backtest.newest(version)
    return {
        "crumbs": [
            (_("Mappings"), reverse("mappings")),
            (mapping.title, reverse("mapping", args=[mapping.slug])),
            (f"v{version.number}", ""),
        ],
        "version": {
            "mapping": mapping.title,
            "label": f"v{version.number}",
            "state": version.state,
            "note": version.note,
            "author": str(version.author),
            "created_at": version.created_at,
            "active_from": version.active_from,
            "active_until": version.active_until,
        },
        "versions": [
            (f"v{one.number}", reverse("mapping_version", args=[mapping.slug, one.number]),
             one.state, one.pk == version.pk)
            for one in mapping.versions.order_by("-number")
        ],
        "against": f"v{against.number}" if against else "",
        "changes": mapping_rules.changes(against.rules, version.rules) if against else [],
        "processes": used_by(mapping.slug),
        "trial": mapping_trial.shown(test, version, person),
        "rules": mapping_rules.rows(version.rules),
        "draft_url": f"{reverse('mapping_drafts', args=[mapping.slug])}?from={version.number}",
        "may_edit": leave(person, Right.EDIT_MAPPING),
        **_approvals(version, person, test),
    }  # fmt: skip


def _approvals(version: MappingVersion, person: Person, test: BackTest | None) -> dict[str, Any]:
    """Who has decided, how many more must, and who could; and what this person may do."""
    reviews = list(version.reviews.select_related("reviewer"))
    approved = {one.reviewer_id for one in reviews if one.approved}
    waits = versions.may_be_reviewed(version)
    return {
        "reviews": reviews,
        "approvals": len(approved),
        "approvals_needed": versions.approvals_needed(version),
        "approvals_missing": versions.approvals_missing(version) if waits else 0,
        "money_changes": versions.money_changes(version),
        "approvers": _approvers(version, approved) if waits else "",
        "actions": mapping_actions.actions(version, person, approved, test, timezone.now()),
    }


def used_by(slug: str) -> list[str]:
    """The processes with a step that maps by this."""
    return [
        heard(process.title)
        for process in catalogue.PROCESSES
        if any(step.mapping == slug for step in process.steps(parts.BLANK))
    ]


def _approvers(version: MappingVersion, approved: set[int]) -> str:
    """Who could still approve it, by name."""
    people = holders(Right.APPROVE_MAPPING).order_by("last_name", "first_name", "pk")
    left = [one for one in people if one.pk not in {version.author_id, *approved}]
    return ", ".join(str(one) for one in left)
