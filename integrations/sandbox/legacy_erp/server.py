"""A legacy ERP that speaks by files alone: its folder behind SFTP, and the batch run that works
them off in the order of their names."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from integrations.sandbox.control import Impossible
from integrations.sandbox.faults import Kind
from integrations.sandbox.legacy_erp.books import Books, Rejects, Row, told
from integrations.sandbox.legacy_erp.form import Damaged, joined, split
from integrations.sandbox.legacy_erp.sftp import Listener
from integrations.sandbox.store import Document
from integrations.sandbox.vendor import Counterpart

FOLDERS = ("in", "ack", "out", "master", "archive/in", "archive/ack", "archive/out")
RUN_EVERY = 5.0
"""Seconds between two runs by itself."""
_FORMS = {"INV": ("INVOICE", 6), "CUS": ("CUSTOMER", 0), "REL": ("RELEASE", 0)}


class Server(Counterpart):
    """One installation with the pretend firm's companies."""

    name = "legacy_erp"
    title = "Legacy ERP"
    deeds = {
        "run": "Work off the inbox now",
        "pay_invoice": "Pay the oldest open invoice",
        "close_period": "Close this month",
        "reopen_period": "Reopen this month",
    }

    def set_up(self, data: Path) -> None:
        """Its books and its folder."""
        self.books = Books(self.store)
        self.root = data / self.name
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def furnish(self) -> None:
        """The first export of codes and periods."""
        self._export()

    async def serve(self, port: int) -> None:
        """Let callers in, and work off what they bring, until cancelled."""
        listener = Listener(self.root, port, self.board, self.credentials)
        await asyncio.gather(listener.run(), self._live())

    async def act(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """``run``; ``hold`` and ``release`` (runs by itself); ``pay_invoice`` (reference);
        ``close_period`` and ``reopen_period`` (company, period); ``damage`` (folder: its files lose
        their ends)."""
        match name:
            case "run":
                return {"files": self.run()}
            case "hold" | "release":
                self.store.set("held", name.removesuffix("release"))
            case "pay_invoice":
                return self._pay(str(wanted.get("reference", "")))
            case "close_period" | "reopen_period":
                self._turn(wanted, closed=name == "close_period")
            case "damage":
                for file in self._files(str(wanted["folder"])):
                    file.write_bytes(file.read_bytes()[:-20])
            case _:
                return await super().act(name, wanted)
        return {}

    def run(self) -> int:
        """Work off the inbox; how many files there were."""
        posted: list[Document] = []
        files = self._files("in")
        at = _now()
        for file in files:
            kept = self.root / "archive" / "in" / file.name
            if kept.exists():  # a name that it had before is not read again
                file.replace(kept.with_suffix(".duplicate"))
                continue
            self._put("ack", f"{file.stem}.ack", self._worked(file, at, posted))
            file.replace(kept)
        if posted:
            self._tell(posted, at)
        return len(files)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(RUN_EVERY)
            if not self.store.setting("held"):
                self.run()

    def _files(self, folder: str) -> list[Path]:
        """The files of a folder in the order of their names, without those under way."""
        return sorted((self.root / folder).glob("*.csv"))

    def _pay(self, reference: str) -> dict[str, Any]:
        paid = self.books.pay(reference)
        if paid is None:
            raise Impossible("no such invoice is open")
        self._tell([paid], _now())
        return {"number": paid.content["number"]}

    def _turn(self, wanted: Mapping[str, Any], *, closed: bool) -> None:
        company, month = wanted.get("company", "LF-UK"), wanted.get("period", _now()[:7])
        self.books.close(str(company), str(month), closed)
        self._export()

    def _worked(self, file: Path, at: str, posted: list[Document]) -> bytes:
        """The acknowledgement of a file, once its document is booked or rejected."""
        word, digest, records = "REJECTED", "", list[Row]()
        try:
            kind, amount_at = _FORMS.get(file.stem[:3], ("", 0))
            digest, rows = split(file.read_bytes(), kind, amount_at)
            for fault in self.board.take("write import", {Kind.REFUSE}):
                words = fault.text or "The document is blocked by the chief accountant."
                raise Rejects((0, "REFUSED", "", words))
            with self.store.transaction():
                records = [self._book(kind, rows, posted)]
            word = "ACCEPTED"
        except Damaged as damage:
            records = [("E", "0", "TOTALS", "", str(damage))]
        except Rejects as rejects:
            records = [("E", str(row), *others) for row, *others in rejects.rows]
        except (ValueError, IndexError):
            records = [("E", "0", "FORM", "", "A record has too few or too many fields.")]
        return joined(("ACK", "1", file.stem, word, at, digest), records)

    def _book(self, kind: str, rows: Sequence[Row], posted: list[Document]) -> Row:
        if kind == "INVOICE":
            return self.books.park(rows)
        if kind == "CUSTOMER":
            return self.books.take_customer(rows)
        invoice, is_new = self.books.post(rows)
        if is_new:
            posted.append(invoice)
        return told(invoice)

    def _tell(self, invoices: Sequence[Document], at: str) -> None:
        name = f"LEDGER_{at[:10].replace('-', '')}_{self.store.next_number('ledger'):06d}"
        rows = [self.books.ledger_row(one, at) for one in invoices]
        total = sum((Decimal(row[10]) for row in rows), Decimal(0))
        self._put("out", f"{name}.csv", joined(("LEDGER", "1", name, at), rows, total))

    def _export(self) -> None:
        rows = self.books.master()
        self._put("master", "MASTER.csv", joined(("MASTER", "1", _now()), rows))

    def _put(self, folder: str, name: str, content: bytes) -> None:
        """A file that is there whole or not at all."""
        part = self.root / folder / f"{name}.part"
        part.write_bytes(content)
        part.replace(self.root / folder / name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
