"""Project templates: with which milestones and roles a sold project is set up. Pure.

A firm agrees on its templates by name. A deal names the one it is sold by; else its billing method,
company and region choose one, the narrower before the wider. Why they are kept here and not read
from a PSA: `docs/decisions/0091-a-project-has-an-agreed-template.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from controltower.canonical.verdicts import Kind
from controltower.processes.definition import Refuse

Template = Mapping[str, Any]
"""`billing_method`; `companies` and `regions` it is for ([]: any); `milestones`, each with `name`,
`share` of the price in per cent and `days` after the start; `roles`, each with `name`, `skill` ("":
none), and either `hours` altogether or the `share` of a full working time in per cent."""

FIELD = "template"
"""What a deal is learned to be set up by, and the field of the refusal where there is none."""
FIXED_FEE = "Fixed fee"
WHOLE = Decimal(100)
MOST, LONGEST_NAME, MOST_DAYS, MOST_HOURS = 12, 80, 3660, Decimal(100_000)
SHIPPED: Mapping[str, Template] = {
    "Advisory T&M": {
        "billing_method": "Time and materials",
        "companies": [],
        "regions": [],
        "milestones": [],
        "roles": [
            {"name": "Manager", "share": "20", "skill": ""},
            {"name": "Consultant", "share": "80", "skill": ""},
        ],
    },
    "Implementation fixed fee": {
        "billing_method": FIXED_FEE,
        "companies": [],
        "regions": [],
        "milestones": [
            {"name": "Mobilisation", "share": "30", "days": 14},
            {"name": "Design accepted", "share": "40", "days": 45},
            {"name": "Handover", "share": "30", "days": 90},
        ],
        "roles": [
            {"name": "Manager", "hours": "120", "skill": ""},
            {"name": "Senior consultant", "hours": "320", "skill": ""},
            {"name": "Analyst", "hours": "240", "skill": ""},
        ],
    },
}
"""What holds before a firm has agreed on any."""


def chosen(deal: Mapping[str, Any], agreed: Mapping[str, Template]) -> str | Refuse:
    """The name of the template that a deal is set up by, or why there is none."""
    about, named = _about(deal), str(deal.get("template") or "")
    if named and named not in agreed:
        text = f"The deal names the project template “{named}”, which the firm has not agreed on."
        return Refuse(Kind.REFERENCE_MISSING, text, FIELD)
    if named and not _fits(agreed[named], deal):
        text = f"The deal names the project template “{named}”, which is not for {about}."
        return Refuse(Kind.REFERENCE_MISSING, text, FIELD)
    fitting = {name: _narrow(one) for name, one in agreed.items() if _fits(one, deal)}
    best = [name for name, how in fitting.items() if how == max(fitting.values())]
    if named or len(best) == 1:
        return named or best[0]
    text = f"No project template of the firm is for {about}."
    if best:
        names = ", ".join(f"“{name}”" for name in sorted(best))
        text = f"Several project templates are for {about}: {names}. Have the deal name one."
    return Refuse(Kind.REFERENCE_MISSING, text, FIELD)


def _fits(template: Template, deal: Mapping[str, Any]) -> bool:
    return (
        template["billing_method"] == deal.get("billing_method")
        and deal.get("entity") in (template["companies"] or [deal.get("entity")])
        and deal.get("region") in (template["regions"] or [deal.get("region")])
    )


def _narrow(template: Template) -> int:
    return bool(template["companies"]) + bool(template["regions"])


def _about(deal: Mapping[str, Any]) -> str:
    said = (
        deal.get("billing_method") or "no billing method",
        deal.get("entity"),
        deal.get("region"),
    )
    return " / ".join(str(one) for one in said if one)


def mistake(content: object) -> str:
    """What is wrong with a template as it is written down, "" when nothing is."""
    try:
        return _mistake(content)  # type: ignore[arg-type]
    except (AttributeError, KeyError, TypeError, InvalidOperation):
        return "A project template has a billing method, companies, regions, milestones and roles."


def _mistake(one: Template) -> str:
    milestones, roles = one["milestones"], one["roles"]
    fixed = one["billing_method"] == FIXED_FEE
    if not str(one["billing_method"]).strip():
        return "A project template is for one billing method."
    if not all(isinstance(part, str) and part for part in (*one["companies"], *one["regions"])):
        return "Companies and regions are named."
    if (
        max(len(milestones), len(roles)) > MOST
        or not _are_named(milestones)
        or not _are_named(roles)
    ):
        return f"At most {MOST} milestones and {MOST} roles, each of a name of its own."
    if fixed != bool(milestones):
        return "A fixed fee has milestones, and nothing else has."
    shares = [Decimal(str(part["share"])) for part in milestones]
    if fixed and (sum(shares) != WHOLE or not all(map(_is_share, shares))):
        return (
            "The milestones' shares are per cent, of two decimals at most, and make 100 together."
        )
    if not all(type(part["days"]) is int and 0 <= part["days"] <= MOST_DAYS for part in milestones):
        return f"A milestone is due 0 to {MOST_DAYS} days after the start."
    if not all(map(_is_asked_for, roles)):
        return "A role has either hours or a share of a full working time, and a skill or none."
    return ""


def _are_named(parts: Any) -> bool:
    names = [str(part["name"]).strip() for part in parts]
    return len(set(names)) == len(names) and all(0 < len(name) <= LONGEST_NAME for name in names)


def _is_share(share: Decimal) -> bool:
    return 0 < share <= WHOLE and share == round(share, 2)


def _is_asked_for(role: Mapping[str, Any]) -> bool:
    if ("hours" in role) == ("share" in role) or not isinstance(role["skill"], str):
        return False
    hours = Decimal(str(role.get("hours", 1)))
    return 0 < hours <= MOST_HOURS and _is_share(Decimal(str(role.get("share", 1))))
