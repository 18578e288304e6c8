"""Reads an import file: CSV, NDJSON or a workbook to lines, each with one lead's fields or its faults."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Any, Literal, NamedTuple, cast

from chalicelib.crm.import_columns import (
    Faults,
    Record,
    column_names,
    columns_by_mapping,
    columns_by_name,
    input_of_cells,
    resembled,
)
from chalicelib.crm.import_rows import (
    MAX_BYTES,
    MAX_COLUMNS,
    MAX_LINES,
    MAX_ROWS,
    FileTooLong,
    Rows,
    Unread,
    UnreadableFile,
)
from chalicelib.crm.import_text import Delimiter, Encoding, decoded, text_rows
from chalicelib.crm.lead_input import LEAD_NAMES, RESERVED_NAMES, InvalidLead, LeadInput, checked
from chalicelib.model.errors import Fault

FileKind = Literal["csv", "ndjson", "workbook"]
_MOST_FAULTS = 5
"""Of one line that are reported. An answer of AWS Lambda has 6 MB; half of it is for errors, half for cells."""
_MOST_KEPT_CHARACTERS = 1_500_000
"""Of the lines' cells as JSON that are kept, so that the answer can say what a line with errors had. Being text in
JSON, the answer is escaped once more, which doubles quotes."""
_NO_DEFAULTS = LeadInput()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read; without any of it, a header in line 1 says where columns go."""

    mapping: Mapping[str, str] | None = None
    header: int = 1
    """Line of the header; 0: there is none."""
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    sheet: str | None = None
    first_line: int = 1
    last_line: int = MAX_ROWS
    """The lines of the file to import."""
    as_it_is: bool = False
    """Without a mapping: accept a header without `email`, and take names that resemble known ones as custom fields."""


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
    defaults: LeadInput = field(default_factory=LeadInput)
    """What lines say that do not say it: the entity; the stage, for new leads; tags, besides those that the lead has.
    They are no part of a line's content."""
    cells: dict[int, list[str]] = field(default_factory=dict)
    """What each line had; not of lines that could not be read, nor beyond a limit."""

    @property
    def custom_fields(self) -> list[str]:
        """Names in valid lines that are not a lead's own: the first MAX_COLUMNS."""
        names = dict.fromkeys(name for line in self.lines for name in line.given.get("fields") or ())
        return list(names)[:MAX_COLUMNS]


def checked_defaults(given: LeadInput) -> LeadInput:
    """Defaults in normal form; empty ones are none. Raises InvalidLead."""
    try:
        return checked(cast(LeadInput, {name: value for name, value in given.items() if value}))
    except InvalidLead as invalid:
        raise InvalidLead([why._replace(field=f"defaults.{why.field}") for why in invalid.faults]) from None


def read_file(
    body: bytes, kind: FileKind, layout: Layout = Layout(), *, defaults: LeadInput = _NO_DEFAULTS
) -> ImportFile:
    """Read a whole file. Raises UnreadableFile (or its UnexpectedColumns), FileTooLong."""
    if len(body) > MAX_BYTES:
        raise FileTooLong(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB; send it in pieces.")
    file = ImportFile(defaults=defaults)
    records = kept = 0
    for number, cells, given in _records(body, kind, layout, has_entity="entity" in defaults):
        records += 1
        if records > MAX_LINES:
            raise FileTooLong(f"The file has more than {MAX_LINES:,} lines; send it in pieces.")
        kept += len(json.dumps(cells))
        if kept <= _MOST_KEPT_CHARACTERS:
            file.cells[number] = cells
        if not isinstance(given, list):
            try:
                file.lines.append(_line(number, given, defaults))
                continue
            except InvalidLead as invalid:
                given = [(why.field.removeprefix("fields."), why.reason) for why in invalid.faults]
        file.errors += [LineError(number, name, reason) for name, reason in given[:_MOST_FAULTS]]
    return file


def _records(body: bytes, kind: FileKind, layout: Layout, *, has_entity: bool) -> Iterator[Record]:
    if kind == "ndjson":
        yield from _json_records(decoded(body, None), as_it_is=layout.as_it_is)
        return
    if kind == "workbook":
        from chalicelib.crm.import_workbook import read_workbook

        rows = read_workbook(body, layout.sheet).rows
    else:
        rows = text_rows(decoded(body, layout.encoding), layout.delimiter)
    header = _take_header(rows, layout.header)
    columns = _columns(header, layout, has_entity=has_entity)
    for number, row in rows:
        if number > layout.last_line:
            return
        if number < layout.first_line:
            continue
        if isinstance(row, Unread):
            yield number, row.cells, [(None, row.reason)]
        elif any(row):
            yield number, row, input_of_cells(columns, row, is_mapped=layout.mapping is not None)


def _json_records(text: str, *, as_it_is: bool) -> Iterator[Record]:
    """Of NDJSON, a JSON object a line like the body of POST /v1/leads: one for each line that is not blank.

    `as_it_is`: names that resemble a lead's own are custom fields.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            yield number, [line], [(None, f"is not JSON{where}")]
        else:
            yield number, [line], _input_of_object(value, as_it_is)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _input_of_object(value: Any, as_it_is: bool) -> LeadInput | Faults:
    """A key that a lead does not have is a custom field, as a CSV column is."""
    if not isinstance(value, dict):
        return [(None, "must be an object")]
    own = value.get("fields")
    fields: dict[str, Any] = dict(own) if isinstance(own, dict) else {}
    faults: Faults = [] if isinstance(own, dict | None) else [("fields", "must be an object")]
    given = {name: content for name, content in value.items() if name in LEAD_NAMES}
    tags = given.get("tags")
    if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        faults.append(("tags", "must be a list of texts"))
    faults += [(name, "must be text") for name in given if name != "tags" and not isinstance(given[name], str | None)]
    for name in value:
        if name in given or name == "fields":
            continue
        if name in RESERVED_NAMES:
            faults.append((name, "cannot be imported"))
        elif not as_it_is and (known := resembled(name)):
            faults.append((name, f"looks like {known}; if it is a custom field, put it into fields"))
        else:
            fields[name] = value[name]
    for name, content in fields.items():
        if not isinstance(content, str | int | float | None) or content in (math.inf, -math.inf):
            faults.append((name, "must be text, a number, true or false"))
    return faults or cast(LeadInput, {**given, "fields": fields})


def _take_header(rows: Rows, line: int) -> list[str]:
    """The first row from this line on that is not empty; `rows` go on after it. Raises UnreadableFile."""
    if line == 0:
        return []
    _, header = next(dropwhile(lambda row: row[0] < line, rows), (line, [""]))
    if isinstance(header, Unread):
        raise UnreadableFile(f"The header {header.reason}.")
    return header


def _columns(header: list[str], layout: Layout, *, has_entity: bool) -> list[str]:
    """Where each column goes; "" for nowhere. Raises UnreadableFile."""
    if layout.mapping is None:
        if layout.header == 0:
            raise UnreadableFile("A file without a header needs a mapping of its columns.")
        return columns_by_name(header, as_it_is=layout.as_it_is, has_entity=has_entity)
    names = column_names(header, max(len(header), MAX_COLUMNS))
    targets = columns_by_mapping(names, layout.mapping)
    named = [number for number, name in enumerate(names, start=1) if name in layout.mapping]
    return targets[: max(len(header), *named)] if layout.header and named else targets


def _line(number: int, given: LeadInput, defaults: LeadInput) -> Line:
    given = cast(LeadInput, {name: value for name, value in given.items() if value or name not in defaults})
    if "entity" in defaults:
        given.setdefault("entity", defaults["entity"])
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
