"""A person's data: all of it as one document, and erasing it."""

from typing import Literal

from pydantic import Field

from chalicelib.api.http.answers import AnswerModel, Moment
from chalicelib.api.http.authentication import caller
from chalicelib.api.http.paging import PageQuery
from chalicelib.api.http.requests import RequestModel, deadline
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.api.leads import LeadAnswer, SuppressionAnswer
from chalicelib.api.timeline import TimelineItem, shown_events
from chalicelib.crm.erasure import NotConfirmed
from chalicelib.crm.suppression import list_marks
from chalicelib.model.ids import LeadId

privacy = Resource("privacy", "/v1/leads/{lead_id}")

_DELIVERIES = 200
"""Of one part of an export, as of a timeline's page: with links and evidence they stay below an answer's 6 MB."""
_SECONDS = 15
"""After which the rest of an erasure is left to the queue; a request has 29."""


class PersonQuery(PageQuery):
    limit: int = Field(default=_DELIVERIES, ge=1, le=_DELIVERIES, description="How many deliveries at most.")


class IdentityAnswer(AnswerModel):
    """What the lead is recognised by."""

    entity: str
    kind: Literal["email", "external", "content"]
    value: str


class PersonAnswer(AnswerModel):
    exported_at: Moment
    lead: LeadAnswer
    updated_at: Moment
    unsubscribed_at: Moment | None
    identities: list[IdentityAnswer]
    suppressions: list[SuppressionAnswer]
    timeline: list[TimelineItem] = Field(
        description="Every delivery with its links and evidence, what rules did, and what people did."
    )
    same_address: list[str] = Field(description="Ids of other leads with this address: they are apart.")
    cursor: str | None = Field(description="Null, or where an older part of the timeline starts.")


class ErasureBody(RequestModel):
    confirm: str = Field(description="The lead's email address; its id if it has none or was deleted.")


class ErasureAnswer(AnswerModel):
    lead_id: str
    erased_at: Moment
    by: str = Field(description="The name of the API token that asked for it first.")
    complete: bool = Field(description="False: the rest follows in the background, within minutes.")
    same_address: list[str] = Field(description="Ids of leads that still have this address.")


@Operation(privacy, "GET", "/export", PersonAnswer, query=PersonQuery)
def export_person(call: Call, lead_id: LeadId) -> object:
    """Export everything known of a lead.

    One document. Of somebody with more than 200 deliveries it has the newest, and `cursor` leads to the others.
    """
    query, context = call.query(PersonQuery), call.context
    lead = context.leads.get(lead_id)
    events, following = shown_events(call, lead, query)
    return {
        "exported_at": context.now(),
        "lead": lead,
        "updated_at": lead.updated_at,
        "unsubscribed_at": lead.unsubscription and lead.unsubscription.at,
        "identities": sorted(lead.identities),
        "suppressions": list_marks(context.leads, lead_id),
        "timeline": events,
        "same_address": _others(call, lead.email, lead_id),
        "cursor": query.cursor_to(following),
    }


@Operation(privacy, "POST", "/erase", ErasureAnswer, status=202, body=ErasureBody, raises=[NotConfirmed])
def erase_person(call: Call, lead_id: LeadId) -> object:
    """Erase a lead.

    The lead goes, and with it the address, names, fields, subjects and personal links of its deliveries, what rules
    did, and reasons of resubscriptions. All numbers stay. If the address is suppressed, a keyed hash of it is kept, so
    that it is not mailed when it comes again. May be repeated. This cannot be undone.
    """
    context, said = call.context, call.body(ErasureBody).confirm
    by, is_late = caller(call.request).name, deadline(_SECONDS)
    erasure, is_complete = context.eraser.erase(lead_id, said, by, context.now(), is_late)
    return {
        "lead_id": lead_id,
        "erased_at": erasure.at,
        "by": erasure.by,
        "complete": is_complete,
        "same_address": _others(call, said if "@" in said else None, lead_id),
    }


def _others(call: Call, address: str | None, lead_id: LeadId) -> list[LeadId]:
    """Other leads with the address, in other business lines."""
    owners = call.context.leads.suppressions.list_owners(address.strip()) if address else []
    return sorted(each for each in owners if each != lead_id)
