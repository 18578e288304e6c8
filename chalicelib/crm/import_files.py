"""Reads an import file: CSV or NDJSON bytes to lines, each with one lead's fields or its faults.

A line's number is that of the physical line on which its record starts; a quoted cell may span several.
"""

import csv
import hashlib
import io
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple, cast

from chalicelib.crm.leads import LEAD_NAMES, RESERVED_NAMES, InvalidLead, LeadInput, checked
from chalicelib.model.csv_text import without_apostrophe
from chalicelib.model.errors import Fault, TooLong, Unreadable

MAX_LINES = 3_000
"""What a new table takes within half of a request's 29 s: it begins with 4,000 write units a second, and a line may
take eight (docs/decisions/0011, tests/store/test_cost.py)."""
MAX_BYTES = 5 * 1024 * 1024
MAX_COLUMNS = 200
_MAX_LINES_A_RECORD = 500
"""A quote that is never closed must not swallow the rest of the file."""

FileKind = Literal["csv", "ndjson"]


class UnreadableFile(Unreadable, problem="unreadable-file", title="The file cannot be read"):
    """The file as a whole cannot be read, and nothing was imported. `faults` names the columns at fault."""

    def __init__(self, reason: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(reason)
        self.faults = faults

    def members(self) -> dict[str, object]:
        return {"errors": [], **super().members()}


class UnexpectedColumns(UnreadableFile, problem="unexpected-columns", title="The file has unexpected columns"):
    """The header looks like a mistake, but may be intended; nothing was imported."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(
            f"Column {faults[0].field} {faults[0].reason}. Expected are {', '.join(LEAD_NAMES)}; every other column "
            "becomes a custom field. Send the file with ?address=none if it is meant as it is.",
            tuple(faults),
        )


class FileTooLong(TooLong, problem="file-too-long", title="The file is too long for one request"):
    """Too long for one request; nothing was imported."""


class LineError(NamedTuple):
    line: int
    field: str | None
    """None: the line as a whole."""
    reason: str


class Line(NamedTuple):
    number: int
    given: LeadInput
    """Checked, with an entity."""
    content: str | None
    """Hash of the whole line, when it has neither an address nor an external id to identify a lead."""


@dataclass(slots=True)
class ImportFile:
    """The valid lines in their order, and what is wrong with the others."""

    lines: list[Line] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)

    @property
    def custom_fields(self) -> list[str]:
        """Names in valid lines that are not a lead's own: the first MAX_COLUMNS."""
        names = dict.fromkeys(name for line in self.lines for name in line.given.get("fields") or ())
        return list(names)[:MAX_COLUMNS]


def read_file(body: bytes, kind: FileKind, *, as_it_is: bool = False) -> ImportFile:
    """Read a whole file. Raises UnreadableFile, UnexpectedColumns among them, or FileTooLong.

    `as_it_is`: accept a header without `email`, and take names that resemble known ones as custom fields.
    """
    if len(body) > MAX_BYTES:
        raise FileTooLong(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB; send it in pieces.")
    text = _decoded(body)
    file = ImportFile()
    records = 0
    for number, given in _csv_records(text, as_it_is) if kind == "csv" else _json_records(text, as_it_is):
        records += 1
        if records > MAX_LINES:
            raise FileTooLong(f"The file has more than {MAX_LINES:,} lines; send it in pieces.")
        if isinstance(given, list):
            file.errors += [LineError(number, name, reason) for name, reason in given]
            continue
        try:
            file.lines.append(_line(number, given))
        except InvalidLead as invalid:
            file.errors += [LineError(number, why.field.removeprefix("fields."), why.reason) for why in invalid.faults]
    return file


Faults = list[tuple[str | None, str]]


def _line(number: int, given: LeadInput) -> Line:
    lead = checked(given)
    if "entity" not in lead:
        raise InvalidLead([Fault("entity", "is required")])
    if lead.get("external_id") is None:
        # An empty external id does not clear the lead's.
        lead.pop("external_id", None)
    identified = "external_id" in lead or lead.get("email") is not None
    return Line(number, lead, None if identified else _content_hash(lead))


def _content_hash(given: LeadInput) -> str:
    """Equal for lines with equal content, whatever the order of columns, and with or without empty ones."""
    content: dict[str, Any] = {name: value for name, value in given.items() if value}
    content["fields"] = {name: value for name, value in (given.get("fields") or {}).items() if value is not None}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _decoded(body: bytes) -> str:
    """UTF-8, with or without a byte order mark, and nothing else: an encoding cannot be told from the bytes.

    A charset parameter would not help: API Gateway passes text on as UTF-8 with U+FFFD for what it could not decode.
    """
    try:
        text = body.decode("utf-8-sig")
        unreadable = text.find("\ufffd")
        line = text.count("\n", 0, unreadable) + 1
    except UnicodeDecodeError as error:
        unreadable = error.start
        line = body.count(b"\n", 0, unreadable) + 1
    if unreadable >= 0:
        raise UnreadableFile(f"Line {line} is not UTF-8. Save the file as UTF-8 and send it again.")
    return text


# -- CSV ---------------------------------------------------------------------------------------------------------------


class _Feed:
    """Physical lines with a position that can be set back; one CSV reader per record would take seven times as long."""

    def __init__(self, text: str) -> None:
        self._lines = list(io.StringIO(text, newline=""))
        self.position = 0
        self.start = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.position >= len(self._lines):
            raise StopIteration
        if self.position - self.start >= _MAX_LINES_A_RECORD:
            raise csv.Error("unexpected end of data")
        self.position += 1
        return self._lines[self.position - 1]


_CSV_REASONS = {
    "unexpected end of data": "has a quote that is never closed",
    "',' expected after '\"'": "has text after a closing quote",
}


def _csv_records(text: str, as_it_is: bool) -> Iterator[tuple[int, LeadInput | Faults]]:
    rows = _csv_rows(text)
    _, header = next(rows, (1, [""]))
    if isinstance(header, str):
        raise UnreadableFile(f"The header {header}.")
    columns = _columns(header, as_it_is)
    for number, row in rows:
        if isinstance(row, str):
            yield number, [(None, row)]
        elif any(row):
            yield number, _input_of_cells(columns, row)


def _csv_rows(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """Line number and cells, or what is wrong with the record; then goes on at the next physical line."""
    feed = _Feed(text)
    reader = csv.reader(feed, strict=True)
    while True:
        feed.start = feed.position
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            feed.position = feed.start + 1
            yield feed.start + 1, _CSV_REASONS.get(str(error), f"cannot be read as CSV: {error}")
        else:
            if cells:
                yield feed.start + 1, [without_apostrophe(cell.strip()) for cell in cells]


def _columns(header: list[str], as_it_is: bool) -> list[str]:
    """The header's names, the lead's own in lower case; an unnamed column is "". Raises UnreadableFile.

    Names are compared by their first 64 characters, the longest that a name may be.
    """
    if len(header) > MAX_COLUMNS:
        raise UnreadableFile(f"The header has {len(header):,} columns; at most {MAX_COLUMNS} are read.")
    columns = [name.lower() if name.lower() in LEAD_NAMES else name for name in header]
    counts = Counter(name[:64] for name in columns)
    faults = [Fault(name, "is there twice") for name, count in counts.items() if name and count > 1]
    reserved = RESERVED_NAMES.difference(LEAD_NAMES)
    faults += [Fault(name, "cannot be imported") for name in columns if name.lower() in reserved]
    faults += [Fault(name[:64], "is longer than 64 characters") for name in columns if len(name) > 64]
    if "entity" not in columns:
        faults.append(Fault("entity", "is required"))
    doubts = [] if as_it_is else _doubts(columns)
    if faults:
        first = f"Column {faults[0].field} {faults[0].reason}."
        alone = len(columns) == 1 and any(separator in columns[0] for separator in ";\t")
        raise UnreadableFile("The columns must be separated by commas." if alone else first, (*faults, *doubts))
    if doubts:
        raise UnexpectedColumns(doubts)
    return columns


def _doubts(columns: list[str]) -> list[Fault]:
    """What in a valid header is probably a mistake."""
    resembled = [(name[:64], known) for name in columns if (known := _resembled(name))]
    faults = [Fault(name, f"looks like {known}, and would become a custom field") for name, known in resembled]
    if "email" not in columns and "email" not in dict(resembled).values():
        faults.append(Fault("email", "is missing, and leads without an address cannot be mailed"))
    return faults


@lru_cache(maxsize=1024)
def _resembled(name: str) -> str | None:
    """The lead's own name that this one spells with other case, spaces or punctuation: `E-Mail` is like email."""
    if name in LEAD_NAMES:
        return None
    return _BY_LETTERS.get("".join(filter(str.isalnum, unicodedata.normalize("NFKC", name))).casefold())


_BY_LETTERS = {name.replace("_", ""): name for name in LEAD_NAMES}


def _input_of_cells(columns: list[str], cells: list[str]) -> LeadInput | Faults:
    if len(cells) != len(columns):
        return [(None, f"has {len(cells)} cells where the header has {len(columns)}")]
    given: dict[str, Any] = {}
    fields: dict[str, str | None] = {}
    for name, cell in zip(columns, cells, strict=True):
        if name == "tags":
            given[name] = [tag for tag in map(str.strip, cell.split(";")) if tag]
        elif name in LEAD_NAMES:
            given[name] = cell or None
        elif name:
            fields[name] = cell or None
        elif cell:
            return [(None, "has a value in a column without a name")]
    return cast(LeadInput, {**given, "fields": fields})


# -- NDJSON ------------------------------------------------------------------------------------------------------------


def _json_records(text: str, as_it_is: bool) -> Iterator[tuple[int, LeadInput | Faults]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            yield number, [(None, f"is not JSON{where}")]
        else:
            yield number, _input_of_object(value, as_it_is)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _input_of_object(value: Any, as_it_is: bool) -> LeadInput | Faults:
    """Like the body of POST /v1/leads; a key that a lead does not have is a custom field, as a CSV column is."""
    if not isinstance(value, dict):
        return [(None, "must be an object")]
    given: dict[str, Any] = {}
    faults: Faults = []
    own = value.get("fields")
    fields: dict[str, Any] = dict(own) if isinstance(own, dict) else {}
    if own is not None and not isinstance(own, dict):
        faults.append(("fields", "must be an object"))
    for name, content in value.items():
        if name == "tags":
            given[name] = content
            if content is not None and not (isinstance(content, list) and all(isinstance(tag, str) for tag in content)):
                faults.append((name, "must be a list of texts"))
        elif name in LEAD_NAMES:
            given[name] = content
            if not isinstance(content, str | None):
                faults.append((name, "must be text"))
        elif name in RESERVED_NAMES and name != "fields":
            faults.append((name, "cannot be imported"))
        elif not as_it_is and (known := _resembled(name)):
            faults.append((name, f"looks like {known}; if it is a custom field, put it into fields"))
        elif name != "fields":
            fields[name] = content
    for name, content in fields.items():
        finite = not isinstance(content, float) or math.isfinite(content)
        if not isinstance(content, str | int | float | None) or not finite:
            faults.append((name, "must be text, a number, true or false"))
    return faults or cast(LeadInput, {**given, "fields": fields})
