"""The org: create, change, upsert and delete records under its rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.sandbox.salesforce import ids, rules
from integrations.sandbox.salesforce.errors import Refused, not_found
from integrations.sandbox.salesforce.schema import OBJECTS, Field, SObject, Type, object_named
from integrations.sandbox.salesforce.store import Row, Store
from integrations.sandbox.salesforce.values import Column, column


class Several(Exception):
    """An external id matches more than one record."""

    def __init__(self, refs: list[str]) -> None:
        super().__init__(f"{len(refs)} records match")
        self.refs = refs


class Org:
    """Records under the org's rules. Every public write is one transaction of its own."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(self, name: str, body: Mapping[str, Any]) -> str:
        """Create a record; returns its id. Raises Refused."""
        sobject = _object(name)
        with self.store.transaction():
            given = self._columns(sobject, body)
            return str(self.insert_row(sobject.name, given)["Id"])

    def insert_row(self, name: str, given: Mapping[str, Any]) -> Row:
        """Insert stored-form values under the rules; for triggers, inside a transaction."""
        sobject = OBJECTS[name]
        blank: Row = {
            f.name: 0 if f.type is Type.BOOLEAN else None for f in sobject.fields.values()
        }
        new = blank | dict(given)
        new = {n: column(sobject.fields[n], _plain(sobject.fields[n], v)) for n, v in new.items()}
        if not new["CurrencyIsoCode"] and "pse__Project__c" not in new:
            new["CurrencyIsoCode"] = "EUR"
        self._check_required(sobject, new)
        self._check_unique(sobject, new, "")
        rules.check(self.store, sobject.name, None, new)
        row = self.store.insert(sobject, new)
        rules.react(self.store, self.insert_row, sobject.name, None, row)
        return row

    def change(
        self, name: str, ref: str, body: Mapping[str, Any], unless_since: datetime | None = None
    ) -> None:
        """Change a record. Raises Refused; 412 when it changed after ``unless_since``."""
        sobject = _object(name)
        with self.store.transaction():
            old = self.live(sobject, ref)
            modified = datetime.fromisoformat(old["LastModifiedDate"]).replace(microsecond=0)
            if unless_since and modified > unless_since:
                raise Refused(412, "PRECONDITION_FAILED", "The record was modified since.")
            if old["Id"] in self.locked():
                raise Refused(400, "ENTITY_IS_LOCKED", "the entity is locked for editing")
            new = old | self._columns(sobject, body)
            self._check_required(sobject, new)
            self._check_unique(sobject, new, old["Id"])
            rules.check(self.store, sobject.name, old, new)
            self.store.update(sobject, old["Id"], {n: v for n, v in new.items() if old[n] != v})
            rules.react(self.store, self.insert_row, sobject.name, old, new)

    def upsert(self, name: str, by: str, value: str, body: Mapping[str, Any]) -> tuple[str, bool]:
        """Create or change by external id; returns the id and whether it was created.

        Raises Several when more than one record matches, Refused otherwise.
        """
        sobject = _object(name)
        with self.store.transaction():
            field = self.external_field(sobject, by)
            if any(given.lower() == field.name.lower() for given in body):
                raise Refused(
                    400,
                    "INVALID_FIELD",
                    f"The {field.name} field should not be specified in the sobject data.",
                )
            if field.type is Type.ID:
                self.change(sobject.name, value, body)
                return str(self.live(sobject, value)["Id"]), False
            found = self.store.matching(sobject, field, value)
            if len(found) > 1:
                raise Several([row["Id"] for row in found])
            if found:
                self.change(sobject.name, found[0]["Id"], body)
                return str(found[0]["Id"]), False
            return self.create(sobject.name, {**body, field.name: value}), True

    def delete(self, name: str, ref: str) -> None:
        """Put a record into the recycle bin."""
        sobject = _object(name)
        with self.store.transaction():
            self.store.update(sobject, self.live(sobject, ref)["Id"], {"IsDeleted": 1})

    def undelete(self, name: str, ref: str) -> None:
        """Take a record out of the recycle bin. Raises Refused when it is not there."""
        sobject = _object(name)
        with self.store.transaction():
            row = self.store.row(sobject, ids.normal(ref) or "")
            if row is None or not row["IsDeleted"]:
                raise Refused(400, "UNDELETE_FAILED", "entity is not in the recycle bin")
            self.store.update(sobject, row["Id"], {"IsDeleted": 0})

    def merge(self, name: str, left: str, gone: str) -> None:
        """Merge a record into another one of its kind: what names it names the other one then, and
        it goes into the recycle bin. Raises Refused."""
        sobject = _object(name)
        with self.store.transaction():
            into, row = self.live(sobject, left), self.live(sobject, gone)
            for other in OBJECTS.values():
                for field in other.fields.values():
                    if field.to == sobject.name:
                        for one in self.store.matching(other, field, row["Id"]):
                            self.store.update(other, one["Id"], {field.name: into["Id"]})
            left_behind = {"IsDeleted": 1, "MasterRecordId": into["Id"]}
            self.store.update(sobject, row["Id"], left_behind)

    def live(self, sobject: SObject, ref: str) -> Row:
        """The record of that id. Raises Refused: 404 unknown or deleted, 400 malformed."""
        known = ids.normal(ref)
        if known is None or known[:3] != sobject.prefix:
            raise not_found()
        row = self.store.row(sobject, known)
        if row is None:
            raise not_found()
        if row["IsDeleted"]:
            raise Refused(404, "ENTITY_IS_DELETED", "entity is deleted")
        return row

    def external_field(self, sobject: SObject, by: str) -> Field:
        """The field by which records may be addressed. Raises Refused."""
        field = sobject.find(by)
        if field is None or not (field.external or field.type is Type.ID):
            raise Refused(
                404,
                "NOT_FOUND",
                f"Provided external ID field does not exist or is not accessible: {by}",
            )
        return field

    def locked(self) -> set[str]:
        """Ids of records locked by an approval process."""
        return set(self.store.setting("locked", "").split())

    def lock(self, ref: str, held: bool) -> None:
        """Lock or release a record, as an approval process does."""
        refs = self.locked() | {ref} if held else self.locked() - {ref}
        self.store.set("locked", " ".join(sorted(refs)))

    def _columns(self, sobject: SObject, body: Mapping[str, Any]) -> dict[str, Column]:
        """Stored-form values of a request body."""
        given: dict[str, Column] = {}
        for name, value in body.items():
            if name == "attributes":
                continue
            if isinstance(value, Mapping):
                field, ref = self._by_external_id(sobject, name, value)
                given[field.name] = ref
                continue
            field = _writable(sobject, name)
            given[field.name] = column(field, value)
            self._check_reference(field, given[field.name])
        return given

    def _by_external_id(
        self, sobject: SObject, name: str, value: Mapping[str, Any]
    ) -> tuple[Field, str]:
        """Resolve ``{"pse__Project__r": {"Tower_External_Id__c": "…"}}``."""
        field = sobject.relations().get(name.lower())
        keys = [key for key in value if key != "attributes"]
        if field is None or len(keys) != 1:
            raise _no_column(sobject, name)
        target = OBJECTS[field.to]
        by = self.external_field(target, keys[0])
        wanted = value[keys[0]]
        if not isinstance(wanted, str):
            raise Refused(400, "JSON_PARSER_ERROR", f"{by.name} must be text", [field.name])
        found = self.store.matching(target, by, wanted)
        if len(found) != 1:
            raise Refused(
                400,
                "INVALID_FIELD" if not found else "DUPLICATE_EXTERNAL_ID",
                f"Foreign key external ID: {wanted} not found for field {by.name} in"
                f" entity {target.name}",
                [by.name],
            )
        return field, str(found[0]["Id"])

    def _check_reference(self, field: Field, ref: Column) -> None:
        if not field.to or ref is None:
            return
        row = self.store.row(OBJECTS[field.to], str(ref))
        if row is None or row["IsDeleted"]:
            code = "ENTITY_IS_DELETED" if row else "INVALID_CROSS_REFERENCE_KEY"
            text = "entity is deleted" if row else "invalid cross reference id"
            raise Refused(400, code, text, [field.name])

    def _check_required(self, sobject: SObject, new: Row) -> None:
        missing = [f.name for f in sobject.fields.values() if f.required and new[f.name] is None]
        if missing:
            raise Refused(
                400,
                "REQUIRED_FIELD_MISSING",
                f"Required fields are missing: [{', '.join(missing)}]",
                missing,
            )

    def _check_unique(self, sobject: SObject, new: Row, own: str) -> None:
        for field in sobject.fields.values():
            if not field.unique or new[field.name] is None:
                continue
            others = [
                row["Id"]
                for row in self.store.matching(sobject, field, new[field.name])
                if row["Id"] != own
            ]
            if others:
                raise Refused(
                    400,
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {field.name} duplicates value on record with id:"
                    f" {others[0]}",
                )


def _object(name: str) -> SObject:
    found = object_named(name)
    if found is None:
        raise not_found()
    return found


def _writable(sobject: SObject, name: str) -> Field:
    field = sobject.find(name)
    if field is None:
        raise _no_column(sobject, name)
    if field.read_only:
        raise Refused(
            400,
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            f"Unable to create/update fields: {field.name}. Please check the security settings of"
            " this field and verify that it is read/write for your profile or permission set.",
            [field.name],
        )
    return field


def _no_column(sobject: SObject, name: str) -> Refused:
    return Refused(
        400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}"
    )


def _plain(field: Field, value: Any) -> Any:
    """Stored booleans are 0 and 1; the type check wants them as JSON has them."""
    return bool(value) if field.type is Type.BOOLEAN else value
