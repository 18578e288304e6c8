"""Reads one sheet of an .xlsx workbook, as the text that a person sees in its cells.

    the zip's parts that matter, each bounded -> what a sheet's XML says about size and formats -> python-calamine

calamine gets a new zip of exactly the parts that were looked through (import_sheet.py).
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.parsers import expat

from chalicelib.crm.import_rows import MAX_COLUMNS, FileTooLong, Rows, Unread, UnreadableFile
from chalicelib.crm.import_sheet import Cell, SheetScan, parser_of, string_lengths

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

MAX_WORKBOOK_BYTES = 4_500_000
"""Base64 makes 6.0 MB of them, and a Lambda event has at most 6,291,456 bytes (AWS, Lambda quotas)."""
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
_MAX_TREE_BYTES = 4 * 1024 * 1024
_MAX_SHEETS = 50
_KEPT = (
    "[content_types].xml",
    "_rels/.rels",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
    "xl/sharedstrings.xml",
)
"""Parts beside the sheet, in lower case: their names ignore case (ECMA-376, part 2, 6.2.2.3)."""
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|is|f)[\s>/]")
"""A cell's value or formula in a sheet's XML."""
_NOT_DIGITS = re.compile(r"\[[^\[\]]*\]|\\")
"""What a number format says of colours and countries, and signs of quoting."""
_PERCENT = {9: "0%", 10: "0.00%"}
"""Number formats that Excel knows by number alone (ECMA-376, part 1, 18.8.30)."""


@dataclass(frozen=True, slots=True)
class Workbook:
    sheets: list[str]
    """Names of the visible ones, from the first that is not empty on."""
    last_line: int
    """The last row of the sheet read."""
    rows: Rows


def read_workbook(body: bytes, sheet: str | None = None) -> Workbook:
    """The named sheet, or the first one that is not empty. Raises UnreadableFile, FileTooLong."""
    if len(body) > MAX_WORKBOOK_BYTES:
        raise FileTooLong(f"The workbook is larger than {MAX_WORKBOOK_BYTES / 1e6} MB. Save its sheet as CSV.")
    try:
        return _read(body, sheet)
    except (zipfile.BadZipFile, zlib.error, ElementTree.ParseError, expat.ExpatError, KeyError, EOFError, ValueError,
            NotImplementedError, RuntimeError) as error:  # fmt: skip
        # An old .xls, or a workbook with a password, is no zip; a document of another program has other parts.
        raise UnreadableFile(
            "This is not a readable .xlsx workbook. Save it as .xlsx without a password, or as CSV."
        ) from error


def _read(body: bytes, wanted: str | None) -> Workbook:
    from python_calamine import CalamineWorkbook

    with zipfile.ZipFile(BytesIO(body)) as packed:
        parts = _Parts(packed)
        sheets = _sheets(parts)
        for empty in list(sheets)[:-1]:
            if _VALUE.search(parts.read(sheets[empty])):
                break
            parts.forget(sheets.pop(empty))
        name = next(iter(sheets)) if wanted is None else wanted
        if name not in sheets:
            raise UnreadableFile(f"The workbook has no sheet of this name. It has {', '.join(sheets)}.")
        for other in sheets.values():
            if other != sheets[name]:
                parts.forget(other)
        parts.read(sheets[name])
    styles = parts.kept.get("xl/styles.xml")
    formats = {} if styles is None else _formats_of(_tree(styles))
    scan = SheetScan(formats, string_lengths(parts.kept.get("xl/sharedstrings.xml")))
    for content in parts.kept.values():
        scan.run(content)
    with _calamine():
        found = CalamineWorkbook.from_object(BytesIO(parts.repacked())).get_sheet_by_name(name)
        merged = found.merged_cell_ranges or []
    last_line = max([found.end[0] if found.end else -1, *(row for row, _ in scan.errors)]) + 1
    return Workbook(list(sheets), last_line, _rows(_values(found), scan, merged, last_line))


@contextmanager
def _calamine() -> Iterator[None]:
    """Tells what calamine cannot read. It raises errors of its own, of Python's types, and Rust's panics."""
    from python_calamine import CalamineError

    try:
        yield
    except BaseException as error:
        # A panic is no Exception, so nobody else would catch it (PyO3 documentation, `PanicException`).
        if isinstance(error, CalamineError | OverflowError) or type(error).__module__ == "pyo3_runtime":
            raise UnreadableFile(
                "This workbook is damaged. Open it in a spreadsheet program and save it again."
            ) from error
        raise


def _values(sheet: "CalamineSheet") -> Iterator[list[Any]]:
    """Its rows from A1 on: calamine leaves out empty columns on the left, but not empty rows above."""
    left = [""] * (sheet.start[1] if sheet.start else 0)
    with _calamine():
        yield from (left + row for row in sheet.iter_rows())


class _Parts:
    """Parts of a zip, unpacked within one budget: what its directory says about sizes need not be true."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._left = MAX_UNPACKED_BYTES
        self._names = {name.lower(): name for name in packed.namelist()}
        self.kept: dict[str, bytes] = {}
        for name in _KEPT:
            if name in self._names:
                self.read(name)

    def read(self, name: str) -> bytes:
        name = name.lower()
        if name not in self.kept:
            with self._packed.open(self._names[name]) as part:
                self.kept[name] = content = part.read(self._left + 1)
            self._left -= len(content)
            if self._left < 0:
                raise FileTooLong(
                    f"The workbook has more than {MAX_UNPACKED_BYTES // 1024 // 1024} MB when it is unpacked. "
                    "Save its sheet as CSV."
                )
        return self.kept[name]

    def forget(self, name: str) -> None:
        self.kept.pop(name.lower(), None)

    def repacked(self) -> bytes:
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as target:
            for name, content in self.kept.items():
                target.writestr(name, content)
        return packed.getvalue()


def _sheets(parts: _Parts) -> dict[str, str]:
    """Parts by the names of the visible worksheets."""
    links = _tree(parts.kept["xl/_rels/workbook.xml.rels"])
    targets = {link.get("Id"): link for link in links if link.get("Type", "").endswith("/worksheet")}
    sheets: dict[str, str] = {}
    for sheet in _tree(parts.kept["xl/workbook.xml"]).iterfind(".//{*}sheet"):
        link = targets.get(next((value for name, value in sheet.items() if name.endswith("}id")), None))
        if link is not None and sheet.get("state", "visible") == "visible":
            target = link.get("Target", "")
            sheets[sheet.get("name", "")] = target[1:] if target.startswith("/") else f"xl/{target}"
    if not 0 < len(sheets) <= _MAX_SHEETS:
        raise UnreadableFile(f"The workbook has {len(sheets)} visible sheets; 1 to {_MAX_SHEETS} are read.")
    return sheets


def _tree(content: bytes) -> ElementTree.Element:
    if len(content) > _MAX_TREE_BYTES:
        raise FileTooLong("The workbook has too many formats or sheets. Save its sheet as CSV.")
    parser_of(lambda *_: None).Parse(content, True)
    return ElementTree.fromstring(content)  # noqa: S314 - it has no document type, so no entities


def _rows(values: Iterator[list[Any]], scan: SheetScan, merged: list[tuple[Cell, Cell]], count: int) -> Rows:
    """Rows that are not empty. A cell merged over several rows counts in each of them."""
    ends = dict(sorted(scan.errors))  # the last column of each row; calamine's may end before
    below = {start: end[0] for start, end in merged if end[0] > start[0]}
    filled: dict[int, tuple[int, str]] = {}
    for row, cells in zip(range(count), chain(values, repeat([])), strict=False):
        texts: list[str] = []
        for column, value in enumerate(cells + [""] * (ends.get(row, -1) + 1 - len(cells))):
            cell = (row, column)
            until, above = filled.get(column, (-1, ""))
            texts.append(above if row <= until else scan.errors.get(cell) or _seen(value, scan.formats.get(cell, "")))
            if cell in below:
                filled[column] = (below[cell], texts[-1])
        while texts and not texts[-1]:
            texts.pop()
        if len(texts) > MAX_COLUMNS:
            yield row + 1, Unread(f"has {len(texts):,} cells; at most {MAX_COLUMNS} are read", texts)
        elif any(texts):
            yield row + 1, texts


def _formats_of(styles: ElementTree.Element) -> dict[str, str]:
    """Formats of percentages and of numbers with leading zeros, by the style that cells name."""
    codes = dict(_PERCENT)
    for each in styles.iterfind(".//{*}numFmt"):
        codes[int(each.get("numFmtId", 0))] = _NOT_DIGITS.sub("", each.get("formatCode", "")).partition(";")[0]
    styled = styles.find("{*}cellXfs")
    numbers = [int(each.get("numFmtId", 0)) for each in (styled if styled is not None else ())]
    found = {str(style): codes.get(number, "") for style, number in enumerate(numbers)}
    return {style: code for style, code in found.items() if re.fullmatch(r"0{2,15}|[0#,]*0(\.0+)? ?%", code)}


def _seen(value: object, number_format: str) -> str:
    """A cell as text: dates as in ISO 8601, numbers in full and without a group separator."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return _number(value, number_format)
    if isinstance(value, datetime):
        at_midnight = value.time() == time()
        return value.date().isoformat() if at_midnight else _without_zero_seconds(value.isoformat(" ", "seconds"))
    if isinstance(value, time):
        return _without_zero_seconds(value.isoformat("seconds"))
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return _without_zero_seconds(f"{minutes // 60}:{minutes % 60:02}:{seconds:02}")
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _without_zero_seconds(text: str) -> str:
    return text.removesuffix(":00") if text.count(":") == 2 else text


def _number(value: float, number_format: str) -> str:
    if number_format.endswith("%"):
        digits = len(number_format.rstrip(" %").partition(".")[2])
        return f"{value * 100:.{digits}f}%"
    # Excel keeps and shows 15 digits: 0.1 + 0.2 is 0.3 there.
    whole = value.is_integer() and abs(value) < 2**53
    text = str(int(value)) if whole else format(Decimal(f"{value:.15g}"), "f")
    return text.zfill(len(number_format))
