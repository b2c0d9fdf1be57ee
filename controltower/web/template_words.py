"""Project templates in words."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from controltower.transactions.agreed_templates import RETIRED
from controltower.web import formats
from controltower.web.sayings import heard


def template(content: Mapping[str, Any]) -> str:
    """For what, and with which milestones and roles: "Fixed fee: Handover 30 %, day 90; …"."""
    if content == RETIRED:
        return _("retired: no further deal is set up by it")
    whom = ", ".join((*content["companies"], *content["regions"]))
    method = " / ".join(filter(None, (str(heard(content["billing_method"])), whom)))
    milestones = [
        _("%(name)s %(share)s %%, day %(day)s")
        % {"name": one["name"], "share": formats.number(Decimal(one["share"])), "day": one["days"]}
        for one in content["milestones"]
    ]
    return "; ".join([method, *milestones, *map(_role, content["roles"])])


def _role(one: Mapping[str, Any]) -> str:
    """A role of a template, and how much of it is asked for."""
    name = " ".join(filter(None, (one["name"], one["skill"] and f"({one['skill']})")))
    if "share" in one:
        share = formats.number(Decimal(one["share"]))
        return _("%(name)s %(share)s %% of the time") % {"name": name, "share": share}
    return _("%(name)s %(hours)s h") % {
        "name": name,
        "hours": formats.number(Decimal(one["hours"])),
    }
