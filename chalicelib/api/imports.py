"""/v1/leads/import: leads from a file."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.api.http.answers import AnswerModel
from chalicelib.api.http.requests import RequestModel, media_type, read_bytes
from chalicelib.api.http.resources import Call, Resource
from chalicelib.crm.import_files import FileKind, FileTooLong, UnexpectedColumns, UnreadableFile, read_file
from chalicelib.crm.importing import ImportReport, import_leads

imports = Resource("leads")

_FILES: dict[str, FileKind] = {"text/csv": "csv", "application/x-ndjson": "ndjson", "application/ndjson": "ndjson"}


class ImportQuery(RequestModel):
    address: Annotated[
        Literal["none"] | None,
        Field(
            description="`none`: the file is meant as it is, although it has no column `email`, or columns that only "
            "look like known ones (`E-Mail`, `First Name`); those become custom fields."
        ),
    ] = None


class LineErrorAnswer(AnswerModel):
    """What is wrong with one line of an import; `field` is null when it is the line as a whole."""

    line: int
    field: str | None
    reason: str


class ImportAnswer(AnswerModel):
    created: int
    updated: int
    unchanged: int
    errors: list[LineErrorAnswer]
    custom_fields: Annotated[list[str], Field(description="Columns that are not a lead's own.")]


@imports.operation(
    "POST",
    "/v1/leads/import",
    ImportAnswer,
    query=ImportQuery,
    content_types=tuple(_FILES),
    raises=[FileTooLong, UnexpectedColumns, UnreadableFile],
)
def import_file(call: Call) -> ImportReport:
    """Import leads from a file of at most 3,000 lines and 5 MB.

    The file is the body: CSV with a header, or NDJSON, in UTF-8. Good lines are kept, the others reported.

    A lead is recognised by its external id, else its address; a line with neither, by its whole content. An empty cell
    clears the field, an absent column leaves it alone. Columns that are not a lead's own become custom fields, and the
    answer names them. Nobody is unsubscribed or subscribed by an import. A longer file comes in pieces, of which each
    CSV piece has the header.
    """
    as_it_is = call.query(ImportQuery).address == "none"
    file = read_file(read_bytes(call.request), _FILES[media_type(call.request)], as_it_is=as_it_is)
    return import_leads(call.context.leads, file, call.context.now())
