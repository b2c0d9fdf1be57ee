"""A document library: items in folders, and copies that take their time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from integrations.sandbox.store import Document, Store

DRIVE, ROOT = "projects", "root"
SITE = "https://larkfield.sharepoint.com"
_TEMPLATE = ("01 Contract", "02 Plan", "03 Deliverables", "04 Invoices")


class Library:
    """Items by their ids, each below another; a copy that is under way goes on when looked at."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def furnish(self) -> None:
        """What the firm's people have made: a place for projects, and their template."""
        self.add(ROOT, "Projects")
        template = self.add(self.add(ROOT, "Templates").id, "Project")
        for name in _TEMPLATE:
            self.add(template.id, name)

    def add(self, parent: str, name: str) -> Document:
        """A new folder."""
        count = self._store.next_number("item")
        number = f"01{uuid5(NAMESPACE_URL, f'item-{count}').hex.upper()}"
        return self._store.add("item", {"parent": parent, "name": name}, number)

    def item(self, ref: str) -> Document:
        """An item by its id. Raises KeyError."""
        return self._store.get("item", ref)

    def at(self, path: str) -> Document:
        """An item by its path; names do not mind case. Raises KeyError."""
        ref, found = ROOT, None
        for name in path.strip("/").split("/"):
            found = self.child(ref, name)
            if found is None:
                raise KeyError(path)
            ref = found.id
        if found is None:
            raise KeyError(path)
        return found

    def child(self, ref: str, name: str) -> Document | None:
        """What has that name in a folder."""
        within = self.children(ref)
        return next((one for one in within if _same(one.content["name"], name)), None)

    def children(self, ref: str) -> list[Document]:
        """What is in a folder, oldest first."""
        return self._store.all("item", parent=ref)

    def copy(self, ref: str, parent: str, name: str) -> Document:
        """Order a copy; its job. It fails when the name is taken, as the vendor's does."""
        job: dict[str, Any] = {"of": ref, "status": "inProgress", "due": _in(self._patience)}
        if self.child(parent, name):
            return self._store.add("copy", job | {"status": "failed", "code": "nameAlreadyExists"})
        if code := self._store.setting("copies_fail"):
            return self._store.add("copy", job | {"status": "failed", "code": code})
        made = self._store.add("copy", job | {"made": self.add(parent, name).id})
        self.go_on()
        return self.job(made.id)

    def job(self, number: str) -> Document:
        """How far a copy is. Raises KeyError."""
        return self._store.get("copy", number)

    def go_on(self) -> None:
        """Finish the copies whose time has come."""
        now = datetime.now(UTC).isoformat()
        for job in self._store.all("copy", status="inProgress"):
            if job.content["due"] <= now:
                for one in self.children(job.content["of"]):
                    self.add(job.content["made"], one.content["name"])
                self._store.change("copy", job.id, {"status": "completed"})

    @property
    def _patience(self) -> float:
        return float(self._store.setting("copy_seconds", "0"))

    def shown(self, item: Document) -> dict[str, Any]:
        """An item as the vendor writes it, with its columns."""
        title = item.content.get("title")
        path = self._path(item)
        return {
            "id": item.id,
            "name": item.content["name"],
            "folder": {"childCount": len(self.children(item.id))},
            "webUrl": f"{SITE}{path}",
            "createdDateTime": _stamp(item.created),
            "lastModifiedDateTime": _stamp(item.changed),
            "eTag": f'"{{{item.id}}},{item.version}"',
            "parentReference": {"driveId": DRIVE, "id": item.content["parent"]},
            "listItem": {"fields": {"Title": title} if title else {}},
        }

    def _path(self, item: Document) -> str:
        parent = item.content["parent"]
        above = "" if parent == ROOT else self._path(self.item(parent))
        return f"{above}/{item.content['name']}"


def watched(job: Document) -> Mapping[str, Any]:
    """What the monitor of a copy says."""
    content = job.content
    if content["status"] == "failed":
        told = {"code": content["code"], "message": "The copy could not be made."}
        return {"status": "failed", "percentageComplete": 0, "error": told}
    if content["status"] == "completed":
        whole = {"percentageComplete": Decimal("100.0"), "resourceId": content["made"]}
        return {"status": "completed", **whole}
    return {"status": "inProgress", "percentageComplete": Decimal("27.3")}


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
