"""/v1/leads: make, read, change, remove, unsubscribe."""

from chalicelib.api.http.answers import Answer, accepted, no_content, ok
from chalicelib.api.http.authentication import caller
from chalicelib.api.http.paging import Page
from chalicelib.api.http.problems import ProblemType, field_errors
from chalicelib.api.http.requests import media_type, read_bytes
from chalicelib.api.http.resources import Call, Resource
from chalicelib.api.lead_models import (
    ImportAnswer,
    ImportQuery,
    LeadAnswer,
    LeadPatch,
    LeadQuery,
    NewLead,
    ResubscribeBody,
    SuppressionAnswer,
    SuppressionsAnswer,
)
from chalicelib.crm.import_files import (
    MAX_BYTES,
    MAX_LINES,
    FileKind,
    FileTooLong,
    UnexpectedColumns,
    UnreadableFile,
    read_file,
)
from chalicelib.crm.importing import import_leads
from chalicelib.crm.leads import InvalidLead, create_lead, delete_lead, update_lead
from chalicelib.crm.suppression import list_marks, resubscribe
from chalicelib.model.ids import LeadId
from chalicelib.model.suppression import Resubscription
from chalicelib.store.client import InvalidPosition
from chalicelib.store.leads import IdentityTaken, LeadNotFound

_FILES: dict[str, FileKind] = {"text/csv": "csv", "application/x-ndjson": "ndjson", "application/ndjson": "ndjson"}

leads = Resource(
    "leads",
    errors={
        InvalidLead: ProblemType(
            422, "invalid-lead", "The lead is not valid", lambda error: field_errors(error.errors)
        ),
        LeadNotFound: ProblemType(404, "lead-not-found", "There is no such lead"),
        IdentityTaken: ProblemType(
            409,
            "lead-exists",
            "There is such a lead already",
            lambda error: {
                "lead_id": error.owner,
                **field_errors([(error.field, "belongs to another lead of this entity")]),
            },
        ),
        FileTooLong: ProblemType(413, "file-too-long", "The file is too long for one request"),
        UnexpectedColumns: ProblemType(
            400, "unexpected-columns", "The file has unexpected columns", lambda error: field_errors(error.errors)
        ),
        UnreadableFile: ProblemType(
            400, "unreadable-file", "The file cannot be read", lambda error: field_errors(error.errors)
        ),
    },
)


@leads.operation(
    "POST",
    "/v1/leads",
    summary="Make a lead",
    body=NewLead,
    answers={201: LeadAnswer},
    raises=(InvalidLead, IdentityTaken),
)
def create_one_lead(call: Call) -> Answer:
    lead = create_lead(call.context.leads, call.body(NewLead).said(), call.context.now())
    return call.created(LeadAnswer.of(lead), lead.lead_id)


@leads.operation(
    "POST",
    "/v1/leads/import",
    summary=f"Import leads from a file of at most {MAX_LINES:,} lines and {MAX_BYTES >> 20} MB",
    query=ImportQuery,
    content_types=tuple(_FILES),
    answers={200: ImportAnswer},
    raises=(FileTooLong, UnexpectedColumns, UnreadableFile),
)
def import_file(call: Call) -> Answer:
    """The file is the body: CSV with a header, or NDJSON, in UTF-8. Good lines are kept, the others reported.

    A lead is recognised by its external id, else its address; a line with neither, by its whole content. An empty cell
    clears the field, an absent column leaves it alone. Columns that are not a lead's own become custom fields, and the
    answer names them. Nobody is unsubscribed or subscribed by an import. A longer file comes in pieces, of which each
    CSV piece has the header.
    """
    as_it_is = call.query(ImportQuery).address == "none"
    file = read_file(read_bytes(call.request), _FILES[media_type(call.request)], as_it_is=as_it_is)
    return ok(ImportAnswer.of(import_leads(call.context.leads, file, call.context.now())))


@leads.operation(
    "GET",
    "/v1/leads",
    summary="List leads",
    query=LeadQuery,
    answers={200: Page[LeadAnswer]},
    raises=(InvalidPosition,),
)
def list_leads(call: Call) -> Answer:
    """In a stable order of no meaning. A page may be short, even empty, while there is a cursor to go on with."""
    query = call.query(LeadQuery)
    found, following = call.context.leads.list_page(
        entity=query.entity,
        stage=query.stage,
        tag=query.tag,
        q=query.q,
        limit=query.limit,
        cursor=query.position(),
    )
    return ok(Page[LeadAnswer](items=[LeadAnswer.of(lead) for lead in found], cursor=query.cursor_to(following)))


@leads.operation("GET", "/v1/leads/{lead_id}", summary="Read a lead", answers={200: LeadAnswer}, raises=(LeadNotFound,))
def get_lead(call: Call, lead_id: str) -> Answer:
    return ok(LeadAnswer.of(call.context.leads.get(LeadId(lead_id))))


@leads.operation(
    "PATCH",
    "/v1/leads/{lead_id}",
    summary="Change a lead",
    body=LeadPatch,
    content_types=("application/json", "application/merge-patch+json"),
    answers={200: LeadAnswer},
    raises=(InvalidLead, LeadNotFound, IdentityTaken),
)
def update_one_lead(call: Call, lead_id: str) -> Answer:
    """Two changes at once both hold."""
    said = call.body(LeadPatch).said()
    return ok(LeadAnswer.of(update_lead(call.context.leads, LeadId(lead_id), said, call.context.now())))


@leads.operation("DELETE", "/v1/leads/{lead_id}", summary="Remove a lead", answers={204: None}, raises=(LeadNotFound,))
def delete_one_lead(call: Call, lead_id: str) -> Answer:
    """What was sent to it stays in the campaigns' numbers."""
    delete_lead(call.context.leads, LeadId(lead_id))
    return no_content()


@leads.operation(
    "GET",
    "/v1/leads/{lead_id}/suppressions",
    summary="Read why a lead is not mailed",
    answers={200: SuppressionsAnswer},
    raises=(LeadNotFound,),
)
def list_suppressions(call: Call, lead_id: str) -> Answer:
    """What keeps the lead, or everybody with its address, from being mailed; empty for one that may be mailed."""
    marks = list_marks(call.context.leads, LeadId(lead_id))
    return ok(SuppressionsAnswer(items=[SuppressionAnswer.model_validate(mark) for mark in marks]))


@leads.operation(
    "POST",
    "/v1/leads/{lead_id}/unsubscribe",
    summary="Send a lead no more mail",
    answers={202: LeadAnswer},
    raises=(LeadNotFound,),
)
def unsubscribe_lead(call: Call, lead_id: str) -> Answer:
    known = call.context.leads.get(LeadId(lead_id)).lead_id
    call.context.leads.unsubscribe(known, at=call.context.now(), source="api")
    return accepted(LeadAnswer.of(call.context.leads.get(known)))


@leads.operation(
    "POST",
    "/v1/leads/{lead_id}/resubscribe",
    summary="Send a lead mail again",
    body=ResubscribeBody,
    answers={202: LeadAnswer},
    raises=(LeadNotFound,),
)
def resubscribe_lead(call: Call, lead_id: str) -> Answer:
    """Whatever kept it away: its leaving, a complaint or a bounce. Do this only when the lead has asked for it.

    The reason and the name of the API token that asked stand on the lead's timeline.
    """
    context, who = call.context, caller(call.request)
    allowed = Resubscription(context.now(), who.name, call.body(ResubscribeBody).reason)
    return accepted(LeadAnswer.of(resubscribe(context.leads, context.resubscriptions, LeadId(lead_id), allowed)))
