"""Who we work for and who works for us."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from controltower.canonical.records.base import (
    NAMES_SOMEBODY,
    PAYS_SOMEBODY,
    PRICES,
    REACHES_SOMEBODY,
    Record,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer(Record):
    """Who is billed.

    `parent_id` is the client above this one in the CRM; with `billed_by_parent` that one is
    invoiced for it. `merged_into` is the client that speaks for it since a data owner decided that
    both are one, or since the CRM merged them, which has `deleted` it. `payment_term` is the ERP's
    name for it; with `credit_hold` nothing more is sold to them.
    """

    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""
    vat_number: str = ""
    currency: str = field(default="", metadata=PRICES)
    contact_name: str = field(default="", metadata=NAMES_SOMEBODY)
    contact_email: str = field(default="", metadata=REACHES_SOMEBODY)
    strategic: bool = False
    erp_code: str = ""
    payment_term: str = ""
    credit_hold: bool = False
    parent_id: str = ""
    billed_by_parent: bool = False
    merged_into: str = ""
    deleted: bool = False


class ResourceStatus(StrEnum):
    """Whether somebody can be staffed."""

    ACTIVE = "active"
    LEFT = "left"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Record):
    """Somebody who works for the firm, as the HR system of record has them.

    `source_id` is that system's id; `number` the firm's own. `entity` employs; `cost_rate` is what
    an hour costs, in `currency`; `weekly_hours` is for how many a week, zero where the source does
    not say. `from_date` and `to_date` are the first and the last day of
    employment, None where open; `valid_from` the day from which entity, role and cost rate are as
    they are said here, None where the source keeps no such day. `reference` is the PSA's id of the
    same person, written back by us. Of somebody who was removed only `source_id` and `status` are
    known.
    """

    name: str = field(default="", metadata=NAMES_SOMEBODY)
    number: str = ""
    email: str = field(default="", metadata=REACHES_SOMEBODY)
    role: str = ""
    skills: tuple[str, ...] = field(default_factory=tuple)
    location: str = ""
    cost_rate: Decimal = field(default=Decimal(0), metadata=PAYS_SOMEBODY)
    currency: str = field(default="", metadata=PRICES)
    weekly_hours: Decimal = Decimal(0)
    from_date: date | None = None
    to_date: date | None = None
    valid_from: date | None = None
    status: ResourceStatus = ResourceStatus.ACTIVE
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence(Record):
    """Days on which somebody is not there, both included. `hours` is how much of them altogether,
    zero when the source tells days only."""

    resource_id: str = ""
    kind: str = ""
    approved: bool = True
    from_date: date | None = None
    to_date: date | None = None
    hours: Decimal = Decimal(0)
