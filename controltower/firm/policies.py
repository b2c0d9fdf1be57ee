"""What is in force of that which the firm has agreed upon. How it comes into force: `governing`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controltower.firm.models import PolicyState, PolicyVersion


class BadPolicy(Exception):
    """A policy cannot be as it is written; the text says what is wrong with it."""


def in_force(subject: str) -> Mapping[str, Any] | None:
    """What the policy says that is in force, or None where nothing was agreed upon."""
    found = PolicyVersion.objects.filter(subject=subject, state=PolicyState.IN_FORCE)
    content: Mapping[str, Any] | None = found.values_list("content", flat=True).first()
    return content


def of_kind(kind: str) -> dict[str, PolicyVersion]:
    """The versions in force of one kind, by what they are about."""
    found = PolicyVersion.objects.filter(subject__startswith=f"{kind}:", state=PolicyState.IN_FORCE)
    return {version.about: version for version in found.select_related("author", "decided_by")}


def contents(kind: str) -> dict[str, Mapping[str, Any]]:
    """What the policies of one kind say that are in force, by what they are about."""
    found = PolicyVersion.objects.filter(subject__startswith=f"{kind}:", state=PolicyState.IN_FORCE)
    said = found.order_by().values_list("subject", "content")
    return {subject.partition(":")[2]: content for subject, content in said}
