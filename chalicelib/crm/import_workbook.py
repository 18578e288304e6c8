"""Reads one sheet of an .xlsx workbook, as the text that a person sees in its cells.

    the zip's parts that matter, each bounded -> what a sheet's XML says about size and formats -> python-calamine

calamine keeps a sheet as one dense block with a copy of each cell's text, and the process ends when that does not fit
into memory: a workbook of two cells can ask for 400 GB. It also knows no number formats. So the parts are unpacked and
looked through here first, and calamine gets a new zip of exactly these parts.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from chalicelib.crm.import_rows import MAX_COLUMNS, FileTooLong, Rows, Unread, UnreadableFile

MAX_WORKBOOK_BYTES = 4_500_000
"""Base64 makes 6.0 MB of them, and a Lambda event has at most 6,291,456 bytes (AWS, Lambda quotas)."""
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
_MAX_CELLS = 4_000_000
"""Of the block from A1 to the last row and column that have values; some 100 MB in calamine."""
_MAX_TREE_BYTES = 4 * 1024 * 1024
_MAX_MERGED = 10_000
_MAX_SHEETS = 50
_KEPT = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|xl/_rels/workbook\.xml\.rels|xl/(workbook|styles|sharedStrings)\.xml"
)
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PERCENT = {9: "0%", 10: "0.00%"}
"""Number formats that Excel knows by number alone (ECMA-376, part 1, 18.8.30)."""

Cell = tuple[int, int]
"""Row and column, from 0."""


@dataclass(frozen=True, slots=True)
class Workbook:
    sheets: list[str]
    """Names of the visible ones."""
    last_line: int
    """The last row of the sheet read."""
    rows: Rows


def read_workbook(body: bytes, sheet: str | None = None) -> Workbook:
    """The named sheet, or the first one. Raises UnreadableFile, FileTooLong."""
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
    from python_calamine import CalamineError, CalamineWorkbook

    with zipfile.ZipFile(BytesIO(body)) as packed:
        parts = _Parts(packed)
        sheets = _sheets(parts)
        name = next(iter(sheets)) if wanted is None else wanted
        if name not in sheets:
            raise UnreadableFile(f"The workbook has no sheet of this name. It has {', '.join(sheets)}.")
        parts.read(sheets[name])
    scan = _Scan(_formats(parts.kept.get("xl/styles.xml")), _lengths(parts.kept.get("xl/sharedStrings.xml")))
    for content in parts.kept.values():
        scan.run(content)
    try:
        found = CalamineWorkbook.from_object(BytesIO(parts.repacked())).get_sheet_by_name(name)
        merged = found.merged_cell_ranges or []
        # calamine leaves out empty columns on the left, but not empty rows above.
        left = [""] * (found.start[1] if found.start else 0)
        values = (left + row for row in found.iter_rows())
    except CalamineError as error:
        raise UnreadableFile("This workbook is damaged. Open it in a spreadsheet program and save it again.") from error
    return Workbook(list(sheets), found.end[0] + 1 if found.end else 0, _rows(values, scan.cells, merged))


class _Parts:
    """Parts of a zip, unpacked within one budget: what its directory says about sizes need not be true."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._left = MAX_UNPACKED_BYTES
        self.kept: dict[str, bytes] = {}
        for name in packed.namelist():
            if _KEPT.fullmatch(name):
                self.read(name)

    def read(self, name: str) -> bytes:
        if name not in self.kept:
            with self._packed.open(name) as part:
                self.kept[name] = content = part.read(self._left + 1)
            self._left -= len(content)
            if self._left < 0:
                raise FileTooLong(
                    f"The workbook has more than {MAX_UNPACKED_BYTES // 1024 // 1024} MB when it is unpacked. "
                    "Save its sheet as CSV."
                )
        return self.kept[name]

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
    for sheet in _tree(parts.kept["xl/workbook.xml"]).iter(f"{_MAIN}sheet"):
        link = targets.get(sheet.get(_LINK))
        if link is not None and sheet.get("state", "visible") == "visible":
            target = link.get("Target", "")
            sheets[sheet.get("name", "")] = target[1:] if target.startswith("/") else f"xl/{target}"
    if not 0 < len(sheets) <= _MAX_SHEETS:
        raise UnreadableFile(f"The workbook has {len(sheets)} visible sheets; 1 to {_MAX_SHEETS} are read.")
    return sheets


def _tree(content: bytes) -> ElementTree.Element:
    if len(content) > _MAX_TREE_BYTES:
        raise FileTooLong("The workbook has too many formats or sheets. Save its sheet as CSV.")
    _parser(lambda *_: None).Parse(content, True)
    return ElementTree.fromstring(content)  # noqa: S314 - it has no document type, so no entities


def _formats(styles: bytes | None) -> dict[str, str]:
    """Formats of percentages and of numbers with leading zeros, by the style that cells name."""
    if styles is None:
        return {}
    root = _tree(styles)
    codes = dict(_PERCENT)
    for each in root.iter(f"{_MAIN}numFmt"):
        codes[int(each.get("numFmtId", 0))] = re.sub(r"\[[^\]]*\]|\\", "", each.get("formatCode", "")).partition(";")[0]
    styled = root.find(f"{_MAIN}cellXfs")
    numbers = [int(each.get("numFmtId", 0)) for each in (styled if styled is not None else ())]
    found = {str(style): codes.get(number, "") for style, number in enumerate(numbers)}
    return {style: code for style, code in found.items() if re.fullmatch(r"0{2,15}|[0#,]*0(\.0+)? ?%", code)}


def _lengths(strings: bytes | None) -> list[int]:
    """Characters of each shared string."""
    lengths: list[int] = []

    def start(name: str, _: dict[str, str]) -> None:
        if name.endswith(" si"):
            lengths.append(0)

    def add(text: str) -> None:
        if lengths:
            lengths[-1] += len(text)

    if strings is not None:
        parser = _parser(start)
        parser.CharacterDataHandler = add
        parser.Parse(strings, True)
    return lengths


def _refuse_document_type(*_: object) -> None:
    # No spreadsheet program writes one, and it could declare entities that expand without end.
    raise ValueError("document type")


def _parser(start: Callable[[str, dict[str, str]], None]) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = _refuse_document_type
    return parser


class _Scan:
    """Walks the start tags of a sheet: how far it reaches, and which cells have a format or hold an error."""

    def __init__(self, formats: Mapping[str, str], lengths: Sequence[int]) -> None:
        self._formats = formats
        self._lengths = lengths
        self.cells: dict[Cell, str] = {}
        self._row = self._last_row = self._last_column = 0
        self._cell: Cell = (0, 0)
        self._shared: str | None = None
        """What a cell that refers to a shared string says so far."""
        self._characters = self._merged = 0

    def run(self, content: bytes) -> None:
        parser = _parser(self._start)
        parser.CharacterDataHandler = self._text
        self._row, self._cell = 0, (0, -1)
        parser.Parse(content, True)
        self._settle()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(" ")[2]
        if kind == "c":
            self._settle()
            self._enter(attributes)
        elif kind == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._cell = (self._row - 1, -1)
        elif kind in ("v", "is"):
            self._reach()
        elif kind == "mergeCell":
            self._merged += 1
            if self._merged > _MAX_MERGED:
                raise FileTooLong(f"The sheet has more than {_MAX_MERGED:,} merged cells. Save it as CSV.")

    def _text(self, text: str) -> None:
        if self._shared is not None:
            self._shared += text

    def _settle(self) -> None:
        """Count the shared string of the cell before: a sheet can repeat one long string in each cell."""
        if self._shared and self._shared.strip():
            number = int(self._shared)
            self._characters += self._lengths[number] if 0 <= number < len(self._lengths) else 0
            if self._characters > MAX_UNPACKED_BYTES:
                raise FileTooLong("The sheet has too much text. Save it as CSV.")
        self._shared = None

    def _enter(self, attributes: dict[str, str]) -> None:
        if place := attributes.get("r"):
            letters = place.rstrip("0123456789")
            self._cell = (int(place[len(letters) :]) - 1, column_number(letters))
        else:
            self._cell = (self._cell[0], self._cell[1] + 1)
        kind = attributes.get("t")
        self._shared = "" if kind == "s" else None
        mark = "error" if kind == "e" else self._formats.get(attributes.get("s", ""))
        if mark:
            self.cells[self._cell] = mark

    def _reach(self) -> None:
        """Note a cell with a value: only those take memory in calamine."""
        row, column = self._cell
        self._last_row, self._last_column = max(self._last_row, row, self._row - 1), max(self._last_column, column)
        if (self._last_row + 1) * (self._last_column + 1) > _MAX_CELLS:
            raise FileTooLong(
                f"Cell {column_letters(column)}{row + 1} is too far from the others. Delete what is there, or save the "
                "sheet as CSV."
            )


def column_number(letters: str) -> int:
    """A is 0. Raises ValueError for what is no column."""
    number = 0
    for letter in letters.upper():
        if not "A" <= letter <= "Z":
            raise ValueError("no column")
        number = number * 26 + ord(letter) - 64
    return number - 1


def column_letters(number: int) -> str:
    """As spreadsheet programs name columns; 0 is A."""
    letters = ""
    while number >= 0:
        number, letter = divmod(number, 26)
        letters = chr(65 + letter) + letters
        number -= 1
    return letters


def _rows(values: Iterator[list[Any]], marks: Mapping[Cell, str], merged: list[tuple[Cell, Cell]]) -> Rows:
    """Rows that are not empty. A cell merged over several rows counts in each of them."""
    below = {start: end[0] for start, end in merged if end[0] > start[0]}
    filled: dict[int, tuple[int, str]] = {}
    for row, cells in enumerate(values):
        texts: list[str] = []
        wrong = ""
        for column, value in enumerate(cells):
            mark = marks.get((row, column), "")
            until, above = filled.get(column, (-1, ""))
            texts.append(above if row <= until else _seen(value, mark))
            if mark == "error":
                wrong = f"has an error of the spreadsheet in cell {column_letters(column)}{row + 1}"
            if (row, column) in below:
                filled[column] = (below[row, column], texts[-1])
        while texts and not texts[-1]:
            texts.pop()
        if wrong:
            yield row + 1, Unread(wrong, texts)
        elif len(texts) > MAX_COLUMNS:
            yield row + 1, Unread(f"has {len(texts):,} cells; at most {MAX_COLUMNS} are read", texts)
        elif any(texts):
            yield row + 1, texts


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
