"""Many leads at once: count them, change them piece by piece, export them as CSV."""

from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field

from chalicelib.api.http.answers import Answer, AnswerModel
from chalicelib.api.http.authentication import caller
from chalicelib.api.http.paging import DelimiterQuery
from chalicelib.api.http.requests import SEVERAL, InvalidBody, InvalidParameters, RequestModel, deadline
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.api.leads import LeadFilterBody, LeadQuery
from chalicelib.crm import lead_export
from chalicelib.crm.bulk import BulkAction, BulkChange
from chalicelib.crm.import_rows import MAX_COLUMNS
from chalicelib.crm.lead_input import LEAD_NAMES, InvalidLead
from chalicelib.model.csv_text import MEDIA_TYPE
from chalicelib.model.errors import Fault, InvalidPosition
from chalicelib.model.ids import LeadId
from chalicelib.model.lead import LeadFilter

lead_lists = Resource("many leads")

_SURVEY_SECONDS = 15
_MOST_FIELDS = MAX_COLUMNS - len(LEAD_NAMES)
_MOST_LINK_CHARACTERS = 6_000
"""API Gateway passes 10,240 bytes of headers."""


class CountQuery(LeadFilterBody):
    """Parameters, which the description does not name as a schema."""


class LeadCountAnswer(AnswerModel):
    total: int
    at_least: bool = Field(description="There may be more: too many to be counted in one request.")


class BulkBody(RequestModel):
    lead_ids: list[LeadId] | None = Field(default=None, min_length=1, max_length=100, description="These leads.")
    filter: LeadFilterBody | None = Field(
        default=None, description="Instead of `lead_ids`: all leads that match; `{}`: all there are."
    )
    action: BulkAction
    stage: str | None = Field(default=None, description="For `change_stage`.")
    tags: list[str] | None = Field(default=None, min_length=1, description="For `add_tag` and `remove_tag`.")
    cursor: str | None = Field(
        default=None, max_length=2_000, description="With a filter: the `cursor` of the previous piece."
    )

    def change(self, by: str) -> BulkChange:
        """Raises InvalidBody also for a member that another action would read: `delete` with a stage is a mistake."""
        belongs = {BulkAction.CHANGE_STAGE: "stage", BulkAction.ADD_TAG: "tags", BulkAction.REMOVE_TAG: "tags"}
        needed = belongs.get(self.action)
        faults = []
        for name, value in (("stage", self.stage), ("tags", self.tags)):
            if (value is None) == (name == needed):
                faults.append(Fault(name, "is required" if name == needed else f"is not for {self.action}"))
        if (self.lead_ids is None) == (self.filter is None):
            faults.append(Fault("filter", "or lead_ids is required, and not both"))
        if self.cursor is not None and self.filter is None:
            faults.append(Fault("cursor", "is for a filter"))
        if faults:
            raise InvalidBody(faults)
        return BulkChange(self.action, self.stage or "", self.tags or (), by)


class FailureAnswer(AnswerModel):
    """Without personal data: it is kept with the answer for its Idempotency-Key."""

    lead_id: LeadId
    reason: str


class BulkAnswer(AnswerModel):
    changed: int
    unchanged: int = Field(description="It was so already, or the lead no longer matches the filter.")
    failed: list[FailureAnswer]
    cursor: str | None = Field(description="Where the next piece begins; null when all are done.")


class LeadExportQuery(DelimiterQuery, LeadQuery):
    limit: int = Field(default=2_000, ge=1, le=2_000, description="How many lines at most.")
    """What does not fit into a part is read again for the next: leads have 500 bytes, but may have 17 KB."""
    fields: Annotated[list[str] | None, SEVERAL] = Field(
        default=None,
        description="The custom fields to have as columns, in this order. Absent: all that the leads have.",
    )


@Operation(lead_lists, "GET", "/v1/lead-count", LeadCountAnswer, query=CountQuery)
def count_leads(call: Call) -> object:
    """Count leads."""
    return call.context.leads.count(call.query(CountQuery).wanted(), deadline(_SURVEY_SECONDS))


@Operation(lead_lists, "POST", "/v1/leads/bulk", BulkAnswer, body=BulkBody, raises=[InvalidLead, InvalidPosition])
def change_many_leads(call: Call) -> object:
    """Change many leads in the same way.

    With `lead_ids`, all of these. With `filter`, a piece of about 500 of those that match: repeat the request with the
    answer's `cursor` until that is null. Every lead is changed as if alone. Repeating a request does no harm, and
    with an Idempotency-Key its answer is the first one's.

    `unsubscribe` holds for the leads and their addresses. `delete` keeps suppressions, and the mails sent stay in the
    campaigns' numbers.
    """
    body, context = call.body(BulkBody), call.context
    change = body.change(caller(call.request).name)
    if body.filter is None:
        report, cursor = context.bulk_editor.change_some(body.lead_ids or (), change, context.now()), None
    else:
        page = LeadQuery(**body.filter.model_dump(), cursor=body.cursor)
        report, position = context.bulk_editor.change_matching(page.wanted(), change, context.now(), page.position())
        cursor = page.cursor_to(position)
    return {"changed": report.changed, "unchanged": report.unchanged, "failed": report.failed, "cursor": cursor}


@Operation(lead_lists, "GET", "/v1/leads.csv", query=LeadExportQuery, answer_type=MEDIA_TYPE)
def export_leads(call: Call) -> Answer:
    """Export leads as CSV.

    A part of the file, at most 2,000 lines; if there is more, a header links to it, as in the export of deliveries. The
    columns are those of an import, which changes nothing if it reads this file, except that numbers, true and false
    become texts; it ignores `mailing_status`, which says whether a lead may be mailed. To find all custom fields, the
    first request looks through the leads.
    """
    query, context = call.query(LeadExportQuery), call.context
    wanted, position = query.wanted(), query.position()
    if query.fields is None:
        query = query.model_copy(update={"fields": _all_fields(call, wanted)})
    fields = [name for name in query.fields or () if name]
    found, following = context.leads.list_page(wanted, limit=query.limit, cursor=position)
    text, written = lead_export.lines(found, fields, query.delimiter)
    if written < len(found):
        following = context.leads.position_after(found[written - 1], wanted)
    if position is None:
        text = lead_export.header(fields, query.delimiter) + text
    headers = {"Content-Disposition": 'attachment; filename="leads.csv"', **query.link_to(following)}
    return Answer(200, text, headers, f"{MEDIA_TYPE}; charset=utf-8")


def _all_fields(call: Call, wanted: LeadFilter) -> list[str]:
    """The custom fields of all leads that match, the most frequent first; [""] if there are none."""
    fields, is_whole = call.context.leads.fields_of(wanted, deadline(_SURVEY_SECONDS))
    names = sorted(fields, key=lambda name: (-fields[name], name))
    if not is_whole:
        raise InvalidParameters([Fault("fields", "is required: there are too many leads to look through them for it")])
    if len(names) > _MOST_FIELDS or len(urlencode({"fields": names}, doseq=True)) > _MOST_LINK_CHARACTERS:
        reason = f"is required: these leads have {len(names)} custom fields, more than one file takes"
        raise InvalidParameters([Fault("fields", reason)])
    return names or [""]
