"""Typed cells as a file: comma-separated, or a workbook that Excel opens.

Numbers are numbers and times are times; nothing is ever a formula. A workbook is written row by
row into a temporary file, so that a long list is never held in memory.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import IO, Any
from zoneinfo import ZoneInfo

import xlsxwriter

Cell = str | int | float | Decimal | datetime | None
CSV, XLSX = "csv", "xlsx"
TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take text of a CSV file for a formula (OWASP, CSV injection)."""
EXACT = 15
"""Digits that a number of Excel holds; what has more is written as text, and stays exact."""
LONGEST = 32_767
"""Letters that a cell of Excel holds."""
TALLEST = 1_048_576
"""Rows that a sheet of Excel holds, its head among them."""
PIECE = 64 * 1024
SAFE = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def words(text: str) -> str:
    """Text that a spreadsheet takes for text."""
    return f"'{text}" if text.startswith(FORMULA) else text


def lines(rows: Iterable[Sequence[Cell]], zone: ZoneInfo) -> bytes:
    """Rows of a CSV file; times are those of the zone."""
    text = io.StringIO()
    csv.writer(text).writerows([_written(cell, zone) for cell in row] for row in rows)
    return text.getvalue().encode()


def _written(cell: Cell, zone: ZoneInfo) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return words(cell) if isinstance(cell, str) else str(cell)


@dataclass
class Workbook:
    """A workbook that is being written: a sheet of rows, a further one where it is full, then a
    sheet that says what they are."""

    columns: Sequence[str]
    zone: ZoneInfo

    def __post_init__(self) -> None:
        self.rows = 0
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by pieces)
        self._book = xlsxwriter.Workbook(self._file, SAFE)
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._head = self._book.add_format({"bold": True})
        self._begin("Rows")

    def _begin(self, name: str) -> None:
        """Write on into a new sheet."""
        self._row, self._sheet = 0, self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self.columns) - 1, 18)
        for place, column in enumerate(self.columns):
            self._sheet.write_string(0, place, column, self._head)

    def add(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Write some more rows."""
        for row in rows:
            self._row += 1
            if self._row == TALLEST:
                self._begin(f"Rows {self.rows // (TALLEST - 1) + 1}")
                self._row = 1
            self.rows += 1
            for place, cell in enumerate(row):
                self._write(self._sheet, self._row, place, cell)

    def _write(self, sheet: Any, row: int, place: int, cell: Cell) -> None:
        if isinstance(cell, datetime):
            here = cell.astimezone(self.zone).replace(tzinfo=None)
            sheet.write_datetime(row, place, here, self._time)
        elif isinstance(cell, str):
            sheet.write_string(row, place, cell[:LONGEST])
        elif isinstance(cell, Decimal) and len(cell.normalize().as_tuple().digits) > EXACT:
            sheet.write_string(row, place, f"{cell:f}")
        elif cell is not None:
            sheet.write_number(row, place, cell)

    def pieces(self, about: Sequence[tuple[str, Cell]]) -> Iterator[bytes]:
        """End it with what it is about, and hand it over piece by piece."""
        sheet = self._book.add_worksheet("About")
        sheet.set_column(0, 1, 32)
        for row, (name, value) in enumerate([*about, ("rows", self.rows)]):
            sheet.write_string(row, 0, name, self._head)
            self._write(sheet, row, 1, value)
        self._book.close()
        self._file.seek(0)
        with self._file:
            while piece := self._file.read(PIECE):
                yield piece
