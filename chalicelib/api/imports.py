"""/v1/leads/import: inspect a file, and import it. The models check types only; crm/ has the rules."""

from dataclasses import replace
from typing import Annotated, Literal, cast
from urllib.parse import quote

from pydantic import BeforeValidator, ConfigDict, Field, Json
from pydantic_core import PydanticCustomError

from chalicelib.api.http.answers import AnswerModel
from chalicelib.api.http.requests import InvalidParameters, RequestModel, media_type, read_bytes
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.crm.import_columns import UnexpectedColumns
from chalicelib.crm.import_files import FileKind, Layout, checked_defaults, read_file
from chalicelib.crm.import_inspect import Inspection, inspect
from chalicelib.crm.import_rows import MAX_ROWS, FileTooLong, UnreadableFile
from chalicelib.crm.import_text import Delimiter, Encoding
from chalicelib.crm.importing import ImportReport, import_leads
from chalicelib.crm.lead_input import InvalidLead, LeadInput
from chalicelib.model.errors import Fault

imports = Resource("imports")

RAW = "application/octet-stream"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILES: dict[str, FileKind] = {
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    RAW: "csv",
    WORKBOOK: "workbook",
}
_TEXTS = ("text/csv", RAW)
# What is not RAW the gateway has decoded as UTF-8 already, and lost what was none.
_TAKEN_BY = {"encoding": (RAW,), "delimiter": _TEXTS, "sheet": (WORKBOOK,)} | dict.fromkeys(
    ("mapping", "header", "first_line", "last_line"), (*_TEXTS, WORKBOOK)
)
"""The files that a parameter is about; with another it is refused, as it would change nothing."""
MAX_MAPPING = 6_000
"""Characters of an encoded mapping: an address has at most 10,240 (AWS, API Gateway quotas for a REST API)."""


def _fits_an_address(text: object) -> object:
    if len(quote(str(text))) > MAX_MAPPING:
        raise PydanticCustomError("long", f"must not be longer than {MAX_MAPPING:,} characters when it is encoded")
    return text


class DefaultsQuery(RequestModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    entity: str | None = None
    stage: str | None = None
    tags: list[str] = Field(default_factory=list)


class ReadingQuery(RequestModel):
    encoding: Encoding | None = Field(
        default=None, description="Of an application/octet-stream. Else inspecting finds it, and importing takes UTF-8."
    )
    delimiter: Delimiter | None = Field(
        default=None,
        description="Between the columns of a text. Else inspecting finds it, and importing takes the comma.",
    )
    sheet: str | None = Field(
        default=None, description="Name of the workbook's sheet; by default its first that is not empty."
    )

    def layout(self, kind: str) -> Layout:
        """How a file of this media type is to be read. Raises InvalidParameters."""
        given = self.model_dump(exclude_unset=True, exclude_none=True)
        misplaced = [
            Fault(name, f"needs the media type {' or '.join(types)}")
            for name, types in _TAKEN_BY.items()
            if kind not in types and given.get(name, "utf-8") != "utf-8"
        ]
        if misplaced:
            raise InvalidParameters(misplaced)
        return Layout(**self.model_dump(include=set(Layout.__slots__), exclude_none=True))


class InspectQuery(ReadingQuery):
    header: int | None = Field(default=None, ge=0, description="Line of the header; 0: there is none.")


class ImportQuery(ReadingQuery):
    address: Literal["none"] | None = Field(
        default=None,
        description="`none`: import the file as it is, although it has no column `email`, or columns that look "
        "like known ones (`E-Mail`, `First Name`); those become custom fields.",
    )
    mapping: Annotated[Json[dict[str, str]] | None, BeforeValidator(_fits_an_address)] = Field(
        default=None,
        description="JSON object: by the name of a column, as inspecting gives it, where it goes: a member of a "
        "lead (`email`, `first_name`, ...), a custom field by its name, or `ignore`. Columns that it does not name "
        f"are ignored. At most {MAX_MAPPING:,} characters when encoded.",
    )
    defaults: Json[DefaultsQuery] | None = Field(
        default=None,
        description="JSON object of `entity`, `stage` and `tags` for lines that have none. The stage is for new "
        "leads only; the tags are added to those that a lead has.",
    )
    header: int = Field(default=1, ge=0, description="Line of the header; 0: there is none, and columns have letters.")
    first_line: int = Field(default=1, ge=1, description="Of those to import, as the file counts them.")
    last_line: int = Field(default=MAX_ROWS, ge=1, description="Of those to import.")
    dry_run: bool = Field(default=False, description="Report what would happen, and write nothing.")

    def checked_defaults(self) -> LeadInput:
        return checked_defaults(cast(LeadInput, self.defaults.model_dump() if self.defaults else {}))


class ColumnAnswer(AnswerModel):
    name: str = Field(description="As a mapping names it; different from all others.")
    samples: list[str] = Field(description="Its cells in the first five lines, the same in every column.")
    suggested: str = Field(description="A member of a lead, a custom field's name, or `ignore`.")


class InspectionAnswer(AnswerModel):
    encoding: Encoding | None = Field(description="Null for a workbook.")
    delimiter: Delimiter | None = Field(description="Null for a workbook.")
    sheets: list[str] = Field(description="The workbook's visible sheets; empty ones in front are left out.")
    header: int = Field(description="Line of the header; 0 if there is none.")
    last_line: int | None = Field(description="Of the sheet; null for text.")
    columns: list[ColumnAnswer]


class LineErrorAnswer(AnswerModel):
    """What is wrong with one line of an import; `field` is null when it is the line as a whole.

    `reason` completes a sentence that begins with the field, or the line.
    """

    line: int
    field: str | None
    reason: str


class RejectedLineAnswer(AnswerModel):
    line: int
    values: list[str] = Field(description="Its cells; empty if they cannot be told, or are too long.")


class NewGroupAnswer(AnswerModel):
    entity: str
    stage: str


class ImportAnswer(AnswerModel):
    """Each lead is counted once, however many lines are about it."""

    created: int
    updated: int
    unchanged: int
    repeated: int = Field(description="Lines about leads of earlier lines. The last one counts.")
    without_email: int = Field(description="Leads of these that have no email address then, and cannot be mailed.")
    new_groups: list[NewGroupAnswer] = Field(description="Business line and stage of the created leads.")
    errors: list[LineErrorAnswer] = Field(description="At most five of a line.")
    rejected: list[RejectedLineAnswer] = Field(description="The lines with errors, and what they had.")
    custom_fields: list[str] = Field(description="Columns that are not a lead's own.")


@Operation(
    imports,
    "POST",
    "/v1/leads/import/inspect",
    InspectionAnswer,
    query=InspectQuery,
    content_types=(RAW, WORKBOOK),
    raises=[FileTooLong, UnreadableFile],
    answers_secret=True,  # cells of the file
)
def inspect_file(call: Call) -> Inspection:
    """Find out how a file is to be imported.

    The body is a whole .xlsx workbook of at most 4.5 MB, or the first 256 KB of a text file, as they are. What the
    parameters do not say is found: encoding, delimiter (also by Excel's `sep=`), the header's line, and for each column
    where it probably goes, by names in English and German. Nothing is imported.
    """
    query, kind = call.query(InspectQuery), media_type(call.request)
    return inspect(read_bytes(call.request), kind == WORKBOOK, query.layout(kind), query.header)


@Operation(
    imports,
    "POST",
    "/v1/leads/import",
    ImportAnswer,
    query=ImportQuery,
    content_types=tuple(_FILES),
    raises=[FileTooLong, InvalidLead, UnexpectedColumns, UnreadableFile],
    answers_secret=True,  # cells of the lines with errors
)
def import_file(call: Call) -> ImportReport:
    """Import leads from a file of at most 3,000 lines and 5 MB.

    The file is the body: CSV with a header or NDJSON, in UTF-8; or CSV in another encoding as application/octet-stream;
    or an .xlsx workbook. The latter two have at most 4.5 MB; `first_line` and `last_line` choose 3,000 lines of a
    longer sheet. Valid lines are imported, the others reported.

    A lead is recognised by its external id, else by its address; a line with neither, by its whole content. An empty
    cell clears the field, an absent column leaves it as it is. Without a mapping, columns that are not a lead's own
    become custom fields, and the answer names them. An import unsubscribes or resubscribes nobody. Send a longer file
    in pieces, each CSV piece with the header.
    """
    query, kind = call.query(ImportQuery), media_type(call.request)
    layout = replace(query.layout(kind), as_it_is=query.address == "none")
    file = read_file(read_bytes(call.request), _FILES[kind], layout, defaults=query.checked_defaults())
    return import_leads(call.context.leads, file, call.context.now(), dry_run=query.dry_run)
