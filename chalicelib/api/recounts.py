"""Recounts of a campaign: begun by request, done in the background by analytics/recount.py."""

from pydantic import Field

from chalicelib.analytics import recount
from chalicelib.api.http.answers import AnswerModel, Moment
from chalicelib.api.http.resources import Call, Operation, Resource
from chalicelib.model.errors import Missing
from chalicelib.model.ids import CampaignId
from chalicelib.store.recounts import RecountState

recounts = Resource("recounts", "/v1/campaigns/{campaign_id}")


class RecountNotFound(Missing, problem="recount-not-found", title="There is no recount of this campaign"):
    """The campaign was never recounted."""


class RecountAnswer(AnswerModel):
    """A campaign's last recount."""

    state: RecountState = Field(description="given_up: too many hits came in; the numbers are unchanged.")
    progress: float = Field(description="How much of the campaign is counted, from 0 to 1.")
    asked_at: Moment
    finished_at: Moment | None
    repaired: bool | None = Field(description="Whether any number was wrong; null until it is done.")
    before: dict[str, int] | None = Field(description="The totals before; null until it is done.")
    after: dict[str, int] | None = Field(description="The totals after; null until it is done.")


@Operation(recounts, "POST", "/recount", RecountAnswer, status=202)
def begin_recount(call: Call, campaign_id: CampaignId) -> object:
    """Recount a campaign.

    Compares the numbers with the deliveries themselves and corrects them, in the background.

    `GET` the same address for its progress. Asking again while it runs resumes it; after an hour it starts over. A
    small campaign takes about fifteen seconds. While hits come in fast it is retried for 80 minutes, and then given up.
    """
    context = call.context
    known = context.campaigns.get(campaign_id).campaign_id
    return recount.begin_recount(known, context.now(), context.recounts, context.plans, context.plan_queue)


@Operation(recounts, "GET", "/recount", RecountAnswer, raises=[RecountNotFound])
def get_recount(call: Call, campaign_id: CampaignId) -> object:
    """Read the progress of a campaign's recount.

    The last one; 404 if there was none.
    """
    campaign = call.context.campaigns.get(campaign_id)
    job = call.context.recounts.find(campaign.campaign_id)
    if job is None:
        raise RecountNotFound("It was never recounted.")
    return job
