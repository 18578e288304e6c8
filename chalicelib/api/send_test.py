"""POST /v1/campaigns/{id}/test: a campaign's mail to a few addresses, marked and never counted."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.api.campaigns import CAMPAIGN_NOT_FOUND, NOT_RENDERED
from chalicelib.api.http.answers import Answer, ok
from chalicelib.api.http.problems import ProblemType, field_errors
from chalicelib.api.http.requests import RequestModel
from chalicelib.api.http.resources import Call, Resource
from chalicelib.campaigns.lifecycle import CampaignNotFound
from chalicelib.campaigns.send_test import MAX_ADDRESSES, InvalidAddresses, Outcome
from chalicelib.content.errors import ContentInvalid, RenderFailed
from chalicelib.model.ids import CampaignId, LeadId
from chalicelib.store.leads import LeadNotFound

test_send = Resource(
    "campaigns",
    errors=CAMPAIGN_NOT_FOUND
    | NOT_RENDERED
    | {
        InvalidAddresses: ProblemType(
            422,
            "invalid-addresses",
            "Some addresses cannot be sent to",
            lambda error: field_errors((f"to[{place}]", reason) for place, reason in error.faults),
        ),
    },
)


class TestBody(RequestModel):
    to: Annotated[
        list[str], Field(min_length=1, max_length=MAX_ADDRESSES, description="Addresses; need not be leads'.")
    ]
    lead_id: Annotated[str | None, Field(description="Whose merge fields to fill in, or defaults.")] = None


class TestResult(BaseModel):
    """What became of one address's mail. `detail` holds the mail service's words when it was not sent."""

    model_config = ConfigDict(from_attributes=True)

    email: str
    outcome: Outcome
    detail: str | None


class TestAnswer(BaseModel):
    results: Annotated[list[TestResult], Field(description="One for each address, in their order.")]


@test_send.operation(
    "POST",
    "/v1/campaigns/{campaign_id}/test",
    summary="Send a campaign to test addresses",
    body=TestBody,
    answers={200: TestAnswer},
    raises=(InvalidAddresses, CampaignNotFound, LeadNotFound, ContentInvalid, RenderFailed),
)
def test_campaign(call: Call, campaign_id: str) -> Answer:
    """The real mail, marked in its subject and headers. Its pixel and links work and never count; the campaign stays
    as it is. Addresses are tried one after the other, and each has its own outcome.
    """
    asked, context = call.body(TestBody), call.context
    draft = context.drafts.get(CampaignId(campaign_id))
    lead = None if asked.lead_id is None else context.leads.get(LeadId(asked.lead_id))
    results = context.mail_tester.send(draft, lead, asked.to, context.now())
    return ok(TestAnswer(results=[TestResult.model_validate(result) for result in results]))
