"""/v1/leads: create, read, change, delete, unsubscribe. The models check types only; crm/ has the rules."""

from typing import Annotated, cast

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from chalicelib.api.http.answers import MERGE_PATCH, AnswerModel, Moment
from chalicelib.api.http.authentication import caller
from chalicelib.api.http.paging import Page, PageQuery
from chalicelib.api.http.requests import RequestModel, one_line
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.crm.lead_groups import list_groups
from chalicelib.crm.lead_input import InvalidLead, LeadInput
from chalicelib.crm.leads import create_lead, delete_lead, update_lead
from chalicelib.crm.suppression import resubscribe, suppressions_of
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import FieldValue, Lead, LeadFilter, LeadStatus
from chalicelib.model.suppression import Resubscription, SuppressionReason
from chalicelib.store.leads import IdentityTaken

leads = Resource("leads")

_REFUSED = (InvalidLead, IdentityTaken)


def _scalar(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    try:
        return validate(value)
    except ValidationError:
        # Else there is one error per member of the union, for fields that nobody sent.
        raise PydanticCustomError("scalar", "must be text, a number, true or false") from None


Scalar = Annotated[FieldValue, WrapValidator(_scalar)]


class LeadPatch(RequestModel):
    """What to change. Absent members stay; null clears. `fields` is merged; a null in it removes that field."""

    external_id: str | None = None
    entity: str = ""
    stage: str = ""
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    tags: list[str] | None = None
    fields: dict[str, Scalar | None] | None = None
    tracking_opt_out: bool | None = Field(default=None, description="Future mails have no pixel and no tracked links.")

    def said(self) -> LeadInput:
        return cast(LeadInput, self.model_dump(exclude_unset=True))


class NewLead(LeadPatch):
    """A new lead. The email is optional; a lead without one cannot be mailed."""

    entity: str = Field(description="Which business line.")
    stage: str = Field(description="Pipeline stage.")


class LeadFilterBody(RequestModel):
    """Which leads are meant. Without any member: all."""

    entity: str | None = Field(default=None, description="Only leads of this business line.")
    stage: str | None = Field(default=None, description="Only leads in this pipeline stage.")
    tag: str | None = Field(default=None, description="Only leads that have this tag.")
    q: str | None = Field(
        default=None,
        max_length=200,
        description="Searched for in names, address, external id and the first 40 characters of each custom "
        "field, ignoring case and accents.",
    )
    status: LeadStatus | None = Field(
        default=None, description="Only leads that may be mailed (`subscribed`), or may not, for this reason."
    )

    def wanted(self) -> LeadFilter:
        return LeadFilter(self.entity, self.stage, self.tag, self.q, self.status)


class LeadQuery(PageQuery, LeadFilterBody):
    """A page of them."""


Reason = Annotated[str, *one_line(500), Field(description="Why; one line.")]


class ResubscribeBody(RequestModel):
    reason: Reason = Field(
        description="Why the lead may be mailed again, such as when and how it asked for it; one line."
    )


class LeadAnswer(AnswerModel):
    lead_id: str
    external_id: str | None
    entity: str
    stage: str
    email: str | None
    first_name: str | None
    last_name: str | None
    tags: list[str]
    fields: dict[str, FieldValue]
    unsubscribed: bool
    mailing_status: Annotated[
        list[LeadStatus], Field(description="`subscribed`, or why the lead may not be mailed: one reason or two.")
    ]
    tracking_opt_out: bool
    created_at: Moment


class SuppressionAnswer(AnswerModel):
    """One thing that keeps a lead from being mailed."""

    reason: SuppressionReason
    source: str = Field(description="`link`, `one_click`, `api`, `complaint`, `bounce` or `import`.")
    campaign_id: str | None = Field(description="The campaign whose mail it was; null if none.")
    by: str | None = Field(description="The name of the API token that unsubscribed it or listed it.")
    note: str | None = Field(description="... and the reason that was given.")
    at: Moment


class SuppressionsAnswer(AnswerModel):
    items: list[SuppressionAnswer]
    elsewhere: dict[str, Moment] = Field(
        description="When the address unsubscribed from other entities. That does not keep this one from mailing it."
    )
    cursor: None = None


class NamedCount(AnswerModel):
    name: str
    leads: int = Field(description="How many of the sampled leads have it.")


class FieldAnswer(AnswerModel):
    name: str
    leads: int = Field(description="How many of the leads sampled have this custom field.")
    samples: list[str] = Field(description="One or two of its values, at most 40 characters of each.")


class GroupAnswer(AnswerModel):
    entity: str
    leads: int
    stages: list[NamedCount]
    tags: list[NamedCount]
    fields: list[FieldAnswer]


class GroupsAnswer(AnswerModel):
    items: list[GroupAnswer]
    cursor: None = None
    looked_at: int = Field(description="How many leads were sampled.")
    is_whole: bool = Field(description="False: there are more leads, and maybe further names.")


@Operation(leads, "POST", "/v1/leads", LeadAnswer, status=201, body=NewLead, raises=_REFUSED)
def create_one_lead(call: Call) -> Lead:
    """Create a lead."""
    return create_lead(call.context.leads, call.body(NewLead).said(), call.context.now())


@Operation(leads, "GET", "/v1/leads", Page[LeadAnswer], query=LeadQuery)
def list_leads(call: Call) -> object:
    """List leads.

    In a stable but arbitrary order. A page may be short, or even empty, and still have a cursor.
    """
    query = call.query(LeadQuery)
    found = call.context.leads.list_page(query.wanted(), limit=query.limit, cursor=query.position())
    return query.page(*found)


@Operation(leads, "GET", "/v1/leads/{lead_id}", LeadAnswer)
def get_lead(call: Call, lead_id: LeadId) -> Lead:
    """Read a lead."""
    return call.context.leads.get(lead_id)


@Operation(
    leads, "PATCH", "/v1/leads/{lead_id}", LeadAnswer, body=LeadPatch, content_types=MERGE_PATCH, raises=_REFUSED
)
def update_one_lead(call: Call, lead_id: LeadId) -> Lead:
    """Change a lead.

    Concurrent changes of different fields are all kept.
    """
    return update_lead(call.context.leads, lead_id, call.body(LeadPatch).said(), call.context.now())


@Operation(leads, "DELETE", "/v1/leads/{lead_id}", status=204)
def delete_one_lead(call: Call, lead_id: LeadId) -> None:
    """Delete a lead.

    Mails sent to it stay in the campaigns' numbers.
    """
    delete_lead(call.context.leads, lead_id)


@Operation(leads, "GET", "/v1/leads/{lead_id}/suppressions", SuppressionsAnswer)
def list_suppressions(call: Call, lead_id: LeadId) -> object:
    """Read why a lead is not mailed.

    Suppressions of the lead, or of everybody with its address; empty for a lead that may be mailed.
    """
    found = suppressions_of(call.context.leads, lead_id)
    return {"items": found.marks, "elsewhere": {entity: mark.at for entity, mark in found.elsewhere.items()}}


@Operation(leads, "POST", "/v1/leads/{lead_id}/unsubscribe", LeadAnswer, status=202)
def unsubscribe_lead(call: Call, lead_id: LeadId) -> Lead:
    """Unsubscribe a lead."""
    leads, by = call.context.leads, caller(call.request).name
    known = leads.get(lead_id).lead_id
    leads.unsubscribe(known, at=call.context.now(), source="api", by=by)
    return leads.get(known)


@Operation(leads, "POST", "/v1/leads/{lead_id}/resubscribe", LeadAnswer, status=202, body=ResubscribeBody)
def resubscribe_lead(call: Call, lead_id: LeadId) -> Lead:
    """Resubscribe a lead.

    Also after a complaint or a bounce. Do this only when the lead has asked for it.

    The reason and the name of the API token are shown on the lead's timeline.
    """
    context, who = call.context, caller(call.request)
    allowed = Resubscription(context.now(), who.name, call.body(ResubscribeBody).reason)
    return resubscribe(context.leads, context.resubscriptions, lead_id, allowed)


@Operation(leads, "GET", "/v1/lead-groups", GroupsAnswer)
def list_lead_groups(call: Call) -> object:
    """List the entities, stages, tags and custom fields in use.

    Most frequent first, from a sample of about two thousand leads.
    """
    found = list_groups(call.context.leads)
    return {"items": found.groups, "looked_at": found.looked_at, "is_whole": found.is_whole}
