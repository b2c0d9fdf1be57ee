"""The firm's project templates: agreed upon by name, as policies with versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controltower.firm import governing
from controltower.firm.policies import BadPolicy, contents
from controltower.processes import project_templates, staffing_requests
from controltower.systems import calls
from controltower.transactions.cases import Case

KIND = "project-template"
"""The kind of policy; it is about the template's name."""
SEEDED = "As the product brings it."
RETIRED = {"retired": True}
"""What a version says by which a template ends."""


def of_deal(case: Case) -> Mapping[str, Any]:
    """The `templates` in force by name, and whether the deal's PSA `takes_requests` for staff: one
    that is not there yet is taken to."""
    psa = case.player("psa", "project")
    asked = (staffing_requests.ENTITY, "upsert")
    return {
        "templates": agreed(),
        "takes_requests": psa is None
        or asked in {(one.entity, one.verb) for one in calls.descriptor(psa).operations},
    }


def agreed() -> Mapping[str, project_templates.Template]:
    """What is in force by name, save what was retired; what the product brings before anything was
    agreed upon."""
    said = contents(KIND)
    if not said:
        return project_templates.SHIPPED
    return {name: one for name, one in said.items() if one != RETIRED}


def check(about: str, content: object) -> None:
    """Raises BadPolicy unless it is a template with a name, or the end of one that is in force."""
    if not 0 < len(about.strip()) <= project_templates.LONGEST_NAME:
        raise BadPolicy("A project template has a name.")
    if content == RETIRED:
        if contents(KIND).get(about, RETIRED) == RETIRED:
            raise BadPolicy(f"There is no project template “{about}” in force.")
    elif said := project_templates.mistake(content):
        raise BadPolicy(said)


def write_down(*, now: datetime) -> None:
    """Make what the product brings first versions, where nothing was agreed upon yet."""
    if contents(KIND):
        return
    for name, template in project_templates.SHIPPED.items():
        governing.write_down(
            subject=f"{KIND}:{name}", content=dict(template), reason=SEEDED, now=now
        )
