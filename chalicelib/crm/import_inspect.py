"""Looks at a file before it is imported: how it is written, and what its columns probably are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from chalicelib.crm.import_columns import column_names, find_header, suggestions
from chalicelib.crm.import_files import Layout
from chalicelib.crm.import_rows import MAX_COLUMNS, Row, Unread, UnreadableFile
from chalicelib.crm.import_text import Delimiter, Encoding, decoded, find_delimiter, find_encoding, text_rows

SAMPLE_BYTES = 256 * 1024
"""How much of a text file is looked at."""
_ROWS = 100
_SAMPLES = 5
_LONGEST_SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    """Different from all others; the name that a mapping uses."""
    samples: list[str]
    """Its cells in the first rows below the header, cut after 100 characters; in every column of the same rows."""
    suggested: str


@dataclass(frozen=True, slots=True)
class Inspection:
    encoding: Encoding | None
    """None for a workbook."""
    delimiter: Delimiter | None
    sheets: list[str]
    header: int
    """Line of the header; 0 if there is none."""
    last_line: int | None
    """Of the sheet; None for a text file, of which only the beginning is known."""
    columns: list[Column]


def inspect(body: bytes, is_workbook: bool, layout: Layout, header: int | None) -> Inspection:
    """What is found in a workbook, or in the first 256 KB of a text file, unless the layout says it already.

    Raises UnreadableFile, FileTooLong.
    """
    if is_workbook:
        from chalicelib.crm.import_workbook import read_workbook

        book = read_workbook(body, layout.sheet)
        found = Inspection(None, None, book.sheets, 0, book.last_line, [])
        rows = list(islice(book.rows, _ROWS))
    else:
        sample = body[:SAMPLE_BYTES]
        encoding = layout.encoding or find_encoding(_whole_lines(sample))
        text = decoded(sample, encoding)
        text = text[: text.rfind("\n") + 1] or text if len(sample) == SAMPLE_BYTES else text
        delimiter = layout.delimiter or find_delimiter(text)
        found = Inspection(encoding, delimiter, [], 0, None, [])
        rows = list(islice(text_rows(text, delimiter), _ROWS))
    line = find_header(rows) if header is None else header
    return replace(found, header=line, columns=_columns(rows, line))


def _whole_lines(sample: bytes) -> bytes:
    """Without the end of a sample, which may cut a character in two; as it is, if it is a whole file."""
    return sample if len(sample) < SAMPLE_BYTES else sample[: sample.rfind(b"\n") + 1] or sample


def _columns(rows: Sequence[Row], line: int) -> list[Column]:
    header, *below = [row for number, row in rows if number >= line and not isinstance(row, Unread)] or [[]]
    if line == 0:
        header, below = [], [header, *below]
    width = max(map(len, chain([header], below)))
    if not any(map(any, (header, *below))):
        raise UnreadableFile("There is no table in this file.")
    names = column_names(header, min(width, MAX_COLUMNS) if len(header) <= MAX_COLUMNS else width)
    cells = [[row[number] if number < len(row) else "" for row in below] for number in range(len(names))]
    return [
        Column(name, [text[:_LONGEST_SAMPLE] for text in column[:_SAMPLES]], suggested)
        for name, column, suggested in zip(names, cells, suggestions(names, cells), strict=True)
    ]
