"""What the org says of itself: describe calls and limits."""

from __future__ import annotations

from typing import Any

from integrations.sandbox.salesforce.query import API
from integrations.sandbox.salesforce.schema import OBJECTS, Field, SObject, Type

_SOAP = {
    Type.ID: "tns:ID",
    Type.REFERENCE: "tns:ID",
    Type.BOOLEAN: "xsd:boolean",
    Type.CURRENCY: "xsd:double",
    Type.DOUBLE: "xsd:double",
    Type.DATE: "xsd:date",
    Type.DATETIME: "xsd:dateTime",
}


def everything() -> dict[str, Any]:
    """The global describe."""
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [brief(sobject) for sobject in OBJECTS.values()],
    }


def brief(sobject: SObject) -> dict[str, Any]:
    """One object as the global describe lists it."""
    base = f"{API}/sobjects/{sobject.name}"
    return {
        "name": sobject.name,
        "label": sobject.label,
        "labelPlural": f"{sobject.label}s",
        "keyPrefix": sobject.prefix,
        "custom": sobject.name.endswith("__c"),
        "createable": True,
        "updateable": True,
        "deletable": True,
        "queryable": True,
        "retrieveable": True,
        "urls": {
            "sobject": base,
            "describe": f"{base}/describe",
            "rowTemplate": f"{base}/{{ID}}",
        },
    }


def full(sobject: SObject) -> dict[str, Any]:
    """The describe of one object with its fields."""
    return {**brief(sobject), "fields": [_field(f) for f in sobject.fields.values()]}


def limits(used: int, limit: int) -> dict[str, Any]:
    """The limits resource: the daily quota is shared by every client of the org."""
    return {
        "DailyApiRequests": {"Max": limit, "Remaining": max(limit - used, 0)},
        "DailyBulkV2QueryJobs": {"Max": 10000, "Remaining": 10000},
        "DataStorageMB": {"Max": 10240, "Remaining": 10117},
    }


def _field(field: Field) -> dict[str, Any]:
    numeric = field.type in (Type.CURRENCY, Type.DOUBLE)
    return {
        "name": field.name,
        "label": field.name.removesuffix("__c").removeprefix("pse__").replace("_", " "),
        "type": field.type.value,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "length": 0 if numeric or field.type is Type.BOOLEAN else field.length,
        "precision": 18 if numeric else 0,
        "scale": field.scale if numeric else 0,
        "nillable": not field.required and field.type is not Type.BOOLEAN,
        "unique": field.unique,
        "externalId": field.external,
        "idLookup": field.external or field.type is Type.ID,
        "createable": not field.read_only,
        "updateable": not field.read_only,
        "custom": field.name.endswith("__c"),
        "referenceTo": [field.to] if field.to else [],
        "relationshipName": field.relation or None,
        "picklistValues": [
            {"active": True, "defaultValue": False, "label": value, "value": value}
            for value in field.values
        ],
        "restrictedPicklist": bool(field.values),
    }
