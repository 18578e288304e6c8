"""Bodies and parameters of the leads' operations. Types only: what a lead may say is crm's to decide."""

from datetime import datetime
from typing import Annotated, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from chalicelib.api.http.paging import PageQuery
from chalicelib.api.http.requests import RequestModel
from chalicelib.crm.importing import ImportReport
from chalicelib.crm.leads import LeadInput
from chalicelib.model.lead import FieldValue, Lead
from chalicelib.model.suppression import SuppressionReason
from chalicelib.model.times import time_text

MAX_REASON = 500
"""Characters of a reason for a resubscription."""

Moment = Annotated[
    datetime, PlainSerializer(time_text, return_type=str), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A time in UTC with milliseconds: 2026-12-01T08:00:00.000Z."""


def _scalar(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    try:
        return validate(value)
    except ValidationError:
        # Else there is one error per member of the union, for fields that nobody sent.
        raise PydanticCustomError("scalar", "must be text, a number, true or false") from None


Scalar = Annotated[FieldValue, WrapValidator(_scalar)]


class LeadPatch(RequestModel):
    """What to change. Absent: left alone; null: cleared. `fields` is merged, a null in it removes that field."""

    external_id: str | None = None
    entity: str = ""
    stage: str = ""
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    tags: list[str] | None = None
    fields: dict[str, Scalar | None] | None = None
    tracking_opt_out: Annotated[
        bool | None, Field(description="Mails sent from now on carry no pixel and no tracked links.")
    ] = None

    def said(self) -> LeadInput:
        return cast(LeadInput, self.model_dump(exclude_unset=True))


class NewLead(LeadPatch):
    """A lead to make. Without an email it is legal, and cannot be mailed."""

    entity: str = Field(description="Which business line.")
    stage: str = Field(description="Pipeline stage.")


class LeadQuery(PageQuery):
    entity: Annotated[str | None, Field(description="Only leads of this business line.")] = None
    stage: Annotated[str | None, Field(description="Only leads in this pipeline stage.")] = None
    tag: Annotated[str | None, Field(description="Only leads that have this tag.")] = None
    q: Annotated[
        str | None,
        Field(max_length=200, description="Looked for in names, address and external id, whatever the case."),
    ] = None


class ImportQuery(RequestModel):
    address: Annotated[
        Literal["none"] | None,
        Field(
            description="`none`: the file is meant as it is, although it has no column `email`, or columns that only "
            "look like known ones (`E-Mail`, `First Name`); those become custom fields."
        ),
    ] = None


class LineErrorAnswer(BaseModel):
    """What is wrong with one line of an import; `field` is null when it is the line as a whole."""

    line: int
    field: str | None
    reason: str


class ImportAnswer(BaseModel):
    created: int
    updated: int
    unchanged: int
    errors: list[LineErrorAnswer]
    custom_fields: Annotated[list[str], Field(description="Columns that are not a lead's own.")]

    @classmethod
    def of(cls, report: ImportReport) -> Self:
        errors = [LineErrorAnswer.model_construct(**error._asdict()) for error in report.errors]
        return cls(
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
            errors=errors,
            custom_fields=report.custom_fields,
        )


def _one_line(text: str) -> str:
    line = text.strip()
    if not 0 < len(line) <= MAX_REASON or not line.isprintable():
        raise PydanticCustomError("line", f"must be one line of 1 to {MAX_REASON} characters")
    return line


class ResubscribeBody(RequestModel):
    reason: Annotated[
        str,
        AfterValidator(_one_line),
        Field(
            description="Why mail to the lead is allowed again, such as when and how it asked for it: one line.",
            json_schema_extra={"minLength": 1, "maxLength": MAX_REASON},
        ),
    ]


class SuppressionAnswer(BaseModel):
    """One thing that keeps a lead from being mailed."""

    model_config = ConfigDict(from_attributes=True)

    reason: SuppressionReason
    source: Annotated[str, Field(description="`link`, `one_click`, `api`, `complaint` or `bounce`.")]
    campaign_id: Annotated[str | None, Field(description="By whose mail; null where it was by none.")]
    at: Moment


class SuppressionsAnswer(BaseModel):
    items: list[SuppressionAnswer]
    cursor: None = None


class LeadAnswer(BaseModel):
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
    tracking_opt_out: bool
    created_at: Moment

    @classmethod
    def of(cls, lead: Lead) -> Self:
        return cls.model_construct(
            lead_id=lead.lead_id,
            external_id=lead.external_id,
            entity=lead.entity,
            stage=lead.stage,
            email=lead.email,
            first_name=lead.first_name,
            last_name=lead.last_name,
            tags=list(lead.tags),
            fields=dict(lead.fields),
            unsubscribed=lead.unsubscribed,
            tracking_opt_out=lead.tracking_opt_out,
            created_at=lead.created_at,
        )
