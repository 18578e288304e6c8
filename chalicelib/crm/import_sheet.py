"""Walks through a sheet's XML before calamine reads it: how much memory it will take, and what calamine leaves out.

calamine keeps a sheet as one dense block with a copy of each cell's text, and the process ends when that does not fit
into memory: a workbook of two cells can ask for 400 GB.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from xml.parsers import expat

from chalicelib.crm.import_rows import FileTooLong

MAX_CHARACTERS = 64 * 1024 * 1024
"""Of all cells that refer to shared strings."""
_MAX_CELLS = 2_000_000
"""Of the block from A1 to the last row and column that have values; some 50 MB in calamine, and six seconds."""
_MAX_MERGED = 10_000
_COLUMN = re.compile(r"[A-Za-z]{0,3}")

NOT_CALCULATED = "#GETTING_DATA"
"""The error for a value that has not been calculated (ECMA-376, part 1, 18.17.3)."""

Cell = tuple[int, int]
"""Row and column, from 0."""


def string_lengths(strings: bytes | None) -> list[int]:
    """Characters of each shared string."""
    lengths: list[int] = []

    def start(name: str, _: dict[str, str]) -> None:
        if name.endswith(" si"):
            lengths.append(0)

    def add(text: str) -> None:
        if lengths:
            lengths[-1] += len(text)

    if strings is not None:
        parser = parser_of(start)
        parser.CharacterDataHandler = add
        parser.Parse(strings, True)
    return lengths


def _refuse_document_type(*_: object) -> None:
    # No spreadsheet program writes one, and it could declare entities that expand without end.
    raise ValueError("document type")


def parser_of(start: Callable[[str, dict[str, str]], None]) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = _refuse_document_type
    return parser


class SheetScan:
    """Walks through a sheet: how far it reaches, which cells have a format, and which a formula's error.

    A formula without a value, as programs write it that do not calculate, counts as an error: its cell is not empty.
    """

    def __init__(self, formats: Mapping[str, str], lengths: Sequence[int]) -> None:
        self._known_formats = formats
        self._lengths = lengths
        self.formats: dict[Cell, str] = {}
        self.errors: dict[Cell, str] = {}
        self._row = self._last_row = self._last_column = 0
        self._cell: Cell = (0, -1)
        self._kind = self._format = self._said = ""
        """Of the cell: its type (`f`: a formula's number), its number format, and its value so far if read here."""
        self._is_read = False
        self._characters = self._merged = 0

    def run(self, content: bytes) -> None:
        parser = parser_of(self._start)
        parser.CharacterDataHandler = self._text
        parser.Parse(content, True)
        self._settle()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(" ")[2]
        if kind in ("c", "row"):
            self._settle()
        if kind == "c":
            self._enter(attributes)
        elif kind == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._cell = (self._row - 1, -1)
        elif kind == "f" and self._kind in ("", "n"):
            self._kind = "f"
            self._reach()
        elif kind in ("v", "is"):
            self._is_read = self._kind in ("s", "e", "f")
            self._reach()
        elif kind == "mergeCell":
            self._merged += 1
            if self._merged > _MAX_MERGED:
                raise FileTooLong(f"The sheet has more than {_MAX_MERGED:,} merged cells. Save it as CSV.")

    def _text(self, text: str) -> None:
        if self._is_read:
            self._said += text

    def _settle(self) -> None:
        """Keep the error of the cell before, or count its shared string: a sheet can repeat one long string in each."""
        if self._kind == "e":
            self.errors[self._cell] = self._said.strip()
        elif self._kind == "f" and not self._said.strip():
            self.errors[self._cell] = NOT_CALCULATED
        elif self._kind == "s" and self._said.strip():
            number = int(self._said)
            self._characters += self._lengths[number] if 0 <= number < len(self._lengths) else 0
            if self._characters > MAX_CHARACTERS:
                raise FileTooLong("The sheet has too much text. Save it as CSV.")
        self._kind = self._said = ""
        self._is_read = False

    def _enter(self, attributes: dict[str, str]) -> None:
        if place := attributes.get("r"):
            letters = place.rstrip("0123456789")
            self._cell = (int(place[len(letters) :]) - 1, column_number(letters))
        else:
            self._cell = (self._cell[0], self._cell[1] + 1)
        self._kind = attributes.get("t", "")
        self._format = self._known_formats.get(attributes.get("s", ""), "")

    def _reach(self) -> None:
        """Note a cell with a value or formula: only those take memory, most of it in calamine."""
        row, column = self._cell
        if self._format:
            self.formats[self._cell] = self._format
        self._last_row, self._last_column = max(self._last_row, row, self._row - 1), max(self._last_column, column)
        if (self._last_row + 1) * (self._last_column + 1) > _MAX_CELLS:
            raise FileTooLong(
                f"The sheet reaches to cell {column_letters(self._last_column)}{self._last_row + 1}, too far to be "
                "read. Delete what is beside and below the table, or save the sheet as CSV."
            )


def column_number(letters: str) -> int:
    """A is 0. Raises ValueError for what is no column: the last one is XFD."""
    if not _COLUMN.fullmatch(letters):
        raise ValueError("no column")
    number = 0
    for letter in letters.upper():
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
