"""Which fields hold personal data follows from the records themselves."""

from __future__ import annotations

from controltower.canonical import personal
from controltower.canonical.records import Opportunity, Resource, TimeEntry
from controltower.canonical.records.base import Personal


def test_records_declare_it() -> None:
    assert personal.declared(Resource) == {
        "name": Personal.NAME,
        "email": Personal.CONTACT,
        "cost_rate": Personal.PAY,
    }
    assert personal.declared(TimeEntry)["resource_name"] == Personal.NAME
    assert not personal.declared(Opportunity)


def test_a_name_that_other_records_use_otherwise_is_judged_by_its_record() -> None:
    assert personal.kind_of("name") is None
    assert personal.kind_of("subject.resource_name") == Personal.NAME
    worker = {"name": "Ilse Vantongeren", "cost_rate": "62.50", "role": "Consultant"}
    assert dict(personal.of_record("Resource", worker)) == {
        "Ilse Vantongeren": Personal.NAME,
        "62.50": Personal.PAY,
    }
    assert not dict(personal.of_record("Opportunity", worker))
    assert not dict(personal.of_record("NoSuchRecord", worker))


def test_a_rule_carries_what_it_reads() -> None:
    rate = {"source": "cost_rate", "target": "pse__Default_Cost_Rate__c"}
    assert personal.rule_kind(rate) == Personal.PAY
    marked = {"source": "town", "target": "City__c", "personal": True}
    assert personal.rule_kind(marked) == Personal.CONTACT
    assert personal.rule_kind({"source": "town", "target": "City__c"}) is None
